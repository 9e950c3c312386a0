"""The simulator beside something else: seed after seed on one core, until nobody asks for more.

async for batch in simulated(first_seed): ...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from devnet import leash

BATCH_MIN = 2
BATCH_MAX = 64
"""Seeds to one process: few at first, so that a short time counts some, then enough that starting
it does not matter."""


@dataclass(frozen=True, slots=True)
class Batch:
    """So many seeds were run; each that failed with how to run it again, and what was found."""

    seeds: int
    failed: tuple[str, ...]


async def simulated(first_seed: int) -> AsyncIterator[Batch]:
    """Batches without end, but for one that tells that the simulator itself broke."""
    seed, count = first_seed, BATCH_MIN
    while True:
        code, output = await _run(seed, count)
        try:
            value = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            yield Batch(0, (f"devnet.sim --first-seed {seed} --seeds {count} ended with {code}",))
            return
        found = {each["seed"]: each for each in value["failures"]}
        yield Batch(count, tuple(_told(failed, found.get(failed)) for failed in value["failed"]))
        seed, count = seed + count, min(2 * count, BATCH_MAX)


def _told(seed: int, result: dict[str, Any] | None) -> str:
    if result is None:  # Of many only some are looked into.
        return f"devnet.sim --seed {seed}"
    return f"devnet.sim --seed {seed} --steps {result['steps']}: {result['failure']['what']}"


async def _run(seed: int, count: int) -> tuple[int | None, bytes]:
    """Exit code and output of the simulator, which ends with whoever asked."""
    command = [sys.executable, "-m", "devnet.sim", "--json", "--processes", "1"]
    command += ["--first-seed", str(seed), "--seeds", str(count)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command),
        stdin=DEVNULL,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        # Its processes with it: they would wait for work for ever. The session is theirs alone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode, output
