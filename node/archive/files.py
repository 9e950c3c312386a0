"""The directory of an archive: the layout of a published log as files.

    DIR/checkpoint  DIR/tile/...  DIR/policies/...      for everybody, as a gateway serves them
    DIR/encrypted/tile/entries/...  DIR/encrypted/bodies/...      for auditors (`encryption`)
    DIR/encrypted/progress      how far entries and bodies have come

A file comes into being whole or not at all: written beside its place, synced, renamed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.archive.encryption import decrypt

ENCRYPTED = "encrypted"
PROGRESS = f"{ENCRYPTED}/progress"
PARTS = ("contradictions", "policies", "tile", "bodies")
FILE_SIZE_MAX = 64 << 20
"""No part of a log is longer; whatever is, was put there by somebody else."""


class Files:
    """One directory. Paths are those of the layout, which have one spelling each."""

    def __init__(self, directory: Path, identity: X25519PrivateKey | None = None) -> None:
        """With an identity, what is encrypted for it is read as if it were not."""
        self.directory = directory
        self._identity = identity

    def read(self, path: str) -> bytes | None:
        """The bytes of a part, or None if it is not there. `CannotOpen` if it does not open."""
        data = self._read(path)
        if data is None and self._identity is not None:
            data = self._read(encrypted(path))
            return None if data is None else decrypt(path, data, self._identity)
        return data

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.directory / path).is_file()

    def write(self, path: str, data: bytes) -> None:
        """Write a file, in one step for every onlooker and for good."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def paths(self) -> Iterator[str]:
        """The parts that are here, encrypted or not, but the checkpoint, in a fixed order."""
        for top in (*PARTS, *map(encrypted, PARTS)):
            for file in sorted((self.directory / top).rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    path = file.relative_to(self.directory).as_posix()
                    yield path.removeprefix(f"{ENCRYPTED}/")

    def remove(self, path: str) -> None:
        """Remove a file that something newer took the place of."""
        (self.directory / path).unlink(missing_ok=True)

    def _read(self, path: str) -> bytes | None:
        """A file, and nothing else: whoever made the archive may have put a link there, to have us
        copy what only we can read, or a pipe that never ends."""
        whole = self.directory / path
        try:
            with open(whole, "rb", opener=_open_nothing_else) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise _no_file(whole)
                return file.read(FILE_SIZE_MAX)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _no_file(whole) from error
            raise


def _open_nothing_else(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _no_file(path: Path) -> OSError:
    return OSError(errno.EINVAL, "Not a regular file", str(path))


def encrypted(path: str) -> str:
    """Where the encrypted file of a part is."""
    return f"{ENCRYPTED}/{path}"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
