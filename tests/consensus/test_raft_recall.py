"""Who may vote: after a start, only who has heard from a quorum what it promised before."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consensus.log import Log, MemoryStorage
from consensus.messages import (
    AppendRequest,
    AppendResponse,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    HeartbeatRequest,
    Message,
    PreVoteRequest,
    ReadIndexRequest,
    RecallRequest,
    RecallResponse,
    TimeoutNow,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import RECALLS_PER_TICK, TERM_STEP_MAX, NotLeader, Raft
from consensus.ready import Read, Role
from consensus.recall import REMEMBERED_MAX, Memory, Recall, forgotten

Make = Callable[..., Any]
A, B, C, X = (f"{name}/0000000000000001" for name in "abcx")
NUMBER = 7


def core(
    configuration: Configuration,
    *,
    replica: str = A,
    hard_state: HardState | None = None,
    terms: tuple[int, ...] = (),
) -> Raft:
    """A replica that has just started, alone in the test's hands."""
    storage = MemoryStorage(configuration)
    entries = [
        Entry(index, term, EntryKind.NORMAL, 0, "a", "test", b"")
        for index, term in enumerate(terms, 1)
    ]
    storage.append(hard_state, entries)
    return Raft(replica, storage, proposer="a", version="test", random=lambda n: min(NUMBER, n - 1))


def sent(raft: Raft) -> list[Message]:
    found: list[Message] = []
    while (ready := raft.ready()) is not None:
        if ready.write is not None:
            raft.persisted(ready.write.number, 0)
        found += ready.send
    return found


def answer(raft: Raft, sender: str, term: int = 0, *remembered: int, number: int = NUMBER) -> None:
    promises = remembered or (0, 0, 0)
    raft.step(
        RecallResponse(sender, A, term, number, *promises, 0, 0, raft.configuration),
        0,
    )


@pytest.fixture
def three(make_cluster: Make) -> Configuration:
    configuration: Configuration = type(make_cluster("a")).configuration("abc")
    return configuration


def test_it_asks_at_once_and_with_every_heartbeat(three: Configuration) -> None:
    raft = core(three, hard_state=HardState(4, B))
    asked = [RecallRequest(A, B, 4, NUMBER), RecallRequest(A, C, 4, NUMBER)]
    assert sent(raft) == asked
    raft.tick(0)
    assert sent(raft) == asked


def test_it_does_not_ask_more_often(make_cluster: Make) -> None:
    cluster = make_cluster(heartbeat_ticks=3)
    for name in "bc":
        cluster[name].crash()
    a = cluster["a"]
    a.crash()
    a.start()
    asked = []
    for _ in range(6):
        a.raft.tick(0)
        asked.append(len(sent(a.raft)))
    assert asked == [0, 0, 2, 0, 0, 2]


def test_until_a_quorum_has_answered_it_takes_no_part(three: Configuration) -> None:
    """Neither votes nor acknowledgements nor answers to heartbeats, which confirm reads."""
    raft = core(three)
    sent(raft)
    entry = Entry(1, 1, EntryKind.NORMAL, 0, "b", "test", b"")
    messages: list[Message] = [
        PreVoteRequest(B, A, 1, 0, 0),
        VoteRequest(B, A, 1, 0, 0),
        VoteRequest(B, A, 1, 0, 0, transfer=True),
        AppendRequest(B, A, 1, 0, 0, (entry,), 1),
        HeartbeatRequest(B, A, 1, 0, 1, 0, 0, 0),
        ReadIndexRequest(B, A, 1, 5),
        TimeoutNow(B, A, 0),
    ]
    for message in messages:
        raft.step(message, 0)
    assert sent(raft) == []
    for _ in range(100):
        raft.tick(0)
    assert {type(message) for message in sent(raft)} == {RecallRequest}
    assert (raft.recalling, raft.role, raft.term, raft.last_index) == (True, Role.FOLLOWER, 0, 0)
    with pytest.raises(NotLeader):
        raft.propose(b"x", 0)
    raft.read_index(1)
    ready = raft.ready()
    assert ready is not None
    assert ready.reads == (Read(1, None),)


