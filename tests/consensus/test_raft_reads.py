"""Linearizable reads (thesis 6.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.messages import (
    AppendRequest,
    AppendResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    ReadIndexRequest,
    ReadIndexResponse,
)
from consensus.raft import Busy, Limits
from consensus.ready import Contradiction, Role

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def sent(cluster: Any, kind: Any) -> list[Any]:
    """Take what is on the network; give back those of this kind."""
    messages, cluster.network = cluster.network, []
    return [message for message in messages if isinstance(message, kind)]


def test_a_leader_answers_when_a_majority_confirmed_it(make_cluster: Make) -> None:
    """Thesis 6.4: "The leader needs to make sure it hasn't been superseded by a newer leader of
    which it is unaware. It issues a new round of heartbeats and waits for their acknowledgments
    from a majority of the cluster." """
    cluster = make_cluster("abcde")
    a = cluster.elect("a")
    a.read(7)
    heartbeats = sent(cluster, HeartbeatRequest)
    assert {one.read_position for one in heartbeats} == {1}
    assert len(heartbeats) == 4
    a.step(HeartbeatResponse(B, A, 1, 1, 0, 0))
    a.step(HeartbeatResponse(B, A, 1, 1, 0, 0))
    assert a.reads == {}
    a.step(HeartbeatResponse(C, A, 1, 1, 0, 0))
    assert a.reads == {7: 1}


