"""Changing who takes part, one voter at a time (thesis chapter 4)."""

from collections.abc import Callable
from typing import Any

import pytest

from consensus.membership import admission, departure
from consensus.messages import (
    REPLICAS_MAX,
    AppendResponse,
    Configuration,
    EntryKind,
    Voter,
)
from consensus.raft import Busy, ChangeRefused, Limits, NotLeader
from consensus.ready import Role

Make = Callable[..., Any]
A, B, C = (f"{name}/0000000000000001" for name in "abc")


def test_a_learner_gets_the_log_and_has_no_say(make_cluster: Make) -> None:
    """Thesis 4.2.1: "a new server joins the cluster as a non-voting member. The leader replicates
    log entries to it, but it is not yet counted towards majorities for voting or commitment
    purposes." """
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
    """Thesis 4.1: "servers process incoming RPC requests without consulting their current
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
    """Thesis 4.1: "only one server can be added or removed from the cluster at a time"; leaders
    avoid overlapping changes "by not beginning a new change until the previous change's entry has
    committed"."""
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
    """Thesis 4.1: "a log entry for a configuration change can be removed (if leadership changes);
    in this case, a server must be prepared to fall back to the previous configuration in its log."
    Known bug D10 of others."""
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


def test_who_is_being_removed_still_campaigns(make_cluster: Make) -> None:
    """Thesis 4.2.2, figure 4.6: "a server that is not part of its own latest configuration should
    still start new elections, as it might still be needed until the Cnew entry is committed"; "It
    does not count its own vote in elections"."""
    cluster = make_cluster("ab")
    a = cluster.elect("a")
    cluster.isolate("b")
    a.change(cluster.configuration("b"))
    a.finish_writes()
    a.crash()
    cluster.heal()
    a.start()
    assert not a.raft.configuration.is_voter(A)
    cluster.elect("a")
    cluster.tick_all(25)
    leader = cluster.leader()
    assert leader is not None
    assert leader.name == "b"
    assert {node.raft.configuration for node in cluster.nodes.values()} == {
        cluster.configuration("b")
    }
    a.tick(100)
    assert a.raft.role is Role.FOLLOWER, "now it is removed for good"


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


def test_a_new_voter_was_a_learner_first(make_cluster: Make) -> None:
    """Thesis 4.2.1: a phase "in which a new server joins the cluster as a non-voting member"."""
    cluster = make_cluster("abcd", voters="abc")
    a = cluster.elect("a")
    with pytest.raises(ChangeRefused, match="learner first"):
        a.change(cluster.configuration("abcd"))


def test_a_learner_that_lags_does_not_become_a_voter(make_cluster: Make) -> None:
    """Thesis 4.2.1: "The leader needs to determine when a new server is sufficiently caught up".
    Known bug D18 of others."""
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    cluster["x"].finish_writes = lambda count=0: False  # Heard, but its disk takes nothing more.
    a.propose()
    cluster.tick_all(25)
    with pytest.raises(ChangeRefused, match="caught up"):
        a.change(cluster.configuration("abcx"))
    del cluster["x"].finish_writes
    cluster.settle()
    a.propose(b"on its way, as there always is something")
    a.change(cluster.configuration("abcx"))
    cluster.settle()
    assert cluster["x"].raft.configuration == cluster.configuration("abcx")


def test_a_learner_that_is_not_heard_does_not_become_a_voter(make_cluster: Make) -> None:
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    cluster["x"].crash()
    cluster.tick_all(25)
    with pytest.raises(ChangeRefused, match="caught up"):
        a.change(cluster.configuration("abcx"))


def test_no_change_that_leaves_no_majority_that_can_be_heard(make_cluster: Make) -> None:
    """Known bug of others (etcd #6420): with one of three down another is removed, or a fourth
    added whose vote is then needed."""
    cluster = make_cluster(learners="x")
    a = cluster.elect("a")
    cluster["c"].crash()
    cluster.tick_all(25)
    assert set(a.raft.matches) == {A, B, "x/0000000000000001"}
    assert cluster["b"].raft.matches == {}
    with pytest.raises(ChangeRefused, match="1 of the 2 voters"):
        a.change(cluster.configuration("ac", "x"))
    cluster["c"].start()
    cluster["c"].finish_writes = lambda count=0: False
    a.propose()
    cluster.tick_all(25)
    assert cluster["c"].id in a.raft.matches
    with pytest.raises(ChangeRefused, match="1 of the 2 voters"):
        a.change(cluster.configuration("ac", "x"))
    a.change(cluster.configuration("ab", "x"))
    cluster.settle()
    assert a.raft.commit == a.raft.last_index


class TestOneStepAtATime:
    """The way of a member in and out (`membership.admission`, `membership.departure`)."""

    def voter(self, name: str, life: int = 1, address: str = "") -> Voter:
        return Voter(f"{name}/{life:016x}", address or f"{name}:7000", name.encode())

    def way(self, now: Configuration, joiner: Voter) -> list[str]:
        """The configurations on the way, as `voters|learners` with life numbers."""

        def short(group: tuple[Voter, ...]) -> str:
            return " ".join(f"{each.id[0]}{int(each.id[-2:], 16)}" for each in group)

        steps = []
        while (then := admission(now, joiner)) is not None:
            assert len({v.id for v in now.voters} ^ {v.id for v in then.voters}) <= 1
            now = then
            steps.append(f"{short(now.voters)} | {short(now.learners)}".strip())
        return steps

    def test_a_newcomer(self) -> None:
        now = Configuration((self.voter("a"), self.voter("b")))
        assert self.way(now, self.voter("c")) == ["a1 b1 | c1", "a1 b1 c1 |"]

    def test_who_lost_its_disk_takes_its_own_place(self) -> None:
        now = Configuration((self.voter("a"), self.voter("b"), self.voter("c")))
        steps = self.way(now, self.voter("b", 2))
        assert steps == ["a1 b1 c1 | b2", "a1 b1 b2 c1 |", "a1 b2 c1 |"]

    def test_who_lost_it_twice_on_the_way(self) -> None:
        now = Configuration(
            (self.voter("a"), self.voter("b"), self.voter("b", 2)), (self.voter("b", 3),)
        )
        steps = self.way(now, self.voter("b", 4))
        assert steps == ["a1 b1 b2 | b4", "a1 b1 b2 b4 |", "a1 b2 b4 |", "a1 b4 |"]

    def test_who_only_moved_stays_a_voter(self) -> None:
        now = Configuration((self.voter("a"), self.voter("b")))
        moved = self.voter("b", address="elsewhere:7000")
        assert admission(now, moved) == Configuration((self.voter("a"), moved))
        assert admission(Configuration((self.voter("a"), moved)), moved) is None

    def test_out(self) -> None:
        now = Configuration(
            (self.voter("a"), self.voter("b"), self.voter("b", 2)), (self.voter("b", 3),)
        )
        then = departure(now, "b")
        assert then == Configuration((self.voter("a"), self.voter("b", 2)))
        last = departure(then, "b")
        assert last == Configuration((self.voter("a"),))
        assert departure(last, "b") is None
        with pytest.raises(ChangeRefused, match="last voter"):
            departure(last, "a")
        full = Configuration(tuple(sorted(self.voter("a", n) for n in range(REPLICAS_MAX))))
        with pytest.raises(ChangeRefused, match="at most"):
            admission(full, self.voter("b"))
        only = departure(Configuration((self.voter("a"),), (self.voter("b"),)), "b")
        assert only == Configuration((self.voter("a"),))