def test_with_a_quorum_it_takes_part(three: Configuration) -> None:
    raft = core(three)
    sent(raft)
    answer(raft, B)
    assert not raft.recalling
    raft.step(VoteRequest(B, A, 1, 0, 0), 0)
    assert sent(raft) == [VoteResponse(A, B, 1, True)]


def test_in_this_state_it_answers_the_same_question(three: Configuration) -> None:
    """Or a group that starts as a whole never would."""
    raft = core(three, hard_state=HardState(2, None))
    sent(raft)
    raft.step(RecallRequest(B, A, 9, 11), 0)
    assert sent(raft) == [RecallResponse(A, B, 2, 11, 0, 0, 0, 0, 0, three)]
    assert raft.term == 2, "the question disturbs nobody"


def test_answers_to_an_earlier_life_do_not_count(three: Configuration) -> None:
    raft = core(three)
    answer(raft, B, number=NUMBER + 1)
    answer(raft, C, number=NUMBER - 1)
    assert raft.recalling


def test_answers_of_one_count_once_and_of_strangers_not_at_all(make_cluster: Make) -> None:
    five = type(make_cluster("a")).configuration("abcde", "x")
    raft = core(five)
    answer(raft, B)
    answer(raft, B)
    answer(raft, X)
    answer(raft, "y/0000000000000001")
    assert raft.recalling
    answer(raft, C)
    assert not raft.recalling


def test_a_learner_says_nothing_of_promises(make_cluster: Make) -> None:
    """Nobody promised it anything, and it may be a newcomer nobody knows well."""
    raft = core(type(make_cluster("a")).configuration("abc", "x"))
    answer(raft, X, 9, 9, 9, 9)
    assert (raft.rollback, raft.term) == (None, 0)


def test_a_single_voter_has_nobody_to_ask(make_cluster: Make) -> None:
    raft = core(type(make_cluster("a")).configuration("a"))
    assert not raft.recalling
    assert sent(raft) == []


def test_a_learner_needs_a_quorum_without_itself(make_cluster: Make) -> None:
    raft = core(type(make_cluster("a")).configuration("bc", "a"))
    answer(raft, B)
    assert raft.recalling
    answer(raft, C)
    assert not raft.recalling


def test_it_moves_to_the_newest_term_and_votes_only_in_newer_ones(three: Configuration) -> None:
    """It may have voted in that term and forgotten; nobody who knows has to be awake."""
    raft = core(three, hard_state=HardState(3, None))
    sent(raft)
    answer(raft, B, 5)
    assert raft.term == 5
    raft.step(VoteRequest(C, A, 5, 0, 0), 0)
    assert sent(raft) == [VoteResponse(A, C, 5, False)]
    raft.step(VoteRequest(C, A, 6, 0, 0), 0)
    assert sent(raft) == [VoteResponse(A, C, 6, True)]


def test_a_vote_that_is_on_the_disk_is_repeated(three: Configuration) -> None:
    raft = core(three, hard_state=HardState(5, C))
    sent(raft)
    answer(raft, B, 5)
    raft.step(VoteRequest(C, A, 5, 0, 0), 0)
    assert sent(raft) == [VoteResponse(A, C, 5, True)]


def test_a_term_far_ahead_is_only_approached(three: Configuration) -> None:
    raft = core(three)
    answer(raft, B, 2**53 - 1)
    assert raft.term == TERM_STEP_MAX


@pytest.mark.parametrize(
    ("remembered", "what"),
    [
        ((4, 0, 0), "a vote in term 4"),
        ((3, 0, 0), "a vote in term 3"),
        ((0, 4, 1), "up to 1 acknowledged in term 4"),
        ((0, 3, 3), "up to 3 acknowledged in term 3"),
    ],
)
def test_a_disk_that_was_put_back_is_noticed(
    three: Configuration, remembered: tuple[int, int, int], what: str
) -> None:
    """The disk has term 3, a vote for c and two entries; b remembers more."""
    raft = core(three, hard_state=HardState(3, C), terms=(3, 3))
    sent(raft)
    answer(raft, B, 4, *remembered)
    assert raft.rollback is not None
    assert what in raft.rollback
    answer(raft, C, 4)
    raft.step(VoteRequest(B, A, 9, 9, 9), 0)
    raft.step(RecallRequest(B, A, 9, 1), 0)
    for _ in range(100):
        raft.tick(0)
    assert sent(raft) == [], "it must never speak again"
    assert raft.term == 3


