"""Changing who takes part, one voter at a time (thesis chapter 4)."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.messages import AppendResponse, EntryKind
from consensus.raft import Busy, ChangeRefused, Limits, NotLeader
from consensus.ready import Role

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def test_a_learner_gets_the_log_and_has_no_say(make_cluster: Make) -> None:
    """Thesis 4.2.1: "the new server joins the cluster as a non-voting member. The leader replicates
    log entries to it, but it is not counted towards majorities"."""
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    cluster.isolate("b", "c")
    position = a.propose()
    cluster.settle()
    assert cluster["x"].entries() == a.entries()
    assert a.raft.commit == position.index - 1
    cluster.heal()
    cluster.tick_all(2)
    assert cluster["x"].committed == a.committed


def test_who_is_no_voter_does_not_campaign(make_cluster: Make) -> None:
    cluster = make_cluster(learners="x")
    cluster["x"].tick(100)
    assert cluster["x"].raft.role is Role.FOLLOWER
    assert cluster.network == []


def test_a_learner_may_be_asked_for_its_vote(make_cluster: Make) -> None:
    """Thesis 4.1: "Servers process incoming RPC requests without consulting their current
    configurations"; it may have become a voter without knowing yet."""
    cluster = make_cluster("ab", learners="x")
    a = cluster.elect("a")
    cluster.isolate("x")
    a.change(cluster.configuration("abx"))
    cluster.settle()
    assert cluster["x"].raft.configuration == cluster.configuration("ab", "x")
    a.crash()
    cluster.heal()
    b = cluster.elect("b")
    assert b.raft.term == 2
    assert cluster["x"].raft.configuration == cluster.configuration("abx")


def test_a_configuration_is_in_force_when_it_is_appended(make_cluster: Make) -> None:
    """Thesis 4.1: "The new configuration takes effect on each server as soon as it is added to that
    server's log"."""
    cluster = make_cluster("abc", learners="x")
    a = cluster.elect("a")
    cluster.isolate("c", "x")
    position = a.change(cluster.configuration("abcx"))
    assert a.raft.configuration == cluster.configuration("abcx")
    cluster.settle()
    assert cluster["b"].raft.configuration == cluster.configuration("abcx")
    assert a.raft.commit == position.index - 1, "two of four are no majority"
    cluster.heal()
    cluster.tick_all(3)
    assert a.committed[-1].kind is EntryKind.CONFIGURATION
    assert {node.raft.commit for node in cluster.nodes.values()} == {position.index}


def test_a_new_replica_is_sent_everything_at_once(make_cluster: Make) -> None:
    cluster = make_cluster("abcd", voters="abc")
    a = cluster.elect("a")
    for _ in range(5):
        a.propose()
    cluster.settle()
    assert cluster["d"].entries() == []
    a.change(cluster.configuration("abc", "d"))
    cluster.settle()
    assert cluster["d"].committed == a.committed
    assert cluster["d"].raft.configuration == cluster.configuration("abc", "d")


def test_only_one_change_at_a_time(make_cluster: Make) -> None:
    """Thesis 4.1: "only one server can be added or removed from the cluster at once"; "the leader
    cannot begin a new one until the previous is committed"."""
    cluster = make_cluster("abcdef", voters="abcd")
    a = cluster.elect("a")
    configuration = cluster.configuration
    for voters in ("ab", "abcdef", "abce", "e"):
        with pytest.raises(ChangeRefused, match="one voter"):
            a.change(configuration(voters))
    a.change(configuration("abc", "def"))
    with pytest.raises(ChangeRefused, match="not committed yet"):
        a.change(configuration("abcd"))
    cluster.settle()
    a.change(configuration("abcd", "ef"))
    cluster.settle()
    a.change(configuration("bcd", "aef"))
    assert [index for index, _ in a.raft.log.configurations] == [0, 2, 3, 4]


def test_no_change_before_the_leader_committed_in_its_term(make_cluster: Make) -> None:
    """The correction to thesis 4.1 (raft-dev, 2015): "a leader may not append a new configuration
    entry until it has committed an entry from its current term"."""
    cluster = make_cluster()
    a = cluster.elect("a", settle=False)
    with pytest.raises(ChangeRefused, match="own term"):
        a.change(cluster.configuration("ab"))
    a.finish_writes()
    a.step(AppendResponse(B, A, 1, 1))
    a.change(cluster.configuration("ab"))


