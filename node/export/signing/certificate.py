"""X.509 certificates (RFC 5280), read strictly: also those with SM2 keys, which few libraries read.

Everything is read when a certificate comes in; later nothing about it can fail. Names are compared
byte by byte and shown as `C=CN, O=..., CN=...`, in their own order. An extension that is critical
and not known here makes a certificate useless, as RFC 5280 wants it; it can still be shown.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.export.signing import algorithms, der
from node.export.signing.der import Reader

SIZE_MAX = 16_384
"""Of one certificate; with a long policy text it has 3 kB."""
PEM_SIZE_MAX = 1 << 20
"""Of one file; the roots of all authorities of a country fit."""
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"

_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
_SUBJECT_KEY_ID = "2.5.29.14"
_HARMLESS = {"2.5.29.35", "2.5.29.17", "2.5.29.32", "2.5.29.31", "1.3.6.1.5.5.7.1.1"}
"""Critical or not, these take nothing away from a path: key ids, names, policies, where CRLs are.
"""
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN = 0, 1, 5, 6

_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.97": "organizationIdentifier",
    "1.2.840.113549.1.9.1": "emailAddress",
}
_STRINGS = {
    der.UTF8_STRING: "utf-8",
    der.PRINTABLE_STRING: "ascii",
    der.IA5_STRING: "ascii",
    0x14: "latin-1",  # TeletexString, of which everybody uses only this.
    0x1E: "utf-16-be",  # BMPString
}
_PEM = re.compile(
    rb"-----BEGIN (?P<what>[A-Z0-9 ]+)-----\s(?P<text>[A-Za-z0-9+/=\s]*)-----END (?P=what)-----"
)
_WHERE = "certificate"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it was read; equal if it is the same bytes."""

    der: bytes
    signed: bytes = field(compare=False, repr=False)
    signature_algorithm: str = field(compare=False)
    signature: bytes = field(compare=False, repr=False)
    serial: int = field(compare=False)
    issuer: bytes = field(compare=False, repr=False)
    subject: bytes = field(compare=False, repr=False)
    not_before_s: int = field(compare=False)
    not_after_s: int = field(compare=False)
    public_key: bytes = field(compare=False, repr=False)
    is_authority: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    key_usage: frozenset[int] | None = field(compare=False)
    extended_key_usage: frozenset[str] | None = field(compare=False)
    extended_is_critical: bool = field(compare=False)
    subject_key_id: bytes | None = field(compare=False, repr=False)
    unknown_critical: str | None = field(compare=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of it: the fingerprint that is published."""
        return sha256(self.der)

    @property
    def subject_text(self) -> str:
        return name_text(self.subject)

    @property
    def issuer_text(self) -> str:
        return name_text(self.issuer)

    @property
    def common_name(self) -> str:
        """What it is called in a sentence: its last CN, or else all of its name."""
        names = [value for key, value in _attributes(self.subject) if key == "CN"]
        return names[-1] if names else self.subject_text

    @property
    def is_for_timestamps_alone(self) -> bool:
        """Whether it says so, and critically, as RFC 3161 (section 2.3) wants it."""
        alone = self.extended_key_usage == frozenset({TIME_STAMPING})
        return alone and self.extended_is_critical

    def may(self, usage: int) -> bool:
        """Whether its key usage allows this; without one everything is allowed."""
        return self.key_usage is None or usage in self.key_usage


@lru_cache(1024)
def parse_certificate(data: bytes) -> Certificate:
    """The certificate these bytes are; `Malformed` if they are none."""
    if len(data) > SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {SIZE_MAX} bytes")
    outside = Reader(data, _WHERE)
    inside = outside.open(der.SEQUENCE)
    outside.end()
    signed = inside.whole(der.SEQUENCE)
    algorithm = algorithms.read_algorithm(inside)
    signature, unused = inside.bits()
    inside.end()
    if unused:
        raise inside.wrong("a signature that is not whole bytes")
    return _parse_signed(data, signed, algorithm, signature)


def parse_certificates(pem: bytes, where: str = _WHERE) -> tuple[Certificate, ...]:
    """All certificates of a PEM text, and there must be one."""
    found = tuple(parse_certificate(data) for data in pem_blocks(pem, "CERTIFICATE", where))
    if not found:
        raise Malformed(where, "no certificate in PEM")
    return found


def format_certificates(certificates: Iterable[Certificate]) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(format_pem("CERTIFICATE", each.der) for each in certificates)


def pem_blocks(pem: bytes, what: str, where: str) -> list[bytes]:
    """The contents of all blocks of this kind in a PEM text."""
    if len(pem) > PEM_SIZE_MAX:
        raise Malformed(where, f"longer than {PEM_SIZE_MAX} bytes")
    try:
        return [
            b64decode(b"".join(match["text"].split()), validate=True)
            for match in _PEM.finditer(pem)
            if match["what"] == what.encode()
        ]
    except Base64Error:
        raise Malformed(where, "a block of PEM that is not base64") from None


def format_pem(what: str, data: bytes) -> bytes:
    """One block of PEM."""
    text = b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {what}-----", *lines, f"-----END {what}-----", ""]).encode()


def name_text(name: bytes) -> str:
    """A name for people; what could mislead a terminal or a reader is escaped."""
    return ", ".join(f"{key}={value}" for key, value in _attributes(name))


def _parse_signed(data: bytes, signed: bytes, algorithm: str, signature: bytes) -> Certificate:
    reader = Reader(signed, _WHERE).open(der.SEQUENCE)
    version = 1
    if (explicit := reader.optional(der.context(0))) is not None:
        version = explicit.integer() + 1
        explicit.end()
    serial = reader.integer()
    if algorithms.read_algorithm(reader) != algorithm:
        raise reader.wrong("signed with another algorithm than it says inside")
    issuer = reader.whole(der.SEQUENCE)
    validity = reader.open(der.SEQUENCE)
    not_before_s, not_after_s = validity.certificate_time(), validity.certificate_time()
    validity.end()
    subject, public_key = reader.whole(der.SEQUENCE), reader.whole(der.SEQUENCE)
    for number in (1, 2):  # Identifiers of issuer and subject that nobody uses.
        if reader.tag == der.context(number, constructed=False):
            reader.whole()
    extensions = _extensions(reader) if version == 3 else {}
    reader.end()
    for name in (issuer, subject):
        _attributes(name)
    constraints = _basic_constraints(extensions)
    extended = _extended_key_usage(extensions)
    usage, key_id = extensions.get(_KEY_USAGE), extensions.get(_SUBJECT_KEY_ID)
    known = {_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _SUBJECT_KEY_ID, *_HARMLESS}
    unknown = [each for each, (critical, _) in extensions.items() if critical and each not in known]
    return Certificate(
        der=data,
        signed=signed,
        signature_algorithm=algorithm,
        signature=signature,
        serial=serial,
        issuer=issuer,
        subject=subject,
        not_before_s=not_before_s,
        not_after_s=not_after_s,
        public_key=public_key,
        is_authority=constraints[0],
        path_length=constraints[1],
        key_usage=None if usage is None else Reader(usage[1], _WHERE).named_bits(),
        extended_key_usage=extended,
        extended_is_critical=extensions.get(_EXTENDED_KEY_USAGE, (False, b""))[0],
        subject_key_id=None
        if key_id is None
        else Reader(key_id[1], _WHERE).content(der.OCTET_STRING),
        unknown_critical=unknown[0] if unknown else None,
    )


def _extensions(reader: Reader) -> dict[str, tuple[bool, bytes]]:
    """By identifier: whether it is critical, and what it says."""
    found: dict[str, tuple[bool, bytes]] = {}
    if (explicit := reader.optional(der.context(3))) is None:
        return found
    for each in explicit.open(der.SEQUENCE).each(der.SEQUENCE):
        identifier, critical = each.oid(), each.default_false()
        if identifier in found:
            raise each.wrong(f"extension {identifier} twice")
        found[identifier] = critical, each.content(der.OCTET_STRING)
        each.end()
    explicit.end()
    return found


def _basic_constraints(extensions: dict[str, tuple[bool, bytes]]) -> tuple[bool, int | None]:
    if _BASIC_CONSTRAINTS not in extensions:
        return False, None
    reader = Reader(extensions[_BASIC_CONSTRAINTS][1], _WHERE).open(der.SEQUENCE)
    is_authority = reader.default_false()
    length = reader.integer() if reader.tag is not None else None
    reader.end()
    return is_authority, length


def _extended_key_usage(extensions: dict[str, tuple[bool, bytes]]) -> frozenset[str] | None:
    if _EXTENDED_KEY_USAGE not in extensions:
        return None
    reader = Reader(extensions[_EXTENDED_KEY_USAGE][1], _WHERE).open(der.SEQUENCE)
    found = []
    while reader.tag is not None:
        found.append(reader.oid())
    return frozenset(found)


@lru_cache(1024)
def _attributes(name: bytes) -> tuple[tuple[str, str], ...]:
    found = []
    for part in Reader(name, _WHERE).open(der.SEQUENCE).each(der.SET):
        for attribute in part.each(der.SEQUENCE):
            identifier = attribute.oid()
            found.append((_ATTRIBUTES.get(identifier, identifier), _value(attribute)))
            attribute.end()
    return tuple(found)


def _value(attribute: Reader) -> str:
    tag = attribute.tag
    if tag is None or tag not in _STRINGS:
        return f"#{attribute.whole().hex()}"
    try:
        text = attribute.content(tag).decode(_STRINGS[tag])
    except UnicodeDecodeError:
        raise attribute.wrong("a name that is not spelled as it says") from None
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
