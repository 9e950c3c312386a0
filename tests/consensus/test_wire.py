"""parse_frame gives messages or WireError, whatever the bytes, and gives back what was sent."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import raft_pb2, wire
from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    Configuration,
    Entry,
    EntryKind,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    ReadIndexRequest,
    ReadIndexResponse,
    RecallRequest,
    RecallResponse,
    TimeoutNow,
    Voter,
    VoteRequest,
    VoteResponse,
)

A, B = "court/00000000000000aa", "notary/00000000000000bb"
numbers = st.integers(0, 2**64 - 1)
indexes = st.integers(0, wire.NUMBER_MAX)
envelope = (st.sampled_from([A, B]), st.sampled_from([A, B]), st.integers(2**32, wire.NUMBER_MAX))
names = st.text(max_size=60)
CONFIGURATION = Configuration((Voter(A, "127.0.0.1:1", b"x"),))


@st.composite
def append_requests(draw: st.DrawFn) -> AppendRequest:
    sender, recipient, term = (draw(part) for part in envelope)
    prev_index = draw(st.integers(0, wire.NUMBER_MAX - 4))
    bodies = st.lists(st.tuples(st.sampled_from(EntryKind), st.binary(max_size=50)), max_size=4)
    entries = tuple(
        Entry(
            prev_index + n,
            draw(st.just(2**32)),
            kind,
            draw(numbers),
            draw(names),
            draw(names),
            CONFIGURATION.format() if kind is EntryKind.CONFIGURATION else data,
        )
        for n, (kind, data) in enumerate(draw(bodies), 1)
    )
    prev_term = draw(st.integers(0, 2**32))
    return AppendRequest(sender, recipient, term, prev_index, prev_term, entries, draw(numbers))


messages: st.SearchStrategy[Message] = st.one_of(
    append_requests(),
    *(
        st.builds(kind, *envelope, *parts)
        for kind, parts in (
            (PreVoteRequest, (numbers, numbers)),
            (PreVoteResponse, (st.booleans(),)),
            (VoteRequest, (numbers, numbers, st.booleans())),
            (VoteResponse, (st.booleans(),)),
            (AppendResponse, (numbers,)),
            (AppendRefusal, (numbers, numbers, numbers)),
            (CommitNotice, (numbers, numbers)),
            (HeartbeatRequest, (*3 * [numbers], st.integers(-(2**63), 2**63 - 1), numbers)),
            (HeartbeatResponse, (numbers, numbers, numbers)),
            (ReadIndexRequest, (numbers,)),
            (ReadIndexResponse, (numbers, st.none() | numbers)),
            (TimeoutNow, ()),
            (RecallRequest, (numbers,)),
            (RecallResponse, (numbers, *5 * [indexes], st.just(CONFIGURATION))),
        )
    ),
)
frames = st.lists(messages, max_size=4).map(wire.format_frame)

BLOCK = Entry(7, 3, EntryKind.NORMAL, 1_700_000_000_000, "court", "0.1.0", b"block")
APPEND = AppendRequest(A, B, 3, 6, 3, (BLOCK,), 6)


@settings(deadline=None)  # The machine may be busy; only the outcome counts.
@given(st.lists(messages, max_size=4))
def test_what_was_formatted_is_parsed(sent: list[Message]) -> None:
    frame = wire.format_frame(sent)
    assert wire.parse_frame(frame) == tuple(sent)
    assert len(frame) <= 4 + sum(map(wire.size_of, sent))


def test_every_message_has_a_place_in_the_proto_file() -> None:
    bodies = raft_pb2.Message.DESCRIPTOR.oneofs_by_name["body"].fields
    assert [field.name for field in bodies] == list(wire._KINDS)
    for field in bodies:
        assert (
            tuple(f.name for f in field.message_type.fields)
            == wire._FIELDS[wire._KINDS[field.name]]
        )


def parse_or_refuse(frame: bytes) -> None:
    with suppress(wire.WireError):
        wire.parse_frame(frame)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(frame: bytes) -> None:
    parse_or_refuse(frame)
    parse_or_refuse(wire._LENGTH.pack(len(frame)) + frame)


@settings(deadline=None)
@given(frames, st.data())
def test_a_frame_cut_anywhere(frame: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(frame) - 1))
    parse_or_refuse(frame[:cut])


@settings(deadline=None)
@given(frames, st.data())
def test_a_frame_with_a_changed_byte(frame: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(frame) - 1))
    changed = data.draw(st.integers(1, 255))
    parse_or_refuse(frame[:place] + bytes([frame[place] ^ changed]) + frame[place + 1 :])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "a frame of 0 bytes"),
        (bytes(wire.FRAME_BYTES_MAX + 1), "a frame of"),
        (b"\x00\x00\x00\x05abc", "header is cut"),
        (wire.format_frame([APPEND]) + b"x", "belongs to no entry"),
        (wire.format_frame([APPEND])[:-1], "an entry of 5 bytes"),
        (b"\x00\x00\x00\x02\x0a\x00", "kind unknown"),
        (wire.format_frame([APPEND]).replace(b"0.1.0", b"0.1.\xff"), None),
    ],
)
def test_refuses(frame: bytes, message: str | None) -> None:
    with pytest.raises(wire.WireError, match=message):
        wire.parse_frame(frame)


@pytest.mark.parametrize(
    "entry",
    [
        replace(BLOCK, data=bytes((1 << 20) + 1)),
        replace(BLOCK, proposer="p" * 256),
        replace(BLOCK, version="证" * 86),
        replace(BLOCK, index=8),
        replace(BLOCK, term=4),
    ],
)
def test_refuses_what_a_replica_would_not_send(entry: Entry) -> None:
    frame = raft_pb2.Frame()
    body = frame.messages.add(sender=A, recipient=B, term=3).append_request
    body.prev_index = 6
    wire._format_entry(body.entries.add(), entry)
    header = frame.SerializeToString()
    with pytest.raises(wire.WireError):
        wire.parse_frame(wire._LENGTH.pack(len(header)) + header + entry.data)


def test_an_append_of_too_many_entries_is_cut_to_what_a_frame_takes() -> None:
    name, term, start = "n" * wire.NAME_BYTES_MAX, wire.NUMBER_MAX, 2**52
    entries = tuple(
        Entry(index, term, EntryKind.NORMAL, 2**64 - 1, name, name, bytes(256))
        for index in range(start, start + wire.ENTRIES_MAX + 1)
    )
    append = AppendRequest(A, B, term, start - 1, term, entries, 2**64 - 1)
    with pytest.raises(wire.WireError):
        wire.parse_frame(wire.format_frame([append]))
    (parsed,) = wire.parse_frame(wire.format_frame([wire.cut(append)]))
    assert parsed == replace(append, entries=entries[:-1])


def test_refuses_more_messages_than_ever_wait() -> None:
    notices = [CommitNotice(A, B, 3, 2, 1)] * (wire.MESSAGES_MAX + 1)
    assert len(wire.parse_frame(wire.format_frame(notices[1:]))) == wire.MESSAGES_MAX
    with pytest.raises(wire.WireError, match="messages"):
        wire.parse_frame(wire.format_frame(notices))


def test_refuses_terms_beyond_what_can_be_written_down() -> None:
    """Goal: a liar cannot lead the others to a term from which nobody comes back."""
    highest = VoteRequest(A, B, wire.NUMBER_MAX, 1, 1)
    assert wire.parse_frame(wire.format_frame([highest])) == (highest,)
    with pytest.raises(wire.WireError):
        wire.parse_frame(wire.format_frame([replace(highest, term=wire.NUMBER_MAX + 1)]))
