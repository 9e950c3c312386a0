"""Seals after a loss: what the others tell, and what another incarnation takes over."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.evidence.merkle import leaf_hash, root
from node.seals.sealing import Note, Remembered, Sealing, SentSeal, Step
from node.seals.store import COPY_BYTES, Seals, SealsCorrupt

NOW_S = 1_790_000_000
MARK = b"mark"


class Court:
    """A member with its own chain, which seals nothing until it is told to."""

    def __init__(self, world: Any, blocks: int, last: SentSeal | None = None) -> None:
        self.world, self.chain = world, world.memory()
        log, witness = world.log("court"), world.witness("court")
        policy, remembered = self.chain.chain.policy, Remembered(last=last)
        self.sealing = Sealing("court", log, witness, policy, remembered, root_at=self.root_at)
        self.apply(blocks)

    def apply(self, blocks: int, *records: bytes) -> None:
        for _ in range(blocks):
            block = self.world.block(self.chain.chain.height + 1, *records)
            self.sealing.applied([self.chain.apply(block)], NOW_S, may_seal=False)

    def root_at(self, size: int) -> bytes:
        return root([leaf_hash(leaf) for leaf in self.chain.leaves[:size]])

    def seal(self) -> list[SentSeal]:
        return self.sealing.seal_newest(NOW_S + 9).own

    def told(self, seal: SentSeal) -> Step:
        return self.sealing.receive([(seal.body, seal.line)], NOW_S)


@pytest.mark.parametrize(("blocks", "sizes"), [(3, []), (5, [7]), (6, [8])])
def test_a_seal_this_disk_has_lost_is_the_last_one_again(
    world: Any, blocks: int, sizes: list[int]
) -> None:
    """Whether this member has yet to come to that size, stands there or is further: it takes it for
    its own, never seals a smaller one, and the same one only in the same words."""
    (lost,) = Court(world, 5).seal()
    court = Court(world, blocks)
    assert court.told(lost).own == [lost]
    assert court.told(lost).own == []
    own = court.seal()
    assert [seal.size for seal in own] == sizes
    if blocks == 5:
        assert own == [lost]


def test_an_older_seal_does_not_take_the_place_of_a_newer(world: Any) -> None:
    (older,), (newer,) = Court(world, 3).seal(), Court(world, 5).seal()
    court = Court(world, 4, last=newer)
    assert court.told(older).own == []
    assert court.sealing.last == newer


@pytest.mark.parametrize("further", [0, 2])
def test_a_lost_seal_on_another_tree_stops_the_member(world: Any, further: int) -> None:
    """Compared when it is told, or once this member has come to that size."""
    court = Court(world, 4)
    forked = Court(world, 3)
    forked.apply(1, world.deposited(1))
    (lost,) = forked.seal()
    assert court.sealing.halted == ""
    assert (lost.size, court.chain.chain.size) == (7, 6)
    court.apply(further)
    court.told(lost)
    court.apply(2)
    assert court.seal() == []
    assert "another tree of size 7" in court.sealing.halted


@pytest.fixture
def seals(world: Any, tmp_path: Path) -> Seals:
    Seals.create(tmp_path / "seals", world.genesis())
    return Seals(tmp_path / "seals", world.genesis())


def test_another_incarnation_takes_over_what_was_kept(seals: Seals, world: Any) -> None:
    """All of it but the mark of the journal that is gone."""
    own = Court(world, 5).seal()
    notes = [Note(size, size, sha256(b"%d" % size) * (COPY_BYTES // 64)) for size in range(9)]
    seals.write(Step(own=own, newest={"notary": own[0]}, notes=notes), MARK)
    kept = seals.load()
    seals.close()
    new = seals.directory.with_name("new")
    Seals.create(new, world.genesis())
    Seals.copy(seals.directory, new, world.genesis())
    with closing(Seals(new, world.genesis())) as again:
        assert again.load() == kept
        assert [again.note_after(size - 1) for size in range(1, 9)] == notes[1:]
        assert again.journal_mark() is None
    with closing(Seals(seals.directory, world.genesis())) as unchanged:
        assert unchanged.journal_mark() == MARK


def test_what_does_not_check_is_not_taken_over(seals: Seals, world: Any) -> None:
    seals.write(Step(own=Court(world, 5).seal()), MARK)
    seals.close()
    (log,) = seals.directory.glob("*.log")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    new = seals.directory.with_name("new")
    Seals.create(new, world.genesis())
    with pytest.raises(SealsCorrupt):
        Seals.copy(seals.directory, new, world.genesis())
