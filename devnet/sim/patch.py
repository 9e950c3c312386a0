"""Unified diffs, read and applied strictly.

A hunk is found by its text alone, which must stand where the diff says or nowhere else: lines move
when a file is edited above them, but a change that could mean two places is refused. What stands
before the first file is the heading. Only files that are there can be changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_PREAMBLE = ("diff ", "index ")


class PatchError(Exception):
    """Base of what is wrong with a patch; never raised itself."""


class Malformed(PatchError):
    """This is no unified diff of text files."""


class DoesNotApply(PatchError):
    """The source is not what the patch was made for."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """In this file, at this line or wherever else it stands alone, `old` becomes `new`."""

    path: str
    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    changed: int
    """Lines that are removed or added."""


@dataclass(frozen=True, slots=True)
class Patch:
    heading: str
    hunks: tuple[Hunk, ...]

    def apply(self, root: Path) -> None:
        """Change the files below this directory; raises DoesNotApply."""
        for hunk in self.hunks:
            path = root / hunk.path
            if not path.is_file():
                raise DoesNotApply(f"{hunk.path} is not there")
            lines = path.read_text("utf-8").splitlines()
            at = _place(hunk, lines)
            lines[at : at + len(hunk.old)] = hunk.new
            path.write_text("\n".join(lines) + "\n", "utf-8")


def parse(text: str) -> Patch:
    """Raises Malformed."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(("--- ", "diff "))), None)
    if first is None:
        raise Malformed("there is no line that begins with ---")
    hunks = tuple(_hunks(lines[first:]))
    if not hunks:
        raise Malformed("it changes nothing")
    return Patch(" ".join("\n".join(lines[:first]).split()), hunks)


def _hunks(lines: list[str]) -> Iterator[Hunk]:
    rest = iter(lines)
    path = ""
    for line in rest:
        if line.startswith("--- "):
            path = _changed_file(line, next(rest, ""))
        elif match := _HUNK.match(line):
            if not path:
                raise Malformed("a hunk of no file")
            counts = [1 if count is None else int(count) for count in match.group(2, 3)]
            yield _hunk(path, int(match[1]), rest, *counts)
        elif line and not line.startswith(_PREAMBLE):
            raise Malformed(f"not part of a diff: {line!r}")


def _changed_file(old: str, new: str) -> str:
    old_path, new_path = old[4:].partition("\t")[0], new[4:].partition("\t")[0]
    if not new.startswith("+++ ") or not old_path.startswith("a/"):
        raise Malformed(f"expected --- a/FILE and +++ b/FILE, found {old!r} and {new!r}")
    path = Path(old_path[2:])
    if new_path != f"b/{path}" or path.is_absolute() or ".." in path.parts:
        raise Malformed(f"{old!r} becomes {new!r}: files can only be changed")
    return str(path)


def _hunk(path: str, line: int, rest: Iterator[str], olds: int, news: int) -> Hunk:
    old: list[str] = []
    new: list[str] = []
    changed = 0
    while len(old) < olds or len(new) < news:
        text = next(rest, None)
        sign, content = (text[:1] or " ", text[1:]) if text is not None else ("", "")
        if sign not in (" ", "-", "+"):
            raise Malformed(f"{path}: the hunk at line {line} is cut short")
        changed += sign != " "
        if sign != "+":
            old.append(content)
        if sign != "-":
            new.append(content)
    return Hunk(path, line, tuple(old), tuple(new), changed)


def _place(hunk: Hunk, lines: list[str]) -> int:
    places = [
        at
        for at in range(len(lines) - len(hunk.old) + 1)
        if tuple(lines[at : at + len(hunk.old)]) == hunk.old
    ]
    if hunk.line - 1 in places:
        return hunk.line - 1
    if len(places) != 1:
        where = f"{hunk.path}, line {hunk.line}"
        raise DoesNotApply(f"{where}: what it changes stands there {len(places)} times")
    return places[0]
