"""Health records: one spelling, bound to what is submitted, and what they say about a time."""

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.record import StatementRecord, format_record, parse_record
from node.operating import bucket, health, window
from node.operating.health import (
    HealthRecord,
    Reported,
    Term,
    check_reported,
    format_health,
    parse_health,
    plain,
    submit,
)

ORIGIN = "cunzheng.test/rooms"
TIME_MS = 1_790_000_000_000
LOG = Signer(sha256(b"court log"))
MINUTE_MS = 60_000


def record(**changes: Any) -> HealthRecord:
    values: dict[str, Any] = {
        "origin": ORIGIN,
        "member": "court",
        "series": bytes(8),
        "serial": 1,
        "previous": None,
        "kind": "start",
        "from_ms": TIME_MS,
        "to_ms": TIME_MS,
        "version": "0.1",
        "python": "3.11.2",
        "code": sha256(b"code"),
        "configuration": sha256(b"configuration"),
        "role": "leader",
        "term": 12,
        "leader": "court",
        "terms": (Term(9, TIME_MS, ""), Term(12, TIME_MS, "court")),
        "clock_off_ms": 0,
        "disk_free": 1,
        "disk_size": 2,
        "commit": 30,
        "applied": 29,
        "sealed_size": 58,
        "scrub_reached": 4,
        "scrub_passed_ms": 0,
        "scrub_damage": 0,
    }
    return HealthRecord(**(values | changes))


def told(**changes: Any) -> Reported:
    return submit(record(**changes), LOG, bytes(16))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clock_off_ms": 2_500},
        {"clock_off_ms": -1, "leader": "", "terms": ()},
        {"serial": 2, "previous": bytes(32), "kind": "stop", "more_terms": 3},
        {"missing": (("forensic", 0), ("notary", 7)), "alarms": ("one", "two")},
    ],
)
def test_a_record_has_one_spelling(changes: dict[str, Any]) -> None:
    written = format_health(record(**changes))
    assert parse_health(written) == record(**changes)
    assert len(written) < health.HEALTH_SIZE_MAX


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"serial":1', '"serial":2'),
        ('"kind":"start"', '"kind":"pause"'),
        ('"role":"leader"', '"role":"king"'),
        ('"term":12', '"more_terms":0,"term":12'),
        ('"leader":"court"', '"leader":""'),
        ('"kind"', '"clock":{},"kind"'),
        ('"applied"', '"alarms":{"01":"x"},"applied"'),
        ('"12":{', '"012":{'),
        ('"free":1', '"free":1,"full":1'),
        (f'"from":{TIME_MS}', f'"from":{TIME_MS + 1}'),
        ("health/v1", "health/v2"),
    ],
)
def test_other_spellings_are_refused(old: str, new: str) -> None:
    text = format_health(record()).decode()
    assert old in text
    with pytest.raises(Malformed):
        parse_health(text.replace(old, new, 1).encode())


def test_no_bytes_raise_anything_but_malformed() -> None:
    """Cut anywhere, and with any one byte changed."""
    written = format_health(record(missing=(("notary", 7),), alarms=("one",)))
    chance = random.Random(7)
    for end in range(len(written)):
        with pytest.raises(Malformed):
            parse_health(written[:end])
    for _ in range(2_000):
        changed = bytearray(written)
        changed[chance.randrange(len(written))] = chance.randrange(256)
        try:
            assert format_health(parse_health(bytes(changed))) == bytes(changed)
        except Malformed:
            continue


def test_what_cannot_be_said_is_not_written() -> None:
    with pytest.raises(Malformed):
        format_health(record(alarms=("x" * 201,)))
    with pytest.raises(Malformed):
        format_health(record(terms=tuple(Term(n, TIME_MS, "") for n in range(65))))
    assert plain('a "quote",\nà\\ ' + "x" * 300) == "a ?quote?,??? " + "x" * 186


def test_a_submission_is_for_one_record_by_one_key() -> None:
    """Signed by the member, bound to all bytes of the record, and only to them."""
    sent = told()
    assert check_reported(sent.record_bytes, sent.submission, ORIGIN, 1, LOG.public) == sent
    for other in (record(term=13), record(member="notary"), record(to_ms=TIME_MS + 1)):
        with pytest.raises(Malformed, match="another record"):
            check_reported(format_health(other), sent.submission, ORIGIN, 1)
    with pytest.raises(Malformed, match="another chain"):
        check_reported(sent.record_bytes, sent.submission, "other.test", 1)
    with pytest.raises(Malformed, match="log key"):
        check_reported(sent.record_bytes, sent.submission, ORIGIN, 1, Signer(bytes(32)).public)
    parsed = parse_record(sent.submission)
    assert isinstance(parsed, StatementRecord)
    forged = replace(parsed, signature=Signer(bytes(32)).sign(parsed.statement_bytes))
    with pytest.raises(BadSignature):
        check_reported(sent.record_bytes, format_record(forged), ORIGIN, 1)


def test_another_event_is_no_submission(world: Any) -> None:
    with pytest.raises(Malformed, match="no health event"):
        check_reported(format_health(record()), world.deposited(1), ORIGIN, 1)
    enrolled = world.key("enrol", world.depositor.public)
    with pytest.raises(Malformed, match="no statement"):
        check_reported(format_health(record()), enrolled, ORIGIN, 1)


