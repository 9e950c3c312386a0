"""Certificates and timestamps as a deposit certificate shows them.

They come verified from `signing` and `timestamps`; here they become fields 16, 17 and 22.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.export.certificate.parts import Certified, Root, Stamp
from node.export.signing import algorithms
from node.export.signing.certificate import Certificate
from node.export.timestamps.verifying import Stamped


def certified(certificate: Certificate, purpose: str, licence_no: str | None = None) -> Certified:
    """The six items of a certificate; `licence_no` is its issuer's, from a registry."""
    signature = certificate.signature_algorithm
    return Certified(
        purpose=purpose,
        algorithm=algorithms.NAMES.get(signature, signature),
        issuer=certificate.issuer_text,
        subject=certificate.subject_text,
        serial=f"{certificate.serial:x}",
        valid_from_ms=certificate.not_before_s * 1000,
        valid_to_ms=certificate.not_after_s * 1000,
        public_key=certificate.public_key,
        issuer_signature=certificate.signature,
        sha256=certificate.digest,
        licence_no=licence_no,
    )


def stamp(stamped: Stamped, time_source: str | None = None) -> Stamp:
    """A timestamp that holds; where its authority has its time from, it does not say itself."""
    info = stamped.info
    return Stamp(
        authority=stamped.authority.subject_text,
        time_ms=info.time_ms,
        imprint=algorithms.DIGESTS[info.imprint.algorithm].upper().replace("SHA", "SHA-"),
        independent=not stamped.is_own,
        accuracy_ms=info.accuracy_ms,
        time_source=time_source,
    )


def roots(certificates: Iterable[Certificate]) -> tuple[Root, ...]:
    """Fingerprints to compare with what is published elsewhere."""
    return tuple(Root(each.subject_text, each.digest) for each in dict.fromkeys(certificates))
