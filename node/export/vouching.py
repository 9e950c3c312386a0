"""Steps 7 and 8 of a bundle, as `bundle.verifiers` asks for them: by `timestamps` and `signing`.

    checking(bundle, anchors, vouching(now_s))

Certificates that lie in the bundle help to find a way and are believed in nothing. Where libcrypto
has no SM2 there is no verifier for it: then that signature is not checked, and nobody says that it
does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from node.evidence import sm2
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.export.bundle.verifiers import NotValid, Signatory, Stamp, Verifiers
from node.export.signing import algorithms
from node.export.signing.certificate import Certificate, parse_certificates
from node.export.signing.chain import Anchors, NotValidThen, RevokedBefore, read_anchors
from node.export.signing.dual import Counted, NotCounted, check_p256, check_sm2
from node.export.timestamps.verifying import BadTimestamp, verify_response
from node.words import ResultCode


def vouching(now_s: int) -> Verifiers:
    """What this machine can verify; `now_s` says what has expired by now."""

    def token(
        body: bytes, response: bytes, *, enclosed: Sequence[bytes], roots: Sequence[bytes]
    ) -> Stamp:
        others, anchors = _certificates(enclosed), _anchors(roots, ResultCode.V401)
        try:
            found = verify_response(response, body, anchors, now_s, others=others)
        except BadTimestamp as error:
            raise _not_valid(ResultCode.V401, error) from error
        authority = found.authority.subject_text
        return Stamp(found.time_ms, found.info.accuracy_ms or 0, authority, not found.is_own)

    def cms(
        message: bytes,
        signature: bytes,
        *,
        enclosed: Sequence[bytes],
        roots: Sequence[bytes],
        at_ms: int,
    ) -> Signatory:
        others, anchors = _certificates(enclosed), _anchors(roots, ResultCode.V304)
        try:
            counted = check_p256(message, signature, anchors, at_ms // 1000, now_s, others)
        except NotCounted as error:
            raise _not_valid(_code(error), error) from error
        return _signatory(counted)

    def raw_sm2(
        message: bytes,
        signature: bytes,
        *,
        enclosed: Sequence[bytes],
        roots: Sequence[bytes],
        at_ms: int,
    ) -> Signatory:
        others, anchors = _certificates(enclosed), _anchors(roots, ResultCode.V304)
        try:
            chain = (_signer(message, signature, others), *others)
            counted = check_sm2(message, signature, chain, anchors, at_ms // 1000, now_s)
        except NotCounted as error:
            raise _not_valid(_code(error), error) from error
        return _signatory(counted)

    return Verifiers(token, cms, raw_sm2 if sm2.is_available() else None)


def _signer(message: bytes, signature: bytes, others: Sequence[Certificate]) -> Certificate:
    """The one enclosed certificate whose key made a raw signature, which does not say whose."""
    for each in others:
        try:
            algorithms.verify(each.public_key, algorithms.SM2_SM3, message, signature)
        except BadSignature:
            continue
        return each
    raise NotCounted("no enclosed certificate's key made this signature")


def _certificates(enclosed: Sequence[bytes]) -> tuple[Certificate, ...]:
    """Those that can be read: the others help nobody to find a way."""
    found: list[Certificate] = []
    for pem in enclosed:
        try:
            found += parse_certificates(pem)
        except Malformed:
            continue
    return tuple(found)


def _anchors(roots: Sequence[bytes], code: ResultCode) -> Anchors:
    try:
        return read_anchors(roots)
    except Malformed as error:
        raise NotValid(code, f"外部根证书无法读取（{error}）", str(error)) from error


def _code(error: NotCounted) -> ResultCode:
    match error.__cause__:
        case RevokedBefore():
            return ResultCode.V302
        case NotValidThen():
            return ResultCode.V301
    return ResultCode.V304


def _not_valid(code: ResultCode, error: Exception) -> NotValid:
    return NotValid(code, f"{code.zh}（{error}）", str(error))


def _signatory(counted: Counted) -> Signatory:
    notes = tuple((each.zh, each.en) for each in counted.notes)
    return Signatory(counted.signer.subject_text, notes)
