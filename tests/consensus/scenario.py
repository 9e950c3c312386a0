"""The verbs of scenarios: every method named `do_...` is one; `scenarios/README.md` explains them.

A line is a verb and its words. With `quietly` before it nothing is told of what is sent, received
and written; with `silently` nothing at all.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from consensus.log import MemoryStorage
from consensus.messages import (
    Entry,
    EntryKind,
    HardState,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import Busy, ChangeRefused, NotLeader
from consensus.ready import Role
from tests.consensus import transcript
from tests.consensus.mail import take
from tests.consensus.stage import ELECTION_TICKS, Replica, Stage
from tests.consensus.transcript import NOW_MS, configuration_of, name_of, replica_id

PATIENCE_MAX = 4 * ELECTION_TICKS
TRIES_MAX = 3


class Scenario(Stage):
    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[str, MemoryStorage] = {}
        self._started = False

    def run(self, directive: str) -> None:
        """One line of a scenario."""
        verb, *words = directive.split()
        self.tells_traffic = verb not in ("quietly", "silently")
        self.tells_facts = verb != "silently"
        if not self.tells_traffic:
            verb, *words = words
        if verb not in ("group", "disk", "limits", "patience") and not self._started:
            self._start_all()
        getattr(self, f"do_{verb}")(*words)

    # Before the first step

    def do_group(self, *words: str) -> None:
        voters, learners = _sections(words, "learners")
        self._first = configuration_of(voters, learners)
        for name in chain(voters, learners):
            self.replicas[name] = Replica(name, MemoryStorage(self._first))

    def do_disk(self, name: str, *words: str) -> None:
        terms, term, vote = _sections(words, "term", "vote")
        entries = [
            Entry(index, int(one), EntryKind.NORMAL, NOW_MS, f"of term {one}", "test", b"")
            for index, one in enumerate(terms, 1)
        ]
        voted = replica_id(vote[0]) if vote else None
        self.replicas[name].storage.append(HardState(int([*terms, *term][-1]), voted), entries)

    def do_limits(self, field: str, number: str) -> None:
        self.limits = replace(self.limits, **{field: int(number)})

    def do_patience(self, name: str, ticks: str) -> None:
        self.replicas[name].patience = int(ticks)

    def _start_all(self) -> None:
        """As if long ago: without a word."""
        self._started = True
        for replica in self.replicas.values():
            self.start(replica)
        for replica in self.replicas.values():
            self.drain(replica)
        self.arrive_all()
        self.take_transcript()

    # Time and campaigns

    def do_tick(self, *words: str) -> None:
        names, count = (words[:-1], int(words[-1])) if words[-1].isdigit() else (words, 1)
        for _ in range(count):
            for name in names:
                self.tick(self.replicas[name])

    def do_campaign(self, name: str) -> None:
        before = self.told
        for _ in range(PATIENCE_MAX):
            self.tick(self.replicas[name])
            if self.told > before:
                return
        raise AssertionError(f"{name} does nothing")

    def do_win(self, name: str, *words: str) -> None:
        """Nothing but pre-votes and votes arrives, and those only from and to the voters."""
        _, chosen = _sections(words, "with")
        voters = {*chosen} or {other.name for other in self._running() if other.name != name}
        candidate = self.replicas[name]
        assert candidate.core.role is not Role.LEADER, f"{name} leads"
        for voter in sorted(voters):
            if self.replicas[voter].core.role is not Role.LEADER:
                self.do_tick(voter, str(ELECTION_TICKS))
        for _ in range(TRIES_MAX):
            self.do_campaign(name)
            while votes := [m for m in self.mail.under_way if name in _ends_of_vote(m)]:
                self.mail.under_way.remove(votes[0])
                if _ends_of_vote(votes[0]) & voters:
                    self.arrive(votes[0])
            if candidate.core.role is Role.LEADER:
                return
        raise AssertionError(f"{name} was not elected")

    def do_elect(self, name: str, *words: str) -> None:
        self.do_win(name, *words)
        self.arrive_all()

    def do_run(self, rounds: str) -> None:
        for _ in range(int(rounds)):
            for replica in self._running():
                self.tick(replica)
            self.arrive_all()

    def _running(self) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica.raft is not None]

    # What the owner of a replica asks of it

    def do_propose(self, name: str, *data: str) -> None:
        replica = self.replicas[name]
        for one in data:
            try:
                position = replica.core.propose(one.encode(), replica.now_ms)
            except (NotLeader, Busy) as refusal:
                self._refused(name, one, refusal)
            else:
                replica.proposed[position] = one
        self.drain(replica)

    def do_change(self, name: str, to: str, *words: str) -> None:
        assert to == "to"
        replica, new = self.replicas[name], configuration_of(*_sections(words, "learners"))
        try:
            replica.core.propose_configuration(new, replica.now_ms)
        except (NotLeader, Busy, ChangeRefused) as refusal:
            self._refused(name, transcript.configuration(new), refusal)
        self.drain(replica)

    def do_transfer(self, name: str, *words: str) -> None:
        replica, (_, target) = self.replicas[name], _sections(words, "to")
        if replica.core.transfer(replica_id(target[0]) if target else None) is None:
            self.fact(f"{name} does not hand over")
        self.drain(replica)

    def do_read(self, name: str, *contexts: str) -> None:
        replica = self.replicas[name]
        for context in contexts:
            try:
                replica.core.read_index(int(context))
            except Busy as refusal:
                self._refused(name, f"read {context}", refusal)
        self.drain(replica)

    def _refused(self, name: str, what: str, refusal: Exception) -> None:
        self.fact(f"{name} refuses {what}: {transcript.plain(str(refusal)) or 'busy'}")

    # The network

    def do_deliver(self, *words: str) -> None:
        if words == ("all",):
            self.arrive_all()
        else:
            for message in take(self.mail.under_way, words):
                self.arrive(message)

    def do_drop(self, *words: str) -> None:
        for message in take(self.mail.under_way, words):
            self.traffic(f"lost: {transcript.addressed(message)}")

    def do_repeat(self, *words: str) -> None:
        self.mail.under_way += take([*self.mail.under_way], words)

    def do_delay(self, *words: str) -> None:
        self.mail.delayed += take(self.mail.under_way, words)

    def do_late(self, *words: str) -> None:
        for message in take(self.mail.delayed, words):
            self.arrive(message)

    def do_network(self) -> None:
        for message in self.mail.under_way:
            self.fact(f"under way: {transcript.addressed(message)}")

    def do_cut(self, *words: str) -> None:
        self.mail.cut(words)

    def do_heal(self) -> None:
        self.mail.heal()

    # Disks, clocks, crashes

    def do_slow(self, name: str) -> None:
        self.replicas[name].is_slow = True

    def do_fast(self, name: str) -> None:
        self.replicas[name].is_slow = False
        self.do_fsync(name)

    def do_fsync(self, name: str, count: str = "") -> None:
        replica = self.replicas[name]
        self.finish_writes(replica, int(count) if count else len(replica.writes))

    def do_lag(self, name: str) -> None:
        self.replicas[name].takes_committed = False

    def do_apply(self, name: str) -> None:
        self.replicas[name].takes_committed = True
        self.drain(self.replicas[name])

    def do_clock(self, name: str, seconds: str) -> None:
        self.replicas[name].clock_ms = int(seconds) * 1000

    def do_crash(self, name: str, *words: str) -> None:
        replica, (_, count) = self.replicas[name], _sections(words, "keeping")
        assert replica.raft is not None, f"{name} is down"
        kept = replica.finish_writes(int(count[0]) if count else 0)
        line = f"{name} crashes"
        line += f", {transcript.numbers(kept)} having reached its disk" * bool(kept)
        line += f", losing {transcript.numbers(replica.writes)}" * bool(replica.writes)
        self.fact(line)
        replica.writes.clear()
        replica.proposed.clear()
        replica.raft, replica.part = None, "down"
        self.mail.goes_down(name)

    def do_restart(self, name: str) -> None:
        assert self.replicas[name].raft is None, f"{name} runs"
        self.start(self.replicas[name])
        self.drain(self.replicas[name])

    def do_join(self, name: str, origin: str, other: str) -> None:
        assert origin == "from"
        self.replicas[name] = Replica(name, MemoryStorage(self.replicas[other].core.configuration))
        self.do_restart(name)

    def do_copy(self, name: str) -> None:
        self._copies[name] = copy.deepcopy(self.replicas[name].storage)

    def do_restore(self, name: str) -> None:
        self._swap_disk(name, copy.deepcopy(self._copies[name]))

    def do_wipe(self, name: str) -> None:
        self._swap_disk(name, MemoryStorage(self._first))

    def _swap_disk(self, name: str, storage: MemoryStorage) -> None:
        assert self.replicas[name].raft is None, f"{name} runs"
        self.replicas[name].storage = storage

    # Looking

    def do_status(self, *names: str) -> None:
        for name in names or self.replicas:
            self.fact(f"{name}: {self.replicas[name].status()}")


def _sections(words: Sequence[str], *keywords: str) -> list[list[str]]:
    """The words before the first keyword, then those after each of the keywords given."""
    sections: dict[str, list[str]] = {keyword: [] for keyword in ("", *keywords)}
    current = ""
    for word in words:
        if word in keywords:
            current = word
        else:
            sections[current].append(word)
    return [*sections.values()]


def _ends_of_vote(message: Message) -> set[str]:
    """Of a pre-vote or vote, asked or answered: who and who; of anything else nobody."""
    if isinstance(message, PreVoteRequest | PreVoteResponse | VoteRequest | VoteResponse):
        return {name_of(message.sender), name_of(message.recipient)}
    return set()
