"""RSA PKCS#1 v1.5 (RFC 8017, section 8.2.2) in plain integers: the padding made and compared."""

from __future__ import annotations

import hashlib

_PREFIXES = {  # DigestInfo up to the digest (RFC 8017, section 9.2, note 1).
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def holds(n: int, e: int, message: bytes, signature: bytes, digest: str) -> bool:
    """Whether the signature, to the power of e, is the padded digest."""
    size = (n.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    info = _PREFIXES[digest] + hashlib.new(digest, message).digest()
    if len(signature) != size or number >= n or size < len(info) + 11:
        return False
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(number, e, n).to_bytes(size, "big") == expected
