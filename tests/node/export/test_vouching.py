"""What a bundle's check is told of tokens and signatures: codes, names, notes."""

import pytest

from devnet.certificates import Issuer, make_revocations
from node.evidence.keys import P256, SM2
from node.export.bundle.verifiers import NotValid, SignatureVerifier
from node.export.signing.algorithms import SHA256
from node.export.signing.certificate import format_certificates, format_pem
from node.export.signing.dual import Platform
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.export.vouching import vouching
from node.words import ResultCode
from tests.node.export.paper import NOW_S, YEAR_S, holder, root, stamper

BODY = b"cunzheng.test/devnet\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
VERIFIERS = vouching(NOW_S)
BOTH = pytest.mark.parametrize("algorithm", [P256, SM2])


def pem(issuer: Issuer) -> bytes:
    return format_certificates([issuer.certificate])


def stamped(issuer: Issuer) -> bytes:
    asked = TimestampRequest(Imprint.of(BODY, SHA256))
    return TimestampService(stamper(issuer)).answer(format_request(asked), NOW_S * 1000, 1)


def signed(issuer: Issuer, algorithm: str) -> tuple[SignatureVerifier, bytes, bytes]:
    """Who verifies, the signature over BODY, and its certificate as it lies in a bundle."""
    credential = holder(issuer)
    enclosed = format_certificates(credential.chain)
    if algorithm == P256:
        made = Platform(p256=credential).sign(BODY, NOW_S).p7s
        verifier = VERIFIERS.cms
    else:
        made = Platform(sm2=credential).sign(BODY, NOW_S).sm2
        verifier = VERIFIERS.sm2
    assert made is not None
    assert verifier is not None
    return verifier, made, enclosed


def test_a_token_is_told_with_its_authority() -> None:
    assert VERIFIERS.token is not None
    found = VERIFIERS.token(BODY, stamped(root()), enclosed=[], roots=[pem(root())])
    assert (found.time_ms, found.accuracy_ms) == (NOW_S * 1000, 1000)
    assert found.authority == "C=CN, O=测试平台, CN=Test TSA"
    assert not found.independent


def test_a_token_that_does_not_hold_is_v401() -> None:
    assert VERIFIERS.token is not None
    enclosed = [pem(root("forger")), b"not a certificate"]
    for body, response in ((BODY + b"x", stamped(root())), (BODY, stamped(root("forger")))):
        with pytest.raises(NotValid) as failure:
            VERIFIERS.token(body, response, enclosed=enclosed, roots=[pem(root())])
        assert failure.value.code == ResultCode.V401
        assert failure.value.zh.startswith("时间戳无效（")


@BOTH
def test_a_signature_is_told_with_its_signer(algorithm: str) -> None:
    issuer = root(algorithm=algorithm)
    verify, made, enclosed = signed(issuer, algorithm)
    found = verify(BODY, made, enclosed=[enclosed], roots=[pem(issuer)], at_ms=NOW_S * 1000)
    assert found.subject == "C=CN, O=测试平台, CN=Test Platform"
    assert len(found.notes) == 1


@BOTH
def test_each_fault_has_its_code(algorithm: str) -> None:
    issuer, forger = root(algorithm=algorithm), root("forger", algorithm)
    verify, made, enclosed = signed(issuer, algorithm)
    _, forged, theirs = signed(forger, algorithm)
    listed = format_pem("X509 CRL", make_revocations(issuer, NOW_S, [(77, NOW_S)]))
    cases = [
        (ResultCode.V304, BODY + b"x", made, enclosed, [pem(issuer)], NOW_S),
        (ResultCode.V304, BODY, b"", enclosed, [pem(issuer)], NOW_S),
        (ResultCode.V304, BODY, forged, theirs + pem(forger), [pem(issuer)], NOW_S),
        (ResultCode.V304, BODY, made, enclosed, [b"nothing"], NOW_S),
        (ResultCode.V301, BODY, made, enclosed, [pem(issuer)], NOW_S + 2 * YEAR_S),
        (ResultCode.V302, BODY, made, enclosed, [pem(issuer), listed], NOW_S),
    ]
    for code, body, signature, around, roots, at_s in cases:
        with pytest.raises(NotValid) as failure:
            verify(body, signature, enclosed=[around], roots=roots, at_ms=at_s * 1000)
        assert failure.value.code == code
