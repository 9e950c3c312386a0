"""Handing over the lead (thesis, 3.10)."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.messages import PreVoteRequest, TimeoutNow, VoteRequest, VoteResponse
from consensus.raft import Busy
from consensus.ready import Role

Make = Callable[..., Any]
A, B, C, X = (f"{name}/0000000000000001" for name in "abcx")


def test_the_target_leads_in_the_next_term(make_cluster: Make) -> None:
    """Thesis 3.10: "This request has the same effect as the target server's election timer firing";
    the others vote although they hear a leader."""
    cluster = make_cluster()
    a = cluster.elect("a")
    assert a.raft.transfer(C) == C
    a.drain()
    cluster.settle()
    assert cluster["c"].raft.role is Role.LEADER
    assert {node.raft.term for node in cluster.nodes.values()} == {2}
    assert a.raft.role is Role.FOLLOWER
    assert a.raft.transferring is None


def test_the_target_is_first_brought_up_to_date(make_cluster: Make) -> None:
    """Thesis 3.10: "the prior leader fully updates the target server's log to match its own"."""
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.isolate("c")
    for _ in range(3):
        a.propose()
    cluster.settle()
    cluster.heal()
    a.raft.transfer(C)
    a.drain()
    assert not any(isinstance(message, TimeoutNow) for message in cluster.network)
    cluster.tick_all(3)
    assert cluster["c"].raft.role is Role.LEADER
    assert cluster["c"].entries()[:4] == a.entries()[:4]


def test_meanwhile_nothing_is_proposed(make_cluster: Make) -> None:
    """Thesis 3.10: "the prior leader stops accepting new client requests"."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.raft.transfer(B)
    for propose in (a.propose, lambda: a.change(cluster.configuration("ab"))):
        with pytest.raises(Busy):
            propose()


def test_a_target_out_of_reach_is_given_up(make_cluster: Make) -> None:
    """Thesis 3.10: "if leadership transfer does not complete after about an election timeout, the
    prior leader aborts the transfer and resumes accepting client requests"."""
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.isolate("c")
    a.raft.transfer(C)
    cluster.tick_all(9)
    assert a.raft.transferring == C
    cluster.tick_all(1)
    assert a.raft.transferring is None
    a.propose(b"on")
    cluster.settle()
    assert cluster["b"].data == [b"on"]


def test_it_is_asked_again_while_it_lasts(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.raft.transfer(B)
    a.drain()
    asked = TimeoutNow(A, B, 1)
    assert cluster.network.count(asked) == 1
    a.drain()
    assert cluster.network.count(asked) == 1
    cluster.network.clear()
    a.tick()
    assert cluster.network.count(asked) == 1


@pytest.mark.parametrize("target", [A, X, "stranger/0000000000000001"])
def test_to_oneself_a_learner_or_a_stranger_nothing_happens(
    make_cluster: Make, target: str
) -> None:
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    assert a.raft.transfer(target) is None
    assert a.raft.transferring is None
    a.propose()


def test_only_a_leader_has_a_lead_to_give(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.elect("a")
    assert cluster["b"].raft.transfer(C) is None


def test_without_a_name_it_goes_to_the_longest_log_that_is_heard(make_cluster: Make) -> None:
    cluster = make_cluster("abcd")
    a = cluster.elect("a")
    cluster.isolate("b")
    a.propose()
    cluster.tick_all(25)
    assert a.raft.role is Role.LEADER
    assert a.raft.transfer() == C


def test_nobody_heard_nobody_to_hand_over_to(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a", settle=False)
    assert a.raft.transfer() is None


@pytest.mark.parametrize("term", [1, 2])
def test_a_late_word_to_a_candidate_changes_nothing(make_cluster: Make, term: int) -> None:
    """Known bug A16 of others (CCF #8126): a TimeoutNow of an older term reaches a candidate."""
    cluster = make_cluster()
    cluster.elect("a")
    b = cluster["b"]
    cluster.isolate("b")
    b.tick(20)
    b.step(VoteRequest(C, B, 2, 0, 0))
    before = (b.raft.role, b.raft.term)
    b.step(TimeoutNow(A, B, term))
    assert (b.raft.role, b.raft.term) == before


def test_a_learner_is_not_made_to_lead(make_cluster: Make) -> None:
    cluster = make_cluster(learners="x")
    cluster.elect("a")
    cluster["x"].step(TimeoutNow(A, X, 1))
    assert cluster["x"].raft.role is Role.FOLLOWER


def test_only_a_bidden_vote_is_given_while_a_leader_is_heard(make_cluster: Make) -> None:
    """Thesis 4.2.3: "Those RequestVote requests can include a special flag to indicate this
    behavior"; all others are refused by whoever hears a leader."""
    cluster = make_cluster()
    cluster.elect("a")
    c = cluster["c"]
    c.step(VoteRequest(B, C, 2, 9, 9))
    c.step(PreVoteRequest(B, C, 2, 9, 9))
    assert c.raft.term == 1
    c.step(VoteRequest(B, C, 2, 9, 9, transfer=True))
    c.finish_writes()
    assert VoteResponse(C, B, 2, True) in cluster.network
