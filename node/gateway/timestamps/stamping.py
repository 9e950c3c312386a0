"""Has published checkpoints signed and stamped: one token an interval, and only if the log grew.

Every few seconds the task looks whether an authority is due: its last token, by whichever gateway
of the database, is older than the interval, and the checkpoint that is shown has more leaves. Then
the body of that checkpoint is signed with the platform's keys and posted, and what comes back is
kept if it verifies. A body that was signed once is not signed again, so that all bundles hold the
same signatures.

If we stop between asking and keeping, a token is lost and another asked for; nobody was told of it.
Several gateways may ask for the same body at once; the first token stays.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import httpx

from consensus.reasons import Reasons
from node.court_settings import TIMESTAMP_EVERY_S
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.note import parse_note
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.signing.certificate import format_certificates
from node.export.signing.dual import Platform
from node.export.timestamps.client import Asked, NotStamped, obtain
from node.gateway.clock import Clock
from node.gateway.deposits.statement import Random
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import CannotCheck
from node.offchain.engine import StoreFailed
from node.offchain.timestamps import KeptSignature, KeptTimestamp, Newest, TimestampStore

LOOK_EVERY_S = 2.0
"""How long after an interval ends an authority is asked, at most."""
NONCE_BYTES = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForCourts:
    """What the settings say of it: keys to sign with, authorities to ask, and how often."""

    platform: Platform
    authorities: tuple[Asked, ...]
    every_s: int
    pdf_key: PdfSigningKey | None = None
    timestamp_roots: tuple[bytes, ...] = ()
    """Of the authorities, and their revocation lists: as the files have them."""


FOR_NO_COURT = ForCourts(Platform(), (), TIMESTAMP_EVERY_S)


class Stamping:
    """The gateway's task that does so. Owned by one event loop."""

    def __init__(
        self,
        log: PublishedLog,
        store: TimestampStore,
        clock: Clock,
        random: Random,
        for_courts: ForCourts,
    ) -> None:
        self._published = log
        self._store = store
        self._clock = clock
        self._random = random
        self.for_courts = for_courts
        self.platform = for_courts.platform
        self._authorities = for_courts.authorities
        self._every_ms = for_courts.every_s * 1000
        self._signs = self.platform.p256 is not None or self.platform.sm2 is not None
        self._refused_ms: dict[str, int] = {}
        """When an authority gave no token: it is not asked again before its interval is over."""
        self._reasons = Reasons(_log, logging.WARNING)

    async def run(self) -> None:
        """Look again and again, until cancelled; returns at once if there is nothing to do."""
        if not self._signs and not self._authorities:
            return
        async with httpx.AsyncClient() as http:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                try:
                    await self.look(http)
                except CannotCheck:
                    _log.debug("no member says what is published; asked again")
                except StoreFailed:
                    _log.error("timestamps were not read or kept; tried again")

    async def look(self, http: httpx.AsyncClient) -> None:
        """Sign and ask for what is due now."""
        note = await self._published.checkpoint()
        if not note:
            return
        body = parse_note(note).text
        size = parse_checkpoint(body).size
        due = [each for each in self._authorities if await self._is_due(each, size)]
        if self._signs and (due or await self._is_signature_due(size)):
            await self._sign(body, size)
        for authority in due:
            try:
                await self._ask(http, authority, body, size)
                self._reasons.forget(authority.name)
            except NotStamped as error:
                self._refused_ms[authority.name] = self._clock()
                why = f"no timestamp by {authority.name}: {error}"
                self._reasons.note(authority.name, why)

    async def _is_due(self, authority: Asked, size: int) -> bool:
        refused_ms = self._refused_ms.get(authority.name)
        if refused_ms is not None and self._clock() - refused_ms < self._every_ms:
            return False
        return self._is_over(await self._store.newest(authority.name), size)

    async def _is_signature_due(self, size: int) -> bool:
        return self._is_over(await self._store.newest_signature(), size)

    def _is_over(self, newest: Newest | None, size: int) -> bool:
        """Whether the interval is over and the log has grown."""
        if newest is None:
            return True
        return newest.tree_size < size and self._clock() - newest.at_ms >= self._every_ms

    async def _sign(self, body: bytes, size: int) -> None:
        if await self._store.signature(size) is not None:
            return
        now_ms = self._clock()
        made = self.platform.sign(body, now_ms // 1000)
        certificates = format_certificates(self.platform.certificates)
        await self._store.add_signature(
            KeptSignature(size, body, now_ms, made.p7s, made.sm2, certificates)
        )

    async def _ask(self, http: httpx.AsyncClient, authority: Asked, body: bytes, size: int) -> None:
        nonce = int.from_bytes(self._random(NONCE_BYTES))
        found = await obtain(http, authority, body, nonce, self._clock())
        chain = format_certificates(found.stamped.path.certificates)
        await self._store.add(
            KeptTimestamp(
                tree_size=size,
                authority=authority.name,
                body=body,
                time_ms=found.stamped.time_ms,
                obtained_ms=self._clock(),
                request=found.request,
                response=found.response,
                chain=chain,
            )
        )
        _log.info("timestamp of %d leaves by %s", size, authority.name)
