"""The network between machines: loses, repeats, delays, reorders, and is cut in parts.

What is sent is a parcel with a function that takes it in at the other end; who sends and who
receives are machines, by name. Every parcel goes its own way, so parcels overtake each other.
Directions fail apart: a cut from a to b leaves b to a as it is. Cuts by several faults add up, and
so does their healing. A parcel is lost if its way is cut when it would arrive; a *clog* only holds
it up until it is over.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from devnet.sim.chance import Stream, happens, interval_us
from devnet.sim.schedule import Schedule

Way = tuple[str, str]
"""From a machine to another."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How the network is while nothing is cut."""

    loss: float
    repetition: float
    delay_us: int
    """Of the fastest parcel."""
    spread_us: int
    """Mean of what comes on top; the larger, the more parcels overtake each other."""


CALM = Weather(0, 0, 200, 100)


class Network:
    def __init__(self, schedule: Schedule, stream: Stream, weather: Weather) -> None:
        self.weather = weather
        self.counts: Counter[str] = Counter()
        self._schedule = schedule
        self._stream = stream
        self._cuts: Counter[Way] = Counter()
        self._clogs: dict[Way, list[Callable[[], None]]] = {}

    def send(self, sender: str, recipient: str, arrive: Callable[[], None]) -> None:
        weather, stream = self.weather, self._stream
        if weather.loss and happens(stream, weather.loss):
            self.counts["lost"] += 1
            return
        self._put(sender, recipient, arrive)
        if weather.repetition and happens(stream, weather.repetition):
            self.counts["repeated"] += 1
            self._put(sender, recipient, arrive)

    def _put(self, sender: str, recipient: str, arrive: Callable[[], None]) -> None:
        delay_us = self.weather.delay_us + interval_us(self._stream, self.weather.spread_us)
        self._schedule.after(delay_us, partial(self._arrive, (sender, recipient), arrive))

    def _arrive(self, way: Way, arrive: Callable[[], None]) -> None:
        if way in self._clogs:
            self._clogs[way].append(arrive)
        elif self._cuts[way] > 0:
            self.counts["cut off"] += 1
        else:
            arrive()

    def is_cut(self, sender: str, recipient: str) -> bool:
        return self._cuts[sender, recipient] > 0

    def cut(self, ways: Iterable[Way]) -> None:
        self._cuts.update(ways)

    def mend(self, ways: Iterable[Way]) -> None:
        """Take back one cut."""
        self._cuts.subtract(ways)

    def heal(self) -> None:
        """No cut, no clog, no loss."""
        self.weather = CALM
        self._cuts.clear()
        for way in list(self._clogs):
            self.unclog(way)

    def clog(self, way: Way) -> None:
        self._clogs.setdefault(way, [])

    def unclog(self, way: Way) -> None:
        """All that was held up arrives now, in any order."""
        held = self._clogs.pop(way, [])
        for arrive in self._stream.sample(held, len(held)):
            self._schedule.after(0, partial(self._arrive, way, arrive))
