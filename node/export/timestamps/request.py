"""TimeStampReq (RFC 3161, section 2.4.1): what an authority is asked.

>>> from node.export.signing.algorithms import SHA256
>>> body = b"example.com/log\\n20\\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\n"
>>> request = TimestampRequest(Imprint.of(body, SHA256), nonce=7)
>>> format_request(request).hex()[:50]
'303a020101302f300b060960864801650304020104202c6c25'
>>> parse_request(format_request(request)) == request
True
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.export.signing import algorithms, der
from node.export.signing.der import Reader

QUERY_TYPE = "application/timestamp-query"
REQUEST_SIZE_MAX = 4_096
"""A digest, a policy and a nonce take a tenth of it."""
NONCE_BITS_MAX = 160
"""Of a nonce or serial number; RFC 3161 asks for as many."""

_WHERE = "timestamp request"


@dataclass(frozen=True, slots=True)
class Imprint:
    """The digest of what is stamped; the algorithm may be one that we do not know."""

    algorithm: str
    digest: bytes

    @classmethod
    def of(cls, data: bytes, algorithm: str) -> Imprint:
        """The imprint of these bytes."""
        return cls(algorithm, algorithms.digest(algorithm, data))

    @property
    def is_known(self) -> bool:
        """Whether it can be a digest by an algorithm that we know."""
        return len(self.digest) == algorithms.DIGEST_SIZES.get(self.algorithm)


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """What is asked for."""

    imprint: Imprint
    policy: str | None = None
    nonce: int | None = None
    certificates: bool = True
    has_extensions: bool = False
    """Of others: none is known here."""


def format_imprint(imprint: Imprint) -> bytes:
    """An imprint, without parameters of its algorithm (RFC 5754)."""
    return der.sequence(algorithms.algorithm(imprint.algorithm), der.octets(imprint.digest))


def parse_imprint(reader: Reader) -> Imprint:
    """The imprint that comes next."""
    inside = reader.open(der.SEQUENCE)
    imprint = Imprint(algorithms.read_algorithm(inside), inside.content(der.OCTET_STRING))
    inside.end()
    return imprint


def format_request(request: TimestampRequest) -> bytes:
    """The bytes that are posted as `application/timestamp-query`."""
    assert not request.has_extensions
    return der.sequence(
        der.integer(1),
        format_imprint(request.imprint),
        *([] if request.policy is None else [der.oid(request.policy)]),
        *([] if request.nonce is None else [der.integer(request.nonce)]),
        *([der.true()] if request.certificates else []),
    )


def parse_request(data: bytes) -> TimestampRequest:
    """The request these bytes are; also one that nobody here would answer."""
    if len(data) > REQUEST_SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {REQUEST_SIZE_MAX} bytes")
    outside = Reader(data, _WHERE)
    reader = outside.open(der.SEQUENCE)
    outside.end()
    if reader.integer() != 1:
        raise reader.wrong("not of version 1")
    imprint = parse_imprint(reader)
    policy = reader.oid() if reader.tag == der.OID else None
    nonce = reader.integer() if reader.tag == der.INTEGER else None
    if nonce is not None and not 0 <= nonce < 1 << NONCE_BITS_MAX:
        raise reader.wrong(f"a nonce that is negative or of more than {NONCE_BITS_MAX} bits")
    certificates = reader.default_false()
    extensions = reader.optional(der.context(0)) is not None
    reader.end()
    return TimestampRequest(imprint, policy, nonce, certificates, extensions)