def test_only_leaders_change_and_only_with_room(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(uncommitted_bytes=600))
    a = cluster.elect("a")
    with pytest.raises(NotLeader):
        cluster["b"].change(cluster.configuration("ab"))
    a.propose()
    with pytest.raises(Busy):
        a.change(cluster.configuration("ab"))
    assert a.raft.configuration == cluster.configuration("abc")


def test_a_removed_id_does_not_come_back(make_cluster: Make) -> None:
    """Known bug D8 of others (redisraft #2): a new replica under an old name is taken for the one
    that voted and acknowledged."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.change(cluster.configuration("ab"))
    cluster.settle()
    for again in (cluster.configuration("abc"), cluster.configuration("ab", "c")):
        with pytest.raises(ChangeRefused, match="new id"):
            a.change(again)


def test_a_configuration_that_is_truncated_is_not_in_force_any_more(make_cluster: Make) -> None:
    """Thesis 4.1: "if a server removes a configuration entry from its log, it falls back to the
    previous one". Known bug D10 of others."""
    cluster = make_cluster("abcd")
    a = cluster.elect("a")
    cluster.isolate("a")
    a.change(cluster.configuration("abc"))
    assert a.raft.configuration == cluster.configuration("abc")
    cluster.elect("b")
    cluster.heal()
    cluster.tick_all(2)
    assert a.raft.configuration == cluster.configuration("abcd")
    a.crash()
    a.start()
    assert a.raft.configuration == cluster.configuration("abcd")


def test_a_removed_replica_hears_of_it_and_then_nothing(make_cluster: Make) -> None:
    """Known bug D16 of others (CCF #5919): a replica that is being removed is not sent the entry
    that removes it."""
    cluster = make_cluster()
    a = cluster.elect("a")
    a.change(cluster.configuration("ab"))
    cluster.settle()
    assert cluster["c"].raft.configuration == cluster.configuration("ab")
    a.propose()
    a.tick()
    assert {message.recipient for message in cluster.network} == {B}
    cluster["c"].tick(100)
    assert cluster["c"].raft.role is Role.FOLLOWER


def test_a_removed_voter_does_not_count(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    cluster.isolate("b")
    a.change(cluster.configuration("ab"))
    cluster.settle()
    assert cluster["c"].raft.last_index == 2
    assert a.raft.commit == 1


def test_a_leader_may_remove_itself(make_cluster: Make) -> None:
    """Thesis 4.2.2: "a leader that is removed from the configuration steps down once the C_new
    entry is committed"; until then "it replicates log entries but does not count itself in
    majorities". Known bug D4 of others (etcd #11038)."""
    cluster = make_cluster()
    a = cluster.elect("a")
    position = a.change(cluster.configuration("bc"))
    a.finish_writes()
    a.step(AppendResponse(B, A, 1, position.index))
    assert a.raft.commit == position.index - 1
    assert a.raft.role is Role.LEADER
    cluster.settle()
    assert a.raft.role is Role.FOLLOWER
    assert a.raft.commit == position.index
    leader = cluster.leader()
    assert leader is not None, "the lead was not handed over"
    assert (leader.name, leader.raft.term) == ("b", 2)
    a.tick(100)
    assert cluster.network == []
    leader.propose(b"without a")
    cluster.settle()
    assert cluster["c"].data == [b"without a"]


def test_the_last_but_one_may_go(make_cluster: Make) -> None:
    cluster = make_cluster("ab")
    a = cluster.elect("a")
    a.change(cluster.configuration("a"))
    a.finish_writes()
    assert a.raft.commit == 2
    a.propose(b"alone")
    a.finish_writes()
    assert a.data == [b"alone"]


def test_the_configuration_is_rebuilt_from_the_disk(make_cluster: Make) -> None:
    """Known bug D14 of others (PySyncObj #133)."""
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    a.change(cluster.configuration("abcx"))
    cluster.settle()
    for node in cluster.nodes.values():
        node.crash()
        node.start()
        assert node.raft.configuration == cluster.configuration("abcx")
    cluster.elect("x")


def test_an_address_may_change_without_a_vote_changing(make_cluster: Make) -> None:
    cluster = make_cluster()
    a = cluster.elect("a")
    now = a.raft.configuration
    moved = type(now.voters[2])(C, "elsewhere:7000", b"new certificate")
    changed = type(now)((*now.voters[:2], moved))
    a.change(changed)
    cluster.settle()
    assert cluster["c"].raft.configuration == changed
