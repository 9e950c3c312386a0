"""Steps 7 and 8 ask others: who reads RFC 3161 tokens, and who reads signatures of certificates.

This is all that `checking` knows of them. Each gets the bytes that were stamped or signed, what is
enclosed (the token or signature, and certificates to build a chain with), and the roots that came
another way; it returns what it vouches for, or raises `NotValid`. A result that does not rest on
one of these roots must not exist: enclosed certificates are never trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.words import ResultCode


class NotValid(Exception):
    """A token or signature that does not hold: why, in both languages, and the code it gives.

    V401 for a timestamp, V304 for a signature, V301 and V302 where the certificate was not valid or
    already revoked at signing.
    """

    def __init__(self, code: ResultCode, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Stamp:
    """A timestamp that holds: these bytes existed at `time_ms`, says `authority`."""

    time_ms: int
    accuracy_ms: int
    authority: str
    """The subject of the authority's certificate, for printing."""
    independent: bool
    """False if the platform is its own authority (open point O03)."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """A signature that holds: by whom, and what else has to be told of the certificate."""

    subject: str
    notes: tuple[tuple[str, str], ...] = ()
    """(zh, en), such as: expired since, and valid when it signed."""


class TokenVerifier(Protocol):
    """RFC 3161. `response` is a whole TimeStampResp (a `.tsr` file)."""

    def __call__(
        self, body: bytes, response: bytes, *, enclosed: Sequence[bytes], roots: Sequence[bytes]
    ) -> Stamp: ...


class SignatureVerifier(Protocol):
    """One of the two suites: CMS detached with P-256, or raw SM2 with SM3 (DER).

    `at_ms` is when it was made, as far as something else vouches for it: what the signature says of
    that itself is not believed. `enclosed` and `roots` are PEM files, as they are.
    """

    def __call__(
        self,
        message: bytes,
        signature: bytes,
        *,
        enclosed: Sequence[bytes],
        roots: Sequence[bytes],
        at_ms: int,
    ) -> Signatory: ...


@dataclass(frozen=True, slots=True)
class Verifiers:
    """What a verification can do in steps 7 and 8; None where this machine cannot."""

    token: TokenVerifier | None = None
    cms: SignatureVerifier | None = None
    sm2: SignatureVerifier | None = None
