"""Receipts: three lines, and the message they stand for."""

import pytest

from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.receipt import Receipt, format_lines, issue, parse_lines, receipt_message
from node.evidence.spelling import Lines

GATEWAY = Signer(b"g" * 32)
ORIGIN, STATEMENT, TIME_MS = "cunzheng.test/example", bytes(range(32)), 1_795_190_400_123
RECEIPT = issue(GATEWAY, ORIGIN, STATEMENT, TIME_MS)


def test_the_message_is_that_of_the_document() -> None:
    assert receipt_message(ORIGIN, STATEMENT, TIME_MS) == (
        b'cunzheng/receipt/v1 {"accepted_at":1795190400123,"origin":"cunzheng.test/example",'
        b'"statement":"' + STATEMENT.hex().encode() + b'"}'
    )


def test_round_trip() -> None:
    data = format_lines(RECEIPT)
    assert data.count(b"\n") == 3
    assert parse_lines(Lines("entry", data)) == RECEIPT


def test_a_receipt_is_for_one_statement_one_chain_one_time_and_by_one_gateway() -> None:
    RECEIPT.verify(ORIGIN, STATEMENT)
    other = Receipt(Signer(bytes(32)).public, TIME_MS, RECEIPT.signature)
    later = Receipt(RECEIPT.gateway, TIME_MS + 1, RECEIPT.signature)
    for receipt, origin, statement in (
        (RECEIPT, "other.test", STATEMENT),
        (RECEIPT, ORIGIN, bytes(32)),
        (other, ORIGIN, STATEMENT),
        (later, ORIGIN, STATEMENT),
    ):
        with pytest.raises(BadSignature):
            receipt.verify(origin, statement)


@pytest.mark.parametrize(
    ("old", "new", "newer"),
    [
        (b"gateway ", b"gateway  ", False),
        (b"gateway ed25519:", b"gateway mldsa44:", True),
        (b"receipt ed25519:", b"receipt mldsa44:", True),
        (b"gateway ed25519:", b"gateway p256:", False),
        (b"receipt ed25519:", b"receipt rsa:", False),
        (b"receipt ed25519:", b"receipt ", False),
        (b"accepted-at 1", b"accepted-at 01", False),
        (b"accepted-at 1795190400123", b"accepted-at 253402272000000", False),
        (b"accepted-at", b"accepted_at", False),
        (b"==\n", b"\n", False),
        (b"==\n", b"==", False),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes, newer: bool) -> None:
    data = format_lines(RECEIPT)
    assert old in data
    with pytest.raises(Malformed) as caught:
        parse_lines(Lines("entry", data.replace(old, new)))
    assert caught.value.newer is newer
