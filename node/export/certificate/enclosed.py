"""What is attached inside a certificate PDF, taken out of whatever somebody calls one.

The PDF alone is enough to verify: it carries the proof file, the policy and its own data. All of it
is as hostile as any file; limits hold while streams are inflated, and whatever is wrong with it
raises `Malformed` and nothing else. That these attachments agree with each other and with the proof
is checked here; that the pages show what the data says, only the signature tells (`validation`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, fields

from pyhanko.pdf_utils.decode_limits import (
    DecodeLimits,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.generic import StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader

from node.evidence.malformed import Malformed
from node.evidence.proof_text import PROOF_SIZE_MAX, parse_proof
from node.export.certificate.codec import DOCUMENT_SIZE_MAX
from node.export.certificate.drawing_up import drawn_again
from node.export.certificate.facts import Facts, parse_facts
from node.export.certificate.rows import CERTIFICATE_FILE, POLICY_FILE, PROOF_FILE

PDF_SIZE_MAX = 32 * 1024 * 1024
"""A certificate has some 200 kB, and the largest proof it can carry 4 MiB."""
ATTACHMENTS_MAX = 16
_WHERE = "certificate PDF"
_MAGIC = b"%PDF-"
_LIMITS = {
    CERTIFICATE_FILE: DOCUMENT_SIZE_MAX,
    PROOF_FILE: PROOF_SIZE_MAX,
    POLICY_FILE: PROOF_SIZE_MAX,
}

_DECODING = DecodeLimits(
    per_stream=StreamDecodeLimits(max_output_size=DOCUMENT_SIZE_MAX),
    document_budget=DocumentDecodeBudget(base_allowance=2 * PDF_SIZE_MAX, max_ratio=2),
)
"""A few kB can be deflated to say gigabytes."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The three files of a certificate."""

    facts: bytes
    proof: bytes
    policy: bytes


def is_pdf(data: bytes) -> bool:
    """Whether this claims to be a PDF."""
    return data.startswith(_MAGIC)


def take_out(pdf: bytes) -> Enclosed:
    """The attachments, as they are; raises `Malformed`."""
    found = attachments(pdf)
    if missing := sorted(_LIMITS.keys() - found.keys()):
        raise Malformed(_WHERE, f"has no {missing[0]} inside")
    return Enclosed(found[CERTIFICATE_FILE], found[PROOF_FILE], found[POLICY_FILE])


def check_agreement(enclosed: Enclosed) -> Facts:
    """That certificate and proof say the same; raises `Malformed`.

    Without this a true proof could be put into the certificate of something else.
    """
    facts, proof = parse_facts(enclosed.facts), parse_proof(enclosed.proof)
    if enclosed.policy != proof.policy_text:
        raise Malformed(_WHERE, f"{POLICY_FILE} is not the policy of the proof")
    expected = drawn_again(facts, proof)
    for each in fields(Facts):
        if getattr(facts, each.name) != getattr(expected, each.name):
            raise Malformed(_WHERE, f"its {each.name} are not what the proof inside says")
    return facts


def open_pdf(pdf: bytes) -> PdfFileReader:
    """A reader with limits; it raises whatever it likes."""
    return PdfFileReader(io.BytesIO(pdf), decode_limits=_DECODING)


def attachments(pdf: bytes) -> dict[str, bytes]:
    """The files we know by name among the document's associated files; raises `Malformed`."""
    if len(pdf) > PDF_SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {PDF_SIZE_MAX} bytes")
    try:
        return dict(_attachments(pdf))
    except Malformed:
        raise
    except Exception as error:  # A PDF can be wrong in ways that nobody has listed.
        raise Malformed(_WHERE, f"cannot be read: {type(error).__name__}") from error


def _attachments(pdf: bytes) -> Iterator[tuple[str, bytes]]:
    reader = open_pdf(pdf)
    associated = reader.root["/AF"]
    if len(associated) > ATTACHMENTS_MAX:
        raise Malformed(_WHERE, f"more than {ATTACHMENTS_MAX} files inside")
    seen: set[str] = set()
    for each in associated:
        specification = each.get_object()
        name = str(specification["/UF"])
        if name in seen:
            raise Malformed(_WHERE, "two files of one name inside")
        seen.add(name)
        if name in _LIMITS:
            stream = specification["/EF"]["/F"]
            if not isinstance(stream, StreamObject):
                raise Malformed(_WHERE, f"{name} is no stream")
            data = bytes(stream.data)
            if len(data) > _LIMITS[name]:
                raise Malformed(_WHERE, f"{name} is longer than {_LIMITS[name]} bytes")
            yield name, data
