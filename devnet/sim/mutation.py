"""Breaks the product on purpose, and looks whether the simulator notices.

A *mutant* is a unified diff against the root of the repository, under a heading that says what is
broken and whose bug that was. It is applied to a copy of the source, and processes that know only
that copy run one seed after the other until one fails. What counts is what clients, or members
compared with each other, could see: a broken replica that stops by an assertion of its own has only
crashed, and is started again. Nor does a seed count that fails without the mutant.

The heading of a mutant ends with a line `Seeds: N`: one of the seeds 1 to N kills it. A mutant that
none of them kills says that the simulator is blind to something.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

import consensus
from devnet.sim.patch import Patch, PatchError, parse
from devnet.sim.run import run
from devnet.sim.schedule import Life
from devnet.sim.violation import Invariant

ROOT = Path(__file__).parents[2]
PACKAGES = ("consensus", "devnet", "node")
MUTANTS = Path(__file__).parent / "mutants"
LEASH = str(ROOT / "devnet" / "leash.py")

SEEDS = 200
"""Tried on a mutant that does not say how many kill it."""
SEEDS_AT_ONCE = 20
"""Tried by one process."""
SEED_S_MAX = 60
"""A seed takes a second at most. A mutant that needs so long will never end."""


class Unusable(Exception):
    """This mutant cannot be tried, so nothing is learnt from it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    says: str
    """What is broken."""
    seeds: int
    """One of so many, from 1 on, kills it."""
    patch: Patch


@dataclass(frozen=True, slots=True)
class Kill:
    """What gave a mutant away."""

    seed: int
    event: int
    invariant: str
    what: str


Fate = Kill | Unusable | None
"""None: it survived."""


def kept() -> list[Mutant]:
    """The mutants of this repository."""
    return [read(path) for path in sorted(MUTANTS.glob("*.patch"))]


def read(path: Path) -> Mutant:
    """Raises Unusable."""
    try:
        patch = parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, PatchError) as error:
        raise Unusable(f"{path}: {error}") from error
    says, _, seeds = patch.heading.partition(" Seeds: ")
    if seeds and not (seeds.isdecimal() and int(seeds) > 0):
        raise Unusable(f"{path}: Seeds: {seeds!r} is no number of seeds")
    return Mutant(path.stem, says, int(seeds or SEEDS), patch)


def report(mutants: Sequence[Mutant], processes: int, *, as_json: bool) -> int:
    """Try them all and print what became of them; 1 if not all were killed."""
    started = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("mutants", total=len(mutants))
        tried = partial(progress.advance, bar)
        fates = list(zip(mutants, hunt(mutants, processes, tried), strict=True))
    survivors = [mutant.name for mutant, fate in fates if not isinstance(fate, Kill)]
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        value = {
            "mutants": len(mutants),
            "killed": len(mutants) - len(survivors),
            "survived": survivors,
            "seconds": seconds,
            "fates": [_as_value(mutant, fate) for mutant, fate in fates],
        }
        print(json.dumps(value, ensure_ascii=False))
    else:
        Console().print(_as_table(fates))
        killed = f"{len(mutants) - len(survivors)} of {len(mutants)} killed"
        print(f"{killed}, in {seconds} s")
    return 1 if survivors else 0


def hunt(mutants: Sequence[Mutant], processes: int, tried: Callable[[], None]) -> Iterator[Fate]:
    """Try each on the seeds from 1 on; what became of them, in their order. `tried` is called
    whenever one is done with."""
    each = max(1, processes // max(1, len(mutants)))
    interrupted = Life()

    def hunt_one(mutant: Mutant) -> Fate:
        try:
            with TemporaryDirectory(prefix=f"{mutant.name}-") as tree:
                plant(mutant, Path(tree))
                return _first_kill(Path(tree), mutant.seeds, each, interrupted)
        except Unusable as error:
            return error
        finally:
            tried()

    with ThreadPoolExecutor(processes) as pool:
        try:
            yield from pool.map(hunt_one, mutants)
        finally:
            interrupted.is_over = True


def plant(mutant: Mutant, tree: Path) -> None:
    """Copy the source into this directory, with the mutant in it; raises Unusable."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    try:
        mutant.patch.apply(tree)
    except PatchError as error:
        raise Unusable(str(error)) from error


def _first_kill(tree: Path, seeds: int, processes: int, interrupted: Life) -> Kill | None:
    starts = range(1, seeds + 1, SEEDS_AT_ONCE)
    batches = [range(first, min(first + SEEDS_AT_ONCE, seeds + 1)) for first in starts]

    def try_batch(batch: range) -> Kill | None:
        return None if interrupted.is_over else _try(tree, batch)

    with ThreadPoolExecutor(processes) as pool:
        for kill in pool.map(try_batch, batches):
            if kill is not None:
                pool.shutdown(cancel_futures=True)
                _check_clean(kill.seed)
                return kill
    return None


def _check_clean(seed: int) -> None:
    """A seed that fails without any mutant says nothing about one."""
    if _try(ROOT, range(seed, seed + 1)) is not None:
        raise Unusable(f"seed {seed} fails without it: mend that first")


def _try(tree: Path, seeds: range) -> Kill | None:
    """In a process of its own, which imports nothing of ours but from this tree, and ends when this
    one does."""
    command = [sys.executable, LEASH, str(os.getpid()), sys.executable, "-m", __name__]
    command += [str(seeds.start), str(seeds.stop)]
    try:
        done = subprocess.run(  # noqa: S603 (this Python, a module of ours)
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=SEED_S_MAX * len(seeds),
        )
    except subprocess.TimeoutExpired as error:
        raise Unusable(f"seeds {seeds.start} to {seeds[-1]} do not end") from error
    if done.returncode != 0:
        raise Unusable(done.stderr.strip().rpartition("\n")[2])
    found = json.loads(done.stdout)
    return None if found is None else Kill(**found)


def _as_value(mutant: Mutant, fate: Fate) -> dict[str, object]:
    value: dict[str, object] = {"mutant": mutant.name, "says": mutant.says, "seeds": mutant.seeds}
    match fate:
        case Kill():
            return {**value, "fate": "killed", **asdict(fate)}
        case Unusable():
            return {**value, "fate": "unusable", "why": str(fate)}
        case None:
            return {**value, "fate": "survived"}


def _as_table(fates: Sequence[tuple[Mutant, Fate]]) -> Table:
    table = Table("mutant", "what is broken", "killed by")
    table.add_column("seed", justify="right")
    table.add_column("of", justify="right")
    table.add_column("event", justify="right")
    for mutant, fate in fates:
        match fate:
            case Kill():
                end = (fate.invariant, str(fate.seed), str(mutant.seeds), str(fate.event))
            case Unusable():
                end = (f"[bold red]unusable: {escape(str(fate))}", "", "", "")
            case None:
                end = ("[bold red]nobody", "", str(mutant.seeds), "")
        table.add_row(escape(mutant.name), escape(mutant.says), *end)
    return table


def main(first: int, stop: int) -> None:
    """Inside such a process: print what the first seed that fails found, or null."""
    assert Path(consensus.__file__ or "").is_relative_to(Path.cwd()), "this is not the copy"
    found = None
    for seed in range(first, stop):
        failure = run(seed, outside_only=True).failure
        if failure is None:
            continue
        if failure.invariant == Invariant.NO_CRASH.name:
            sys.exit(failure.what)  # Of the simulator: those of replicas are not counted.
        found = asdict(Kill(seed, failure.event, failure.invariant, failure.what))
        break
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
