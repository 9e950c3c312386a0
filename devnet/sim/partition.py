"""The shapes in which a network falls apart."""

from collections.abc import Sequence
from itertools import product

from devnet.sim.chance import Stream
from devnet.sim.network import Way


def draw(stream: Stream, names: Sequence[str], leader: str | None) -> tuple[str, list[Way]]:
    """A shape, and the ways that are cut in it. The leader is often on the smaller side."""
    shape = stream.choice(("halves", "one way", "alone", "deaf", "mute", "bridge"))
    one = leader if leader is not None and stream.random() < 0.5 else stream.choice(names)
    others = [name for name in names if name != one]
    match shape:
        case "halves":
            return shape, _both_ways(*_split(stream, names))
        case "one way":
            return shape, list(product(*_split(stream, names)))
        case "alone":
            return shape, alone(one, names)
        case "deaf":
            return shape, [(other, one) for other in others]
        case "mute":
            return shape, [(one, other) for other in others]
        case _:
            return shape, _both_ways(*_split(stream, others))


def alone(one: str, names: Sequence[str]) -> list[Way]:
    return _both_ways([one], [name for name in names if name != one])


def _split(stream: Stream, names: Sequence[str]) -> tuple[list[str], list[str]]:
    mixed = stream.sample(list(names), len(names))
    at = stream.randint(1, max(1, len(mixed) - 1))
    return mixed[:at], mixed[at:]


def _both_ways(some: Sequence[str], others: Sequence[str]) -> list[Way]:
    return [*product(some, others), *product(others, some)]
