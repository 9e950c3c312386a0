"""Certificates are read as they are written, lead to roots from outside, and to no others."""

import dataclasses
import random
from pathlib import Path

import pytest

from devnet.certificates import Names, Validity, make_revocations, make_root
from node.evidence.keys import P256, SM2
from node.evidence.malformed import Malformed
from node.export.signing.certificate import (
    TIME_STAMPING,
    format_certificates,
    format_pem,
    parse_certificate,
    parse_certificates,
)
from node.export.signing.chain import (
    Anchors,
    NotValidThen,
    RevokedBefore,
    Untrusted,
    find_path,
    read_anchors,
)
from node.export.signing.revocation import parse_revocations
from node.export.signing.six_items import (
    CertificateItem,
    CertificateUse,
    SixItems,
    format_six_items,
)
from tests.node.export.paper import (
    AROUND,
    NOW_S,
    YEAR_S,
    below,
    holder,
    openssl,
    root,
    signer,
    stamper,
)

BOTH = pytest.mark.parametrize("algorithm", [P256, SM2])


@BOTH
def test_a_path_leads_over_an_issuing_authority_to_the_root(algorithm: str) -> None:
    top = root(algorithm=algorithm)
    middle = below(top)
    credential = holder(middle, middle.certificate)
    path = find_path(credential.leaf, credential.chain, Anchors((top.certificate,)), NOW_S)
    assert path.certificates == (credential.leaf, middle.certificate, top.certificate)
    assert not path.revocation_known
    assert path.revoked_later_s is None


@BOTH
def test_a_root_of_the_same_name_is_another_root(algorithm: str) -> None:
    """All is forged anew under the same names (T3): the enclosed root changes nothing."""
    forged = root("somebody else", algorithm)
    credential = holder(forged, forged.certificate)
    honest = Anchors((root(algorithm=algorithm).certificate,))
    with pytest.raises(Untrusted, match="was not issued by the"):
        find_path(credential.leaf, credential.chain, honest, NOW_S)


def test_nobody_leads_to_no_roots() -> None:
    credential = holder(root())
    with pytest.raises(Untrusted, match="nobody from outside"):
        find_path(credential.leaf, credential.chain, Anchors(()), NOW_S)


def test_a_holder_issues_nothing() -> None:
    """A leaf that signs another's certificate is no authority, whatever its key can do."""
    top = root()
    leaf = holder(top)
    posing = dataclasses.replace(top, signer=leaf.signer, certificate=leaf.leaf)
    victim = holder(posing, leaf.leaf, seed="victim")
    with pytest.raises(Untrusted, match="may issue no certificates"):
        find_path(victim.leaf, victim.chain, Anchors((top.certificate,)), NOW_S)


def test_an_issuing_authority_makes_no_authority_below_it() -> None:
    top = root()
    middle = below(top)
    lower = middle.issue_authority(signer("lower"), Names("Lower CA", "测试机构"), AROUND, 5)
    credential = holder(lower, lower.certificate, middle.certificate)
    with pytest.raises(Untrusted, match="so high in a chain"):
        find_path(credential.leaf, credential.chain, Anchors((top.certificate,)), NOW_S)


def test_validity_is_that_of_the_moment_of_use() -> None:
    top = root(validity=Validity(NOW_S - YEAR_S, NOW_S + 9 * YEAR_S))
    credential, anchors = holder(top), Anchors((top.certificate,))
    path = find_path(credential.leaf, credential.chain, anchors, NOW_S)
    assert not path.expired_by(NOW_S)
    assert path.expired_by(NOW_S + 2 * YEAR_S)
    for at_s in (NOW_S - YEAR_S - 1, NOW_S + YEAR_S + 1):
        with pytest.raises(NotValidThen, match="not valid when it was used"):
            find_path(credential.leaf, credential.chain, anchors, at_s)


@BOTH
def test_revoked_before_is_not_revoked_after(algorithm: str) -> None:
    top = root(algorithm=algorithm)
    credential = holder(top)
    serial = credential.leaf.serial

    def anchors(since_s: int) -> Anchors:
        pem = format_certificates([top.certificate])
        listed = make_revocations(top, NOW_S, [(5, NOW_S - 9), (serial, since_s)])
        return read_anchors([pem, format_pem("X509 CRL", listed)])

    path = find_path(credential.leaf, credential.chain, anchors(NOW_S + 1), NOW_S)
    assert path.revocation_known
    assert path.revoked_later_s == NOW_S + 1
    with pytest.raises(RevokedBefore):
        find_path(credential.leaf, credential.chain, anchors(NOW_S), NOW_S)


