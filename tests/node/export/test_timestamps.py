"""Timestamps: what we stamp others verify, what others stamp we verify, and nothing forged."""

import random
from pathlib import Path

import pytest

from devnet.certificates import Issuer, Names, make_revocations
from node.evidence.keys import SM2
from node.evidence.malformed import Malformed
from node.evidence.sm2 import Sm2Missing
from node.export.signing import algorithms, cms, der
from node.export.signing.algorithms import SHA256, SHA384, SHA512, SM3
from node.export.signing.certificate import format_certificates
from node.export.signing.chain import Anchors, read_anchors
from node.export.signing.credential import Credential
from node.export.signing.dual import SignatureNote
from node.export.signing.revocation import parse_revocations
from node.export.timestamps import request as request_module
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import (
    Imprint,
    TimestampRequest,
    format_request,
    parse_request,
)
from node.export.timestamps.response import (
    FAILURES,
    format_granted,
    format_rejection,
    parse_response,
)
from node.export.timestamps.token import TST_INFO, TimestampInfo, format_info, parse_info
from node.export.timestamps.verifying import (
    OWN_POLICY,
    BadTimestamp,
    Stamped,
    is_own,
    verify_response,
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

BODY = b"cunzheng.test/devnet\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
NOW_MS = NOW_S * 1000 + 123
ALGORITHMS = pytest.mark.parametrize("algorithm", [SHA256, SM3, SHA384, SHA512])


def stamp(issuer: Issuer, algorithm: str = SHA256, now_ms: int = NOW_MS) -> bytes:
    """What our service answers, stamping BODY with a certificate of this issuer's."""
    service = TimestampService(stamper(issuer))
    asked = TimestampRequest(Imprint.of(BODY, algorithm), nonce=2**127 + 5)
    return service.answer(format_request(asked), now_ms, 99)


def anchors(issuer: Issuer | None = None) -> Anchors:
    return Anchors(((issuer or root()).certificate,))


def verified(response: bytes, body: bytes = BODY) -> Stamped:
    return verify_response(response, body, anchors(), NOW_S)


# Against others.


@ALGORITHMS
def test_openssl_verifies_what_we_stamp(algorithm: str, tmp_path: Path) -> None:
    """The command that is printed in the instructions; and it refuses another body."""
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "other").write_bytes(BODY + b"\n")
    (tmp_path / "tsr").write_bytes(stamp(root(), algorithm))
    (tmp_path / "root.pem").write_bytes(format_certificates([root().certificate]))
    verify = f"ts -verify -attime {NOW_S} -in tsr -CAfile root.pem -data"
    said = openssl(tmp_path, f"{verify} body")
    assert said.ok, said.text
    assert not openssl(tmp_path, f"{verify} other").ok


def test_openssl_prints_what_we_stamp(tmp_path: Path) -> None:
    (tmp_path / "tsr").write_bytes(stamp(root(), SM3))
    said = openssl(tmp_path, "ts -reply -in tsr -text").text
    assert "Hash Algorithm: sm3" in said
    assert "Nov 18" in said
    assert ".123 2026 GMT" in said
    assert "CN=Test TSA" in said
    assert "Accuracy: 0x01 seconds" in said


def test_openssl_prints_our_rejections(tmp_path: Path) -> None:
    for failure, name in FAILURES.items():
        (tmp_path / "tsr").write_bytes(format_rejection(failure, "不行 no"))
        said = openssl(tmp_path, "ts -reply -in tsr -text").text
        assert "Status: Rejected." in said
        assert "TST info:\nNot included." in said
        assert f"Failure info: {FAILURE_WORDS[name]}" in said


FAILURE_WORDS = {
    "badAlg": "unrecognized or unsupported algorithm identifier",
    "badRequest": "transaction not permitted or supported",
    "badDataFormat": "the data submitted has the wrong format",
    "timeNotAvailable": "the TSA's time source is not available",
    "unacceptedPolicy": "the requested TSA policy is not supported by the TSA",
    "unacceptedExtension": "the requested extension is not supported by the TSA",
    "addInfoNotAvailable": "the additional information requested could not be understood",
    "systemFailure": "the request cannot be handled due to system failure",
}


