"""Elections: the paper's rules with their sentences, and what pre-votes and stickiness add.

"Paper" is Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm (extended
version); "thesis" is Ongaro's.
"""

from collections.abc import Callable
from typing import Any

import pytest

from consensus import wire
from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    HardState,
    HeartbeatRequest,
    HeartbeatResponse,
    PreVoteRequest,
    PreVoteResponse,
    ReadIndexRequest,
    ReadIndexResponse,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import TERM_STEP_MAX
from consensus.ready import Role

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def test_followers_start_and_stay_followers_while_they_hear_a_leader(make_cluster: Make) -> None:
    """Paper 5.2: "When servers start up, they begin as followers. A server remains in follower
    state as long as it receives valid RPCs from a leader or candidate." """
    cluster = make_cluster()
    assert {node.raft.role for node in cluster.nodes.values()} == {Role.FOLLOWER}
    cluster.elect("a")
    cluster.tick_all(200)
    assert cluster["a"].raft.role is Role.LEADER
    assert {node.raft.term for node in cluster.nodes.values()} == {1}


def test_a_candidate_asks_everyone_at_once_and_votes_for_itself(make_cluster: Make) -> None:
    """Paper 5.2: "To begin an election, a follower increments its current term and transitions to
    candidate state. It then votes for itself and issues RequestVote RPCs in parallel to each of the
    other servers in the cluster." (After the pre-votes, and when its own vote is on its disk.)"""
    cluster = make_cluster()
    a = cluster["a"]
    a.tick(19)
    assert cluster.network == [PreVoteRequest(A, B, 0, 0, 0), PreVoteRequest(A, C, 0, 0, 0)]
    assert a.raft.role is Role.PRE_CANDIDATE
    assert a.raft.term == 0
    cluster.network.clear()
    a.step(PreVoteResponse(B, A, 0, True))
    assert (a.raft.role, a.raft.term, a.raft.leader) == (Role.CANDIDATE, 1, None)
    assert cluster.network == []
    a.finish_writes()
    assert a.storage.hard_state == HardState(1, A)
    assert cluster.network == [VoteRequest(A, B, 1, 0, 0), VoteRequest(A, C, 1, 0, 0)]


def test_a_majority_of_votes_elects(make_cluster: Make) -> None:
    """Paper 5.2: "A candidate wins an election if it receives votes from a majority of the servers
    in the full cluster for the same term." "It then sends heartbeat messages to all of the other
    servers to establish its authority and prevent new elections." (Here the no-op does that.)"""
    cluster = make_cluster("abcde")
    a = cluster["a"]
    a.tick(19)
    for name in "bc":
        a.step(PreVoteResponse(cluster[name].id, A, 0, True))
    a.finish_writes()
    a.step(VoteResponse(cluster["b"].id, A, 1, True))
    assert a.raft.role is Role.CANDIDATE
    cluster.network.clear()
    a.step(VoteResponse(cluster["c"].id, A, 1, True))
    assert (a.raft.role, a.raft.leader) == (Role.LEADER, A)
    assert {type(message) for message in cluster.network} == {AppendRequest}
    assert {message.recipient for message in cluster.network} == {
        node.id for node in cluster.nodes.values() if node is not a
    }


def test_heartbeats_go_out_at_their_own_pace(make_cluster: Make) -> None:
    """Paper 5.2: "Leaders send periodic heartbeats [...] to all followers in order to maintain
    their authority." """
    cluster = make_cluster(heartbeat_ticks=3)
    a = cluster.elect("a")
    a.tick(9)
    assert len([one for one in cluster.network if isinstance(one, HeartbeatRequest)]) == 6


def test_votes_count_once_and_only_those_of_voters(make_cluster: Make) -> None:
    """Known bug A18 of others: a repeated answer, or a learner's, completes a majority."""
    cluster = make_cluster("abcde", learners="x")
    a = cluster["a"]
    x = cluster["x"].id
    a.tick(19)
    for sender in (B, B, B, x, "z/0000000000000001"):
        a.step(PreVoteResponse(sender, A, 0, True))
    assert a.raft.role is Role.PRE_CANDIDATE
    a.step(PreVoteResponse(C, A, 0, True))
    a.finish_writes()
    for sender in (B, B, x, x):
        a.step(VoteResponse(sender, A, 1, True))
    assert a.raft.role is Role.CANDIDATE
    a.step(VoteResponse(C, A, 1, False))
    a.step(VoteResponse(C, A, 1, True))
    assert a.raft.role is Role.CANDIDATE


