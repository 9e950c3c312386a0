"""The gateway's task that makes what waits: one bundle at a time, its bytes never all in memory.

What costs a processor's time runs in a thread; certificates and the archive are written into a
private folder, and the archive from there into the database, part by part. Whoever stops in between
has done nothing: another gateway, or the next start, begins the bundle anew (`offchain.bundles`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from node.gateway.bundles.making import Collected, collect
from node.gateway.bundles.scratch import clear_left_behind, scratch
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.offchain.bundles import Attempt, NotOurs
from node.offchain.engine import StoreFailed

if TYPE_CHECKING:
    from node.gateway.bundles.workshop import Workshop

LOOK_EVERY_S = 1.0
"""How long a bundle waits until it is begun, at most, while no other is being made."""
PART_SIZE = 1 << 20
ALIVE_EVERY_S = 10.0
"""Certificates of a large case take a minute to set, and another gateway must not begin anew."""

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Bundling:
    """Owned by one event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._workshop: Workshop | None = None

    async def run(self) -> NoReturn:
        """Make bundles, until cancelled."""
        if cleared := clear_left_behind():
            _log.warning("cleared away %d folders of bundles that were never finished", cleared)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                while await self.make_next():
                    pass
            except StoreFailed:
                _log.error("a bundle was not read or kept; tried again")

    async def make_next(self) -> bool:
        """Make the bundle that has waited longest; says whether one waited."""
        attempt = await self._gateway.bundles.claim(self._gateway.clock())
        if attempt is None:
            return False
        try:
            await self._make(attempt)
        except NotOurs:
            _log.info("bundle %s is made by another gateway, or not needed", attempt.bundle_id)
        return True

    async def _make(self, attempt: Attempt) -> None:
        try:
            collected = await collect(self._gateway, attempt)
            with scratch() as folder:
                writing = asyncio.to_thread(self._write, collected, folder)
                archive = await self._meanwhile_alive(attempt, writing)
                size = await self._keep(attempt, archive)
        except ProblemError as error:
            await attempt.fail(error.problem.name)
        except (NotOurs, StoreFailed):
            raise
        except Exception as error:  # A full disk, say: the gateway needs none.
            _log.error("no bundle %s: %s: %s", attempt.bundle_id, type(error).__name__, error)
            await attempt.fail(Problem.INTERNAL.name)
        else:
            await attempt.finish(archive.stem, size)

    def _write(self, collected: Collected, folder: Path) -> Path:
        """In a thread, of which there is one at a time: a typesetter is used by one."""
        # What typesets and signs takes a second and 60 MB to import: the first bundle has to wait.
        from node.gateway.bundles.workshop import Workshop

        self._workshop = self._workshop or Workshop(self._gateway)
        return self._workshop.write(collected, folder)

    async def _meanwhile_alive(self, attempt: Attempt, work: Awaitable[_T]) -> _T:
        """What the work gives. Whether the bundle is still wanted shows when it is kept: a thread
        cannot be stopped."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=ALIVE_EVERY_S))[0]:
                with contextlib.suppress(NotOurs, StoreFailed):
                    await attempt.alive(self._gateway.clock())
            return await task
        finally:
            task.cancel()

    async def _keep(self, attempt: Attempt, archive: Path) -> int:
        """Into the database; says how many bytes."""
        size, place = 0, 0
        with archive.open("rb") as file:
            while part := await asyncio.to_thread(file.read, PART_SIZE):
                await attempt.add(place, part, self._gateway.clock())
                size, place = size + len(part), place + 1
        return size
