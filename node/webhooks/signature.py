"""The header `Cunzheng-Signature`: who sends, and when.

    t=1790000000,v1=HEX          HMAC-SHA256(secret, "1790000000." || body)

The secret is `cws_` and 64 hex digits; the whole text is the key. For a day after it was rotated
there is a `v1` of either secret. With stock tools:

    printf '%s.' "$T" | cat - body.json | openssl dgst -sha256 -hmac "$SECRET"

>>> header = sign(["cws_" + "00" * 32], 1790000000, b"{}")
>>> print(header[:36])
t=1790000000,v1=5c82c5eb73204d535ff1
>>> is_signed(header, "cws_" + "00" * 32, b"{}", 1790000001)
True
>>> is_signed(header, "cws_" + "00" * 32, b"{ }", 1790000001)
False
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

HEADER = "Cunzheng-Signature"
TOLERANCE_S = 300
"""How old a message may be for its receiver: what was recorded on its way is of no use later."""

_PREFIX = "cws_"
_SECRET = re.compile(r"cws_[0-9a-f]{64}")
_HEADER = re.compile(r"t=([0-9]{1,12})((?:,v1=[0-9a-f]{64}){1,2})")


def format_secret(random: bytes) -> str:
    """A secret from 32 random bytes."""
    assert len(random) == 32
    return _PREFIX + random.hex()


def sign(secrets: Sequence[str], time_s: int, body: bytes) -> str:
    """The header's value, with one signature for each secret."""
    assert all(_SECRET.fullmatch(secret) for secret in secrets)
    return f"t={time_s}," + ",".join(f"v1={_mac(each, time_s, body)}" for each in secrets)


def is_signed(header: str, secret: str, body: bytes, now_s: int) -> bool:
    """What a receiver asks: is this message of now, and of who knows the secret?"""
    match = _HEADER.fullmatch(header)
    if match is None or abs(now_s - int(match[1])) > TOLERANCE_S:
        return False
    expected = _mac(secret, int(match[1]), body)
    return any(hmac.compare_digest(each, expected) for each in match[2].split(",v1=")[1:])


def _mac(secret: str, time_s: int, body: bytes) -> str:
    return hmac.digest(secret.encode(), b"%d." % time_s + body, "sha256").hex()
