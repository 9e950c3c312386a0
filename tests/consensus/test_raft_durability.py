"""What waits for the disk, what does not, and what a disk that hangs or crashes means."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.messages import (
    AppendRequest,
    AppendResponse,
    Entry,
    EntryKind,
    HardState,
    HeartbeatRequest,
    HeartbeatResponse,
    ReadIndexResponse,
    RecallResponse,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import Raft
from consensus.ready import Role
from consensus.writes import Writes

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def entry(index: int, term: int) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "b", "test", b"%d" % term)


def append(sender: str, term: int, prev: tuple[int, int], *entries: Entry) -> AppendRequest:
    return AppendRequest(sender, A, term, *prev, entries, 0)


def test_acknowledgements_wait_for_the_disk(make_cluster: Make) -> None:
    """Paper 5.1 and figure 2: persistent state is "updated on stable storage before responding to
    RPCs"."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(append(B, 1, (0, 0), entry(1, 1)))
    assert cluster.network == []
    (write,) = a.writes
    assert (write.hard_state, write.entries) == (HardState(1, None), (entry(1, 1),))
    a.finish_writes()
    assert cluster.network == [AppendResponse(A, B, 1, 1)]


def test_an_acknowledgement_waits_for_what_it_did_not_write_itself(make_cluster: Make) -> None:
    """A repeated append brings nothing new, but what it is about is not on the disk yet."""
    cluster = make_cluster()
    a = cluster["a"]
    for _ in range(3):
        a.step(append(B, 1, (0, 0), entry(1, 1)))
    assert cluster.network == []
    assert len(a.writes) == 1
    a.finish_writes()
    assert cluster.network == [AppendResponse(A, B, 1, 1)], "once is enough, however often asked"
    cluster.network.clear()
    a.step(append(B, 1, (0, 0), entry(1, 1)))
    assert cluster.network == [AppendResponse(A, B, 1, 1)]


