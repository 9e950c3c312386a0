"""`cunzheng` as anybody would run it: a process of its own, in a folder of its own.

It gets nothing of ours but its arguments: no environment, no working directory with code in it, no
open files. What it says to programs (`--json`) and its exit code are all that comes back.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devnet import signals
from node.cli.language import Language

TIMEOUT_S = 240.0
"""Longer than a command waits for a fail-over by itself, or for a bundle on a busy machine."""
AT_ONCE = 6
"""Enough to have deposits under way when the leader dies; more would wait for a processor."""


class Failed(Exception):
    """Something did not hold that should."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    line: str
    exit_code: int
    value: Mapping[str, Any]
    errors: str

    def expect(self, exit_code: int) -> Mapping[str, Any]:
        """Its answer, if it ended so."""
        if self.exit_code != exit_code:
            raise Failed(f"`{self.line}` ended with {self.exit_code}: {self.errors.strip()}")
        return self.value


class Outside:
    """Runs commands, a few at a time."""

    def __init__(self, language: Language = "en") -> None:
        self._language = language
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def run(self, folder: Path, *arguments: str | Path) -> Finished:
        """Run `cunzheng ARGUMENTS --json` in this folder."""
        words = [*map(str, arguments), "--json", "--lang", self._language]
        line = (sys.executable, "-I", "-m", "node.cli", *words)
        exit_code, output, errors = await self._ended(folder, line, {}, f"cunzheng {words[0]}")
        try:
            value = json.loads(output)
        except ValueError:
            value = {}
        text = errors.decode(errors="replace")
        return Finished(f"cunzheng {' '.join(words)}", exit_code, value, text)

    async def program(
        self, folder: Path, line: Sequence[str], environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run another program with this environment; its exit code and all that it printed."""
        exit_code, *printed = await self._ended(folder, line, environment, line[0])
        return exit_code, b"".join(printed).decode(errors="replace")

    async def _ended(
        self, folder: Path, line: Sequence[str], environment: Mapping[str, str], name: str
    ) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors of a program."""
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *line, cwd=folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
            )
            try:
                output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
            except TimeoutError as error:
                raise Failed(f"`{name}` took over {TIMEOUT_S:.0f} s") from error
            finally:
                signals.send(process, signal.SIGKILL)
                await process.wait()
        assert process.returncode is not None
        return process.returncode, output, errors
