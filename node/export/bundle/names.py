"""Names as a hostile hand may give them (docs/bundle-format.md, section 3): which are refused, why.

>>> judge_name("data/02-record/../../etc/passwd").name
'OUTSIDE'
>>> judge_name("data/01-evidence/\\u202etxt.exe").name
'DIRECTION'
>>> judge_name("data/06-certificates/tsa.pem") is None
True
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from node.export.bundle.flaws import Flaw

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Characters that reorder text, join or hide: a reader sees another name than the program.
_DIRECTION = re.compile(r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_PART = r"(?!\.\.?(?:/|$))[A-Za-z0-9._-]+"
_GOOD = re.compile(rf"{_PART}(?:/{_PART})*")


def judge_name(path: str) -> Flaw | None:
    """What is wrong with the path of a file, or nothing."""
    if _GOOD.fullmatch(path):
        return None
    if _CONTROL.search(path):
        return Flaw.CONTROL
    if _DIRECTION.search(path):
        return Flaw.DIRECTION
    if path.startswith(("/", "\\")) or _DRIVE.match(path) or ".." in re.split(r"[/\\]", path):
        return Flaw.OUTSIDE
    if "\\" in path:
        return Flaw.BACKSLASH
    return Flaw.CHARACTERS if path.isascii() else Flaw.NOT_ASCII


def judge_names(paths: Iterable[str]) -> Iterator[tuple[Flaw, str]]:
    """What is wrong with names beside each other: files, none of them too long."""
    seen: dict[str, str] = {}
    for path in paths:
        key = unicodedata.normalize("NFC", path).casefold()
        if key in seen:
            yield (Flaw.DUPLICATE if seen[key] == path else Flaw.COLLIDING), path
        seen[key] = path
    for key, path in seen.items():
        parts = key.split("/")
        folders = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if any(folder in seen for folder in folders):
            yield Flaw.BOTH, path
