"""What evidence bundles cost: `python -m devnet.bench_bundles`, which `sh scripts/bench-bundles`
runs.

A case of a hundred exhibits is deposited on a chain that lives in this process; then, with all
originals and without certificates (a PDF costs more than all the rest), but for the last part:

    made        a bundle of each exhibit, as ZIP archives
    verified    each of them, in all its steps
    case made, case verified    one bundle of the whole case
    case certified  the same as a gateway makes it: without originals, with a certificate of each

Processor seconds beyond the limits, or memory that grows with the number of bundles, end with exit
code 1. The line with `--json` is one object: {"exhibits": N, "figures": [{...}, ...]}.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from devnet.ceremony import hold_ceremony
from devnet.small_case import Exhibit, make_case
from devnet.yardsticks import pages_per_s
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.assembling import draft
from node.export.bundle.canonical import format_json
from node.export.bundle.checking import check_bundle
from node.export.bundle.core import NO_CERTIFICATES, Deposit, core
from node.export.bundle.trust import Trust
from node.export.bundle.writing import write_zip
from node.export.certificate.exhibits import Exhibit as Listed
from node.export.certificate.issuing import Issuer
from node.export.signing.dual import Platform
from node.gateway.bundles.making import Collected, CollectedDeposit
from node.gateway.bundles.papers import Desk, make
from node.gateway.bundles.surroundings import Surroundings
from node.gateway.events.history import History
from node.gateway.timestamps.material import Material
from node.words import Answer

EXHIBITS = 100
ORIGINAL_SIZE = 1 << 18
LIMIT_S = 20.0
"""Of a hundred bundles: somebody waits for them."""
GROWTH_MAX_MB = 16.0
"""Of the memory, once a tenth is done: however many bundles there are. One bundle of all exhibits
keeps the names and digests of all its files, and has this much for each hundred."""
YARDSTICK_S = 0.5
CERTIFIED = "case certified"
WARM = 60
"""Certificates after which the typesetter's caches have settled: some 150 MB, and hardly more."""
_NOTHING_AROUND = Surroundings(None, (), None, (), ())


@dataclass(frozen=True, slots=True)
class Figure:
    """What one part took."""

    part: str
    exhibits: int
    seconds: float
    processor_seconds: float
    growth_mb: float
    pages_per_s: float

    @property
    def limit_s(self) -> float:
        return LIMIT_S * max(1.0, self.exhibits / EXHIBITS)

    @property
    def growth_max_mb(self) -> float:
        whole = max(1.0, self.exhibits / EXHIBITS) if self.part.startswith("case") else 1.0
        settling = 2.0 if self.part == CERTIFIED else 1.0
        return GROWTH_MAX_MB * whole * settling

    @property
    def ratio(self) -> float:
        """How many plain digests of a page one exhibit costs."""
        return self.processor_seconds / self.exhibits * self.pages_per_s

    @property
    def is_within(self) -> bool:
        return self.processor_seconds <= self.limit_s and self.growth_mb <= self.growth_max_mb


