"""Health records (运行状态记录): how a member was doing, said by itself, dated by the chain.

民事证据规定 Art. 93 (二) asks whether a system was in normal operation when evidence was stored. So
each member writes a record when it starts, every ten minutes and when it stops. A record is tagged
JSON, and names the one before it: a record that is missing or changed afterwards shows, and so does
a time nobody speaks for.

    >>> record = HealthRecord(
    ...     origin="cunzheng.test/devnet", member="court", series=bytes(8), serial=1, previous=None,
    ...     kind="start", from_ms=1790000000000, to_ms=1790000000000, version="0.1", python="3.11",
    ...     code=bytes(32), configuration=bytes(32), role="follower", term=7, leader="notary",
    ...     terms=(Term(7, 1790000000000, "notary"),), clock_off_ms=-2500, disk_free=1, disk_size=2,
    ...     commit=9, applied=9, sealed_size=20, scrub_reached=3, scrub_passed_ms=0, scrub_damage=0)
    >>> parse_health(format_health(record)) == record
    True
    >>> print(format_health(record).decode()[:78])
    cunzheng/health/v1 {"applied":9,"clock":{"behind":2500},"code":"00000000000000

A record has no signature of its own. The member's log key signs an event statement of type `health`
whose `details` is the SHA-256 of the record, and the receipt for it: both go to the chain as a
record like any other, which is kept beside the health record (docs/proof-format.md, section 19).
As nobody else attests it, the statement names its `submitter`: the member's name, salted with the
digest of the record.

Records hold no personal data; their names are those of the policy. Limits: 8,192 bytes, 64 terms,
16 alarms of 200 characters. What is beyond is counted, not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.evidence.digests import sha256
from node.evidence.keys import PublicKey, Signer
from node.evidence.malformed import Malformed
from node.evidence.receipt import issue
from node.evidence.record import StatementRecord, check_statement, format_record, parse_record
from node.evidence.spelling import (
    check_choice,
    check_hex,
    check_integer,
    check_member,
    check_origin,
    check_text,
    check_time,
    check_version,
    fields,
    format_tagged,
    parse_tagged,
)
from node.evidence.statement import Event, format_statement, statement_id

TAG = "cunzheng/health/v1"
HEALTH_SIZE_MAX = 8_192
SUBMISSION_SIZE_MAX = 8_192
"""An event statement, its receipt and two signatures, in their longest forms."""
SERIES_SIZE = 8
TERMS_MAX = 64
"""More than one election in ten seconds: after that only how many there were is news."""
ALARMS_MAX = 16
ALARM_LENGTH_MAX = 200
START, PERIODIC, STOP = "start", "periodic", "stop"
KINDS = (START, PERIODIC, STOP)
ROLES = ("leader", "follower", "candidate", "learner", "recalling", "removed")

_SUBMITTER_TAG = b"cunzheng/submitter/v1\n"
_FIELDS = frozenset(
    {
        *("applied", "code", "commit", "configuration", "disk", "from", "kind", "member"),
        *("origin", "python", "role", "scrub", "sealed", "serial", "series", "term", "to"),
        "version",
    }
)
_OPTIONAL = frozenset({"alarms", "clock", "leader", "missing", "more_terms", "previous", "terms"})


@dataclass(frozen=True, slots=True)
class Term:
    """A term of Raft this member heard of, when, and who led it (nobody: empty)."""

    number: int
    since_ms: int
    leader: str


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """What a member says about itself between two moments of its own clock.

    `series` is drawn when the member's store of records is made, `serial` counts in it from 1.
    `terms` are those it heard of since the record before, `more_terms` how many besides. The clock
    is off by `clock_off_ms` (negative: behind) as a quorum of members finds; 0 is within what the
    policy allows. `missing` are members whose seals are missing here, with the size of the last.
    """

    origin: str
    member: str
    series: bytes
    serial: int
    previous: bytes | None
    kind: str
    from_ms: int
    to_ms: int
    version: str
    python: str
    code: bytes
    configuration: bytes
    role: str
    term: int
    leader: str
    terms: tuple[Term, ...]
    clock_off_ms: int
    disk_free: int
    disk_size: int
    commit: int
    applied: int
    sealed_size: int
    scrub_reached: int
    scrub_passed_ms: int
    scrub_damage: int
    more_terms: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    alarms: tuple[str, ...] = ()


def format_health(record: HealthRecord) -> bytes:
    """The bytes of a record; raises `Malformed` if the values would not be accepted."""
    data = format_tagged(TAG, _value(record))
    parse_health(data)
    return data


def _value(record: HealthRecord) -> dict[str, object]:
    value: dict[str, object] = {
        "applied": record.applied,
        "code": record.code.hex(),
        "commit": record.commit,
        "configuration": record.configuration.hex(),
        "disk": {"free": record.disk_free, "size": record.disk_size},
        "from": record.from_ms,
        "kind": record.kind,
        "member": record.member,
        "origin": record.origin,
        "python": record.python,
        "role": record.role,
        "scrub": {
            "damage": record.scrub_damage,
            "passed": record.scrub_passed_ms,
            "reached": record.scrub_reached,
        },
        "sealed": record.sealed_size,
        "serial": record.serial,
        "series": record.series.hex(),
        "term": record.term,
        "to": record.to_ms,
        "version": record.version,
    }
    if record.previous is not None:
        value["previous"] = record.previous.hex()
    if record.leader:
        value["leader"] = record.leader
    if record.clock_off_ms:
        side = "ahead" if record.clock_off_ms > 0 else "behind"
        value["clock"] = {side: abs(record.clock_off_ms)}
    if record.terms:
        value["terms"] = {str(each.number): _term_value(each) for each in record.terms}
    if record.more_terms:
        value["more_terms"] = record.more_terms
    if record.missing:
        value["missing"] = dict(record.missing)
    if record.alarms:
        value["alarms"] = {f"{index:02}": text for index, text in enumerate(record.alarms)}
    return value


def parse_health(data: bytes) -> HealthRecord:
    """The record these bytes are, or `Malformed`."""
    value = fields(parse_tagged(TAG, data, HEALTH_SIZE_MAX), TAG, _FIELDS, _OPTIONAL)
    disk = fields(value["disk"], "disk", frozenset({"free", "size"}))
    scrub = fields(value["scrub"], "scrub", frozenset({"damage", "passed", "reached"}))
    serial = check_integer(value["serial"], "serial", low=1)
    if ("previous" in value) != (serial > 1):
        raise Malformed("previous", "is there exactly if `serial` is above 1")
    record = HealthRecord(
        origin=check_origin(value["origin"], "origin"),
        member=check_member(value["member"], "member"),
        series=check_hex(value["series"], "series", SERIES_SIZE),
        serial=serial,
        previous=check_hex(value["previous"], "previous") if serial > 1 else None,
        kind=check_choice(value["kind"], KINDS, "kind"),
        from_ms=check_time(value["from"], "from"),
        to_ms=check_time(value["to"], "to"),
        version=check_version(value["version"], "version"),
        python=check_version(value["python"], "python"),
        code=check_hex(value["code"], "code"),
        configuration=check_hex(value["configuration"], "configuration"),
        role=check_choice(value["role"], ROLES, "role"),
        term=check_integer(value["term"], "term"),
        leader=check_member(value["leader"], "leader") if "leader" in value else "",
        terms=_parse_terms(_inner(value, "terms")),
        clock_off_ms=_parse_clock(_inner(value, "clock")),
        disk_free=check_integer(disk["free"], "disk: free"),
        disk_size=check_integer(disk["size"], "disk: size"),
        commit=check_integer(value["commit"], "commit"),
        applied=check_integer(value["applied"], "applied"),
        sealed_size=check_integer(value["sealed"], "sealed"),
        scrub_reached=check_integer(scrub["reached"], "scrub: reached"),
        scrub_passed_ms=check_time(scrub["passed"], "scrub: passed"),
        scrub_damage=check_integer(scrub["damage"], "scrub: damage"),
        more_terms=check_integer(value.get("more_terms", 0), "more_terms"),
        missing=tuple(
            (check_member(name, "missing"), check_integer(size, "missing"))
            for name, size in _inner(value, "missing").items()
        ),
        alarms=_parse_alarms(_inner(value, "alarms")),
    )
    if record.to_ms < record.from_ms:
        raise Malformed("to", "is before `from`")
    if format_tagged(TAG, _value(record)) != data:
        raise Malformed(TAG, "a field that is empty is absent")
    return record


def _term_value(term: Term) -> dict[str, object]:
    value: dict[str, object] = {"since": term.since_ms}
    if term.leader:
        value["leader"] = term.leader
    return value


def _inner(value: Mapping[str, object], name: str) -> dict[str, object]:
    """An optional object; absent is empty, and empty must be absent."""
    found = value.get(name, {})
    if not isinstance(found, dict) or (name in value and not found):
        raise Malformed(name, "not an object with anything in it")
    return found


def _parse_terms(raw: dict[str, object]) -> tuple[Term, ...]:
    if len(raw) > TERMS_MAX:
        raise Malformed("terms", f"more than {TERMS_MAX}")
    found = []
    for name, inner in raw.items():
        term = fields(inner, "terms", frozenset({"since"}), frozenset({"leader"}))
        if not name.isdecimal() or len(name) > 16 or str(int(name)) != name:
            raise Malformed("terms", "a name that is no term")
        leader = check_member(term["leader"], "terms: leader") if "leader" in term else ""
        found.append(Term(int(name), check_time(term["since"], "terms: since"), leader))
    return tuple(sorted(found, key=lambda each: each.number))


def _parse_clock(raw: dict[str, object]) -> int:
    if not raw:
        return 0
    if len(raw) != 1 or raw.keys() - {"ahead", "behind"}:
        raise Malformed("clock", "is neither ahead nor behind")
    ((side, off),) = raw.items()
    off_ms = check_integer(off, "clock", low=1)
    return off_ms if side == "ahead" else -off_ms


def _parse_alarms(raw: dict[str, object]) -> tuple[str, ...]:
    if len(raw) > ALARMS_MAX or list(raw) != [f"{index:02}" for index in range(len(raw))]:
        raise Malformed("alarms", f"not numbered from 00, at most {ALARMS_MAX}")
    found = tuple(check_text(each, "alarms") for each in raw.values())
    if any(not 0 < len(each) <= ALARM_LENGTH_MAX for each in found):
        raise Malformed("alarms", f"empty, or longer than {ALARM_LENGTH_MAX}")
    return found


def plain(text: str) -> str:
    """An alarm as a record may hold it: printable ASCII without quote and backslash, and short."""
    good = "".join(each if " " <= each <= "~" and each not in '"\\' else "?" for each in text)
    return good[:ALARM_LENGTH_MAX]


# Onto the chain.


@dataclass(frozen=True, slots=True)
class Reported:
    """A health record and what was sent to the chain for it, both read and checked."""

    record: HealthRecord
    record_bytes: bytes
    event: Event
    submission: bytes
    statement_id: bytes

    @property
    def digest(self) -> bytes:
        """What the next record calls `previous`."""
        return sha256(self.record_bytes)


def submit(record: HealthRecord, log: Signer, nonce: bytes) -> Reported:
    """Sign a record with the member's log key, as an event on its way to the chain."""
    record_bytes = format_health(record)
    event = Event(
        origin=record.origin,
        key=log.public,
        nonce=nonce,
        claimed_at=record.to_ms,
        type="health",
        details=sha256(record_bytes),
        subject=None,
        submitter=_submitter(record.member, record_bytes),
    )
    statement = format_statement(event)
    identity = statement_id(statement)
    receipt = issue(log, record.origin, identity, record.to_ms)
    submission = format_record(StatementRecord(receipt, log.sign(statement), statement, b""))
    return Reported(record, record_bytes, event, submission, identity)


