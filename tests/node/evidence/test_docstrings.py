"""A module's docstring is its format, and the worked example in it is run here."""

import doctest
import importlib
import pkgutil

import pytest

import node.evidence

MODULES = sorted(
    f"node.evidence.{each.name}" for each in pkgutil.iter_modules(node.evidence.__path__)
)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_shows(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


@pytest.mark.parametrize(
    "name",
    [
        "atoms",
        "checkpoint",
        "digests",
        "enrolment",
        "entry",
        "explain",
        "item",
        "keys",
        "members",
        "merkle",
        "merkle_inputs",
        "note",
        "number",
        "opening",
        "policy",
        "receipt",
        "record",
        "spelling",
        "statement",
        "tiles",
        "tlog_policy",
        "tlog_proof",
    ],
)
def test_formats_have_an_example(name: str) -> None:
    module = importlib.import_module(f"node.evidence.{name}")
    assert doctest.testmod(module).attempted >= 2