def test_one_vote_per_term_first_come_first_served(make_cluster: Make) -> None:
    """Paper 5.2: "Each server will vote for at most one candidate in a given term, on a
    first-come-first-served basis"."""
    cluster = make_cluster()
    a = cluster["a"]
    for sender, granted in [(B, True), (C, False), (B, True)]:
        cluster.network.clear()
        a.step(VoteRequest(sender, A, 1, 0, 0))
        a.finish_writes()
        assert cluster.network == [VoteResponse(A, sender, 1, granted)]


def test_the_vote_survives_a_crash(make_cluster: Make) -> None:
    """Paper figure 2: currentTerm and votedFor are "updated on stable storage before responding to
    RPCs"."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(VoteRequest(B, A, 1, 0, 0))
    a.finish_writes()
    a.crash()
    a.start()
    cluster.network.clear()
    a.step(VoteRequest(C, A, 1, 0, 0))
    assert cluster.network == [VoteResponse(A, C, 1, False)]


def test_a_vote_that_was_not_synced_was_not_given(make_cluster: Make) -> None:
    """Thesis 3.8: "each server persists its current term and vote; this is necessary to prevent the
    server from voting twice in the same term"."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(VoteRequest(B, A, 1, 0, 0))
    assert cluster.network == []
    a.crash()
    a.start()
    a.step(VoteRequest(C, A, 1, 0, 0))
    a.finish_writes()
    assert cluster.network == [VoteResponse(A, C, 1, True)]


@pytest.mark.parametrize("request_type", [PreVoteRequest, VoteRequest])
@pytest.mark.parametrize(
    ("last_index", "last_term", "granted"),
    [(2, 2, True), (3, 2, True), (1, 3, True), (1, 2, False), (9, 1, False), (0, 0, False)],
)
def test_votes_go_to_logs_at_least_as_up_to_date(
    make_cluster: Make, request_type: Any, last_index: int, last_term: int, granted: bool
) -> None:
    """Paper 5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the
    candidate." Here the voter's log ends with index 2 of term 2."""
    cluster = make_cluster()
    cluster.elect("b")
    cluster.elect("c")
    a = cluster["a"]
    assert a.terms == [1, 2]
    a.crash()
    a.start()
    cluster.network.clear()
    a.step(request_type(B, A, 5, last_index, last_term))
    a.finish_writes()
    assert [message.granted for message in cluster.network] == [granted]
    assert a.raft.term == 5


def test_a_candidate_gives_way_to_the_leader_of_its_term(make_cluster: Make) -> None:
    """Paper 5.2: "If the leader's term (included in its RPC) is at least as large as the
    candidate's current term, then the candidate recognizes the leader as legitimate and returns to
    follower state." """
    cluster = make_cluster()
    a = cluster["a"]
    a.tick(19)
    a.step(PreVoteResponse(B, A, 0, True))
    a.finish_writes()
    a.step(HeartbeatRequest(C, A, 1, 0, 0, 0, 0, 0))
    assert (a.raft.role, a.raft.leader, a.raft.term) == (Role.FOLLOWER, C, 1)


def test_stepping_down_in_the_same_term_does_not_forget_the_vote(make_cluster: Make) -> None:
    """Known bug A2 of others (CCF #8094): a pre-candidate that had voted in its term followed that
    term's leader, forgot its vote on the way, and voted again when an old request came late."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(VoteRequest(B, A, 3, 0, 0))
    a.finish_writes()
    a.tick(19)
    assert a.raft.role is Role.PRE_CANDIDATE
    a.step(AppendRequest(B, A, 3, 7, 2, (), 0))
    assert (a.raft.role, a.raft.leader) == (Role.FOLLOWER, B)
    cluster.network.clear()
    a.tick(10)
    a.step(VoteRequest(C, A, 3, 0, 0))
    a.finish_writes()
    assert cluster.network == [VoteResponse(A, C, 3, False)]
    assert a.storage.hard_state == HardState(3, B)


def test_a_follower_of_a_term_does_not_vote_for_another_in_it(make_cluster: Make) -> None:
    """Paper figure 3: "at most one leader can be elected in a given term." """
    cluster = make_cluster()
    a = cluster["a"]
    a.step(HeartbeatRequest(B, A, 1, 0, 0, 0, 0, 0))
    a.tick(15)
    cluster.network.clear()
    a.step(VoteRequest(C, A, 1, 0, 0))
    a.finish_writes()
    assert cluster.network == [VoteResponse(A, C, 1, False)]


def test_lost_elections_end_in_waiting(make_cluster: Make) -> None:
    """Paper 5.2: a candidate "restarts its randomized election timeout at the start of an election,
    and it waits for that timeout to elapse before starting the next election"."""
    cluster = make_cluster()
    a = cluster["a"]
    a.tick(19)
    a.step(PreVoteResponse(B, A, 0, False))
    assert a.raft.role is Role.PRE_CANDIDATE
    a.step(PreVoteResponse(C, A, 0, False))
    assert (a.raft.role, a.raft.term) == (Role.FOLLOWER, 0)
    a.tick(18)
    assert a.raft.role is Role.FOLLOWER
    a.tick()
    assert a.raft.role is Role.PRE_CANDIDATE