@pytest.mark.parametrize("remembered", [(2, 0, 0), (0, 2, 99), (0, 3, 2), (0, 0, 0)])
def test_what_the_disk_has_outgrown_is_no_loss(
    three: Configuration, remembered: tuple[int, int, int]
) -> None:
    """In a newer term a log may have been cut; the acknowledged entry was not committed then."""
    raft = core(three, hard_state=HardState(3, C), terms=(3, 3))
    answer(raft, B, 3, *remembered)
    assert raft.rollback is None
    assert not raft.recalling


def test_a_late_answer_still_counts_against_it(three: Configuration) -> None:
    raft = core(three, hard_state=HardState(3, None))
    answer(raft, B, 3)
    assert not raft.recalling
    sent(raft)
    raft.step(VoteRequest(B, A, 4, 0, 0), 0)
    answer(raft, C, 9, 9, 0, 0)
    assert raft.rollback is not None
    assert sent(raft) == [], "the vote it was about to give is not given"


def test_nothing_forgotten_about_itself_in_its_own_voice(three: Configuration) -> None:
    """A vote for b in the very term of the disk, which the disk has."""
    state = HardState(4, B)
    assert forgotten(RecallResponse(B, A, 4, 1, 4, 0, 0, 0, 0, three), state, 0) is None
    assert forgotten(RecallResponse(C, A, 4, 1, 4, 0, 0, 0, 0, three), state, 0) is not None


def test_what_is_remembered(three: Configuration) -> None:
    memory, log = Memory(), Log(MemoryStorage(three))

    def remembered() -> tuple[int, int, int]:
        found = memory.answer(RecallRequest(B, A, 9, 1), 2, log)
        return found.vote_term, found.ack_term, found.ack_index

    assert remembered() == (0, 0, 0)
    memory.note(VoteResponse(B, A, 3, False))
    memory.note(VoteRequest(B, A, 5, 0, 0))
    assert remembered() == (0, 0, 0), "neither is a promise to this replica"
    memory.note(VoteResponse(B, A, 3, True))
    memory.note(VoteResponse(B, A, 2, True))
    memory.note(AppendResponse(B, A, 3, 7))
    memory.note(AppendResponse(B, A, 3, 5))
    memory.note(AppendResponse(C, A, 8, 9))
    assert remembered() == (3, 3, 7)
    memory.note(AppendResponse(B, A, 4, 2))
    assert remembered() == (3, 4, 2), "a newer term counts for more than a longer log"


def test_strangers_cannot_fill_the_memory(three: Configuration) -> None:
    memory, log = Memory(), Log(MemoryStorage(three))

    def vote_term(id_: str) -> int:
        return memory.answer(RecallRequest(id_, A, 1, 1), 0, log).vote_term

    for n in range(REMEMBERED_MAX + 1):
        memory.note(VoteResponse(f"b/{n:016x}", A, 3, True))
    ids = [f"b/{n:016x}" for n in range(REMEMBERED_MAX + 1)]
    assert list(map(vote_term, ids)) == [3] * REMEMBERED_MAX + [0]
    memory.note(VoteResponse(ids[0], A, 4, True))
    assert vote_term(ids[0]) == 4


def test_an_old_copy_of_a_disk_cannot_elect_a_second_leader(make_cluster: Make) -> None:
    """The story it is all for: b voted for a and comes back without that vote; c, asking in the
    same term, must not have it."""
    cluster = make_cluster()
    copy = MemoryStorage(cluster.configuration("abc"))
    cluster.isolate("c")
    cluster.elect("a")
    b = cluster["b"]
    b.crash()
    b.storage = copy
    b.start()
    assert "a/0000000000000001 had" in b.raft.rollback
    b.step(VoteRequest(C, B, 1, 9, 9))
    assert not any(isinstance(message, VoteResponse) for message in cluster.network)


