"""The smallest spellings inside the C2SP texts: decimals and base64.

Each value has exactly one spelling, the one `write_*` gives, and `read_*` refuses all others, so
that a file cannot change in a byte and still mean the same:

    decimal   0 | [1-9][0-9]*            no sign, no leading zero, at most 2^63 - 1
    base64    RFC 4648 section 4         with padding, unused bits zero, no line breaks

    >>> read_decimal("example", write_decimal(20852163))
    20852163
    >>> read_base64("example", write_base64(b"light"), size=5)
    b'light'
"""

import binascii
import re

from node.evidence.malformed import Malformed

# The largest integer a signed 64-bit reader takes; C2SP bounds cosignature times by it as well.
DECIMAL_MAX = 2**63 - 1

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def write_decimal(value: int) -> str:
    assert 0 <= value <= DECIMAL_MAX
    return str(value)


def read_decimal(where: str, text: str) -> int:
    if not _DECIMAL.fullmatch(text) or (value := int(text)) > DECIMAL_MAX:
        raise Malformed(where, "not a plain decimal number up to 2^63 - 1")
    return value


def write_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def read_base64(where: str, text: str, size: int | None = None) -> bytes:
    """The bytes `text` spells; where `size` is given, exactly that many."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # Also what is not ASCII.
        raise Malformed(where, "not base64") from None
    if write_base64(data) != text:
        raise Malformed(where, "not the one base64 spelling of these bytes")
    if size is not None and len(data) != size:
        raise Malformed(where, f"{len(data)} bytes instead of {size}")
    return data