def test_a_split_vote_ends_with_another_try(make_cluster: Make) -> None:
    """Paper 5.2: "if many followers become candidates at the same time, votes could be split so
    that no candidate obtains a majority. When this happens, each candidate will time out and start
    a new election". Chance separates them then; here everyone always draws the same."""
    cluster = make_cluster("abcd")
    for name in "ab":
        cluster[name].tick(19)
    while cluster.network and isinstance(cluster.network[0], PreVoteRequest | PreVoteResponse):
        cluster.arrive(cluster.network.pop(0))
    cluster["a"].finish_writes()
    cluster["b"].finish_writes()
    for message in list(cluster.network):
        if (message.sender, message.recipient[0]) in [(A, "c"), (B, "d")]:
            cluster.network.remove(message)
            cluster.arrive(message)
    cluster.settle()
    assert cluster["a"].raft.role is not Role.LEADER
    assert cluster["b"].raft.role is not Role.LEADER
    assert {node.raft.term for node in cluster.nodes.values()} == {1}
    cluster.elect("a")
    assert cluster["a"].raft.term == 2


def test_timeouts_are_drawn_between_one_and_two_election_timeouts(make_cluster: Make) -> None:
    """Paper 5.2: "election timeouts are chosen randomly from a fixed interval"."""
    seen = set()
    for seed in range(60):
        a = make_cluster(seed=seed)["a"]
        ticks = 0
        while a.raft.role is Role.FOLLOWER:
            a.tick()
            ticks += 1
        seen.add(ticks)
    assert seen == set(range(10, 20))


def test_a_lone_voter_elects_itself_when_its_vote_is_on_its_disk(make_cluster: Make) -> None:
    """Known bugs A6 and F2 of others (etcd #14370): a candidate that counts its own vote, or a
    single replica that acknowledges, before its own disk has it."""
    cluster = make_cluster("a")
    a = cluster["a"]
    a.tick(19)
    assert a.raft.role is Role.CANDIDATE
    a.finish_writes()
    assert a.raft.role is Role.LEADER
    position = a.propose()
    assert a.raft.commit == 0
    assert a.committed == []
    a.finish_writes()
    assert a.raft.commit == position.index == 2
    assert position.is_at(a.committed[-1])
    assert cluster.network == []


# Terms first


def test_a_newer_term_makes_a_follower_of_everyone(make_cluster: Make) -> None:
    """Paper 5.1: "If a candidate or leader discovers that its term is out of date, it immediately
    reverts to follower state." """
    messages = [
        AppendRequest(B, A, 9, 0, 0, (), 0),
        AppendResponse(B, A, 9, 0),
        AppendRefusal(B, A, 9, 0, 0, 0),
        CommitNotice(B, A, 9, 0, 0),
        HeartbeatRequest(B, A, 9, 0, 0, 0, 0, 0),
        HeartbeatResponse(B, A, 9, 0, 0, 0),
        ReadIndexRequest(B, A, 9, 0),
        ReadIndexResponse(B, A, 9, 0, None),
        PreVoteResponse(B, A, 9, False),
        VoteResponse(B, A, 9, False),
    ]
    for message in messages:
        a = make_cluster().elect("a")
        a.step(message)
        assert (a.raft.role, a.raft.term) == (Role.FOLLOWER, 9)
        assert a.raft.leader == (
            B if isinstance(message, AppendRequest | CommitNotice | HeartbeatRequest) else None
        )


