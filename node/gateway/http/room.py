"""Room for large bodies: what is being read or prepared at once is bounded in bytes.

Connections bound how many clients there are, limits how much one may send; the product of the two
would fill any memory. A body holds room for the bytes that have arrived, so a slow client keeps
nobody else waiting. What is in a body takes up to a few times its bytes while it is prepared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from node.gateway.http.problems import Problem, ProblemError

BODIES_MAX = 128 << 20
"""Four of the largest batches; prepared, they stay within a gigabyte."""
UPLOADS_MAX = 512 << 20
"""What is uploaded to be verified, in files that are gone with the answer."""
CHECKS_MAX = 2
"""Proofs and bundles that are verified at once, each in a thread that others wait for."""
WAIT_S = 2.0
"""Preparing the largest batch takes about as long; who would wait longer is sent away as busy."""


class Room:
    """The bytes that are left. Owned by one event loop."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Held]:
        """Nothing at first; whatever it grows to is given back at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            self.free += held.size
            self._freed.set()

    async def take(self, size: int) -> None:
        """Take these bytes, waiting a little if they are not there; else the gateway is busy."""
        try:
            async with asyncio.timeout(WAIT_S):
                while self.free < size:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError as error:
            raise ProblemError(Problem.BUSY) from error
        self.free -= size


class Held:
    """What one body holds."""

    def __init__(self, room: Room) -> None:
        self.size = 0
        self._room = room

    async def grow(self, size: int) -> None:
        """Hold this much more."""
        await self._room.take(size)
        self.size += size
