"""What all files of one disk share: its room, its power supply, and whether its syncs succeed."""

from __future__ import annotations

import errno
import os

# Room on a disk that nobody filled.
PLENTY_BYTES = 1 << 50


class PowerCut(Exception):
    """The power failed in the middle of this, and nothing works until it is back (`crash`)."""


class Medium:
    """Every change of what is stored asks here first."""

    def __init__(self) -> None:
        self.free = PLENTY_BYTES
        self.sync_fails = False
        self._is_off = False
        # How many more changes there is power for; None: for all.
        self._operations_left: int | None = None

    def power(self, operations: int | None) -> None:
        """There is power, for so many more changes."""
        self._is_off = False
        self._operations_left = operations

    def check_power(self) -> None:
        """Raise if it has failed already."""
        if self._is_off:
            raise PowerCut

    def operate(self) -> None:
        """One more change."""
        self.check_power()
        if self._operations_left is not None:
            self._is_off = not self._operations_left
            self.check_power()
            self._operations_left -= 1

    def spend(self, size: int) -> None:
        """Take that much room."""
        if size > self.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free -= size

    def sync(self) -> None:
        """Fails once, and then the pages count as clean and there is nothing left to fail."""
        if self.sync_fails:
            self.sync_fails = False
            raise OSError(errno.EIO, os.strerror(errno.EIO))