def test_rfc3161_client_verifies_what_we_stamp() -> None:
    """A verifier of others' making; and it refuses another message."""
    from cryptography.x509 import load_der_x509_certificate
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    service = TimestampService(stamper(root()))
    asked = TimestampRequest(Imprint.of(BODY, SHA256), nonce=12345)
    response = decode_timestamp_response(service.answer(format_request(asked), NOW_MS, 99))
    verifier = (
        VerifierBuilder()
        .add_root_certificate(load_der_x509_certificate(root().certificate.der))
        .nonce(12345)
        .build()
    )
    assert verifier.verify_message(response, BODY)
    with pytest.raises(VerificationError):
        verifier.verify_message(response, BODY + b"\n")


def test_what_openssl_asks_is_answered(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    said = openssl(tmp_path, "ts -query -data body -sm3 -cert -out tsq")
    assert said.ok, said.text
    service = TimestampService(stamper(root()))
    answer = service.answer((tmp_path / "tsq").read_bytes(), NOW_MS, 5)
    (tmp_path / "tsr").write_bytes(answer)
    (tmp_path / "root.pem").write_bytes(format_certificates([root().certificate]))
    said = openssl(tmp_path, f"ts -verify -attime {NOW_S} -queryfile tsq -in tsr -CAfile root.pem")
    assert said.ok, said.text


@pytest.mark.parametrize("key", ["rsa:2048", "ec:P-256", "ec:P-384"])
def test_what_openssl_stamps_we_verify(key: str, tmp_path: Path) -> None:
    """An authority as others run them: RSA or P-384, SHA-512, fractions of a second, its policy."""
    kind, _, size = key.partition(":")
    drawn = key if kind == "rsa" else f"ec -pkeyopt ec_paramgen_curve:{size}"
    (tmp_path / "tsa.cnf").write_text(
        "[ts]\nextendedKeyUsage=critical,timeStamping\n[tsa]\ndefault_tsa=t\n[t]\nserial=serial\n"
        "default_policy=1.2.3.4\ndigests=sha256,sha512,sm3\naccuracy=secs:1,millisecs:500\n"
        "ess_cert_id_alg=sha256\nsigner_digest=sha384\nclock_precision_digits=3\ntsa_name=yes\n"
    )
    (tmp_path / "serial").write_text("0A")
    (tmp_path / "body").write_bytes(BODY)
    for command in (
        f"req -x509 -newkey {drawn} -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 9",
        f"req -newkey {drawn} -nodes -keyout tsa.key -out tsa.csr -subj /CN=tsa",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3 -out tsa.pem"
        " -extfile tsa.cnf -extensions ts",
        "ts -query -data body -sha512 -cert -out tsq",
        "ts -reply -queryfile tsq -config tsa.cnf -section t -signer tsa.pem -inkey tsa.key"
        " -out tsr",
    ):
        said = openssl(tmp_path, command)
        assert said.ok, said.text
    trusted = read_anchors([(tmp_path / "ca.pem").read_bytes()])
    response = (tmp_path / "tsr").read_bytes()
    nonce = parse_request((tmp_path / "tsq").read_bytes()).nonce
    found = verify_response(response, BODY, trusted, 0, nonce=nonce, policy="1.2.3.4")
    assert found.authority.common_name == "tsa"
    assert found.info.imprint.algorithm == SHA512
    assert found.info.accuracy_ms == 1500
    assert not found.is_own
    assert not is_own(response)
    with pytest.raises(BadTimestamp, match="other bytes"):
        verify_response(response, BODY + b" ", trusted, 0)


# Among ourselves.


@ALGORITHMS
def test_a_timestamp_counts_and_says_what_it_is(algorithm: str) -> None:
    found = verified(stamp(root(), algorithm))
    assert found.time_ms == NOW_MS
    assert found.authority.common_name == "Test TSA"
    assert found.info.serial == 99
    assert found.info.nonce == 2**127 + 5
    assert found.info.accuracy_ms == 1000
    assert found.is_own
    assert is_own(stamp(root(), algorithm))
    assert found.notes == (SignatureNote.REVOCATION_UNKNOWN,)


def test_the_example_of_a_request_holds() -> None:
    import doctest

    assert doctest.testmod(request_module).failed == 0


def test_other_bytes_have_no_timestamp() -> None:
    with pytest.raises(BadTimestamp, match="imprint is of other bytes"):
        verified(stamp(root()), BODY.replace(b"20", b"21"))


def test_an_authority_of_the_same_names_is_forged() -> None:
    """T3: the signature holds, and with it comes a certificate, and with that its root."""
    forged = root("forger")
    service = TimestampService(stamper(forged, forged.certificate))
    asked = TimestampRequest(Imprint.of(BODY, SHA256))
    response = service.answer(format_request(asked), NOW_MS, 99)
    assert verify_response(response, BODY, anchors(forged), NOW_S).is_own
    with pytest.raises(BadTimestamp, match="was not issued by the"):
        verified(response)


def test_nonce_and_policy_are_those_that_were_sent() -> None:
    response = stamp(root())
    with pytest.raises(BadTimestamp, match="nonce"):
        verify_response(response, BODY, anchors(), NOW_S, nonce=1)
    with pytest.raises(BadTimestamp, match="under the policy"):
        verify_response(response, BODY, anchors(), NOW_S, policy="1.2.3.4")
    verify_response(response, BODY, anchors(), NOW_S, nonce=2**127 + 5, policy=OWN_POLICY)


def test_a_certificate_for_anything_else_stamps_nothing() -> None:
    """A key for signatures, or for more than timestamps, or not critically so."""
    top, key = root(), signer("tsa")
    name = Names("Test TSA", "测试平台")
    wrong = [
        holder(top),
        Credential(key, (top.issue(key.public, name, AROUND, 9, purpose="1.3.6.1.5.5.7.3.3"),)),
    ]
    for credential in wrong:
        with pytest.raises(Malformed, match="not for timestamps alone"):
            TimestampService(credential)
        info = TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 9, NOW_MS)
        token = cms.sign(credential, format_info(info), NOW_S, content_type=TST_INFO)
        with pytest.raises(BadTimestamp, match="not for timestamps alone"):
            verified(format_granted(token))


