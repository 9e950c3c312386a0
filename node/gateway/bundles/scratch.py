"""The private folder in which one bundle is written, in the clear, before it is kept encrypted.

Whoever is killed leaves it behind, with what opens deposits that may be erased since. So its maker
holds a lock on it, which ends with the process, and a gateway that starts clears away what nobody
holds any more, also of others on this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "cunzheng-bundle-"
YOUNG_S = 60
"""A folder is not cleared away before its maker had the time to lock it."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for as long as this lasts."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, _locked(Path(folder)):
        yield Path(folder)


def clear_left_behind() -> int:
    """Clear away the folders whose makers are gone; says how many."""
    cleared = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _locked(folder) as status:
            if status.st_uid == os.geteuid() and time.time() - status.st_mtime >= YOUNG_S:
                shutil.rmtree(folder)
                cleared += 1
    return cleared


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[os.stat_result]:
    """Raises `OSError` if somebody else holds it, or if it is no folder."""
    descriptor = os.open(folder, _OPEN)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield os.fstat(descriptor)
    finally:
        os.close(descriptor)
