"""Cases and registries in the database."""

import asyncio
from typing import Any

import pytest

from node.casework.case_number import parse_case_number
from node.casework.court import Authority, AuthorityKind, Court, CourtLevel
from node.casework.exhibit import ExhibitWords
from node.casework.vocabulary import LitigationRole
from node.evidence.number import format_number
from node.offchain import cases
from node.offchain.cases import (
    CaseStore,
    Linked,
    ReceiptExists,
    StoredReceipt,
    TooManyExhibits,
)
from node.offchain.database import Database
from node.offchain.readers import ReaderStore
from node.offchain.registries import RegistryStore
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

VAULT = Vault(VaultKey(b"\x11" * 32))
CASE = parse_case_number("（2026）浙0192民初1234号")
OTHER = parse_case_number("（2026）京0491民初1号")


def number(index: int) -> str:
    return format_number(1_790_000_000_000, index)


def words(index: int, **more: Any) -> ExhibitWords:
    said = {"name": "录音", "source": "手机", "proof_object": "借款", "content": "通话"}
    return ExhibitWords(number(index), LitigationRole.PLAINTIFF, **{**said, **more})


@pytest.fixture
def store(database: Database) -> CaseStore:
    return CaseStore(database, VAULT)


async def test_what_was_linked_is_read_again(store: CaseStore) -> None:
    linked, new = await store.link(CASE, "clerk", [words(1), words(2)], 7)
    assert new
    assert await store.exhibits(CASE.text) == linked
    assert [(each.exhibit_no, each.words) for each in linked] == [(1, words(1)), (2, words(2))]
    assert await store.exhibits(OTHER.text) == []
    assert await store.link(CASE, "clerk", [words(2)], 8) == (linked[1:], False)


async def test_other_words_about_the_same_deposit_are_refused_whole(store: CaseStore) -> None:
    await store.link(CASE, "clerk", [words(1)], 7)
    with pytest.raises(Linked) as refused:
        await store.link(CASE, "clerk", [words(3), words(1, name="别的")], 8)
    assert refused.value.indexes == (1,)
    assert len(await store.exhibits(CASE.text)) == 1


async def test_gateways_that_link_at_once_give_different_numbers(
    database_url: str, store: CaseStore
) -> None:
    async with Database(database_url) as second:
        stores = (store, CaseStore(second, VAULT))
        await asyncio.gather(*(stores[i % 2].link(CASE, "clerk", [words(i)], 7) for i in range(10)))
    found = await store.exhibits(CASE.text)
    assert [each.exhibit_no for each in found] == list(range(1, 11))
    assert {each.words.evidence_no for each in found} == {number(i) for i in range(10)}


async def test_readers_know_which_courts_have_a_deposit(
    store: CaseStore, database: Database
) -> None:
    readers = ReaderStore(database)
    await store.link(CASE, "clerk", [words(1)], 7)
    await store.link(OTHER, "other", [words(1)], 7)
    assert await readers.linked(number(1), {"京0491"})
    assert await store.remove(OTHER.text, 1, 8)
    assert not await store.remove(OTHER.text, 1, 9)
    assert not await readers.linked(number(1), {"京0491"})
    assert await readers.linked(number(1), {"京0491", "浙0192"})


async def test_a_case_has_so_many_exhibits(
    store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "EXHIBITS_MAX", 1)
    with pytest.raises(TooManyExhibits):
        await store.link(CASE, "clerk", [words(1), words(2)], 7)
    assert await store.exhibits(CASE.text) == []


async def test_a_receipt_stays_as_it_was_given(store: CaseStore) -> None:
    await store.link(CASE, "clerk", [words(1)], 7)
    receipt = StoredReceipt({"handler": "李"}, {"text": "收据\n"})
    assert await store.issue(CASE.text, "clerk", "ab" * 16, receipt, 8) == (receipt, True)
    later = StoredReceipt({"handler": "李"}, {"text": "另一份\n"})
    assert await store.issue(CASE.text, "clerk", "ab" * 16, later, 9) == (receipt, False)
    other = StoredReceipt({"handler": "王"}, {"text": "收据\n"})
    with pytest.raises(ReceiptExists):
        await store.issue(CASE.text, "clerk", "ab" * 16, other, 9)
    assert await store.receipt(CASE.text, "ab" * 16) == receipt
    assert await store.receipt(OTHER.text, "ab" * 16) is None


async def test_a_registry_says_what_was_loaded_and_what_ships(database: Database) -> None:
    store = RegistryStore(database)
    shipped = await store.court("浙0192")
    assert shipped is not None
    assert shipped.name == "杭州互联网法院"
    assert await store.court("京0491") is None
    loaded = Court("京0491", "某法院", CourtLevel.BASIC, "京04", 1, None, "公报")
    await store.load([loaded, Court("浙0192", "改名", None, None, None, None, "公报")])
    assert await store.court("京0491") == loaded
    assert [each.name for each in await store.courts()] == ["某法院", "改名"]
    await store.load([Court("京0491", "新名", None, None, None, None, "公报")])
    assert (await store.court("京0491")).name == "新名"  # type: ignore[union-attr]


async def test_authorities_are_found_by_their_root(database: Database) -> None:
    store = RegistryStore(database)
    root = b"\xab" * 32
    assert await store.authority(root) is None
    authority = Authority(root, "某认证", AuthorityKind.PUBLIC, "ECP1", None, 1, 2, "公告")
    await store.load([authority])
    assert await store.authority(root) == authority
    assert await store.authorities() == [authority]
