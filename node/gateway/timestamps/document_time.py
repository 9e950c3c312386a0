"""The time inside a document's signature, by the authorities that stamp checkpoints too.

Whoever signs a document (`export.certificate`) has a request of its own and waits in a thread for
the answer. The first authority of the settings that gives a token which verifies is taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import httpx

from node.evidence.malformed import Malformed
from node.export.timestamps.client import Asked, NotStamped, obtain
from node.export.timestamps.request import TimestampRequest, parse_request
from node.gateway.clock import Clock

_log = logging.getLogger(__name__)


class DocumentTime:
    """A `TimeAuthority`; not to be called where an event loop runs."""

    def __init__(self, authorities: Sequence[Asked], clock: Clock) -> None:
        self._authorities = tuple(authorities)
        self._clock = clock

    def __call__(self, request: bytes) -> bytes:
        """The answer of the first authority that gives one; raises `NotStamped`."""
        try:
            asked = parse_request(request)
        except Malformed as error:
            raise NotStamped(str(error)) from error
        return asyncio.run(self._ask(asked))

    async def _ask(self, asked: TimestampRequest) -> bytes:
        assert asked.nonce is not None, "or an old answer would do"
        why = "nobody to ask"
        async with httpx.AsyncClient() as http:
            for each in self._authorities:
                try:
                    found = await obtain(http, each, asked.imprint, asked.nonce, self._clock())
                except NotStamped as error:
                    why = f"{each.name}: {error}"
                    _log.warning("no time for a document by %s", why)
                else:
                    return found.response
        raise NotStamped(why)
