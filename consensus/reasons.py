"""Why each of the others cannot be talked to, logged once: at the first time, and when it changes.

What is tried again some times a second would otherwise fill a disk with the same line.
"""

import logging
from collections.abc import Hashable


class Reasons:
    """The reason that stands for each of them; owned by one event loop."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        self._log = log
        self._level = level
        self._standing: dict[Hashable, str] = {}

    def note(self, about: Hashable, reason: str) -> None:
        """Log it, unless it is what was logged last. `about` is one of few: a replica, or a
        certificate that was let in."""
        if self._standing.get(about) != reason:
            self._standing[about] = reason
            self._log.log(self._level, "%s", reason)

    def settle(self, about: Hashable) -> None:
        """It works: what stood in the way would be news again."""
        self._standing.pop(about, None)
