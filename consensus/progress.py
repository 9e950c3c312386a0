"""What a leader knows of one follower, and what it may send it next.

A follower is *probed* until one append was accepted: one append is under way at a time, because
where the logs part is not known yet. After that appends follow each other without waiting
(*pipelined*), up to the limits, on the assumption that they arrive. A refusal shows that one did
not and leads back to probing. What got lost without a refusal shows when the follower answers a
heartbeat and still has not acknowledged everything: then one append goes out in any case, over the
limits without entries, and its answer settles how things are.
"""

from collections import deque
from collections.abc import Sequence

from consensus.log import weight
from consensus.messages import Entry


class Progress:
    """Owned by the `Leadership`. match < next; match never falls."""

    __slots__ = (
        "_bytes",
        "_in_flight",
        "_waiting",
        "active",
        "clock_offset_ms",
        "commit_told",
        "match",
        "must_send",
        "next",
        "probing",
        "read_position",
        "was_active",
    )

    def __init__(self, next_index: int) -> None:
        self.match = 0
        self.next = next_index
        self.probing = True
        self._waiting = False
        """A probe is under way."""
        self._in_flight: deque[tuple[int, int]] = deque()
        """Last index and weight of every append that was sent and not acknowledged yet."""
        self._bytes = 0
        self.must_send = False
        self.active = False
        """It was heard since the leader last counted those it hears."""
        self.was_active = False
        """It was heard in the period before that."""
        self.clock_offset_ms: int | None = None
        """Its clock minus the leader's, at the last reading that said anything."""
        self.commit_told = 0
        self.read_position = 0
        """All reads up to this number are confirmed by it."""

    @property
    def is_heard(self) -> bool:
        """Within the last one or two election timeouts."""
        return self.active or self.was_active

    def may_send(self, messages_max: int, bytes_max: int) -> bool:
        if self.probing:
            return not self._waiting
        return len(self._in_flight) < messages_max and self._bytes < bytes_max

    def sent(self, entries: Sequence[Entry], commit: int) -> None:
        """An append left that carries these entries (from `next` on) and this commit index."""
        self.must_send = False
        self.commit_told = commit
        if self.probing:
            self._waiting = True
        elif entries:
            self.next = entries[-1].index + 1
            size = sum(map(weight, entries))
            self._in_flight.append((entries[-1].index, size))
            self._bytes += size

    def acknowledged(self, index: int) -> None:
        """The follower has everything up to `index` on its disk; late answers change nothing."""
        if index < self.match:
            return
        self.match = index
        self.next = max(self.next, index + 1)
        self.probing = self._waiting = False
        while self._in_flight and self._in_flight[0][0] <= index:
            self._bytes -= self._in_flight.popleft()[1]

    def refused(self, rejected: int, next_index: int) -> None:
        """The follower lacks entry `rejected`; by its hint the logs may be equal before
        `next_index`. Refusals of anything but what is under way are late."""
        if self.probing:
            if rejected == self.next - 1:
                self.next = max(min(rejected, next_index), self.match + 1)
                self._waiting = False
        elif rejected > self.match:
            self.next = self.match + 1
            self.probing = True
            self._waiting = False
            self._in_flight.clear()
            self._bytes = 0

    def heartbeat_answered(self, read_position: int, last_index: int) -> None:
        self.read_position = max(self.read_position, read_position)
        self.must_send = self.probing or self.match < last_index
