"""Which language a person is spoken to in: `--lang`, else the locale; Chinese or English.

Nothing that is hashed, signed or read by a program depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Language = Literal["zh", "en"]

# In the order of POSIX: the first that is set decides.
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Bilingual(Protocol):
    """Something to say, in both languages: a `Text`, or a member of a table in `node.words`."""

    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Text:
    """One thing to say."""

    zh: str
    en: str


def said(text: Bilingual, language: Language) -> str:
    """The text in one language."""
    return text.zh if language == "zh" else text.en


def choose(argv: Sequence[str], environ: Mapping[str, str]) -> Language:
    """The language, found before the arguments are parsed: `--help` too is in one language."""
    for at, argument in enumerate(argv):
        if argument == "--lang" and at + 1 < len(argv):
            return _primary(argv[at + 1])
        if argument.startswith("--lang="):
            return _primary(argument.removeprefix("--lang="))
    return _primary(next((environ[name] for name in _VARIABLES if environ.get(name)), ""))


def _primary(locale: str) -> Language:
    return "zh" if locale.lower().startswith("zh") else "en"
