"""A witness that we did not write cosigns our log, and refuses it with a byte changed or a fork.

The witness is transparency-dev's omniwitness, built once from the Go module proxy into the user's
cache. One function of a dependency is not in any release yet; it belongs to a call that is never
made here and stands in as one that fails.
"""

import asyncio
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devnet.cluster import Cluster
from node.config import load_member
from node.evidence.atoms import write_base64
from node.evidence.checkpoint import (
    Checkpoint,
    format_checkpoint,
    parse_checkpoint,
    verify_cosignature,
)
from node.evidence.keys import Signer
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.note import (
    TYPE_COSIGNATURE,
    TYPE_ED25519,
    Note,
    Vkey,
    ed25519_vkey,
    format_note,
    format_vkey,
    lines_by,
    parse_note,
    sign_ed25519,
)
from node.evidence.policy import parse_policy
from node.evidence.tlog_policy import parse_policy as parse_tlog_policy
from node.keyfile import load_signer
from node.witness.protocol import (
    PATH,
    AddCheckpoint,
    Answer,
    format_request,
    parse_conflict,
    parse_cosignatures,
)
from tests.conformance.gotools import Go, built

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(900)]

WITNESS = "github.com/transparency-dev/witness"
VERSION = "v0.0.0-20260720115447-2e1c6971d19e"
GO_MOD = f"""\
module conformance

go 1.25.0

require {WITNESS} {VERSION}

replace github.com/transparency-dev/merkle => github.com/transparency-dev/merkle v0.0.2
"""
TOOL = f"""\
//go:build tools

package conformance

import _ "{WITNESS}/cmd/omniwitness"
"""
# Not in v0.0.2; only the witness's call for subtrees uses it.
SUBTREE = """\
package proof

import (
    "errors"

    "github.com/transparency-dev/merkle"
)

func VerifySubtreeConsistency(
    _ merkle.LogHasher, _, _, _ uint64, _ [][]byte, _, _ []byte,
) error {
    return errors.New("not in this release")
}
"""
NAME = "witness.example/foreign"
KEY = Signer(bytes([5]) * 32)
VKEY = ed25519_vkey(NAME, KEY.public, TYPE_COSIGNATURE)


@pytest.fixture(scope="module")
def omniwitness() -> Path:
    """The program, from the cache or built into it."""

    def build(go: Go) -> None:
        (go.directory / "go.mod").write_text(GO_MOD)
        (go.directory / "tool.go").write_text(TOOL)
        go.run("mod", "tidy", "-e")
        go.run("mod", "vendor")
        merkle = go.directory / "vendor" / "github.com" / "transparency-dev" / "merkle"
        (merkle / "proof" / "subtree.go").write_text(SUBTREE)
        go.build(f"{WITNESS}/cmd/omniwitness", "-mod=vendor")

    return built("omniwitness", VERSION, build)


@dataclass
class Foreign:
    """The running witness: how it is asked."""

    address: str

    async def ask(self, request: bytes) -> Answer:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.address + PATH, content=request)
        return Answer(answer.status_code, answer.content, answer.headers.get("content-type", ""))


