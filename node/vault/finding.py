"""Keyed digests, by which a value is found again and never read.

A digest of a file is no secret of full strength: whoever guesses the file knows it. Therefore the
index holds HMAC-SHA256 of it under a key that is not in the database.
"""

from __future__ import annotations

import hmac

from node.vault.keys import Purpose, VaultKey

_BY_ALG = {"sha256": Purpose.BLIND_SHA256, "sm3": Purpose.BLIND_SM3}


class Finder:
    """Makes the keyed digests of one vault; each kind of value has its own key."""

    def __init__(self, key: VaultKey) -> None:
        self._keys = {purpose: key.derive(purpose) for purpose in Purpose}

    def digest(self, alg: str, digest: bytes) -> bytes:
        """Of a file's digest under `sha256` or `sm3`; 32 bytes."""
        return self._of(_BY_ALG[alg], digest)

    def id_no(self, id_type: str, number: str) -> bytes:
        """Of the number of an identity document; 32 bytes."""
        return self._of(Purpose.BLIND_ID_NO, f"{id_type} {number}".encode())

    def profile_salt(self, account: str, content: bytes) -> bytes:
        """The salt of a source profile, 16 bytes: the same content, registered again by the same
        account, is the same profile."""
        return self._of(Purpose.PROFILE_SALTS, account.encode() + b"\n" + content)[:16]

    def _of(self, purpose: Purpose, value: bytes) -> bytes:
        return hmac.digest(self._keys[purpose], value, "sha256")
