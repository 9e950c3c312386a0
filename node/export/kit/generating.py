"""verify.py: the program's own sources in one file.

Which sources: what `standin.command` imports, and what that imports, until nothing is new. Each is
embedded byte for byte as one raw string, so whoever has the repository can compare, and so can
whoever has two bundles. The same sources always give the same file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import resources

from node.export.kit.standin.shelf import IN_PLACE_OF

START = "node.export.kit.standin.command"
LOADER = "node.export.kit.standin.shelf"
_OURS = "node"
_QUOTES = "'" * 3
_SEPARATOR = f"# {'-' * 97}"


@cache
def verify_py() -> bytes:
    """The file."""
    parts = ["#!/usr/bin/env python3\n", source_of(LOADER)]
    for path, source in sources().items():
        parts.append(f"\n\n{_SEPARATOR}\nSOURCES[{path!r}] = r{_QUOTES}{source}{_QUOTES}\n")
    parts.append('\n\nif __name__ == "__main__":\n    sys.exit(run())\n')
    return "".join(parts).encode()


@cache
def sources() -> dict[str, str]:
    """The embedded sources by their paths in the repository, sorted."""
    found: dict[str, str] = {}
    todo = [START, *IN_PLACE_OF.values()]
    while todo:
        name = todo.pop()
        if name in IN_PLACE_OF or _path(name) is None:
            continue
        path = str(_path(name))
        if path in found:
            continue
        source = source_of(name)
        assert _QUOTES not in source, "raw strings in single quotes hold it"
        assert not source.endswith(("\\", "'")), path
        found[path] = source
        todo += imported(source)
        todo += [name.rpartition(".")[0]]
    return dict(sorted(found.items()))


def imported(source: str) -> Iterator[str]:
    """What a module may import: of `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def source_of(name: str) -> str:
    """The source of one of our modules."""
    path = _path(name)
    assert path is not None, name
    return _file(path).read_text("utf-8")


def _path(name: str) -> str | None:
    """Its path in the repository; None if it is none of ours."""
    if name.split(".")[0] != _OURS:
        return None
    stem = name.replace(".", "/")
    for path in (f"{stem}.py", f"{stem}/__init__.py"):
        if _file(path).is_file():
            return path
    return None


def _file(path: str) -> resources.abc.Traversable:
    return resources.files(_OURS).joinpath(*path.split("/")[1:])
