"""Two gateways on one PostgreSQL, asked for the same at once by an impatient client: both answer
the same, neither fails. SQLite has one writer, whichever process it is in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from node.accounts.vocabulary import SubmitterType
from node.casework.case_number import parse_case_number
from node.casework.exhibit import ExhibitWords
from node.casework.source_profile import SourceProfile
from node.casework.vocabulary import LitigationRole
from node.offchain.accounts import AccountStore
from node.offchain.cases import CaseStore, StoredReceipt
from node.offchain.database import Database
from node.offchain.notification_values import Webhook
from node.offchain.notifications import NotificationStore
from node.offchain.readers import ExtractionCode, ReaderStore
from node.offchain.source_profiles import SourceProfileStore
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

KEY = VaultKey(b"\x11" * 32)
CASE = parse_case_number("（2026）浙0192民初1号")
NUMBER = "EV20261121000000000042-47"
ROUNDS = 10
"""In one of them at least both find nothing before either has written."""


@pytest.fixture
async def two(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    async with Database(postgresql_url) as one, Database(postgresql_url) as other:
        yield one, other


async def at_once(ask: Callable[[int, int], Awaitable[Any]]) -> None:
    """Both gateways are asked, round for round, and say the same."""
    for number in range(ROUNDS):
        one, other = await asyncio.gather(ask(0, number), ask(1, number))
        assert one == other


async def test_an_extraction_code_is_made_once(two: tuple[Database, Database]) -> None:
    stores = [ReaderStore(each) for each in two]
    await at_once(
        lambda at, number: stores[at].make(
            ExtractionCode(f"{number:032}", NUMBER, "acme", 1_000, None, None), bytes([number]) * 32
        )
    )
    assert len(await stores[0].codes("acme", NUMBER)) == ROUNDS


async def test_a_webhook_is_registered_once(two: tuple[Database, Database]) -> None:
    stores = [NotificationStore(each, Vault(KEY), "o", lambda: 7) for each in two]
    accounts, events = AccountStore(two[0], Vault(KEY), Finder(KEY)), ("deposit.final",)
    await accounts.open("acme", SubmitterType.LEGAL_PERSON, 7)
    await at_once(
        lambda at, number: stores[at].register(
            Webhook(f"{number:032}", "acme", "https://a.example/", events, 7), "cws_" + "1" * 64
        )
    )
    assert len(await stores[0].listed("acme")) == ROUNDS


async def test_a_source_profile_is_registered_once(two: tuple[Database, Database]) -> None:
    stores = [SourceProfileStore(each, Vault(KEY), Finder(KEY)) for each in two]

    async def register(at: int, number: int) -> bytes:
        digest, _ = await stores[at].register("acme", SourceProfile(f"{number}", "b", "c", "d"), 7)
        return digest

    await at_once(register)
    assert len(await stores[0].listed("acme")) == ROUNDS


async def test_a_court_receipt_is_given_once(two: tuple[Database, Database]) -> None:
    stores = [CaseStore(each, Vault(KEY)) for each in two]
    words = ExhibitWords(NUMBER, LitigationRole.PLAINTIFF, "合同", "a", "b", "c", 1, 1, False)
    await stores[0].link(CASE, "clerk", [words], 7)
    receipt = StoredReceipt({"handler": "李"}, {"text": "收据\n"})

    async def issue(at: int, number: int) -> StoredReceipt:
        stored, _ = await stores[at].issue(CASE.text, "clerk", f"{number:032}", receipt, 8)
        return stored

    await at_once(issue)