def check_reported(
    record_bytes: bytes, submission: bytes, origin: str, rules: int, key: PublicKey | None = None
) -> Reported:
    """A record and its submission, which belong together and to this chain; signed by this log key,
    where it is known. Raises `Malformed` or `BadSignature`. Whose key it is the caller judges."""
    if len(submission) > SUBMISSION_SIZE_MAX:
        raise Malformed("health", f"submission longer than {SUBMISSION_SIZE_MAX} bytes")
    record, sent = parse_health(record_bytes), parse_record(submission)
    if not isinstance(sent, StatementRecord):
        raise Malformed("health", "what was submitted is no statement")
    checked = check_statement(sent, origin, rules)
    event = checked.statement
    if not isinstance(event, Event) or event.type != "health":
        raise Malformed("health", "what was submitted is no health event")
    if record.origin != origin:
        raise Malformed("health", "is for another chain")
    bound = (sha256(record_bytes), _submitter(record.member, record_bytes), record.to_ms)
    if (event.details, event.submitter, event.claimed_at) != bound:
        raise Malformed("health", "what was submitted is for another record")
    if event.key != sent.receipt.gateway or key not in (None, event.key):
        raise Malformed("health", f"not signed by the log key of {record.member}")
    return Reported(record, record_bytes, event, submission, checked.statement_id)


def _submitter(member: str, record_bytes: bytes) -> bytes:
    return sha256(_SUBMITTER_TAG + sha256(record_bytes) + member.encode())
