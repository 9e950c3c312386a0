"""Gateways and leaders killed in turn under load: `python -m devnet.storm`, `sh scripts/storm`.

Clients of one platform deposit through two gateways that share a database. Every few seconds a
gateway or the member that leads is killed, and started again after a moment; each request that was
not answered is repeated through the other gateway, under its key, and one in ten is sent through
both at once. Meanwhile the platform's webhook is told. At the end it must all come out even, to the
last one (`devnet.reckoning`):

    {"seconds": .., "seed": .., "database": "sqlite", "killed": {"gateway": .., "leader": ..},
     "clients": .., "requests": .., "answered": .., "on_chain": .., "numbers": .., "told": ..,
     "messages": .., "repeated": .., "turned_away": .., "drained_s": .., "why": []}

answered = on_chain = numbers = told. `requests` counts what clients sent for that, `messages` the
different ones the webhook took, of which `repeated` came more than once and `turned_away` were
refused at first; `drained_s` is how long after the last answer the last message came. Whatever is
wrong is told in `why`, everything is kept, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from devnet import postgresql
from devnet.cluster import Cluster, ClusterError
from devnet.enrolment import NotEnrolled
from devnet.history import agree
from devnet.load import Answer, Client, Refused, until_answered
from devnet.places import OWN_FILE
from devnet.reckoning import Answered, Reckoning, read_chain, reckon
from devnet.told import Receiver

MEMBERS, GATEWAYS = 3, 2
SECONDS = 180.0
EVERY_S = 5.0
CLIENTS = 50
DOWN_S_MIN, DOWN_S_MAX = 0.2, 2.0
"""From less than an election to several."""
BOTH_WAYS = 0.1
"""Of the deposits: each sent through both gateways at once, under one key."""
REPEAT_S = 0.2
"""Between requests that meet nobody: fifty clients that knock without pause keep a gateway from
starting."""
DRAIN_S = 180.0
"""For the last message: a gateway that was killed leaves its claims for 30 s, a refused message is
sent again after 5 and 15 s, and there may be thousands."""
READY_S = 120.0
"""A process starts in some seconds, among fifty clients and on a busy machine in many."""
DATABASES = ("sqlite", "postgresql")


class CannotStart(Exception):
    """What was asked for is not on this machine."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    seconds: float
    every_s: float
    clients: int
    database: str
    seed: int
    keep: Path | None

    def told(self) -> str:
        """What somebody needs to repeat its chances."""
        return f"storm: {self.seconds:g} seconds, --seed {self.seed}"