def test_our_service_stamps_with_p256_only() -> None:
    key, top = signer("sm2 tsa", SM2), root("sm2", SM2)
    leaf = top.issue_timestamping(key.public, Names("a", "b"), AROUND, 9)
    with pytest.raises(Malformed, match="not of SM2"):
        TimestampService(Credential(key, (leaf,)))


def test_a_token_that_names_another_authority_is_refused() -> None:
    name = Names("Somebody Else", "测试平台").der
    info = TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 9, NOW_MS, authority=name)
    token = cms.sign(stamper(root()), format_info(info), NOW_S, content_type=TST_INFO)
    with pytest.raises(BadTimestamp, match="names another authority"):
        verified(format_granted(token))


def test_signed_content_of_another_type_is_no_timestamp() -> None:
    info = TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 9, NOW_MS)
    token = cms.sign(stamper(root()), format_info(info), NOW_S)
    with pytest.raises(BadTimestamp, match="another type"):
        verified(format_granted(token))


def test_an_imprint_by_sha1_counts_for_nothing() -> None:
    info = TimestampInfo("1.2.3", Imprint("1.3.14.3.2.26", bytes(20)), 9, NOW_MS)
    token = cms.sign(stamper(root()), format_info(info), NOW_S, content_type=TST_INFO)
    with pytest.raises(BadTimestamp, match="which is not known here"):
        verified(format_granted(token))


def test_the_time_of_the_token_is_the_time_of_its_certificates() -> None:
    """Expired since: a note. Stamped outside its time, or after it was revoked: nothing."""
    later_s = NOW_S + 5 * YEAR_S
    found = verify_response(stamp(root()), BODY, anchors(), later_s)
    assert SignatureNote.EXPIRED_SINCE in found.notes
    info = TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 9, later_s * 1000)
    token = cms.sign(stamper(root()), format_info(info), NOW_S, content_type=TST_INFO)
    with pytest.raises(BadTimestamp, match="not valid when it was used"):
        verified(format_granted(token))

    def revoked(since_s: int) -> Anchors:
        listed = make_revocations(root(), NOW_S, [(78, since_s)])
        return Anchors((root().certificate,), (parse_revocations(listed),))

    found = verify_response(stamp(root()), BODY, revoked(NOW_S + 1), NOW_S)
    assert found.notes == (SignatureNote.REVOKED_SINCE,)
    with pytest.raises(BadTimestamp, match="revoked before"):
        verify_response(stamp(root()), BODY, revoked(NOW_S), NOW_S)


