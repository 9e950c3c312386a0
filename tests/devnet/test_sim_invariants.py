"""Every invariant of the simulator can fail: each is shown a trace in which it does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from consensus.leadership import Limits
from consensus.messages import (
    AppendRequest,
    AppendResponse,
    CommitNotice,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Message,
    VoteRequest,
    VoteResponse,
)
from consensus.ready import Contradiction, Ready, Role, Write
from devnet.sim.cast import configuration, genesis, log_signer, statement, witness_signer
from devnet.sim.chain_watch import ChainWatch
from devnet.sim.history import History
from devnet.sim.invariants import Watch
from devnet.sim.moments import Moment
from devnet.sim.violation import Invariant, Judge, Scope, Violation
from node.chain.apply import apply
from node.chain.apply import genesis as first_block
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.note import format_line, sign_ed25519
from node.evidence.record import format_block
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.seals.sealing import REFRESH_S, Note, SentSeal, Step
from node.seals.sealing import Contradiction as SealContradiction

A, B, C = (f"{name}/000000000000000{name[0]}" for name in ("archive", "bank", "court"))
FIRST = configuration([A, B, C])
AB = configuration([A, B])


def entry(index: int, term: int, data: bytes = b"") -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "court", "v", data)


def change(index: int, term: int, new: Configuration) -> Entry:
    return replace(entry(index, term, new.format()), kind=EntryKind.CONFIGURATION)


@dataclass
class Log:
    """A log, on a disk or in memory."""

    stored: list[Entry] = field(default_factory=list)
    hard_state: HardState = field(default_factory=HardState)

    @property
    def last_index(self) -> int:
        return len(self.stored)

    @property
    def last_term(self) -> int:
        return self.term(self.last_index)

    @property
    def configurations(self) -> list[tuple[int, Configuration]]:
        return [(0, FIRST)]

    def term(self, index: int) -> int:
        return self.stored[index - 1].term if index else 0

    def entries(self, start: int, stop: int, bytes_max: int) -> Sequence[Entry]:
        return self.stored[start - 1 : stop - 1]


@dataclass
class Core:
    """What the watch looks at of a core; nothing keeps this one from being wrong."""

    id: str
    term: int = 0
    role: Role = Role.FOLLOWER
    commit: int = 0
    log: Log = field(default_factory=Log)
    matches: dict[str, int] = field(default_factory=dict)
    configuration: Configuration = FIRST
    _limits: Limits = field(default_factory=Limits)
    _leadership: Any = None

    @property
    def last_index(self) -> int:
        return self.log.last_index


class Stage:
    """Three replicas, watched; each call is one thing that one of them does."""

    def __init__(self, *, outside_only: bool = False) -> None:
        self.committed: list[Entry] = []
        self.watch: Any = Watch(Judge(outside_only=outside_only), FIRST, self.committed.append)
        self.cores = {id_: Core(id_) for id_ in (A, B, C)}
        for core in self.cores.values():
            self.watch.started(core, Log())

    def set(self, id_: str, message: Message | None = None, **values: object) -> None:
        """This core takes something in, and is like this then."""
        core = self.cores[id_]
        for name, value in values.items():
            if name == "entries":
                core.log = Log(list(value))  # type: ignore[call-overload]
            else:
                setattr(core, name, value)
        self.watch.took(core, message)

    def write(self, id_: str, *entries: Entry, hard_state: HardState | None = None) -> None:
        self.watch.wrote(self.cores[id_], [Write(1, hard_state, entries)])

    def does(self, id_: str, **values: object) -> None:
        core = self.cores[id_]
        empty = Ready(None, (), (), (), (), core.role, None, core.term)
        self.watch.does(core, replace(empty, **values))  # type: ignore[arg-type]

    def lead(self, id_: str, term: int, *entries: Entry) -> None:
        """A fair election, and entries on the disks of all."""
        self.set(id_, term=term, role=Role.LEADER, entries=entries)
        for other in self.cores:
            self.write(other, *entries, hard_state=HardState(term, id_))


@contextmanager
def broken(invariant: Invariant) -> Iterator[None]:
    with pytest.raises(Violation) as caught:
        yield
    assert caught.value.invariant is invariant


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_two_leaders_in_a_term(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    with broken(Invariant.ELECTION_SAFETY):
        stage.set(B, term=1, role=Role.LEADER)


def test_two_votes_in_a_term(stage: Stage) -> None:
    stage.write(C, hard_state=HardState(1, A))
    stage.does(C, send=(VoteResponse(C, A, 1, True),))
    stage.write(C, hard_state=HardState(1, B))
    with broken(Invariant.VOTE_UNIQUENESS):
        stage.does(C, send=(VoteResponse(C, B, 1, True),))


def test_a_candidate_votes_for_itself_and_for_another(stage: Stage) -> None:
    stage.write(C, hard_state=HardState(1, C))
    stage.does(C, send=(VoteRequest(C, A, 1, 0, 0),))
    with broken(Invariant.VOTE_UNIQUENESS):
        stage.does(C, send=(VoteResponse(C, B, 1, True),))


def test_a_term_that_falls(stage: Stage) -> None:
    stage.set(A, term=2)
    with broken(Invariant.TERM_MONOTONIC):
        stage.set(A, term=1)


def test_a_leader_that_cuts_its_log(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1), entry(2, 1))
    with broken(Invariant.APPEND_ONLY):
        stage.set(A, entries=[entry(1, 1)])


def test_equal_entries_behind_different_ones(stage: Stage) -> None:
    stage.set(A, term=1, entries=[entry(1, 1, b"one"), entry(2, 1)])
    with broken(Invariant.LOG_MATCHING):
        stage.set(B, term=1, entries=[entry(1, 1, b"another"), entry(2, 1)])


def test_an_append_that_contradicts_what_is_committed(stage: Stage) -> None:
    found = Contradiction(CommitNotice(A, B, 1, 1, 1), "entry 1 is committed here with term 2")
    with broken(Invariant.LOG_MATCHING):
        stage.does(B, contradictions=(found,))


def test_a_leader_that_lacks_what_was_committed(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, commit=1)
    with broken(Invariant.COMPLETENESS):
        stage.set(B, term=2, role=Role.LEADER, entries=[])


def test_an_entry_applied_that_is_not_the_one_committed(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, commit=1)
    with broken(Invariant.SAFETY):
        stage.does(B, committed=(entry(1, 1, b"another"),))


@pytest.mark.parametrize("index", [1, 3])
def test_an_entry_applied_out_of_turn(stage: Stage, index: int) -> None:
    entries = [entry(1, 1), entry(2, 1), entry(3, 1)]
    stage.lead(A, 1, *entries)
    stage.set(A, commit=3)
    stage.does(A, committed=(entries[0],))
    with broken(Invariant.SAFETY):
        stage.does(A, committed=(entries[index - 1],))


def test_a_start_from_more_than_was_committed(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    with broken(Invariant.SAFETY):
        stage.watch.started(Core(A, 1, commit=1), Log([entry(1, 1)], HardState(1, A)))


@pytest.mark.parametrize("commit", [0, 3])
def test_a_commit_index_that_falls_or_is_beyond_the_log(stage: Stage, commit: int) -> None:
    stage.lead(A, 1, entry(1, 1), entry(2, 1))
    stage.set(A, commit=1)
    with broken(Invariant.COMMIT_MONOTONIC):
        stage.set(A, commit=commit)


def test_what_is_committed_without_a_majority(stage: Stage) -> None:
    stage.set(A, term=1, role=Role.LEADER, entries=[entry(1, 1)])
    stage.write(A, entry(1, 1))
    with broken(Invariant.NOT_LOST):
        stage.set(A, commit=1)


def test_what_is_committed_and_overwritten(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, commit=1)
    with broken(Invariant.NOT_LOST):
        stage.write(C, entry(1, 2))


def test_an_older_term_that_is_committed_by_counting(stage: Stage) -> None:
    """Figure 8 of the paper."""
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, term=2, role=Role.FOLLOWER)
    stage.set(A, term=3, role=Role.LEADER)
    with broken(Invariant.COMMIT_RULE):
        stage.set(A, commit=1)


def test_a_follower_that_commits_more_than_it_was_told(stage: Stage) -> None:
    entries = [entry(1, 1), entry(2, 1)]
    stage.lead(A, 1, *entries)
    stage.set(A, commit=2)
    append = AppendRequest(A, B, 1, 0, 0, (entries[0],), 2)
    with broken(Invariant.COMMIT_BOUND):
        stage.set(B, append, term=1, entries=entries, commit=2)


def test_a_follower_that_commits_first(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    with broken(Invariant.COMMIT_BOUND):
        stage.set(B, term=1, entries=[entry(1, 1)], commit=1)


def test_a_leader_that_believes_more_than_is_on_a_disk(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, entries=[entry(1, 1), entry(2, 1)])
    with broken(Invariant.PROGRESS):
        stage.set(A, AppendResponse(B, A, 1, 2), matches={B: 2})


def test_a_leader_of_yesterday_may_know_what_was_replaced_since(stage: Stage) -> None:
    """It stood still while its follower acknowledged entries, and took another leader's for them;
    what it then takes in was true when it was said."""
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, entries=[entry(1, 1), entry(2, 1)])
    stage.write(B, entry(2, 1))
    stage.write(B, entry(2, 2), hard_state=HardState(2, C))
    stage.set(A, AppendResponse(B, A, 1, 2), matches={B: 2})


def test_moments_are_told(stage: Stage) -> None:
    told: list[tuple[Moment, str, str]] = []
    stage.watch.listeners.append(lambda *what: told.append(what))
    stage.lead(A, 1, entry(1, 1))
    stage.does(B, send=[VoteResponse(B, A, 1, True)])
    stage.set(A, commit=1)
    two = [entry(1, 1), entry(2, 1)]
    stage.set(A, entries=two)
    stage.set(A, commit=1)
    stage.write(B, entry(2, 7))
    stage.set(A, AppendResponse(B, A, 1, 1), matches={B: 1})
    stage.set(A, entries=[*two, change(3, 1, AB)], configuration=AB)
    assert told == [
        (Moment.ELECTION, A, A),
        (Moment.VOTE, B, A),
        (Moment.COMMIT, A, A),
        (Moment.REUNION, A, B),
        (Moment.CHANGE, A, A),
    ]


def test_a_match_that_is_taken_back(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, AppendResponse(B, A, 1, 1), matches={B: 1})
    with broken(Invariant.PROGRESS):
        stage.set(A, AppendResponse(B, A, 1, 0), matches={B: 0})


@pytest.mark.parametrize(("next_index", "in_flight"), [(1, 0), (2, 257)])
def test_a_leader_that_sends_more_than_it_may(
    stage: Stage, next_index: int, in_flight: int
) -> None:
    stage.lead(A, 1, entry(1, 1))
    progress = SimpleNamespace(match=1, next=next_index, _in_flight=[(1, 1)] * in_flight)
    stage.cores[A]._leadership = SimpleNamespace(_progress={B: progress})
    with broken(Invariant.PROGRESS):
        stage.set(A, AppendResponse(B, A, 1, 1), matches={B: 1})


def test_a_log_that_is_cut_for_nothing(stage: Stage) -> None:
    stage.set(B, term=1, entries=[entry(1, 1), entry(2, 1)])
    with broken(Invariant.TRUNCATION):
        stage.set(B, entries=[entry(1, 1)])


def test_a_committed_entry_that_is_cut_off(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    stage.set(A, commit=1)
    stage.set(A, role=Role.FOLLOWER)
    with broken(Invariant.TRUNCATION):
        stage.set(A, term=2, entries=[entry(1, 2)])


@pytest.mark.parametrize(
    "message",
    [
        VoteResponse(B, A, 1, True),
        VoteRequest(B, A, 1, 0, 0),
        AppendResponse(B, A, 1, 0),
        AppendResponse(B, A, 0, 1),
    ],
)
def test_what_leaves_before_it_is_durable(stage: Stage, message: Message) -> None:
    with broken(Invariant.DURABILITY):
        stage.does(B, send=(message,))


def test_what_is_applied_before_it_is_durable_here(stage: Stage) -> None:
    stage.set(A, term=1, role=Role.LEADER, entries=[entry(1, 1)])
    for id_ in (A, C):
        stage.write(id_, entry(1, 1))
    stage.set(A, commit=1)
    with broken(Invariant.DURABILITY):
        stage.does(B, committed=(entry(1, 1),))


def test_a_disk_that_lost_what_was_synced(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    with broken(Invariant.DURABILITY):
        stage.watch.started(Core(B, 1), Log([], HardState(1, A)))


def test_a_write_under_way_may_be_there_after_a_crash_or_not(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    under_way = [Write(2, None, (entry(2, 1),))]
    stage.watch.ended(B, under_way)
    stage.watch.started(Core(B, 1), Log([entry(1, 1), entry(2, 1)], HardState(1, A)))
    stage.watch.ended(C, under_way)
    stage.watch.started(Core(C, 1), Log([entry(1, 1)], HardState(1, A)))


def test_a_configuration_that_is_not_the_last_in_the_log(stage: Stage) -> None:
    with broken(Invariant.CONFIGURATION):
        stage.set(A, term=1, entries=[change(1, 1, configuration([A, B]))])


def test_two_changes_that_a_leader_inherited(stage: Stage) -> None:
    """After a start it may not know yet that they are committed."""
    single = configuration([A])
    stage.cores[A].configuration = single
    stage.lead(A, 1, change(1, 1, AB), change(2, 1, single))
    stage.set(A, entries=[change(1, 1, AB), change(2, 1, single), entry(3, 1)])


def test_two_voters_changed_at_once(stage: Stage) -> None:
    stage.lead(A, 1, entry(1, 1))
    new = configuration([A])
    with broken(Invariant.CONFIGURATION):
        stage.set(A, entries=[entry(1, 1), change(2, 1, new)], configuration=new)


def test_what_only_a_replica_could_see_can_be_left_out() -> None:
    stage = Stage(outside_only=True)
    stage.set(A, term=2)
    stage.set(A, term=1)
    with broken(Invariant.ELECTION_SAFETY):
        stage.lead(A, 3)
        stage.lead(B, 3)


def test_every_invariant_has_a_number_of_its_own() -> None:
    assert len({each.number for each in Invariant}) == len(Invariant)
    assert {each.scope for each in Invariant} == set(Scope)


# The chain


@pytest.fixture
def chain() -> ChainWatch:
    watch = ChainWatch(Judge(), genesis(("archive", "bank", "court"), 2))
    watch.committed(entry(1, 1, format_block([statement(0)[1]])))
    return watch


def test_another_chain(chain: ChainWatch) -> None:
    other = apply(chain.chains[0], entry(1, 2), chain)
    with broken(Invariant.HASH_CHAIN):
        chain.applied("bank", [other])
    with broken(Invariant.HASH_CHAIN):
        chain.stands("bank", apply(chain.chains[1], entry(2, 1), chain).chain)


def test_a_statement_that_stands_twice(chain: ChainWatch) -> None:
    class Forgetful:
        has_statement = staticmethod(lambda identity: False)
        key_state = staticmethod(lambda key: None)

    again = entry(2, 1, format_block([statement(0)[1]]))
    twice = apply(chain.chains[1], again, Forgetful())
    chain.chains.append(twice.chain)  # Even if all agreed on it.
    with broken(Invariant.EXACTLY_ONCE):
        chain.applied("bank", [twice])


def test_a_statement_that_all_agree_to_take_again(
    chain: ChainWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "has_statement", lambda identity: False)
    with broken(Invariant.EXACTLY_ONCE):
        chain.committed(entry(2, 1, format_block([statement(0)[1]])))


def seal(size: int, root: bytes, time_s: int = 1) -> SentSeal:
    body = format_checkpoint(Checkpoint("cunzheng.test/simulator", size, root))
    line = cosign(body, time_s, "cunzheng.test/simulator/bank", witness_signer("bank"))
    return SentSeal(size, body, format_line(line))


def test_a_seal_on_another_tree(chain: ChainWatch) -> None:
    good = first_block(genesis(("archive", "bank", "court"), 2)).checkpoint
    chain.told("bank", Step(own=[seal(good.size, good.root)]))
    for step in (
        Step(own=[seal(good.size, bytes(32))]),
        Step(own=[seal(99, good.root)]),
        Step(contradictions=[SealContradiction("court", seal(2, bytes(32)))]),
        Step(halted="court and bank sealed another tree"),
    ):
        with broken(Invariant.HASH_CHAIN):
            chain.told("bank", step)


def test_a_seal_that_takes_another_back(chain: ChainWatch) -> None:
    small, large = (each.checkpoint for each in chain.chains)
    chain.told("bank", Step(own=[seal(large.size, large.root)]))
    chain.told("bank", Step(own=[seal(large.size, large.root)]))  # The same is no other.
    renewed = seal(large.size, large.root, time_s=1 + REFRESH_S)
    chain.told("bank", Step(own=[renewed]))
    for again in (seal(small.size, small.root), seal(large.size, large.root, time_s=2)):
        with broken(Invariant.HASH_CHAIN):
            chain.told("bank", Step(own=[again]))
    chain.may_forget("bank")
    with broken(Invariant.HASH_CHAIN):
        chain.told("bank", Step(own=[seal(small.size, small.root)]))
    chain.told("bank", Step(own=[seal(large.size, large.root, time_s=2)]))


def test_a_seal_may_be_renewed(chain: ChainWatch) -> None:
    """The same checkpoint, a minute later: nothing else of the same size."""
    last = chain.chains[-1].checkpoint
    chain.told("bank", Step(own=[seal(last.size, last.root)]))
    for too_soon_s in (0, 2, REFRESH_S):
        with broken(Invariant.HASH_CHAIN):
            chain.told("bank", Step(own=[seal(last.size, last.root, time_s=too_soon_s)]))
    for time_s in (1 + REFRESH_S, 2 + 3 * REFRESH_S):
        chain.told("bank", Step(own=[seal(last.size, last.root, time_s=time_s)]))
    with broken(Invariant.HASH_CHAIN):
        chain.told("bank", Step(own=[seal(last.size, last.root, time_s=2 + 2 * REFRESH_S)]))


def test_a_seal_that_others_hold_and_its_member_has_lost(chain: ChainWatch) -> None:
    first, last = (each.checkpoint for each in chain.chains)
    old, new = seal(first.size, first.root), seal(last.size, last.root, time_s=5)
    chain.started("bank", chain.chains[-1], None)
    chain.told("bank", Step(own=[old, new]))
    chain.started("bank", chain.chains[-1], None)  # Nobody has got one.
    chain.told("court", Step(newest={"bank": old}))
    chain.started("bank", chain.chains[-1], old)
    chain.told("court", Step(newest={"bank": new}))
    for known in (None, old, seal(last.size, last.root, time_s=4)):
        with broken(Invariant.HASH_CHAIN):
            chain.started("bank", chain.chains[-1], known)
    chain.started("bank", chain.chains[-1], new)
    chain.may_forget("bank")
    chain.started("bank", chain.chains[-1], None)
    chain.told("court", Step(newest={"bank": new}))  # Late: it has been lost since.
    chain.started("bank", chain.chains[-1], None)
    chain.told("bank", Step(own=[new]))  # As it was told.
    chain.told("court", Step(newest={"bank": new}))
    with broken(Invariant.HASH_CHAIN):
        chain.started("bank", chain.chains[-1], None)


def note(chain: ChainWatch, height: int, members: Sequence[str]) -> Note:
    checkpoint = chain.chains[height].checkpoint
    body = format_checkpoint(checkpoint)
    lines = [cosign(body, 1, f"{checkpoint.origin}/{m}", witness_signer(m)) for m in members]
    seals = tuple(parse_seal(line, checkpoint.origin) for line in lines)
    by_log = sign_ed25519(body, checkpoint.origin, log_signer("bank"))
    return Note(checkpoint.size, height, format_sealed(SealedCheckpoint(checkpoint, by_log, seals)))


def test_a_note_of_too_few(chain: ChainWatch) -> None:
    with broken(Invariant.HASH_CHAIN):
        chain.told("bank", Step(notes=[note(chain, 1, ["bank"])]))


def test_a_note_that_takes_another_back(chain: ChainWatch) -> None:
    chain.told("bank", Step(notes=[note(chain, 1, ["bank", "court"])]))
    for height in (0, 1):
        with broken(Invariant.HASH_CHAIN):
            chain.told("bank", Step(notes=[note(chain, height, ["archive", "bank"])]))
    chain.may_forget("bank")
    chain.told("bank", Step(notes=[note(chain, 1, ["archive", "bank"])]))


# The clients


@pytest.fixture
def history(chain: ChainWatch) -> History:
    history = History(Judge(), chain)
    history.begin(statement(0)[0], 10)
    return history


def test_an_acknowledgement_of_what_is_not_there(history: History) -> None:
    history.begin(statement(1)[0], 10)
    for position in (5, None):
        with broken(Invariant.CLIENT_TRUTH):
            history.acknowledged(statement(1)[0], position, 20)


def test_a_read_that_misses_what_was_acknowledged(history: History, chain: ChainWatch) -> None:
    position = chain.positions[statement(0)[0]]
    history.acknowledged(statement(0)[0], position, 20)
    history.read_size(30, 40, position + 1, history.acknowledged_size)
    with broken(Invariant.LINEARIZABLE):
        history.read_size(30, 40, position, history.acknowledged_size)


def test_a_refusal_of_what_is_there_after_all(history: History) -> None:
    history.refused(statement(0)[0], 20)
    with broken(Invariant.LINEARIZABLE):
        history.check()


def test_a_history_that_no_order_explains(history: History, chain: ChainWatch) -> None:
    history.acknowledged(statement(0)[0], chain.positions[statement(0)[0]], 20)
    history.check()
    history.looked_up(statement(0)[0], 30, 40, None)
    with broken(Invariant.LINEARIZABLE):
        history.check()


def test_what_nobody_got_an_answer_to_may_be_there_or_not(history: History) -> None:
    history.begin(statement(1)[0], 10)
    history.check()
    assert history.answered == 0
