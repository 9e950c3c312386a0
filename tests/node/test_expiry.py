"""Certificates that end soon are named in time."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from consensus.messages import Voter
from node.member.expiry import expiring

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def replica(name: str, ends_in: timedelta) -> Voter:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + ends_in)
        .sign(key, hashes.SHA256())
    )
    return Voter(f"{name}/{1:016x}", f"{name}:7000", certificate.public_bytes(Encoding.DER))


@pytest.mark.parametrize(
    ("ends_in", "said"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), "ends in 30 days"),
        (timedelta(days=1, hours=3), "ends in 1 days"),
        (timedelta(hours=3), "ends in 0 days"),
        (timedelta(), "has ended"),
        (-timedelta(days=3), "has ended"),
    ],
)
def test_a_certificate_is_named_a_month_before(ends_in: timedelta, said: str | None) -> None:
    told = expiring([replica("court", ends_in)], NOW.timestamp())
    assert told == ([] if said is None else [f"the TLS certificate of court {said}; {HINT}"])


HINT = "see Leaving in docs/operations.md"


def test_each_is_named_and_what_is_no_certificate_is_passed_over() -> None:
    garbled = Voter(f"notary/{1:016x}", "notary:7000", b"none")
    soon = replica("forensic", timedelta(days=2))
    told = expiring([garbled, replica("court", timedelta(days=300)), soon], NOW.timestamp())
    assert [each.split()[4] for each in told] == ["forensic"]
