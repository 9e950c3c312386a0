"""Seals: what is sealed, counted and published, and that a restart forgets nothing of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devnet.sim.disk import SimDisk
from node.errors import DiskFailed, Misconfigured
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint, parse_checkpoint
from node.evidence.merkle import leaf_hash, root
from node.evidence.note import format_line
from node.evidence.policy import parse_policy
from node.evidence.record import format_record
from node.evidence.sealed import parse_sealed, verify_seals
from node.seals.freshness import pulled
from node.seals.sealing import (
    AHEAD_MAX,
    CONTRADICTIONS_MAX,
    EARLY_S_MAX,
    HEADS_MAX,
    Head,
    Note,
    Remembered,
    Sealing,
    SentSeal,
    Step,
)
from node.seals.store import Seals, SealsCorrupt

MARK = b"mark"
NOW_S = 1_790_000_000


@dataclass
class Sealer:
    """One member's chain and seals, and what it let out."""

    world: Any
    member: str
    remembered: Remembered = field(default_factory=Remembered)

    def __post_init__(self) -> None:
        self.chain = self.world.memory()
        self.start()

    def start(self, head: Head | None = None) -> None:
        log, witness = self.world.log(self.member), self.world.witness(self.member)
        policy = self.chain.chain.policy
        self.sealing = Sealing(
            self.member, log, witness, policy, self.remembered, root_at=self.root_at, head=head
        )

    def root_at(self, size: int) -> bytes:
        return root([leaf_hash(leaf) for leaf in self.chain.leaves[:size]])

    def apply(self, *records: bytes, time_s: int | None = NOW_S) -> Step:
        block = self.world.block(self.chain.chain.height + 1, *records)
        return self.sealing.applied(
            [self.chain.apply(block)], time_s or NOW_S, may_seal=time_s is not None
        )

    def receive(self, *seals: SentSeal) -> Step:
        return self.sealing.receive([(seal.body, seal.line) for seal in seals], NOW_S)

    def published(self) -> int:
        return self.sealing.note.size if self.sealing.note else 0


@pytest.fixture
def sealers(world: Any) -> tuple[Sealer, Sealer, Sealer]:
    court, forensic, notary = (Sealer(world, name) for name in ("court", "forensic", "notary"))
    return court, forensic, notary


def lie(world: Any, member: str, size: int, text: bytes = b"lie") -> SentSeal:
    """A well-formed seal of this member on a root nobody computed."""
    body = format_checkpoint(Checkpoint(world.origin, size, leaf_hash(text)))
    line = cosign(body, NOW_S, f"{world.origin}/{member}", world.witness(member))
    return SentSeal(size, body, format_line(line))


# Sealing and counting.


