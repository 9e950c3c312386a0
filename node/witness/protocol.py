"""What a log sends to a witness, what the witness answers, and when it may cosign. PURE.

`POST <prefix>/add-checkpoint` with a body of lines, then the note, every line ended:

    old 1
    <base64 of a hash>

    example.com/log
    2
    <base64 of the root>

    — example.com/log ...

`old` is the size of the tree the witness cosigned last, the lines after it are the consistency path
from there (RFC 6962, 2.1.2), none if there was no tree. The answers:

    200   the cosignature lines
    400   not such a body, or `old` is larger than the checkpoint
    403   not signed as this witness wants it
    404   a log it does not watch
    409   `old` is not the size cosigned last: that size, as text/x.tlog.size
    422   the new tree does not begin with the old one

    >>> request = AddCheckpoint(1, (bytes(32),), b"example.com/log\\n")
    >>> print(format_request(request).decode(), end="")
    old 1
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    <BLANKLINE>
    example.com/log
    >>> parse_request(format_request(request)) == request
    True
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.atoms import read_base64, read_decimal, write_base64, write_decimal
from node.evidence.checkpoint import Checkpoint
from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.evidence.merkle import EMPTY_ROOT, HASH_SIZE, BadPath, verify_consistency
from node.evidence.note import SIGNATURES_MAX, SignatureLine, parse_line

PATH = "/add-checkpoint"
PATH_LENGTH_MAX = 63
"""C2SP: a path in a tree of 2^63 leaves is no longer."""
REQUEST_SIZE_MAX = 65_536
"""The path takes 3 kB; the rest is room for a note with all its members' and witnesses' lines."""
ANSWER_SIZE_MAX = 65_536
"""A cosignature line takes 150 bytes, and a post-quantum one 3.5 kB."""
TEXT, SIZE_TYPE = "text/plain; charset=utf-8", "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request: cosign this note, whose tree begins with the one of `old_size` leaves."""

    old_size: int
    path: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over HTTP."""

    status: int
    body: bytes
    content_type: str = TEXT


class Refused(Exception):
    """The witness does not cosign this; `answer` says so to whoever asked."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{status}: {why}")
        self.answer = Answer(status, f"{why}\n".encode())


class Conflict(Refused):
    """What was cosigned last has another size than the log thinks: `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(409, f"the tree cosigned last has size {size}")
        self.size = size
        self.answer = Answer(409, f"{write_decimal(size)}\n".encode(), SIZE_TYPE)


def format_request(request: AddCheckpoint) -> bytes:
    lines = [f"old {write_decimal(request.old_size)}", *map(write_base64, request.path), ""]
    return "".join(f"{line}\n" for line in lines).encode() + request.note


def parse_request(data: bytes) -> AddCheckpoint:
    """The request of a body; the note in it is not looked at."""
    if len(data) > REQUEST_SIZE_MAX:
        raise Malformed("request", f"longer than {REQUEST_SIZE_MAX} bytes")
    head, separator, note = data.partition(b"\n\n")
    if not separator:
        raise Malformed("request", "no empty line before the checkpoint")
    try:
        old, *path = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("request", "not ASCII before the checkpoint") from None
    if not old.startswith("old "):
        raise Malformed("request", "does not begin with `old `")
    if len(path) > PATH_LENGTH_MAX:
        raise Malformed("request", f"more than {PATH_LENGTH_MAX} lines of a path")
    return AddCheckpoint(
        read_decimal("request: old size", old.removeprefix("old ")),
        tuple(read_base64("request: path", line, HASH_SIZE) for line in path),
        note,
    )


def decide(stored: Checkpoint | None, request: AddCheckpoint, checkpoint: Checkpoint) -> None:
    """Return if the witness may cosign this checkpoint of the request, having cosigned `stored`
    last, or nothing; `Refused` if not. Nobody decides for one log at the same time."""
    size, root = (0, EMPTY_ROOT) if stored is None else (stored.size, stored.root)
    if request.old_size > checkpoint.size:
        raise Refused(400, "the old tree is larger than the new one")
    if request.old_size != size:
        raise Conflict(size)
    if size in (0, checkpoint.size):
        # Every tree begins with the empty one, and one size has one root: neither has a path.
        if request.path or (size == checkpoint.size and root != checkpoint.root):
            raise Refused(422, "a path where there is none, or another root for one size")
        return
    try:
        verify_consistency(size, root, checkpoint.size, checkpoint.root, request.path)
    except BadPath as error:
        raise Refused(422, str(error)) from error


def accepted(lines: bytes) -> Answer:
    """The answer with the cosignature lines."""
    return Answer(200, lines)


def parse_cosignatures(body: bytes) -> tuple[SignatureLine, ...]:
    """The lines of an answer 200; whose they are and whether they hold is not looked at."""
    if len(body) > ANSWER_SIZE_MAX or not body.endswith(b"\n"):
        raise Malformed("cosignatures", "not lines, or too many bytes of them")
    lines = body[:-1].split(b"\n")
    if len(lines) > SIGNATURES_MAX:
        raise Malformed("cosignatures", f"more than {SIGNATURES_MAX} lines")
    return tuple(parse_line(line + b"\n") for line in lines)


def parse_conflict(answer: Answer) -> int:
    """The size an answer 409 names."""
    if answer.content_type != SIZE_TYPE or not answer.body.endswith(b"\n"):
        raise Malformed("conflict", f"is not a line of {SIZE_TYPE}")
    try:
        text = answer.body[:-1].decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("conflict", "not ASCII") from None
    return read_decimal("conflict: size", text)


def note_path(origin: str) -> str:
    """Where a witness shows what it cosigned last of a log."""
    return f"/{origin_hash(origin)}/checkpoint"


def origin_hash(origin: str) -> str:
    """A log's origin as it stands in a path."""
    return sha256(origin.encode()).hex()
