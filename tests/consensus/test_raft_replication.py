"""Replication and commitment: the paper's rules with their sentences, back-tracking, flow control
and what a follower does with an append that cannot be right."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.log import ENTRY_BYTES
from consensus.messages import (
    DATA_BYTES_MAX,
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    Entry,
    EntryKind,
    HeartbeatRequest,
    HeartbeatResponse,
    Position,
)
from consensus.raft import Busy, Limits, NotLeader
from consensus.ready import Contradiction, Role

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def entry(index: int, term: int, data: bytes = b"x") -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "b", "test", data)


def sent(cluster: Any, kind: Any) -> list[Any]:
    """Take what is on the network; give back those of this kind."""
    messages, cluster.network = cluster.network, []
    return [message for message in messages if isinstance(message, kind)]


def follower(cluster: Any, *terms: int, commit: int = 0) -> Any:
    """a with a log of these terms, following b in term 9."""
    a = cluster["a"]
    entries = tuple(entry(index, term) for index, term in enumerate(terms, 1))
    a.step(AppendRequest(B, A, 9, 0, 0, entries, commit))
    a.finish_writes()
    assert a.terms == list(terms)
    cluster.network.clear()
    return a


# Commitment


def test_a_leader_opens_its_term_with_a_no_op(make_cluster: Make) -> None:
    """Paper 8: "Raft handles this by having each leader commit a blank no-op entry into the log at
    the start of its term." """
    cluster = make_cluster()
    a = cluster.elect("a")
    assert [(one.kind, one.data, one.index, one.term) for one in a.committed] == [
        (EntryKind.NOOP, b"", 1, 1)
    ]


def test_an_entry_is_committed_when_a_majority_has_it(make_cluster: Make) -> None:
    """Paper 5.3: "A log entry is committed once the leader that created the entry has replicated it
    on a majority of the servers". "Once a follower learns that a log entry is committed, it applies
    the entry to its local state machine (in log order)." """
    cluster = make_cluster("abcde")
    a = cluster.elect("a")
    cluster.isolate("d", "e")
    position = a.propose(b"block")
    assert position == Position(2, 1)
    a.finish_writes()
    a.step(AppendResponse(B, A, 1, 2))
    assert a.raft.commit == 1
    a.step(AppendResponse(B, A, 1, 2))
    a.step(AppendResponse("z/0000000000000001", A, 1, 2))
    assert a.raft.commit == 1
    a.step(AppendResponse(C, A, 1, 2))
    assert a.raft.commit == 2
    assert a.data == [b"block"]


def test_followers_learn_of_a_commit_within_a_message_delay(make_cluster: Make) -> None:
    """No heartbeat is needed: without a tick everybody has applied."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose(b"block")
    cluster.settle()
    assert [node.data for node in cluster.nodes.values()] == [[b"block"]] * 3
    assert cluster.network == []


def test_the_leader_writes_beside_its_followers_not_before_them(make_cluster: Make) -> None:
    """Thesis 10.2.1: "the leader can write to its disk in parallel with replicating to the
    followers"; "The leader may even commit an entry before it has been written to its own disk, if
    a majority of followers have written it to their disks; this is still safe." It is not applied
    here before, though."""
    cluster = make_cluster()
    a = cluster.elect("a")
    position = a.propose(b"block")
    assert len(a.writes) == 1
    assert len(cluster.network) == 2
    a.step(AppendResponse(B, A, 1, 2))
    assert a.raft.commit == 1
    a.step(AppendResponse(C, A, 1, 2))
    assert a.raft.commit == position.index
    assert a.data == []
    a.finish_writes()
    assert a.data == [b"block"]


def test_the_own_entry_counts_when_it_is_durable(make_cluster: Make) -> None:
    """Thesis 10.2.1: "the leader uses its own match index to indicate the latest entry to have been
    durably written to its disk." """
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose()
    a.step(AppendResponse(B, A, 1, 2))
    assert a.raft.commit == 1
    a.finish_writes()
    assert a.raft.commit == 2


