"""tlog-scales, a library and a command for tile logs by others, reads our archive and a running
gateway: the log's signature, the members' seals, tiles, entries, and nothing with a byte changed.

It knows nothing of us; the program around it (`py_scales`, which pins the version) passes on what
it is asked. The Go readers know no cosignatures: here the seals themselves are verified.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from devnet.cluster import Cluster
from devnet.load import Client, until_answered
from devnet.static_files import served
from node.evidence.atoms import write_base64
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.merkle import consistency_path, inclusion_path, leaf_hash, verify_inclusion
from node.evidence.note import format_vkey, parse_note
from node.evidence.proof_text import parse_proof
from node.evidence.tiles import (
    HEIGHT,
    WIDTH,
    format_bundle_path,
    format_tile_path,
    tiles,
)
from node.evidence.tlog_policy import parse_policy
from node.evidence.tlog_proof import TlogProof, format_tlog_proof, parse_tlog_proof
from tests.conformance.archived import OLD_SIZE, SIZE, Archived
from tests.conformance.pytools import INSTALL_S, installed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * INSTALL_S + 100)]

INDEXES = (0, 1, 255, 256, 300, 511, 512, 631)
INDEX = 300
NOT_IN = "InclusionProofInvalid: "
NOT_BEFORE = "ConsistencyProofInvalid: "
ENVIRONMENT = {**os.environ, "NO_PROXY": "*"}


@dataclass(frozen=True, slots=True)
class Scales:
    """The program while it runs, and the library's own command."""

    interpreter: Path
    process: subprocess.Popen[str]

    def ask(self, log: object, command: str, *arguments: object) -> list[str] | str:
        """The answer, or why it is refused."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([str(log), command, *arguments]) + "\n")
        stdin.flush()
        told = json.loads(stdout.readline())
        found: list[str] | str = told["refused"] if "refused" in told else told["answer"]
        return found

    def command(self, *arguments: object) -> tuple[bytes, str]:
        """What `tlog-tiles` prints, and the last line of its complaints."""
        line = [str(self.interpreter), "-I", "-m", "tlog_scales.cli", *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, check=False, env=ENVIRONMENT)
        assert done.returncode == (1 if done.stderr else 0), done
        return done.stdout, done.stderr.decode().rstrip().rpartition("\n")[2]


@pytest.fixture(scope="module")
def scales() -> Iterator[Scales]:
    interpreter = installed("scales")
    program = Path(__file__).with_name("py_scales") / "reader.py"
    with subprocess.Popen(
        [interpreter, "-I", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # It tells of every signature that does not hold.
        encoding="utf-8",
        env=ENVIRONMENT,
    ) as process:
        yield Scales(interpreter, process)


@pytest.fixture
def log(archived: Archived, tmp_path: Path) -> Archived:
    """A copy that a test may change."""
    directory, old = tmp_path / "log", tmp_path / "old"
    shutil.copytree(archived.directory, directory)
    shutil.copy(archived.old_checkpoint, old)
    return replace(archived, directory=directory, old_checkpoint=old)


@pytest.fixture(scope="module")
def hashes(archived: Archived) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in archived.leaves]


@pytest.fixture
def address(log: Archived) -> Iterator[str]:
    with served(log.directory) as address:
        yield address


def lines(path: list[bytes]) -> list[str]:
    return list(map(write_base64, path))


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def signers(policy: bytes, *log_keys: str) -> dict[str, str]:
    """The vkeys of these log keys and of all members' seals, by the names in them."""
    witnesses = parse_policy(policy).witnesses
    vkeys = [*log_keys, *(format_vkey(witness.vkey) for witness in witnesses)]
    return {vkey.partition("+")[0]: vkey for vkey in vkeys}


def test_the_log_and_every_member_signed(scales: Scales, log: Archived) -> None:
    expected = signers(log.policy, log.vkeys[0])
    assert len(expected) == 4
    assert scales.ask(log.directory, "signers", *expected.values()) == sorted(expected)
    for other in log.vkeys[1:]:
        assert scales.ask(log.directory, "signers", other) == []


def test_a_byte_changed_in_a_checkpoint_loses_who_signed_it(scales: Scales, log: Archived) -> None:
    """Every byte: one in the text loses all, one in a line loses who stands there."""
    expected = signers(log.policy, log.vkeys[0])
    path = log.directory / "checkpoint"
    whole = path.read_bytes()
    text_size = whole.index(b"\n\n") + 2
    for at, byte in enumerate(whole):
        # It reads a vertical tab as the end of a line, and base64 whose unused bits are not zero.
        if byte == ord("\n") or whole[at + 1 : at + 2] == b"=" != whole[at : at + 1]:
            continue
        path.write_bytes(flip(whole, at))
        left = scales.ask(log.directory, "signers", *expected.values())
        if isinstance(left, str):
            assert left.startswith(("ValueError: ", "Error: ", "UnicodeDecodeError: ")), (at, left)
        elif at < text_size:
            assert left == [], at
        else:
            line = whole[whole.rindex(b"\n", 0, at) + 1 :].split(b" ")
            assert left == sorted(set(expected) - {line[1].decode()}), at


