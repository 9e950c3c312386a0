"""The two digests evidence is known by: SHA-256 and SM3 (GB/T 32905-2016), both 32 bytes.

    >>> sha256(b"abc").hex()
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    >>> digest = new("sm3")
    >>> digest.update(b"abc")
    >>> digest.hexdigest()
    '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'

Trees, ids and signatures always use SHA-256; SM3 names content beside it.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

# The order in which digests of one content are always written.
ALGS = ("sha256", "sm3")
SIZE = 32

# What an empty file gives: such a deposit proves nothing about any content, so readers name it.
EMPTY: Mapping[str, bytes] = MappingProxyType(
    {
        "sha256": bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        "sm3": bytes.fromhex("1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
    }
)


class Digest(Protocol):
    """The part of a `hashlib` object that is used here."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def new(alg: str) -> Digest:
    """A running digest; `alg` is one of `ALGS`, anything else is the caller's bug."""
    assert alg in ALGS, alg
    return hashlib.sha256() if alg == "sha256" else _new_sm3()


def _new_sm3() -> Digest:
    try:
        return hashlib.new("sm3")
    except ValueError:  # An OpenSSL built without SM3, as some distributions ship it.
        return _Sm3()


class _Sm3:
    """SM3 from the `cryptography` wheel, which brings its own OpenSSL."""

    __slots__ = ("_context",)

    def __init__(self) -> None:
        # Imported here so that a verifier whose system library knows SM3 needs no third package.
        from cryptography.hazmat.primitives.hashes import SM3, Hash

        self._context = Hash(SM3())

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._context.update(data)

    def digest(self) -> bytes:
        return self._context.copy().finalize()

    def hexdigest(self) -> str:
        return self.digest().hex()