@asynccontextmanager
async def foreign(program: Path, directory: Path, logs: list[Vkey]) -> AsyncIterator[Foreign]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    secret = ed25519_vkey(NAME, KEY.public)
    seed = write_base64(bytes([TYPE_ED25519]) + bytes([5]) * 32)
    key, config = directory / "witness.key", directory / "logs.yaml"
    key.write_text(f"PRIVATE+KEY+{NAME}+{secret.key_id.hex()}+{seed}")
    rows = "".join(
        f"  - Origin: {log.name}\n    PublicKey: {format_vkey(log)}\n    URL: http://127.0.0.1:1/\n"
        for log in logs
    )
    config.write_text(f"Logs:\n{rows}")
    options = {
        "listen": f"127.0.0.1:{port}",
        "metrics_listen": "",
        "private_key_path": key,
        "additional_logs": config,
        "db_file": directory / "witness.db",
    }
    line = [str(program), *(f"--{name}={value}" for name, value in options.items())]
    with (directory / "omniwitness.log").open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(*line, stdout=log_file, stderr=log_file)
    try:
        await _until_it_listens(process, port)
        yield Foreign(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()


async def _until_it_listens(process: Process, port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.returncode is None
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@pytest.fixture
def log() -> "Log":
    return Log()


class Log:
    """A log of our making: its notes and paths, and a fork of it."""

    origin = "cunzheng.test/foreign"
    signer = Signer(bytes([6]) * 32)

    def __init__(self) -> None:
        self.leaves = [leaf_hash(b"%d" % number) for number in range(50)]
        self.fork = [*self.leaves[:4], leaf_hash(b"another"), *self.leaves[5:]]
        self.vkey = ed25519_vkey(self.origin, self.signer.public)

    def note(self, size: int, leaves: list[bytes]) -> bytes:
        body = format_checkpoint(Checkpoint(self.origin, size, root(leaves[:size])))
        return format_note(Note(body, (sign_ed25519(body, self.origin, self.signer),)))

    def request(self, old: int, size: int, leaves: list[bytes] | None = None) -> bytes:
        leaves = self.leaves if leaves is None else leaves
        path = consistency_path(old, size, leaves[:size]) if old else []
        return format_request(AddCheckpoint(old, tuple(path), self.note(size, leaves)))


async def test_what_we_send_is_understood(omniwitness: Path, tmp_path: Path, log: Log) -> None:
    """Our requests, and our reading of its answers: cosigned, refused, told the size."""
    async with foreign(omniwitness, tmp_path, [log.vkey]) as witness:
        for old, size in ((0, 7), (7, 7), (7, 33)):
            answer = await witness.ask(log.request(old, size))
            assert answer.status == 200, answer
            (line,) = parse_cosignatures(answer.body)
            verify_cosignature(parse_note(log.note(size, log.leaves)).text, line, VKEY)
        conflict = await witness.ask(log.request(7, 40))
        assert (conflict.status, parse_conflict(conflict)) == (409, 33)
        assert (await witness.ask(log.request(33, 40, log.fork))).status == 422
        assert (await witness.ask(log.request(33, 33, log.fork))).status == 422
        honest = log.request(33, 40)
        for at in range(5, len(honest) - 3, 11):
            if honest[at + 1 : at + 2] == b"=":
                continue  # Go reads base64 whose unused bits are not zero.
            changed = bytearray(honest)
            changed[at] ^= 1
            # It answers 500 to some of what is none: what counts is that it does not cosign.
            assert (await witness.ask(bytes(changed))).status >= 400, at
        assert (await witness.ask(honest)).status == 200


async def test_it_cosigns_a_live_member(omniwitness: Path, tmp_path: Path) -> None:
    """A member process asks it by itself; its line stands behind the member's in the note."""
    cluster = Cluster(tmp_path / "devnet", members=1, gateways=0)
    (name,) = cluster.members
    settings = cluster.places.settings(name)
    config = load_member(settings)
    (vkey,) = _log_keys(cluster)
    async with foreign(omniwitness, tmp_path, [vkey]) as witness:
        with settings.open("a") as file:
            text = format_vkey(VKEY)
            file.write(f'\n[[witnesses]]\nurl = "{witness.address}"\nvkey = "{text}"\n')
        async with cluster:
            async with asyncio.timeout(60):
                while not (note := await _cosigned(cluster, name)).signatures:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # Another process's doing.
            (line,) = lines_by(note, VKEY)
            verify_cosignature(note.text, line, VKEY)
            # The member's own log key, turned against its log.
            checkpoint = parse_checkpoint(note.text)
            body = format_checkpoint(Checkpoint(checkpoint.origin, checkpoint.size, bytes(32)))
            signer = load_signer(config.log_key)
            forged = format_note(Note(body, (sign_ed25519(body, checkpoint.origin, signer),)))
            request = format_request(AddCheckpoint(checkpoint.size, (), forged))
            assert (await witness.ask(request)).status == 422


def _log_keys(cluster: Cluster) -> Iterator[Vkey]:
    policy = parse_tlog_policy(cluster.places.policy.read_bytes())
    assert parse_policy(cluster.places.policy.read_bytes()).quorum == 1
    return (log.vkey for log in policy.logs)


async def _cosigned(cluster: Cluster, name: str) -> Note:
    """The member's note with the witness's line, or without any."""
    data = (await cluster.link(name).checkpoint()).note
    note = parse_note(data) if data else Note(b"", ())
    return note if lines_by(note, VKEY) else Note(note.text, ())
