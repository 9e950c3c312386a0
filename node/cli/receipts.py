"""The gateway's receipt on the depositor's disk, for as long as there is no proof yet.

    cunzheng/receipt/v1 {"accepted_at":1790000000000,"origin":"...","statement":"00..."}
    gateway ed25519:...
    signature ed25519:...

The first line is exactly what the gateway signed, the lines after it its key and its signature. It
shows that the gateway took the statement in; only the proof shows that the chain did. A proof holds
the receipt too, so the file is of no more use once there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node.cli.batch_files import Kept
from node.cli.files import BATCH_SUFFIX, RECEIPT_SUFFIX, write_whole
from node.cli.terminal import Terminal
from node.evidence.keys import (
    BadSignature,
    format_signature,
    parse_public_key,
    parse_signature,
)
from node.evidence.malformed import Malformed
from node.evidence.receipt import TAG, Receipt, receipt_message
from node.evidence.spelling import check_text, check_time, parse_tagged
from node.evidence.statement import statement_id

_SIGNED_SIZE_MAX = 1_024
"""Twice what a receipt with the longest name of a chain has."""


def keep_receipt(given: Mapping[str, Any] | None, kept: Kept, terminal: Terminal) -> None:
    """Write the receipt beside its batch file; one that does not hold is said to, and not kept."""
    path = kept.path.with_name(kept.path.name.removesuffix(BATCH_SUFFIX) + RECEIPT_SUFFIX)
    try:
        data = _checked(given or {}, kept)
    except (Malformed, BadSignature) as error:
        terminal.note(
            f"警告：网关的接收凭证无效，未保存（{error}）。",
            f"warning: the gateway's receipt does not hold and was not kept ({error}).",
            "bold yellow",
        )
        return
    # The first one stays: of all gateways asked, that one took the statement in before the others.
    if not path.exists():
        write_whole(path, data, replace=False)
    terminal.note(
        f"网关签名的接收凭证在 {path}；它不是证明，得到证明之前请保存。",
        f"The receipt signed by the gateway is in {path}; it is no proof, keep it until you have "
        "one.",
    )


def _checked(given: Mapping[str, Any], kept: Kept) -> bytes:
    signed = check_text(given.get("signed"), "receipt: signed")
    value = parse_tagged(TAG, signed.encode(), _SIGNED_SIZE_MAX)
    receipt = Receipt(
        parse_public_key(check_text(given.get("gateway"), "receipt: gateway")),
        check_time(value.get("accepted_at"), "receipt: accepted_at"),
        parse_signature(check_text(given.get("signature"), "receipt: signature")),
    )
    origin, identity = kept.batch.deposit.origin, statement_id(kept.batch.statement_bytes)
    if signed.encode() != receipt_message(origin, identity, receipt.accepted_at):
        raise Malformed("receipt", "of another statement")
    receipt.verify(origin, identity)
    return (
        f"{signed}\n"
        f"gateway {receipt.gateway.text}\n"
        f"signature {format_signature(receipt.signature)}\n"
    ).encode()
