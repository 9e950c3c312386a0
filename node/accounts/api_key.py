"""API keys: 256 random bits as text, `czk_` and 64 lower-case hex digits.

Only a keyed digest is kept,

    HMAC-SHA256(subkey `api-keys` of the vault key, the key as text)

so the database alone lets nobody in, and nobody who can only write to it can let himself in. A
secret of full strength needs no slow hash.

    >>> digest_api_key(bytes(32), PREFIX + "5a" * 32).hex()[:16]
    '0eb03d5f6cb43220'
"""

from __future__ import annotations

import hmac
import re

from node.evidence.malformed import Malformed

PREFIX = "czk_"
SIZE = 32

_KEY = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * SIZE}}}")


def format_api_key(random: bytes) -> str:
    """The key of these random bytes, to be shown to its owner once."""
    assert len(random) == SIZE
    return PREFIX + random.hex()


def digest_api_key(subkey: bytes, key: str) -> bytes:
    """What is kept of a key, and how it is found again; `Malformed` if it is none.

    Finding by it takes a time that tells nothing: who lacks the subkey cannot choose a digest.
    """
    if not _KEY.fullmatch(key):
        raise Malformed("API key", f"not {PREFIX} and {2 * SIZE} hex digits")
    return hmac.digest(subkey, key.encode(), "sha256")