def test_an_answer_to_an_older_heartbeat_confirms_no_newer_read(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.read(1)
    a.read(2)
    a.step(HeartbeatResponse(B, A, 1, 0, 0, 0))
    assert a.reads == {}
    a.step(HeartbeatResponse(B, A, 1, 1, 0, 0))
    assert a.reads == {1: 1}
    a.step(HeartbeatResponse(B, A, 1, 1, 0, 0))
    a.step(HeartbeatResponse(B, A, 1, 3, 0, 0))
    assert a.reads == {1: 1}
    a.step(HeartbeatResponse(C, A, 1, 2, 0, 0))
    assert a.reads == {1: 1, 2: 1}


def test_reads_that_come_together_share_a_round(make_cluster: Make) -> None:
    """Thesis 6.4: the leader "can use a single round of heartbeats for any number of read-only
    queries that it has accumulated." """
    cluster = make_cluster()
    a = cluster.elect("a")
    for context in range(5):
        a.raft.read_index(context)
    a.drain()
    assert [one.read_position for one in sent(cluster, HeartbeatRequest)] == [1, 1]
    a.step(HeartbeatResponse(C, A, 1, 1, 0, 0))
    assert a.reads == dict.fromkeys(range(5), 1)


def test_a_lost_round_is_made_good_by_the_next_heartbeat(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.read(7)
    cluster.network.clear()
    cluster.tick_all()
    assert a.reads == {7: 1}


def test_a_new_leader_answers_only_after_an_entry_of_its_own_term(make_cluster: Make) -> None:
    """Thesis 6.4: "If the leader has not yet marked an entry from its current term committed, it
    waits until it has done so." Its commit index may be behind what was acknowledged before."""
    cluster = make_cluster(logs={"a": [1, 1], "b": [1, 1], "c": [1, 1]})
    a = cluster.elect("a", settle=False)
    assert a.raft.commit == 0
    a.read(7)
    assert sent(cluster, HeartbeatRequest) == []
    a.step(HeartbeatResponse(B, A, 2, 0, 0, 0))
    assert a.reads == {}
    a.finish_writes()
    a.step(AppendResponse(B, A, 2, 3))
    assert [one.read_position for one in sent(cluster, HeartbeatRequest)] == [1, 1]
    a.step(HeartbeatResponse(B, A, 2, 1, 0, 0))
    assert a.reads == {7: 3}


def test_a_lone_voter_confirms_itself(make_cluster: Make) -> None:
    cluster = make_cluster("a")
    a = cluster.elect("a")
    a.read(7)
    assert a.reads == {7: 1}


def test_learners_confirm_nothing(make_cluster: Make) -> None:
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    a.read(7)
    a.step(HeartbeatResponse(cluster["x"].id, A, 1, 1, 0, 0))
    assert a.reads == {}


def test_a_leader_without_followers_answers_nothing(make_cluster: Make) -> None:
    """Known bug C2 of others (etcd #741, found by Jepsen): a leader that was cut off answers reads
    while a new one commits."""
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.isolate("a")
    b = cluster.elect("b")
    b.propose(b"new")
    cluster.settle()
    a.read(7)
    cluster.settle()
    assert a.raft.role is Role.LEADER
    assert a.reads == {}
    cluster.tick_all(20)
    assert a.reads == {7: None}


def test_reads_fail_at_once_when_the_lead_is_lost(make_cluster: Make) -> None:
    """Known bug C4 of others: completed later, under another leader."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.read(7)
    a.raft.step(ReadIndexRequest(B, A, 1, 99), 0)
    a.drain()
    cluster.network.clear()
    a.step(HeartbeatResponse(C, A, 2, 1, 0, 0))
    assert a.reads == {7: None}
    assert cluster.network == [ReadIndexResponse(A, B, 2, 99, None)]
    a.step(HeartbeatResponse(B, A, 2, 1, 0, 0))
    assert a.reads == {7: None}


def test_followers_ask_the_leader(make_cluster: Make) -> None:
    """Thesis 6.4: "To serve reads safely, the follower could issue a request to the leader that
    just asked for a current readIndex"."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose()
    cluster.settle()
    b = cluster["b"]
    b.read(7)
    cluster.settle()
    assert b.reads == {7: 2}


def test_a_follower_without_a_leader_fails_at_once(make_cluster: Make) -> None:
    b = make_cluster()["b"]
    b.read(7)
    assert b.reads == {7: None}


def test_a_forwarded_read_fails_when_the_leader_changes_or_does_not_answer(
    make_cluster: Make,
) -> None:
    cluster = make_cluster()
    cluster.elect("a")
    b = cluster["b"]
    b.read(1)
    b.step(HeartbeatRequest(C, B, 2, 0, 0, 0, 0, 0))
    assert b.reads == {1: None}
    b.finish_writes()
    b.tick(3)
    b.read(2)
    b.tick(9)
    b.read(3)
    assert b.reads == {1: None}
    b.tick()
    assert b.reads == {1: None, 2: None}
    b.tick(9)
    assert b.reads == {1: None, 2: None, 3: None}


def test_one_who_does_not_lead_says_so(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.elect("a")
    cluster["b"].step(ReadIndexRequest(C, B, 1, 99))
    assert cluster.network == [ReadIndexResponse(B, C, 1, 99, None)]


def test_answers_count_once_and_only_to_questions_of_this_life(make_cluster: Make) -> None:
    """A restarted replica counts its questions from elsewhere, so a late answer to an old one is
    no answer to a new one."""
    cluster = make_cluster(seed=1)
    cluster.tick_all(40)
    leader = cluster.leader()
    b = next(node for node in cluster.nodes.values() if node is not leader)
    b.read(7)
    (old,) = sent(cluster, ReadIndexRequest)
    b.crash()
    b.start()
    cluster.tick_all()
    b.read(7)
    (new,) = sent(cluster, ReadIndexRequest)
    assert old.context != new.context
    b.step(ReadIndexResponse(leader.id, b.id, leader.raft.term, old.context, 1))
    assert b.reads == {}
    b.step(ReadIndexResponse(leader.id, b.id, leader.raft.term, new.context, 1))
    b.step(ReadIndexResponse(leader.id, b.id, leader.raft.term, new.context, 2))
    assert b.reads == {7: 1}


@pytest.mark.parametrize(("index", "answer"), [(2, None), (3, 3), (4, 4)])
def test_a_log_that_is_not_the_leader_s_answers_no_read(
    make_cluster: Make, index: int, answer: int | None
) -> None:
    """A disk with another history than the group's: entry 2 is long applied here, but a leader of
    term 9 confirms reads only at entries of its own term (thesis, 6.4), so it speaks of another
    entry 2. What is not committed here yet shows when it comes."""
    cluster = make_cluster(logs={"a": [1, 1, 9], "b": [], "c": []})
    a = cluster["a"]
    a.step(AppendRequest(B, A, 9, 3, 9, (), 3))
    a.read(7)
    (asked,) = sent(cluster, ReadIndexRequest)
    a.step(message := ReadIndexResponse(B, A, 9, asked.context, index))
    assert a.reads == {7: answer}
    why = "entry 2 is committed here with term 1"
    assert a.contradictions == ([Contradiction(message, why)] if answer is None else [])


def test_pending_reads_are_bounded(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(pending_reads=2))
    a = cluster.elect("a")
    for node in (a, cluster["b"]):
        node.read(1)
        node.read(2)
        with pytest.raises(Busy):
            node.read(3)
    cluster.network.clear()
    a.step(ReadIndexRequest(C, A, 1, 99))
    assert ReadIndexResponse(A, C, 1, 99, None) in cluster.network
    cluster.tick_all(2)
    assert a.reads == {1: 1, 2: 1}
    a.read(3)
