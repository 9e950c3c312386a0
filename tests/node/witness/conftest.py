"""A log to be witnessed, made of numbers, and the settings of a witness of it."""

import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.evidence.checkpoint import Checkpoint, format_checkpoint
from node.evidence.keys import Signer
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.note import Note, ed25519_vkey, format_note, format_vkey, sign_ed25519
from node.keyfile import create
from node.witness.protocol import AddCheckpoint, format_request


@dataclass
class Log:
    """A log under one key; `fork` makes another history of it."""

    origin: str = "log.example/one"
    signer: Signer = field(default_factory=lambda: Signer(bytes([1]) * 32))
    leaves: list[bytes] = field(default_factory=lambda: [leaf_hash(b"%d" % n) for n in range(300)])

    @property
    def vkey(self) -> str:
        return format_vkey(ed25519_vkey(self.origin, self.signer.public))

    def fork(self, at: int) -> "Log":
        leaves = [*self.leaves[:at], leaf_hash(b"another"), *self.leaves[at + 1 :]]
        return Log(self.origin, self.signer, leaves)

    def body(self, size: int) -> bytes:
        return format_checkpoint(Checkpoint(self.origin, size, root(self.leaves[:size])))

    def note(self, size: int) -> bytes:
        body = self.body(size)
        return format_note(Note(body, (sign_ed25519(body, self.origin, self.signer),)))

    def request(self, old: int, size: int) -> bytes:
        path = consistency_path(old, size, self.leaves[:size]) if 0 < old <= size else []
        return format_request(AddCheckpoint(old, tuple(path), self.note(size)))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def witness_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def witness_toml(tmp_path: Path, log: Log, witness_port: int) -> Path:
    """The settings of a witness of that log, with its key."""
    create(tmp_path / "witness.key.pem")
    path = tmp_path / "witness.toml"
    path.write_text(
        f"""\
name = "witness.example/court"
key = "witness.key.pem"
listen = "127.0.0.1:{witness_port}"
state = "state"

[[logs]]
origin = "{log.origin}"
vkeys = ["{log.vkey}"]
"""
    )
    return path
