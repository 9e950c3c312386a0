"""Trouble for as long as asked: `python -m devnet.soak MINUTES`, which `sh scripts/soak` runs.

Rounds of at most five minutes, each with a fresh network of real processes in a temporary
directory: clients deposit and look up without pause, and at fixed intervals something is done to
the processes, their network or their disks (`devnet.faults`). At the end of each round the history
of all clients is judged (`devnet.history`). Meanwhile the simulator runs seed after seed.

The last line is one object:

    {"minutes": .., "seed": .., "faults": .., "acknowledged": .., "looked_up": .., "lost": 0,
     "duplicated": 0, "non_linearizable": 0, "other": 0, "sim_seeds": .., "sim_failed": 0,
     "fail_over_ms": {"count": .., "p50": .., "p90": .., "max": ..}, "why": []}

Fail-over is what clients together see: the time without any answer between the last one before a
leader was killed or paused and the first one after. Whatever should be 0 and is not is told in
`why`, the directory of its round is kept, and the exit code is 1; so it is when nothing was
acknowledged, for then nothing was shown. `--seed` repeats the plan.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import secrets
import shutil
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from devnet.ceremony import ORGANISATIONS
from devnet.cluster import Cluster, ClusterError
from devnet.disk_faults import unavailable
from devnet.enrolment import NotEnrolled
from devnet.faults import DISK, Inflicted, Kind, inflicted, plan
from devnet.history import History, examine
from devnet.load import Refused
from devnet.simulating import simulated
from devnet.yardsticks import percentile

ROUND_S = 300.0
"""A chain that grows for longer finds nothing more, and its history must be kept in memory."""
SIZES = (3, 5)
"""Members, in turn, unless told otherwise."""
MEMBERS_MIN = 3
"""Of fewer members none can be missed."""
GATEWAYS = 2
READERS = 4
EVERY_S = 5.0
CLIENTS = 8
STRAGGLERS_S = 0.25
"""Answers that were on their way still arrive; the silence begins after them."""
REFRESH_S = 0.5
WHY_MAX = 100
"""Lines that are kept of what is wrong: the first few tell the story."""


@dataclass
class Tally:
    """What has been seen so far."""

    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    looked_up: int = 0
    lost: int = 0
    duplicated: int = 0
    non_linearizable: int = 0
    other: int = 0
    sim_seeds: int = 0
    sim_failed: int = 0
    fail_over_ms: list[float] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    now: str = "starting"

    @property
    def broken(self) -> int:
        """How much there is of what real processes must give nothing of."""
        return self.lost + self.duplicated + self.non_linearizable + self.other

    def blame(self, lines: Sequence[str]) -> None:
        """Keep what is wrong in words."""
        self.why += lines[: WHY_MAX - len(self.why)]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    minutes: float
    members: int | None
    every_s: float
    clients: int
    kinds: tuple[Kind, ...]
    seed: int
    simulate: bool

    def told(self) -> str:
        """What somebody needs to repeat the plan."""
        return f"soak: {self.minutes:g} minutes, --seed {self.seed}"


def main(argv: list[str] | None = None) -> int:
    """Run it; 1 if anything was wrong."""
    options, tally = _options(argv), Tally()
    console, start_s = Console(stderr=True), time.monotonic()
    console.print(options.told(), highlight=False)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options, tally, console))
    print(json.dumps(_report(tally, options, time.monotonic() - start_s)))
    if not tally.acknowledged:
        console.print("soak: nothing was acknowledged, so nothing was shown", highlight=False)
    return 1 if tally.broken or tally.sim_failed or not tally.acknowledged else 0


def _options(argv: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="sh scripts/soak",
        description="Trouble for as long as asked, and whether all holds. Starting the processes of"
        " a round and judging over it take about half a minute more.",
    )
    names = [kind.value for kind in Kind]
    parser.add_argument("minutes", metavar="MINUTES", type=_positive, help="how long, such as 0.5")
    parser.add_argument(
        "--members",
        type=int,
        choices=range(MEMBERS_MIN, len(ORGANISATIONS) + 1),
        help=f"how many (default: {SIZES[0]} and {SIZES[1]} in turn)",
    )
    parser.add_argument(
        "--every",
        type=_positive,
        default=EVERY_S,
        metavar="SECONDS",
        help="from fault to fault (default: %(default)g)",
    )
    parser.add_argument(
        "--clients", type=_count, default=CLIENTS, help="who deposit at once (default: %(default)s)"
    )
    parser.add_argument(
        "--faults", help=f"which, with commas between (default: all, {','.join(names)})"
    )
    parser.add_argument("--no-sim", action="store_true", help="real processes only")
    parser.add_argument("--seed", type=int, help="of an earlier run, to repeat its plan")
    asked = parser.parse_args(argv)
    wanted = asked.faults.split(",") if asked.faults else names
    if strange := set(wanted) - set(names):
        parser.error(f"no such fault: {min(strange)}")
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    kinds = tuple(Kind(name) for name in wanted)
    return Options(
        asked.minutes, asked.members, asked.every, asked.clients, kinds, seed, not asked.no_sim
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


async def _run(options: Options, tally: Tally, console: Console) -> None:
    end_s = time.monotonic() + 60 * options.minutes
    kinds = options.kinds
    if (why := await unavailable()) is not None and DISK & set(kinds):
        console.print(f"soak: no faults of disks: {why}", highlight=False)
        kinds = tuple(kind for kind in kinds if kind not in DISK)
    showing = asyncio.create_task(_show(tally, console))
    simulating = asyncio.create_task(_simulate(options, tally)) if options.simulate else None
    try:
        number = 0
        while time.monotonic() < end_s:
            round_ = Round(options, kinds, number, tally, console)
            await round_.run(min(end_s, time.monotonic() + ROUND_S))
            number += 1
    finally:
        for task in filter(None, (showing, simulating)):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _simulate(options: Options, tally: Tally) -> None:
    async for batch in simulated(options.seed):
        tally.sim_seeds += batch.seeds
        tally.sim_failed += len(batch.failed)
        tally.blame(batch.failed)


class Round:
    """One network from its ceremony to the judgement over its history."""

    def __init__(
        self, options: Options, kinds: Sequence[Kind], number: int, tally: Tally, console: Console
    ) -> None:
        self._options = options
        self._size = options.members or SIZES[number % len(SIZES)]
        self._seed = options.seed + number
        self._plan = plan(self._seed, kinds, self._size)
        self._tally = tally
        self._console = console
        self._inflicted: list[Inflicted] = []

    async def run(self, until_s: float) -> None:
        """Carry it out; what goes wrong is in the tally, and its directory is kept."""
        directory = Path(tempfile.mkdtemp(prefix="cunzheng-soak-"))
        before = self._tally.broken
        try:
            await self._run(directory / "devnet", until_s)
        except (ClusterError, NotEnrolled, Refused, OSError) as error:
            self._tally.other += 1
            self._tally.blame([f"{type(error).__name__}: {error}"])
        if self._tally.broken > before:
            self._tally.blame([f"kept: {directory}"])
        else:
            shutil.rmtree(directory)

    async def _run(self, directory: Path, until_s: float) -> None:
        options, tally = self._options, self._tally
        async with Cluster(directory, self._size, GATEWAYS, bad_network=True) as cluster:
            clients = History(cluster, options.clients, READERS, seed=self._seed, pause_s=0.0)
            async with clients as history:
                await history.more(options.clients)
                while time.monotonic() < until_s:
                    next_s = time.monotonic() + options.every_s
                    await self._inflict(cluster)
                    await asyncio.sleep(max(0.0, next_s - time.monotonic()))
                    await history.more(1)
            self._say("judging")
            findings = await examine(cluster, history)
        tally.acknowledged += findings.acknowledged
        tally.looked_up += len(history.looks)
        tally.fail_over_ms += self._fail_overs([each.answered_s for each in history.deposits])
        tally.lost += len(findings.lost)
        tally.duplicated += len(findings.duplicated)
        tally.non_linearizable += len(findings.non_linearizable)
        tally.other += len(findings.other)
        for lines in (
            findings.lost,
            findings.duplicated,
            findings.non_linearizable,
            findings.other,
        ):
            tally.blame(lines)

    async def _inflict(self, cluster: Cluster) -> None:
        fault = next(self._plan)
        async with inflicted(cluster, fault) as done:
            self._say(f"{fault.kind.value} {', '.join(done.victims)}")
            self._tally.faults[fault.kind.value] += 1
            await asyncio.sleep(fault.hold_s)
        self._say("all well")
        if (
            fault.leaders
            and fault.kind in (Kind.KILL, Kind.PAUSE)
            and await cluster.leader() != done.victims[0]
        ):
            self._inflicted.append(done)

    def _fail_overs(self, answered_s: list[float]) -> list[float]:
        """The silence after each fault that cost a leader its lead."""
        answered_s.sort()
        return [1_000 * silence(answered_s, each.at_s) for each in self._inflicted]

    def _say(self, what: str) -> None:
        self._tally.now = f"{self._size} members: {what}"
        if not self._console.is_terminal:
            self._console.print(self._tally.now, highlight=False)


def silence(answered_s: Sequence[float], at_s: float) -> float:
    """The longest time without an answer that begins with the last one before `at_s`, or with one
    of the stragglers just after. `answered_s` is sorted, and answers go on after the silence."""
    first = bisect_right(answered_s, at_s) - 1
    last = bisect_right(answered_s, at_s + STRAGGLERS_S) - 1
    assert 0 <= first <= last < len(answered_s) - 1, "there are answers before and after"
    return max(answered_s[n + 1] - answered_s[n] for n in range(first, last + 1))


async def _show(tally: Tally, console: Console) -> None:
    if not console.is_terminal:
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(_table(tally), refresh=True)
            await asyncio.sleep(REFRESH_S)


def _table(tally: Tally) -> Table:
    table = Table(title=tally.now, title_justify="left")
    table.add_column("so far")
    table.add_column("count", justify="right")
    for kind, count in sorted(tally.faults.items()):
        table.add_row(kind, f"{count:,}")
    for name in ("acknowledged", "looked_up", "lost", "duplicated", "non_linearizable", "other"):
        table.add_row(name.replace("_", " "), f"{getattr(tally, name):,}")
    table.add_row("simulated seeds", f"{tally.sim_seeds:,}")
    table.add_row("simulated seeds that failed", f"{tally.sim_failed:,}")
    return table


def _report(tally: Tally, options: Options, elapsed_s: float) -> dict[str, object]:
    times = tally.fail_over_ms
    fail_over: dict[str, float] = {"count": len(times)}
    if times:
        fail_over |= {"p50": percentile(times, 0.5), "p90": percentile(times, 0.9)}
        fail_over["max"] = max(times)
    return {
        "minutes": round(elapsed_s / 60, 2),
        "seed": options.seed,
        "faults": tally.faults.total(),
        "acknowledged": tally.acknowledged,
        "looked_up": tally.looked_up,
        "lost": tally.lost,
        "duplicated": tally.duplicated,
        "non_linearizable": tally.non_linearizable,
        "other": tally.other,
        "sim_seeds": tally.sim_seeds,
        "sim_failed": tally.sim_failed,
        "fail_over_ms": {name: round(value) for name, value in fail_over.items()},
        "why": tally.why,
    }


if __name__ == "__main__":
    sys.exit(main())