def test_acknowledgements_that_wait_together_are_joined(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    for index in (1, 2, 3, 2):
        a.raft.step(append(B, 1, (0, 0), *(entry(k, 1) for k in range(1, index + 1))), 0)
    a.drain()
    a.finish_writes()
    assert cluster.network == [AppendResponse(A, B, 1, 3)]


def test_writes_become_durable_in_order_and_each_frees_its_own(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    for index in (1, 2, 3):
        a.step(append(B, 1, (index - 1, min(index - 1, 1)), entry(index, 1)))
    assert [write.number for write in a.writes] == [1, 2, 3]
    a.finish_writes(1)
    assert cluster.network == [AppendResponse(A, B, 1, 1)]
    a.finish_writes(2)
    assert cluster.network[1:] == [AppendResponse(A, B, 1, 2), AppendResponse(A, B, 1, 3)]


def test_an_entry_written_replaced_and_written_again(make_cluster: Make) -> None:
    """Known bug B14 of others (the ABA case of asynchronous writes): the end of the first write
    must not count for the third, since the second is still to overwrite it."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(append(B, 1, (0, 0), entry(1, 1)))
    a.step(append(C, 2, (0, 0), entry(1, 2)))
    a.step(append(B, 3, (0, 0), entry(1, 1)))
    assert [write.entries for write in a.writes] == [(entry(1, 1),), (entry(1, 2),), (entry(1, 1),)]
    a.step(HeartbeatRequest(B, A, 3, 1, 0, 0, 0, 0))
    for _ in range(2):
        a.finish_writes(1)
        assert a.raft.log.durable == 0
        assert a.committed == []
        assert not any(isinstance(m, AppendResponse) and m.term == 3 for m in cluster.network)
    a.finish_writes(1)
    assert a.raft.log.durable == 1
    assert a.committed == [entry(1, 1)]
    assert cluster.network[-1] == AppendResponse(A, B, 3, 1)


def test_nothing_leaves_that_was_said_in_a_term_that_is_over(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    a.step(append(B, 1, (0, 0), entry(1, 1)))
    a.step(HeartbeatResponse(C, A, 2, 0, 0, 0))
    a.finish_writes()
    assert cluster.network == []
    a.step(append(C, 2, (1, 1)))
    assert cluster.network == [AppendResponse(A, C, 2, 1)]


def test_nobody_is_asked_for_a_vote_when_a_leader_was_found(make_cluster: Make) -> None:
    cluster = make_cluster("ab")
    a = cluster["a"]
    a.tick(19)
    cluster["b"].tick(10)
    cluster.arrive(cluster.network.pop())
    a.step(cluster.network.pop())
    assert (a.raft.role, a.raft.term) == (Role.CANDIDATE, 1)
    a.step(HeartbeatRequest(B, A, 1, 0, 0, 0, 0, 0))
    cluster.network.clear()
    a.finish_writes()
    assert a.raft.role is Role.FOLLOWER
    assert cluster.network == []


def test_a_vote_asked_for_again_waits_like_the_first(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    a.step(VoteRequest(B, A, 1, 0, 0))
    a.step(VoteRequest(B, A, 1, 0, 0))
    assert cluster.network == []
    assert len(a.writes) == 1
    a.finish_writes()
    assert cluster.network == [VoteResponse(A, B, 1, True)]


def test_heartbeats_are_answered_while_the_disk_is_busy(make_cluster: Make) -> None:
    """Known trouble F16 of others: a disk that takes two seconds looks like a dead replica."""
    cluster = make_cluster()
    cluster.elect("a")
    b = cluster["b"]
    b.step(AppendRequest(A, B, 1, 1, 1, (entry(2, 1),), 1))
    cluster.network.clear()
    b.step(HeartbeatRequest(A, B, 1, 1, 5, 0, 0, 0))
    assert cluster.network == [HeartbeatResponse(B, A, 1, 5, 0, cluster.now_ms)]


def test_a_leader_whose_disk_hangs_loses_the_lead(make_cluster: Make) -> None:
    """It could send others' heartbeats for ever and commit with others' disks, but not answer for
    anything. So it stops, and somebody with a disk takes over."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose()
    for tick in range(10):
        assert a.raft.role is Role.LEADER, f"stepped down at tick {tick}"
        a.tick()
        for message in list(cluster.network):
            cluster.network.remove(message)
            cluster.arrive(message)
            for name in "bc":
                cluster[name].finish_writes()
    assert a.raft.role is Role.FOLLOWER
    assert a.raft.leader is None
    a.tick(100)
    assert a.raft.role is Role.FOLLOWER
    a.finish_writes()
    a.tick(19)
    assert a.raft.role is Role.PRE_CANDIDATE


def test_what_was_acknowledged_survives_the_crash_of_everyone(make_cluster: Make) -> None:
    """Promise: no acknowledged entry is lost while a majority of disks survives. Thesis 3.8: "Even
    if every server restarts at the same time, the commit index will only temporarily lag behind its
    true value." """
    cluster = make_cluster()
    a = cluster.elect("a")
    position = a.propose(b"kept")
    for node in cluster.nodes.values():
        node.finish_writes()
    cluster.settle()
    for node in cluster.nodes.values():
        node.crash()
    cluster.network.clear()
    for name in "bc":
        cluster[name].start()
    leader = cluster.elect("c")
    assert position.is_at(leader.committed[position.index - 1])


def test_a_restarted_replica_goes_on_where_the_edge_had_applied(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose(b"one")
    a.propose(b"two")
    cluster.settle()
    again = Raft(
        A, a.storage, proposer="a", version="test", random=lambda n: 0, applied=2, election_ticks=10
    )
    assert again.commit == 2
    again.step(RecallResponse(B, A, 1, 0, 0, 1, 3, 1, 3, again.configuration), 0)
    again.step(HeartbeatRequest(B, A, 1, 3, 0, 0, 0, 0), 0)
    ready = again.ready()
    assert ready is not None
    assert [one.data for one in ready.committed] == [b"two"]


def test_what_is_not_taken_yet_stays_in_the_log(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.deliver = False
    a.propose(b"one")
    a.propose(b"two")
    cluster.settle()
    assert a.data == []
    a.deliver = True
    a.drain()
    assert a.data == [b"one", b"two"]


def test_a_write_that_was_never_handed_out_cannot_be_finished() -> None:
    writes = Writes()
    assert writes.persisted(0) == (0, [])
    with pytest.raises(AssertionError, match="never handed out"):
        writes.persisted(1)


def test_a_finished_write_may_be_reported_twice(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    a.step(append(B, 1, (0, 0), entry(1, 1)))
    a.finish_writes()
    cluster.network.clear()
    a.raft.persisted(1, 0)
    assert a.raft.ready() is None
    assert a.raft.log.durable == 1


def test_answers_to_nothing_are_nothing(make_cluster: Make) -> None:
    a = make_cluster()["a"]
    a.step(ReadIndexResponse(B, A, 0, 1, 1))
    assert a.raft.ready() is None
