"""CMS SignedData (RFC 5652) with one signer, as timestamps and detached signatures (.p7s) have it.

What is written is DER with P-256 and SHA-256; the signer is named by issuer and serial number, and
the signed attributes are the content's type and digest, the time the signer claims and the digest
of the signer's certificate (ESSCertIDv2, RFC 5035), so that no other certificate of the same key
can be put in its place.

What is read may be signed with any algorithm of `algorithms`. The equation alone says nothing about
who it was: `verify_signer` gives a certificate, and `chain.find_path` says what that is worth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.evidence.digests import sha256
from node.evidence.keys import P256, BadSignature
from node.evidence.malformed import Malformed
from node.export.signing import algorithms, der
from node.export.signing.certificate import Certificate, parse_certificate
from node.export.signing.credential import Credential
from node.export.signing.der import Reader

SIZE_MAX = 65_536
"""Signatures with the certificates of four authorities have a tenth of it."""
CERTIFICATES_MAX = 16

DATA = "1.2.840.113549.1.7.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_WHERE = "CMS"


@dataclass(frozen=True, slots=True)
class Signed:
    """SignedData as it was read; nothing is verified yet."""

    content_type: str
    content: bytes | None
    certificates: tuple[Certificate, ...]
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    attributes: Mapping[str, bytes] = field(repr=False)
    """By identifier: the one value of each signed attribute."""
    signed: bytes = field(repr=False)
    """The signed attributes as the signature is over them."""
    issuer_and_serial: tuple[bytes, int] | None
    key_id: bytes | None

    @property
    def claimed_s(self) -> int | None:
        """When the signer says it signed."""
        value = self.attributes.get(_SIGNING_TIME)
        return None if value is None else Reader(value, _WHERE).certificate_time()


# Writing.


def sign(
    credential: Credential,
    content: bytes,
    at_s: int,
    *,
    content_type: str = DATA,
    detached: bool = False,
    enclose: bool = True,
) -> bytes:
    """SignedData over `content`, which it holds unless it is `detached`; the certificates come
    along if asked to."""
    assert credential.signer.public.algorithm == P256
    attributes = _attributes(credential.leaf, content, content_type, at_s)
    signature = credential.signer.sign(der.set_of(attributes)).raw
    leaf = credential.leaf
    signer_info = der.sequence(
        der.integer(1),
        der.sequence(leaf.issuer, der.integer(leaf.serial)),
        algorithms.algorithm(algorithms.SHA256),
        der.set_of(attributes, der.context(0)),
        algorithms.algorithm(algorithms.ECDSA_SHA256),
        der.octets(signature),
    )
    inner = [] if detached else [der.tlv(der.context(0), der.octets(content))]
    certificates = [each.der for each in credential.chain] if enclose else []
    signed = der.sequence(
        der.integer(1 if content_type == DATA else 3),
        der.set_of([algorithms.algorithm(algorithms.SHA256)]),
        der.sequence(der.oid(content_type), *inner),
        *([der.set_of(certificates, der.context(0))] if certificates else []),
        der.set_of([signer_info]),
    )
    return der.sequence(der.oid(_SIGNED_DATA), der.tlv(der.context(0), signed))


def _attributes(leaf: Certificate, content: bytes, content_type: str, at_s: int) -> list[bytes]:
    certificate = der.sequence(der.sequence(der.sequence(der.octets(leaf.digest))))
    values = {
        _CONTENT_TYPE: der.oid(content_type),
        _SIGNING_TIME: der.certificate_time(at_s),
        _MESSAGE_DIGEST: der.octets(sha256(content)),
        _SIGNING_CERTIFICATE_V2: certificate,
    }
    return [der.sequence(der.oid(name), der.set_of([value])) for name, value in values.items()]


# Reading.


def parse_signed(data: bytes) -> Signed:
    """The SignedData these bytes are; `Malformed` if they are none, or have not one signer."""
    if len(data) > SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {SIZE_MAX} bytes")
    outside = Reader(data, _WHERE)
    info = outside.open(der.SEQUENCE)
    outside.end()
    if info.oid() != _SIGNED_DATA:
        raise info.wrong("not SignedData")
    explicit = info.open(der.context(0))
    info.end()
    reader = explicit.open(der.SEQUENCE)
    explicit.end()
    version, listed = reader.integer(), _elements(reader.open(der.SET))
    content_type, content = _content(reader.open(der.SEQUENCE))
    certificates = _certificates(reader.optional(der.context(0)))
    reader.optional(der.context(1))  # Revocation lists: only the verifier's own count.
    signers = reader.open(der.SET)
    reader.end()
    signer = signers.open(der.SEQUENCE)
    signers.end()
    signed = _parse_signer(signer, content_type, content, certificates)
    # Nobody signs these two, so they have one spelling or are refused.
    if version != (1 if content_type == DATA and signed.key_id is None else 3):
        raise reader.wrong("of another version than its contents")
    digesting = [algorithms.read_algorithm(Reader(each, _WHERE)) for each in listed]
    if signed.digest_algorithm not in digesting:
        raise reader.wrong("the signer's digest algorithm is not listed")
    return signed


def verify_signer(
    signed: Signed, content: bytes, others: Sequence[Certificate] = ()
) -> Certificate:
    """The certificate whose key signed `content`; raises `BadSignature`. It may be enclosed or one
    of `others`."""
    leaf = _signer(signed, others)
    attributes = signed.attributes
    if attributes.get(_CONTENT_TYPE) != der.oid(signed.content_type):
        raise BadSignature("signed as another type of content")
    digest = algorithms.digest(signed.digest_algorithm, content)
    if attributes.get(_MESSAGE_DIGEST) != der.octets(digest):
        raise BadSignature("signed over other content")
    _check_certificate_digest(attributes, leaf)
    algorithm = algorithms.signed_with(signed.signature_algorithm, signed.digest_algorithm)
    algorithms.verify(leaf.public_key, algorithm, signed.signed, signed.signature)
    return leaf


def _content(reader: Reader) -> tuple[str, bytes | None]:
    content_type, content = reader.oid(), None
    if (explicit := reader.optional(der.context(0))) is not None:
        content = explicit.content(der.OCTET_STRING)
        explicit.end()
    reader.end()
    return content_type, content


def _certificates(reader: Reader | None) -> tuple[Certificate, ...]:
    """Those enclosed, in any order, as many write them; attribute certificates are passed over."""
    found = [] if reader is None else _elements(reader)
    return tuple(parse_certificate(each) for each in found if each[0] == der.SEQUENCE)


def _elements(reader: Reader) -> list[bytes]:
    found: list[bytes] = []
    while reader.tag is not None:
        found.append(reader.whole())
        if len(found) > CERTIFICATES_MAX:
            raise reader.wrong(f"more than {CERTIFICATES_MAX} in one list")
    return found


def _parse_signer(
    reader: Reader, content_type: str, content: bytes | None, certificates: tuple[Certificate, ...]
) -> Signed:
    version, issuer_and_serial, key_id = reader.integer(), None, None
    if (named := reader.optional(der.SEQUENCE)) is not None:
        issuer_and_serial = named.whole(der.SEQUENCE), named.integer()
        named.end()
    else:
        key_id = reader.content(der.context(0, constructed=False))
    if version != (1 if key_id is None else 3):
        raise reader.wrong("a signer of another version than its name")
    digest_algorithm = algorithms.read_algorithm(reader)
    if digest_algorithm not in algorithms.DIGESTS:
        raise reader.wrong(f"digest algorithm {digest_algorithm} is not known here")
    attributes = reader.whole(der.context(0))
    signed = Signed(
        content_type=content_type,
        content=content,
        certificates=certificates,
        digest_algorithm=digest_algorithm,
        attributes=_signed_attributes(Reader(attributes, _WHERE).open(der.context(0))),
        signed=bytes([der.SET]) + attributes[1:],
        signature_algorithm=algorithms.read_algorithm(reader),
        signature=reader.content(der.OCTET_STRING),
        issuer_and_serial=issuer_and_serial,
        key_id=key_id,
    )
    reader.optional(der.context(1))  # Not signed: a renewal may stand here one day.
    reader.end()
    _ = signed.claimed_s  # Whoever asks for it later must not meet bytes that are no time.
    return signed


def _signed_attributes(reader: Reader) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in reader.each(der.SEQUENCE):
        name, values = each.oid(), each.open(der.SET)
        each.end()
        if name in found:
            raise each.wrong(f"the signed attribute {name} twice")
        found[name] = values.whole()
        values.end()
    return found


def _signer(signed: Signed, others: Sequence[Certificate]) -> Certificate:
    for each in (*signed.certificates, *others):
        by_name = signed.issuer_and_serial == (each.issuer, each.serial)
        if by_name or (signed.key_id is not None and signed.key_id == each.subject_key_id):
            return each
    raise BadSignature("the signer's certificate is neither enclosed nor given")


def _check_certificate_digest(attributes: Mapping[str, bytes], leaf: Certificate) -> None:
    """The signed attribute must name this certificate: with SHA-1 only where nothing newer does."""
    if (value := attributes.get(_SIGNING_CERTIFICATE_V2)) is not None:
        first = Reader(value, _WHERE).open(der.SEQUENCE).open(der.SEQUENCE).open(der.SEQUENCE)
        # The default is often spelled out all the same.
        named = algorithms.read_algorithm(first) if first.tag == der.SEQUENCE else None
        algorithm = named or algorithms.SHA256
        if algorithm not in algorithms.DIGESTS:
            raise BadSignature(f"digest algorithm {algorithm} is not known here")
        expected = algorithms.digest(algorithm, leaf.der)
    elif (value := attributes.get(_SIGNING_CERTIFICATE)) is not None:
        first = Reader(value, _WHERE).open(der.SEQUENCE).open(der.SEQUENCE).open(der.SEQUENCE)
        expected = hashlib.sha1(leaf.der, usedforsecurity=False).digest()
    else:
        raise BadSignature("it does not say which certificate the signer means")
    if first.content(der.OCTET_STRING) != expected:
        raise BadSignature("signed for another certificate than the one at hand")