@dataclass
class Seen:
    """What has been seen so far."""

    console: Console
    answered: list[Answered] = field(default_factory=list)
    requests: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    drained_s: float = 0.0
    reckoning: Reckoning | None = None
    why: list[str] = field(default_factory=list)

    def say(self, what: str) -> None:
        """For whoever watches."""
        count = f"{len(self.answered):,} answered, {self.requests:,} requests"
        self.console.print(f"{what}; {count}", highlight=False)


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 only if everything comes out even."""
    options, console = _options(argv), Console(stderr=True)
    console.print(options.told(), highlight=False)
    seen, receiver, start_s = Seen(console), Receiver(options.seed), time.monotonic()
    directory = options.keep or Path(tempfile.mkdtemp(prefix="cunzheng-storm-"))
    try:
        with _database(options.database) as url:
            asyncio.run(_run(options, directory, url, seen, receiver))
    except CannotStart as error:
        directory.rmdir()
        console.print(f"storm: {error}", highlight=False)
        return 2
    except (ClusterError, NotEnrolled, Refused, OSError, TimeoutError) as error:
        seen.why.append(f"{type(error).__name__}: {error}")
    report = _report(options, seen, receiver, time.monotonic() - start_s)
    wrong = report["why"]
    if wrong or options.keep is not None:
        console.print(f"storm: kept: {directory}", highlight=False)
    else:
        shutil.rmtree(directory)
    print(json.dumps(report))
    return 1 if wrong else 0


def _options(argv: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="sh scripts/storm",
        description="Gateways and leaders are killed in turn while clients deposit: what is"
        " answered, what is on the chain and what a webhook is told must be the same.",
    )
    for name, value, text in (
        ("--seconds", SECONDS, "how long clients deposit"),
        ("--every", EVERY_S, "from kill to kill"),
    ):
        parser.add_argument(
            name, type=float, default=value, metavar="SECONDS", help=f"{text} (%(default)g)"
        )
    parser.add_argument("--clients", type=int, default=CLIENTS, help="at once (%(default)s)")
    parser.add_argument(
        "--database",
        choices=DATABASES,
        default=DATABASES[0],
        help="that the gateways share; %(choices)s (%(default)s)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave everything there, a new one"
    )
    parser.add_argument("--seed", type=int, help="of an earlier run, to repeat its chances")
    asked = parser.parse_args(argv)
    if not (0 < asked.every <= asked.seconds < float("inf") and asked.clients > 0):
        parser.error("all of them are above 0, and --every fits into --seconds")
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    return Options(asked.seconds, asked.every, asked.clients, asked.database, seed, asked.keep)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """The URL of an empty one, while the block runs."""
    if kind == DATABASES[0]:
        yield OWN_FILE
        return
    if (binaries := postgresql.find_binaries()) is None:
        raise CannotStart("PostgreSQL is not installed here")
    with postgresql.running(binaries) as server:
        yield server.url(server.create())


async def _run(
    options: Options, directory: Path, database: str, seen: Seen, receiver: Receiver
) -> None:
    places = directory / "devnet"
    async with (
        receiver,
        Cluster(places, MEMBERS, GATEWAYS, database=database, ready_s=READY_S) as cluster,
    ):
        receiver.secret = await _register(cluster, receiver.url)
        await _blow(options, cluster, seen)
        seen.say("all answered")
        last_s = time.monotonic()
        wanted = {each.statement_id for each in seen.answered}
        try:
            await asyncio.wait_for(receiver.told(wanted), DRAIN_S)
        except TimeoutError:
            left = len(wanted - receiver.statement_ids)
            seen.why.append(f"{left} deposits were not told of within {DRAIN_S:.0f} s")
        seen.drained_s = time.monotonic() - last_s
        seen.why += await agree(cluster)
        await cluster.stop()
        chains = {member: read_chain(cluster, member) for member in cluster.members}
    seen.reckoning = reckon(seen.answered, chains, list(receiver.taken.values()))


async def _register(cluster: Cluster, url: str) -> str:
    """The platform's webhook; the secret of its signatures."""
    client = Client(cluster.gateway_url(), cluster.api_key)
    headers = (("content-type", "application/json"), ("idempotency-key", "storm"))
    answer = await client.ask("POST", "/v1/webhooks", json.dumps({"url": url}).encode(), headers)
    client.close()
    if answer.status != 201:
        raise Refused(f"{answer.status} {answer.body.decode()}")
    return str(answer.value["secret"])