def test_without_enclosed_certificates_others_lead_the_way() -> None:
    middle = below(root())
    credential = stamper(middle, middle.certificate)
    asked = TimestampRequest(Imprint.of(BODY, SHA256), certificates=False)
    response = TimestampService(credential).answer(format_request(asked), NOW_MS, 1)
    with pytest.raises(BadTimestamp, match="neither enclosed nor given"):
        verified(response)
    found = verify_response(response, BODY, anchors(), NOW_S, others=credential.chain)
    assert len(found.path.certificates) == 3


@pytest.mark.parametrize(
    ("asked", "failure"),
    [
        (TimestampRequest(Imprint("1.3.14.3.2.26", bytes(20))), "badAlg"),
        (TimestampRequest(Imprint(SHA256, bytes(31))), "badAlg"),
        (TimestampRequest(Imprint(SHA256, bytes(32)), policy="1.2.3"), "unacceptedPolicy"),
    ],
)
def test_what_is_not_stamped_is_rejected_in_form(asked: TimestampRequest, failure: str) -> None:
    service = TimestampService(stamper(root()))
    answer = parse_response(service.answer(format_request(asked), NOW_MS, 1))
    assert answer.token is None
    assert answer.failures == (failure,)
    assert answer.said


def test_extensions_and_a_wrong_clock_are_rejected_too() -> None:
    service = TimestampService(stamper(root()))
    data = format_request(TimestampRequest(Imprint.of(BODY, SHA256), certificates=False))
    extended = bytes([data[0], data[1] + 2]) + data[2:] + bytes.fromhex("a000")
    failures = parse_response(service.answer(extended, NOW_MS, 1)).failures
    assert failures == ("unacceptedExtension",)
    failures = parse_response(service.answer(data, NOW_MS + 2 * YEAR_S * 1000, 1)).failures
    assert failures == ("timeNotAvailable",)


def test_a_rejection_is_told_as_the_authority_says_it() -> None:
    with pytest.raises(BadTimestamp, match="granted none: timeNotAvailable; 稍后再试"):
        verified(format_rejection(14, "稍后再试"))


def test_hostile_requests_are_answered_with_a_rejection() -> None:
    """Whatever comes: a TimeStampResp, and a token only for a request."""
    chance = random.Random(20261122)
    service = TimestampService(stamper(root()))
    request = format_request(TimestampRequest(Imprint.of(BODY, SHA256), nonce=5))
    for _ in range(2_000):
        data = bytearray(request[: chance.randrange(len(request) + 1)] + chance.randbytes(2))
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        answer = parse_response(service.answer(bytes(data), NOW_MS, 1))
        assert answer.token is None
        assert answer.failures
    assert parse_response(service.answer(bytes(5_000), NOW_MS, 1)).failures == ("badDataFormat",)


def test_no_flipped_byte_counts() -> None:
    """Every byte of an answer, two bits of each: no timestamp of these bytes, and no other error.
    But for the status: granted with modifications is granted, and nothing rests on it."""
    response, trusted = stamp(root()), anchors()
    status = response.index(bytes.fromhex("020100")) + 2
    for at in range(len(response)):
        for bit in (at % 8, (at + 3) % 8):
            data = bytearray(response)
            data[at] ^= 1 << bit
            if at == status and data[at] == 1:
                continue
            with pytest.raises(BadTimestamp):
                verify_response(bytes(data), BODY, trusted, NOW_S)


def test_no_flipped_message_counts() -> None:
    response = stamp(root(), SM3)
    for at in range(len(BODY)):
        data = bytearray(BODY)
        data[at] ^= 1
        with pytest.raises(BadTimestamp, match="other bytes"):
            verified(response, bytes(data))


