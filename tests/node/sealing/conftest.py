"""Members without a network: real ledgers on real databases, whose blocks and seals a test hands
round as it likes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consensus.messages import Entry
from node.chain.store import Store
from node.evidence.keys import Signer
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.member.ledger import Ledger
from node.member.proving import Prover
from node.seals.sealing import SentSeal, Step
from node.seals.store import Seals

NOW_S = 1_790_000_100


class _Mark:
    def format(self) -> bytes:
        return b"mark"


@dataclass
class Journal:
    """As much of one as a ledger and a prover ask of it."""

    mark: _Mark = field(default_factory=_Mark)
    blocks: dict[int, Entry] = field(default_factory=dict)

    def entries(self, first: int, end: int, _: int) -> list[Entry]:
        return [self.blocks[height] for height in range(first, end)]


@dataclass
class Member:
    """One member's ledger; `sent` is all it has let out."""

    world: Any
    name: str
    folder: Path
    now_s: int = NOW_S
    further: Signer | None = None
    sent: list[SentSeal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal()
        Seals.create(self.folder / "seals", self.world.genesis())
        self._open()
        self.ledger.start_sealing(self.now_s)

    def _open(self) -> None:
        self.store = Store(self.folder / "views", self.world.genesis())
        self.seals = Seals(self.folder / "seals", self.world.genesis())
        log, witness = self.world.log(self.name), self.world.witness(self.name)
        further = [self.further] if self.further else []
        self.ledger = Ledger(
            self.name,
            log,
            witness,
            self.journal,
            self.store,
            self.seals,
            further,  # type: ignore[arg-type]
        )

    def restart(self, *, sealing: bool = True) -> None:
        self.close()
        self._open()
        if sealing:
            self.ledger.start_sealing(self.now_s)

    def close(self) -> None:
        self.seals.close()
        self.store.close()

    @property
    def sealing(self) -> Any:
        return self.ledger.sealing

    @property
    def size(self) -> int:
        return self.store.chain.size

    def apply(self, *records: bytes) -> Step:
        """The next block holds these."""
        block = self.world.block(self.store.chain.height + 1, *records)
        self.journal.blocks[block.index] = block
        _, step = self.ledger.apply([block], self.now_s)
        self.sent += step.own
        return step

    def receive(self, *seals: SentSeal) -> Step:
        return self.ledger.receive([(seal.body, seal.line) for seal in seals], self.now_s)

    def hear(self, *others: "Member") -> None:
        """All that these have let out, again."""
        for other in others:
            self.receive(*other.sent)

    def proof(self, identity: bytes, *, later: bool = False) -> Proof:
        position = self.store.find_statement(identity)
        assert position is not None
        note = self.seals.note_after(position.leaf_index)
        assert note is not None
        prover = Prover(self.store, self.journal, self.seals)  # type: ignore[arg-type]
        return parse_proof(prover.prove(position, 0, note, later=later))


@pytest.fixture
def make_member(world: Any, tmp_path: Path) -> Iterator[Callable[..., Member]]:
    made: list[Member] = []

    def make(name: str, **changes: Any) -> Member:
        folder = tmp_path / changes.pop("at", name)
        member = Member(changes.pop("world", world), name, folder, **changes)
        made.append(member)
        return member

    yield make
    for each in made:
        each.close()


@pytest.fixture
def members(make_member: Callable[..., Member]) -> Sequence[Member]:
    """Court, forensic, notary; two are a quorum."""
    return [make_member(name) for name in ("court", "forensic", "notary")]
