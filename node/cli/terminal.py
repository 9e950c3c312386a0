"""The only door to the terminal.

File names, proofs and answers of servers are written by others, also by those who would like a
failed result to look like a good one. So whatever is printed passes `clean` first: no character
that moves the cursor, starts a line, reorders or hides text reaches a screen. Nothing here reads
rich's markup. A value padded with blanks until it wraps would put its end where a line of ours
begins, so runs of blanks inside a line are shown as one.

Results go to stdout, everything about the way there to stderr. With `--json` stdout is exactly one
JSON object, in ASCII.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text as Styled

from node.cli.language import Bilingual, Language, Text, said
from node.evidence.item import clean

# Up to two blanks are our own columns, and happen in honest names. U+2800 is a blank of Braille.
_PADDING = re.compile(r"(?<=[^\s\u2800])[\s\u2800]{3,}")
_LEADING = re.compile(r"^[\s\u2800]+")


def _shown(text: str) -> str:
    """The text clean and without padding; what stands before it is its caller's indent."""
    return _PADDING.sub(" ", clean(text))


class Progressing:
    """A progress bar, or nothing where nobody looks."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def start(self, label: str, total: int) -> None:
        """Begin to count to `total`."""
        self._progress.reset(self._task, description=clean(label), total=total)

    def advance(self, amount: int) -> None:
        """So much more is done."""
        self._progress.advance(self._task, amount)


class Terminal:
    """Where one command speaks: its language, and whether people or programs listen."""

    def __init__(self, language: Language, *, for_programs: bool) -> None:
        self.language = language
        self.for_programs = for_programs
        self._out = Console(highlight=False, markup=False, emoji=False)
        self._err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def said(self, text: Bilingual) -> str:
        """The text in this terminal's language."""
        return said(text, self.language)

    def pick(self, zh: str, en: str) -> str:
        """One of two texts."""
        return said(Text(zh, en), self.language)

    def line(self, text: str = "", style: str = "") -> None:
        """One line of the result, never broken by us: hashes are copied from it."""
        self._print(_shown(text), style)

    def columns(self, rows: Iterable[Sequence[str]], indent: int = 2) -> None:
        """Rows below each other, every column as wide as its widest cell."""
        cells = [[_shown(_LEADING.sub("", cell)) for cell in row] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            filled = [
                cell + " " * (width - cell_len(cell))
                for cell, width in zip(row, widths, strict=True)
            ]
            self._print(f"{' ' * indent}{'  '.join(filled).rstrip()}")

    def note(self, zh: str, en: str, style: str = "") -> None:
        """Something about the way to the result; also a warning."""
        self._err.print(Styled(_shown(self.pick(zh, en)), style), soft_wrap=True)

    def _print(self, shown: str, style: str = "") -> None:
        if not self.for_programs:
            self._out.print(Styled(shown, style), soft_wrap=True)

    def json(self, value: object) -> None:
        """The result for programs."""
        if self.for_programs:
            print(json.dumps(value, ensure_ascii=True, indent=2))

    @contextmanager
    def progress(self, *, of_bytes: bool) -> Iterator[Progressing]:
        """A bar on stderr while the block runs; it disappears afterwards."""
        count = DownloadColumn(binary_units=True) if of_bytes else MofNCompleteColumn()
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            count,
            console=self._err,
            transient=True,
            disable=self.for_programs or not self._err.is_terminal,
        )
        with bar:
            yield Progressing(bar)
