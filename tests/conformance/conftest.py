"""The second verifier and its maker, which are files and no package, loaded by their path; an
archive for readers that others wrote."""

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from node.evidence.steps import Anchor
from node.evidence.verify import verify
from tests.conformance.archived import Archived, archive
from tests.node.conftest import world
from tests.node.gateway.admitted import admitted_sqlite
from tests.node.gateway.conftest import clock, cluster, gateway, make_gateway, tls

__all__ = ["admitted_sqlite", "clock", "cluster", "gateway", "make_gateway", "tls", "world"]


def _load(name: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def stranger() -> ModuleType:
    """The verifier."""
    return _load("stranger")


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The maker of chains and proofs."""
    return _load("stranger_maker")


@pytest.fixture(scope="session")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Archived:
    """Nobody writes into it: a test that changes something copies it first."""
    return archive(tmp_path_factory.mktemp("archived"))


# Code, piece of the reason, where, what there, by what it is replaced, plan.
Row = tuple[str, str, str, str, Any, Mapping[str, Any]]


def _hook(what: str, new: object) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        if isinstance(value, dict):  # a field; `...` takes it away
            rest = {name: old for name, old in value.items() if name != what}
            return rest if new is ... else {**rest, what: new}
        if isinstance(value, list):  # signature lines
            return run(b"".join(value)).splitlines(keepends=True)
        text = value if isinstance(value, str) else value.decode()
        text, found = re.subn(what, str(new), text, count=1, flags=re.M)
        assert found, f"{what} is not there"
        return text if isinstance(value, str) else text.encode()

    return run


@pytest.fixture(scope="session")
def refuses(stranger: ModuleType, maker: ModuleType) -> Callable[[Row], None]:
    """Makes one thing wrong, with all around it right, and wants the answer for that reason."""

    def check(row: Row) -> None:
        code, why, where, what, new, plan = row
        made = maker.make(hooks={where: _hook(what, new)}, **plan)
        answer = stranger.verify(made.proof, made.policies[0])
        texts = [finding["text"] for finding in answer["findings"] if finding["code"] == code]
        assert answer["code"] == code, answer
        assert any(why in text for text in texts), answer
        product = verify(made.proof, Anchor(policy_text=made.policies[0]))
        assert product.code.name == code, product

    return check
