"""The worked examples in the modules' docstrings are run here."""

import doctest
import importlib
import pkgutil

import pytest

from node.export import bundle

MODULES = sorted(each.name for each in pkgutil.iter_modules(bundle.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_shows(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"node.export.bundle.{name}"))
    assert result.failed == 0
    if name in ("canonical", "layout", "names", "paths", "zip_format"):
        assert result.attempted >= 2
