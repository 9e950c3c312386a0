"""Which checkpoints this member seals, whose seals it counts, and what it publishes. PURE.

Every block gives a checkpoint, every checkpoint is sealed by every member that computed it itself,
and the first quorum of seals on one is published as a note. The rules, each decided in one place:

 1. A member seals (size, root) only if it sealed no greater size before, and its own tree still
    has the root it sealed last (`_seal`). Its log key signs only what it sealed (`_publish`).
 2. Another member's seal counts only on the very root this member computed (`_compare`), and only
    if its time is not far ahead of this member's clock. On another root it is a contradiction:
    kept, shown, never counted, and it names its signer.
 3. If as many members as make a quorum agree on another root, it is this member that cannot be
    right, whoever is: it seals and publishes nothing any more (`_contradicted`). So it does once it
    is shown that a quorum sealed another history than its own (`exposure`).
 4. A seal by this member's own key that it does not know was made before its directory was lost or
    put back, and is taken for its last one, or by someone else: then it stops (`_receive_own`). On
    another root it contradicts what this member sealed, like anybody's.
 5. Notes are published with strictly ascending sizes and never changed; the first seal of every
    other member on a published checkpoint is kept beside its note, however late (`_count`).
 6. While nothing new comes, the newest checkpoint is sealed again and again, each time with a later
    time (`refresh`). Such a seal says that its member is there and still sees just this tree; it is
    shown (`freshness`), but no stored note changes for it.

What happens comes in through `applied`, `seal_newest`, `refresh` and `receive`; each returns a
`Step`, which the caller writes down in one synced batch before anyone hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from node.chain.apply import Applied
from node.evidence.checkpoint import (
    Checkpoint,
    cosignature_time,
    format_checkpoint,
    parse_checkpoint,
    verify_cosignature,
)
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import Member, parse_members
from node.evidence.note import Vkey, parse_line, sign_ed25519
from node.evidence.policy import SKEW_MS_MAX, Policy, Sealer
from node.evidence.sealed import Seal, format_sealed, parse_sealed
from node.seals.cosigning import Cosigned, Cosigner, checked, note_of, parse_cosigned, seals_of

HEADS_MAX = 1_024
"""Own checkpoints on which late seals are still counted; about ten seconds of a busy chain."""
AHEAD_MAX = 1_024
"""Seals of one member waiting for us to compute the same checkpoint; of more, the newest count."""
EARLY_S_MAX = SKEW_MS_MAX // 1000
"""How far ahead of this member's clock a seal's time may be and still count. A quorum's q-th time
is what a proof shows; one liar dated 9999 would make every proof of a small group say so."""
REFRESH_S = 60
"""How old its newest seal may be before a member renews it: a frozen view shows within minutes."""
CONTRADICTIONS_MAX = 32
"""Contradictions kept of one member: one names it, and the others' must have room beside it."""


@dataclass(frozen=True, slots=True)
class SentSeal:
    """A seal as members send it to each other: the body and one cosignature line on it."""

    size: int
    body: bytes
    line: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A published checkpoint: the first quorum this member saw at or after the blocks before it."""

    size: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`member` sealed another root than ours at this size."""

    member: str
    seal: SentSeal


@dataclass(slots=True)
class Remembered:
    """What the disk holds at start."""

    last: SentSeal | None = None
    newest: dict[str, SentSeal] = field(default_factory=dict)
    note: Note | None = None
    beside: list[bytes] = field(default_factory=list)  # That note.
    contradictions: list[Contradiction] = field(default_factory=list)
    halted: str = ""


@dataclass(slots=True)
class Step:
    """What changed: `own` seals (the last of them is the new last seal), `newest` foreign seals,
    `notes`, seals `beside` published notes, `contradictions`, `files` that show them to others by
    name (`exposure`), and the reason to stop. Whose seals were `counted` is not kept."""

    own: list[SentSeal] = field(default_factory=list)
    newest: dict[str, SentSeal] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    beside: list[tuple[int, str, bytes]] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    halted: str = ""
    counted: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        found = (self.own, self.newest, self.notes, self.beside, self.contradictions, self.files)
        return any(found) or bool(self.halted)


