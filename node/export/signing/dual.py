"""The platform's two signatures over one file: for tools of all countries, and for those of China.

    NAME.p7s        CMS, detached, ECDSA P-256 with SHA-256, with the certificates but no root
    NAME.sm2.sig    DER of r and s, SM2 with SM3 and the identity 1234567812345678

    openssl cms -verify -binary -inform DER -purpose any -in NAME.p7s -content NAME \\
        -CAfile my-root-p256.pem -out /dev/null
    openssl verify -vfyopt distid:1234567812345678 -CAfile my-root-sm2.pem platform-sm2.pem
    openssl x509 -in platform-sm2.pem -noout -pubkey > platform-sm2.pub
    openssl dgst -sm3 -verify platform-sm2.pub -sigopt distid:1234567812345678 \\
        -signature NAME.sm2.sig NAME

Stock tools have no CMS with SM2, so that signature stands alone and its certificate is a file of
its own; and `openssl verify` takes the identity for one certificate only, so an authority between
it and the root is verified in a step of its own, with `-partial_chain`. Neither signature is part
of a proof: they say which platform handed the file out.

A signature *counts* only if the equation holds and, in the same check, the certificate whose key it
holds with leads to a root from outside (`check_p256`, `check_sm2`). One without the other is what
whoever forges everything, with names that look the same, can make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.evidence.keys import P256, SM2, BadSignature
from node.evidence.malformed import Malformed
from node.export.signing import algorithms, cms
from node.export.signing.certificate import DIGITAL_SIGNATURE, NON_REPUDIATION, Certificate
from node.export.signing.chain import Anchors, Path, Untrusted, find_path
from node.export.signing.credential import Credential
from node.words import Bilingual


class SignatureNote(Bilingual):
    """What is said of a signature that counts, and leaves something to examine."""

    EXPIRED_SINCE = (
        "证书在签名时有效，现已过期",
        "the certificate was valid when it was used, and has expired since",
    )
    REVOKED_SINCE = (
        "证书在签名之后被撤销",
        "the certificate was revoked after it was used",
    )
    REVOCATION_UNKNOWN = (
        "未提供证书撤销列表，未核验证书是否曾被撤销",
        "no revocation list was given: whether the certificate had been revoked was not checked",
    )


class NotCounted(Exception):
    """This signature counts for nothing; says why. Its cause is `chain.Untrusted` if the equation
    holds and only the certificate is at fault."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A signature that counts: by whom, by which way, and what that leaves to examine."""

    path: Path
    at_s: int
    notes: tuple[SignatureNote, ...]

    @property
    def signer(self) -> Certificate:
        return self.path.certificates[0]


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform's keys; each may be missing."""

    p256: Credential | None = None
    sm2: Credential | None = None

    def __post_init__(self) -> None:
        for credential, algorithm in ((self.p256, P256), (self.sm2, SM2)):
            if credential is None:
                continue
            if credential.signer.public.algorithm != algorithm:
                raise Malformed("platform", f"its {algorithm} key is of another kind")
            if not may_sign(credential.leaf):
                raise Malformed("platform", f"its {algorithm} certificate is not for signatures")

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Of its keys, each followed by those above it, without roots."""
        return tuple(one for each in (self.p256, self.sm2) if each for one in each.chain)

    def sign(self, data: bytes, at_s: int) -> DualSignature:
        """Sign with every key there is; `at_s` is what the CMS claims."""
        p7s = None if self.p256 is None else cms.sign(self.p256, data, at_s, detached=True)
        raw = None if self.sm2 is None else self.sm2.signer.sign(data).raw
        return DualSignature(p7s, raw)


@dataclass(frozen=True, slots=True)
class DualSignature:
    """The bytes of NAME.p7s and of NAME.sm2.sig, where there is such a key."""

    p7s: bytes | None
    sm2: bytes | None


def may_sign(certificate: Certificate) -> bool:
    """Whether a certificate is for signatures, by its key usage."""
    return certificate.may(DIGITAL_SIGNATURE) or certificate.may(NON_REPUDIATION)


def check_p256(
    data: bytes,
    p7s: bytes,
    anchors: Anchors,
    at_s: int,
    now_s: int,
    others: Sequence[Certificate] = (),
) -> Counted:
    """What the CMS over `data` is worth; raises `NotCounted`.

    `at_s` is when it was made, as far as somebody else says: the time of a time stamp over `data`,
    or of its checkpoint. What the CMS itself claims is not believed.
    """
    try:
        signed = cms.parse_signed(p7s)
        if signed.content is not None or signed.content_type != cms.DATA:
            raise NotCounted("not a detached signature")
        leaf = cms.verify_signer(signed, data, others)
    except (BadSignature, Malformed) as error:
        raise NotCounted(str(error)) from error
    return _counted(leaf, (*signed.certificates, *others), anchors, at_s, now_s)


def check_sm2(
    data: bytes,
    signature: bytes,
    chain: Sequence[Certificate],
    anchors: Anchors,
    at_s: int,
    now_s: int,
) -> Counted:
    """What the raw SM2 signature over `data` is worth; `chain` begins with its certificate. Raises
    `NotCounted`, also where this machine cannot tell: ask `sm2.is_available` before."""
    leaf, *others = chain
    try:
        algorithms.verify(leaf.public_key, algorithms.SM2_SM3, data, signature)
    except BadSignature as error:
        raise NotCounted(str(error)) from error
    return _counted(leaf, others, anchors, at_s, now_s)


def notes_of(path: Path, now_s: int) -> tuple[SignatureNote, ...]:
    """What a way to a root leaves to examine."""
    found = []
    if path.expired_by(now_s):
        found.append(SignatureNote.EXPIRED_SINCE)
    if path.revoked_later_s is not None:
        found.append(SignatureNote.REVOKED_SINCE)
    if not path.revocation_known:
        found.append(SignatureNote.REVOCATION_UNKNOWN)
    return tuple(found)


def _counted(
    leaf: Certificate, others: Sequence[Certificate], anchors: Anchors, at_s: int, now_s: int
) -> Counted:
    if not may_sign(leaf):
        raise NotCounted(f"{leaf.subject_text} is not for signatures")
    try:
        path = find_path(leaf, others, anchors, at_s)
    except Untrusted as error:
        raise NotCounted(str(error)) from error
    return Counted(path, at_s, notes_of(path, now_s))
