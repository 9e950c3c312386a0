"""What later events mark deposits with, for their owner's lists.

A list comes out of the gateway's database, and is answered also while no member is there; then it
says nothing about flags, which is not the same as that there are none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from node.gateway.events.history import read_marks
from node.gateway.events.marks import flag_values
from node.gateway.gateway import Gateway
from node.gateway.http.language import Language
from node.gateway.http.schemas import FlagValue
from node.gateway.members.client import CannotCheck
from node.offchain.deposit_values import DepositRecord

AT_ONCE = 16
"""Deposits of a list that members are asked about at once: they serve others too."""
WAIT_S = 2.0
"""A whole page takes some tenths of a second; a list does not wait longer for who is away."""


async def marks(
    gateway: Gateway, records: Sequence[DepositRecord], language: Language
) -> list[list[FlagValue] | None]:
    """The flags of each of these, in their order; None where nobody could say."""
    room = asyncio.Semaphore(AT_ONCE)

    async def mark(record: DepositRecord) -> list[FlagValue] | None:
        if record.standing is None:
            return []
        async with room:
            try:
                history = await read_marks(gateway.members, record.statement_id)
            except CannotCheck:
                return None
        return flag_values(history, language)

    asked = [asyncio.ensure_future(mark(record)) for record in records]
    if asked:
        _, late = await asyncio.wait(asked, timeout=WAIT_S)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    return [None if each.cancelled() else each.result() for each in asked]
