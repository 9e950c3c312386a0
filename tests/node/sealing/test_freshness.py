"""Idle members renew their seals: shown, remembered, bounded, and missed when they do not come."""

from collections.abc import Sequence
from typing import Any

import pytest

from node.evidence.policy import parse_policy
from node.evidence.sealed import SealedCheckpoint, parse_sealed, verify_seals
from node.member.exchange import Outbox
from node.seals.freshness import SILENT_S, freshest, silent
from node.seals.sealing import EARLY_S_MAX, REFRESH_S, SentSeal, Step, time_of

Members = Sequence[Any]


def pass_time(members: Members, seconds: int) -> list[Step]:
    """The clocks go on, everybody renews what is due and tells the others."""
    steps = []
    for each in members:
        each.now_s += seconds
        steps.append(each.ledger.refresh(each.now_s))
        each.sent += steps[-1].own
    for each in members:
        each.hear(*(other for other in members if other is not each))
    return steps


@pytest.fixture
def idle(members: Members) -> Members:
    """Everybody sealed one block, and nothing follows."""
    for each in members:
        each.apply()
    for each in members:
        each.hear(*members)
    return members


def shown(member: Any) -> SealedCheckpoint:
    return parse_sealed(freshest(member.sealing, member.sealing.note))


def test_seals_are_renewed_and_shown(world: Any, idle: Members) -> None:
    court, *_ = idle
    stored = court.sealing.note
    first = shown(court)
    assert [seal.member for seal in first.seals] == ["court", "forensic", "notary"]
    assert not any(pass_time(idle, REFRESH_S - 1))
    assert all(pass_time(idle, 1))
    for each in idle:
        fresh = shown(each)
        verify_seals(fresh, parse_policy(world.note().policy_text))
        assert {seal.time_s - REFRESH_S for seal in fresh.seals} == {first.seals[0].time_s}
        assert fresh.checkpoint == first.checkpoint
    assert court.seals.newest_note() == stored == court.sealing.note, "never rewritten"
    assert len(court.seals.beside(stored.size)) == 1


def test_one_row_each_however_long_nothing_happens(idle: Members) -> None:
    """An idle year must not fill the disk: each renewal takes the place of the last."""
    court = idle[0]
    rows = len(list(court.seals._database.scan(b"", None)))
    for _ in range(30):
        assert all(pass_time(idle, REFRESH_S))
    assert len(list(court.seals._database.scan(b"", None))) == rows


def test_renewed_seals_survive_a_restart(idle: Members) -> None:
    court, *_ = idle
    pass_time(idle, REFRESH_S)
    before = shown(court)
    stored = court.sealing.note, court.seals.beside(court.sealing.note.size)
    court.restart()
    assert shown(court) == before
    assert (court.sealing.note, court.seals.beside(court.sealing.note.size)) == stored
    assert not court.ledger.refresh(court.now_s)
    pass_time(idle, REFRESH_S)
    assert [s.time_s for s in shown(court).seals] == [s.time_s + REFRESH_S for s in before.seals]
    assert court.seals.beside(court.sealing.note.size) == stored[1], "the first ones, not the last"


def test_a_new_block_is_sealed_as_ever(idle: Members) -> None:
    pass_time(idle, REFRESH_S)
    for each in idle:
        (seal,) = each.apply().own
        assert time_of(seal) == each.now_s
    for each in idle:
        each.hear(*idle)
        assert each.sealing.note.size == each.size
        assert not each.sealing.contradictions
        assert not each.sealing.halted


def test_who_may_not_seal_renews_nothing(idle: Members) -> None:
    court, forensic, notary = idle
    court.ledger.stop_sealing()
    forensic.sealing.halted = "why"
    steps = pass_time(idle, REFRESH_S)
    assert [bool(step) for step in steps] == [False, False, True]
    notary.ledger.apply([world_block(notary)], notary.now_s)
    notary.ledger.stop_sealing()
    assert not notary.ledger.refresh(notary.now_s + REFRESH_S)


def world_block(member: Any) -> Any:
    return member.world.block(member.store.chain.height + 1)


def test_only_the_newest_checkpoint_is_renewed(idle: Members) -> None:
    court = idle[0]
    court.ledger.stop_sealing()
    court.apply()
    court.ledger._may_seal = True
    assert not court.ledger.refresh(court.now_s + REFRESH_S), "it sealed an older one last"


def test_a_clock_put_back_never_seals_an_earlier_time(idle: Members) -> None:
    court = idle[0]
    assert not court.ledger.refresh(court.now_s - 10 * REFRESH_S)
    assert court.ledger.refresh(court.now_s + REFRESH_S)


def test_older_and_future_renewals_change_nothing(idle: Members) -> None:
    court, forensic, _ = idle
    (old,) = forensic.sent
    pass_time(idle, REFRESH_S)
    assert not court.receive(old)
    (future,) = forensic.ledger.refresh(forensic.now_s + 10**9).own
    assert not court.receive(future).newest
    assert max(seal.time_s for seal in shown(court).seals) <= court.now_s + EARLY_S_MAX


def test_who_is_silent_is_named(idle: Members) -> None:
    court, forensic, notary = idle
    since_s = court.now_s
    for _ in range(SILENT_S // REFRESH_S):
        pass_time((court, notary), REFRESH_S)
    assert silent(court.sealing, court.now_s, since_s) == []
    pass_time((court, notary), REFRESH_S)
    assert silent(court.sealing, court.now_s, since_s) == [
        "forensic has sealed nothing for 4 minutes"
    ]
    assert silent(court.sealing, court.now_s, court.now_s - 5) == [], "it listens since then only"
    forensic.now_s = court.now_s
    alone = silent(forensic.sealing, forensic.now_s, since_s)
    assert [each.split()[0] for each in alone] == ["court", "it", "notary"]


def test_a_renewal_queued_while_another_is_under_way_is_sent() -> None:
    outbox = Outbox()
    first, second = SentSeal(3, b"body", b"one"), SentSeal(3, b"body", b"two")
    outbox.put(first)
    under_way = list(outbox._seals)
    outbox.put(second)
    outbox.delivered(under_way)
    assert list(outbox._seals) == [second]
    outbox.delivered([second])
    assert not outbox._filled.is_set()
