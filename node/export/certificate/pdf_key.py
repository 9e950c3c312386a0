"""The key that signs PDFs, out of a PKCS#12 file.

Its password comes from another file or an environment variable, never from a command line. A
gateway reads it when it starts, so that a wrong one shows then; the library that signs is imported
when the first document is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

if TYPE_CHECKING:
    from node.export.certificate.pades import Signing

PASSWORD_SIZE_MAX = 1024
PKCS12_SIZE_MAX = 1024 * 1024


class NotSigned(Exception):
    """There is no signature: the key could not be used, or no time was given."""


class TimeAuthority(Protocol):
    """Whoever answers RFC 3161: a TimeStampReq goes in, a TimeStampResp comes out, both DER."""

    def __call__(self, request: bytes) -> bytes: ...


class PdfSigningKey:
    """A key with its certificates, ready to sign any number of documents."""

    def __init__(self, pkcs12: bytes, password: bytes) -> None:
        try:
            found = load_pkcs12(pkcs12, password)
        except ValueError as error:
            raise NotSigned("the PKCS#12 file or its password is wrong") from error
        if found.key is None or found.cert is None:
            raise NotSigned("the PKCS#12 file has no key with its certificate")
        self.certificate = found.cert.certificate.public_bytes(Encoding.DER)
        """Whose signatures these are (DER)."""
        self._opening = pkcs12, password
        self._signing: Signing | None = None

    def sign(self, pdf: bytes, reason: str, authority: TimeAuthority | None = None) -> bytes:
        """The PDF with one more signature; raises `NotSigned`."""
        from node.export.certificate.pades import Signing

        self._signing = self._signing or Signing(*self._opening)
        return self._signing.sign(pdf, reason, authority)


def read_key(file: Path, password: bytes) -> PdfSigningKey:
    """The key of a PKCS#12 file."""
    return PdfSigningKey(_read(file, PKCS12_SIZE_MAX), password)


def read_password(file: Path | None, variable: str | None, environ: Mapping[str, str]) -> bytes:
    """From a file (its first line) or an environment variable, one of which is named."""
    if file is not None:
        return _read(file, PASSWORD_SIZE_MAX).split(b"\n")[0].rstrip(b"\r")
    assert variable is not None
    if variable not in environ:
        raise NotSigned(f"the environment variable {variable} is not set")
    return environ[variable].encode()


def _read(file: Path, size_max: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(size_max + 1)
    except OSError as error:
        raise NotSigned(f"{file}: {error.strerror}") from error
    if len(data) > size_max:
        raise NotSigned(f"{file} is longer than {size_max} bytes")
    return data
