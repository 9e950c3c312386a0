"""A member's data directory made without a network: it is the whole group itself."""

import random
import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from consensus.journal import Journal
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from node.chain.store import Store
from node.evidence.keys import Signer
from node.evidence.number import format_number
from node.evidence.record import format_record
from node.evidence.statement import Subject
from node.member.directory import Directory
from node.member.ledger import Ledger
from node.seals.store import Seals

REPLICA = "court/0123456789abcdef"
NOW_S = 1_790_000_100
CONFIGURATION = Configuration((Voter(REPLICA, "127.0.0.1:1", b"certificate"),))


@dataclass
class Kept:
    """The directory, and the world whose chain it holds."""

    world: Any
    data: Path
    made: Path | None = None
    """Where what was made once is kept, for whoever wants the same."""

    def write(self, blocks: int, seed: int = 1, ledger_stops_at: int | None = None) -> None:
        """Add blocks as a member would: journal, views, seals."""
        if self.made is None or self.data.exists():
            self._write(blocks, seed, ledger_stops_at)
            return
        ready = self.made / f"{blocks}-{seed}-{ledger_stops_at}"
        if not ready.exists():
            Kept(self.world, ready)._write(blocks, seed, ledger_stops_at)
        shutil.copytree(ready, self.data)

    def _write(self, blocks: int, seed: int, ledger_stops_at: int | None) -> None:
        rng = random.Random(seed)
        with closing(self.open()) as directory:
            ledger = Ledger(
                "court",
                self.world.log("court"),
                self.world.witness("court"),
                directory.journal,
                directory.store,
                directory.seals,
            )
            ledger.start_sealing(NOW_S)
            for _ in range(blocks):
                entry = self._block(directory.journal.last_index + 1, rng)
                directory.journal.append(HardState(1, REPLICA), (entry,))
                if ledger_stops_at is None or entry.index <= ledger_stops_at:
                    ledger.apply((entry,), NOW_S)

    def open(self) -> Directory:
        genesis = self.world.genesis()
        if not self.data.exists():
            Journal.bootstrap(self.data / "journal", REPLICA, CONFIGURATION)
            Seals.create(self.data / "seals", genesis)
            (self.data / "incarnation").write_text(f"{REPLICA}\n")
        journal = Journal(self.data / "journal")
        return Directory(
            journal, Seals(self.data / "seals", genesis), Store(self.data / "views", genesis)
        )

    def _block(self, height: int, rng: random.Random) -> Entry:
        world = self.world
        if height == 1:
            return Entry(1, 1, EntryKind.NOOP, 1_790_000_000_001, "court", "test-0.1", b"")
        if height == 4:
            entry: Entry = world.block(4, format_record(world.next_note(world.note(), ["court"])))
            return entry
        if height == 5:
            key, successor = Signer(bytes([9]) * 32).public, Signer(bytes([8]) * 32).public
            records = [
                world.key("enrol", key),
                world.key("rotate", key, serial=2, successor=successor),
                world.key("revoke", key, serial=3),
            ]
            return replace(world.block(5, *records))
        records = [self._deposit(height, number, rng) for number in range(rng.randrange(1, 5))]
        if rng.random() < 0.3:
            records += records[:1]  # A retry, which is skipped.
        if rng.random() < 0.3:
            records.append(world.record(world.event(1000 * height)))
        if rng.random() < 0.3:
            about = Subject(format_number(1_790_000_000_000, height), bytes([height]) * 32)
            custody = world.event(1000 * height + 1, type="custody", subject=about)
            records.append(world.record(custody))
        entry = world.block(height, *records)
        return entry

    def _deposit(self, height: int, number: int, rng: random.Random) -> bytes:
        record: bytes
        if rng.random() < 0.5:
            record = self.world.deposited(100 * height + number, rng.randrange(1, 40), page=16)
        else:
            record = self.world.deposited(
                100 * height + number, rng.randrange(1, 6), mode="digest", alg="sha256"
            )
        return record


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def kept(tmp_path: Path, world: Any, made: Path) -> Kept:
    return Kept(type(world)(names=("court",), quorum=1), tmp_path / "data", made)