def test_requests_of_an_older_term_are_refused_with_the_newer_one(make_cluster: Make) -> None:
    """Paper 5.1: "If a server receives a request with a stale term number, it rejects the
    request." A pre-candidate or leader that is behind learns the term from it (known bug A8 of
    others, etcd #8243: a silent voter with a newer term left the group without a leader)."""
    cluster = make_cluster()
    a = cluster["a"]
    a.step(HeartbeatResponse(B, A, 5, 0, 0, 0))
    a.finish_writes()
    for request, answer in [
        (PreVoteRequest(B, A, 4, 9, 4), PreVoteResponse(A, B, 5, False)),
        (VoteRequest(B, A, 4, 9, 4), VoteResponse(A, B, 5, False)),
        (AppendRequest(B, A, 4, 0, 0, (), 0), AppendRefusal(A, B, 5, 0, 0, 0)),
        (HeartbeatRequest(B, A, 4, 0, 0, 0, 0, 0), AppendRefusal(A, B, 5, 0, 0, 0)),
        (ReadIndexRequest(B, A, 4, 7), ReadIndexResponse(A, B, 5, 7, None)),
    ]:
        cluster.network.clear()
        a.step(request)
        assert cluster.network == [answer]
    cluster.network.clear()
    for message in [
        AppendResponse(B, A, 4, 0),
        CommitNotice(B, A, 4, 0, 0),
        PreVoteResponse(B, A, 4, True),
        VoteResponse(B, A, 4, True),
        ReadIndexResponse(B, A, 4, 7, None),
    ]:
        a.step(message)
    assert cluster.network == []
    assert (a.raft.role, a.raft.term, a.raft.leader) == (Role.FOLLOWER, 5, None)


def test_messages_for_an_earlier_incarnation_are_dropped(make_cluster: Make) -> None:
    a = make_cluster()["a"]
    a.step(HeartbeatRequest(B, "a/00000000000000ff", 9, 0, 0, 0, 0, 0))
    assert (a.raft.term, a.raft.leader) == (0, None)


# Pre-vote, stickiness, check-quorum


def test_a_replica_that_was_cut_off_disturbs_nobody(make_cluster: Make) -> None:
    """Thesis 9.6: "a candidate only increments its term if it first learns from a majority of the
    cluster that they would be willing to grant the candidate their votes"."""
    cluster = make_cluster()
    cluster.elect("a")
    cluster.isolate("c")
    cluster.tick_all(100)
    assert cluster["c"].raft.role is Role.PRE_CANDIDATE
    cluster.heal()
    cluster.tick_all(5)
    assert cluster["a"].raft.role is Role.LEADER
    assert {node.raft.term for node in cluster.nodes.values()} == {1}
    assert cluster["c"].raft.leader == A


@pytest.mark.parametrize("request_type", [PreVoteRequest, VoteRequest])
def test_votes_are_refused_while_a_leader_is_heard(make_cluster: Make, request_type: Any) -> None:
    """Thesis 4.2.3: "if a server receives a RequestVote request within the minimum election timeout
    of hearing from a current leader, it does not update its term or grant its vote". So a removed
    replica that keeps asking does no harm (known bug A14 of others)."""
    cluster = make_cluster()
    cluster.elect("a")
    for node in (cluster["a"], cluster["b"]):
        cluster.network.clear()
        node.step(request_type("z/0000000000000001", node.id, 9, 99, 9))
        assert [message.granted for message in cluster.network] == [False]
        assert node.raft.term == 1
    b = cluster["b"]
    b.tick(10)
    cluster.network.clear()
    b.step(request_type("z/0000000000000001", B, 9, 99, 9))
    b.finish_writes()
    assert [message.granted for message in cluster.network] == [True]


