"""Records and blocks, the genesis, and the validity rules that need no chain."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.digests import EMPTY, sha256
from node.evidence.enrolment import format_key_record
from node.evidence.entry import BlockEntry, PolicyEntry, parse_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.record import (
    BLOCK_SIZE_MAX,
    Genesis,
    KeyEnrolment,
    Record,
    StatementRecord,
    check_enrolment,
    check_statement,
    format_block,
    format_genesis,
    format_record,
    parse_block,
    parse_genesis,
    parse_record,
)
from node.evidence.statement import Event, parse_statement


@pytest.fixture
def deposit(chain: Any) -> StatementRecord:
    """A record as a gateway would propose it."""
    made = chain.deposit([b"one", b"two"])
    entry = made.entry
    return StatementRecord(entry.receipt, entry.signature, entry.statement_bytes, made.packed)


@pytest.fixture
def event(chain: Any) -> StatementRecord:
    value = Event(
        chain.origin, chain.signer("depositor").public, bytes(16), 0, "health", bytes(32), None
    )
    return chain.record(value, "depositor")


@pytest.fixture
def enrolment(chain: Any) -> KeyEnrolment:
    signer, record = chain.signer("authority"), format_key_record(chain.key_record("new", "court"))
    return KeyEnrolment(signer.public, signer.sign(record), record)


def test_round_trip(
    chain: Any, deposit: StatementRecord, event: StatementRecord, enrolment: KeyEnrolment
) -> None:
    records: list[Record] = [deposit, event, enrolment, chain.policies[0], chain.next_note()]
    for record in records:
        assert parse_record(format_record(record)) == record
    data = format_block(format_record(record) for record in records)
    assert [parse_record(each) for each in parse_block(data)] == records
    assert parse_block(b"") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"record/v1", b"record/v0"),
        (b"kind statement", b"kind other"),
        (b"kind statement", b"kind key"),
        (b"kind statement", b"kind policy"),
        (b"gateway", b"Gateway"),
        (b"}\n\n", b"}\n"),
        (b"}\n\n", b"}\nx\n"),
    ],
)
def test_another_spelling_is_refused(deposit: StatementRecord, old: bytes, new: bytes) -> None:
    data = format_record(deposit)
    assert old in data
    with pytest.raises(Malformed):
        parse_record(data.replace(old, new, 1))


def test_a_key_record_ends_with_its_line(enrolment: KeyEnrolment) -> None:
    with pytest.raises(Malformed):
        parse_record(format_record(enrolment) + b"\n")


def test_a_later_version_is_newer(deposit: StatementRecord) -> None:
    with pytest.raises(Malformed) as caught:
        parse_record(format_record(deposit).replace(b"record/v1", b"record/v2"))
    assert caught.value.newer


@pytest.mark.parametrize(
    "data",
    [
        *(b"\0", b"\0\0\0", b"\0\0\0\0", b"\0\0\0\x01", b"\0\0\0\x02a", b"\xff\xff\xff\xffa"),
        *(b"\0\0\0\x01a\0", b"\0\0\0\x01a\0\0\0\0", bytes(BLOCK_SIZE_MAX + 1)),
    ],
)
def test_a_block_whose_lengths_do_not_add_up_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_block(data)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.binary(max_size=9))
def test_blocks_round_trip_and_hostile_ones_raise_one_exception(
    records: list[bytes], tail: bytes
) -> None:
    data = format_block(records)
    assert parse_block(data) == records
    try:
        assert format_block(parse_block(data + tail)) == data + tail
    except Malformed:
        assert tail


def test_a_good_statement(chain: Any, deposit: StatementRecord, event: StatementRecord) -> None:
    checked = check_statement(deposit, chain.origin, 1)
    assert checked.statement_id == sha256(deposit.statement_bytes)
    assert len(checked.page_hashes) == 2
    assert checked.statement == parse_statement(deposit.statement_bytes)
    assert check_statement(event, chain.origin, 1).page_hashes == ()


def test_a_statement_for_another_chains_origin(chain: Any, deposit: StatementRecord) -> None:
    with pytest.raises(Malformed, match="another chain"):
        check_statement(deposit, "cunzheng.test/other", 1)


def test_items_are_those_the_statement_signs(deposit: StatementRecord, chain: Any) -> None:
    for items in (b"", deposit.items[:-1], deposit.items[:32], deposit.items + bytes(32)):
        with pytest.raises(Malformed, match="statement counts"):
            check_statement(replace(deposit, items=items), chain.origin, 1)
    exchanged = deposit.items[32:] + deposit.items[:32]
    with pytest.raises(Malformed, match="root"):
        check_statement(replace(deposit, items=exchanged), chain.origin, 1)


def test_an_event_has_no_items(chain: Any, event: StatementRecord) -> None:
    with pytest.raises(Malformed, match="event"):
        check_statement(replace(event, items=bytes(32)), chain.origin, 1)


def test_the_digest_of_the_empty_content_is_refused(chain: Any) -> None:
    made = chain.deposit([b"one", b""], mode="digest")
    assert made.packed.endswith(EMPTY["sha256"])
    entry = made.entry
    record = StatementRecord(entry.receipt, entry.signature, entry.statement_bytes, made.packed)
    with pytest.raises(Malformed, match="empty"):
        check_statement(record, chain.origin, 1)


def test_an_attested_statement_without_submitter_is_refused(
    chain: Any, deposit: StatementRecord
) -> None:
    gateway = replace(deposit.receipt, gateway=chain.signer("depositor").public)
    with pytest.raises(Malformed, match="submitter"):
        check_statement(replace(deposit, receipt=gateway), chain.origin, 1)


def test_both_signatures_hold(chain: Any, deposit: StatementRecord) -> None:
    for wrong in (
        replace(deposit, signature=deposit.receipt.signature),
        replace(deposit, receipt=replace(deposit.receipt, signature=deposit.signature)),
    ):
        with pytest.raises(BadSignature):
            check_statement(wrong, chain.origin, 1)


def test_enrolment(chain: Any, enrolment: KeyEnrolment) -> None:
    authorities = chain.policies[0].policy.authorities
    signature = chain.signer("authority").sign(b"another record")
    assert check_enrolment(enrolment, chain.origin, authorities, 1).role == "court"
    with pytest.raises(Malformed, match="another chain"):
        check_enrolment(enrolment, "cunzheng.test/other", authorities, 1)
    with pytest.raises(BadSignature, match="authority"):
        check_enrolment(enrolment, chain.origin, (chain.signer("gateway").public,), 1)
    with pytest.raises(BadSignature):
        check_enrolment(replace(enrolment, signature=signature), chain.origin, authorities, 1)


def test_genesis(chain: Any) -> None:
    genesis = chain.genesis
    data = format_genesis(genesis)
    assert data.startswith(
        b"cunzheng/genesis/v1\ntime 1795190400000\nversion 0.1.0\ncunzheng/policy/v1\n"
    )
    assert parse_genesis(data) == genesis
    block, policy = (parse_entry(leaf) for leaf in genesis.entries())
    assert isinstance(block, BlockEntry)
    assert (block.height, block.proposer, block.term, block.taken) == (0, "genesis", 0, 1)
    assert block.body == sha256(genesis.data())
    assert policy == PolicyEntry(0, genesis.time_ms, genesis.note)
    assert genesis.entries() == chain.leaves[:2]


def test_a_genesis_is_whole(chain: Any) -> None:
    data = format_genesis(chain.genesis)
    for bad in (
        b"",
        data[:-1],
        data + b"\n",
        data.replace(b"genesis/v1", b"genesis/v0"),
        data.replace(b"time 1795190400000", b"time 253402272000000"),
        data.replace(b"version 0.1.0", b"version 0 1"),
    ):
        with pytest.raises(Malformed):
            parse_genesis(bad)
    with pytest.raises(Malformed):
        Genesis(0, "", chain.genesis.note)
    with pytest.raises(Malformed):
        Genesis(-1, "1", chain.genesis.note)
    with pytest.raises(Malformed, match="first"):
        Genesis(0, "1", chain.next_note())
    with pytest.raises(Malformed) as caught:
        parse_genesis(data.replace(b"genesis/v1", b"genesis/v2"))
    assert caught.value.newer