def test_its_root_and_its_proofs_from_our_tiles_are_ours(
    scales: Scales, log: Archived, hashes: list[bytes]
) -> None:
    checkpoint = parse_checkpoint(parse_note((log.directory / "checkpoint").read_bytes()).text)
    assert checkpoint.size == len(hashes) == SIZE
    assert scales.ask(log.directory, "root") == lines([checkpoint.root])
    for index in INDEXES:
        ours = lines(inclusion_path(index, hashes))
        assert scales.ask(log.directory, "record", index) == ours
        assert scales.ask(log.directory, "record", index, *ours) == ours
    ours, tree = lines(consistency_path(OLD_SIZE, SIZE, hashes)), (str(log.old_checkpoint),)
    assert scales.ask(log.directory, "tree", *tree, log.vkeys[0]) == ours
    assert scales.ask(log.directory, "tree", *tree, log.vkeys[0], *ours) == ours
    refused = scales.ask(log.directory, "tree", *tree, log.vkeys[1], *ours)
    assert refused == "RuntimeError: no signature matched vkey"


def test_a_proof_with_a_byte_changed_is_refused(
    scales: Scales, log: Archived, hashes: list[bytes]
) -> None:
    random, old = Random(1), (str(log.old_checkpoint), log.vkeys[0])
    for question, path, why in (
        (("record", INDEX), inclusion_path(INDEX, hashes), NOT_IN),
        (("tree", *old), consistency_path(OLD_SIZE, SIZE, hashes), NOT_BEFORE),
    ):
        wrong = [path[:-1], [*path, bytes(32)], path[::-1]]
        for place, each in enumerate(path):
            changed = flip(each, random.randrange(32))
            wrong.append([*path[:place], changed, *path[place + 1 :]])
        for other in wrong:
            assert why in scales.ask(log.directory, *question, *lines(other))


def test_a_tile_with_a_byte_changed_is_refused(scales: Scales, log: Archived) -> None:
    """By the proof of the record beside the hash; what the root is made of, by the root too."""
    random = Random(2)
    for tile in tiles(0, SIZE):
        path = log.directory / format_tile_path(tile)
        whole = path.read_bytes()
        for place in {0, *random.sample(range(tile.width & -2), min(4, tile.width & -2))}:
            beside = tile.index * WIDTH + (place ^ 1) << HEIGHT * tile.level
            assert isinstance(scales.ask(log.directory, "record", beside), list)
            path.write_bytes(flip(whole, 32 * place + random.randrange(32)))
            assert NOT_IN in scales.ask(log.directory, "record", beside), (tile, place)
            if tile.width < WIDTH:
                assert "ValueError: the root is " in scales.ask(log.directory, "root")
            path.write_bytes(whole)
        path.unlink()
        assert "could not get tile" in scales.ask(log.directory, "record", beside)
        path.write_bytes(whole)


def test_an_entry_with_a_byte_changed_is_refused(scales: Scales, log: Archived) -> None:
    random = Random(3)
    for tile in tiles(0, SIZE):
        if tile.level == 0:
            path, first = log.directory / format_bundle_path(tile), tile.index * WIDTH
            whole = path.read_bytes()
            size = len(log.leaves[first])
            for at in random.sample(range(2, 2 + size), 8):
                path.write_bytes(flip(whole, at))
                assert NOT_IN in scales.ask(log.directory, "record", first)
            path.write_bytes(flip(whole, 1))  # Its length: all after it are others.
            assert isinstance(scales.ask(log.directory, "record", first), str)
            path.write_bytes(whole)


def test_its_command_reads_files_and_any_web_server(
    scales: Scales, log: Archived, address: str, hashes: list[bytes]
) -> None:
    path, note = tuple(inclusion_path(INDEX, hashes)), (log.directory / "checkpoint").read_bytes()
    expected = format_tlog_proof(TlogProof(INDEX, path, note))
    for where in (log.directory, address):
        assert scales.command("gen-proof", where, INDEX) == (expected, "")
        assert scales.command("get-leaf", "--check", where, INDEX) == (log.leaves[INDEX], "")
    bundle = log.directory / format_bundle_path(next(iter(tiles(0, WIDTH))))
    bundle.write_bytes(flip(bundle.read_bytes(), 2))
    for where in (log.directory, address):
        nothing, why = scales.command("get-leaf", "--check", where, 0)
        assert (nothing, NOT_IN in why) == (b"", True)


@pytest.mark.anyio
async def test_a_running_gateway_gives_it_a_proof(scales: Scales, tmp_path: Path) -> None:
    """From public parts alone; the entries it does not get."""
    async with Cluster(tmp_path / "devnet", members=1, gateways=1) as cluster:
        url = cluster.gateway_url()
        client = Client(url, cluster.api_key)
        answer = await until_answered(lambda: client.anchor("a-file"))
        proof = parse_proof(answer.value["proof"].encode())
        async with asyncio.timeout(60):  # A gateway shows a checkpoint for a second.
            while await _size(client) <= proof.tlog.index:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        client.close()
        (vkey,) = (format_vkey(log.vkey) for log in parse_policy(proof.policy_text).logs)
        expected = signers(proof.policy_text, vkey)
        assert scales.ask(url, "signers", *expected.values()) == sorted(expected)
        assert isinstance(scales.ask(url, "root"), list)
        made = parse_tlog_proof(scales.command("gen-proof", url, proof.tlog.index)[0])
        checkpoint = parse_checkpoint(parse_note(made.checkpoint).text)
        leaf = leaf_hash(proof.entry_bytes)
        verify_inclusion(leaf, made.index, checkpoint.size, made.path, checkpoint.root)
        _, why = scales.command("get-leaf", "--check", url, proof.tlog.index)
        assert "could not get tile at L=-1" in why


async def _size(client: Client) -> int:
    """How much the gateway shows."""
    answer = await client.ask("GET", "/checkpoint")
    assert answer.status == 200, answer
    return parse_checkpoint(parse_note(answer.body).text).size
