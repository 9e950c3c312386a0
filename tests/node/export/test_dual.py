"""The platform's two signatures: what stock tools and we say of them, and what of forged ones."""

import random
from pathlib import Path

import pytest

from devnet.certificates import Issuer, Validity, make_revocations
from node.evidence.keys import SM2
from node.evidence.malformed import Malformed
from node.export.signing import cms, der
from node.export.signing.certificate import Certificate, format_certificates
from node.export.signing.chain import Anchors, NotValidThen, RevokedBefore, read_anchors
from node.export.signing.credential import Credential
from node.export.signing.dual import (
    Counted,
    NotCounted,
    Platform,
    SignatureNote,
    check_p256,
    check_sm2,
)
from node.export.signing.revocation import parse_revocations
from tests.node.export.paper import NOW_S, YEAR_S, below, holder, openssl, root, signer

BODY = b"cunzheng.test/devnet\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
OTHER = BODY.replace(b"20", b"21")


def platform(p256: Issuer, sm2: Issuer) -> Platform:
    return Platform(holder(p256), holder(sm2, seed="sm2 leaf"))


def roots() -> tuple[Issuer, Issuer]:
    return root(), root("sm2 root", SM2)


def anchors() -> Anchors:
    return Anchors(tuple(each.certificate for each in roots()))


def made_by(signing: Platform) -> tuple[bytes, bytes]:
    """The two signatures over BODY."""
    made = signing.sign(BODY, NOW_S)
    assert made.p7s is not None
    assert made.sm2 is not None
    return made.p7s, made.sm2


def sm2_chain(signing: Platform) -> tuple[Certificate, ...]:
    assert signing.sm2 is not None
    return signing.sm2.chain


def both(
    signing: Platform, trusted: Anchors, at_s: int = NOW_S, now_s: int = NOW_S
) -> tuple[Counted, Counted]:
    """What both signatures over BODY are worth."""
    p7s, raw = made_by(signing)
    return (
        check_p256(BODY, p7s, trusted, at_s, now_s),
        check_sm2(BODY, raw, sm2_chain(signing), trusted, at_s, now_s),
    )


def test_openssl_accepts_both(tmp_path: Path) -> None:
    """The commands that are printed in the instructions, but for the time."""
    signing = platform(*roots())
    p7s, raw = made_by(signing)
    p256_root, sm2_root = roots()
    (tmp_path / "NAME").write_bytes(BODY)
    (tmp_path / "OTHER").write_bytes(OTHER)
    (tmp_path / "NAME.p7s").write_bytes(p7s)
    (tmp_path / "NAME.sm2.sig").write_bytes(raw)
    for name, certificate in (
        ("my-root-p256", p256_root.certificate),
        ("my-root-sm2", sm2_root.certificate),
        ("platform-sm2", sm2_chain(signing)[0]),
    ):
        (tmp_path / f"{name}.pem").write_bytes(format_certificates([certificate]))
    when, distid = f"-attime {NOW_S}", "distid:1234567812345678"
    verify = f"cms -verify {when} -binary -inform DER -purpose any -in NAME.p7s"
    verify += " -CAfile my-root-p256.pem -out /dev/null -content"
    assert openssl(tmp_path, f"{verify} NAME").ok
    assert not openssl(tmp_path, f"{verify} OTHER").ok
    chain = f"verify {when} -vfyopt {distid} -CAfile my-root-sm2.pem platform-sm2.pem"
    assert openssl(tmp_path, chain).ok
    key = openssl(tmp_path, "x509 -in platform-sm2.pem -noout -pubkey")
    (tmp_path / "platform-sm2.pub").write_text(key.text)
    verify = f"dgst -sm3 -verify platform-sm2.pub -sigopt {distid} -signature NAME.sm2.sig"
    assert openssl(tmp_path, f"{verify} NAME").ok
    assert not openssl(tmp_path, f"{verify} OTHER").ok


def test_openssl_signs_what_we_accept(tmp_path: Path) -> None:
    """A detached CMS that openssl made, with its own attributes in its own order."""
    commands = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem"
        " -subj /CN=ca -days 9",
        "req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3 -out leaf.pem",
        "cms -sign -binary -cades -in body -signer leaf.pem -inkey leaf.key -outform DER -out p7s",
    )
    (tmp_path / "body").write_bytes(BODY)
    for command in commands:
        said = openssl(tmp_path, command)
        assert said.ok, said.text
    trusted = read_anchors([(tmp_path / "ca.pem").read_bytes()])
    signed = cms.parse_signed((tmp_path / "p7s").read_bytes())
    assert signed.claimed_s is not None
    counted = check_p256(BODY, (tmp_path / "p7s").read_bytes(), trusted, signed.claimed_s, 0)
    assert counted.signer.common_name == "leaf"


def test_both_count_and_say_who() -> None:
    for counted in both(platform(*roots()), anchors()):
        assert counted.signer.common_name == "Test Platform"
        assert counted.notes == (SignatureNote.REVOCATION_UNKNOWN,)


def test_over_other_bytes_neither_counts() -> None:
    signing = platform(*roots())
    p7s, raw = made_by(signing)
    with pytest.raises(NotCounted, match="other content"):
        check_p256(OTHER, p7s, anchors(), NOW_S, NOW_S)
    with pytest.raises(NotCounted, match="did not sign"):
        check_sm2(OTHER, raw, sm2_chain(signing), anchors(), NOW_S, NOW_S)


