"""All chance of a run, out of one seed.

Each user has a stream of its own, found by name, so that one more draw for the network does not
change what the clients do. Streams are seeded with text, which Python turns into numbers in the
same way in every process (unlike `hash`).
"""

import random

Stream = random.Random


class Chance:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> Stream:
        """A new stream; the same every time for the same name."""
        return Stream(f"cunzheng simulation {self.seed}: {name}")


def happens(stream: Stream, probability: float) -> bool:
    return stream.random() < probability


def interval_us(stream: Stream, mean_us: float) -> int:
    """How long until something happens that happens at this pace, without a memory."""
    return 1 + int(stream.expovariate(1 / mean_us))
