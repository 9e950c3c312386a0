"""Fixtures for the command line: a sealed chain, a folder with a file and a proof, the command."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli.hashing import digest_file
from node.cli.main import main
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.item import ALG_SETS, Opening, format_details
from node.evidence.keys import Signer
from node.evidence.merkle import inclusion_path, leaf_hash, root
from node.evidence.note import Note, format_note, sign_ed25519
from node.evidence.policy import fingerprint
from node.evidence.proof import LeafProof, Proof
from node.evidence.proof_text import format_proof
from node.evidence.record import format_genesis
from node.evidence.tlog_proof import TlogProof

SEALERS = ("court", "forensic", "notary")


class Chain:
    """A chain in memory whose newest tree can be sealed, and proofs taken from it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.memory = world.memory()
        self.policy_text, self.members_text = world.policy_texts()
        self.height = 0
        self.keys: list[tuple[int, Signer]] = []
        for signer, role in ((world.gateway, "gateway"), (world.depositor, "depositor")):
            self.keys.append((self.take(world.key("enrol", signer.public, role=role)), signer))

    def take(self, record: bytes) -> int:
        """A block with one record; the leaf index of its entry."""
        self.height += 1
        self.memory.apply(self.world.block(self.height, record))
        return len(self.memory.leaves) - 1

    def seal(self, by: tuple[str, ...] = ("court", "notary")) -> bytes:
        """The newest checkpoint with these members' seals."""
        origin, leaves = self.world.origin, self._leaf_hashes()
        body = format_checkpoint(Checkpoint(origin, len(leaves), root(leaves)))
        lines = [sign_ed25519(body, origin, self.world.log("court"))]
        time_s = self.world.block(self.height).time_ms // 1000
        lines += [cosign(body, time_s, f"{origin}/{n}", self.world.witness(n)) for n in by]
        return format_note(Note(body, tuple(lines)))

    def prove(self, leaf: int, packed: bytes, page: int = 1, **changes: Any) -> Proof:
        """The proof of item 0 of the deposit at this leaf."""
        from node.evidence import item

        values: dict[str, Any] = {
            "item_index": 0,
            "page": item.page_items(packed, page, 0),
            "page_path": item.page_path(item.page_hashes(packed, page), page, 0),
            "entry_bytes": self.memory.leaves[leaf],
            "policy_text": self.policy_text,
            "members_text": self.members_text,
            "keys": tuple(
                LeafProof(index, self._path(index), self.memory.leaves[index])
                for index, _ in self.keys
            ),
            "tlog": TlogProof(
                leaf, self._path(leaf), self.seal(changes.pop("by", ("court", "notary")))
            ),
        }
        return Proof(**values | changes)

    def _path(self, index: int) -> tuple[bytes, ...]:
        return tuple(inclusion_path(index, self._leaf_hashes()))

    def _leaf_hashes(self) -> list[bytes]:
        return [leaf_hash(each) for each in self.memory.leaves]


@dataclass
class Folder:
    """A depositor's folder: a file with its holder's proof, and the policy from elsewhere."""

    path: Path
    file: Path
    proof: Path
    policy: Path
    fingerprint: str
    chain: Chain

    def deposit(self, file: Path, **changes: Any) -> Proof:
        """The holder's proof of a file, deposited now."""
        digests = digest_file(file)
        details = format_details({"file_name": (bytes(16), "evidence")})
        opening = Opening(bytes(32), tuple(digests.digests.items()), digests.size, details)
        world, item = self.chain.world, opening.item()
        statement = world.deposit(item, number=self.chain.height, alg=ALG_SETS[1])
        leaf = self.chain.take(world.record(statement, item))
        return self.chain.prove(leaf, item, **{"opening": opening} | changes)


@pytest.fixture
def chain(world: Any) -> Chain:
    return Chain(world)


@pytest.fixture
def folder(tmp_path: Path, chain: Chain) -> Folder:
    file, policy = tmp_path / "买卖合同.pdf", tmp_path / "policy.txt"
    file.write_bytes(b"%PDF-1.7 not really\n")
    policy.write_bytes(chain.policy_text)
    (tmp_path / "genesis.txt").write_bytes(format_genesis(chain.world.genesis()))
    proof = file.with_name(f"{file.name}.proof.txt")
    folder = Folder(tmp_path, file, proof, policy, fingerprint(chain.policy_text), chain)
    proof.write_bytes(format_proof(folder.deposit(file)))
    return folder


@dataclass
class Outcome:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, in English unless told otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        exit_code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Outcome(exit_code, captured.out, captured.err)

    return call