def main(argv: list[str] | None = None) -> int:
    """Run the bench; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(
        prog="sh scripts/bench-bundles", description="What making and verifying bundles costs."
    )
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--exhibits", type=int, default=EXHIBITS, help="how many the case has")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.exhibits <= layout.DEPOSITS_MAX:
        parser.error(f"--exhibits: 1 to {layout.DEPOSITS_MAX}")
    with tempfile.TemporaryDirectory(prefix="cunzheng-bench-") as scratch:
        figures = list(_figures(Path(scratch), arguments.exhibits))
    if arguments.json:
        values = [asdict(each) | {"is_within": each.is_within} for each in figures]
        print(json.dumps({"exhibits": arguments.exhibits, "figures": values}))
    else:
        Console().print(_table(figures), highlight=False)
    return 0 if all(each.is_within for each in figures) else 1


def _figures(scratch: Path, count: int) -> Iterator[Figure]:
    places = hold_ceremony(scratch / "devnet", 3, 1)
    originals, out = scratch / "originals", scratch / "bundles"
    originals.mkdir()
    out.mkdir()
    exhibits = make_case(places, originals, count, ORIGINAL_SIZE)
    trust = Trust(Anchor(policy_text=places.policy.read_bytes()))
    made: list[Path] = []
    yield _timed("made", count, [partial(_make, out, [each], made) for each in exhibits])
    yield _timed("verified", count, [partial(_check, path, trust) for path in made])
    yield _timed("case made", count, [partial(_make, out, exhibits, made)])
    yield _timed("case verified", count, [partial(_check, made[-1], trust)])
    desk = Desk(Issuer(), Issuer(), Platform(), places.policy.read_bytes())
    for _ in range(-(-WARM // count)):
        _certify(desk, exhibits[:WARM], out, made)
    yield _timed(CERTIFIED, count, [partial(_certify, desk, exhibits, out, made)])


def _timed(part: str, exhibits: int, works: Sequence[Callable[[], None]]) -> Figure:
    rate = pages_per_s(YARDSTICK_S, time.process_time)
    start_s, processor_s, memory = time.perf_counter(), time.process_time(), _peak_mb()
    for number, work in enumerate(works):
        work()
        if number == len(works) // 10 and len(works) > 1:
            memory = _peak_mb()
    return Figure(
        part=part,
        exhibits=exhibits,
        seconds=time.perf_counter() - start_s,
        processor_seconds=time.process_time() - processor_s,
        growth_mb=_peak_mb() - memory,
        pages_per_s=rate,
    )


def _make(out: Path, exhibits: Sequence[Exhibit], made: list[Path]) -> None:
    """A FULL bundle of these exhibits, added to those made."""
    deposits = [Deposit(each.proof) for each in exhibits]
    numbers = [each.number for each in deposits]
    originals: Mapping[str, Path] = dict(
        zip(numbers, [each.original for each in exhibits], strict=True)
    )
    now_s = int(time.time())
    chance = len(made).to_bytes(4, "big")
    name = layout.bag_name(numbers[0], 1000 * now_s, chance)
    day = datetime.fromtimestamp(now_s, UTC).date()
    files = core(deposits)
    files[layout.EVIDENCE_LIST] = format_json([{"evidence_no": number} for number in numbers])
    made.append(write_zip(out, draft(name, day, deposits, files, originals).finish({})))


def _certify(desk: Desk, exhibits: Sequence[Exhibit], out: Path, made: list[Path]) -> None:
    """The bundle of a case as a gateway makes it."""
    deposits = [Deposit(each.proof) for each in exhibits]
    collected = Collected(
        tuple(
            CollectedDeposit(
                Listed(place, each.number), each, History(), None, bytes(32), _NOTHING_AROUND
            )
            for place, each in enumerate(deposits, 1)
        ),
        Material((), NO_CERTIFICATES, (None,) * len(deposits)),
        None,
    )
    with tempfile.TemporaryDirectory(dir=out) as pages:
        chance = len(made).to_bytes(4, "big")
        whole = make(desk, collected, int(1000 * time.time()), chance, Path(pages))
        made.append(write_zip(out, whole))


def _check(path: Path, trust: Trust) -> None:
    checked = check_bundle(path, trust)
    assert checked.code.answer is Answer.CONSISTENT_OPEN_POINTS, checked.to_json()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title=f"bundles of {figures[0].exhibits} exhibits")
    table.add_column("", no_wrap=True)
    for heading in ("seconds", "processor s", "limit", "growth MB", "limit", "SHA-256 each"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            each.part,
            f"{each.seconds:.1f}",
            f"{each.processor_seconds:.1f}",
            f"{each.limit_s:.0f}",
            f"{each.growth_mb:.1f}",
            f"{each.growth_max_mb:.0f}",
            f"{each.ratio:,.0f}",
            style="" if each.is_within else "bold red",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
