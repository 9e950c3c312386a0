"""Messages as bytes and back. What came from outside is a `messages` value or a WireError.

    frame = length of header u32 big-endian | header | data of all entries, one after another

The header is the protobuf message `Frame` of proto/consensus/raft.proto; each `Entry` in it says
how much of what follows is its own. So a block travels as one piece of bytes from proposal to
journal, and protobuf only ever sees what is small.
"""

import struct
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import get_args

from google.protobuf.message import DecodeError

from consensus import raft_pb2
from consensus.messages import (
    DATA_BYTES_MAX,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    Envelope,
    Message,
    ReadIndexResponse,
    RecallResponse,
)

# A proposer and a version are names; in the journal their lengths are one byte each.
NAME_BYTES_MAX = 255

# In one append; the core limits data only, and without this a million empty entries would be one.
ENTRIES_MAX = 4096

# Terms and indexes are written down as numbers that every JSON reader keeps exactly. A replica that
# followed a liar to a higher term could write nothing that others read, and never come back.
NUMBER_MAX = 2**53 - 1

# In one frame, and waiting for one peer: taking a frame in must not hold up the loop.
MESSAGES_MAX = 4096

# What an entry and a message cost in a header at most: numbers of 11 bytes and less, lengths, and
# two names or two replica ids.
_ENTRY_BYTES_MAX = 64 + 2 * NAME_BYTES_MAX
_MESSAGE_BYTES_MAX = 256

# A block is at most 1 MiB, an append carries 1 MiB of data or one block, and its entries' headers
# come to 2.4 MB where they are many and as long as can be.
FRAME_BYTES_MAX = 4 << 20
assert DATA_BYTES_MAX + ENTRIES_MAX * _ENTRY_BYTES_MAX + _MESSAGE_BYTES_MAX < FRAME_BYTES_MAX

_LENGTH = struct.Struct(">I")


class WireError(ValueError):
    """These bytes are not a frame that a replica of this software sends."""


def _name(kind: type[Message]) -> str:
    """AppendRequest -> append_request, its name in the proto file."""
    return "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__)[1:]


# Every message has the same fields here and in the proto file, by name; those that are no numbers
# or flags are spelled out below.
_KINDS: dict[str, type[Message]] = {_name(kind): kind for kind in get_args(Message)}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_ENVELOPE = {field.name for field in fields(Envelope)}
_FIELDS = {
    kind: tuple(field.name for field in fields(kind) if field.name not in _ENVELOPE)
    for kind in _NAMES
}


def size_of(message: Message) -> int:
    """At most what this message adds to a frame."""
    if isinstance(message, RecallResponse):
        return _MESSAGE_BYTES_MAX + len(message.configuration.format())
    if not isinstance(message, AppendRequest):
        return _MESSAGE_BYTES_MAX
    data = sum(len(entry.data) for entry in message.entries)
    return _MESSAGE_BYTES_MAX + _ENTRY_BYTES_MAX * len(message.entries) + data


def cut(message: Message) -> Message:
    """The message with no more entries than a frame takes. An append cut short is an append: the
    receiver acknowledges what it got."""
    if isinstance(message, AppendRequest) and len(message.entries) > ENTRIES_MAX:
        return replace(message, entries=message.entries[:ENTRIES_MAX])
    return message


def format_frame(messages: Iterable[Message]) -> bytes:
    frame = raft_pb2.Frame()
    data: list[bytes] = []
    for message in messages:
        kind = type(message)
        added = frame.messages.add(
            sender=message.sender, recipient=message.recipient, term=message.term
        )
        body = getattr(added, _NAMES[kind])
        body.SetInParent()
        for name in _FIELDS[kind]:
            value = getattr(message, name)
            if name == "entries":
                for entry in value:
                    _format_entry(body.entries.add(), entry)
                    data.append(entry.data)
            elif isinstance(value, Configuration):
                setattr(body, name, value.format())
            elif value is not None:
                setattr(body, name, value)
    header = frame.SerializeToString()
    return b"".join((_LENGTH.pack(len(header)), header, *data))


def parse_frame(frame: bytes) -> tuple[Message, ...]:
    """Raises WireError and nothing else, whatever the bytes."""
    if not _LENGTH.size <= len(frame) <= FRAME_BYTES_MAX:
        raise WireError(f"a frame of {len(frame)} bytes")
    end = _LENGTH.size + _LENGTH.unpack_from(frame)[0]
    if end > len(frame):
        raise WireError("the header is cut")
    try:
        header = raft_pb2.Frame.FromString(frame[_LENGTH.size : end])
        if len(header.messages) > MESSAGES_MAX:
            raise WireError(f"{len(header.messages)} messages")
        data = _Data(frame, end)
        messages = tuple(_parse_message(message, data) for message in header.messages)
    except (DecodeError, ValueError) as error:
        raise WireError(str(error)) from error
    if data.place != len(frame):
        raise WireError("data that belongs to no entry")
    return messages


class _Data:
    """The data part of a frame, handed out piece by piece."""

    def __init__(self, frame: bytes, place: int) -> None:
        self.frame = frame
        self.place = place

    def take(self, length: int) -> bytes:
        start, self.place = self.place, self.place + length
        if length > DATA_BYTES_MAX or self.place > len(self.frame):
            raise WireError(f"an entry of {length} bytes")
        return self.frame[start : self.place]


def _parse_message(message: raft_pb2.Message, data: _Data) -> Message:
    name = message.WhichOneof("body")
    if name is None:
        raise WireError("a message of a kind unknown here")
    _check_number(message.term)
    kind, body = _KINDS[name], getattr(message, name)
    values = {name: getattr(body, name) for name in _FIELDS[kind]}
    if kind is AppendRequest:
        if len(body.entries) > ENTRIES_MAX:
            raise WireError(f"{len(body.entries)} entries")
        values["entries"] = tuple(_parse_entry(entry, data) for entry in body.entries)
    elif kind is ReadIndexResponse and not body.HasField("index"):
        values["index"] = None
    elif kind is RecallResponse:
        for number in (body.vote_term, body.ack_term, body.ack_index):
            _check_number(number)
        for number in (body.last_term, body.last_index):
            _check_number(number)
        values["configuration"] = Configuration.parse(body.configuration)
    return kind(message.sender, message.recipient, message.term, **values)


def _check_number(number: int) -> None:
    if number > NUMBER_MAX:
        raise WireError(f"{number} is no term or index")


def _format_entry(added: raft_pb2.Entry, entry: Entry) -> None:
    added.index = entry.index
    added.term = entry.term
    added.kind = entry.kind
    added.time_ms = entry.time_ms
    added.proposer = entry.proposer
    added.version = entry.version
    added.length = len(entry.data)


def _parse_entry(entry: raft_pb2.Entry, data: _Data) -> Entry:
    _check_number(entry.term)
    _check_number(entry.index)
    for name in (entry.proposer, entry.version):
        if len(name.encode()) > NAME_BYTES_MAX:
            raise WireError(f"a name of {len(name)} characters")
    return Entry(
        entry.index,
        entry.term,
        EntryKind(entry.kind),
        entry.time_ms,
        entry.proposer,
        entry.version,
        data.take(entry.length),
    )