def test_entries_of_older_terms_are_committed_only_with_one_of_the_own(make_cluster: Make) -> None:
    """Paper 5.4.2 and figure 8: "Raft never commits log entries from previous terms by counting
    replicas. Only log entries from the leader's current term are committed by counting replicas;
    once an entry from the current term has been committed in this way, then all prior entries are
    committed indirectly"."""
    cluster = make_cluster(logs={"a": [1, 2], "b": [1], "c": [1, 3]})
    cluster["c"].alive = False
    cluster["a"].step(HeartbeatResponse(B, A, 3, 0, 0, 0))
    a = cluster.elect("a", settle=False)
    assert a.terms == [1, 2, 4]
    a.finish_writes()
    a.step(AppendResponse(B, A, 4, 2))
    assert a.raft.commit == 0
    a.step(AppendResponse(B, A, 4, 3))
    assert a.raft.commit == 3
    assert [one.index for one in a.committed] == [1, 2, 3]


def test_the_log_gives_the_fate_of_every_proposal(make_cluster: Make) -> None:
    """Known bug H4 of others: a waiter at index 7 of term 2 is told of success when index 7 is
    committed with term 3."""
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.isolate("a")
    lost = [a.propose(b"lost"), a.propose(b"lost")]
    b = cluster.elect("b")
    kept = b.propose(b"kept")
    cluster.settle()
    cluster.heal()
    cluster.tick_all(2)
    assert kept.index == lost[1].index
    for position in lost:
        assert not any(position.is_at(one) for one in a.committed)
        assert any(position.is_lost_to(one) for one in a.committed)
    assert any(kept.is_at(one) for one in a.committed)
    assert a.data == b.data == [b"kept"]


# Log matching and repair


