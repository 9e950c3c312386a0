"""Processor time of other processes, where the system tells it (Linux, in /proc).

On a machine that others use too it says more than the time on the wall: what a process needs, not
how long it had to wait for it.
"""

from __future__ import annotations

import os
from pathlib import Path

_UTIME, _STIME = 11, 12
"""Places of user and system time behind the name, which may hold anything (proc(5))."""


def spent_s(pid: int) -> float | None:
    """What all threads of a process have spent since it began; None where nobody tells."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None
    fields = told.rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")
