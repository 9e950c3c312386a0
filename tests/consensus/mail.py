"""The network of a scenario: it holds what was sent until it is told what becomes of it."""

from collections.abc import Iterable, Sequence
from itertools import chain, permutations

from consensus.messages import Message
from tests.consensus.transcript import name_of

ANYONE = "*"


class Mail:
    """Messages between the replicas that are up, on links that are not cut; all others are lost
    the moment they are sent, or the link or the recipient goes down. `under_way` is in the order of
    sending; `delayed` was set aside, and outlives cuts and crashes."""

    def __init__(self) -> None:
        self.under_way: list[Message] = []
        self.delayed: list[Message] = []
        self._up: set[str] = set()
        self._cut: set[tuple[str, str]] = set()

    def goes_up(self, name: str) -> None:
        self._up.add(name)

    def goes_down(self, name: str) -> None:
        self._up.discard(name)
        self._lose()

    def send(self, message: Message) -> bool:
        """Whether it is under way now."""
        linked = self._is_linked(message)
        if linked:
            self.under_way.append(message)
        return linked

    def cut(self, words: Sequence[str]) -> None:
        """`a b | c d`: no link between the sides; or single directions, `a->b b->a`."""
        if "->" in words[0]:
            self._cut |= {ends(word) for word in words}
        else:
            sides = [side.split() for side in " ".join(words).split("|")]
            self._cut |= set(chain(*(_pairs(one, other) for one, other in permutations(sides, 2))))
        self._lose()

    def heal(self) -> None:
        self._cut.clear()

    def _is_linked(self, message: Message) -> bool:
        sender, recipient = name_of(message.sender), name_of(message.recipient)
        return recipient in self._up and (sender, recipient) not in self._cut

    def _lose(self) -> None:
        self.under_way = [message for message in self.under_way if self._is_linked(message)]


def take(messages: list[Message], words: Sequence[str]) -> list[Message]:
    """Remove and return what `FROM->TO [TYPE] [NUMBER | last]` selects; `*` is anyone. A scenario
    that selects nothing means something else than it says."""
    (sender, recipient), kinds = ends(words[0]), [word for word in words[1:] if word[0].isupper()]
    found = [
        message
        for message in messages
        if sender in (ANYONE, name_of(message.sender))
        and recipient in (ANYONE, name_of(message.recipient))
        and type(message).__name__ in (kinds or type(message).__name__)
    ]
    if words[-1] == "last":
        found = found[-1:]
    elif words[-1].isdigit():
        found = found[: int(words[-1])]
    assert found, f"nothing to take: {' '.join(words)}"
    for message in found:
        messages.remove(message)
    return found


def ends(link: str) -> tuple[str, str]:
    sender, recipient = link.split("->")
    return sender, recipient


def _pairs(some: Iterable[str], others: Sequence[str]) -> Iterable[tuple[str, str]]:
    return ((one, other) for one in some for other in others)
