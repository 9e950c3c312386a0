"""What following a long log costs: `python -m devnet.bench_audit`, which `sh scripts/bench-audit`
runs.

A log of a million entries is made (`long_log`) and given out by a plain web server; the commands
read it over HTTP, one after the other, each from nothing:

    audit                    the tree: every hash tile
    audit --entries          and every entry
    audit --signatures       and what depositors and gateways signed
    archive                  a mirror of what is public
    archive --entries        and of the entries, encrypted

Seconds say little while a machine does other things, and processor seconds little without the
machine; so the last column says how many plain operations, measured in the same run, one entry
costs. More memory, or more processor time for a million entries, than the limits ends with exit
code 1. With `--directory` the log is kept: it takes far longer to make than to read.

The line with `--json` is one object: {"entries": N, "figures": [{...}, ...]}.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from devnet.ceremony import hold_ceremony
from devnet.long_log import write_log
from devnet.outside import Failed
from devnet.places import NotADevnet, Places, read_places
from devnet.static_files import served
from devnet.yardsticks import pages_per_s, verifies_per_s
from node.archive.encryption import format_recipient, make_identity
from node.archive.files import Files
from node.published.layout import CHECKPOINT

ENTRIES = 1_000_000
LIMITS_S = {"audit --entries": 60.0, "audit --signatures": 240.0}
MEMORY_MAX_MB = 200.0
"""However long the log is: an auditor's machine need not be large."""
YARDSTICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Figure:
    """What one command took. Linux counts the memory of the process that started it as a peak too,
    so this is never less than ours."""

    command: str
    entries: int
    seconds: float
    processor_seconds: float
    peak_mb: float
    yardstick: str
    yardstick_per_s: float

    @property
    def entries_per_s(self) -> float:
        return self.entries / self.processor_seconds

    @property
    def ratio(self) -> float:
        """Operations of the yardstick that one entry costs."""
        return self.yardstick_per_s / self.entries_per_s

    @property
    def limit_s(self) -> float | None:
        """Of processor time, for so many entries; a short log's is that of a long one."""
        limit_s = LIMITS_S.get(self.command)
        return limit_s and limit_s * max(1, self.entries / ENTRIES)

    @property
    def is_within(self) -> bool:
        is_fast = self.limit_s is None or self.processor_seconds <= self.limit_s
        return is_fast and self.peak_mb <= MEMORY_MAX_MB


def main(argv: list[str] | None = None) -> int:
    """Run the bench; 1 if a limit was missed, or with a sentence on stderr if a command failed."""
    parser = argparse.ArgumentParser(
        prog="sh scripts/bench-audit", description="What following a long log costs."
    )
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="how many the log has")
    parser.add_argument("--directory", type=Path, help="where the log is kept, or is already")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="cunzheng-bench-") as scratch:
        directory = arguments.directory or Path(scratch) / "kept"
        try:
            places = _made(directory, arguments.entries)
            with served(directory / "log") as address:
                figures = list(_figures(Bench(places, address, Path(scratch))))
        except (Failed, NotADevnet, OSError) as error:
            print(f"bench-audit: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        values = [_for_programs(each) for each in figures]
        print(json.dumps({"entries": figures[0].entries, "figures": values}))
    else:
        Console().print(_table(figures), highlight=False)
    return 0 if all(each.is_within for each in figures) else 1


def _made(directory: Path, entries: int) -> Places:
    """The devnet whose log lies there now."""
    if (directory / "devnet").exists():
        places = read_places(directory / "devnet")
    else:
        places = hold_ceremony(directory / "devnet", 3, 1)
    files = Files(directory / "log")
    if not files.has(CHECKPOINT):
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("making the log", total=entries)
            write_log(places, files, entries, lambda more: progress.advance(task, more))
    return places


class Bench:
    """Commands against one address."""

    def __init__(self, places: Places, address: str, scratch: Path) -> None:
        self.address = address
        self.scratch = scratch
        self._policy = places.policy

    def time(self, command: str, *arguments: object) -> Figure:
        """Run it."""
        name, measure = "SHA-256", pages_per_s
        if command.endswith(" --signatures"):
            name, measure = "Ed25519", verifies_per_s
        rate = measure(YARDSTICK_S, time.process_time)
        words = [*command.split(" "), *arguments, "--policy", self._policy, "--json"]
        line = [sys.executable, "-I", "-m", "node.cli", *map(str, words)]
        start_s = time.perf_counter()
        with subprocess.Popen(line, env={}, stdout=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout is not None
            said = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start_s
        if process.returncode:
            raise Failed(f"`cunzheng {command}` ended with {process.returncode}: {said.decode()}")
        return Figure(
            command=command,
            entries=json.loads(said)["size"],
            seconds=seconds,
            processor_seconds=used.ru_utime + used.ru_stime,
            peak_mb=used.ru_maxrss * 1024 / 1e6,
            yardstick=name,
            yardstick_per_s=rate,
        )


def _figures(bench: Bench) -> Iterator[Figure]:
    for depth in ("", " --entries", " --signatures"):
        state = bench.scratch / f"state{depth[1:]}"
        yield bench.time(f"audit{depth}", bench.address, "--state", state)
    to = format_recipient(make_identity(bench.scratch / "auditor.pem"))
    for depth, *more in (("",), (" --entries", "--encrypt-to", to)):
        directory = bench.scratch / f"mirror{depth[1:]}"
        yield bench.time(f"archive{depth}", directory, "--gateway", bench.address, *more)


def _for_programs(figure: Figure) -> dict[str, Any]:
    return {
        **asdict(figure),
        "entries_per_s": figure.entries_per_s,
        "ratio": figure.ratio,
        "limit_s": figure.limit_s,
        "is_within": figure.is_within,
    }


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title=f"a log of {figures[0].entries:,} entries over HTTP, from nothing")
    table.add_column("cunzheng")
    for heading in ("seconds", "processor s", "limit", "peak MB", "limit", "an entry costs"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            each.command,
            f"{each.seconds:.1f}",
            f"{each.processor_seconds:.1f}",
            "" if each.limit_s is None else f"{each.limit_s:.0f}",
            f"{each.peak_mb:.0f}",
            f"{MEMORY_MAX_MB:.0f}",
            f"{each.ratio:.3g} {each.yardstick}",
            style="" if each.is_within else "bold red",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
