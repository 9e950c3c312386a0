"""Where programs of others are kept once they are built: the user's cache."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def place(name: str, version: str) -> Path:
    """The directory of this version of a program."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "cunzheng" / f"{name}-{version}"


def version_of(files: Iterable[Path]) -> str:
    """What these files say, by its digest."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
