"""Public keys, signatures and signers of all suites, in one form.

A *suite* is a signature algorithm with everything about it fixed; `ed25519`, `p256` and `sm2` each
hold one, and nothing else in this package calls a signature library. Key generation lives
elsewhere. Text forms, with standard padded base64 in its one canonical spelling and without a name:

    public key   ed25519:BASE64(the 32 raw bytes of RFC 8032)
                 p256:BASE64(DER of the SubjectPublicKeyInfo)       sm2: the same
    signature    ed25519:BASE64(the 64 raw bytes R || S)
                 p256:BASE64(DER of r and s)                        sm2: the same

    >>> signer = Signer(bytes(range(32)))
    >>> signer.public.text
    'ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg='
    >>> signature = signer.sign(b"existed no later than")
    >>> format_signature(signature)[:32]
    'ed25519:pYssd6RiEU3YwinOW6ccw4A0'
    >>> verify(parse_public_key(signer.public.text), b"existed no later than", signature)
    >>> other = Signer(bytes(range(32)), P256)
    >>> other.public.text[:60]
    'p256:MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEelkxgIYMQDfIPBJ0mEX'
    >>> verify(other.public, b"", other.sign(b""))

`mldsa44:` is kept for a later version. Which suites a chain takes is not decided here but by its
rules number (`policy.SUITES`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from node.evidence import ed25519, p256, sm2
from node.evidence.atoms import read_base64, write_base64
from node.evidence.malformed import Malformed

ED25519, P256, SM2 = "ed25519", "p256", "sm2"

REMEMBERED = 1024
"""Signatures that were found to hold; with messages of about 1 kB this is a megabyte."""

# No Ed25519 key begins so, because none is spelled so: this is not the encoding of a point.
_NO_ED25519 = b"\xff" * ed25519.PUBLIC_KEY_SIZE


class _Suite(Protocol):
    """One algorithm. Its functions get bytes of the sizes it names, and `holds` only what has no
    fault."""

    @property
    def PUBLIC_KEY_SIZE(self) -> int: ...
    @property
    def PRIVATE_KEY_SIZE(self) -> int: ...
    @property
    def SIGNATURE_SIZES(self) -> range: ...

    def key_fault(self, raw: bytes, /) -> str | None: ...
    def signature_fault(self, signature: bytes, /) -> str | None: ...
    def holds(self, raw: bytes, message: bytes, signature: bytes, /) -> bool: ...
    def signer(self, private: bytes, /) -> tuple[bytes, Callable[[bytes], bytes]]: ...


_SUITES: Mapping[str, _Suite] = {ED25519: ed25519, P256: p256, SM2: sm2}
ALGORITHMS = tuple(_SUITES)
_LATER = ("mldsa44",)
"""Suites that a later version may have: what they sign is not damaged but newer."""


class BadSignature(Exception):
    """This key did not sign this message, or not in the one form that is accepted."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may be enrolled, in its one spelling: checked at birth.

    Whether 32 bytes of Ed25519 are a point at all shows when verifying: if not, nothing verifies.
    """

    algorithm: str
    raw: bytes

    def __post_init__(self) -> None:
        suite = _suite("public key", self.algorithm)
        if len(self.raw) != suite.PUBLIC_KEY_SIZE:
            why = f"{len(self.raw)} bytes instead of {suite.PUBLIC_KEY_SIZE}"
            raise Malformed("public key", why)
        if fault := suite.key_fault(self.raw):
            raise Malformed("public key", fault)

    @property
    def text(self) -> str:
        return f"{self.algorithm}:{write_base64(self.raw)}"

    @property
    def index_key(self) -> bytes:
        """The key in an index of keys of all suites: no other's begins with it."""
        return self.raw if self.algorithm == ED25519 else _NO_ED25519 + self.raw


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signer made of a message; only its size is checked before it is verified."""

    algorithm: str
    raw: bytes

    def __post_init__(self) -> None:
        sizes = _suite("signature", self.algorithm).SIGNATURE_SIZES
        if len(self.raw) not in sizes:
            wanted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
            raise Malformed("signature", f"{len(self.raw)} bytes instead of {wanted}")


def parse_public_key(text: str) -> PublicKey:
    return PublicKey(*_read_prefixed("public key", text))


def format_signature(signature: Signature) -> str:
    return f"{signature.algorithm}:{write_base64(signature.raw)}"


def parse_signature(text: str) -> Signature:
    return Signature(*_read_prefixed("signature", text))


def verify(key: PublicKey, message: bytes, signature: Signature) -> None:
    """Return if `key` signed `message`, raise `BadSignature` if not, `sm2.Sm2Missing` if this
    machine cannot tell."""
    if signature.algorithm != key.algorithm:
        raise BadSignature(f"{signature.algorithm} is not the algorithm of this key")
    if fault := _SUITES[key.algorithm].signature_fault(signature.raw):
        raise BadSignature(fault)
    _check_equation(key, message, signature)


def verify_raw(key: PublicKey, message: bytes, signature: bytes) -> None:
    """The same for bytes of a note line, which says by its key what kind of signature it is."""
    try:
        verify(key, message, Signature(key.algorithm, signature))
    except Malformed as error:
        raise BadSignature(error.why) from None


@lru_cache(maxsize=REMEMBERED)
def _check_equation(key: PublicKey, message: bytes, signature: Signature) -> None:
    """Remembered where it holds: proofs of one chain share checkpoints and enrolments."""
    if not _SUITES[key.algorithm].holds(key.raw, message, signature.raw):
        raise BadSignature("this key did not sign these bytes")


class Signer:
    """A private key in memory, as the bytes its suite calls so."""

    __slots__ = ("_sign", "public")

    def __init__(self, private: bytes, algorithm: str = ED25519) -> None:
        suite = _SUITES[algorithm]
        assert len(private) == suite.PRIVATE_KEY_SIZE
        public, self._sign = suite.signer(private)
        self.public = PublicKey(algorithm, public)

    def __repr__(self) -> str:
        return f"Signer({self.public.text})"  # Never the private key: reprs end in logs.

    def sign(self, message: bytes) -> Signature:
        return Signature(self.public.algorithm, self._sign(message))


def _suite(where: str, algorithm: str) -> _Suite:
    if algorithm not in _SUITES:
        raise Malformed(where, "unknown algorithm", newer=algorithm in _LATER)
    return _SUITES[algorithm]


def _read_prefixed(where: str, text: str) -> tuple[str, bytes]:
    algorithm, colon, encoded = text.partition(":")
    if not colon:
        raise Malformed(where, "no algorithm prefix")
    _suite(where, algorithm)
    return algorithm, read_base64(where, encoded)
