"""What the demo says while it runs, each sentence with its time."""

import shutil
import sys
import time

from node.cli.language import Language, Text, said
from node.evidence.item import clean


class Narrator:
    """Speaks one language, to stdout, at once."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._start = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    def heading(self, zh: str, en: str) -> None:
        """A new part of the story."""
        text = said(Text(zh, en), self.language)
        self._print(f"\n{text}\n{'-' * min(60, shutil.get_terminal_size().columns)}")

    def say(self, zh: str, en: str) -> None:
        """One thing that has just happened."""
        self._print(f"{self.elapsed_s:7.2f} s  {clean(said(Text(zh, en), self.language))}")

    def quote(self, lines: list[str]) -> None:
        """What a program answered."""
        for line in lines:
            self._print(f"{'':12}{clean(line)}")

    def _print(self, text: str) -> None:
        # A terminal without Chinese shows `?` and goes on.
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
