"""How fast a devnet is: `python -m devnet.bench`, which `sh scripts/bench` runs.

A fresh network of three members and one gateway in a temporary directory; clients, members, gateway
and yardsticks share this machine, so what counts is the last column: each figure beside a plain
operation that was measured in the same run. In this order:

    latency      one client deposits one file after the other, to FINAL with its proof, over HTTP
    anchors      32 clients do so at once; and what one such deposit costs each process in
                 processor time, which depends less on who else uses the machine (Linux only)
    batch items  2 clients deposit packed items, 16 to a page, 65,536 to a request, to FINAL
    proofs       32 clients fetch proofs of random numbers
    verify       this process verifies proofs offline, one after the other, without the files
    fail-over    SIGKILL of the leader under load: from then to the first answer to a request that
                 was sent after it

The last line with `--json` is one object: {"yardsticks": {...}, "figures": [{...}, ...]}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from devnet.cluster import Cluster, ClusterError
from devnet.enrolment import NotEnrolled
from devnet.load import Answer, Client, Deposited, Load, Refused, until_answered
from devnet.processor import spent_s
from devnet.yardsticks import Yardsticks, measure, percentile, verifies_per_s
from node.evidence.item import ITEM_SIZE
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.words import Answer as Answered

SECONDS = 5.0
YARDSTICK_S = 0.5
CLIENTS = 32
BATCH_CLIENTS, BATCH_ITEMS, PAGE = 2, 65_536, 16
WARM_UP = 10
"""Answers, for each client, that do not count: connections and caches are new."""
KILLS = 3
SEED = 1
ELECTION_MS = 500
"""After so much silence followers elect (`consensus.replica`: ten ticks of 50 ms), and after up to
twice as much."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One result beside its yardstick; `ratio` is the figure in units of the yardstick."""

    name: str
    value: float
    unit: str
    yardstick: str
    yardstick_value: float
    detail: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.yardstick_value


def main(argv: list[str] | None = None) -> int:
    """Run the bench; 1 with a sentence on stderr if the network did not hold."""
    parser = argparse.ArgumentParser(prog="sh scripts/bench", description="How fast a devnet is.")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="how long each figure is measured"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="cunzheng-bench-") as directory:
        try:
            sticks, figures = asyncio.run(_run(Path(directory), arguments.seconds))
        except (ClusterError, NotEnrolled, Refused, OSError) as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        values = [{**asdict(each), "ratio": each.ratio} for each in figures]
        print(json.dumps({"yardsticks": asdict(sticks), "figures": values}))
    else:
        Console().print(_table(figures), _footnote(sticks), sep="\n", highlight=False)
    return 0


async def _run(directory: Path, seconds: float) -> tuple[Yardsticks, list[Figure]]:
    sticks = await measure(directory, YARDSTICK_S)
    cluster = Cluster(directory / "devnet", 3, 1)
    async with cluster:
        bench = Bench(cluster, sticks, seconds)
        deposited, latency = await bench.latency()
        figures = [
            *latency,
            *await bench.anchors(),
            await bench.batch_items(),
            await bench.proofs(deposited),
            bench.verify(deposited),
            await bench.fail_over(),
        ]
    return sticks, figures