@pytest.mark.parametrize(
    "terms",
    [
        [1, 1, 1, 4, 4, 5, 5, 6, 6],
        [1, 1, 1, 4],
        [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        [1, 1, 1, 4, 4, 4, 4],
        [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        [],
    ],
)
def test_figure_7(make_cluster: Make, terms: list[int]) -> None:
    """Paper figure 7: "When the leader at the top comes to power, it is possible that any of
    scenarios (a-f) could occur in follower logs." 5.3: "the leader must find the latest log entry
    where the two logs agree, delete any entries in the follower's log after that point, and send
    the follower all of the leader's entries after that point." """
    top = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
    cluster = make_cluster(logs={"a": top, "b": terms, "c": top[:-1]})
    cluster["a"].step(HeartbeatResponse(B, A, 7, 0, 0, 0))
    a = cluster.elect("a")
    assert a.terms == [*top, 8]
    assert cluster["b"].entries() == cluster["c"].entries() == a.entries()
    assert cluster["b"].committed == a.committed


def test_back_tracking_skips_whole_terms(make_cluster: Make) -> None:
    """Paper 5.3: "the protocol can be optimized to reduce the number of rejected AppendEntries
    RPCs." Here 300 entries of three terms that the leader lacks cost a handful of refusals."""
    cluster = make_cluster(
        logs={"a": [1] * 50 + [9], "b": [1] * 50 + [9], "c": [1] * 40 + [3, 5, 7] * 0 + [3] * 300}
    )
    refusals = []
    original = cluster.send

    def count(messages: Any) -> None:
        refusals.extend(m for m in messages if isinstance(m, AppendRefusal))
        original(messages)

    cluster.send = count
    a = cluster.elect("a")
    cluster.settle()
    assert cluster["c"].terms == a.terms
    assert len(refusals) <= 4


def test_the_hint_names_the_last_entry_that_can_match(make_cluster: Make) -> None:
    """Paper 5.3: "With this information, the leader can decrement nextIndex to bypass all of the
    conflicting entries in that term". Both sides skip here, each what the other cannot have."""
    cluster = make_cluster()
    a = follower(cluster, 1, 1, 4, 4, 6)
    for prev_index, prev_term, hint in [
        (5, 5, (4, 4)),
        (9, 7, (5, 6)),
        (4, 3, (2, 1)),
        (3, 1, (2, 1)),
    ]:
        a.step(AppendRequest(B, A, 9, prev_index, prev_term, (), 0))
        assert sent(cluster, AppendRefusal) == [AppendRefusal(A, B, 9, prev_index, *hint)]


def test_an_append_replaces_what_differs_and_all_behind_it(make_cluster: Make) -> None:
    """Paper figure 2: "If an existing entry conflicts with a new one (same index but different
    terms), delete the existing entry and all that follow it"."""
    cluster = make_cluster()
    a = follower(cluster, 1, 1, 4, 4, 6)
    a.step(AppendRequest(B, A, 9, 2, 1, (entry(3, 4), entry(4, 7)), 0))
    assert a.terms == [1, 1, 4, 7]
    a.finish_writes()
    assert a.storage.last_index == 4
    assert sent(cluster, AppendResponse) == [AppendResponse(A, B, 9, 4)]


def test_a_late_append_cuts_nothing_off(make_cluster: Make) -> None:
    """Paper figure 2: "If" there is a conflict, and only then. Known bug B6 of others: an older,
    shorter append that comes late truncates (PySyncObj even applied entries)."""
    cluster = make_cluster()
    a = follower(cluster, 1, 9, 9, commit=2)
    for entries in [(), (entry(1, 1),), (entry(1, 1), entry(2, 9))]:
        a.step(AppendRequest(B, A, 9, 0, 0, entries, 0))
        assert a.terms == [1, 9, 9]
        assert not a.writes
        assert sent(cluster, AppendResponse) == [AppendResponse(A, B, 9, len(entries))]
    assert a.raft.commit == 2


@pytest.mark.parametrize(
    ("prev", "count", "commit", "expected"),
    [((2, 1), 0, 5, 2), ((2, 1), 1, 5, 3), ((2, 1), 1, 2, 2), ((4, 4), 0, 4, 4), ((1, 1), 1, 9, 2)],
)
def test_commit_goes_no_further_than_the_append_vouches_for(
    make_cluster: Make, prev: tuple[int, int], count: int, commit: int, expected: int
) -> None:
    """Paper figure 2: "set commitIndex = min(leaderCommit, index of last new entry)". Known bug B8
    of others (CCF #8172): the tail beyond it may still be another leader's."""
    cluster = make_cluster()
    terms = (1, 1, 4, 4, 6)
    a = follower(cluster, *terms)
    entries = tuple(entry(prev[0] + k, terms[prev[0] + k - 1]) for k in range(1, count + 1))
    a.step(AppendRequest(B, A, 9, *prev, entries, commit))
    assert a.raft.commit == expected


def test_commit_notices_speak_of_one_entry(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = follower(cluster, 1, 1, 4)
    for commit, term, expected in [(5, 4, 0), (3, 5, 0), (2, 1, 2), (1, 1, 2), (3, 4, 3)]:
        a.step(CommitNotice(B, A, 9, commit, term))
        assert a.raft.commit == expected
    assert cluster.network == []
    assert a.contradictions == []


def test_heartbeats_carry_no_commit_beyond_what_was_acknowledged(make_cluster: Make) -> None:
    """Known bug B10 of others: a heartbeat's commit index makes a follower commit a tail that was
    never compared."""
    cluster = make_cluster(logs={"c": [1, 1, 1]})
    cluster["a"].step(HeartbeatResponse(C, A, 1, 0, 0, 0))
    cluster.nodes["c"].alive = False
    a = cluster.elect("a")
    for _ in range(3):
        a.propose()
    cluster.settle()
    assert a.raft.commit == 4
    a.tick()
    heartbeats = {one.recipient: one for one in sent(cluster, HeartbeatRequest)}
    assert heartbeats[B].commit == 4
    assert heartbeats[C].commit == 0


def test_a_heartbeat_from_a_leader_that_claims_too_much_commits_nothing(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = follower(cluster, 1, 9)
    a.step(HeartbeatRequest(B, A, 9, 3, 0, 0, 0, 0))
    assert a.raft.commit == 0
    a.step(HeartbeatRequest(B, A, 9, 2, 0, 0, 0, 0))
    assert a.raft.commit == 2


# Contradictions


def test_what_contradicts_a_committed_entry_is_refused_and_kept(make_cluster: Make) -> None:
    """Paper figure 3, leader completeness: no leader lacks a committed entry. One that seems to is
    evidence of a lie or a loss; it must neither stop this replica nor change its log."""
    cluster = make_cluster()
    a = follower(cluster, 1, 1, 4, 4, commit=3)
    wrong = [
        (AppendRequest(B, A, 9, 1, 1, (entry(2, 9),), 3), "entry 2 is committed here with term 1"),
        (AppendRequest(B, A, 9, 3, 1, (), 3), "entry 3 is committed here with term 4"),
        (AppendRequest(B, A, 9, 0, 5, (), 0), "entry 0 is committed here with term 0"),
        (CommitNotice(B, A, 9, 3, 5), "entry 3 is committed here with term 4"),
        (AppendRequest(C, A, 9, 0, 0, (), 0), f"{B} is the leader of term 9"),
        (CommitNotice(C, A, 9, 4, 4), f"{B} is the leader of term 9"),
        (HeartbeatRequest(C, A, 9, 4, 0, 0, 0, 0), f"{B} is the leader of term 9"),
    ]
    for message, _ in wrong:
        a.step(message)
        assert a.terms == [1, 1, 4, 4]
        assert a.raft.commit == 3
    assert a.contradictions == [Contradiction(message, why) for message, why in wrong]
    assert cluster.network == []
    assert not a.writes
    a.step(AppendRequest(B, A, 9, 3, 4, (entry(4, 9),), 4))
    assert a.terms == [1, 1, 4, 9]


def test_a_leader_contradicts_another_of_its_term(make_cluster: Make) -> None:
    a = make_cluster().elect("a")
    a.step(HeartbeatRequest(B, A, 1, 0, 0, 0, 0, 0))
    assert a.raft.role is Role.LEADER
    assert [one.why for one in a.contradictions] == [f"{A} is the leader of term 1"]


# What is under way


def pipelined(make_cluster: Make, **limits: int) -> tuple[Any, Any]:
    """A leader whose followers are being sent appends without waiting."""
    cluster = make_cluster(limits=Limits(**limits))
    a = cluster.elect("a")
    cluster.network.clear()
    return cluster, a


def test_appends_follow_each_other_without_waiting(make_cluster: Make) -> None:
    """Thesis 10.2.2: the leader "updates the next index to send immediately after sending the
    previous entry, rather than waiting for the previous entry's acknowledgment." """
    cluster, a = pipelined(make_cluster)
    for _ in range(3):
        a.propose()
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [(one.prev_index, len(one.entries)) for one in appends] == [(1, 1), (2, 1), (3, 1)]


def test_proposals_that_come_together_leave_together(make_cluster: Make) -> None:
    cluster, a = pipelined(make_cluster)
    for _ in range(3):
        a.raft.propose(b"x", 0)
    a.drain()
    assert [len(one.entries) for one in sent(cluster, AppendRequest)] == [3, 3]
    assert len(a.writes) == 1


def test_appends_are_bounded_but_one_entry_always_goes(make_cluster: Make) -> None:
    """Known bug B18 of others: an entry larger than the limit is never sent."""
    cluster, a = pipelined(make_cluster, append_bytes=10)
    for size in (4, 4, 4, 30, 1):
        a.raft.propose(bytes(size), 0)
    a.drain()
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [[len(e.data) for e in one.entries] for one in appends] == [[4, 4], [4], [30], [1]]


def test_entries_of_an_append_are_bounded(make_cluster: Make) -> None:
    """However small they are: the message must fit into a frame of the stream."""
    cluster, a = pipelined(make_cluster, append_entries=2)
    for _ in range(5):
        a.raft.propose(b"", 0)
    a.drain()
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [len(one.entries) for one in appends] == [2, 2, 1]


def test_messages_in_flight_are_bounded(make_cluster: Make) -> None:
    cluster, a = pipelined(make_cluster, in_flight_messages=2)
    for _ in range(5):
        a.propose()
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [one.prev_index for one in appends] == [1, 2]
    a.step(AppendResponse(B, A, 1, 2))
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [(one.prev_index, len(one.entries)) for one in appends] == [(3, 3)]


def test_bytes_in_flight_are_bounded(make_cluster: Make) -> None:
    cluster, a = pipelined(make_cluster, in_flight_bytes=2 * (ENTRY_BYTES + 100))
    for _ in range(5):
        a.propose(bytes(100))
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [one.prev_index for one in appends] == [1, 2]
    a.step(AppendResponse(B, A, 1, 3))
    appends = [one for one in sent(cluster, AppendRequest) if one.recipient == B]
    assert [(one.prev_index, len(one.entries)) for one in appends] == [(3, 3)]


def test_late_and_repeated_acknowledgements_change_nothing(make_cluster: Make) -> None:
    """Known bug B4 of others: acknowledgements that overtake each other move match back."""
    cluster, a = pipelined(make_cluster)
    for _ in range(4):
        a.propose()
    a.finish_writes()
    for index in (4, 2, 4, 0):
        a.step(AppendResponse(B, A, 1, index))
        assert a.raft.commit == 4
    cluster.network.clear()
    a.tick()
    assert next(one for one in sent(cluster, HeartbeatRequest) if one.recipient == B).commit == 4
    a.step(AppendRefusal(B, A, 1, 3, 3, 1))
    assert sent(cluster, AppendRequest) == []


def test_claims_of_more_than_there_is_are_ignored(make_cluster: Make) -> None:
    _, a = pipelined(make_cluster)
    a.propose()
    a.step(AppendResponse(B, A, 1, 3))
    a.step(AppendResponse(C, A, 1, 3))
    a.step(HeartbeatResponse(B, A, 1, 1, 0, 0))
    stranger = "z/0000000000000001"
    a.step(AppendRefusal(stranger, A, 1, 1, 1, 1))
    a.step(HeartbeatResponse(stranger, A, 1, 0, 0, 0))
    a.step(AppendResponse(stranger, A, 1, 2))
    assert a.raft.commit == 1


def test_a_lost_append_is_noticed_by_the_next(make_cluster: Make) -> None:
    cluster, a = pipelined(make_cluster)
    a.propose(b"1")
    cluster.network.clear()
    a.propose(b"2")
    cluster.settle()
    assert [node.data for node in cluster.nodes.values()] == [[b"1", b"2"]] * 3


@pytest.mark.parametrize("limit", [1, 256])
def test_what_was_lost_is_sent_again_after_a_heartbeat(make_cluster: Make, limit: int) -> None:
    """Known trouble B16 of others: the window is full, acknowledgements or appends are lost, and
    nobody ever speaks again."""
    cluster, a = pipelined(make_cluster, in_flight_messages=limit)
    a.propose(b"1")
    cluster.network.clear()
    cluster.tick_all(2)
    assert [node.data for node in cluster.nodes.values()] == [[b"1"]] * 3
    a.propose(b"2")
    for name in "bc":
        for message in list(cluster.network):
            if message.recipient == cluster[name].id:
                cluster.arrive(message)
        cluster[name].finish_writes()
    cluster.network.clear()
    cluster.tick_all(2)
    assert [node.data for node in cluster.nodes.values()] == [[b"1", b"2"]] * 3


def test_a_probe_is_sent_once_until_it_is_answered(make_cluster: Make) -> None:
    """A follower whose log is not known yet gets its entries once, not with every heartbeat."""
    cluster = make_cluster()
    a = cluster.elect("a", settle=False)
    for _ in range(3):
        a.propose(b"x")
    assert sent(cluster, AppendRequest) == []
    for _ in range(2):
        a.step(HeartbeatResponse(B, A, 1, 0, 0, 0))
        probes = sent(cluster, AppendRequest)
        assert [(one.recipient, one.prev_index, one.entries) for one in probes] == [(B, 0, ())]
    a.step(AppendResponse(B, A, 1, 0))
    assert [len(one.entries) for one in sent(cluster, AppendRequest)] == [4]


def test_late_refusals_of_a_probe_are_ignored(make_cluster: Make) -> None:
    cluster = make_cluster(logs={"a": [1, 1, 1], "b": [], "c": [1, 1, 1]})
    a = cluster.elect("a", settle=False)
    a.step(AppendRefusal(B, A, 2, 3, 0, 0))
    assert [one.prev_index for one in sent(cluster, AppendRequest)] == [0]
    a.step(AppendRefusal(B, A, 2, 3, 0, 0))
    assert sent(cluster, AppendRequest) == []
    a.step(AppendResponse(B, A, 2, 4))
    a.step(AppendRefusal(B, A, 2, 3, 0, 0))
    assert sent(cluster, AppendRequest) == []


def test_a_refusal_under_way_leads_back_to_what_was_acknowledged(make_cluster: Make) -> None:
    cluster, a = pipelined(make_cluster)
    for _ in range(4):
        a.propose()
    a.step(AppendResponse(B, A, 1, 2))
    cluster.network.clear()
    a.step(AppendRefusal(B, A, 1, 4, 2, 1))
    (again,) = sent(cluster, AppendRequest)
    assert (again.recipient, again.prev_index, len(again.entries)) == (B, 2, 3)


def test_a_far_follower_is_streamed_the_log(make_cluster: Make) -> None:
    cluster = make_cluster(
        limits=Limits(append_bytes=30, in_flight_messages=4),
        logs={"a": [1] * 200, "b": [1] * 200},
    )
    a = cluster.elect("a")
    assert cluster["c"].entries() == a.entries()
    assert len(cluster["c"].committed) == 201


# Proposing


def test_only_leaders_take_proposals(make_cluster: Make) -> None:
    """Thesis 6.2: a server that does not lead should "reject the request and return to the client
    the address of the leader, if known"."""
    cluster = make_cluster()
    with pytest.raises(NotLeader, match="unknown") as caught:
        cluster["b"].propose()
    assert caught.value.leader is None
    cluster.elect("a")
    with pytest.raises(NotLeader, match=A) as caught:
        cluster["b"].propose()
    assert caught.value.leader == A


def test_uncommitted_bytes_are_bounded(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(uncommitted_bytes=3 * ENTRY_BYTES))
    a = cluster.elect("a")
    a.propose(bytes(100))
    a.propose(bytes(100))
    with pytest.raises(Busy):
        a.propose(bytes(1_000))
    assert a.raft.last_index == 3
    cluster.settle()
    a.propose(bytes(10_000))
    with pytest.raises(Busy):
        a.propose(b"")
    cluster.settle()
    assert [len(data) for data in a.data] == [100, 100, 10_000]


def test_one_entry_is_one_block(make_cluster: Make) -> None:
    a = make_cluster().elect("a")
    a.propose(bytes(DATA_BYTES_MAX))
    with pytest.raises(AssertionError):
        a.propose(bytes(DATA_BYTES_MAX + 1))


def test_the_core_sets_everything_but_the_data(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    a.propose(b"block")
    cluster.settle()
    assert cluster["b"].committed[-1] == Entry(
        2, 1, EntryKind.NORMAL, cluster.now_ms, "a", "test", b"block"
    )


@pytest.mark.parametrize(
    ("clock", "expected"),
    [(0, 0), (5, 5), (-1, 0), (-2_000, 0), (-2_001, -2_001), (-(10**6), -(10**6))],
)
def test_times_do_not_step_back_but_after_a_bad_one(
    make_cluster: Make, clock: int, expected: int
) -> None:
    """A leader's clock a little behind its predecessor's holds the last time; far behind, that
    time was the wrong one."""
    cluster = make_cluster()
    a = cluster.elect("a")
    last = cluster.now_ms
    cluster.now_ms = last + clock
    position = a.propose()
    assert a.entries()[position.index - 1].time_ms == last + expected
