"""Whether a certificate leads to a root that the verifier had from elsewhere.

    anchors = read_anchors([Path("my-root.pem").read_bytes()])
    path = find_path(leaf, enclosed, anchors, at_s, purpose=TIME_STAMPING)

`at_s` is the moment the certificate was used: one that has expired since has served its purpose,
and one that was revoked before must not have been used. Who cannot show by a time stamp when it was
can only say when they say it was; that is the caller's to know.

A root is believed for its key and its name; a certificate that is itself among the roots leads
nowhere. Certificates that came along with a signature only serve to find the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.export.signing import algorithms
from node.export.signing.certificate import KEY_CERT_SIGN, Certificate, parse_certificates
from node.export.signing.revocation import Revocations, parse_revocation_lists

PATH_MAX = 6
"""Certificates from leaf to root; four are usual."""
TRIES_MAX = 64
"""Signatures checked to find a path: whoever encloses a thousand look-alikes gets no further."""
ANY_PURPOSE = "2.5.29.37.0"


class Untrusted(Exception):
    """No path from this certificate to a root from outside; says what the nearest one lacked."""


class NotValidThen(Untrusted):
    """A certificate of the path had expired when it was used, or was not valid yet."""


class RevokedBefore(Untrusted):
    """A certificate of the path had been revoked when it was used."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """What a verifier brings along: roots, and lists of what was revoked."""

    roots: tuple[Certificate, ...]
    revocations: tuple[Revocations, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A way that holds, from leaf to root."""

    certificates: tuple[Certificate, ...]
    revocation_known: bool
    """Whether a list of its issuer was at hand for each of them."""
    revoked_later_s: int | None
    """When one of them was revoked, after it was used; None if none was."""

    @property
    def root(self) -> Certificate:
        return self.certificates[-1]

    def expired_by(self, now_s: int) -> bool:
        """Whether one of them has expired by now: it held when it was used."""
        return any(each.not_after_s < now_s for each in self.certificates)


def read_anchors(texts: Iterable[bytes]) -> Anchors:
    """Roots and revocation lists out of PEM texts; a text that has neither is refused."""
    roots: list[Certificate] = []
    revocations: list[Revocations] = []
    for text in texts:
        lists = parse_revocation_lists(text, "anchors")
        revocations += lists
        if b"BEGIN CERTIFICATE-" in text or not lists:
            roots += parse_certificates(text, "anchors")
    for root in roots:
        if not root.is_authority:
            raise Malformed("anchors", f"{root.subject_text} is no certificate of an authority")
    return Anchors(tuple(dict.fromkeys(roots)), tuple(revocations))


def find_path(
    leaf: Certificate,
    enclosed: Sequence[Certificate],
    anchors: Anchors,
    at_s: int,
    *,
    purpose: str | None = None,
) -> Path:
    """The way from `leaf` to one of the roots that held at `at_s`; raises `Untrusted`."""
    search = _Search(tuple(dict.fromkeys(enclosed)), anchors, at_s, purpose)
    _check_use(leaf, at_s)
    certificates = search.extend((leaf,))
    if certificates is None:
        raise search.fault
    return search.judge_revocations(certificates)


class _Search:
    """Depth first, roots before others; remembers why the last way led nowhere."""

    def __init__(
        self, enclosed: tuple[Certificate, ...], anchors: Anchors, at_s: int, purpose: str | None
    ) -> None:
        self._enclosed = enclosed
        self._anchors = anchors
        self._at_s = at_s
        self._purpose = purpose
        self._tries = 0
        self.fault = Untrusted("no way was looked for")

    def extend(self, path: tuple[Certificate, ...]) -> tuple[Certificate, ...] | None:
        """The whole way from here on; None if there is none."""
        last = path[-1]
        found = False
        for issuer in (*self._anchors.roots, *self._enclosed):
            if issuer.subject != last.issuer or issuer in path:
                continue
            found = True
            if not self._issued(issuer, last, len(path) - 1):
                continue
            if issuer in self._anchors.roots:
                return (*path, issuer)
            if len(path) < PATH_MAX - 1:
                whole = self.extend((*path, issuer))
                if whole is not None:
                    return whole
        if not found:
            self.fault = Untrusted(f"nobody from outside or enclosed is {last.issuer_text}")
        return None

    def judge_revocations(self, certificates: tuple[Certificate, ...]) -> Path:
        """The same way with what is known of revocations; raises `Untrusted`."""
        known, later_s = True, None
        for certificate, issuer in pairwise(certificates):
            lists = [each for each in self._anchors.revocations if each.is_by(issuer)]
            known = known and bool(lists)
            for each in lists:
                since_s = each.revoked_s.get(certificate.serial)
                if since_s is None:
                    continue
                if since_s <= self._at_s:
                    who = certificate.subject_text
                    raise RevokedBefore(f"{who} was revoked before it was used")
                later_s = since_s if later_s is None else min(later_s, since_s)
        return Path(certificates, known, later_s)

    def _issued(self, issuer: Certificate, certificate: Certificate, below: int) -> bool:
        """Whether `issuer`, with so many authorities below it, issued this certificate."""
        try:
            _check_use(issuer, self._at_s)
            if not issuer.is_authority or not issuer.may(KEY_CERT_SIGN):
                raise Untrusted(f"{issuer.subject_text} may issue no certificates")
            if issuer.path_length is not None and below > issuer.path_length:
                raise Untrusted(f"{issuer.subject_text} may not stand so high in a chain")
            purposes = issuer.extended_key_usage
            if self._purpose and purposes and not purposes & {self._purpose, ANY_PURPOSE}:
                raise Untrusted(f"{issuer.subject_text} is not for this purpose")
            self._tries += 1
            if self._tries > TRIES_MAX:
                raise Untrusted(f"more than {TRIES_MAX} certificates look alike")
            algorithms.verify(
                issuer.public_key,
                certificate.signature_algorithm,
                certificate.signed,
                certificate.signature,
            )
        except Untrusted as error:
            self.fault = error
            return False
        except BadSignature as error:
            who, by = certificate.subject_text, issuer.subject_text
            self.fault = Untrusted(f"{who} was not issued by the {by} at hand: {error}")
            return False
        return True


def _check_use(certificate: Certificate, at_s: int) -> None:
    """Raise `Untrusted` if it was not to be used then, or is not understood."""
    if not certificate.not_before_s <= at_s <= certificate.not_after_s:
        raise NotValidThen(f"{certificate.subject_text} was not valid when it was used")
    if certificate.unknown_critical is not None:
        extension = certificate.unknown_critical
        raise Untrusted(f"{certificate.subject_text} has the unknown extension {extension}")
