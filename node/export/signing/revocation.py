"""Certificate revocation lists (RFC 5280): complete ones, of the issuer itself.

>>> from node.export.signing import der
>>> parse_revocations(der.sequence())
Traceback (most recent call last):
node.evidence.malformed.Malformed: revocation list: it breaks off
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.export.signing import algorithms, der
from node.export.signing.certificate import CRL_SIGN, Certificate, pem_blocks
from node.export.signing.der import Reader

SIZE_MAX = 1 << 20
"""10,000 certificates, the most that is read, take some 400 kB."""

_WHERE = "revocation list"


@dataclass(frozen=True, slots=True)
class Revocations:
    """What an issuer has revoked, and since when: seconds by serial number."""

    der: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature_algorithm: str
    signature: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    made_s: int
    revoked_s: Mapping[int, int] = field(compare=False)

    def is_by(self, issuer: Certificate) -> bool:
        """Whether this certificate's key made the list, and may."""
        if self.issuer != issuer.subject or not issuer.may(CRL_SIGN):
            return False
        try:
            algorithms.verify(
                issuer.public_key, self.signature_algorithm, self.signed, self.signature
            )
        except BadSignature:
            return False
        return True


def parse_revocations(data: bytes) -> Revocations:
    """The list these bytes are. One that is not complete, or not the issuer's own, is refused: to
    take it for all there is would let a revoked certificate pass."""
    if len(data) > SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {SIZE_MAX} bytes")
    outside = Reader(data, _WHERE)
    inside = outside.open(der.SEQUENCE)
    outside.end()
    signed = inside.whole(der.SEQUENCE)
    algorithm = algorithms.read_algorithm(inside)
    signature, _ = inside.bits()
    inside.end()
    reader = Reader(signed, _WHERE).open(der.SEQUENCE)
    if reader.tag == der.INTEGER and reader.integer() != 1:
        raise reader.wrong("not of version 2")
    if algorithms.read_algorithm(reader) != algorithm:
        raise reader.wrong("signed with another algorithm than it says inside")
    issuer, made_s = reader.whole(der.SEQUENCE), reader.certificate_time()
    if reader.tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        reader.certificate_time()
    revoked: dict[int, int] = {}
    if (listed := reader.optional(der.SEQUENCE)) is not None:
        for each in listed.each(der.SEQUENCE):
            serial, since_s = each.integer(), each.certificate_time()
            revoked[serial] = min(since_s, revoked.get(serial, since_s))
            if (about := each.optional(der.SEQUENCE)) is not None:
                _refuse_critical(about)
            each.end()
    if (explicit := reader.optional(der.context(0))) is not None:
        _refuse_critical(explicit.open(der.SEQUENCE))
        explicit.end()
    reader.end()
    return Revocations(data, signed, algorithm, signature, issuer, made_s, revoked)


def parse_revocation_lists(pem: bytes, where: str = _WHERE) -> tuple[Revocations, ...]:
    """All lists of a PEM text."""
    return tuple(parse_revocations(data) for data in pem_blocks(pem, "X509 CRL", where))


def _refuse_critical(extensions: Reader) -> None:
    """Critical ones say that the list is a part of one, or another's."""
    for each in extensions.each(der.SEQUENCE):
        identifier = each.oid()
        if each.default_false():
            raise each.wrong(f"the critical extension {identifier}")
        each.content(der.OCTET_STRING)
        each.end()
