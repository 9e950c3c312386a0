"""Extraction codes (提取码): a depositor lets somebody else fetch the proof of one deposit.

Twelve characters of Crockford's base32 in three groups, 60 bits that nobody foretells without the
vault's key: read aloud without mistakes and, with the gateway's limit on tries, not to be guessed.
Only a keyed digest is stored. A code is made from the request that asks for it, so that a request
which is repeated gets the same one, and nobody else gets it again.
"""

from __future__ import annotations

import hmac

from node.vault.keys import Purpose, VaultKey

CODE_LENGTH = 12

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011", "- ")


def format_code(random: bytes) -> str:
    """A code from eight random bytes, in three groups of four."""
    assert len(random) == 8
    number = int.from_bytes(random, "big")
    text = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(CODE_LENGTH))
    return "-".join(text[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def parse_code(text: str) -> str | None:
    """The code somebody typed, in one spelling; None if it cannot be one.

    Small letters, spaces and letters that look like digits are what people type: they are read.
    """
    code = text.upper().translate(_ALIKE)
    if len(code) != CODE_LENGTH or set(code) - set(_ALPHABET):
        return None
    return "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))


class CodeKeeper:
    """Makes codes, and what is stored of them."""

    def __init__(self, key: VaultKey) -> None:
        self._key = key.derive(Purpose.EXTRACTION_CODES)

    def new(self, account: str, evidence_no: str, idempotency_key: str) -> tuple[str, str]:
        """The id and the code of a request; none of the three holds a space."""
        asked = f"new {account} {evidence_no} {idempotency_key}"
        made = hmac.digest(self._key, asked.encode(), "sha256")
        return made[8:24].hex(), format_code(made[:8])

    def stored(self, evidence_no: str, code: str) -> bytes:
        """The keyed digest of a code (`format_code`, `parse_code`) for this deposit; 32 bytes."""
        return hmac.digest(self._key, f"{evidence_no} {code}".encode(), "sha256")
