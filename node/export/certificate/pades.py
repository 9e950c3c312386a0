"""The platform's signature inside a PDF: PAdES B-T, or B-B where no authority gives the time.

The key comes from a PKCS#12 file, its password from another file or an environment variable, never
from a command line. The signature is an incremental update: the bytes of the page stay as they
were. Signing asks the timestamp authority and blocks meanwhile; call it in a thread.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from asn1crypto import tsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.timestamps import TimeStamper

FIELD = "Platform"
DIGEST = "sha256"
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
            self._signer = SimpleSigner.load_pkcs12_data(pkcs12, [], password)
        except ValueError as error:
            raise NotSigned("the PKCS#12 file or its password is wrong") from error
        self._asking: _Asking | None = None

    @property
    def certificate(self) -> bytes:
        """Whose signatures these are (DER)."""
        found = self._signer.signing_cert
        assert found is not None, "it was loaded with the key"
        return bytes(found.dump())

    def sign(self, pdf: bytes, reason: str, authority: TimeAuthority | None = None) -> bytes:
        """The PDF with one more signature; raises `NotSigned`."""
        assert pdf.endswith(b"\n"), "an update begins on its own line, or it is no PDF/A any more"
        metadata = PdfSignatureMetadata(
            field_name=FIELD, md_algorithm=DIGEST, subfilter=SigSeedSubFilter.PADES, reason=reason
        )
        signer = PdfSigner(
            metadata,
            self._signer,
            timestamper=self._asked(authority) if authority else None,
            new_field_spec=SigFieldSpec(FIELD),
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        try:
            signed = signer.sign_pdf(writer)
        except Exception as error:  # What an authority sends reaches pyHanko, which raises a dozen.
            raise NotSigned(f"no signature: {error}") from error
        assert isinstance(signed, io.BytesIO)
        return signed.getvalue()

    def _asked(self, authority: TimeAuthority) -> _Asking:
        """One for all documents: how long its answers are it asks once, to leave room for them."""
        if self._asking is None or self._asking.authority is not authority:
            self._asking = _Asking(authority)
        return self._asking


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


class _Asking(TimeStamper):
    """An authority as pyHanko asks one."""

    def __init__(self, authority: TimeAuthority) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.authority = authority

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        answer = await asyncio.to_thread(self.authority, req.dump())
        return tsp.TimeStampResp.load(answer)