def test_a_list_by_somebody_else_of_the_same_name_says_nothing() -> None:
    top, credential = root(), holder(root())
    listed = make_revocations(root("forger"), NOW_S, [(credential.leaf.serial, 0)])
    anchors = Anchors((top.certificate,), (parse_revocations(listed),))
    assert not find_path(credential.leaf, (), anchors, NOW_S).revocation_known


def test_a_certificate_for_timestamps_says_so_critically() -> None:
    leaf = stamper(root()).leaf
    assert leaf.extended_key_usage == {TIME_STAMPING}
    assert leaf.extended_is_critical


def test_anchors_are_authorities() -> None:
    with pytest.raises(Malformed, match="no certificate of an authority"):
        read_anchors([format_certificates([holder(root()).leaf])])
    with pytest.raises(Malformed, match="no certificate in PEM"):
        read_anchors([b"# nothing here\n"])


def test_look_alikes_do_not_keep_anybody_busy() -> None:
    """The search ends after so many signatures, however many names are alike."""
    forger = signer("forger")
    name = Names("Test Root", "测试机构")
    alike = [make_root(forger, name, AROUND, serial).certificate for serial in range(2, 202)]
    credential = holder(root())
    with pytest.raises(Untrusted, match="look alike"):
        find_path(credential.leaf, alike, Anchors(()), NOW_S)


@BOTH
def test_openssl_accepts_what_is_issued(algorithm: str, tmp_path: Path) -> None:
    """Hop by hop: `openssl verify` takes the identity of SM2 for the last certificate only."""
    top = root(algorithm=algorithm)
    middle = below(top)
    credential = holder(middle, middle.certificate)
    (tmp_path / "root.pem").write_bytes(format_certificates([top.certificate]))
    (tmp_path / "middle.pem").write_bytes(format_certificates([middle.certificate]))
    (tmp_path / "leaf.pem").write_bytes(format_certificates([credential.leaf]))
    how = f"-attime {NOW_S} -x509_strict -partial_chain"
    how += " -vfyopt distid:1234567812345678" if algorithm == SM2 else ""
    for above, certificate in (("root.pem", "middle.pem"), ("middle.pem", "leaf.pem")):
        said = openssl(tmp_path, f"verify {how} -CAfile {above} {certificate}")
        assert said.ok, said.text


def test_six_items_are_those_of_the_certificate(tmp_path: Path) -> None:
    leaf = holder(root()).leaf
    values = dict(SixItems(leaf).values())
    assert list(values) == list(CertificateItem)
    assert values[CertificateItem.HOLDER] == "C=CN, O=测试平台, CN=Test Platform"
    assert values[CertificateItem.PROVIDER] == "C=CN, O=测试机构, CN=Test Root"
    assert values[CertificateItem.SERIAL] == "4d"
    text = format_six_items([(CertificateUse.P256, leaf)]).decode()
    assert all(value in text for value in values.values())
    (tmp_path / "leaf.pem").write_bytes(format_certificates([leaf]))
    said = openssl(tmp_path, "x509 -in leaf.pem -noout -serial -dates -dateopt iso_8601")
    assert "serial=4D" in said.text
    start, end = values[CertificateItem.VALIDITY].replace("T", " ").split(" - ")
    assert f"notBefore={start}" in said.text
    assert f"notAfter={end}" in said.text


def test_names_mislead_no_terminal() -> None:
    name = Names("a\u202eb\x1b[31m\n", "o")
    text = make_root(signer("x"), name, AROUND, 1).certificate.subject_text
    assert text == "C=CN, O=o, CN=a\\u202eb\\u001b[31m\\u000a"


def test_pem_with_other_blocks_is_read() -> None:
    top = root().certificate
    text = b"# mine\n" + format_pem("X509 CRL", b"x") + format_certificates([top, top])
    assert parse_certificates(text) == (top, top)


def test_one_byte_more_or_less_is_no_certificate() -> None:
    data = root().certificate.der
    for hostile in (data + b"\0", data[:-1], b""):
        with pytest.raises(Malformed):
            parse_certificate(hostile)


def test_flipped_certificates_lead_nowhere() -> None:
    """Every byte of leaf and issuing authority, flipped: no way is found, no other error raised."""
    chance = random.Random(20261122)
    top = root()
    middle = below(top)
    credential = holder(middle, middle.certificate)
    anchors = Anchors((top.certificate,))
    for flipped in credential.chain:
        for at in range(len(flipped.der)):
            data = bytearray(flipped.der)
            data[at] ^= 1 << chance.randrange(8)
            try:
                other = parse_certificate(bytes(data))
                chain = [other if each == flipped else each for each in credential.chain]
                find_path(chain[0], chain, anchors, NOW_S)
            except (Malformed, Untrusted):
                continue
            pytest.fail(f"byte {at} of {flipped.subject_text}")
