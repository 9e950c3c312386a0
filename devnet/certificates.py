"""Certificates for what a devnet signs for courts: a test authority, and what it issues.

`cryptography` cannot make certificates with SM2 keys, so these are written with our own DER, for
P-256 and SM2 alike. Nothing is random but serial numbers, which the caller gives. Everything is
called a test in its name: `CN=cunzheng devnet test ...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.evidence import digests
from node.evidence.keys import P256, PublicKey, Signer
from node.export.signing import algorithms, der
from node.export.signing.certificate import TIME_STAMPING, Certificate, parse_certificate

AUTHORITY_USAGE = bytes([0b0000_0110])  # keyCertSign, cRLSign
SIGNATURE_USAGE = bytes([0b1100_0000])  # digitalSignature, nonRepudiation


@dataclass(frozen=True, slots=True)
class Names:
    """The parts of a name, in the order in which they are written."""

    common_name: str
    organisation: str
    country: str = "CN"

    @property
    def der(self) -> bytes:
        country = der.tlv(der.PRINTABLE_STRING, self.country.encode("ascii"))
        parts = (
            ("2.5.4.6", country),
            ("2.5.4.10", der.utf8(self.organisation)),
            ("2.5.4.3", der.utf8(self.common_name)),
        )
        return der.sequence(
            *(der.set_of([der.sequence(der.oid(name), value)]) for name, value in parts)
        )


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when, POSIX seconds."""

    not_before_s: int
    not_after_s: int


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority: its key and its certificate, which may be a root."""

    signer: Signer
    certificate: Certificate

    def issue(
        self,
        key: PublicKey,
        name: Names,
        validity: Validity,
        serial: int,
        *,
        purpose: str | None = None,
    ) -> Certificate:
        """A certificate for signatures, or for one purpose only, then critically so."""
        extensions = [
            _extension("2.5.29.19", der.sequence(), critical=True),
            _extension("2.5.29.15", der.bits(SIGNATURE_USAGE, 6), critical=True),
            *_key_ids(key, self.signer.public),
        ]
        if purpose is not None:
            usage = der.sequence(der.oid(purpose))
            extensions.append(_extension("2.5.29.37", usage, critical=True))
        return _sign(self.signer, self.certificate.subject, key, name, validity, serial, extensions)

    def issue_timestamping(
        self, key: PublicKey, name: Names, validity: Validity, serial: int
    ) -> Certificate:
        """A certificate for timestamps and nothing else (RFC 3161, section 2.3)."""
        return self.issue(key, name, validity, serial, purpose=TIME_STAMPING)

    def issue_authority(
        self, signer: Signer, name: Names, validity: Validity, serial: int
    ) -> Issuer:
        """An authority below this one, which may issue to holders only."""
        extensions = _authority_extensions(signer.public, self.signer.public, path_length=0)
        key, issuer = signer.public, self.certificate.subject
        certificate = _sign(self.signer, issuer, key, name, validity, serial, extensions)
        return Issuer(signer, certificate)


def make_root(signer: Signer, name: Names, validity: Validity, serial: int) -> Issuer:
    """An authority that vouches for itself."""
    extensions = _authority_extensions(signer.public, signer.public, path_length=None)
    certificate = _sign(signer, name.der, signer.public, name, validity, serial, extensions)
    return Issuer(signer, certificate)


def make_revocations(issuer: Issuer, made_s: int, revoked: Sequence[tuple[int, int]]) -> bytes:
    """A list of serial numbers and since when each is revoked (DER)."""
    listed = [
        der.sequence(der.integer(serial), der.certificate_time(since_s))
        for serial, since_s in revoked
    ]
    algorithm = _algorithm(issuer.signer)
    signed = der.sequence(
        der.integer(1),
        algorithm,
        issuer.certificate.subject,
        der.certificate_time(made_s),
        *([der.sequence(*listed)] if listed else []),
    )
    return der.sequence(signed, algorithm, der.bits(issuer.signer.sign(signed).raw))


def _sign(
    by: Signer,
    issuer: bytes,
    key: PublicKey,
    name: Names,
    validity: Validity,
    serial: int,
    extensions: Sequence[bytes],
) -> Certificate:
    algorithm = _algorithm(by)
    signed = der.sequence(
        der.tlv(der.context(0), der.integer(2)),
        der.integer(serial),
        algorithm,
        issuer,
        der.sequence(
            der.certificate_time(validity.not_before_s), der.certificate_time(validity.not_after_s)
        ),
        name.der,
        key.raw,
        der.tlv(der.context(3), der.sequence(*extensions)),
    )
    return parse_certificate(der.sequence(signed, algorithm, der.bits(by.sign(signed).raw)))


def _algorithm(signer: Signer) -> bytes:
    is_p256 = signer.public.algorithm == P256
    return algorithms.algorithm(algorithms.ECDSA_SHA256 if is_p256 else algorithms.SM2_SM3)


def _authority_extensions(
    key: PublicKey, issuer: PublicKey, *, path_length: int | None
) -> list[bytes]:
    length = [] if path_length is None else [der.integer(path_length)]
    return [
        _extension("2.5.29.19", der.sequence(der.true(), *length), critical=True),
        _extension("2.5.29.15", der.bits(AUTHORITY_USAGE, 1), critical=True),
        *_key_ids(key, issuer),
    ]


def _key_ids(key: PublicKey, issuer: PublicKey) -> list[bytes]:
    """Of the key and of its issuer's: the first 20 bytes of SHA-256 (RFC 7093)."""
    subject, authority = (digests.sha256(each.raw)[:20] for each in (key, issuer))
    named = der.sequence(der.tlv(der.context(0, constructed=False), authority))
    return [_extension("2.5.29.14", der.octets(subject)), _extension("2.5.29.35", named)]


def _extension(identifier: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(identifier), *([der.true()] if critical else []), der.octets(value))
