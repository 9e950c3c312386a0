"""Entries: the leaves, in the one layout of their kind."""

from dataclasses import replace
from typing import Any

import pytest

from node.evidence.entry import (
    CARRIES,
    ENTRY_SIZE_MAX,
    BlockEntry,
    KeyEntry,
    PolicyEntry,
    StatementEntry,
    format_entry,
    parse_entry,
)
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.statement import Deposit, Event

BLOCK = BlockEntry(
    height=7,
    time_ms=1_795_190_400_000,
    previous=b"p" * 32,
    proposer="court",
    term=2,
    version="0.1.0",
    carries="records",
    body=b"b" * 32,
    taken=3,
    skipped=1,
    rules=1,
)
GENESIS = replace(BLOCK, height=0, previous=bytes(32), proposer="genesis", term=0)


@pytest.fixture
def leaves(chain: Any) -> dict[str, bytes]:
    """One entry of each kind."""
    deposited = chain.deposit()
    event = Event(
        chain.origin, deposited.statement.key, bytes(16), 0, "health", bytes(32), subject=None
    )
    (at,) = chain.block([chain.record(event, "depositor")])
    return {
        "block": chain.leaves[0],
        "deposit": chain.leaves[deposited.leaf],
        "event": chain.leaves[at],
        "key": chain.leaves[chain.key_entries[0][0]],
        "policy": chain.leaves[1],
    }


def test_every_leaf_of_a_chain_round_trips(chain: Any, leaves: dict[str, bytes]) -> None:
    for leaf in chain.leaves:
        assert format_entry(parse_entry(leaf)) == leaf
    kinds = [type(parse_entry(leaf)) for leaf in leaves.values()]
    assert kinds == [BlockEntry, StatementEntry, StatementEntry, KeyEntry, PolicyEntry]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"proposer": "-"},
        {"version": "-"},
        {"carries": "nothing", "taken": 0, "skipped": 0},
        {"carries": "configuration", "taken": 0, "skipped": 0},
    ],
)
def test_block_entries(changes: dict[str, Any]) -> None:
    block = replace(BLOCK, **changes)
    assert parse_entry(format_entry(block)) == block
    assert block.carries in CARRIES
    assert parse_entry(format_entry(GENESIS)) == GENESIS


@pytest.mark.parametrize(
    "changes",
    [
        {"proposer": "genesis"},
        {"proposer": "Court"},
        {"proposer": ""},
        {"version": ""},
        {"version": "a b"},
        {"carries": "everything"},
        {"carries": "nothing"},
        {"carries": "configuration", "taken": 0},
        {"rules": 0},
        {"height": 0},
        {"height": 0, "proposer": "genesis"},
        {"height": 0, "proposer": "genesis", "previous": bytes(32)},
    ],
)
def test_a_block_entry_is_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        replace(BLOCK, **changes)
    assert not caught.value.newer


def test_a_block_of_newer_rules_is_newer() -> None:
    data = format_entry(BLOCK).replace(b"rules 1", b"rules 3")
    with pytest.raises(Malformed) as caught:
        parse_entry(data)
    assert caught.value.newer


@pytest.mark.parametrize("kind", ["block", "deposit", "event", "key", "policy"])
def test_another_spelling_is_refused(leaves: dict[str, bytes], kind: str) -> None:
    leaf = leaves[kind]
    head, rest = leaf.split(b"\nheight ", 1)
    for bad in (
        b"",
        leaf[:-1],
        leaf + b"\n",
        leaf.replace(b"entry/v1", b"entry/v0"),
        leaf.replace(b"\nkind ", b"\nkind  "),
        head.replace(b"kind ", b"kind other ") + b"\nheight " + rest,
        leaf.replace(b"\nheight ", b"\nheight 0"),
        leaf.replace(b"\nheight ", b"\nHeight "),
        leaf.replace(b"\ntime ", b"\ntime -"),
        leaf.replace(b"\ntime ", b"\ntime 999"),
        leaf + b"x" * ENTRY_SIZE_MAX + b"\n",
    ):
        with pytest.raises(Malformed) as caught:
            parse_entry(bad)
        assert not caught.value.newer
    with pytest.raises(Malformed) as caught:
        parse_entry(leaf.replace(b"entry/v1", b"entry/v2"))
    assert caught.value.newer


def test_deposits_have_a_first_item_and_events_none(leaves: dict[str, bytes]) -> None:
    with pytest.raises(Malformed):
        parse_entry(leaves["deposit"].replace(b"first-item 0\n", b""))
    with pytest.raises(Malformed):
        parse_entry(leaves["event"].replace(b"gateway ", b"first-item 0\ngateway ", 1))
    event = parse_entry(leaves["event"])
    assert isinstance(event, StatementEntry)
    with pytest.raises(AssertionError):
        event.number(0)


def test_ordinals_end_with_twelve_digits(leaves: dict[str, bytes]) -> None:
    last = leaves["deposit"].replace(b"first-item 0\n", b"first-item 999999999999\n")
    entry = parse_entry(last)
    assert isinstance(entry, StatementEntry)
    assert parse_number(entry.number(0))[1] == 10**12 - 1
    with pytest.raises(Malformed):
        parse_entry(last.replace(b"999999999999\n", b"1000000000000\n"))


def test_signatures(chain: Any) -> None:
    entry = chain.deposit().entry
    entry.verify_signatures()
    assert isinstance(entry.statement, Deposit)
    assert not entry.attested
    for wrong in (
        replace(entry, signature=entry.receipt.signature),
        replace(entry, receipt=replace(entry.receipt, signature=entry.signature)),
        replace(entry, receipt=replace(entry.receipt, accepted_at=0)),
    ):
        with pytest.raises(BadSignature):
            wrong.verify_signatures()
    key = chain.key_entries[0][1]
    key.verify_signature()
    with pytest.raises(BadSignature):
        replace(key, authority=entry.statement.key).verify_signature()


def test_an_attested_statement_has_a_submitter(chain: Any) -> None:
    assert chain.deposit(key="gateway").entry.attested
    with pytest.raises(Malformed, match="submitter"):
        chain.deposit(key="gateway", submitter=None)
