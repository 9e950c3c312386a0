"""Makes statement records out of what a client asks to have deposited.

Two ways in. The depositor brings a statement of its own, signed: it is checked here as every member
will check it, and only the receipt is added. Or it brings digests (or packed items), and the
gateway attests: it salts them unless plain digests were asked for, writes the statement, signs it
with its own key and commits to who the depositor is:

    submitter        SHA-256("cunzheng/submitter/v1" LF || salt[32] || identity record)
    identity record  canonical JSON: the account, and how its identity was verified (`identities`)

What only the depositor should have (openings, the salt of the submitter commitment) is the
*keepsake*. Clock and randomness are arguments; nothing here waits or is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from node.evidence.digests import ALGS, EMPTY
from node.evidence.item import (
    ITEM_SIZE,
    ITEMS_MAX,
    SALT_SIZE,
    VALUE_SALT_SIZE,
    DetailValue,
    Opening,
    format_details,
    items_root,
)
from node.evidence.keys import BadSignature, Signature, Signer
from node.evidence.malformed import Malformed
from node.evidence.policy import RULES_MAX
from node.evidence.receipt import issue
from node.evidence.record import StatementRecord, check_statement, format_record
from node.evidence.sm2 import Sm2Missing
from node.evidence.statement import (
    NONCE_SIZE,
    Deposit,
    Series,
    format_statement,
    parse_statement,
    statement_id,
)
from node.gateway.clock import Clock
from node.gateway.http.batches import each_item
from node.gateway.http.problems import Problem, ProblemError
from node.vault.keepsake import Keepsake, Submitter, submitter_commitment

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class File:
    """One file as the client describes it."""

    digests: Mapping[str, bytes]
    size: int | None
    details: Mapping[str, DetailValue]


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file that may be deposited, and what opens its item; None in mode `digest`."""

    file: File
    opening: Opening | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all items of a request; `alg` as the statement names it."""

    mode: str
    alg: str
    page: int
    category: str
    profile: bytes | None = None
    series: Series | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement ready to be stored and proposed."""

    statement_id: bytes
    deposit: Deposit
    record: bytes
    keepsake: Keepsake


