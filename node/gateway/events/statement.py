"""Makes event statements: what is said of a deposit later, attested here or brought signed.

What was deposited never changes. An event's details stay off the chain, each value with a salt of
its own, all under one more; on the chain is their digest (`node.evidence.events`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.evidence.events import details_digest
from node.evidence.item import (
    SALT_SIZE,
    VALUE_SALT_SIZE,
    DetailValue,
    format_details,
    parse_details,
)
from node.evidence.keys import BadSignature, PublicKey, Signature, Signer
from node.evidence.malformed import Malformed
from node.evidence.policy import RULES_MAX
from node.evidence.receipt import issue
from node.evidence.record import StatementRecord, check_statement, format_record
from node.evidence.sm2 import Sm2Missing
from node.evidence.statement import (
    NONCE_SIZE,
    Event,
    Subject,
    format_statement,
    parse_statement,
    statement_id,
)
from node.gateway.clock import Clock
from node.gateway.deposits.statement import Random
from node.gateway.events.problems import EventProblem
from node.gateway.http.problems import Problem, ProblemError
from node.offchain.events import EventOpening
from node.vault.keepsake import Submitter, submitter_commitment

_FIXED = ("alg", "algs", "commitment", "count", "digest", "digests", "evidence_no", "items_root")
IMMUTABLE = frozenset(
    [*_FIXED, "mode", "salt", "sha256", "sha384", "size", "size_bytes", "sm3", "statement"]
)
"""Names, also as parts of dotted ones, that would be a correction of what was deposited."""


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """An event statement ready to be stored and proposed; while it `awaits` the signature of
    another gateway's key, `record` is the bare statement."""

    statement_id: bytes
    event: Event
    record: bytes
    opening: EventOpening
    awaits: PublicKey | None = None


class EventPreparer:
    """Turns requests into records, under one gateway key, for one chain."""

    def __init__(self, origin: str, signer: Signer, clock: Clock, random: Random) -> None:
        self._origin = origin
        self._signer = signer
        self._clock = clock
        self._random = random

    @property
    def key(self) -> PublicKey:
        """What this gateway signs with."""
        return self._signer.public

    def attest(
        self,
        identity: bytes,
        kind: str,
        subject: Subject,
        details: Mapping[str, DetailValue],
        key: PublicKey | None = None,
    ) -> PreparedEvent:
        """An event for the account that has this identity record: signed, or still to be signed by
        the gateway that has this key."""
        _check_mutable(kind, details)
        now = self._clock()
        salted = {key: (self._random(VALUE_SALT_SIZE), value) for key, value in details.items()}
        try:
            canonical = format_details(salted)
        except Malformed as error:
            raise ProblemError(Problem.DETAILS_REFUSED, why=error) from error
        salt = self._random(SALT_SIZE)
        submitter = Submitter(self._random(SALT_SIZE), identity)
        event = Event(
            origin=self._origin,
            key=key or self.key,
            nonce=self._random(NONCE_SIZE),
            claimed_at=now,
            type=kind,
            details=details_digest(salt, canonical),
            subject=subject,
            submitter=submitter_commitment(submitter),
        )
        statement, opening = format_statement(event), EventOpening(salt, canonical, submitter)
        if event.key != self.key:
            return PreparedEvent(statement_id(statement), event, statement, opening, event.key)
        return self._prepared(event, statement, self._signer.sign(statement), opening)

    def sign(self, statement: bytes, opening: EventOpening) -> PreparedEvent:
        """An event that another gateway has prepared for this one's key, judged as if asked for
        here; raises `ProblemError`."""
        event, details = self._parse(statement), _parse_details(opening)
        if event.key != self.key:
            raise ProblemError(EventProblem.EVENT_OTHER_KEY, key=event.key.text)
        if details_digest(opening.salt, opening.details) != event.details:
            raise ProblemError(EventProblem.EVENT_BODY, why="it does not open `details`")
        _check_mutable(event.type, details)
        return self._prepared(event, statement, self._signer.sign(statement), opening)

    def countersign(
        self, kind: str, subject: Subject, own: tuple[bytes, Signature], opening: EventOpening
    ) -> PreparedEvent:
        """An event somebody else signed, with this gateway's receipt."""
        statement, signature = own
        event = self._parse(statement)
        if event.type != kind:
            raise ProblemError(EventProblem.EVENT_OTHER_SUBJECT, why=f"type is not {kind}")
        if event.subject != subject:
            raise ProblemError(EventProblem.EVENT_OTHER_SUBJECT, why="another deposit")
        details = _parse_details(opening)
        if details_digest(opening.salt, opening.details) != event.details:
            raise ProblemError(EventProblem.EVENT_BODY, why="it does not open `details`")
        _check_mutable(kind, details)
        return self._prepared(event, statement, signature, opening)

    def _parse(self, statement: bytes) -> Event:
        try:
            event = parse_statement(statement)
        except Malformed as error:
            problem = Problem.STATEMENT_NEWER if error.newer else Problem.STATEMENT_INVALID
            raise ProblemError(problem, why=error) from error
        if event.origin != self._origin:
            raise ProblemError(Problem.OTHER_CHAIN, origin=self._origin)
        if not isinstance(event, Event):
            raise ProblemError(EventProblem.EVENT_OTHER_SUBJECT, why="a deposit is no event")
        return event

    def _prepared(
        self, event: Event, statement: bytes, signature: Signature, opening: EventOpening
    ) -> PreparedEvent:
        identity = statement_id(statement)
        receipt = issue(self._signer, self._origin, identity, self._clock())
        record = StatementRecord(receipt, signature, statement, b"")
        try:
            check_statement(record, self._origin, RULES_MAX)
        except Malformed as error:
            raise ProblemError(Problem.STATEMENT_INVALID, why=error) from error
        except BadSignature as error:
            raise ProblemError(Problem.SIGNATURE_WRONG, why=error) from error
        except Sm2Missing as error:
            raise ProblemError(Problem.CANNOT_CHECK) from error
        return PreparedEvent(identity, event, format_record(record), opening)


def _parse_details(opening: EventOpening) -> Mapping[str, object]:
    try:
        return parse_details(opening.details)
    except Malformed as error:
        raise ProblemError(Problem.DETAILS_REFUSED, why=error) from error


def _check_mutable(kind: str, details: Mapping[str, object]) -> None:
    if kind != "correction":
        return
    for key in details:
        if IMMUTABLE.intersection(key.split(".")):
            raise ProblemError(EventProblem.DIGEST_IMMUTABLE, field=key)