def test_a_pre_vote_changes_nothing_in_the_one_who_is_asked(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster["a"]
    a.tick(15)
    a.step(PreVoteRequest(B, A, 0, 0, 0))
    a.step(PreVoteRequest(C, A, 0, 0, 0))
    assert cluster.network == [PreVoteResponse(A, B, 0, True), PreVoteResponse(A, C, 0, True)]
    assert not a.writes
    a.tick(4)
    assert a.raft.role is Role.PRE_CANDIDATE


def test_a_granted_vote_puts_off_the_own_campaign(make_cluster: Make) -> None:
    """Paper figure 2: "If election timeout elapses without receiving AppendEntries RPC from current
    leader or granting vote to candidate: convert to candidate"."""
    a = make_cluster()["a"]
    a.tick(15)
    a.step(VoteRequest(B, A, 1, 0, 0))
    a.tick(18)
    assert a.raft.role is Role.FOLLOWER


def test_a_leader_that_hears_no_majority_steps_down(make_cluster: Make) -> None:
    """Thesis 6.2: "a leader in Raft steps down if an election timeout elapses without a successful
    round of heartbeats to a majority of its cluster". Known bug G4 of others: a leader that can
    send but not receive keeps everyone waiting."""
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.cut |= {("b", "a"), ("c", "a")}
    for _ in range(25):
        a.tick()
        cluster.settle()
    assert (a.raft.role, a.raft.leader, a.raft.term) == (Role.FOLLOWER, None, 1)


def test_learners_do_not_keep_a_leader_in_office(make_cluster: Make) -> None:
    """Thesis 4.2.1: a learner "is not yet counted towards majorities"."""
    cluster = make_cluster(learners="xy")
    a = cluster.elect("a")
    cluster.isolate("b", "c")
    cluster.tick_all(25)
    assert a.raft.role is not Role.LEADER


def test_an_old_leader_comes_back_and_follows(make_cluster: Make) -> None:
    """Paper 5.1: "if one server's current term is smaller than the other's, then it updates its
    current term to the larger value." """
    cluster = make_cluster()
    cluster.elect("a")
    cluster.isolate("a")
    cluster.elect("b")
    assert cluster["a"].raft.role is Role.LEADER
    cluster.heal()
    cluster.tick_all()
    assert (cluster["a"].raft.role, cluster["a"].raft.leader) == (Role.FOLLOWER, B)
    assert cluster["a"].terms == [1, 2]


def test_a_candidate_with_a_newer_term_is_not_shut_out(make_cluster: Make) -> None:
    """Refused while the leader is heard, it still may not hear the leader for ever: its refusal of
    the leader's older term brings the two together."""
    cluster = make_cluster()
    cluster.elect("a")
    cluster["c"].step(HeartbeatResponse(B, C, 7, 0, 0, 0))
    cluster.settle()
    cluster.tick_all(30)
    leader = cluster.leader()
    assert leader.raft.term >= 7
    assert {node.raft.leader for node in cluster.nodes.values()} == {leader.id}


def test_partial_connections_leave_the_term_alone(make_cluster: Make) -> None:
    """Known trouble A12 of others (Cloudflare, November 2020; Howard and Abraham): 1, 2 and 3 hear
    each other, 4 only hears 2 and 5 only 3; whoever does not hear the leader calls elections."""
    cluster = make_cluster("abcde", seed=3)
    cluster.tick_all(30)
    cluster.isolate("d")
    cluster.isolate("e")
    cluster.cut -= {("b", "d"), ("d", "b"), ("c", "e"), ("e", "c")}
    cluster.tick_all(60)
    settled = cluster.leader()
    term = settled.raft.term
    cluster.tick_all(500)
    assert cluster.leader() is settled
    assert settled.raft.term == term


def test_all_restart_at_once_and_terms_go_on(make_cluster: Make) -> None:
    """Known bug A4 of others (PySyncObj #201): after a restart of all, terms began again and an old
    longer log won."""
    cluster = make_cluster()
    for name in "abcab":
        cluster.elect(name).propose()
        cluster.settle()
    cluster.isolate("b")
    for _ in range(5):
        cluster["b"].propose(b"never committed")
    cluster.elect("a").propose(b"kept")
    cluster.settle()
    for node in cluster.nodes.values():
        node.finish_writes()
        node.crash()
    cluster.heal()
    for node in cluster.nodes.values():
        node.start()
    cluster["b"].tick(19)
    cluster.settle()
    assert cluster["b"].raft.role is not Role.LEADER
    leader = cluster.elect("c")
    assert leader.raft.term >= 7
    assert b"kept" in leader.data
    assert b"never committed" not in cluster["b"].data
    cluster.check_logs_match()


def test_no_message_leads_to_the_last_term(make_cluster: Make) -> None:
    """A liar names the last term a message can carry. Who entered it could never be elected again,
    after any restart; so it is only approached, and there is a leader as soon as the liar stops."""
    cluster = make_cluster()
    cluster.elect("a")
    for _ in range(5):
        for name, node_id in (("a", A), ("b", B)):
            cluster[name].step(AppendResponse(C, node_id, wire.NUMBER_MAX, 0))
    cluster.settle()
    assert {cluster[name].raft.term for name in "ab"} == {1 + 5 * TERM_STEP_MAX}
    assert cluster.elect("b").raft.term == 2 + 5 * TERM_STEP_MAX
    assert cluster["b"].propose()
    cluster.settle()
    cluster.check_logs_match()


def test_who_missed_very_many_elections_catches_up(make_cluster: Make) -> None:
    """A term far ahead is approached message by message, and then followed."""
    cluster = make_cluster()
    leader_term = 3 * TERM_STEP_MAX + 7
    b = cluster["b"]
    for term in (TERM_STEP_MAX, 2 * TERM_STEP_MAX, 3 * TERM_STEP_MAX):
        b.step(HeartbeatRequest(A, B, leader_term, 0, 0, 0, 0, 0))
        assert (b.raft.term, b.raft.leader) == (term, None)
    b.step(HeartbeatRequest(A, B, leader_term, 0, 0, 0, 0, 0))
    assert (b.raft.term, b.raft.leader) == (leader_term, A)