class Preparer:
    """Turns requests into records, under one gateway key, for one chain."""

    def __init__(self, origin: str, signer: Signer, clock: Clock, random: Random) -> None:
        self._origin = origin
        self._signer = signer
        self._clock = clock
        self._random = random

    def attest_files(
        self, identity: bytes, files: Sequence[PreparedFile], terms: Terms
    ) -> list[Prepared]:
        """Statements about these files, all of the same algorithms, which are the statements'.
        `identity` is the record of who deposits them."""
        terms = replace(terms, alg="+".join(alg for alg in ALGS if alg in files[0].file.digests))
        if terms.mode == "digest":
            packed = b"".join(each.file.digests[terms.alg] for each in files)
            return self.attest_items(identity, packed, terms)
        openings = [each.opening for each in files if each.opening is not None]
        prepared = []
        for at in range(0, len(openings), ITEMS_MAX):
            part = tuple(openings[at : at + ITEMS_MAX])
            packed = b"".join(opening.item() for opening in part)
            prepared.append(self._attest(identity, packed, terms, part))
        return prepared

    def prepare_file(self, file: File, mode: str) -> PreparedFile:
        """The file, salted in commitment mode; refuses what makes no sense."""
        _check_file(file, mode)
        return PreparedFile(file, None if mode == "digest" else self._salt(file))

    def attest_items(self, identity: bytes, packed: bytes, terms: Terms) -> list[Prepared]:
        """Statements about items whose openings, if any, stay with the depositor."""
        if terms.mode == "digest":
            _check_digests(packed, terms.alg)
        return [self._attest(identity, part, terms, ()) for part in _parts(packed)]

    def countersign(self, statement: bytes, signature: Signature, packed: bytes) -> Prepared:
        """A statement the depositor signed, with this gateway's receipt."""
        deposit = self._parse(statement)
        if deposit.mode == "digest":
            _check_digests(packed, deposit.alg)
        identity = statement_id(statement)
        receipt = issue(self._signer, self._origin, identity, self._clock())
        record = StatementRecord(receipt, signature, statement, packed)
        try:
            check_statement(record, self._origin, RULES_MAX)
        except Malformed as error:
            raise ProblemError(Problem.STATEMENT_INVALID, why=error) from error
        except BadSignature as error:
            raise ProblemError(Problem.SIGNATURE_WRONG, why=error) from error
        except Sm2Missing as error:
            raise ProblemError(Problem.CANNOT_CHECK) from error
        data = format_record(record)
        return Prepared(identity, deposit, data, Keepsake())

    def _parse(self, statement: bytes) -> Deposit:
        try:
            parsed = parse_statement(statement)
        except Malformed as error:
            problem = Problem.STATEMENT_NEWER if error.newer else Problem.STATEMENT_INVALID
            raise ProblemError(problem, why=error) from error
        if parsed.origin != self._origin:
            raise ProblemError(Problem.OTHER_CHAIN, origin=self._origin)
        if not isinstance(parsed, Deposit):
            raise ProblemError(Problem.STATEMENT_INVALID, why="type is not `deposit`")
        return parsed

    def _salt(self, file: File) -> Opening:
        assert file.size is not None
        details = None
        try:
            if file.details:
                details = format_details(
                    {
                        key: (self._random(VALUE_SALT_SIZE), value)
                        for key, value in file.details.items()
                    }
                )
            digests = tuple((alg, file.digests[alg]) for alg in ALGS if alg in file.digests)
            return Opening(self._random(SALT_SIZE), digests, file.size, details)
        except Malformed as error:
            raise ProblemError(Problem.DETAILS_REFUSED, why=error) from error

    def _attest(
        self, identity: bytes, packed: bytes, terms: Terms, openings: tuple[Opening, ...]
    ) -> Prepared:
        now = self._clock()
        submitter = Submitter(self._random(SALT_SIZE), identity)
        deposit = Deposit(
            origin=self._origin,
            key=self._signer.public,
            nonce=self._random(NONCE_SIZE),
            claimed_at=now,
            mode=terms.mode,
            alg=terms.alg,
            count=len(packed) // ITEM_SIZE,
            page=terms.page,
            items_root=items_root(packed, terms.page),
            category=terms.category,
            profile=terms.profile,
            series=terms.series,
            submitter=submitter_commitment(submitter),
        )
        statement = format_statement(deposit)
        named = statement_id(statement)
        receipt = issue(self._signer, self._origin, named, now)
        record = StatementRecord(receipt, self._signer.sign(statement), statement, packed)
        return Prepared(named, deposit, format_record(record), Keepsake(submitter, openings))


def _check_file(file: File, mode: str) -> None:
    if not file.digests:
        raise ProblemError(Problem.DIGEST_MISSING)
    if any(digest == EMPTY[alg] for alg, digest in file.digests.items()):
        raise ProblemError(Problem.DIGEST_OF_NOTHING)
    if mode == "commitment" and file.size is None:
        raise ProblemError(Problem.SIZE_MISSING)
    if mode == "digest" and (len(file.digests) > 1 or file.size is not None or file.details):
        raise ProblemError(Problem.PLAIN_DIGEST_ONLY)


def _check_digests(packed: bytes, alg: str) -> None:
    """None of the plain items is the digest of the empty content."""
    empty = EMPTY[alg]
    if empty not in packed:  # As good as always, and a hundred times as fast.
        return

    def judge(_: int, item: bytes) -> None:
        if item == empty:
            raise ProblemError(Problem.DIGEST_OF_NOTHING)

    each_item((packed[at : at + ITEM_SIZE] for at in range(0, len(packed), ITEM_SIZE)), judge)


def _parts(packed: bytes) -> Iterator[bytes]:
    """Packed items cut into as many statements as they need."""
    step = ITEMS_MAX * ITEM_SIZE
    for at in range(0, len(packed), step):
        yield packed[at : at + step]
