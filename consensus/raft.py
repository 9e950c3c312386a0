"""The core: one replica's part in Raft, as a machine that only computes.

Messages, ticks, proposals and finished writes go in; what to write, send, apply and answer comes
out of `Raft.ready`. No clock, no chance, no disk, no network: the same inputs give the same
outputs. Terms come first: `step` compares them before anything looks at a message, and only then
does the role matter.

    message (of the current term)  follower    pre-candidate  candidate   leader
    -----------------------------  ----------  -------------  ----------  -----------------------
    PreVoteRequest                 answer      answer         answer      refuse
    VoteRequest                    answer      answer         refuse      refuse
    PreVoteResponse                -           count          -           -
    VoteResponse                   -           -              count       -
    AppendRequest                  append      follow,append  follow,app. contradiction
    CommitNotice                   commit      follow,commit  follow,com. contradiction
    HeartbeatRequest               answer      follow,answer  follow,ans. contradiction
    AppendResponse                 -           -              -           advance match and commit
    AppendRefusal                  -           -              -           back up
    HeartbeatResponse              -           -              -           confirm reads, nudge
    ReadIndexRequest               refuse      refuse         refuse      answer when confirmed
    ReadIndexResponse              answer read -              -           -
    TimeoutNow                     campaign    -              -           -
    RecallRequest, of any term     answer      answer         answer      answer
    RecallResponse, of any term    compare     compare        compare     compare

    newer term: become a follower in it, then as above; except that (pre-)vote requests are refused
    untouched while a leader is heard (unless it asked for the election itself), and a term too far
    ahead is only approached (TERM_STEP_MAX).
    older term: requests are refused in our term, the rest is dropped. A tick makes a follower or
    candidate whose time is up ask for pre-votes, a leader send heartbeats and, once per election
    timeout, count whom it hears.

After a start there is one more state in front of these: until a quorum has said what it remembers
of this replica, nothing is answered but RecallRequests (`recall`). And one behind them: a replica
that has forgotten what it promised says nothing any more (`rollback`).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import assert_never

from consensus.campaign import Campaign
from consensus.following import (
    take_append,
    take_commit_notice,
    take_heartbeat_commit,
    take_read_answer,
)
from consensus.leadership import Author, Busy, Leadership, Limits
from consensus.log import Log, Storage
from consensus.membership import ChangeRefused, check_change
from consensus.messages import (
    DATA_BYTES_MAX,
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    Configuration,
    EntryKind,
    HardState,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    OfTerm,
    Position,
    PreVoteRequest,
    PreVoteResponse,
    ReadIndexRequest,
    ReadIndexResponse,
    RecallRequest,
    RecallResponse,
    ReplicaId,
    TimeoutNow,
    Voter,
    VoteRequest,
    VoteResponse,
)
from consensus.quorum import Tally
from consensus.reads import NUMBERS, Asked, ForwardedReads
from consensus.ready import Contradiction, Read, Ready, Role, Write
from consensus.recall import Memory, Recall, forgotten
from consensus.writes import Writes

__all__ = ["Busy", "ChangeRefused", "Limits", "NotLeader", "Raft"]

DEFAULT_LIMITS = Limits()

TERM_STEP_MAX = 1_000
"""How far one message can raise the term. One that went straight to the last term there is would
leave no term to elect anybody in, for ever: the term is on the disk. Honest terms differ by the
elections one missed; more than that many are caught up with message by message."""

ASK_AGAIN_TIMEOUTS = 3
"""After so many election timeouts without a leader a replica asks who belongs to the group: while
it was away all it knew of may have changed."""

RECALLS_PER_TICK = 8
"""Questions of one replica that are answered between two ticks. It asks once a tick, and the
answers are long: a frame full of questions would keep us busy for seconds."""

WRONG_CLOCK_PATIENCE = 3
"""By this much longer waits a replica whose clock is off before it campaigns, so that another
does; if there is no other, a leader with a wrong clock is better than none."""


class NotLeader(Exception):
    """Only the leader accepts this; `leader` is who that is, if known. Nothing was proposed."""

    def __init__(self, leader: ReplicaId | None) -> None:
        super().__init__(f"not the leader, which is {leader or 'unknown'}")
        self.leader = leader


class Raft:
    """One replica, from one start to the next; owned by one task.

    role is LEADER exactly while there is a `Leadership`, and one of the candidate roles exactly
    while there is a `Campaign`; then leader is None. term never falls, and vote changes from None
    at most once per term: a change of role within a term never touches it.
    """

    def __init__(
        self,
        replica_id: ReplicaId,
        storage: Storage,
        *,
        proposer: str,
        version: str,
        random: Callable[[int], int],
        election_ticks: int = 10,
        heartbeat_ticks: int = 1,
        limits: Limits = DEFAULT_LIMITS,
        applied: int = 0,
    ) -> None:
        """`random(n)` gives a number in 0 <= r < n (`Random.randrange`). `applied` is up to where
        the edge has already applied committed entries; `Ready.committed` goes on from there. It
        must not exceed the storage's last index (an edge that finds it does has lost its journal,
        and must not start)."""
        assert 0 < heartbeat_ticks < election_ticks
        self.id = replica_id
        self.role = Role.FOLLOWER
        self.leader: ReplicaId | None = None
        self._author = Author(proposer, version)
        self._random = random
        self._election_ticks = election_ticks
        self._heartbeat_ticks = heartbeat_ticks
        self._ask_again_ticks = ASK_AGAIN_TIMEOUTS * election_ticks
        self._limits = limits
        self.log = Log(storage, applied=applied)
        """Read by the edge as it likes; only the core changes it."""
        self._hard_state = self._hard_state_taken = storage.hard_state
        self._leadership: Leadership | None = None
        self._campaign: Campaign | None = None
        self._forwarded = ForwardedReads(random(NUMBERS))
        self._memory = Memory()
        self._recall = Recall(self.id, random(NUMBERS), self.log)
        self._recalls: Counter[ReplicaId] = Counter()
        self.rollback: str | None = None
        """What others remember of this replica and its disk does not. It must never speak again
        under this id."""

        # Time, in ticks. `_elapsed` counts from what last put off an election: hearing the leader,
        # granting a vote, a campaign of our own; for a leader from its last count of whom it hears.
        self._now_ms = 0
        self._ticks = 0
        self._elapsed = 0
        self._leaderless = 0
        self._timeout = self._draw_timeout()
        self._clock_off_ms = 0

        # What the next Ready carries. Whatever needs the disk first is held in `_writes` instead.
        self._writes = Writes()
        self._send: list[Message] = []
        self._reads: list[Read] = []
        self._contradictions: list[Contradiction] = []
        self._shown: tuple[Role, ReplicaId | None, int] = (self.role, None, self.term)
        if self.recalling:
            self._ask_others()

    @property
    def term(self) -> int:
        return self._hard_state.term

    @property
    def commit(self) -> int:
        return self.log.commit

    @property
    def last_index(self) -> int:
        return self.log.last_index

    @property
    def configuration(self) -> Configuration:
        """The one in force: the last in the log, committed or not."""
        return self.log.configuration

    @property
    def acquaintances(self) -> tuple[Voter, ...]:
        """Everyone this replica must be able to talk to."""
        return self._recall.acquaintances

    def introduce(self, voters: Iterable[Voter]) -> None:
        """Who belongs to the group, as far as the owner knows better than the log: these are asked
        as well while this replica recalls."""
        self._recall.introduce(voters)

    @property
    def recalling(self) -> bool:
        """It has started and takes no part yet: too few have said what they remember of it."""
        return not self._recall.is_over

    @property
    def clock_off_ms(self) -> int:
        """By how much this replica's clock is off, as far as the leader knows (`clocks`); or 0."""
        return self._clock_off_ms

    @property
    def transferring(self) -> ReplicaId | None:
        """To whom the lead is being handed over."""
        return self._leadership.transferee if self._leadership is not None else None

    @property
    def matches(self) -> dict[ReplicaId, int]:
        """Where this replica leads: up to where those it hears have its log on their disks."""
        return self._leadership.matches if self._leadership is not None else {}

    # The doors

    def step(self, message: Message, now_ms: int) -> None:
        """Take in a message from another replica. What is for an earlier incarnation is dropped."""
        if message.recipient != self.id or self.rollback is not None:
            return
        self._now_ms = now_ms
        self._memory.note(message)
        if isinstance(message, RecallRequest | RecallResponse):
            self._on_recall(message)
            return
        if self.recalling:
            return
        asks_vote = isinstance(message, PreVoteRequest | VoteRequest)
        bidden = isinstance(message, VoteRequest) and message.transfer
        if asks_vote and self._hears_leader and not bidden:
            self._refuse(message)
            return
        if message.term > self.term + TERM_STEP_MAX:
            self._become_follower(self.term + TERM_STEP_MAX)
            return
        if message.term > self.term:
            self._become_follower(message.term)
        elif message.term < self.term:
            self._refuse(message)
            return
        self._dispatch(message)

    def tick(self, now_ms: int) -> None:
        """One unit of time has passed."""
        if self.rollback is not None:
            return
        self._now_ms = now_ms
        self._ticks += 1
        self._recalls.clear()
        if self.recalling:
            if self._ticks % self._heartbeat_ticks == 0:
                self._ask_others()
            return
        self._elapsed += 1
        self._leaderless = 0 if self._hears_leader else self._leaderless + 1
        if self._leaderless == self._ask_again_ticks:
            self._leaderless = 0
            self._ask_others()
        for context in self._forwarded.expired(self._ticks - self._election_ticks):
            self._reads.append(Read(context, None))
        # A replica whose disk hangs could neither commit its own entries nor vote for itself.
        disk_hangs = self._writes.has_waited_since(self._ticks - self._election_ticks)
        if self._leadership is not None:
            self._tick_leader(self._leadership, disk_hangs)
        elif self._elapsed >= self._patience and not disk_hangs:
            self._become_pre_candidate()

    def propose(self, data: bytes, now_ms: int) -> Position:
        """Append an entry. It is committed when `Ready.committed` shows an entry the position
        `is_at`, and never will be once it shows one the position `is_lost_to`. Raises NotLeader,
        Busy."""
        assert len(data) <= DATA_BYTES_MAX
        self._now_ms = now_ms
        return self._lead().append(EntryKind.NORMAL, data, now_ms)

    def propose_configuration(self, configuration: Configuration, now_ms: int) -> Position:
        """Change the configuration, by at most one voter. It is in force at once, and for good once
        it is committed. Raises NotLeader, ChangeRefused, Busy."""
        self._now_ms = now_ms
        leadership = self._lead()
        check_change(
            configuration,
            self.log,
            leadership.commits_own_term,
            leadership.matches,
            min(leadership.gate_index, self.log.commit),
        )
        return leadership.append(EntryKind.CONFIGURATION, configuration.format(), now_ms)

    def transfer(self, target: ReplicaId | None = None) -> ReplicaId | None:
        """Hand the lead to this voter, or to the one that would take over soonest, as soon as it
        has all of the log; until then, and for an election timeout at most, nothing is proposed.
        Returns to whom. None, and nothing happens, if this is not the leader or there is no such
        other voter."""
        leadership = self._leadership
        if leadership is None:
            return None
        target = target or leadership.successor()
        if target is None or target == self.id or not self.configuration.is_voter(target):
            return None
        leadership.begin_transfer(target)
        return target

    def read_index(self, context: int) -> None:
        """Ask for a linearizable read, on any replica. A later Ready answers with a `Read` of this
        context; failed ones come at once when the lead is lost, and after an election timeout if
        the leader does not answer. Raises Busy."""
        if self._leadership is not None:
            if self._leadership.reads.count >= self._limits.pending_reads:
                raise Busy
            self._leadership.reads.ask(Asked(self.id, context))
        elif self.leader is not None:
            if len(self._forwarded) >= self._limits.pending_reads:
                raise Busy
            number = self._forwarded.forward(context, self._ticks)
            self._send.append(ReadIndexRequest(self.id, self.leader, self.term, number))
        else:
            self._reads.append(Read(context, None))

    def persisted(self, number: int, now_ms: int) -> None:
        """Write `number` and all before it are durable. What they held back may go, unless it is
        out of date: said in a term that is over, or asking for votes when a leader was found."""
        self._now_ms = now_ms
        durable, messages = self._writes.persisted(number)
        self.log.persisted(durable)
        if self.rollback is not None:
            return
        for message in messages:
            if message.recipient == self.id:
                self.step(message, now_ms)
            elif message.term == self.term and (
                self.role is Role.CANDIDATE or not isinstance(message, VoteRequest)
            ):
                self._send.append(message)
        if self._leadership is not None:
            self._leadership.advance_commit()

    def ready(self, *, deliver: bool = True) -> Ready | None:
        """What is to be done now, or None; call after every input (or several) until None. With
        deliver=False committed entries stay in the log until the edge can take them again."""
        if self._leadership is not None:
            self._finish_leader_turn(self._leadership)
        write = self._take_write()
        committed = self.log.take_committed(self._limits.committed_bytes) if deliver else ()
        shown = (self.role, self.leader, self.term)
        news = write or committed or self._send or self._reads or self._contradictions
        if not news and shown == self._shown:
            return None
        if self.rollback is not None:
            self._send.clear()  # Whatever was on its way was said by one who has forgotten.
        ready = Ready(
            write,
            tuple(self._send),
            committed,
            tuple(self._reads),
            tuple(self._contradictions),
            *shown,
        )
        self._send, self._reads, self._contradictions = [], [], []
        self._shown = shown
        return ready

    def _take_write(self) -> Write | None:
        entries = self.log.take_unwritten()
        changed = self._hard_state if self._hard_state is not self._hard_state_taken else None
        if not entries and changed is None:
            self._send += self._writes.free()
            return None
        self._hard_state_taken = self._hard_state
        return self._writes.open(changed, entries, self.log.last_index, self._ticks)

    # Terms and roles

    @property
    def _hears_leader(self) -> bool:
        """Then nobody needs another, and who asks for votes is cut off from it or was removed."""
        if self._leadership is not None:
            return True
        return self.leader is not None and self._elapsed < self._election_ticks

    def _draw_timeout(self) -> int:
        return self._election_ticks + self._random(self._election_ticks)

    @property
    def _patience(self) -> int:
        """How long to wait for a leader."""
        return self._timeout * WRONG_CLOCK_PATIENCE if self._clock_off_ms else self._timeout

    def _restart_timer(self) -> None:
        self._elapsed = 0
        self._timeout = self._draw_timeout()

    def _become_follower(self, term: int, leader: ReplicaId | None = None) -> None:
        if term > self.term:
            self._hard_state = HardState(term, None)
        self._lose_leader()
        self._campaign = None
        if self.role is not Role.FOLLOWER:
            self._restart_timer()
        self.role = Role.FOLLOWER
        self.leader = leader

    def _lose_leader(self) -> None:
        """Nobody may wait for a read that the leader until now has not confirmed."""
        self.leader = None
        self._reads += [Read(context, None) for context in self._forwarded.expired(self._ticks)]
        if self._leadership is not None:
            for asked in self._leadership.reads.unanswered():
                self._answer_read(asked, None)
            self._leadership = None

    def _become_pre_candidate(self) -> None:
        """As a voter of any configuration that may turn out to hold: one that is being removed does
        not count its own vote any more, but only its log may have the change (thesis, 4.2.2)."""
        if not any(each.is_voter(self.id) for each in self.log.possible_configurations):
            return
        self._lose_leader()
        self.role = Role.PRE_CANDIDATE
        self._restart_timer()
        self._campaign = Campaign(self.id, self.term, self.log)
        self._send += self._campaign.pre_vote_requests()
        self._count_vote(self.id, granted=True)

    def _become_candidate(self, *, transfer: bool = False) -> None:
        self._lose_leader()
        self._hard_state = HardState(self.term + 1, self.id)
        self.role = Role.CANDIDATE
        self._restart_timer()
        self._campaign = Campaign(self.id, self.term, self.log)
        for message in self._campaign.vote_requests(transfer=transfer):
            self._writes.hold(message)

    def _become_leader(self) -> None:
        self.role = Role.LEADER
        self.leader = self.id
        self._elapsed = 0
        self._campaign = None
        self._leadership = Leadership(self.id, self.term, self.log, self._limits, self._author)
        self._leadership.append(EntryKind.NOOP, b"", self._now_ms)

    # After a start

    def _ask_others(self) -> None:
        self._send += self._recall.requests(self.term)

    def _on_recall(self, message: RecallRequest | RecallResponse) -> None:
        """Terms are not compared: the question must disturb nobody, and an answer is only heard."""
        if isinstance(message, RecallRequest):
            self._recalls[message.sender] += 1
            if self._recalls[message.sender] <= RECALLS_PER_TICK:
                self._send.append(self._memory.answer(message, self.term, self.log))
            return
        was_recalling = self.recalling
        if not self._recall.take(message, self.term + TERM_STEP_MAX):
            return
        self.rollback = forgotten(message, self._hard_state, self.log.last_index)
        if self.rollback is not None:
            self._become_follower(self.term)
        elif was_recalling and not self.recalling:
            self._become_follower(max(self.term, self._recall.term))
            self._restart_timer()

    # Messages of the current term

    def _dispatch(self, message: OfTerm) -> None:
        leadership = self._leadership
        match message:
            case AppendRequest():
                self._on_append(message)
            case AppendResponse():
                if leadership is not None:
                    leadership.acknowledged(message.sender, message.match_index)
                    leadership.advance_commit()
            case AppendRefusal():
                if leadership is not None:
                    leadership.refused(message)
            case CommitNotice():
                self._on_commit_notice(message)
            case HeartbeatRequest():
                self._on_heartbeat(message)
            case HeartbeatResponse():
                if leadership is not None:
                    leadership.heartbeat_answered(message, self._now_ms)
            case ReadIndexRequest():
                self._on_read_request(message)
            case ReadIndexResponse():
                self._on_read_answer(message)
            case PreVoteRequest():
                granted = self.log.is_up_to_date(message.last_index, message.last_term)
                self._send.append(PreVoteResponse(self.id, message.sender, self.term, granted))
            case VoteRequest():
                self._on_vote_request(message)
            case PreVoteResponse():
                if self.role is Role.PRE_CANDIDATE:
                    self._count_vote(message.sender, message.granted)
            case VoteResponse():
                if self.role is Role.CANDIDATE:
                    self._count_vote(message.sender, message.granted)
            case TimeoutNow():
                if self.leader == message.sender and self.configuration.is_voter(self.id):
                    self._become_candidate(transfer=True)
            case _:
                assert_never(message)

    def _refuse(self, message: Message) -> None:
        """Answer a request in our own term, which is all its sender learns: one of an older term
        falls into line, one that asks for votes while there is a leader waits."""
        match message:
            case PreVoteRequest():
                self._send.append(PreVoteResponse(self.id, message.sender, self.term, False))
            case VoteRequest():
                self._send.append(VoteResponse(self.id, message.sender, self.term, False))
            case AppendRequest() | HeartbeatRequest():
                self._send.append(AppendRefusal(self.id, message.sender, self.term, 0, 0, 0))
            case ReadIndexRequest():
                self._answer_read(Asked(message.sender, message.context), None)
            case _:
                pass

    def _on_vote_request(self, message: VoteRequest) -> None:
        """At most one vote per term, first come first served, and only for a log that has all
        that can be committed (paper, 5.2 and 5.4.1). It leaves when it is on the disk."""
        vote = self._hard_state.vote
        known_at_start = self.term <= self._recall.term
        free = vote is None and self.leader is None and not known_at_start
        free = free or vote == message.sender
        if not (free and self.log.is_up_to_date(message.last_index, message.last_term)):
            self._refuse(message)
            return
        if vote is None:
            self._hard_state = HardState(self.term, message.sender)
        self._elapsed = 0
        self._writes.hold(VoteResponse(self.id, message.sender, self.term, True))

    def _count_vote(self, sender: ReplicaId, granted: bool) -> None:
        assert self._campaign is not None
        result = self._campaign.count(sender, granted)
        if result is Tally.LOST:
            self._become_follower(self.term)
        elif result is Tally.WON and self.role is Role.PRE_CANDIDATE:
            self._become_candidate()
        elif result is Tally.WON:
            self._become_leader()

    # Following

    def _follow(self, message: AppendRequest | CommitNotice | HeartbeatRequest) -> bool:
        """The sender was elected in this term, so it is the leader; there cannot be two."""
        if self.leader is None:
            self._become_follower(self.term, message.sender)
        elif self.leader != message.sender:
            why = f"{self.leader} is the leader of term {self.term}"
            self._contradictions.append(Contradiction(message, why))
            return False
        self._elapsed = 0
        return True

    def _on_append(self, message: AppendRequest) -> None:
        if not self._follow(message):
            return
        answer = take_append(message, self.log, self._writes)
        if isinstance(answer, AppendRefusal):
            self._send.append(answer)
        elif answer is not None:
            self._contradictions.append(answer)

    def _on_commit_notice(self, message: CommitNotice) -> None:
        if self._follow(message):
            contradiction = take_commit_notice(message, self.log)
            if contradiction is not None:
                self._contradictions.append(contradiction)

    def _on_heartbeat(self, message: HeartbeatRequest) -> None:
        """Answered without waiting for the disk: a slow one must not look like a dead replica."""
        if self._follow(message):
            take_heartbeat_commit(message, self.log)
            self._clock_off_ms = message.clock_off_ms
            self._send.append(
                HeartbeatResponse(
                    self.id,
                    message.sender,
                    self.term,
                    message.read_position,
                    message.clock_ms,
                    self._now_ms,
                )
            )

    def _on_read_answer(self, message: ReadIndexResponse) -> None:
        context = self._forwarded.answered(message.context)
        if context is None:
            return
        contradiction = take_read_answer(message, self.log)
        if contradiction is not None:
            self._contradictions.append(contradiction)
        self._reads.append(Read(context, None if contradiction else message.index))

    # Leading

    def _lead(self) -> Leadership:
        if self._leadership is None:
            raise NotLeader(self.leader)
        return self._leadership

    def _tick_leader(self, leadership: Leadership, disk_hangs: bool) -> None:
        count_due = self._elapsed >= self._election_ticks
        if disk_hangs or (count_due and not leadership.hears_quorum()):
            self._become_follower(self.term)
            return
        if count_due:
            self._elapsed = 0
        leadership.transfer_tick(self._election_ticks)
        if self._ticks % self._heartbeat_ticks == 0:
            self._clock_off_ms = leadership.compare_clocks()
            self._send += leadership.heartbeats(self._now_ms)
        if self._clock_off_ms and leadership.may_transfer_again:
            self.transfer()

    def _finish_leader_turn(self, leadership: Leadership) -> None:
        """Once for everything that came in since the last Ready: so appends, commit notices and
        read rounds are shared by all proposals and reads that came together."""
        self._send += leadership.replicate()
        self._send += leadership.begin_reads(self._now_ms)
        for asked, index in leadership.confirmed_reads():
            self._answer_read(asked, index)
        if leadership.is_over:
            # Removed by a committed change: the others need not wait for a timeout (thesis, 4.2.2).
            if (successor := leadership.successor()) is not None:
                self._send.append(TimeoutNow(self.id, successor, self.term))
            self._become_follower(self.term)
        else:
            self._send += leadership.transfer_message()

    def _on_read_request(self, message: ReadIndexRequest) -> None:
        asked = Asked(message.sender, message.context)
        leadership = self._leadership
        if leadership is None or leadership.reads.count >= self._limits.pending_reads:
            self._answer_read(asked, None)
        else:
            leadership.reads.ask(asked)

    def _answer_read(self, asked: Asked, index: int | None) -> None:
        if asked.replica == self.id:
            self._reads.append(Read(asked.context, index))
        else:
            self._send.append(
                ReadIndexResponse(self.id, asked.replica, self.term, asked.context, index)
            )
