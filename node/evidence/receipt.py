"""Receipts: the gateway took this statement in, then (docs/proof-format.md, section 4).

    >>> receipt_message("a.test", bytes(32), 1790000000000)[:67]
    b'cunzheng/receipt/v1 {"accepted_at":1790000000000,"origin":"a.test",'
    >>> receipt = issue(Signer(bytes(range(32))), "a.test", bytes(32), 1790000000000)
    >>> print(format_lines(receipt).decode()[:103])
    gateway ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
    accepted-at 1790000000000
    receipt ed25519:
    >>> receipt.verify("a.test", bytes(32))

The message is computed from the entry, never stored: an entry holds only time and signature.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.keys import (
    PublicKey,
    Signature,
    Signer,
    format_signature,
    parse_public_key,
    parse_signature,
    verify,
)
from node.evidence.spelling import Lines, format_tagged

TAG = "cunzheng/receipt/v1"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which gateway took the statement in, when, and its signature."""

    gateway: PublicKey
    accepted_at: int
    signature: Signature

    def verify(self, origin: str, statement_id: bytes) -> None:
        """Raise `BadSignature` unless the gateway signed this receipt for this statement."""
        message = receipt_message(origin, statement_id, self.accepted_at)
        verify(self.gateway, message, self.signature)


def receipt_message(origin: str, statement_id: bytes, accepted_at: int) -> bytes:
    """The bytes a gateway signs."""
    value = {"accepted_at": accepted_at, "origin": origin, "statement": statement_id.hex()}
    return format_tagged(TAG, value)


def issue(signer: Signer, origin: str, statement_id: bytes, accepted_at: int) -> Receipt:
    """A receipt by this gateway."""
    signature = signer.sign(receipt_message(origin, statement_id, accepted_at))
    return Receipt(signer.public, accepted_at, signature)


def format_lines(receipt: Receipt) -> bytes:
    """The three lines a receipt is in records and entries."""
    return (
        f"gateway {receipt.gateway.text}\n"
        f"accepted-at {receipt.accepted_at}\n"
        f"receipt {format_signature(receipt.signature)}\n"
    ).encode()


def parse_lines(lines: Lines) -> Receipt:
    """The next three lines as a receipt; its signature is not checked here."""
    return Receipt(
        gateway=parse_public_key(lines.value("gateway")),
        accepted_at=lines.time("accepted-at"),
        signature=parse_signature(lines.value("receipt")),
    )
