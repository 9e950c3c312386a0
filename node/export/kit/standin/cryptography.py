"""In place of pyca/cryptography: the names that verifying needs, all in one room.

`verify.py` answers with this module to `cryptography.exceptions`, `cryptography.hazmat.primitives`
and what is imported from below them. Keys are read strictly: P-256 and P-384 as uncompressed
points, RSA as PKCS#1; whatever else is a `ValueError`.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.export.kit.standin import rsa as arithmetic
from node.export.kit.standin import weierstrass
from node.export.kit.standin.sm3 import Sm3
from node.export.signing import der
from node.export.signing.der import Reader

_EC_KEY, _RSA_KEY = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1"
_CURVES = {"1.2.840.10045.3.1.7": weierstrass.P256, "1.3.132.0.34": weierstrass.P384}
_RSA_BITS_MAX = 16_384
_WHERE = "public key"


class InvalidSignature(Exception):
    """This key did not sign these bytes."""


class UnsupportedAlgorithm(Exception):
    """Never raised here."""


@dataclass(frozen=True)
class SHA256:
    name: str = "sha256"


@dataclass(frozen=True)
class SHA384:
    name: str = "sha384"


@dataclass(frozen=True)
class SHA512:
    name: str = "sha512"


HashAlgorithm = object


class SM3:
    """Names the algorithm."""


class Hash:
    """A running digest; SM3 is the only one that is not asked of `hashlib`."""

    def __init__(self, algorithm: SM3, running: Sm3 | None = None) -> None:
        self._algorithm, self._running = algorithm, running or Sm3()

    def update(self, data: bytes) -> None:
        self._running.update(data)

    def copy(self) -> Hash:
        return self

    def finalize(self) -> bytes:
        return self._running.digest()


@dataclass(frozen=True)
class ECDSA:
    """ECDSA over a digest."""

    algorithm: SHA256 | SHA384 | SHA512


@dataclass(frozen=True)
class SECP256R1:
    name: str = "secp256r1"


@dataclass(frozen=True)
class SECP384R1:
    name: str = "secp384r1"


_NAMED: dict[str, tuple[type[SECP256R1 | SECP384R1], weierstrass.Curve]] = {
    "secp256r1": (SECP256R1, weierstrass.P256),
    "secp384r1": (SECP384R1, weierstrass.P384),
}


@dataclass(frozen=True)
class EllipticCurvePublicKey:
    """A point."""

    curve: SECP256R1 | SECP384R1
    point: weierstrass.Point

    @classmethod
    def from_encoded_point(
        cls, curve: SECP256R1 | SECP384R1, encoded: bytes
    ) -> EllipticCurvePublicKey:
        """An uncompressed point; raises `ValueError` if it is none of the curve."""
        size = _NAMED[curve.name][1].size
        x = int.from_bytes(encoded[1 : 1 + size], "big")
        y = int.from_bytes(encoded[1 + size :], "big")
        whole = len(encoded) == 1 + 2 * size and encoded[0] == 4
        if not whole or not _NAMED[curve.name][1].has((x, y)):
            raise ValueError("not an uncompressed point of this curve")
        return cls(curve, (x, y))

    def verify(self, signature: bytes, message: bytes, algorithm: ECDSA) -> None:
        """Raise `InvalidSignature` unless this key signed."""
        try:
            reader = Reader(signature, "signature").open(der.SEQUENCE)
            r, s = reader.integer(), reader.integer()
            reader.end()
            whole = der.sequence(der.integer(max(r, 0)), der.integer(max(s, 0))) == signature
        except Malformed:
            raise InvalidSignature from None
        digest = hashlib.new(algorithm.algorithm.name, message).digest()
        curve = _NAMED[self.curve.name][1]
        if not whole or not weierstrass.ecdsa_holds(curve, self.point, digest, r, s):
            raise InvalidSignature


class PKCS1v15:
    """The padding."""


@dataclass(frozen=True)
class RSAPublicKey:
    """A modulus and an exponent."""

    n: int
    e: int

    @property
    def key_size(self) -> int:
        return self.n.bit_length()

    def verify(
        self,
        signature: bytes,
        message: bytes,
        padding: PKCS1v15,
        algorithm: SHA256 | SHA384 | SHA512,
    ) -> None:
        """Raise `InvalidSignature` unless this key signed."""
        assert isinstance(padding, PKCS1v15)
        if not arithmetic.holds(self.n, self.e, message, signature, algorithm.name):
            raise InvalidSignature


def load_der_public_key(data: bytes) -> EllipticCurvePublicKey | RSAPublicKey:
    """A SubjectPublicKeyInfo; raises `ValueError` for what is not known here."""
    try:
        return _read_key(data)
    except Malformed as error:
        raise ValueError(str(error)) from error


def _read_key(data: bytes) -> EllipticCurvePublicKey | RSAPublicKey:
    outside = Reader(data, _WHERE)
    reader = outside.open(der.SEQUENCE)
    outside.end()
    algorithm = reader.open(der.SEQUENCE)
    kind = algorithm.oid()
    named = algorithm.oid() if kind == _EC_KEY else algorithm.content(der.NULL)
    algorithm.end()
    bits, unused = reader.bits()
    reader.end()
    if unused or (kind == _EC_KEY and named not in _CURVES) or (kind == _RSA_KEY and named):
        raise reader.wrong("of a kind that is not known here")
    if kind == _EC_KEY:
        curve = _NAMED[_CURVES[str(named)].name][0]
        return EllipticCurvePublicKey.from_encoded_point(curve(), bits)
    if kind != _RSA_KEY:
        raise reader.wrong("of a kind that is not known here")
    inside = Reader(bits, _WHERE)
    numbers = inside.open(der.SEQUENCE)
    inside.end()
    n, e = numbers.integer(), numbers.integer()
    numbers.end()
    if not (n > 0 and n % 2 and n.bit_length() <= _RSA_BITS_MAX and 2 < e < 1 << 33 and e % 2):
        raise reader.wrong("no RSA key")
    return RSAPublicKey(n, e)


hashes = ec = padding = rsa = sys.modules[__name__]
Encoding = PublicFormat = None
"""A verifier writes no keys."""
