"""Fixtures for the pure shelf: published vectors, and what a hostile sender makes of a text."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from node.evidence.digests import ALGS
from node.evidence.steps import Anchor, FileDigests

# Handed to this project from outside and read in place, never copied into it.
PUBLISHED = Path(__file__).parents[3].parent / "shared" / "vectors"
OURS = Path(__file__).parents[2] / "vectors"


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


def _load(name: str) -> ModuleType:
    """A file of tests/vectors, which is no package, as a module."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, OURS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def chains() -> ModuleType:
    """The maker of small chains: `chains.Chain()` begins one."""
    return _load("example_chain")


@pytest.fixture(scope="session")
def example(chains: ModuleType) -> ModuleType:
    """The example of the vectors and of the document's last section."""
    return _load("make_example")


@pytest.fixture(scope="session")
def example_2(chains: ModuleType) -> ModuleType:
    """The example of rules 2, in which all suites sign."""
    return _load("make_example_2")


@pytest.fixture
def chain(chains: ModuleType) -> Any:
    """A chain on which a gateway and a depositor are enrolled."""
    made = chains.Chain()
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    return made


@pytest.fixture(scope="session")
def file_of(chains: ModuleType) -> Callable[[bytes], FileDigests]:
    """What a verifier knows of a file's content."""
    return lambda content: FileDigests(
        len(content), {alg: chains.digest(alg, content) for alg in ALGS}
    )


@pytest.fixture(scope="session")
def anchor_of() -> Callable[[Any], Anchor]:
    """The policy in force, as known from elsewhere."""
    return lambda chain: Anchor(policy_text=chain.policies[-1].policy_text)
