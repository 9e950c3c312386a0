"""The code that checks Go's checksum database reads our archive: checkpoints by the log keys of the
policy, inclusion and consistency by its own proofs and ours, and nothing with a byte changed.

It is golang.org/x/mod/sumdb, which knows nothing of us; the program around it (`go_sumdb`) gives
it our files and prints the proofs.
"""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from node.evidence.atoms import write_base64
from node.evidence.merkle import consistency_path, inclusion_path, leaf_hash
from node.evidence.tiles import HEIGHT, WIDTH, format_tile_path, tiles
from tests.conformance.archived import OLD_SIZE, SIZE, Archived
from tests.conformance.gotools import BUILD_S, built_from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_S + 100)]

INDEXES = (0, 1, 255, 256, 300, 511, 512, 631)
INDEX = 300
NOT_PROVEN = "invalid transparency proof"


@pytest.fixture(scope="module")
def program() -> Path:
    return built_from("sumdb", ".")


@dataclass(frozen=True, slots=True)
class Reader:
    """The program, and what it is shown: files that a test may change."""

    program: Path
    log: Archived
    scratch: Path

    def record(self, index: int, entry: bytes, proof: str | None = None) -> str:
        """The proof that the entry is this record, or why it is not."""
        (self.scratch / "entry").write_bytes(entry)
        return self._run("record", index, self.scratch / "entry", proof)

    def tree(self, proof: str | None = None) -> str:
        """The proof that the old checkpoint is of the same log, or why it is not."""
        return self._run("tree", self.log.old_checkpoint, proof)

    def _run(self, command: str, *arguments: object) -> str:
        *given, proof = arguments
        if proof is not None:
            (self.scratch / "proof").write_text(str(proof))
            given.append(self.scratch / "proof")
        line = [self.program, self.log.directory, self.log.vkeys[0], command, *given]
        done = subprocess.run(
            [str(each) for each in line], capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == (1 if done.stderr else 0), done
        return done.stderr or done.stdout


@pytest.fixture
def reader(program: Path, archived: Archived, tmp_path: Path) -> Reader:
    directory, old = tmp_path / "log", tmp_path / "old"
    shutil.copytree(archived.directory, directory)
    shutil.copy(archived.old_checkpoint, old)
    return Reader(program, replace(archived, directory=directory, old_checkpoint=old), tmp_path)


def lines(path: list[bytes]) -> str:
    """A proof as the program prints it."""
    return "".join(f"{write_base64(each)}\n" for each in path)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_its_proofs_from_our_tiles_are_ours(reader: Reader) -> None:
    hashes = [leaf_hash(leaf) for leaf in reader.log.leaves]
    assert len(hashes) == SIZE
    for index in INDEXES:
        entry, ours = reader.log.leaves[index], lines(inclusion_path(index, hashes))
        assert reader.record(index, entry) == ours
        assert reader.record(index, entry, ours) == ours
    ours = lines(consistency_path(OLD_SIZE, SIZE, hashes))
    assert reader.tree() == ours
    assert reader.tree(ours) == ours


def test_a_proof_with_a_byte_changed_is_refused(reader: Reader) -> None:
    hashes = [leaf_hash(leaf) for leaf in reader.log.leaves]
    inclusion = inclusion_path(INDEX, hashes)
    consistency = consistency_path(OLD_SIZE, SIZE, hashes)
    random = Random(1)
    for place in range(len(inclusion)):
        other = list(inclusion)
        other[place] = flip(other[place], random.randrange(32))
        assert NOT_PROVEN in reader.record(INDEX, reader.log.leaves[INDEX], lines(other))
    for place in range(len(consistency)):
        other = list(consistency)
        other[place] = flip(other[place], random.randrange(32))
        assert NOT_PROVEN in reader.tree(lines(other))
    for wrong in (inclusion[:-1], [*inclusion, bytes(32)]):
        assert NOT_PROVEN in reader.record(INDEX, reader.log.leaves[INDEX], lines(wrong))


def test_an_entry_is_the_record_of_its_index_only(reader: Reader) -> None:
    entry, random = reader.log.leaves[INDEX], Random(2)
    for at in random.sample(range(len(entry)), 8):
        assert NOT_PROVEN in reader.record(INDEX, flip(entry, at))
    assert NOT_PROVEN in reader.record(INDEX + 1, entry)


def test_a_tile_with_a_byte_changed_is_refused(reader: Reader) -> None:
    """By each proof that needs it, whether or not it needs that byte."""
    hashes, random = [leaf_hash(leaf) for leaf in reader.log.leaves], Random(3)
    for tile in tiles(0, SIZE):
        path = reader.log.directory / format_tile_path(tile)
        whole = path.read_bytes()
        index = tile.index * WIDTH << HEIGHT * tile.level
        entry = reader.log.leaves[index]
        assert reader.record(index, entry) == lines(inclusion_path(index, hashes))
        for at in (0, *random.sample(range(len(whole)), 3), len(whole) - 1):
            path.write_bytes(flip(whole, at))
            assert "downloaded inconsistent tile" in reader.record(index, entry), (tile, at)
        path.write_bytes(whole[:-1])
        assert "bad result slice" in reader.record(index, entry)
        path.write_bytes(whole)


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_a_checkpoint_with_a_byte_changed_is_refused(reader: Reader, old: bool) -> None:
    """In its text and the log's line; those of the cosigners are not of this key."""
    path = reader.log.old_checkpoint if old else reader.log.directory / "checkpoint"
    whole = path.read_bytes()
    text_size = whole.index(b"\n\n") + 2
    # Go reads base64 whose unused bits are not zero: the last letter of the line is left alone.
    end = whole.index(b"=\n", text_size) - 1
    assert whole[text_size:end].count(b"\n") == 0
    for at in [*range(0, text_size, 7), *range(text_size, end, 7)]:
        path.write_bytes(flip(whole, at))
        assert reader.tree() in (
            "malformed note\n",
            "note has no verifiable signatures\n",
            f"invalid signature for key {reader.log.vkeys[0].rpartition('+')[0]}\n",
        ), at
    path.write_bytes(whole)
    assert reader.tree()


def test_the_key_is_that_of_the_member_who_signed(reader: Reader) -> None:
    first, *others = reader.log.vkeys
    assert len(others) == 2
    for other in others:
        log = replace(reader.log, vkeys=(other,))
        assert "no verifiable signatures" in replace(reader, log=log).tree()
    changed = flip(first.encode(), len(first) - 9).decode()
    log = replace(reader.log, vkeys=(changed,))
    assert replace(reader, log=log).tree() == "invalid verifier hash\n"
