"""Signals to child processes of an asyncio loop."""

import contextlib
import os
import signal
from asyncio.subprocess import Process


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended.

    Not `Process.send_signal`: that asks for the exit code first, and if the process has just ended
    takes it away from the thread that waits for it; the loop then reports 255 and a warning.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
