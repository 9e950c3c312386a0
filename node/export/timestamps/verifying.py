"""What a timestamp is worth to whoever has roots from outside.

In this order, and all of it or nothing:

 1. the answer holds a token, and the token is SignedData over a TSTInfo by one signer;
 2. its imprint is the digest of the bytes at hand, by SHA-256, SHA-384, SHA-512 or SM3;
 3. nonce and policy are those that were asked for, if it is known which;
 4. the signer's certificate is named in what is signed (ESSCertIDv2), and its key signed;
 5. that certificate is for timestamps, critically so and for nothing else, and is the authority
    that the token names;
 6. it leads to a root from outside; all of it valid, and not revoked, at the time of the token.

The time is believed only then, also as the time at which certificates had to be valid: an authority
whose key is revoked later had not lost it before. `openssl ts -verify` checks the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.export.signing import cms
from node.export.signing.certificate import TIME_STAMPING, Certificate
from node.export.signing.chain import Anchors, Path, Untrusted, find_path
from node.export.signing.dual import SignatureNote, may_sign, notes_of
from node.export.timestamps.request import Imprint
from node.export.timestamps.response import parse_response
from node.export.timestamps.token import TST_INFO, TimestampInfo, parse_info

OWN_POLICY = "2.25.147692497332295152778561343463042897939"
"""In every token of our own service (`authority`), and in nobody else's: a random UUID."""


class BadTimestamp(Exception):
    """This answer is no timestamp of these bytes that counts; says why."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A timestamp that counts."""

    info: TimestampInfo
    path: Path
    certificates: tuple[Certificate, ...]
    """All that the token brought along, for whoever wants to renew it one day."""
    notes: tuple[SignatureNote, ...]

    @property
    def time_ms(self) -> int:
        return self.info.time_ms

    @property
    def authority(self) -> Certificate:
        return self.path.certificates[0]

    @property
    def is_own(self) -> bool:
        """Whether the platform stamped it itself: open point O03."""
        return self.info.policy == OWN_POLICY


def verify_response(
    response: bytes,
    body: bytes | Imprint,
    anchors: Anchors,
    now_s: int,
    *,
    nonce: int | None = None,
    policy: str | None = None,
    others: Sequence[Certificate] = (),
) -> Stamped:
    """The timestamp of `body`, or of what has this imprint, that a TimeStampResp holds; raises
    `BadTimestamp`. `others` may help to find the way to a root."""
    try:
        answer = parse_response(response)
        if answer.token is None:
            raise BadTimestamp(f"the authority granted none: {answer.reason}")
        signed = cms.parse_signed(answer.token)
        if signed.content_type != TST_INFO or signed.content is None:
            raise BadTimestamp("signed content of another type than a timestamp's")
        info = parse_info(signed.content)
        _check_info(info, body, nonce, policy)
        leaf = cms.verify_signer(signed, signed.content, others)
        _check_authority(leaf, info)
        enclosed = (*signed.certificates, *others)
        at_s = info.time_ms // 1000
        path = find_path(leaf, enclosed, anchors, at_s, purpose=TIME_STAMPING)
    except (BadSignature, Malformed, Untrusted) as error:
        raise BadTimestamp(str(error)) from error
    return Stamped(info, path, signed.certificates, notes_of(path, now_s))


def is_own(response: bytes) -> bool:
    """Whether an answer that was verified before came from our own service."""
    token = parse_response(response).token
    content = None if token is None else cms.parse_signed(token).content
    return content is not None and parse_info(content).policy == OWN_POLICY


def _check_info(
    info: TimestampInfo, body: bytes | Imprint, nonce: int | None, policy: str | None
) -> None:
    if not info.imprint.is_known:
        raise BadTimestamp(f"an imprint by {info.imprint.algorithm}, which is not known here")
    expected = body if isinstance(body, Imprint) else Imprint.of(body, info.imprint.algorithm)
    if info.imprint != expected:
        raise BadTimestamp("the imprint is of other bytes")
    if nonce is not None and info.nonce != nonce:
        raise BadTimestamp("the nonce is another than was sent")
    if policy is not None and info.policy != policy:
        raise BadTimestamp(f"under the policy {info.policy}, not {policy}")


def _check_authority(leaf: Certificate, info: TimestampInfo) -> None:
    if not leaf.is_for_timestamps_alone:
        raise BadTimestamp(f"{leaf.subject_text} is not for timestamps alone, critically so")
    if not may_sign(leaf):
        raise BadTimestamp(f"{leaf.subject_text} is not for signatures")
    if info.authority is not None and info.authority != leaf.subject:
        raise BadTimestamp("it names another authority than the one that signed")
