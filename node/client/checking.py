"""What gateways give, against what the client knows from elsewhere: proofs and receipts.

A receipt as lines, for as long as there is no proof yet:

    cunzheng/receipt/v1 {"accepted_at":1790000000000,"origin":"...","statement":"00..."}
    gateway ed25519:...
    signature ed25519:...

The first line is exactly what the gateway signed, the lines after it its key and its signature. It
shows that this key took the statement in; whose key that is, and that the chain did, only the proof
shows, which holds the receipt too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node.client.errors import NotVerified
from node.evidence.keys import (
    BadSignature,
    format_signature,
    parse_public_key,
    parse_signature,
)
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.receipt import TAG, Receipt, receipt_message
from node.evidence.spelling import check_text, check_time, parse_tagged
from node.evidence.statement import statement_id
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Verdict
from node.evidence.verify import verify
from node.words import Answer, ResultCode

_WAYS_ON = {
    ResultCode.V302: (
        "该存证已上链但不会有有效的证明：请以现行有效的密钥重新存证。",
        "The deposit is on the chain and will never have a valid proof: deposit again with a key "
        "that is in force.",
    ),
    ResultCode.V206: (
        "请核对所给的策略或策略指纹。",
        "Compare the policy or the fingerprint that was named.",
    ),
}
_ASK_ANOTHER = (
    "请换一个网关重试；如仍如此，请告知网关运营方。",
    "Try another gateway; if that gives the same, tell the operator of the gateway.",
)
_SIGNED_SIZE_MAX = 1_024
"""Twice what a receipt with the longest name of a chain has."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof that verified: its text, what it says, and the verdict with all open points."""

    text: bytes
    proof: Proof
    verdict: Verdict

    @property
    def number(self) -> str:
        """The evidence number (存证编号)."""
        return self.proof.number


def check_proof(data: bytes, anchor: Anchor, file: FileDigests | None = None) -> Proven:
    """A proof somebody gave us, verified; raises `NotVerified` unless it is consistent."""
    verdict = verify(data, anchor, file)
    if not verdict.consistent:
        failed = next(each for each in verdict.findings if each.code is verdict.code)
        way_on_zh, way_on_en = _WAYS_ON.get(verdict.code, _ASK_ANOTHER)
        raise NotVerified(
            f"所得证明未通过核验：{verdict.code.name} {verdict.code.zh}（{failed.zh}）。"
            f"{way_on_zh}",
            f"the proof given does not verify: {verdict.code.name} {verdict.code.en} "
            f"({failed.en}). {way_on_en}",
            verdict.answer,
        )
    return Proven(data, read_proof(data), verdict)


def check_proof_of(data: bytes, anchor: Anchor, statement: bytes) -> Proven:
    """A proof somebody gave us of any item of this statement."""
    proven = check_proof(data, anchor)
    if proven.proof.entry.statement_bytes != statement:
        raise NotVerified(
            "所得证明属于另一份存证单；请换一个网关或使用同一次存证的证明。",
            "the proof given is of another statement; ask another gateway, or use "
            "a proof of the same deposit.",
            Answer.COULD_NOT_CHECK,
        )
    return proven


def check_number(data: bytes, number: str) -> None:
    """Raise `NotVerified` if a proof that was asked for by its number is another's."""
    if read_proof(data).number != number:
        raise NotVerified(
            f"网关给出的不是 {number} 的证明；请换一个网关。",
            f"the gateway gave a proof of another number than {number}; ask another gateway.",
            Answer.COULD_NOT_CHECK,
        )


def read_proof(data: bytes) -> Proof:
    """The proof these bytes are; one that cannot be read has its own answer."""
    try:
        return parse_proof(data)
    except Malformed as error:
        code = ResultCode.V502 if error.newer else ResultCode.V200
        raise NotVerified(
            f"所得证明无法读取：{code.name} {code.zh}（{error}）。",
            f"the proof given cannot be read: {code.name} {code.en} ({error}).",
            code.answer,
        ) from error


def check_receipt(given: Mapping[str, Any] | None, origin: str, statement: bytes) -> bytes:
    """The lines of the receipt for this statement; `NotVerified` if it does not hold."""
    try:
        return _receipt_lines(given or {}, origin, statement_id(statement))
    except (Malformed, BadSignature) as error:
        raise NotVerified(
            f"网关的接收凭证无效（{error}）。",
            f"the gateway's receipt does not hold ({error}).",
            Answer.COULD_NOT_CHECK,
        ) from error


def _receipt_lines(given: Mapping[str, Any], origin: str, identity: bytes) -> bytes:
    signed = check_text(given.get("signed"), "receipt: signed")
    value = parse_tagged(TAG, signed.encode(), _SIGNED_SIZE_MAX)
    receipt = Receipt(
        parse_public_key(check_text(given.get("gateway"), "receipt: gateway")),
        check_time(value.get("accepted_at"), "receipt: accepted_at"),
        parse_signature(check_text(given.get("signature"), "receipt: signature")),
    )
    if signed.encode() != receipt_message(origin, identity, receipt.accepted_at):
        raise Malformed("receipt", "of another statement")
    receipt.verify(origin, identity)
    return (
        f"{signed}\n"
        f"gateway {receipt.gateway.text}\n"
        f"signature {format_signature(receipt.signature)}\n"
    ).encode()