@dataclass(frozen=True, slots=True)
class Head:
    """One of our own checkpoints, the policy whose quorum seals it, and the seals counted on it."""

    height: int
    checkpoint: Checkpoint
    policy: Policy
    members: tuple[Member, ...] = ()
    seals: dict[str, Cosigned] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """What is signed."""
        return format_checkpoint(self.checkpoint)


class Sealing:
    """Owned by the thread that applies blocks."""

    def __init__(
        self,
        member: str,
        log: Signer,
        witness: Signer,
        policy: Policy,
        remembered: Remembered,
        root_at: Callable[[int], bytes],
        head: Head | None = None,
        further: Iterable[Signer] = (),
    ) -> None:
        """`policy` is the one in force for the next block, `head` the checkpoint of the last one.
        `root_at` gives the own root at any size already applied; with `further` keys this member
        signs besides, where the members text lists them."""
        self.member = member
        self.halted = remembered.halted
        self.contradictions = list(remembered.contradictions)
        self.newest = dict(remembered.newest)
        self.note = remembered.note
        self.last = remembered.last
        self.refused = 0
        """Seals that were not well formed or not by a member's key."""
        self.early: dict[str, SentSeal] = {}
        """The newest seal of each member that comes from the future and does not count yet. If it
        is this clock that is wrong, it will count when the clock is right."""
        self._now_s = 0
        self._has_sealed = False  # Since the start.
        self._last_is_ours = remembered.last is None  # Compared with our tree since the start.
        self._log = log
        self._cosigner = Cosigner(witness, further)
        self.policy = policy  # In force for the next block.
        self._root_at = root_at
        self._size = head.checkpoint.size if head else 0
        self.heads = {self._size: head} if head else {}
        """The newest own checkpoints, by size."""
        self._noted: set[int] = set()  # Sizes of `heads` that have a published note.
        if head and self.note and self.note.size == self._size:
            self._noted.add(self._size)
            head.seals.update(_published(remembered))
        # What was seen before the start may not have been compared or counted yet.
        self._ahead = {
            member: [(seal.size, seal.body, seal.line)]
            for member, seal in remembered.newest.items()
        }

    def refresh(self, now_s: int) -> Step:
        """Nothing new has come: seal the newest checkpoint again, if it is time to."""
        step = self._begin(now_s)
        head = self.heads.get(self._size)
        sealer = self._sealer(head.policy) if head is not None else None
        if head is not None and sealer is not None and self.is_due(now_s):
            self.last = SentSeal(self._size, head.body, self._cosign(head, sealer).data)
            step.own.append(self.last)
        return step

    def is_due(self, now_s: int) -> bool:
        """Whether the newest checkpoint is sealed by this member, and that long ago. A clock that
        was put back has to come past its last seal first."""
        last, head = self.last, self.heads.get(self._size)
        if self.halted or last is None or head is None or last.body != head.body:
            return False
        return now_s >= time_of(last) + REFRESH_S

    def newest_of(self, member: str) -> SentSeal | None:
        """The newest seal of any member that is known here, this one's too."""
        return self.last if member == self.member else self.newest.get(member)

    @property
    def is_sealer(self) -> bool:
        """Whether the policy in force names this member and its keys."""
        return self._sealer(self.policy) is not None

    def applied(self, blocks: Iterable[Applied], now_s: int, *, may_seal: bool = True) -> Step:
        """Our tree grew. `now_s` is this member's clock."""
        step = self._begin(now_s)
        for block in blocks:
            self._add_head(block)
            if may_seal:
                self._seal(self.heads[self._size], step)
            self._catch_up(step)
        return step

    def seal_newest(self, now_s: int) -> Step:
        """From now on this member may seal; what it skipped until here it never seals."""
        step = self._begin(now_s)
        if self._size in self.heads:
            self._seal(self.heads[self._size], step)
            self._catch_up(step)
        return step

    def receive(self, seals: Iterable[tuple[bytes, bytes]], now_s: int) -> Step:
        """Others sealed: bodies and lines, as they came."""
        step = self._begin(now_s)
        for body, line in seals:
            try:
                self._receive(body, line, step)
            except (Malformed, BadSignature):
                self.refused += 1
        return step

    # Our own checkpoints.

    def _add_head(self, block: Applied) -> None:
        self._size = block.checkpoint.size
        members = parse_members(block.governed_by.members_text)
        head = Head(block.block.height, block.checkpoint, block.governing_policy, members)
        self.heads[self._size] = head
        while len(self.heads) > HEADS_MAX:
            oldest = next(iter(self.heads))
            del self.heads[oldest]
            self._noted.discard(oldest)
        if block.chain.note.is_known:
            self.policy = block.chain.policy

    def _sealer(self, policy: Policy) -> Sealer | None:
        """This member as the policy names it, with the keys it has."""
        sealer = _named(policy, self.member)
        keys = (self._log.public, self._cosigner.public)
        return sealer if sealer is not None and (sealer.log, sealer.witness) == keys else None

    def _seal(self, head: Head, step: Step) -> None:
        """Rule 1."""
        sealer = self._sealer(head.policy)
        if self.halted or sealer is None:
            return
        if self.last is not None and not self._last_is_ours:
            if self.last.size > self._size:
                return  # We have yet to come back to where we were.
            before = parse_checkpoint(self.last.body)
            if self._root_at(before.size) != before.root:
                self.halt(f"this member sealed another tree of size {before.size}", step)
                return
            self._last_is_ours = True
        if self.last is not None and self.last.size == head.checkpoint.size:
            cosigned = parse_cosigned(self.last.line, head.policy.origin)
        else:
            assert self.last is None or self.last.size < head.checkpoint.size
            cosigned = self._cosign(head, sealer)
        self.last = SentSeal(head.checkpoint.size, head.body, cosigned.data)
        self._has_sealed = True
        step.own.append(self.last)
        self._count(head, cosigned, step)

    def _cosign(self, head: Head, sealer: Sealer) -> Cosigned:
        return self._cosigner.cosign(head.body, self._now_s, head.policy, sealer, head.members)

    # The others'.

    def _receive(self, body: bytes, line: bytes, step: Step) -> None:
        checkpoint = parse_checkpoint(body)
        cosigned = parse_cosigned(line, self.policy.origin)
        seal = cosigned.seal
        if checkpoint.origin != self.policy.origin:
            raise Malformed("seal", "of another chain")
        sent = SentSeal(checkpoint.size, body, line)
        head = self.heads.get(sent.size)
        if head and head.body == sent.body and not self._is_news(head, sent, seal):
            return
        if self.last is not None and seal.member == self.member and sent.body == self.last.body:
            return
        vkey = _vkey(head.policy if head else self.policy, seal.member)
        if vkey is None:  # It is no member any more, or not yet at the height we have reached.
            return
        verify_cosignature(body, seal.line, vkey)
        if seal.member == self.member:
            self._receive_own(sent, checkpoint, step)
            return
        newest, counts = self.newest.get(seal.member), seal.time_s <= self._now_s + EARLY_S_MAX
        if newest is None or newest.size < sent.size or (counts and _renews(sent, newest)):
            self.newest[seal.member] = step.newest[seal.member] = sent
        if sent.size <= self._size:
            self._compare(sent, checkpoint, cosigned, step)
            return
        ahead = self._ahead.setdefault(seal.member, [])
        heappush(ahead, (sent.size, sent.body, sent.line))
        if len(ahead) > AHEAD_MAX:
            heappop(ahead)

    def _is_news(self, head: Head, sent: SentSeal, seal: Seal) -> bool:
        """Whether this seal on a checkpoint of ours is its member's first or renews it."""
        newest = self.newest.get(seal.member)
        if seal.member not in head.seals or newest is None:
            return True
        return seal.member != self.member and _renews(sent, newest)

    def _receive_own(self, sent: SentSeal, checkpoint: Checkpoint, step: Step) -> None:
        """Rule 4, for a seal that holds by our key: is it one of ours that this disk has lost?"""
        known = sent.size <= self._size
        if known and self._root_at(sent.size) != checkpoint.root:
            self.halt(f"its own key sealed another tree of size {sent.size}", step)
            self._contradicted(Contradiction(self.member, sent), step)
        elif self._has_sealed and not known:
            self.halt(f"its own key seals elsewhere: a tree of size {sent.size}", step)
        elif self.last is None or self.last.size < sent.size:
            # Before it seals again this member must have come to that size, and have that root.
            self.last, self._last_is_ours = sent, False
            step.own.append(sent)

    def _begin(self, now_s: int) -> Step:
        """Compare again the seals that came too early by this clock."""
        self._now_s, step = now_s, Step()
        early, self.early = self.early, {}
        for sent in early.values():
            self._compare_again(sent, step)
        return step

    def _catch_up(self, step: Step) -> None:
        """Compare the seals that came before we had computed the same."""
        for ahead in self._ahead.values():
            while ahead and ahead[0][0] <= self._size:
                self._compare_again(SentSeal(*heappop(ahead)), step)

    def _compare_again(self, sent: SentSeal, step: Step) -> None:
        checkpoint = parse_checkpoint(sent.body)
        self._compare(sent, checkpoint, parse_cosigned(sent.line, checkpoint.origin), step)

    def _compare(
        self, sent: SentSeal, checkpoint: Checkpoint, cosigned: Cosigned, step: Step
    ) -> None:
        """Rule 2, for a seal whose signature holds."""
        head, seal = self.heads.get(sent.size), cosigned.seal
        root = head.checkpoint.root if head else self._root_at(sent.size)
        if root != checkpoint.root:
            self._contradicted(Contradiction(seal.member, sent), step)
        elif seal.time_s > self._now_s + EARLY_S_MAX:
            self.early[seal.member] = sent
        elif head is not None:
            vkey = _vkey(head.policy, seal.member)
            if vkey is not None and vkey.key_id == seal.line.key_id:
                self._count(head, checked(head.body, cosigned, vkey, head.members), step)

    def _contradicted(self, found: Contradiction, step: Step) -> None:
        """Rule 3."""
        sizes = [each.seal.size for each in self.contradictions if each.member == found.member]
        if found.seal.size not in sizes and len(sizes) < CONTRADICTIONS_MAX:
            self.contradictions.append(found)
            step.contradictions.append(found)
        body = found.seal.body
        agree = {each.member for each in self.contradictions if each.seal.body == body}
        agree |= {member for member, seal in self.newest.items() if seal.body == body}
        if len(agree) >= self.policy.quorum:
            names = ", ".join(sorted(agree))
            self.halt(f"{names} sealed another tree of size {found.seal.size}", step)

    # Counting.

    def _count(self, head: Head, cosigned: Cosigned, step: Step) -> None:
        """Rule 5."""
        member = cosigned.seal.member
        if member in head.seals:
            return
        head.seals[member] = cosigned
        step.counted.add(member)
        size, published = head.checkpoint.size, self.note.size if self.note else 0
        if size > published:
            self._publish(head, step)
        elif size in self._noted:
            step.beside.append((size, member, cosigned.data))

    def _publish(self, head: Head, step: Step) -> None:
        names = [sealer.member for sealer in head.policy.sealers if sealer.member in head.seals]
        if len(names) < head.policy.quorum or self.member not in names or self.halted:
            return
        log_line = sign_ed25519(head.body, head.checkpoint.origin, self._log)
        sealed = note_of(head.checkpoint, log_line, [head.seals[name] for name in names])
        self.note = Note(head.checkpoint.size, head.height, format_sealed(sealed))
        self._noted.add(self.note.size)
        step.notes.append(self.note)

    def halt(self, why: str, step: Step) -> None:
        """Seal and publish nothing any more."""
        if not self.halted:
            self.halted = step.halted = why


def time_of(seal: SentSeal) -> int:
    """The time a seal states, in seconds."""
    return cosignature_time(parse_line(seal.line.partition(b"\n")[0] + b"\n"))


def _renews(sent: SentSeal, newest: SentSeal) -> bool:
    """The same checkpoint, sealed later."""
    return sent.body == newest.body and time_of(sent) > time_of(newest)


def _named(policy: Policy, member: str) -> Sealer | None:
    return next((sealer for sealer in policy.sealers if sealer.member == member), None)


def _vkey(policy: Policy, member: str) -> Vkey | None:
    """With which this member seals under this policy."""
    sealer = _named(policy, member)
    return None if sealer is None else policy.witness_vkey(sealer)


def _published(remembered: Remembered) -> dict[str, Cosigned]:
    """The seals on and beside the newest note."""
    assert remembered.note is not None
    sealed = parse_sealed(remembered.note.data)
    beside = (parse_cosigned(data, sealed.checkpoint.origin) for data in remembered.beside)
    return seals_of(sealed) | {each.seal.member: each for each in beside}
