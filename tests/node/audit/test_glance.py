"""What is read at a glance is what is read in full, and nothing that is refused in full."""

import random
from typing import Any

import pytest

from node.audit.glance import Reader
from node.evidence.entry import StatementEntry, format_entry, parse_entry
from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.receipt import issue
from node.evidence.statement import Deposit, Series, format_statement, statement_id

ORIGIN = "cunzheng.test/rooms"
TIME_MS = 1_790_000_000_000
GATEWAY = Signer(bytes([8]) * 32)


def entry_of(deposit: Deposit, by: Signer = GATEWAY, first: int = 0) -> bytes:
    data = format_statement(deposit)
    receipt = issue(by, deposit.origin, statement_id(data), TIME_MS)
    signature = Signer(bytes([7]) * 32).sign(data)
    return format_entry(StatementEntry(3, TIME_MS, first, receipt, signature, data))


def agrees(reader: Reader, entry: bytes) -> bool:
    """Whether it was read at a glance; if so, `parse_entry` reads the same."""
    try:
        glance = reader.glance(entry)
    except Malformed:
        with pytest.raises(Malformed):
            parse_entry(entry)
        return True
    if glance is None:
        return False
    full = parse_entry(entry)
    assert isinstance(full, StatementEntry)
    deposit = full.statement
    assert isinstance(deposit, Deposit)
    assert deposit.origin == ORIGIN
    assert (glance.height, glance.time_ms, glance.first_item) == (
        full.height,
        full.time_ms,
        full.first_item,
    )
    assert glance.statement == full.statement_bytes
    assert (glance.items, glance.key.decode()) == (deposit.count, deposit.key.text)
    assert glance.gateway.decode() == full.receipt.gateway.text
    assert glance.accepted_at == full.receipt.accepted_at
    return True


@pytest.mark.parametrize(
    ("changes", "at_a_glance"),
    [
        ({}, True),
        ({"mode": "digest", "alg": "sm3"}, True),
        ({"alg": "sha256+sm3", "page": 16, "count": 16_384}, True),
        ({"profile": bytes(32)}, True),
        ({"submitter": bytes(32)}, True),
        ({"profile": bytes(32), "submitter": bytes(32)}, True),
        ({"series": Series(bytes(32), 0, None)}, False),
        ({"origin": "cunzheng.test/other"}, False),
        ({"category": "A14_4_ELECTRONIC_FILE"}, True),
    ],
)
def test_the_usual_forms(world: Any, changes: dict[str, Any], at_a_glance: bool) -> None:
    entry = entry_of(world.deposit(bytes(32), 1, items_root=bytes(32), **changes))
    assert agrees(Reader(ORIGIN), entry) is at_a_glance


def test_no_changed_byte_is_read_otherwise(world: Any) -> None:
    """Every byte of an entry, changed to another that could stand there."""
    chance, reader = random.Random(1), Reader(ORIGIN)
    entry = entry_of(world.deposit(bytes(32), 1, items_root=bytes(32), submitter=bytes(32)))
    seen = 0
    for at in range(len(entry)):
        for byte in (*b'019aAzZ"+/=\n', chance.randrange(256)):
            seen += agrees(reader, entry[:at] + bytes([byte]) + entry[at + 1 :])
    assert seen > 1000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"count":1,', b'"count":16385,'),
        (b'"count":1,', b'"count":0,'),
        (b'"page":1,', b'"page":2,'),
        (b"first-item 0\n", b"first-item 999999999999\n"),
        (b"first-item 0\n", b"first-item 1000000000000\n"),
        (b"first-item 0\n", b"first-item 00\n"),
        (b"time 1790000000000\n", b"time 253402272000000\n"),
        (b'"claimed_at":1790000000000', b'"claimed_at":253402272000000'),
        (b'"alg":"sha256"', b'"alg":"sha512"'),
        (b'"mode":"commitment"', b'"mode":"digest"'),
        (b'"alg":"sha256"', b'"alg":"sha256+sm3"'),
        (b'"type":"deposit"', b'"type":"health"'),
        (b'"key":"ed25519:', b'"key":"p256:'),
        (b"\n", b"\r\n"),
    ],
)
def test_limits_are_those_of_the_full_reader(world: Any, old: bytes, new: bytes) -> None:
    entry = entry_of(world.deposit(bytes(32), 1, items_root=bytes(32)))
    assert old in entry
    agrees(Reader(ORIGIN), entry.replace(old, new, 1))


def test_who_attests_needs_a_submitter(world: Any) -> None:
    deposit = world.deposit(bytes(32), 1, items_root=bytes(32), key=GATEWAY.public)
    entry = entry_of(
        world.deposit(bytes(32), 1, items_root=bytes(32), key=GATEWAY.public, submitter=bytes(32))
    )
    assert agrees(Reader(ORIGIN), entry)
    with pytest.raises(Malformed, match="without submitter"):
        entry_of(deposit)
    bare = entry.replace(b',"submitter":"' + b"00" * 32 + b'"', b"")
    assert Reader(ORIGIN).glance(bare) is None


def test_a_key_that_is_none_is_refused(world: Any) -> None:
    entry = entry_of(world.deposit(bytes(32), 1, items_root=bytes(32)))
    key = world.depositor.public.text.encode()
    small = b"ed25519:" + b"A" * 43 + b"="
    with pytest.raises(Malformed):
        Reader(ORIGIN).glance(entry.replace(key, small))
