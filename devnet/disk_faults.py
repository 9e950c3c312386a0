"""Disks that are slow, hang or fail, for one running process at a time: strace makes them so.

    async with syncs(cluster.pid("court"), HANGING): ...

Only what a process waits for when it must be sure (`fdatasync`, `fsync`) is touched, and only while
the block runs. strace attaches to the process, so this needs Linux, strace, and a kernel that lets
one process trace another of the same user; where one is missing, `NoStrace` says which.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devnet import leash, signals

FAILING = "error=EIO"
HANGING = f"delay_enter={1_000 * 1_000_000}"
"""For a thousand seconds, longer than anybody looks; strace counts microseconds."""

ATTACH_S = 20.0


class NoStrace(Exception):
    """Disks cannot be made to fail here; says why."""


def slow(milliseconds: int) -> str:
    """Each sync takes so much longer."""
    return f"delay_enter={1_000 * milliseconds}"


@asynccontextmanager
async def syncs(pid: int, how: str) -> AsyncIterator[None]:
    """While the block runs the syncs of this process, in all its threads, are as `how` says. It may
    end meanwhile."""
    program = shutil.which("strace")
    if program is None:
        raise NoStrace("strace is not installed")
    calls = "fdatasync,fsync"
    tracing = (
        program,
        "-f",
        "-o",
        os.devnull,
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:{how}",
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *tracing, "-p", str(pid)),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        await _attached(process)
        yield
    finally:
        signals.send(process, signal.SIGINT)  # It lets go of the process and ends.
        await process.communicate()


async def unavailable() -> str | None:
    """Why disks cannot be made to fail here, if they cannot: tried on a process of no interest."""
    sleeping = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        async with syncs(sleeping.pid, FAILING):
            return None
    except NoStrace as error:
        return str(error)
    finally:
        sleeping.kill()
        await sleeping.wait()


async def _attached(process: Process) -> None:
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stderr.readline(), ATTACH_S)
    except TimeoutError:
        line = b"it says nothing"
    if b" attached" not in line:
        raise NoStrace(f"strace cannot trace: {line.decode(errors='replace').strip()}")
