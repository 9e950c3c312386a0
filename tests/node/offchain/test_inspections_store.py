"""Inspections off the chain: what was shown in one is found by it, names only with the key."""

import pytest

from node.accounts.action import Action
from node.accounts.inspection import InspectingOfficer, Inspection
from node.offchain.accesses import KEEP_MS, Access, AccessStore
from node.offchain.database import Database
from node.offchain.inspections import InspectionStore, KeptInspection, NotOpen
from node.vault.keys import VaultKey
from node.vault.sealing import Vault
from tests.databases import count_rows

pytestmark = pytest.mark.anyio

VAULT = Vault(VaultKey(bytes(range(32))))
NOW = 1_790_000_000_000
OFFICERS = (InspectingOfficer("张三", "310001"), InspectingOfficer("李四", "310002"))
INSPECTION = Inspection("某市公安局", "第82号令", "7号", "日志", OFFICERS, ("王五",))


@pytest.fixture
def store(database: Database) -> InspectionStore:
    return InspectionStore(database, VAULT)


async def test_it_is_opened_and_closed_once(store: InspectionStore) -> None:
    identity = await store.open(INSPECTION, NOW)
    await store.require_open(identity)
    assert await store.all() == [KeptInspection(identity, INSPECTION, NOW, None)]
    await store.close(identity, NOW + 5)
    for refused in (store.close(identity, NOW + 6), store.require_open(identity)):
        with pytest.raises(NotOpen):
            await refused
    assert await store.find(identity) == KeptInspection(identity, INSPECTION, NOW, NOW + 5)
    with pytest.raises(NotOpen):
        await store.require_open("0" * 32)


async def test_what_was_shown_in_it_is_found_by_it(
    store: InspectionStore, database: Database
) -> None:
    accesses, identity = AccessStore(database, VAULT), await store.open(INSPECTION, NOW)
    for at_ms, shown_in in ((NOW, None), (NOW + 1, identity), (NOW + 2, "f" * 32)):
        line = Access(at_ms, None, Action.ACCESSES_READ, None, True, inspection=shown_in)
        await accesses.add(line)
    (shown,) = await accesses.between(0, NOW + 9, inspection=identity)
    assert (shown.at_ms, shown.inspection) == (NOW + 1, identity)


async def test_it_is_kept_as_long_as_what_was_shown(
    store: InspectionStore, database: Database, database_url: str
) -> None:
    await store.open(INSPECTION, NOW)
    for late_ms, left in ((0, 1), (1, 0)):
        await AccessStore(database, VAULT).forget(NOW + KEEP_MS + late_ms)
        assert count_rows(database_url, "inspections") == left
