"""What can be done to a devnet that must not matter to its clients, drawn from a seed.

A plan says to whom by role, because who leads depends on the run: the same seed gives the same
plan, and two runs of it the same faults as far as the members lead alike. A fault has an end: what
was killed is started again, what was cut is healed, and only when every member has caught up comes
the next. A majority is left alone, but for a loss of power, which costs no disk.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from devnet.cluster import Cluster
from devnet.disk_faults import FAILING, HANGING, slow, syncs

HOLD_S_MIN = 0.2
HOLD_S_MAX = 4.0
"""From less than an election to several; members then have more to catch up on."""
SLOW_DISK_MS = 100
SLOW_NETWORK_S = 0.1


class Kind(Enum):
    """One way to make trouble."""

    KILL = "kill"
    PAUSE = "pause"
    RESTART = "restart"
    POWER = "power"
    WIPE = "wipe"
    DEAF = "deaf"
    MUTE = "mute"
    ISOLATED = "isolated"
    SLOW_NETWORK = "slow-network"
    SLOW_DISK = "slow-disk"
    HUNG_DISK = "hung-disk"
    FAILING_DISK = "failing-disk"
    GATEWAY = "gateway"


DISK = frozenset({Kind.SLOW_DISK, Kind.HUNG_DISK, Kind.FAILING_DISK})
"""Those that need strace."""


@dataclass(frozen=True, slots=True)
class Fault:
    """To be done to `leaders` (0 or 1) leading members and `others` that follow, for a while."""

    kind: Kind
    leaders: int
    others: int
    hold_s: float


@dataclass(frozen=True, slots=True)
class Inflicted:
    """Whom a fault met, and when."""

    fault: Fault
    victims: tuple[str, ...]
    at_s: float


def plan(seed: int, kinds: Sequence[Kind], members: int) -> Iterator[Fault]:
    """Faults without end. More often than not the leader is among those they meet."""
    chance = random.Random(seed)  # noqa: S311 (repeats, hides nothing)
    while True:
        kind = chance.choice(kinds)
        count = chance.randint(1, max(1, (members - 1) // 2))
        leaders = int(chance.random() < 2 / 3)
        hold_s = chance.uniform(HOLD_S_MIN, HOLD_S_MAX)
        yield Fault(kind, leaders, count - leaders, hold_s)


@asynccontextmanager
async def inflicted(cluster: Cluster, fault: Fault) -> AsyncIterator[Inflicted]:
    """The fault, while the block runs; afterwards all is well again, in the sense of
    `Cluster.whole`."""
    leader = await cluster.leader()
    others = [name for name in cluster.members if name != leader]
    victims = [leader][: fault.leaders] + others[: fault.others]
    match fault.kind:
        case Kind.POWER:
            victims = list(cluster.members)
        case Kind.GATEWAY:
            victims = [cluster.gateways[0]]
    done = Inflicted(fault, tuple(victims), time.monotonic())
    match fault.kind:
        case Kind.KILL | Kind.POWER | Kind.GATEWAY:
            await asyncio.gather(*(cluster.kill(name) for name in victims))
            yield done
            await _restart(cluster, victims)
        case Kind.WIPE:
            await cluster.kill(victims[0])
            shutil.rmtree(cluster.places.data(victims[0]))
            yield done
            await _restart(cluster, victims[:1])
        case Kind.PAUSE:
            for name in victims:
                cluster.pause(name)
            yield done
            for name in victims:
                cluster.resume(name)
        case Kind.RESTART:
            await _restart(cluster, victims)
            yield done
        case Kind.DEAF | Kind.MUTE | Kind.ISOLATED | Kind.SLOW_NETWORK:
            _trouble_network(cluster, fault.kind, victims)
            yield done
            cluster.network.heal()
        case Kind.SLOW_DISK:
            async with syncs(cluster.pid(victims[0]), slow(SLOW_DISK_MS)):
                yield done
        case Kind.HUNG_DISK:
            async with syncs(cluster.pid(victims[0]), HANGING):
                yield done
        case Kind.FAILING_DISK:
            async with syncs(cluster.pid(victims[0]), FAILING):
                await cluster.ended(victims[0])
            yield done
            await _restart(cluster, victims[:1])
    await asyncio.gather(*(cluster.ready(name) for name in victims))
    await cluster.whole()


async def _restart(cluster: Cluster, names: Sequence[str]) -> None:
    """Together: a majority can be ready only when it is there."""
    await asyncio.gather(*(cluster.restart(name) for name in names))


def _trouble_network(cluster: Cluster, kind: Kind, victims: Sequence[str]) -> None:
    network = cluster.network
    for victim in victims:
        for other in cluster.members:
            if other in victims:
                continue
            if kind in (Kind.DEAF, Kind.ISOLATED):
                network.cut(other, victim)
            if kind in (Kind.MUTE, Kind.ISOLATED):
                network.cut(victim, other)
            if kind is Kind.SLOW_NETWORK:
                network.slow(other, victim, SLOW_NETWORK_S)
                network.slow(victim, other, SLOW_NETWORK_S)
