"""Facts are checked once, at birth; a configuration has one spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import messages
from consensus.messages import (
    CERTIFICATE_BYTES_MAX,
    DATA_BYTES_MAX,
    REPLICAS_MAX,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    Position,
    Voter,
)


def voter(number: int, certificate: bytes = b"\x30\x82\x01") -> Voter:
    return Voter(f"court/{number:016x}", "10.0.0.1:7000", certificate)


def entry(index: int, term: int, kind: EntryKind = EntryKind.NORMAL, data: bytes = b"") -> Entry:
    return Entry(index, term, kind, 0, "court", "1", data)


def append(prev: tuple[int, int], *entries: Entry, term: int = 9) -> AppendRequest:
    return AppendRequest("a", "b", term, *prev, entries, 0)


def test_the_example_in_the_docstring_is_what_is_written() -> None:
    lines = (messages.__doc__ or "").splitlines()
    start = next(k for k, line in enumerate(lines) if "consensus/configuration/v1" in line)
    example = lines[start].strip() + lines[start + 1].strip().split(" ")[0]
    written = Configuration((Voter("court/00000000000000aa", "10.0.0.1:7000", b"\x30\x82\x01"),))
    assert written.format().decode() == example


@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=8), st.data())
def test_parse_is_the_inverse_of_format(numbers: set[int], data: st.DataObject) -> None:
    replicas = sorted(
        voter(number, data.draw(st.binary(min_size=1, max_size=20))) for number in numbers
    )
    cut = data.draw(st.integers(1, len(replicas)))
    configuration = Configuration(tuple(replicas[:cut]), tuple(replicas[cut:]))
    assert Configuration.parse(configuration.format()) == configuration


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"",
        lambda d: d[:-1],
        lambda d: d + b"\n",
        lambda d: d.replace(b"/v1 ", b"/v2 "),
        lambda d: d.removeprefix(b"consensus/configuration/v1 "),
        lambda d: d.replace(b'"learners"', b'"Learners"'),
        lambda d: d.replace(b":", b": ", 1),
        lambda d: d.replace(b"MIIB", b"MI IB"),
        lambda d: d.replace(b"MIIB", b"M"),
        lambda d: d.replace(b'"10.0.0.1:7000"', b"7"),
        lambda d: d.replace(b"court", b"Court"),
        lambda d: d.replace(b"10.0.0.1", b"10.0.0.1 "),
        lambda d: b"consensus/configuration/v1 []",
        lambda d: b"consensus/configuration/v1 " + b"[" * 100_000,
        lambda d: b'consensus/configuration/v1 {"learners":[],"voters":[]}',
        lambda d: b'consensus/configuration/v1 {"learners":7,"voters":7}',
        lambda d: b"\xff" + d,
        lambda d: d.replace(b"court", b"\\u0063ourt"),
        lambda d: d.replace(b"{", b'{"x":1,', 1),
    ],
)
def test_parse_refuses_everything_that_format_would_not_write(damage) -> None:  # type: ignore[no-untyped-def]
    data = Configuration((voter(1),)).format()
    with pytest.raises(ValueError, match=r"."):
        Configuration.parse(damage(data))


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_gives_another_configuration_or_none(at: int, value: int) -> None:
    first = Configuration((voter(1), voter(2)), (voter(3),))
    data = bytearray(first.format())
    data[at % len(data)] = value
    try:
        parsed = Configuration.parse(bytes(data))
    except ValueError:
        return
    assert (parsed == first) == (bytes(data) == first.format())


def test_a_configuration_is_sorted_distinct_and_bounded() -> None:
    many = tuple(voter(number) for number in range(REPLICAS_MAX + 1))
    for voters, learners, why in [
        ((), (), "without voters"),
        ((), (voter(1),), "without voters"),
        ((voter(2), voter(1)), (), "sorted"),
        ((voter(1),), (voter(3), voter(2)), "sorted"),
        ((voter(1), voter(1)), (), "twice"),
        ((voter(1),), (voter(1),), "twice"),
        (many, (), "more than"),
        (many[:1], many[1:], "more than"),
    ]:
        with pytest.raises(ValueError, match=why):
            Configuration(voters, learners)
    assert json.loads(Configuration(many[:-1]).format().split(b" ")[1])


@pytest.mark.parametrize(
    ("id_", "address"),
    [("court", "h:1"), ("Court/" + "0" * 16, "h:1"), ("a/" + "g" * 16, "h:1"), ("", "h:1")]
    + [("a/" + "0" * 16, address) for address in ("", "h 1", "é:1", "h" * 256)],
)
def test_replica_ids_and_addresses_are_checked(id_: str, address: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        Voter(id_, address, b"\x30")


@pytest.mark.parametrize("size", [0, CERTIFICATE_BYTES_MAX + 1])
def test_a_certificate_is_neither_empty_nor_huge(size: int) -> None:
    with pytest.raises(ValueError, match=f"a certificate of {size} bytes"):
        Voter(voter(1).id, "h:1", bytes(size))


def test_is_voter() -> None:
    configuration = Configuration((voter(1),), (voter(2),))
    assert configuration.is_voter(voter(1).id)
    assert not configuration.is_voter(voter(2).id)
    assert list(configuration) == [voter(1), voter(2)]


def test_entries_of_an_append_follow_each_other() -> None:
    append((0, 0))
    append((3, 1), entry(4, 1), entry(5, 9))
    for prev, entries, why in [
        ((3, 1), [entry(5, 1)], "entry 5 where 4 follows"),
        ((3, 1), [entry(4, 1), entry(6, 1)], "entry 6 where 5 follows"),
        ((3, 2), [entry(4, 1)], "the term falls at entry 4"),
        ((3, 2), [entry(4, 3), entry(5, 2)], "the term falls at entry 5"),
        ((3, 2), [entry(4, 10)], "term 10 in a message of term 9"),
        ((3, 10), [], "term 10 in a message of term 9"),
        ((0, 0), [entry(1, 1, EntryKind.CONFIGURATION, b"x")], r"."),
    ]:
        with pytest.raises(ValueError, match=why):
            append(prev, *entries)


def test_the_fate_of_a_proposal_is_read_from_committed_entries() -> None:
    """Goal: `is_lost_to` only if the proposal can never be committed, and at the latest when its
    index is decided. Each row is a committed entry after a proposal at index 7 in term 3."""
    position = Position(7, 3)
    for index, term, is_at, is_lost in [
        (6, 3, False, False),
        (6, 2, False, False),
        (7, 3, True, False),
        (7, 4, False, True),
        (7, 2, False, True),  # A later leader brought an older entry to this place.
        (6, 4, False, True),  # A newer term begins before it; terms never fall along a log.
        (8, 3, False, False),
        (8, 4, False, False),
    ]:
        assert position.is_at(entry(index, term)) is is_at
        assert position.is_lost_to(entry(index, term)) is is_lost


def test_a_certificate_has_a_limit() -> None:
    """So that a configuration of as many replicas as there can be fits into an entry."""
    voter(1, b"x" * CERTIFICATE_BYTES_MAX)
    with pytest.raises(ValueError, match="a certificate of"):
        voter(1, b"x" * (CERTIFICATE_BYTES_MAX + 1))
    full = Configuration(tuple(voter(n, b"x" * CERTIFICATE_BYTES_MAX) for n in range(REPLICAS_MAX)))
    assert len(full.format()) <= DATA_BYTES_MAX
