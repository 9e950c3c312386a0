"""Following a chain of ours from policy to policy.

c2sp.org/tlog-witness leaves open how a witness comes to know the keys of a log, and a request has
no room to tell of new ones. So they are read where the log is published (docs/published-log.md):
`policies/N` for the next N, until there is none. A policy is taken if a quorum of the members of
the one before signed it, so the settings name one policy and the rest follows; whoever serves the
address can keep a policy back, and make up none.

That happens at the start, once an hour, and soon after a note was refused for its signatures.
Requests never wait for it: a log that was refused asks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import httpx

from consensus.reasons import Reasons
from node.evidence.entry import ENTRY_SIZE_MAX
from node.evidence.malformed import Malformed
from node.evidence.policy_note import PolicyNote
from node.evidence.succession import POLICIES_MAX
from node.published.layout import POLICY_TAG, parse_policy_leaf, policy_path
from node.witness.watching import Followed

LOOK_S = 3_600.0
"""A new policy that is not needed yet is known this soon; one that is needed, `PAUSE_S` after."""
PAUSE_S = 30.0
"""Anybody can have a note refused: the address is asked no more often."""
ANSWER_S = 10.0
PART_SIZE_MAX = len(POLICY_TAG) + 64 + ENTRY_SIZE_MAX

_log = logging.getLogger(__name__)


class NotRead(Exception):
    """Not this time, and why."""


class Following:
    """One chain. Owned by the event loop; `known` and `learn` reach the witness in its thread."""

    def __init__(
        self,
        chain: Followed,
        known: Callable[[], Awaitable[tuple[PolicyNote, ...]]],
        learn: Callable[[Sequence[PolicyNote]], Awaitable[None]],
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.refused = asyncio.Event()
        """Set when a note was refused for its signatures."""
        self._chain = chain
        self._url = chain.url.rstrip("/")
        self._known = known
        self._learn = learn
        self._pause_s = pause_s
        self._reasons = Reasons(_log, logging.WARNING)

    async def run(self, http: httpx.AsyncClient) -> NoReturn:
        """Look until cancelled."""
        while True:
            self.refused.clear()
            try:
                await self.look(http)
            except (NotRead, Malformed) as error:
                self._reasons.note("", f"policies of {self._chain.origin}: {error}")
            await asyncio.sleep(self._pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self.refused.wait()

    async def look(self, http: httpx.AsyncClient) -> None:
        """Learn the policies that are published after the last known one."""
        known = await self._known()
        notes = list(known)
        while (note := await self._read(http, self._chain.serial + len(notes))) is not None:
            if len(notes) == POLICIES_MAX:
                raise NotRead(f"more than {POLICIES_MAX} policies")
            notes.append(note)
        if len(notes) > max(1, len(known)):
            await self._learn(notes)

    async def _read(self, http: httpx.AsyncClient, serial: int) -> PolicyNote | None:
        """The policy of this serial, if it is published."""
        url = f"{self._url}/{policy_path(serial)}"
        try:
            async with asyncio.timeout(ANSWER_S), http.stream("GET", url) as response:
                if response.status_code == 404:
                    return None
                if response.status_code != 200:
                    raise NotRead(f"{url} answers {response.status_code}")
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > PART_SIZE_MAX:
                        raise NotRead(f"{url} answers more than {PART_SIZE_MAX} bytes")
        except TimeoutError as error:
            raise NotRead(f"{url}: no answer in {ANSWER_S:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotRead(f"{url}: {type(error).__name__}: {error}") from error
        note = parse_policy_leaf(bytes(data)).note
        if note.serial != serial:
            raise NotRead(f"{url} is policy {note.serial}")
        return note
