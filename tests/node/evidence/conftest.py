"""Fixtures for the pure shelf: published vectors, and what a hostile sender makes of a text."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Handed to this project from outside and read in place, never copied into it.
PUBLISHED = Path(__file__).parents[3].parent / "shared" / "vectors"


@pytest.fixture(scope="session")
def published() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        path = PUBLISHED / name
        if not path.exists():
            pytest.skip(f"the published vectors are not beside this checkout: {name}")
        return path

    return find


@pytest.fixture(scope="session")
def published_json(published: Callable[[str], Path]) -> Callable[[str], Any]:
    return lambda name: json.loads(published(name).read_text())


@pytest.fixture(scope="session")
def damaged() -> Callable[[bytes], Iterator[bytes]]:
    """Every truncation, every flipped bit, every doubled and every dropped byte of a good text."""

    def damage(good: bytes) -> Iterator[bytes]:
        for at in range(len(good)):
            yield good[:at]
            yield good[:at] + good[at + 1 :]
            yield good[: at + 1] + good[at:]
            for bit in range(8):
                yield good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]

    return damage
