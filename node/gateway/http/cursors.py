"""Where a list goes on: text that clients send back as they got it.

    base64url, 48 bytes: SHA-256 of the conditions [:8] || u64 received_ms || statement_id[32]

A cursor goes with the conditions of its list; beside others it would silently skip deposits.
"""

from __future__ import annotations

import base64
import binascii

from node.evidence.digests import sha256
from node.gateway.deposits.problems import DepositProblem
from node.gateway.http.problems import ProblemError

_SIZE = 48


def format_cursor(conditions: str, received_ms: int, statement_id: bytes) -> str:
    """The cursor of whoever has seen the list of these conditions down to this deposit."""
    place = received_ms.to_bytes(8, "big") + statement_id
    return base64.urlsafe_b64encode(_mark(conditions) + place).decode()


def parse_cursor(conditions: str, text: str) -> tuple[int, bytes]:
    """Time and id of the deposit that was listed last."""
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(DepositProblem.CURSOR_INVALID) from error
    if len(data) != _SIZE or data[:8] != _mark(conditions) or data[8] & 0x80:
        raise ProblemError(DepositProblem.CURSOR_INVALID)
    return int.from_bytes(data[8:16], "big"), data[16:]


def _mark(conditions: str) -> bytes:
    return sha256(conditions.encode())[:8]