def test_forged_under_the_same_names_neither_counts() -> None:
    """T3: the equations hold, with certificates that are enclosed. They are not counted for it."""
    forged = platform(root("forger"), root("sm2 forger", SM2))
    p7s, raw = made_by(forged)
    with pytest.raises(NotCounted, match="not issued by the"):
        check_p256(BODY, p7s, anchors(), NOW_S, NOW_S)
    with pytest.raises(NotCounted, match="not issued by the"):
        check_sm2(BODY, raw, sm2_chain(forged), anchors(), NOW_S, NOW_S)


def test_expired_today_and_valid_then_counts_with_a_note() -> None:
    later_s = NOW_S + 2 * YEAR_S
    for counted in both(platform(*roots()), anchors(), NOW_S, later_s):
        assert SignatureNote.EXPIRED_SINCE in counted.notes
    with pytest.raises(NotCounted) as failure:
        both(platform(*roots()), anchors(), later_s, later_s)
    assert isinstance(failure.value.__cause__, NotValidThen)


def test_revoked_before_does_not_count_and_after_it_does() -> None:
    signing, issuers = platform(*roots()), roots()

    def trusted(since_s: int) -> Anchors:
        lists = [make_revocations(each, NOW_S, [(77, since_s)]) for each in issuers]
        return Anchors(anchors().roots, tuple(map(parse_revocations, lists)))

    for counted in both(signing, trusted(NOW_S + 1)):
        assert counted.notes == (SignatureNote.REVOKED_SINCE,)
    with pytest.raises(NotCounted, match="revoked before") as failure:
        both(signing, trusted(NOW_S))
    assert isinstance(failure.value.__cause__, RevokedBefore)


def test_what_a_cms_claims_is_not_believed() -> None:
    """The time that counts is given by whoever verifies."""
    late = NOW_S + 2 * YEAR_S
    p7s, _ = made_by(platform(*roots()))
    with pytest.raises(NotCounted, match="not valid when it was used"):
        check_p256(BODY, p7s, anchors(), late, late)


def test_a_certificate_for_another_use_signs_nothing() -> None:
    """An authority's own key is for certificates; a platform does not begin with it."""
    top = root()
    with pytest.raises(Malformed, match="not for signatures"):
        Platform(Credential(top.signer, (top.certificate,)))


def test_a_key_and_its_certificate_belong_together() -> None:
    with pytest.raises(Malformed, match="not the one of this key"):
        Credential(signer("another"), holder(root()).chain)
    with pytest.raises(Malformed, match="of another kind"):
        Platform(p256=holder(root("x", SM2)))


def test_a_certificate_of_the_same_key_takes_nobodys_place() -> None:
    """The signed digest names one certificate; another of the same key and number is refused."""
    top = root()
    p7s = cms.sign(holder(top), BODY, NOW_S, detached=True)
    signed = cms.parse_signed(p7s)
    old = signed.certificates[0].der
    others = (holder(top, validity=Validity(NOW_S - 9, NOW_S + n)).leaf.der for n in range(99))
    new = next(each for each in others if len(each) == len(old))
    with pytest.raises(NotCounted, match="for another certificate"):
        check_p256(BODY, p7s.replace(old, new), anchors(), NOW_S, NOW_S)


def test_an_enclosed_content_is_no_detached_signature() -> None:
    attached = cms.sign(holder(root()), BODY, NOW_S)
    with pytest.raises(NotCounted, match="not a detached"):
        check_p256(BODY, attached, anchors(), NOW_S, NOW_S)


def test_an_issuing_authority_in_between_comes_along() -> None:
    middle = below(root())
    p7s = Platform(holder(middle, middle.certificate)).sign(BODY, NOW_S).p7s
    assert p7s is not None
    assert len(check_p256(BODY, p7s, anchors(), NOW_S, NOW_S).path.certificates) == 3


def test_two_signers_are_one_too_many() -> None:
    made = cms.sign(holder(root()), BODY, NOW_S, detached=True)
    info = der.Reader(made, "test").open(der.SEQUENCE)
    info.oid()
    inner = info.open(der.context(0)).open(der.SEQUENCE)
    parts = [inner.whole() for _ in range(4)]
    signer_info = inner.open(der.SET).whole()
    twice = der.sequence(*parts, der.set_of([signer_info, signer_info]))
    hostile = der.sequence(der.oid("1.2.840.113549.1.7.2"), der.tlv(der.context(0), twice))
    with pytest.raises(Malformed, match="something follows"):
        cms.parse_signed(hostile)


@pytest.mark.parametrize("suite", ["p256", "sm2"])
def test_no_flipped_byte_counts(suite: str) -> None:
    """Every byte of signature and message, one bit each: never counted, no other error."""
    chance = random.Random(20261122)
    signing, trusted = platform(*roots()), anchors()
    p7s, raw = made_by(signing)
    signature = p7s if suite == "p256" else raw
    passed = []
    for at in range(len(signature) + len(BODY)):
        data = bytearray(signature + BODY)
        data[at] ^= 1 << chance.randrange(8)
        hostile, body = bytes(data[: len(signature)]), bytes(data[len(signature) :])
        try:
            if suite == "p256":
                check_p256(body, hostile, trusted, NOW_S, NOW_S)
            else:
                check_sm2(body, hostile, sm2_chain(signing), trusted, NOW_S, NOW_S)
        except NotCounted:
            continue
        passed.append(at)
    assert passed == []
