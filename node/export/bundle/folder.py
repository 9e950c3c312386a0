"""A bundle that was unpacked: a directory from a hostile hand.

No symbolic link is followed, nothing that is no file is opened, and what a file is called counts as
it stands on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from node.export.bundle import layout
from node.export.bundle.flaws import Broken, Flaw, Flaws
from node.export.bundle.manifest import CHUNK_SIZE

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


class Folder:
    """The files of a directory by their paths in it."""

    def __init__(self, directory: Path) -> None:
        """Raises `Broken` where nothing can be read."""
        self.flaws = Flaws()
        self._directory = directory
        self._count = 0
        found: dict[str, int] = {}
        for path, size in self._walk("", 0):
            found[path] = size
        self.sizes: Mapping[str, int] = MappingProxyType(found)

    def _walk(self, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(self._directory / prefix) as listing:
                entries = sorted(listing, key=lambda each: each.name)
        except OSError as error:
            raise Broken(Flaw.UNREADABLE, prefix or str(self._directory)) from error
        for entry in entries:
            self._count += 1
            if self._count > layout.ENTRIES_MAX:
                raise Broken(Flaw.TOO_MANY)
            yield from self._take(f"{prefix}{entry.name}", entry, depth)

    def _take(self, path: str, entry: os.DirEntry[str], depth: int) -> Iterator[tuple[str, int]]:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            self.flaws.add(Flaw.UNREADABLE, path)
            return
        if stat.S_ISLNK(status.st_mode):
            self.flaws.add(Flaw.LINK, path)
        elif stat.S_ISDIR(status.st_mode):
            if depth + 1 >= layout.PARTS_MAX:
                self.flaws.add(Flaw.TOO_DEEP, path)
            else:
                yield from self._walk(f"{path}/", depth + 1)
        elif stat.S_ISREG(status.st_mode):
            yield path, status.st_size
        else:
            self.flaws.add(Flaw.SPECIAL, path)

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file in pieces; raises `Broken` if they cannot be read."""
        try:
            flags = os.O_RDONLY | _NOFOLLOW | _NONBLOCK
            with open(os.open(self._directory / path, flags), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Broken(Flaw.SPECIAL, path)
                left = self.sizes[path]
                while piece := file.read(min(CHUNK_SIZE, left + 1)):
                    left -= len(piece)
                    if left < 0:  # It grows while it is read.
                        raise Broken(Flaw.UNREADABLE, path)
                    yield piece
                if left:  # It was cut off meanwhile.
                    raise Broken(Flaw.UNREADABLE, path)
        except (OSError, ValueError) as error:
            raise Broken(Flaw.UNREADABLE, path) from error
