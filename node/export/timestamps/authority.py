"""A timestamp service of our own: a pure function from request, time and serial number to answer.

It stamps SHA-256 and SM3 (and SHA-384, SHA-512) with P-256, which stock tools verify. It is no
independent third party: whoever could alter the chain could set this clock. So every token stands
under `OWN_POLICY`, and whoever shows one says 平台自建时间戳，非独立第三方.
"""

from __future__ import annotations

from node.evidence.keys import P256
from node.evidence.malformed import Malformed
from node.export.signing import cms
from node.export.signing.credential import Credential
from node.export.timestamps import response
from node.export.timestamps.request import TimestampRequest, parse_request
from node.export.timestamps.token import TST_INFO, TimestampInfo, format_info
from node.export.timestamps.verifying import OWN_POLICY

ACCURACY_MS = 1_000
"""Of a machine whose clock somebody keeps."""


class TimestampService:
    """Who stamps, and as how exact."""

    def __init__(self, credential: Credential, accuracy_ms: int = ACCURACY_MS) -> None:
        leaf = credential.leaf
        if credential.signer.public.algorithm != P256:
            raise Malformed("certificate", "stock tools verify timestamps of P-256, not of SM2")
        if not leaf.is_for_timestamps_alone:
            raise Malformed("certificate", "not for timestamps alone, critically so")
        self._credential = credential
        self._accuracy_ms = accuracy_ms

    @property
    def name(self) -> str:
        """Whose timestamps these are."""
        return self._credential.leaf.subject_text

    def answer(self, data: bytes, now_ms: int, serial: int) -> bytes:
        """The TimeStampResp for a request, whatever it is; `serial` must never have been used."""
        try:
            request = parse_request(data)
        except Malformed as error:
            return response.format_rejection(response.BAD_FORMAT, str(error))
        if refusal := self._refusal(request, now_ms):
            return response.format_rejection(*refusal)
        info = TimestampInfo(
            policy=OWN_POLICY,
            imprint=request.imprint,
            serial=serial,
            time_ms=now_ms,
            accuracy_ms=self._accuracy_ms,
            nonce=request.nonce,
            authority=self._credential.leaf.subject,
        )
        token = cms.sign(
            self._credential,
            format_info(info),
            now_ms // 1000,
            content_type=TST_INFO,
            enclose=request.certificates,
        )
        return response.format_granted(token)

    def _refusal(self, request: TimestampRequest, now_ms: int) -> tuple[int, str] | None:
        """Why this is not stamped, if it is not."""
        if not request.imprint.is_known:
            algorithm = request.imprint.algorithm
            return response.BAD_ALGORITHM, f"an imprint by {algorithm}, or not of its size"
        if request.policy not in (None, OWN_POLICY):
            return response.UNACCEPTED_POLICY, f"only {OWN_POLICY}"
        if request.has_extensions:
            return response.UNACCEPTED_EXTENSION, "no extension is known here"
        leaf = self._credential.leaf
        if not leaf.not_before_s <= now_ms // 1000 <= leaf.not_after_s:
            return response.TIME_NOT_AVAILABLE, "the certificate does not hold at this time"
        return None
