"""Members report how they are: everybody keeps it, the chain dates it, and a gap shows."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.entry import StatementEntry, parse_entry
from node.evidence.keys import Signer
from node.evidence.statement import statement_id
from node.member.process import serve
from node.member.reporting import HEALTH, TAKEN
from node.operating.health import Reported, check_reported, submit
from node.operating.window import judge

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

END_MS = 1 << 52
LATE_MS = 4_000_000_000_000


async def heard(
    house: Any, member: str, is_enough: Callable[[list[Reported]], bool]
) -> list[Reported]:
    """What this member keeps and has on its chain, once it is enough."""
    while True:
        request = pb.HealthRequest(from_ms=0, to_ms=END_MS)
        answer = await house.call(member, "Health", request)
        assert not answer.more
        found = []
        for each in answer.reports:
            origin = house.world.origin
            log = house.world.log
            reported = check_reported(each.record, each.submission, origin, 1)
            assert reported.event.key == log(reported.record.member).public
            if each.entry:
                entry = parse_entry(each.entry)
                assert isinstance(entry, StatementEntry)
                assert statement_id(entry.statement_bytes) == reported.statement_id
                assert entry.first_item is None
                found.append(reported)
        if is_enough(found):
            return found
        await asyncio.sleep(0.05)


def kinds(reports: list[Reported], member: str) -> list[str]:
    own = [each.record for each in reports if each.record.member == member]
    return [each.kind for each in sorted(own, key=lambda record: record.serial)]


async def test_a_stop_and_a_crash_show_in_the_records_of_all(houses: Any) -> None:
    """Stopped in good order, one member leaves a last record; crashed, it leaves a gap. Its next
    record follows the one before it, and every member has all of them, dated by the chain."""
    stop = asyncio.Event()
    houses.start("court", "forensic")
    notary = asyncio.create_task(serve(houses.configs["notary"], stop))
    await heard(
        houses, "court", lambda found: {each.record.member for each in found} == set(houses.configs)
    )
    health = (await houses.status("court")).health
    assert (health.kind, health.serial) == ("start", 1)
    stop.set()
    await notary
    await heard(houses, "court", lambda found: kinds(found, "notary") == ["start", "stop"])
    houses.start("notary")
    await heard(houses, "court", lambda found: kinds(found, "notary") == ["start", "stop", "start"])
    await houses.stop("notary")
    houses.start("notary")
    expected = ["start", "stop", "start", "start"]
    for member in houses.configs:
        found = await heard(houses, member, lambda found: kinds(found, "notary") == expected)
        own = [each for each in found if each.record.member == "notary"]
        window = judge(own, ["notary"], own[0].record.to_ms, own[-1].record.to_ms, END_MS)
        assert [gap.kind for gap in window.gaps] == ["stopped", "silent"]
        assert window.breaks == ()


async def test_a_store_that_does_not_check_is_set_aside(houses: Any, caplog: Any) -> None:
    """The member runs, and its records begin a series of their own."""
    houses.start()
    (first,) = [
        each
        for each in await heard(houses, "court", lambda found: "start" in kinds(found, "court"))
        if each.record.member == "court"
    ]
    await houses.stop("court")
    for file in (houses.configs["court"].data / HEALTH).glob("*.log"):
        file.unlink()
    houses.start("court")
    found = await heard(houses, "notary", lambda found: kinds(found, "court") == ["start"] * 2)
    anew = [each for each in found if each.record.member == "court" and each != first]
    assert [each.record.serial for each in anew] == [1]
    assert anew[0].record.series != first.record.series
    assert (houses.configs["court"].data / f"{HEALTH}.lost-1").is_dir()
    assert [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_only_a_members_own_record_is_taken(houses: Any) -> None:
    """By the key the policy names it with, of now, and not more than a member should need."""
    houses.start("court", "forensic")
    found = await heard(houses, "court", lambda found: "start" in kinds(found, "forensic"))
    true = next(each for each in found if each.record.member == "forensic")
    identity = houses.identity("forensic")

    async def refused(reported: Reported, by: Any = identity) -> str:
        request = pb.ReportRequest(record=reported.record_bytes, submission=reported.submission)
        with pytest.raises(Exception, match=":") as caught:
            await houses.call("court", "Report", request, identity=by)
        return str(caught.value)

    log = houses.world.log("forensic")
    assert "as the policy names it" in await refused(
        submit(true.record, Signer(bytes(32)), b"1" * 16)
    )
    assert "stranger" in await refused(true, houses.gateway)
    later = replace(true.record, from_ms=LATE_MS, to_ms=LATE_MS)
    assert "of another time" in await refused(submit(later, log, bytes(16)))
    for number in range(TAKEN.burst - 1):
        reported = submit(true.record, log, number.to_bytes(16, "big"))
        request = pb.ReportRequest(record=reported.record_bytes, submission=reported.submission)
        await houses.call("court", "Report", request, identity=identity)
    one_more = submit(true.record, log, b"one more........")
    assert "busy: too many health records of forensic" in await refused(one_more)
