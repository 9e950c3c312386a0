"""Clocks compared: what a reading says, and whose clock is off."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from consensus.clocks import OFFSET_MS_MAX, ROUND_TRIP_MS_MAX, SKEW_MS_MAX, off_ms, offset_ms
from consensus.messages import HeartbeatResponse
from consensus.raft import Busy
from consensus.ready import Role

Make = Callable[..., Any]
A, B, C, D, E = (f"{name}/0000000000000001" for name in "abcde")
DAY_MS = 86_400_000


def reading(echo_ms: int, clock_ms: int, now_ms: int) -> int | None:
    return offset_ms(HeartbeatResponse(B, A, 1, 0, echo_ms, clock_ms), now_ms)


def test_half_of_the_round_trip_is_the_way_back() -> None:
    assert reading(1000, 1050, 1100) == 0
    assert reading(1000, 4050, 1100) == 3000
    assert reading(1000, 50, 1100) == -1000


def test_a_reading_that_was_long_under_way_says_nothing() -> None:
    """A process was paused in between, or the clock jumped."""
    assert reading(1000, 1000, 1000 + ROUND_TRIP_MS_MAX) is not None
    assert reading(1000, 1000, 1001 + ROUND_TRIP_MS_MAX) is None
    assert reading(1000, 1000, 999) is None


def test_absurd_clocks_stay_numbers_that_can_be_sent() -> None:
    assert reading(1000, 2**64 - 1, 1000) == OFFSET_MS_MAX
    assert reading(2**63, 0, 2**63) == -OFFSET_MS_MAX


@pytest.mark.parametrize(
    ("offsets", "off"),
    [
        ({A: 0, B: 0, C: 0}, {}),
        ({A: 0, B: SKEW_MS_MAX, C: SKEW_MS_MAX}, {}),
        ({A: 0, B: SKEW_MS_MAX + 1, C: DAY_MS}, {A: -SKEW_MS_MAX - 1, C: DAY_MS - SKEW_MS_MAX - 1}),
        ({A: DAY_MS, B: 0, C: 100}, {A: DAY_MS - 100}),
        ({A: DAY_MS, B: 0}, {}),
        ({A: DAY_MS, B: 0, C: 2 * DAY_MS}, {B: -DAY_MS, C: DAY_MS}),
    ],
)
def test_whose_clock_is_off(offsets: dict[str, int], off: dict[str, int]) -> None:
    """By a quorum of the others, all on one side; of two that differ nobody knows who is right."""
    found = {id_: off_ms(id_, (A, B, C), offsets) for id_ in (A, B, C)}
    assert found == {id_: off.get(id_, 0) for id_ in (A, B, C)}


def test_a_group_of_five_whose_clocks_all_differ_has_a_right_one() -> None:
    offsets = dict(zip((A, B, C, D, E), range(0, 50_000, 10_000), strict=True))
    found = {id_: off_ms(id_, offsets, offsets) for id_ in offsets}
    assert found == {A: -20_000, B: -10_000, C: 0, D: 10_000, E: 20_000}


def shift(cluster: Any, name: str, ms: int) -> None:
    """From now on this replica's clock is ahead of the others'."""
    cluster[name].ahead_ms = ms


def test_a_leader_whose_clock_is_off_hands_over(make_cluster: Make) -> None:
    cluster = make_cluster()
    shift(cluster, "a", DAY_MS)
    a = cluster.elect("a")
    cluster.tick_all(3)
    leader = cluster.leader()
    assert leader is not None
    assert leader.name != "a"
    leader.propose(b"dated right")
    cluster.tick_all(2)
    times = [entry.time_ms - cluster.now_ms for entry in a.committed]
    assert times[0] > DAY_MS - 1000, "what it wrote before it knew stands"
    assert all(abs(ms) < 1000 for ms in times[1:])
    assert a.raft.clock_off_ms > DAY_MS - 1000


def test_while_it_hands_over_nothing_is_proposed(make_cluster: Make) -> None:
    cluster = make_cluster()
    shift(cluster, "a", -DAY_MS)
    a = cluster.elect("a")
    a.tick()
    cluster.settle()
    cluster.isolate("a")
    a.tick()
    assert a.raft.transferring is not None
    with pytest.raises(Busy):
        a.propose()


def test_who_does_not_take_over_is_not_asked_for_ever(make_cluster: Make) -> None:
    """The only right clock is that of a replica whose disk hangs."""
    cluster = make_cluster()
    shift(cluster, "a", DAY_MS)
    shift(cluster, "c", -DAY_MS)
    a = cluster.elect("a")
    cluster["b"].finish_writes = lambda count=0: False
    accepted = 0
    for _ in range(200):
        cluster.tick_all()
        with suppress(Busy):
            a.propose()
            accepted += 1
    assert a.raft.role is Role.LEADER
    assert accepted > 150


def test_who_is_off_waits_longer_before_it_campaigns(make_cluster: Make) -> None:
    cluster = make_cluster()
    shift(cluster, "c", DAY_MS)
    cluster.elect("a")
    cluster.tick_all(3)
    c = cluster["c"]
    assert c.raft.clock_off_ms > 0
    cluster.isolate("c")
    c.tick(40)
    assert c.raft.role is Role.FOLLOWER
    c.tick(40)
    assert c.raft.role is Role.PRE_CANDIDATE


def test_a_clock_that_is_right_again_is_said_to_be(make_cluster: Make) -> None:
    cluster = make_cluster()
    shift(cluster, "c", DAY_MS)
    cluster.elect("a")
    cluster.tick_all(3)
    shift(cluster, "c", 0)
    cluster.tick_all(2)
    assert cluster["c"].raft.clock_off_ms == 0


def test_with_nobody_better_a_wrong_clock_leads(make_cluster: Make) -> None:
    """Two of three are left, and two clocks that differ do not say which is wrong."""
    cluster = make_cluster()
    cluster["c"].crash()
    shift(cluster, "a", DAY_MS)
    a = cluster.elect("a")
    cluster.tick_all(20)
    assert a.raft.role is Role.LEADER
    a.propose(b"x")
    cluster.settle()
    assert cluster["b"].data == [b"x"]


def test_without_a_successor_whose_clock_is_right_it_goes_on(make_cluster: Make) -> None:
    """A single learner disagrees, and a voter that is cut off: nobody to hand over to."""
    cluster = make_cluster("a", learners="x")
    shift(cluster, "x", DAY_MS)
    a = cluster.elect("a")
    cluster.tick_all(5)
    assert (a.raft.role, a.raft.clock_off_ms) == (Role.LEADER, 0)
    assert a.raft.transfer() is None


def test_a_removed_leader_hands_over_to_nobody_whose_clock_is_off(make_cluster: Make) -> None:
    cluster = make_cluster(seed=3)
    shift(cluster, "b", DAY_MS)
    shift(cluster, "c", -DAY_MS)
    a = cluster.elect("a")
    cluster.tick_all(3)
    a.change(cluster.configuration("bc"))
    cluster.settle()
    assert [node.raft.role for node in cluster.nodes.values()] == [Role.FOLLOWER] * 3
    cluster.tick_all(70)
    assert cluster.leader() is not None, "a leader with a wrong clock is better than none"
