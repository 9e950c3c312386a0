"""Keys and signatures, and the only module of this package that calls a signature library.

Key generation lives elsewhere; a verifier without PyNaCl replaces this one file. Text forms, both
with standard padded base64 in its one canonical spelling and without a name:

    public key   ed25519:BASE64(the 32 raw bytes of RFC 8032)
    signature    ed25519:BASE64(the 64 raw bytes R || S)

`p256:` and `sm2:` (base64 of the SPKI DER) are known words, but rules 1 verify Ed25519 only, so
they are refused with that reason.

    >>> signer = Signer(bytes(range(32)))
    >>> signer.public.text
    'ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg='
    >>> signature = signer.sign(b"existed no later than")
    >>> format_signature(signature)[:32]
    'ed25519:pYssd6RiEU3YwinOW6ccw4A0'
    >>> verify(parse_public_key(signer.public.text), b"existed no later than", signature)

Verifiers of Ed25519 disagree at the edges, and members that disagree about a signature disagree
about the chain. Rules 1 fix one rule, and every verifier we ship must give its verdicts (the
vectors are tests/vectors/ed25519-edges.json). A signature R || S by key A is valid exactly if

 1. S < L: otherwise S + L would be a second signature;
 2. A and R are canonical: the y inside is below p, so one point has one spelling;
 3. neither A nor R has small order: such a key accepts one signature for many messages;
 4. the equation holds without the cofactor: encode([S]B - [k]A) is R byte for byte, where
    k = SHA-512(R || A || message) mod L.

1 to 3 are checked here before the library is called, 4 is what libsodium computes. (A cofactored
verifier compares after multiplying by 8 and accepts more signatures; the vectors have such ones, so
that a libsodium which changed its mind would be noticed.)
"""

from dataclasses import dataclass
from functools import lru_cache

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from node.evidence.atoms import read_base64, write_base64
from node.evidence.malformed import Malformed

ED25519 = "ed25519"
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64
SEED_SIZE = 32

# Signatures that were found to hold; with messages of about 1 kB this is a megabyte.
REMEMBERED = 1024

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

# An order-8 point doubles to one of order 4, whose y is 0; by the addition law that is x^2 = -y^2,
# and with the curve equation d*y^4 + 2*y^2 - 1 = 0 (mod p), solved by y = +-_Y8 and nothing else.
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The eight points of small order by their y: the neutral point (1), order 2 (-1), two of order 4
# (0), four of order 8. With the sign bit ignored this also covers x = 0 written with sign 1.
_SMALL_ORDER_Y = frozenset({1, _P - 1, 0, _Y8, _P - _Y8})


class BadSignature(Exception):
    """This key did not sign this message, or not in the one form rules 1 accept."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may be enrolled: canonical and not of small order, checked at birth.

    Whether the bytes are a point of the curve at all shows when verifying: without it nothing
    verifies.
    """

    algorithm: str
    raw: bytes

    def __post_init__(self) -> None:
        if self.algorithm != ED25519:
            raise Malformed("public key", f"rules 1 verify ed25519 only, not {self.algorithm!r}")
        if len(self.raw) != PUBLIC_KEY_SIZE:
            raise Malformed("public key", f"{len(self.raw)} bytes instead of {PUBLIC_KEY_SIZE}")
        if fault := _point_fault(self.raw):
            raise Malformed("public key", fault)

    @property
    def text(self) -> str:
        return f"{self.algorithm}:{write_base64(self.raw)}"


def parse_public_key(text: str) -> PublicKey:
    return PublicKey(ED25519, _read_prefixed("public key", text, PUBLIC_KEY_SIZE))


def format_signature(signature: bytes) -> str:
    return f"{ED25519}:{write_base64(signature)}"


def parse_signature(text: str) -> bytes:
    return _read_prefixed("signature", text, SIGNATURE_SIZE)


def verify(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Return if `key` signed `message`, raise `BadSignature` if not."""
    if len(signature) != SIGNATURE_SIZE:
        raise BadSignature(f"{len(signature)} bytes instead of {SIGNATURE_SIZE}")
    if int.from_bytes(signature[32:], "little") >= _L:
        raise BadSignature("S is not below the group order")
    if fault := _point_fault(signature[:32]):
        raise BadSignature(f"R: {fault}")
    _check_equation(key.raw, message, signature)


@lru_cache(maxsize=REMEMBERED)
def _check_equation(key: bytes, message: bytes, signature: bytes) -> None:
    """Rule 4. Remembered where it holds: proofs of one chain share checkpoints and enrolments."""
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        raise BadSignature("this key did not sign these bytes") from None


class Signer:
    """An Ed25519 private key in memory. Signing is deterministic, so no chance enters here."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        assert len(seed) == SEED_SIZE
        self._key = SigningKey(seed)
        self.public = PublicKey(ED25519, bytes(self._key.verify_key))

    def __repr__(self) -> str:
        return f"Signer({self.public.text})"  # Never the seed: reprs end in logs.

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature


def _point_fault(encoded: bytes) -> str | None:
    y = int.from_bytes(encoded, "little") & (_SIGN_BIT - 1)
    if y >= _P:
        return "not the canonical encoding of a point"
    if y in _SMALL_ORDER_Y:
        return "a point of small order"
    return None


def _read_prefixed(where: str, text: str, size: int) -> bytes:
    algorithm, colon, encoded = text.partition(":")
    if not colon:
        raise Malformed(where, "no algorithm prefix")
    if algorithm in ("p256", "sm2"):
        raise Malformed(where, f"{algorithm} is known but not verified under rules 1", newer=True)
    if algorithm != ED25519:
        raise Malformed(where, "unknown algorithm")
    return read_base64(where, encoded, size)
