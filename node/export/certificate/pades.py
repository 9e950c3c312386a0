"""The platform's signature inside a PDF: PAdES B-T, or B-B where no authority gives the time.

The signature is an incremental update: the bytes of the page stay as they were. Signing asks the
timestamp authority and blocks meanwhile; call it in a thread.
"""

from __future__ import annotations

import asyncio
import io

from asn1crypto import tsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.timestamps import TimeStamper

from node.export.certificate.pdf_key import NotSigned, TimeAuthority

FIELD = "Platform"
DIGEST = "sha256"


class Signing:
    """One key at work; `PdfSigningKey` has one."""

    def __init__(self, pkcs12: bytes, password: bytes) -> None:
        try:
            self._signer = SimpleSigner.load_pkcs12_data(pkcs12, [], password)
        except ValueError as error:
            raise NotSigned("the PKCS#12 file or its password is wrong") from error
        self._asking: _Asking | None = None

    def sign(self, pdf: bytes, reason: str, authority: TimeAuthority | None) -> bytes:
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


class _Asking(TimeStamper):
    """An authority as pyHanko asks one."""

    def __init__(self, authority: TimeAuthority) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.authority = authority

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        answer = await asyncio.to_thread(self.authority, req.dump())
        return tsp.TimeStampResp.load(answer)
