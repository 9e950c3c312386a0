"""Files hashed here, on the depositor's or the court's own machine: content never leaves it.

Each file is read once, in chunks, for all digests.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.client.errors import Unusable, os_reason
from node.evidence import digests
from node.evidence.steps import FileDigests

CHUNK_SIZE = 1 << 20
"""Large enough that hashing, not Python, takes the time; small enough for any memory."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file and what was read of it."""

    path: Path
    digests: FileDigests


def hash_file(path: Path, advance: Callable[[int], None] = lambda _: None) -> HashedFile:
    """A file that nobody changes meanwhile, with its size and digests; raises `Unusable`."""
    running = {alg: digests.new(alg) for alg in digests.ALGS}
    try:
        # Without O_NONBLOCK a named pipe would wait for a writer before it can be refused.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise Unusable("不是普通文件", "is not a regular file")
            size = 0
            while chunk := file.read(CHUNK_SIZE):
                size += len(chunk)
                for digest in running.values():
                    digest.update(chunk)
                advance(len(chunk))
            after = os.fstat(descriptor)
    except OSError as error:
        zh, en = os_reason(error)
        raise Unusable(f"无法读取（{zh}）", f"cannot be read ({en})") from error
    if size != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise Unusable("读取期间发生了变化", "changed while it was read")
    found = FileDigests(size, {alg: digest.digest() for alg, digest in running.items()})
    return HashedFile(path, found)


def size_of(path: Path) -> int:
    """How much there is to read, for the progress bar only."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
