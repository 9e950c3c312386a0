"""One run: a seed and a number of events go in, what came of it comes out.

The same seed and number give the same run, event by event, in any process. So the shortest prefix
that fails is found by running again with fewer events.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from devnet.sim.cast import genesis, member_of
from devnet.sim.chain_watch import ChainWatch
from devnet.sim.chance import Chance
from devnet.sim.clients import Clients
from devnet.sim.faults import Faults
from devnet.sim.history import History
from devnet.sim.invariants import Watch
from devnet.sim.joining import Wanted
from devnet.sim.liveness import Recovery
from devnet.sim.machine import Machine, first_configuration
from devnet.sim.member import Surroundings
from devnet.sim.network import Network
from devnet.sim.schedule import Schedule
from devnet.sim.setting import Setting, draw
from devnet.sim.trace import Trace, describe
from devnet.sim.violation import Invariant, Judge, Violation
from devnet.sim.world import World

STEPS = 5_500
"""Events of a run until everything is healed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What was found, and after how many events."""

    invariant: str
    what: str
    event: int
    healed: bool
    """It was found after the faults, when everything had to come right."""
    last: tuple[str, ...]
    """The end of the trace."""


@dataclass(frozen=True, slots=True)
class Result:
    seed: int
    steps: int
    events: int
    digest: str
    counts: dict[str, int]
    failure: Failure | None
    cpu_s: float
    """What it took; the only thing here that is not the same every time."""


def build(
    seed: int,
    *,
    show: Callable[[str], None] | None = None,
    outside_only: bool = False,
    setting: Setting | None = None,
) -> World:
    """A world at its beginning; nothing has happened yet."""
    chance = Chance(seed)
    setting = setting or draw(chance)
    schedule = Schedule()
    trace = Trace(schedule, show)
    judge = Judge(outside_only=outside_only)
    network = Network(schedule, chance.stream("network"), setting.weather)
    first = first_configuration(setting.voters, chance.stream("ids"))
    chain = ChainWatch(judge, genesis(setting.members, setting.quorum))
    watch = Watch(judge, first, chain.committed)
    history = History(judge, chain)
    world = World(chance, setting, schedule, network, trace, judge, watch, chain, history)
    world.around = Surroundings(schedule, network, setting, watch, chain, describe)
    world.clients = Clients(world, history)
    world.machines = {
        name: Machine(world, name, Wanted.VOTER if name in setting.voters else Wanted.OUT)
        for name in setting.members
    }
    world.faults = Faults(world)
    return world


def run(
    seed: int,
    steps: int = STEPS,
    *,
    show: Callable[[str], None] | None = None,
    outside_only: bool = False,
) -> Result:
    """Never raises for what it finds; a failure is a result."""
    started_s = time.process_time()
    heard = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # The product warns of all that is done to it here.
    world = build(seed, show=show, outside_only=outside_only)
    failure, healed = None, False
    try:
        begin(world)
        while world.schedule.count < steps and world.schedule.step():
            pass
        healed = True
        Recovery(world).run()
    except Violation as violation:
        failure = _failure(world, violation, healed=healed)
    except Exception:
        crash = Violation(Invariant.NO_CRASH, traceback.format_exc())
        failure = _failure(world, crash, healed=healed)
    finally:
        logging.disable(heard)
    return Result(
        seed,
        steps,
        world.schedule.count,
        world.trace.digest,
        counts_of(world),
        failure,
        time.process_time() - started_s,
    )


def begin(world: World) -> None:
    """As operators do, with `init` and the first starts."""
    for replica in world.watch.configuration.voters:
        world.machines[member_of(replica.id)].make(replica.id, world.watch.configuration)
    world.clients.start()
    world.faults.start()


def counts_of(world: World) -> dict[str, int]:
    counts = dict(world.counts)
    counts["elections"] = world.watch.elections
    counts["entries"] = world.watch.canon.last_index
    counts["notes"] = world.chain.notes
    counts |= {f"client {kind}": count for kind, count in world.history.counts.items()}
    counts["operations"] = world.history.answered
    counts |= {f"parcels {kind}": count for kind, count in world.network.counts.items()}
    return counts


def shorten(result: Result, *, outside_only: bool = False) -> Result:
    """The failure with the fewest events until everything is healed, as far as halving finds it."""
    assert result.failure is not None
    best = result
    low, high = 0, min(result.steps, result.failure.event)
    while low < high:
        middle = (low + high) // 2
        tried = run(result.seed, middle, outside_only=outside_only)
        if tried.failure is not None and tried.failure.invariant == result.failure.invariant:
            best, high = tried, min(middle, tried.failure.event)
        else:
            low = middle + 1
    return best


def _failure(world: World, violation: Violation, *, healed: bool) -> Failure:
    return Failure(
        violation.invariant.name,
        str(violation),
        world.schedule.count,
        healed,
        tuple(world.trace.last),
    )
