"""What one run is like: its size, its limits, its weather and its dangers, drawn from the seed.

Runs differ on purpose. In most the network is good, or nothing would ever be agreed on; in some the
limits are so small that they are hit all the time. Each kind of fault has its own rate, and every
run leaves some kinds out: a bug that needs one fault is found more easily without the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from consensus.leadership import Limits
from devnet.sim.cast import NAMES
from devnet.sim.chance import Chance, Stream, happens
from devnet.sim.medium import PLENTY_BYTES
from devnet.sim.network import Weather
from devnet.sim.schedule import MS, SECOND

TICK_US = 50 * MS
"""As in the product; the only thing that is about real time."""

MEAN_US: Mapping[str, int] = {
    "power cut": 3 * SECOND,
    "kill": 4 * SECOND,
    "pause": 8 * SECOND,
    "partition": 4 * SECOND,
    "clog": 8 * SECOND,
    "slow disk": 8 * SECOND,
    "hung disk": 16 * SECOND,
    "sync error": 16 * SECOND,
    "full disk": 20 * SECOND,
    "flipped bit": 30 * SECOND,
    "wiped disk": 30 * SECOND,
    "old copy": 6 * SECOND,
    "clock": 8 * SECOND,
    "membership": 8 * SECOND,
    "transfer": 8 * SECOND,
    "ambush": SECOND,
    "schism": SECOND,
    "figure 8": SECOND,
}
"""How often a kind of fault happens where it happens at all: the mean time between two."""

SCHISM_VOTERS = 4
"""The least of which two groups can agree on something, each for itself, by changing who votes."""

FIGURE8_VOTERS = 3
"""The least that can elect one while another is away."""

SHARES: Mapping[str, float] = {
    "power cut": 1,
    "partition": 1,
    "ambush": 0.8,
    "schism": 0.15,
    "figure 8": 0.25,
}
"""In how many runs they happen: without the first a run would show little."""


@dataclass(frozen=True, slots=True)
class DiskPace:
    """How long a write takes until it is durable."""

    least_us: int
    spread_us: int


@dataclass(frozen=True, slots=True)
class Setting:
    voters: tuple[str, ...]
    spares: tuple[str, ...]
    """Members of the policy that are not in the group at first, and may join."""
    election_ticks: int
    heartbeat_ticks: int
    limits: Limits
    waiting_blocks: int
    """Committed blocks that may wait to be applied before the core keeps them to itself."""
    one_write_at_a_time: bool
    """The writer joins nothing."""
    single_messages: bool
    """What is sent together is not packed together, so that it is reordered and lost apart."""
    weather: Weather
    disk: DiskPace
    write_buffer_bytes: int
    """A small one makes tables of short logs, so that tables are what bits flip in."""
    clients: int
    think_us: int
    """How long a client thinks between two operations, in the mean."""
    mean_us: Mapping[str, int]
    """The faults of this run."""
    split_votes: float
    """How often an election timeout is the shortest, so that several candidates come at once."""
    patience_us: int
    """How long a client waits for an answer."""
    astray: float
    """How often a client writes to anyone, whoever is said to lead. Only so a new leader is found
    while the old one does not know of it yet."""

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(sorted(self.voters + self.spares))

    @property
    def quorum(self) -> int:
        return len(self.voters) // 2 + 1

    @property
    def election_us(self) -> int:
        return self.election_ticks * TICK_US


def draw(chance: Chance) -> Setting:
    stream = chance.stream("setting")
    dangers = _dangers(stream)
    size = stream.choice((1, 2, 3, 3, 3, 3, 3, 4, 5, 5))
    spares = stream.choice((0, 0, 1, 1, 2))
    # Neither is for any other group.
    if "schism" in dangers:
        size, spares = SCHISM_VOTERS, max(1, spares)
    elif "figure 8" in dangers:
        size = FIGURE8_VOTERS
    names = stream.sample(NAMES, size + spares)
    return Setting(
        voters=tuple(sorted(names[:size])),
        spares=tuple(sorted(names[size:])),
        election_ticks=stream.choice((6, 8, 10, 10)),
        heartbeat_ticks=stream.choice((1, 2, 2, 3)),
        limits=_limits(stream),
        waiting_blocks=stream.choice((1, 4, 1000, 1000)),
        one_write_at_a_time=happens(stream, 0.1),
        single_messages=happens(stream, 0.2),
        weather=_weather(stream),
        disk=DiskPace(100, stream.choice((200, 1 * MS, 1 * MS, 10 * MS))),
        write_buffer_bytes=stream.choice((20_000, 200_000, PLENTY_BYTES)),
        clients=stream.choice((4, 6, 6, 8)),
        think_us=stream.choice((30, 50, 80, 150)) * MS,
        mean_us=dangers,
        split_votes=stream.choice((0, 0, 0.5)),
        patience_us=stream.choice((400 * MS, 2 * SECOND, 2 * SECOND)),
        astray=stream.choice((0.05, 0.3, 0.3)),
    )


def _limits(stream: Stream) -> Limits:
    if happens(stream, 0.6):
        return Limits()
    return Limits(
        append_bytes=stream.choice((1, 2_000, 1 << 20)),
        append_entries=stream.choice((1, 2, 1024)),
        in_flight_messages=stream.choice((1, 2, 256)),
        in_flight_bytes=stream.choice((1, 4_000, 16 << 20)),
        uncommitted_bytes=stream.choice((1, 8_000, 64 << 20)),
        committed_bytes=stream.choice((1, 4_000, 8 << 20)),
        pending_reads=stream.choice((1, 3, 4096)),
    )


def _weather(stream: Stream) -> Weather:
    return Weather(
        loss=stream.choice((0, 0, 0, 0.01, 0.05, 0.2)),
        repetition=stream.choice((0, 0, 0, 0.02, 0.1)),
        delay_us=stream.choice((100, 1 * MS)),
        spread_us=stream.choice((100, 1 * MS, 1 * MS, 5 * MS, 40 * MS)),
    )


def _dangers(stream: Stream) -> Mapping[str, int]:
    present = {}
    for kind, mean_us in MEAN_US.items():
        pace = stream.choice((0.5, 1, 1, 2))
        if happens(stream, SHARES.get(kind, 0.6)):
            present[kind] = int(mean_us * pace)
    return present
