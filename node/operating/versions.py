"""What runs here: digests of code and settings, for who compares them with what should run."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

PYTHON = platform.python_version()
_PACKAGES = ("consensus", "node")


@lru_cache(1)
def code_digest() -> bytes:
    """SHA-256 of what `sha256sum` prints for all Python files of a node, sorted by their paths."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(
        path.relative_to(root).as_posix()
        for package in _PACKAGES
        for path in (root / package).rglob("*.py")
    )
    digests = (hashlib.sha256((root / name).read_bytes()).hexdigest() for name in files)
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, files, strict=True))
    return hashlib.sha256("".join(lines).encode()).digest()


def settings_digest(settings: Any) -> bytes:
    """SHA-256 of the settings as JSON, sorted by name: another value of any makes another one. Of
    files only their names count."""
    text = json.dumps(asdict(settings), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()
