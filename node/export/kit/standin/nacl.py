"""In place of PyNaCl: `nacl.exceptions` and `nacl.signing`, as far as verifying needs them."""

from __future__ import annotations

from node.export.kit.standin import edwards


class BadSignatureError(Exception):
    """The equation does not hold."""


class VerifyKey:
    """A public key."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise `BadSignatureError` unless this key signed."""
        if not edwards.holds(self._raw, message, signature):
            raise BadSignatureError


SigningKey = None
"""A verifier has no private key."""