def test_a_leader_that_was_put_back_is_noticed_too(make_cluster: Make) -> None:
    """Its disk counted for the majority, though it acknowledged to nobody."""
    cluster = make_cluster()
    a = cluster.elect("a")
    copy = MemoryStorage(cluster.configuration("abc"))
    copy.append(a.storage.hard_state, a.storage.entries(1, 2, 0))
    cluster.isolate("c")
    a.propose(b"acknowledged")
    cluster.settle()
    a.tick()
    cluster.settle()
    a.crash()
    a.storage = copy
    a.start()
    assert "b/0000000000000001 had entries up to 2" in a.raft.rollback


def test_it_answers_each_only_so_often(three: Configuration) -> None:
    """The answers are long, and a thousand questions fit into one message."""
    raft = core(three)
    sent(raft)
    for number in range(100):
        raft.step(RecallRequest(B, A, 0, number), 0)
    raft.step(RecallRequest(C, A, 0, 0), 0)
    assert [message.recipient for message in sent(raft)] == [B] * RECALLS_PER_TICK + [C]
    raft.tick(0)
    sent(raft)
    raft.step(RecallRequest(B, A, 0, 9), 0)
    assert len(sent(raft)) == 1


class TestWhoIsThere:
    """A replica that was away must find those it does not know."""

    def test_the_newest_configuration_heard_decides_who_must_answer(
        self, make_cluster: Make
    ) -> None:
        configuration = type(make_cluster("a")).configuration
        raft = core(configuration("abc"))
        sent(raft)
        newer = configuration("abcde")
        raft.step(RecallResponse(B, A, 1, NUMBER, 0, 0, 0, 1, 9, newer), 0)
        assert raft.recalling, "two of three would do, two of five do not"
        assert [voter.id[0] for voter in raft.acquaintances] == ["a", "b", "c", "d", "e"]
        raft.tick(0)
        assert {message.recipient[0] for message in sent(raft)} == set("bcde")
        raft.step(RecallResponse("d/0000000000000001", A, 1, NUMBER, 0, 0, 0, 1, 9, newer), 0)
        assert not raft.recalling

    def test_older_configurations_teach_nothing(self, make_cluster: Make) -> None:
        configuration = type(make_cluster("a")).configuration
        raft = core(configuration("abc"))
        raft.step(RecallResponse(B, A, 1, NUMBER, 0, 0, 0, 0, 0, configuration("abx")), 0)
        assert [voter.id[0] for voter in raft.acquaintances] == ["a", "b", "c"]

    def test_who_leaves_is_known_until_that_is_committed(self, make_cluster: Make) -> None:
        cluster = make_cluster()
        a = cluster.elect("a")
        a.change(cluster.configuration("ab"))
        assert [voter.id[0] for voter in a.raft.acquaintances] == ["a", "b", "c"]
        cluster.settle()
        assert [voter.id[0] for voter in a.raft.acquaintances] == ["a", "b"]

    def test_a_newcomer_asks_those_it_came_to(self, make_cluster: Make) -> None:
        """Its log begins with configurations of replicas that may be long gone."""
        configuration = type(make_cluster("a")).configuration
        storage = MemoryStorage(configuration("bc", "a"))
        old = configuration("de", "").format()
        storage.append(None, [Entry(1, 1, EntryKind.CONFIGURATION, 0, "d", "test", old)])
        log = Log(storage, applied=1)
        recall = Recall(A, NUMBER, log)
        asked = [message.recipient[0] for message in recall.requests(0)]
        assert asked == ["d", "e", "b", "c"]
        recall.take(RecallResponse(B, A, 1, NUMBER, 0, 0, 0, 2, 5, configuration("bc", "a")), 9)
        recall.take(RecallResponse(C, A, 1, NUMBER, 0, 0, 0, 2, 5, configuration("bc", "a")), 9)
        assert recall.is_over
        assert [voter.id[0] for voter in recall.acquaintances] == ["b", "c", "a", "d", "e"]

    def test_who_moved_is_asked_at_both_addresses(self, make_cluster: Make) -> None:
        """A newcomer that restarts while its log still tells of the addresses of long ago."""
        configuration = type(make_cluster("a")).configuration
        moved = Configuration(tuple(replace(v, address="new:1") for v in configuration("bc")))
        storage = MemoryStorage(moved)
        old = configuration("bc").format()
        storage.append(None, [Entry(1, 1, EntryKind.CONFIGURATION, 0, "b", "test", old)])
        recall = Recall(A, NUMBER, Log(storage, applied=1))
        assert [voter.address for voter in recall.acquaintances] == [
            "b:7000",
            "c:7000",
            "new:1",
            "new:1",
        ]

    def test_the_most_up_to_date_log_decides(self, make_cluster: Make) -> None:
        """A change of an old leader at the end of a log may never have been committed: the group
        went on without it, in a newer term, and its log is shorter."""
        configuration = type(make_cluster("a")).configuration
        storage = MemoryStorage(configuration("ab"))
        lost = configuration("abcde").format()
        storage.append(
            None,
            [
                Entry(1, 1, EntryKind.NORMAL, 0, "b", "test", b""),
                Entry(2, 1, EntryKind.CONFIGURATION, 0, "b", "test", lost),
            ],
        )
        recall = Recall(A, NUMBER, Log(storage))
        now = configuration("ax")
        recall.take(RecallResponse(B, A, 1, NUMBER, 0, 0, 0, 1, 1, configuration("ab")), 9)
        assert not recall.is_over, "that log is shorter, and here two of five are too few"
        recall.take(RecallResponse(C, A, 2, NUMBER, 0, 0, 0, 2, 1, now), 9)
        assert not recall.is_over, "now it is a and x who decide"
        recall.take(RecallResponse(X, A, 2, NUMBER, 0, 0, 0, 2, 1, now), 9)
        assert recall.is_over
        assert [voter.id[0] for voter in recall.acquaintances] == ["a", "x", "b", "c", "d", "e"]

    def test_after_a_committed_removal_two_of_three_are_enough(self, make_cluster: Make) -> None:
        """The one that was cut off then must not wait for the one that was removed."""
        cluster = make_cluster("abcd")
        a = cluster.elect("a")
        cluster["d"].crash()
        cluster.isolate("b")
        cluster.tick_all(5)
        a.change(cluster.configuration("abc"))
        cluster.settle()
        assert a.raft.commit == a.raft.last_index
        for name in "abc":
            cluster[name].crash()
        cluster.heal()
        cluster["a"].start()
        cluster["b"].start()
        assert not cluster["b"].raft.recalling
        cluster["a"].tick()
        assert not cluster["a"].raft.recalling
        cluster.elect("a")

    def test_certificates_of_long_ago_are_not_trusted_again(self, make_cluster: Make) -> None:
        """A founder knows the first configuration by heart; a key stolen since must not count."""
        configuration = type(make_cluster("a")).configuration
        storage = MemoryStorage(configuration("abc"))
        rotated = Configuration(
            tuple(replace(v, certificate=b"new " + v.certificate) for v in configuration("abc"))
        )
        storage.append(
            None, [Entry(1, 1, EntryKind.CONFIGURATION, 0, "b", "test", rotated.format())]
        )
        recall = Recall(A, NUMBER, Log(storage, applied=1))
        assert not recall.is_over
        assert {voter.certificate for voter in recall.acquaintances} == {
            b"new a",
            b"new b",
            b"new c",
        }

    def test_who_is_introduced_is_asked_until_it_takes_part(self, three: Configuration) -> None:
        raft = core(three)
        sent(raft)
        moved = replace(three.voters[1], address="elsewhere:1")
        stranger = replace(three.voters[1], id=X)
        raft.introduce([moved, stranger])
        assert {moved, stranger} <= set(raft.acquaintances)
        raft.tick(0)
        assert [message.recipient for message in sent(raft)] == [B, C, X]
        answer(raft, B)
        assert not {moved, stranger} & set(raft.acquaintances)

    def test_without_a_leader_it_asks_again(self, three: Configuration) -> None:
        raft = core(three)
        answer(raft, B)
        sent(raft)
        for _ in range(30):
            raft.tick(0)
        asked = [m for m in sent(raft) if isinstance(m, RecallRequest)]
        assert [message.recipient for message in asked] == [B, C]
