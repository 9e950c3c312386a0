"""What waits for the disk.

Votes and acknowledgements are promises to remember, so they leave only when what they promise is
durable. Each waits at the last write that was handed out when it was made: writes become durable
in order, so with that one everything it speaks of is on the disk.

A write also claims "the log is durable up to here". When a newer leader makes this replica
truncate its log, the claims of writes under way are cut down to what is left. Otherwise an entry
that was written, replaced and written again (by a leader that has the first version) would count
as durable when its first write is done, while the disk is still to put the other one in its place.
"""

from collections import deque

from consensus.messages import AppendResponse, Entry, HardState, Message
from consensus.ready import Write


class _Pending:
    __slots__ = ("durable", "messages", "number", "tick")

    def __init__(self, number: int, durable: int, messages: list[Message], tick: int) -> None:
        self.number = number
        self.durable = durable
        self.messages = messages
        self.tick = tick


class Writes:
    """Owned by the core; numbers of pending writes rise, their durable claims never fall."""

    def __init__(self) -> None:
        self._pending: deque[_Pending] = deque()
        self._held: list[Message] = []
        self._number = 0

    def hold(self, message: Message) -> None:
        """Send this only when all that is in the log and the hard state now is durable."""
        waiting = self._held
        if not waiting and self._pending:
            waiting = self._pending[-1].messages
        if message in waiting:
            return  # However often it is asked while the disk hangs.
        last = waiting[-1] if waiting else None
        if (
            isinstance(message, AppendResponse)
            and isinstance(last, AppendResponse)
            and message.term == last.term
        ):
            # One acknowledgement says it all; the leader is spared the others.
            if message.match_index < last.match_index:
                return
            if self._held:
                self._held.pop()
        self._held.append(message)

    def open(
        self, hard_state: HardState | None, entries: tuple[Entry, ...], last_index: int, tick: int
    ) -> Write:
        """A new write; what is held waits for it."""
        self._number += 1
        self._pending.append(_Pending(self._number, last_index, self._held, tick))
        self._held = []
        return Write(self._number, hard_state, entries)

    def free(self) -> list[Message]:
        """Without anything new to write: what is held waits for the last write under way, or is
        returned, free to go, if there is none."""
        held, self._held = self._held, []
        if self._pending:
            self._pending[-1].messages += held
            return []
        return held

    def truncated(self, start: int) -> None:
        """The log was cut before `start`."""
        for write in self._pending:
            write.durable = min(write.durable, start - 1)

    def persisted(self, number: int) -> tuple[int, list[Message]]:
        """Write `number` and all before it are durable: up to where the log is now (0 if that is
        not news), and what was waiting."""
        assert number <= self._number, f"write {number} was never handed out"
        durable = 0
        messages: list[Message] = []
        while self._pending and self._pending[0].number <= number:
            done = self._pending.popleft()
            durable = done.durable
            messages += done.messages
        return durable, messages

    def has_waited_since(self, tick: int) -> bool:
        """A write handed out at this tick or earlier is not durable yet."""
        return bool(self._pending) and self._pending[0].tick <= tick
