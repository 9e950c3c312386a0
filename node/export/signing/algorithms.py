"""Signature algorithms as X.509 and CMS name them: the one module here that calls for a signature.

    ECDSA with SHA-256, SHA-384, SHA-512     on P-256 and P-384; both halves of s, as others sign
    RSA PKCS#1 v1.5 with the same            keys of 2,048 bits and more
    SM2 with SM3                             with the identity 1234567812345678, always

What leaves this platform is P-256 with SHA-256 and SM2 with SM3; the rest is what other
authorities sign their time stamps with. SHA-1 is no algorithm here.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from node.evidence import digests, sm2
from node.evidence.keys import BadSignature
from node.export.signing import der
from node.export.signing.der import Reader

SHA256, SHA384, SHA512 = (f"2.16.840.1.101.3.4.2.{number}" for number in (1, 2, 3))
SM3 = "1.2.156.10197.1.401"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
SM2_SM3 = "1.2.156.10197.1.501"
RSA = "1.2.840.113549.1.1.1"

DIGESTS = {SHA256: "sha256", SHA384: "sha384", SHA512: "sha512", SM3: "sm3"}
"""What a time stamp may be over and what CMS may be signed with."""
DIGEST_SIZES = {SHA256: 32, SHA384: 48, SHA512: 64, SM3: 32}
NAMES = {
    ECDSA_SHA256: "ECDSA with SHA-256",
    "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512",
    "1.2.840.113549.1.1.11": "RSA with SHA-256",
    "1.2.840.113549.1.1.12": "RSA with SHA-384",
    "1.2.840.113549.1.1.13": "RSA with SHA-512",
    SM2_SM3: "SM2 with SM3",
}
"""The algorithms there are, as they are printed."""

RSA_BITS_MIN = 2_048
RSA_BITS_MAX = 8_192
"""A key that fills a certificate would take seconds to verify with."""
KEPT = 256
"""Public keys kept as read, and signatures kept as holding: chains are the same again and again."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    SHA256: hashes.SHA256(),
    SHA384: hashes.SHA384(),
    SHA512: hashes.SHA512(),
}
_DIGEST_OF = {
    ECDSA_SHA256: SHA256,
    "1.2.840.10045.4.3.3": SHA384,
    "1.2.840.10045.4.3.4": SHA512,
    "1.2.840.113549.1.1.11": SHA256,
    "1.2.840.113549.1.1.12": SHA384,
    "1.2.840.113549.1.1.13": SHA512,
    SM2_SM3: SM3,
}
_RSA_WITH = {
    _DIGEST_OF[signature]: signature for signature in NAMES if signature.startswith("1.2.840.1135")
}


def algorithm(identifier: str, *, null: bool = False) -> bytes:
    """An AlgorithmIdentifier; its parameters are absent, or where it is customary NULL."""
    return der.sequence(der.oid(identifier), *([der.null()] if null else []))


def read_algorithm(reader: Reader) -> str:
    """The object identifier of an AlgorithmIdentifier without parameters worth the name."""
    inside = reader.open(der.SEQUENCE)
    identifier = inside.oid()
    if inside.tag is not None and inside.content(der.NULL):
        raise inside.wrong("a NULL that holds something")
    inside.end()
    return identifier


def digest(identifier: str, data: bytes) -> bytes:
    """The digest of `data` by an algorithm of `DIGESTS`."""
    name = DIGESTS[identifier]
    if name in digests.ALGS:
        running = digests.new(name)
        running.update(data)
        return running.digest()
    return hashlib.new(name, data).digest()


def signed_with(signature: str, digested: str) -> str:
    """The algorithm of a CMS signature, which may name RSA alone and the digest elsewhere."""
    found = _RSA_WITH.get(digested, "") if signature == RSA else signature
    if _DIGEST_OF.get(found) != digested:
        raise BadSignature(f"a signature by {signature} over a digest by {digested}")
    return found


@lru_cache(KEPT)
def verify(key: bytes, identifier: str, message: bytes, signature: bytes) -> None:
    """Raise `BadSignature` unless this SubjectPublicKeyInfo signed `message`."""
    if identifier not in NAMES:
        raise BadSignature(f"signature algorithm {identifier} is not known here")
    if identifier == SM2_SM3:
        _verify_sm2(key, message, signature)
        return
    public, hashing = _public_key(key), _HASHES[_DIGEST_OF[identifier]]
    try:
        if isinstance(public, ec.EllipticCurvePublicKey) and "ECDSA" in NAMES[identifier]:
            public.verify(signature, message, ec.ECDSA(hashing))
        elif isinstance(public, rsa.RSAPublicKey) and "RSA" in NAMES[identifier]:
            public.verify(signature, message, padding.PKCS1v15(), hashing)
        else:
            raise BadSignature(f"the key is not one for {NAMES[identifier]}")
    except InvalidSignature:
        raise BadSignature("this key did not sign these bytes") from None


def key_name(key: bytes) -> str:
    """A public key's kind, as it is printed."""
    if sm2.key_fault(key) is None and len(key) == sm2.PUBLIC_KEY_SIZE:
        return "SM2"
    try:
        public = _public_key(key)
    except BadSignature:
        return "unknown"
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA-{public.key_size}"
    return {"secp256r1": "P-256", "secp384r1": "P-384"}[public.curve.name]


def _verify_sm2(key: bytes, message: bytes, signature: bytes) -> None:
    if len(key) != sm2.PUBLIC_KEY_SIZE or sm2.key_fault(key) is not None:
        raise BadSignature("the key is not one for SM2 with SM3")
    if fault := sm2.signature_fault(signature):
        raise BadSignature(fault)
    try:
        held = sm2.holds(key, message, signature)
    except sm2.Sm2Missing as error:  # Whoever must tell the two apart asks `sm2.is_available`.
        raise BadSignature(f"nobody can tell here: {error}") from error
    if not held:
        raise BadSignature("this key did not sign these bytes")


@lru_cache(KEPT)
def _public_key(key: bytes) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature("a public key that is not known here") from None
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < RSA_BITS_MIN:
            raise BadSignature(f"an RSA key of fewer than {RSA_BITS_MIN} bits")
        if public.key_size > RSA_BITS_MAX:
            raise BadSignature(f"an RSA key of more than {RSA_BITS_MAX} bits")
        return public
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(
        public.curve, ec.SECP256R1 | ec.SECP384R1
    ):
        return public
    raise BadSignature("a public key of a kind that is not known here")
