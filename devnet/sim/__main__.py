"""`python -m devnet.sim`: many seeds over the cores, or one again.

    python -m devnet.sim --seeds 1000            seeds 0 to 999
    python -m devnet.sim --seed 17 --log         seed 17 again, event by event
    python -m devnet.sim --mutants               the product broken on purpose: is it noticed?
    python -m devnet.sim --mutant FILE.patch     the same with a mutant of your own

Exit status 1 if anything was found, or a mutant was not. What was found is printed with the seed,
the shortest run that still finds it, and the end of its event log.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import Progress

from devnet.sim import mutation
from devnet.sim.run import STEPS, Result, run, shorten

SHOWN = 25
"""Lines of the event log printed of one failure."""
FAILURES_MAX = 5
"""Failures shortened and printed; the rest is only counted."""
SEEDS = 100
"""Run if nobody says how many."""
LOOK_S = 1
"""How often a process looks whether the one that began it is still there."""
INTERRUPTED = 130
"""The exit status, as of a shell."""
CHUNK = 4
"""Seeds handed to a process at once."""

Task = tuple[int, int, bool]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        is_about_mutants = options.mutants or options.mutant is not None
        return _try_mutants(options) if is_about_mutants else _run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    started = time.monotonic()
    if options.seed is not None:
        show = print if options.log else None
        results = [run(options.seed, options.steps, show=show, outside_only=options.outside_only)]
    else:
        first = options.first_seed or 0
        seeds = range(first, first + (options.seeds or SEEDS))
        results = list(_run_many(seeds, options))
    failed = [result for result in results if result.failure is not None]
    shown = failed[:FAILURES_MAX]
    if not options.as_found:
        shown = [shorten(result, outside_only=options.outside_only) for result in shown]
    summary = _summary(results, time.monotonic() - started)
    if options.json:
        print(json.dumps({**summary, "failures": [asdict(result) for result in shown]}))
    else:
        _print(summary, shown)
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; ends the process if it cannot be done."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.log and options.seed is None:
        parser.error("--log needs --seed: only one run can be followed")
    if options.first_seed is not None and options.seed is not None:
        parser.error("--first-seed and --seed exclude each other")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devnet.sim", description="The whole cluster in one process, from a seed."
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", type=int, metavar="N", help="this one seed again")
    what.add_argument(
        "--seeds", type=_positive, metavar="N", help=f"how many seeds (default: {SEEDS})"
    )
    what.add_argument("--mutants", action="store_true", help="try all mutants kept here")
    what.add_argument("--mutant", type=Path, metavar="FILE", help="try the mutant of this patch")
    parser.add_argument("--log", action="store_true", help="with --seed: print every event")
    parser.add_argument(
        "--first-seed", type=int, metavar="N", help="with --seeds: from this one on (default: 0)"
    )
    parser.add_argument(
        "--steps",
        type=_positive,
        default=STEPS,
        metavar="N",
        help="events until all is healed (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON, for programs")
    parser.add_argument(
        "--outside-only",
        action="store_true",
        help="report only what clients, or members compared, could see",
    )
    parser.add_argument(
        "--as-found", action="store_true", help="do not look for the shortest run that fails"
    )
    parser.add_argument(
        "--processes",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many at once (default: one per core, here %(default)s)",
    )
    parser.add_argument(
        "--mutant-seeds",
        type=_positive,
        metavar="N",
        help="seeds from 1 on, one of which must kill a mutant (default: as many as its patch "
        f"says, or {mutation.SEEDS})",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return number


def _try_mutants(options: argparse.Namespace) -> int:
    try:
        mutants = mutation.kept() if options.mutant is None else [mutation.read(options.mutant)]
    except mutation.Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.mutant_seeds is not None:
        mutants = [replace(mutant, seeds=options.mutant_seeds) for mutant in mutants]
    return mutation.report(mutants, options.processes, as_json=options.json)


def _run_many(seeds: Iterable[int], options: argparse.Namespace) -> Iterator[Result]:
    tasks = [(seed, options.steps, options.outside_only) for seed in seeds]
    with Progress(console=Console(stderr=True), transient=True, disable=options.json) as progress:
        bar = progress.add_task("seeds", total=len(tasks))
        for result in _results(tasks, options.processes):
            progress.advance(bar)
            yield result


def _results(tasks: Sequence[Task], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(_run_one, tasks)
        return
    before = signal.signal(signal.SIGINT, _leave)
    try:
        with ProcessPoolExecutor(processes, initializer=_end_with, initargs=(os.getpid(),)) as pool:
            yield from pool.map(_run_one, tasks, chunksize=CHUNK)
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(*_: object) -> NoReturn:
    """At once: an exception might come while the pool holds a lock, and then nobody ends it. Its
    processes see that this one has gone."""
    Console(stderr=True).show_cursor()
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


def _end_with(parent: int) -> None:
    """A process of the pool would wait for work for ever if the one that gives it out was killed;
    interrupted from the terminal, it has nothing to say."""

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)


def _run_one(task: Task) -> Result:
    seed, steps, outside_only = task
    return run(seed, steps, outside_only=outside_only)


def _summary(results: Sequence[Result], seconds: float) -> dict[str, object]:
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.counts)
    events = sum(result.events for result in results)
    return {
        "seeds": len(results),
        "failed": [result.seed for result in results if result.failure is not None],
        "events": events,
        "seconds": round(seconds, 1),
        "events_per_cpu_second": round(events / max(1e-9, sum(r.cpu_s for r in results))),
        "digest": results[0].digest if len(results) == 1 else None,
        "counts": dict(sorted(counts.items())),
    }


def _print(summary: dict[str, object], failures: Sequence[Result]) -> None:
    counts = summary.pop("counts")
    assert isinstance(counts, dict)
    for name, value in [*summary.items(), *counts.items()]:
        print(f"{name:28} {value}")
    for result in failures:
        print(*_lines(result), sep="\n")


def _lines(result: Result) -> Iterator[str]:
    """One failure, as it is printed."""
    failure = result.failure
    assert failure is not None
    phase = "when all had been healed" if failure.healed else "during the faults"
    yield ""
    yield f"seed {result.seed}: {failure.what}"
    yield f"found at event {failure.event}, {phase}; to see it again:"
    yield f"    python -m devnet.sim --seed {result.seed} --steps {result.steps} --log"
    yield from failure.last[-SHOWN:]


if __name__ == "__main__":
    sys.exit(main())