def test_the_first_quorum_is_published(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, forensic, notary = sealers
    for each in sealers:
        step = each.apply(world.deposited(1))
        assert [seal.size for seal in step.own] == [4]
        assert step.notes == []
    for ours, theirs in ((court, notary), (notary, court)):
        (note,) = ours.receive(theirs.sealing.last).notes
        sealed = parse_sealed(note.data)
        verify_seals(sealed, ours.chain.chain.policy)
        assert [seal.member for seal in sealed.seals] == ["court", "notary"]
        assert (note.size, note.height, sealed.checkpoint.size) == (4, 1, 4)
    assert forensic.published() == 0


def test_every_checkpoint_is_sealed_in_order(sealers: tuple[Sealer, ...]) -> None:
    court = sealers[0]
    sizes = [seal.size for _ in range(20) for seal in court.apply().own]
    assert sizes == list(range(3, 23))


def test_a_seal_ahead_of_us_counts_once_we_come_there(sealers: tuple[Sealer, ...]) -> None:
    court, forensic, _ = sealers
    for _ in range(3):
        court.receive(*forensic.apply().own)
    assert court.published() == 0
    notes = [note.size for _ in range(3) for note in court.apply().notes]
    assert notes == [3, 4, 5]


def test_later_seals_are_kept_beside(sealers: tuple[Sealer, ...]) -> None:
    court, forensic, notary = sealers
    for each in sealers:
        each.apply()
    (note,) = court.receive(notary.sealing.last).notes
    step = court.receive(forensic.sealing.last)
    assert (step.notes, step.beside) == ([], [(3, "forensic", forensic.sealing.last.line)])
    assert court.sealing.note == note
    assert not court.receive(forensic.sealing.last), "a repeated seal changes nothing"


def test_sizes_of_notes_only_ascend(sealers: tuple[Sealer, ...]) -> None:
    court, notary = sealers[0], sealers[2]
    seals = [seal for _ in range(3) for seal in notary.apply().own]
    for _ in range(3):
        court.apply()
    assert [note.size for note in court.receive(seals[1]).notes] == [4]
    assert court.receive(seals[0]).notes == []
    assert [note.size for note in court.receive(seals[2]).notes] == [5]


def test_own_seals_that_come_back_count_for_nothing(sealers: tuple[Sealer, ...]) -> None:
    court = sealers[0]
    court.apply()
    assert not court.receive(court.sealing.last)


# Catching up and coming back.


def test_a_member_that_catches_up_seals_from_there_on(sealers: tuple[Sealer, ...]) -> None:
    court, notary = sealers[0], sealers[2]
    for _ in range(5):
        court.receive(*notary.apply().own)
    for _ in range(5):
        assert not court.apply(time_s=None).own
    assert court.published() == 0
    step = court.sealing.seal_newest(NOW_S)
    assert ([seal.size for seal in step.own], [note.size for note in step.notes]) == ([7], [7])
    assert [seal.size for seal in court.apply().own] == [8]


def test_it_seals_nothing_before_it_is_back_where_it_was(world: Any) -> None:
    before = Sealer(world, "court")
    for _ in range(4):
        before.apply()
    after = Sealer(world, "court", Remembered(last=before.sealing.last))
    assert [after.apply().own for _ in range(3)] == [[], [], []]
    assert after.apply().own == [before.sealing.last], "the same seal, with its old time"
    assert [seal.size for seal in after.apply().own] == [7]


def test_an_idle_chain_is_sealed_after_a_restart(sealers: tuple[Sealer, ...]) -> None:
    """Stopped after the block, before its seals: no block follows, and still it becomes final."""
    court, notary = sealers[0], sealers[2]
    block = court.world.block(1)
    court.chain.apply(block)
    seals = notary.apply().own
    policy = court.chain.chain.policy
    court.start(Head(1, court.chain.chain.checkpoint, policy))
    assert not court.receive(*seals).notes
    step = court.sealing.seal_newest(NOW_S)
    assert ([seal.size for seal in step.own], [note.size for note in step.notes]) == ([3], [3])


def test_it_never_seals_another_tree_than_before(world: Any) -> None:
    before, after = Sealer(world, "court"), None
    for _ in range(4):
        before.apply()
    after = Sealer(world, "court", Remembered(last=before.sealing.last))
    for n in range(5):
        step = after.apply(world.record(world.event(n)))
        assert (step.own, step.notes) == ([], [])
    assert "another tree of size 6" in after.sealing.halted


def test_it_remembers_what_it_published(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, notary = sealers[0], sealers[2]
    for _ in range(3):
        court.apply()
        court.receive(*notary.apply().own)
    remembered = Remembered(last=court.sealing.last, note=court.sealing.note)
    again = Sealer(world, "court", remembered)
    assert again.receive(notary.sealing.last).notes == []
    steps = [again.apply() for _ in range(3)]
    assert [note for step in steps for note in step.notes] == []
    assert again.published() == 5


# Contradictions.


def test_one_liar_is_named_and_sealing_goes_on(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, forensic, notary = sealers
    court.apply()
    step = court.receive(lie(world, "forensic", 3))
    assert [(each.member, each.seal.size) for each in step.contradictions] == [("forensic", 3)]
    assert (step.notes, court.sealing.halted) == ([], "")
    assert not court.receive(lie(world, "forensic", 3)).contradictions, "kept once"
    assert court.receive(*notary.apply().own).notes
    assert court.apply().own
    assert forensic.published() == 0


def test_a_lie_about_what_is_still_to_come_is_found_then(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    court = sealers[0]
    assert not court.receive(lie(world, "forensic", 4)).contradictions
    assert not court.apply().contradictions
    assert [each.member for each in court.apply().contradictions] == ["forensic"]


def test_a_second_seal_on_another_root_is_a_contradiction(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    """First the truth, then a lie of the same size: equivocation, with both seals at hand."""
    court, forensic, _ = sealers
    court.apply()
    court.receive(*forensic.apply().own)
    assert court.receive(lie(world, "forensic", 3)).contradictions


def test_a_lie_between_or_below_our_checkpoints(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, forensic, _ = sealers
    for _ in range(HEADS_MAX + 5):
        court.apply(world.record(world.event(court.chain.chain.height)))
    assert court.receive(lie(world, "forensic", 3)).contradictions, "inside a block"
    true = forensic.apply(world.record(world.event(0))).own
    assert not court.receive(*true).contradictions, "older than what is kept, and right"
    assert court.receive(lie(world, "forensic", 4)).contradictions


def test_a_quorum_that_differs_stops_this_member(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court = sealers[0]
    court.apply()
    court.receive(lie(world, "forensic", 3, b"one"))
    court.receive(lie(world, "notary", 3, b"two"))
    assert court.sealing.halted == "", "two lies that differ are two liars"
    court.receive(lie(world, "forensic", 3, b"two"))
    assert court.sealing.halted == "", "one of them was already heard on this size"
    step = court.apply()
    assert step.own
    court.receive(lie(world, "forensic", 4, b"three"))
    step = court.receive(lie(world, "notary", 4, b"three"))
    assert step.halted == "forensic, notary sealed another tree of size 4"
    step = court.apply()
    assert (step.own, step.notes) == ([], [])


# Hostile and foreign seals.


def test_a_flood_of_lies_does_not_hide_a_quorum(world: Any, sealers: tuple[Sealer, ...]) -> None:
    """However much one member lies, what the others seal is still compared, kept and counted."""
    court, step = sealers[0], Step()
    for _ in range(2 * CONTRADICTIONS_MAX):
        court.apply()
        step = court.receive(lie(world, "forensic", court.sealing.last.size))
    assert len(court.sealing.contradictions) == CONTRADICTIONS_MAX
    assert not step.contradictions
    assert not step.halted
    step = court.receive(lie(world, "notary", court.sealing.last.size))
    assert [each.member for each in step.contradictions] == ["notary"]
    assert step.halted.startswith("forensic, notary sealed another tree")


def test_what_was_seen_before_a_restart_counts_after_it(sealers: tuple[Sealer, ...]) -> None:
    """This member catches up and is told the others' seals, but stops before it seals itself. They
    have no reason to tell it again, and on an idle chain no other checkpoint follows."""
    court, forensic, _ = sealers
    forensic.apply()
    applied = court.chain.apply(court.world.block(1))
    court.sealing.applied([applied], NOW_S, may_seal=False)
    court.remembered.newest = court.receive(forensic.sealing.last).newest
    court.start(Head(1, applied.checkpoint, applied.governing_policy))
    assert [note.size for note in court.sealing.seal_newest(NOW_S).notes] == [3]


def test_a_lie_seen_before_a_restart_is_compared_after_it(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    court = sealers[0]
    court.remembered.newest = court.receive(lie(world, "forensic", 4)).newest
    court.start()
    assert not court.apply().contradictions
    assert [each.member for each in court.apply().contradictions] == ["forensic"]


def test_seals_that_are_none_are_refused(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, notary = sealers[0], sealers[2]
    court.apply()
    (good,) = notary.apply().own
    stranger, other_origin = lie(world, "guild", 3), type(world)(origin="cunzheng.test/other")
    forged = SentSeal(3, good.body, stranger.line.replace(b"guild", b"notary"))
    bad = [
        lie(other_origin, "notary", 3),
        forged,
        SentSeal(3, good.body + b"extension\n", good.line),
        SentSeal(3, b"", b""),
        SentSeal(3, good.body.replace(b"3", b"03"), good.line),
    ]
    for count, each in enumerate(bad, 1):
        assert not court.receive(each)
        assert court.sealing.refused == count
    # Whom the policy does not name yet, or no more, is no reason for alarm and counts for nothing.
    assert (court.receive(stranger), court.sealing.refused) == (Step(), len(bad))


@pytest.mark.parametrize("seed", range(20))
def test_damaged_seals_never_escape(world: Any, sealers: tuple[Sealer, ...], seed: int) -> None:
    """Whatever a member sends, the answer is a step; a seal that is not whole changes nothing."""
    rng, (court, notary) = random.Random(seed), (sealers[0], sealers[2])
    court.apply()
    (good,) = notary.apply().own
    for _ in range(60):
        body, line = bytearray(good.body), bytearray(good.line)
        target = rng.choice([body, line])
        target[rng.randrange(len(target))] ^= 1 << rng.randrange(8)
        step = court.sealing.receive([(bytes(body), bytes(line))], NOW_S)
        assert not step
    assert court.receive(good).notes


def test_seals_ahead_are_limited(world: Any, sealers: tuple[Sealer, ...]) -> None:
    """A member far ahead, or lying that it is, costs a bounded amount; its newest seals count."""
    court, notary = sealers[0], sealers[2]
    for _ in range(AHEAD_MAX + 10):
        court.receive(*notary.apply().own)
    assert sum(len(ahead) for ahead in court.sealing._ahead.values()) == AHEAD_MAX
    for _ in range(AHEAD_MAX + 10):
        court.apply()
    assert court.published() == notary.sealing.last.size  # type: ignore[union-attr]


# Policies.


def test_a_checkpoint_is_sealed_by_the_policy_before_it(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    """Section 10: the block of a policy is still under the one before; the next needs all three."""
    court, forensic, notary = sealers
    note = world.next_note(world.note(), quorum=3)
    for each in sealers:
        each.apply(format_record(note))
    assert court.receive(notary.sealing.last).notes
    for each in sealers:
        each.apply()
    assert not court.receive(notary.sealing.last).notes
    (published,) = court.receive(forensic.sealing.last).notes
    verify_seals(parse_sealed(published.data), parse_policy(note.policy_text))


def test_who_left_the_policy_seals_no_more(world: Any, sealers: tuple[Sealer, ...]) -> None:
    court, forensic, notary = sealers
    note = world.next_note(world.note(), names=("court", "notary"), quorum=2)
    for each in sealers:
        each.apply(format_record(note))
    assert forensic.sealing.last is not None
    for each in sealers:
        each.apply()
    assert forensic.sealing.last.size == 4
    assert not forensic.sealing.is_sealer
    assert court.sealing.is_sealer
    court.receive(lie(world, "forensic", 5))
    assert (court.sealing.refused, court.sealing.contradictions) == (0, [])
    assert court.receive(notary.sealing.last).notes


# Telling others.


def test_what_a_member_that_was_away_is_told(sealers: tuple[Sealer, ...]) -> None:
    court, forensic, notary = sealers
    for _ in range(5):
        for each in sealers:
            each.apply()
    court.receive(notary.sealing.last)
    told, none = pulled(court.sealing, 5, "forensic")
    assert ([seal.size for seal in told], none) == ([6, 7, 7, 7, 7], None), "two are on the note"
    assert len(pulled(court.sealing, 7, "notary")[0]) == 2, "on the newest note, however old to it"
    assert pulled(court.sealing, 8, "notary") == ([], notary.sealing.last)
    forensic.sealing.receive([(seal.body, seal.line) for seal in told], NOW_S)
    assert forensic.published() == 7
    again = Sealer(court.world, "court", Remembered(last=court.sealing.last))
    assert pulled(again.sealing, 0, "notary") == ([court.sealing.last], None)
    assert pulled(again.sealing, 7, "notary") == ([], None)


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_delivery(world: Any, seed: int) -> None:
    """Seals lost, doubled, late and in any order: every note verifies, sizes only ascend, and once
    the newest seals arrive everybody has published the newest checkpoint."""
    rng = random.Random(seed)
    members = [Sealer(world, name) for name in ("court", "forensic", "notary")]
    wire: list[tuple[Sealer, SentSeal]] = []
    policy = members[0].chain.chain.policy
    for _ in range(120):
        someone, step = rng.choice(members), Step()
        before = someone.published()
        if someone.chain.chain.height < 25 and rng.random() < 0.5:
            step = someone.apply()
            wire += [(other, s) for s in step.own for other in members if other is not someone]
        elif wire:
            target, seal = wire.pop(rng.randrange(len(wire)))
            someone, before = target, target.published()
            step = target.receive(*[seal] * rng.randrange(3))
        for note in step.notes:
            verify_seals(parse_sealed(note.data), policy)
            assert note.size > before
            before = note.size
    for each in members:
        while each.chain.chain.height < 25:
            each.apply()
    for each in members:
        for other in members:
            each.receive(*pulled(other.sealing, 0, each.sealing.member)[0])
    assert {each.published() for each in members} == {27}
    assert not any(each.sealing.contradictions or each.sealing.refused for each in members)


# On disk.


@pytest.fixture
def seals(tmp_path: Path, world: Any) -> Iterator[Seals]:
    Seals.create(tmp_path / "seals", world.genesis())
    seals = Seals(tmp_path / "seals", world.genesis())
    yield seals
    seals.close()


def test_everything_decided_is_read_back(
    world: Any, seals: Seals, sealers: tuple[Sealer, ...]
) -> None:
    court, forensic, notary = sealers
    assert seals.load() == Remembered()
    assert seals.journal_mark() is None
    for _ in range(3):
        for each in sealers:
            step = each.apply()
            if each is court:
                seals.write(step, MARK)
        seals.write(court.receive(notary.sealing.last, forensic.sealing.last), MARK)
    seals.write(court.receive(lie(world, "notary", 5)), MARK)
    seals.close()
    again = Seals(seals.directory, world.genesis())
    loaded = again.load()
    assert loaded.last == court.sealing.last
    assert (loaded.newest, loaded.note) == (court.sealing.newest, court.sealing.note)
    assert loaded.contradictions == court.sealing.contradictions
    assert again.journal_mark() == MARK
    assert again.beside(3) == [again.beside(3)[0]]
    again.close()


def test_a_leaf_is_covered_by_the_first_note_behind_it(seals: Seals) -> None:
    notes = [Note(size, size - 2, b"note %d" % size) for size in (4, 9, 10)]
    seals.write(Step(notes=notes), MARK)
    found = [seals.note_after(leaf) for leaf in (0, 3, 4, 8, 9, 10)]
    assert found == [notes[0], notes[0], notes[1], notes[1], notes[2], None]


def test_why_it_stopped_is_remembered(seals: Seals) -> None:
    seals.write(Step(halted="why"), MARK)
    assert seals.load().halted == "why"


def test_seals_of_another_chain_are_refused(seals: Seals, world: Any) -> None:
    seals.close()
    other = type(world)(origin="cunzheng.test/other")
    with pytest.raises(Misconfigured, match="another chain"):
        Seals(seals.directory, other.genesis())


def _flip(directory: Path) -> None:
    (log,) = directory.glob("*.log")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "flipped": _flip,
    "no log": lambda directory: next(directory.glob("*.log")).unlink(),
    "gone": lambda directory: directory.rename(directory.with_name("away")),
    "no manifest": lambda directory: next(directory.glob("MANIFEST-*")).unlink(),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_lost_or_damaged_seals_are_noticed(seals: Seals, world: Any, name: str) -> None:
    court = Sealer(world, "court")
    for _ in range(20):
        seals.write(court.apply(), MARK)
    seals.close()
    DAMAGE[name](seals.directory)
    with pytest.raises(SealsCorrupt):
        Seals(seals.directory, world.genesis())


def test_seals_on_a_full_disk_are_refused_not_damaged(world: Any) -> None:
    disk, directory = SimDisk(), Path("/seals")
    Seals.create(directory, world.genesis(), disk)
    disk.fill()
    with pytest.raises(DiskFailed, match="No space left"):
        Seals(directory, world.genesis(), disk)


def test_a_published_body_is_the_one_computed(sealers: tuple[Sealer, ...]) -> None:
    court, notary = sealers[0], sealers[2]
    court.apply()
    (note,) = court.receive(*notary.apply().own).notes
    checkpoint = parse_checkpoint(parse_sealed(note.data).body)
    assert checkpoint == court.chain.chain.checkpoint


# Seals from the future, and seals by our own key.


def test_a_seal_from_the_future_does_not_count(world: Any, sealers: tuple[Sealer, ...]) -> None:
    """One liar dated 9999 must not make every proof of three members say so."""
    court, forensic, notary = sealers
    court.apply()
    future = forensic.apply(time_s=253_000_000_000).own
    assert court.receive(*future).notes == []
    assert set(court.sealing.early) == {"forensic"}
    (note,) = court.receive(*notary.apply().own).notes
    assert [seal.member for seal in parse_sealed(note.data).seals] == ["court", "notary"]


def test_early_seals_count_later_if_the_own_clock_was_wrong(sealers: tuple[Sealer, ...]) -> None:
    """Nobody sends them again, and on a quiet chain no others come."""
    court, forensic = sealers[:2]
    court.apply(time_s=NOW_S - 86_400)
    (seal,) = forensic.apply().own
    assert court.sealing.receive([(seal.body, seal.line)], NOW_S - 86_400).notes == []
    assert court.sealing.seal_newest(NOW_S).notes
    assert court.sealing.early == {}


def test_a_clock_a_little_ahead_is_no_lie(sealers: tuple[Sealer, ...]) -> None:
    court, forensic, _ = sealers
    court.apply()
    assert court.receive(*forensic.apply(time_s=NOW_S + EARLY_S_MAX).own).notes


def test_an_own_seal_that_the_disk_lost_is_taken_back(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    """A directory put back from a copy seals nothing before it is where it was."""
    court, *_ = sealers
    court.apply()
    (lost,) = court.apply().own
    again = Sealer(world, "court")
    assert again.apply(time_s=None).own == []
    assert again.receive(lost).own == [lost]
    assert again.sealing.seal_newest(NOW_S).own == [], "it was further than this"
    assert again.apply().own == [lost], "the same seal, not a second one"
    assert again.sealing.halted == ""


def test_an_own_key_that_seals_elsewhere_stops_the_member(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    """A copied directory or a stolen key: the member cannot know what else was signed."""
    court, *_ = sealers
    court.apply()
    twin = Sealer(world, "court")
    twin.apply()
    court.receive(*twin.apply().own)
    assert "seals elsewhere" in court.sealing.halted


def test_an_own_seal_on_another_tree_stops_the_member(
    world: Any, sealers: tuple[Sealer, ...]
) -> None:
    court, *_ = sealers
    court.apply()
    court.receive(lie(world, "court", 3))
    assert "another tree" in court.sealing.halted
