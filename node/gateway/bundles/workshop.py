"""Where a bundle's papers are set, signed and put into an archive.

Blocks, and a typesetter is used by one thread at a time. Importing this imports the typesetter.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from node.export.bundle.writing import write_zip
from node.export.certificate.issuing import Issuer
from node.export.certificate.page import Typesetter
from node.export.certificate.pdf_key import NotSigned
from node.gateway.bundles import papers
from node.gateway.bundles.making import Collected
from node.gateway.gateway import Gateway
from node.gateway.timestamps.document_time import DocumentTime

CHANCE_SIZE = 4

_log = logging.getLogger(__name__)


class Workshop:
    """Fonts and template are loaded once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._typesetter = Typesetter()
        authorities = gateway.for_courts.authorities
        self._time = DocumentTime(authorities, gateway.clock) if authorities else None

    def write(self, collected: Collected, folder: Path) -> Path:
        """The archive of one bundle, in this folder; raises what `papers` does."""
        now_ms, chance = self._gateway.clock(), secrets.token_bytes(CHANCE_SIZE)
        try:
            whole = papers.make(self._desk(self._time), collected, now_ms, chance, folder)
        except NotSigned as error:
            if self._time is None:
                raise
            _log.warning("a certificate is signed without the time of an authority: %s", error)
            whole = papers.make(self._desk(None), collected, now_ms, chance, folder)
        return write_zip(folder, whole)

    def _desk(self, authority: DocumentTime | None) -> papers.Desk:
        gateway, for_courts = self._gateway, self._gateway.for_courts
        whole = Issuer(for_courts.pdf_key, authority, self._typesetter)
        listed = Issuer(for_courts.pdf_key, None, self._typesetter)
        policy_text = gateway.first_policy.policy_text
        return papers.Desk(whole, listed, for_courts.platform, policy_text)