async def _blow(options: Options, cluster: Cluster, seen: Seen) -> None:
    """Deposits and kills; at the end all processes run, and every request has its answer."""
    urls = [cluster.gateway_url(number) for number in range(GATEWAYS)]
    stopping = asyncio.Event()
    platforms = [
        Platform(urls, cluster.api_key, number, options.seed, seen)
        for number in range(options.clients)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for platform in platforms:
                group.create_task(platform.deposit(stopping))
            await _kill(options, cluster, seen, group)
            stopping.set()
    except BaseExceptionGroup as raised:
        raise raised.exceptions[0] from raised
    finally:
        for platform in platforms:
            platform.close()


async def _kill(options: Options, cluster: Cluster, seen: Seen, group: asyncio.TaskGroup) -> None:
    """A gateway, the leader, the other gateway, the leader, and so on; the group starts them."""
    chance = random.Random(options.seed)  # noqa: S311 (repeats, hides nothing)
    start_s, beat = time.monotonic(), 1
    starting: dict[str, asyncio.Task[None]] = {}
    while beat * options.every_s <= options.seconds:
        await asyncio.sleep(start_s + beat * options.every_s - time.monotonic())
        turn = seen.killed.total()
        if turn % 2 == 0:
            kind, victim = "gateway", cluster.gateways[turn // 2 % GATEWAYS]
        else:
            kind, victim = "leader", await cluster.leader(READY_S)
        if victim in starting:
            await starting[victim]
        await cluster.kill(victim)
        seen.killed[kind] += 1
        seen.say(f"{time.monotonic() - start_s:.0f} s: {victim} ({kind}) killed")
        down_s = chance.uniform(DOWN_S_MIN, DOWN_S_MAX)
        starting[victim] = group.create_task(_start_again(cluster, victim, down_s))
        # A machine too slow for this rhythm leaves beats out; the report counts what was killed.
        beat = max(beat + 1, math.ceil((time.monotonic() - start_s) / options.every_s))
    await asyncio.sleep(start_s + options.seconds - time.monotonic())


async def _start_again(cluster: Cluster, name: str, down_s: float) -> None:
    await asyncio.sleep(down_s)
    await cluster.restart(name)


class Route:
    """Connections to all gateways; every request goes to the next one."""

    def __init__(self, urls: Sequence[str], api_key: str, first: int, seen: Seen) -> None:
        self._clients = [Client(url, api_key) for url in urls]
        self._next = first
        self._seen = seen

    async def anchor(self, name: str) -> Answer:
        client = self._clients[self._next % len(self._clients)]
        self._next += 1
        self._seen.requests += 1
        return await client.anchor(name)

    def close(self) -> None:
        for client in self._clients:
            client.close()


class Platform:
    """One client: deposits one file after the other, each until it is answered as FINAL."""

    def __init__(
        self, urls: Sequence[str], api_key: str, number: int, seed: int, seen: Seen
    ) -> None:
        self._routes = [Route(urls, api_key, number + first, seen) for first in range(len(urls))]
        self._number = number
        self._chance = random.Random(f"{seed} {number}")  # noqa: S311 (repeats, hides nothing)
        self._seen = seen

    async def deposit(self, stopping: asyncio.Event) -> None:
        """Deposit until told to stop; what is under way then is carried to its answer."""
        count = 0
        while not stopping.is_set():
            count += 1
            name = f"storm-{self._number}-{count}"
            both = self._chance.random() < BOTH_WAYS
            routes = self._routes if both else self._routes[:1]
            answers = await asyncio.gather(*(_carry(route, name) for route in routes))
            if len(set(answers)) > 1:
                self._seen.why.append(f"{name} was answered in two ways: {answers}")
            self._seen.answered.append(answers[0])

    def close(self) -> None:
        for route in self._routes:
            route.close()


async def _carry(route: Route, name: str) -> Answered:
    answer = (await until_answered(lambda: route.anchor(name), REPEAT_S)).value
    return Answered(name, answer["evidence_no"], answer["statement_id"], answer["entry_hash"])


def _report(
    options: Options, seen: Seen, receiver: Receiver, elapsed_s: float
) -> dict[str, object]:
    reckoning = seen.reckoning or Reckoning(len(seen.answered), 0, 0, 0, ("nothing was reckoned",))
    why = [*seen.why, *receiver.wrong, *reckoning.why]
    why += [f"no {kind} was killed" for kind in ("gateway", "leader") if not seen.killed[kind]]
    return {
        "seconds": round(elapsed_s),
        "seed": options.seed,
        "database": options.database,
        "killed": dict(seen.killed),
        "clients": options.clients,
        "requests": seen.requests,
        "answered": reckoning.answered,
        "on_chain": reckoning.on_chain,
        "numbers": reckoning.numbers,
        "told": reckoning.told,
        "messages": len(receiver.taken),
        "repeated": sum(1 for each in receiver.taken if receiver.came[each] > 1),
        "turned_away": receiver.turned_away,
        "drained_s": round(seen.drained_s, 1),
        "why": why,
    }


if __name__ == "__main__":
    sys.exit(main())