class Bench:
    """The figures, one method each, on one running network."""

    def __init__(self, cluster: Cluster, sticks: Yardsticks, seconds: float) -> None:
        self._cluster = cluster
        self._sticks = sticks
        self._seconds = seconds

    async def latency(self) -> tuple[list[Deposited], list[Figure]]:
        """One client; the deposits are what later figures ask for."""
        answers, *_ = await self._deposit(1, "latency")
        times = [1000 * (each.answered_s - each.sent_s) for each in answers]
        stick = ("gRPC echo, ms", self._sticks.echo_ms)
        figures = [
            Figure(
                f"anchor to FINAL, 1 client, p{each}", percentile(times, each / 100), "ms", *stick
            )
            for each in (50, 90, 99)
        ]
        return answers, figures

    async def anchors(self) -> list[Figure]:
        """Many clients, a file each."""
        leader = await self._cluster.leader()
        answers, elapsed_s, spent = await self._deposit(CLIENTS, "anchors")
        times = [1000 * (each.answered_s - each.sent_s) for each in answers]
        verify_us = 1e6 / verifies_per_s(YARDSTICK_S, time.process_time)
        throughput = Figure(
            f"single anchors, {CLIENTS} clients",
            len(answers) / elapsed_s,
            "/s",
            "Ed25519 verifies/s",
            self._sticks.verifies_per_s,
            f"p99 {percentile(times, 0.99):,.0f} ms",
        )
        return [
            throughput,
            *(
                Figure(
                    f"processor time of one anchor, {'leader' if name == leader else name}",
                    1e6 * seconds / len(answers),
                    "us",
                    "Ed25519 verify, us",
                    verify_us,
                )
                for name, seconds in spent.items()
            ),
        ]

    async def batch_items(self) -> Figure:
        """Packed items; that each request has the same does not matter, as statements differ."""
        body = random.Random(SEED).randbytes(BATCH_ITEMS * ITEM_SIZE)  # noqa: S311
        target = f"/v1/anchors:batch?alg=sha256&page={PAGE}&wait_ms=10000"

        async def deposit(client: Client, name: str) -> None:
            headers = (("content-type", "application/octet-stream"), ("idempotency-key", name))

            def ask() -> Awaitable[Answer]:
                return client.ask("POST", target, body, headers)

            await until_answered(ask)

        rate = await self._repeat(BATCH_CLIENTS, deposit)
        return Figure(
            f"batch items, page {PAGE}",
            rate * BATCH_ITEMS,
            "/s",
            f"SHA-256 of items in pages of {PAGE}/s",
            self._sticks.pages_per_s * PAGE,
        )

    async def proofs(self, deposited: Sequence[Deposited]) -> Figure:
        """Proofs of numbers out of these deposits."""
        chance, numbers = random.Random(SEED), [each.number for each in deposited]  # noqa: S311

        async def fetch(client: Client, _: str) -> None:
            answer = await client.ask("GET", f"/v1/evidence/{chance.choice(numbers)}/proof")
            if answer.status != 200:
                raise Refused(f"{answer.status} {answer.body.decode()}")

        return Figure(
            f"proof queries, {CLIENTS} clients",
            await self._repeat(CLIENTS, fetch),
            "/s",
            "gRPC echoes/s",
            self._sticks.echoes_per_s,
        )

    def verify(self, deposited: Sequence[Deposited]) -> Figure:
        """Each proof once: it is of a statement and a checkpoint of its own."""
        proofs = [each.value["proof"].encode() for each in deposited]
        anchor = Anchor(policy_text=self._cluster.places.policy.read_bytes())
        start_s = time.perf_counter()
        for proof in proofs:
            if verify(proof, anchor).code.answer is not Answered.CONSISTENT_OPEN_POINTS:
                raise Refused("a proof does not verify")
        return Figure(
            "offline verification",
            len(proofs) / (time.perf_counter() - start_s),
            "/s",
            "Ed25519 verifies/s",
            self._sticks.verifies_per_s,
        )

    async def fail_over(self) -> Figure:
        """The leader is killed some times, and comes back each time; the longest counts."""
        taken_ms: list[float] = []
        for number in range(KILLS):
            leader = await self._cluster.leader()
            async with self._load(CLIENTS // 4, f"fail-over-{number}", "committed") as load:
                await load.more(CLIENTS)
                killed_s = time.monotonic()
                await self._cluster.kill(leader)
                await load.more(CLIENTS)
            after = [each.answered_s for each in load.answers if each.sent_s > killed_s]
            taken_ms.append(1000 * (min(after) - killed_s))
            await self._cluster.restart(leader)
        each = ", ".join(f"{ms:,.0f}" for ms in taken_ms)
        stick = ("election timeout, ms", ELECTION_MS)
        return Figure("fail-over, longest", max(taken_ms), "ms", *stick, f"{each} ms")

    # Inside.

    def _spent(self) -> dict[str, float]:
        """Seconds of processor time by process."""
        cluster = self._cluster
        told = {name: spent_s(cluster.pid(name)) for name in (*cluster.gateways, *cluster.members)}
        return {name: seconds for name, seconds in told.items() if seconds is not None}

    def _load(self, clients: int, name: str, wait: str = "final") -> Load:
        cluster = self._cluster
        return Load([cluster.gateway_url()], cluster.api_key, clients, name, wait)

    async def _deposit(
        self, clients: int, name: str
    ) -> tuple[list[Deposited], float, dict[str, float]]:
        """What so many clients had answered in the time, the time, and what each process spent."""
        async with self._load(clients, name) as load:
            await load.more(WARM_UP * clients)
            first, start_s, before = len(load.answers), time.monotonic(), self._spent()
            await asyncio.sleep(self._seconds)
            spent = {name: after - before[name] for name, after in self._spent().items()}
            return load.answers[first:], time.monotonic() - start_s, spent

    async def _repeat(
        self, clients: int, request: Callable[[Client, str], Awaitable[None]]
    ) -> float:
        """How many requests a second so many clients had answered, each with a name of its own."""
        count, start_s = 0, time.monotonic()

        async def keep_asking(number: int) -> None:
            nonlocal count
            client = Client(self._cluster.gateway_url(), self._cluster.api_key)
            while time.monotonic() - start_s < self._seconds:
                await request(client, f"{request.__qualname__}-{number}-{count}")
                count += 1
            client.close()

        await asyncio.gather(*(keep_asking(number) for number in range(clients)))
        return count / (time.monotonic() - start_s)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title="devnet: 3 members, 1 gateway and all clients on this machine")
    for heading in ("figure", "value", "yardstick", "value", "ratio"):
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for each in figures:
        name = f"{each.name} ({each.detail})" if each.detail else each.name
        value = f"{_rounded(each.value)} {each.unit}"
        ratio = _rounded(each.ratio)
        table.add_row(name, value, each.yardstick, _rounded(each.yardstick_value), ratio)
    return table


def _footnote(sticks: Yardsticks) -> str:
    busy = os.getloadavg()[0]
    return (
        f"fdatasync of 4 KiB {sticks.fdatasync_ms:.2f} ms; {os.cpu_count()} processors, "
        f"{busy:.1f} processes were running in the last minute"
    )


def _rounded(value: float) -> str:
    """Three figures are more than such a run is worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