def test_indefinite_lengths_and_other_spellings_are_refused() -> None:
    """BER in every place of the outermost layers; openssl would read some of it."""
    response = stamp(root())
    head, content = response[:4], response[4:]
    assert head[:2] == b"\x30\x82"
    for hostile, why in (
        (b"\x30\x80" + content + b"\0\0", "indefinite length"),
        (b"\x30\x83\0" + head[2:] + content, "as shortly"),
        (response + b"\0", "something follows"),
        (response[:-1], "breaks off"),
        (b"", "breaks off"),
        (bytes(100_000), "longer than"),
    ):
        with pytest.raises(BadTimestamp, match=why):
            verified(hostile)


def test_infos_come_back() -> None:
    name = Names("a", "b").der
    for info in (
        TimestampInfo("1.2.3", Imprint.of(BODY, SM3), 2**159, NOW_MS, 1, 0, name),
        TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 1, NOW_S * 1000, 60_000),
        TimestampInfo("2.25.3", Imprint.of(BODY, SHA512), 1, NOW_MS, 1_500, 2**159),
    ):
        assert parse_info(format_info(info)) == info


def test_algorithms_of_the_imprint_are_those_that_are_known() -> None:
    assert set(algorithms.DIGEST_SIZES) == set(algorithms.DIGESTS)
    for algorithm, size in algorithms.DIGEST_SIZES.items():
        assert len(algorithms.digest(algorithm, b"")) == size


def test_a_time_that_cannot_be_shown_is_refused() -> None:
    """Before 1970, or so late that it has no date in Beijing."""
    for time_ms in (-1, 253_402_300_799_000):
        data = format_info(TimestampInfo("1.2.3", Imprint.of(BODY, SHA256), 9, time_ms))
        with pytest.raises(Malformed, match="too far away"):
            parse_info(data)


def test_without_sm2_nobody_is_believed_and_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token signed with SM2, at a machine that cannot tell: no timestamp, and no other error."""
    key, top = signer("sm2 tsa", SM2), root("sm2", SM2)
    leaf = top.issue_timestamping(key.public, Names("a", "b"), AROUND, 9)
    response = sm2_token(Credential(key, (leaf,)))
    assert verify_response(response, BODY, anchors(top), NOW_S).authority == leaf

    def missing(*_: object) -> bool:
        raise Sm2Missing("no SM2 here")

    algorithms.verify.cache_clear()
    monkeypatch.setattr("node.evidence.sm2.holds", missing)
    with pytest.raises(BadTimestamp, match="nobody can tell here: no SM2"):
        verify_response(response, BODY, anchors(top), NOW_S)


def sm2_token(credential: Credential) -> bytes:
    """A token as GM/T 0033 has it: SignedData with SM2 and SM3, which no stock tool makes."""
    info = TimestampInfo("1.2.3", Imprint.of(BODY, SM3), 9, NOW_MS)
    leaf, content = credential.leaf, format_info(info)
    certificate = der.sequence(der.sequence(der.sequence(der.octets(leaf.digest))))
    values = {
        "1.2.840.113549.1.9.3": der.oid(TST_INFO),
        "1.2.840.113549.1.9.4": der.octets(algorithms.digest(SM3, content)),
        "1.2.840.113549.1.9.16.2.47": certificate,
    }
    parts = [der.sequence(der.oid(name), der.set_of([each])) for name, each in values.items()]
    made = credential.signer.sign(der.set_of(parts)).raw
    info_of_signer = der.sequence(
        der.integer(1),
        der.sequence(leaf.issuer, der.integer(leaf.serial)),
        algorithms.algorithm(SM3),
        der.set_of(parts, der.context(0)),
        algorithms.algorithm(algorithms.SM2_SM3),
        der.octets(made),
    )
    inner = der.sequence(der.oid(TST_INFO), der.tlv(der.context(0), der.octets(content)))
    whole = der.sequence(
        der.integer(3),
        der.set_of([algorithms.algorithm(SM3)]),
        inner,
        der.set_of([leaf.der], der.context(0)),
        der.set_of([info_of_signer]),
    )
    token = der.sequence(der.oid("1.2.840.113549.1.7.2"), der.tlv(der.context(0), whole))
    return format_granted(token)


def test_the_document_names_our_own_policy() -> None:
    """Verifiers that others write know by it what to say."""
    document = Path(__file__).parents[3] / "docs" / "bundle-format.md"
    assert f"`{OWN_POLICY}`" in document.read_text()