# What records say about a time.


def day(*spans: tuple[str, int, int]) -> list[Reported]:
    """Records of one series, chained: kind, and from and to in minutes."""
    found: list[Reported] = []
    for serial, (kind, start, end) in enumerate(spans, 1):
        found.append(
            told(
                kind=kind,
                serial=serial,
                previous=found[-1].digest if found else None,
                from_ms=TIME_MS + start * MINUTE_MS,
                to_ms=TIME_MS + end * MINUTE_MS,
            )
        )
    return found


def judged(reports: list[Reported], start: int, end: int, now: int = 10_000) -> window.Window:
    times = (TIME_MS + minute * MINUTE_MS for minute in (start, end, now))
    return window.judge(reports, ["court"], *times)


def gaps(*found: tuple[Any, int, int]) -> tuple[window.Gap, ...]:
    return tuple(
        window.Gap("court", kind, TIME_MS + start * MINUTE_MS, TIME_MS + end * MINUTE_MS)
        for kind, start, end in found
    )


RUNNING = [("start", 0, 0), ("periodic", 0, 10), ("periodic", 10, 20)]


def test_a_member_that_ran_has_no_gap() -> None:
    assert judged(day(*RUNNING), 0, 20) == window.Window((), ())
    assert judged(day(*RUNNING), 5, 15).gaps == ()


def test_a_stop_in_good_order_and_a_crash_are_told_apart() -> None:
    stopped = day(*RUNNING, ("stop", 20, 25), ("start", 40, 40), ("periodic", 40, 50))
    assert judged(stopped, 0, 50).gaps == gaps(("stopped", 25, 40))
    crashed = day(*RUNNING, ("start", 40, 40), ("periodic", 40, 50))
    assert judged(crashed, 0, 50).gaps == gaps(("silent", 20, 40))
    assert judged(crashed, 25, 30).gaps == gaps(("silent", 25, 30))
    assert judged([], 0, 50).gaps == gaps(("silent", 0, 50))


def test_a_record_that_is_not_shown_is_a_gap_of_its_own_kind() -> None:
    reports = day(*RUNNING, ("periodic", 20, 30), ("periodic", 30, 40))
    del reports[2]
    assert judged(reports, 0, 40) == window.Window(gaps(("missing", 10, 20)), ())


def test_what_is_not_due_yet_is_not_missing() -> None:
    reports = day(*RUNNING)
    assert judged(reports, 0, 30, now=31).gaps == ()
    assert judged(reports, 0, 40, now=40).gaps == gaps(("silent", 20, 29))


def test_records_that_contradict_each_other_are_named() -> None:
    reports, others = day(*RUNNING), day(*RUNNING[:2], ("periodic", 10, 21))
    (found,) = judged([*reports, others[2]], 0, 20).breaks
    assert (found.member, found.why) == ("court", "two records are number 3")
    changed = told(kind="periodic", serial=2, previous=bytes(32), to_ms=TIME_MS + 10 * MINUTE_MS)
    (found,) = judged([reports[0], changed], 0, 10).breaks
    assert found.why == "record 2 names another record 1"


def test_a_new_series_is_no_contradiction() -> None:
    """A member that lost its directory begins anew."""
    anew = told(kind="start", series=b"anew....", from_ms=TIME_MS + 30 * MINUTE_MS,
                to_ms=TIME_MS + 30 * MINUTE_MS)  # fmt: skip
    assert judged([*day(*RUNNING), anew], 0, 30) == window.Window(gaps(("silent", 20, 30)), ())


def test_only_who_says_nothing_against_itself_is_in_good_order() -> None:
    at_ms = TIME_MS + 5 * MINUTE_MS
    assert window.in_good_order(day(*RUNNING), at_ms) == {"court"}
    assert window.in_good_order(day(*RUNNING), TIME_MS - 1) == set()
    for changes in ({"clock_off_ms": 1}, {"scrub_damage": 1}):
        ill = told(**changes, to_ms=TIME_MS + 10 * MINUTE_MS)
        assert window.in_good_order([ill], at_ms) == set()


def test_a_bucket_gives_what_its_rate_says() -> None:
    found = bucket.Bucket(bucket.Rate(per_minute=6, burst=3))
    assert [found.take(100.0) for _ in range(4)] == [0, 0, 0, 10]
    assert found.take(109.0) == pytest.approx(1)
    assert not found.is_full(109.0)
    assert found.take(110.0) == 0
    assert found.is_full(140.1)
    assert found.take(50.0) == 0, "a clock that goes back takes nothing away"
    assert [found.borrow(50.0) for _ in range(6)] == [0] * 5 + [10], "up to a burst may be owed"
    found.give_back(50.0)
    assert found.borrow(50.0) == 0
    with pytest.raises(ValueError, match="allows something"):
        bucket.Rate(0, 1)


def test_every_field_is_documented() -> None:
    """And no field that there is not: docs/proof-format.md is complete."""
    text = (Path(__file__).parents[3] / "docs" / "proof-format.md").read_text("utf-8")
    section = text.split("\n## 19. Health records\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    documented = {name: need for names, need in rows for name in re.findall("`(.*?)`", names)}
    assert documented.keys() == health._FIELDS | health._OPTIONAL
    optional = {name for name, need in documented.items() if need.strip()}
    assert optional == health._OPTIONAL
