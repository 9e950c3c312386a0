"""Source profiles in the database: sealed, found by digest, the same once more the same."""

from typing import Any

import pytest

from node.casework.source_profile import SourceProfile, profile_digest, profile_fields
from node.offchain import source_profiles
from node.offchain.database import Database
from node.offchain.source_profiles import SourceProfileStore, TooManyProfiles
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

KEY = VaultKey(b"\x11" * 32)
PROFILE = SourceProfile("订单系统", "下单即写入", "某某平台有限公司", "NTP ntp.ntsc.ac.cn")


@pytest.fixture
def store(database: Database) -> SourceProfileStore:
    return SourceProfileStore(database, Vault(KEY), Finder(KEY))


async def test_what_was_registered_is_read_again(store: Any) -> None:
    digest, new = await store.register("acme", PROFILE, 7)
    assert new
    (found,) = await store.listed("acme")
    assert (found.digest, found.registered_ms, found.withdrawn_ms) == (digest, 7, None)
    salt = bytes.fromhex(found.fields.pop("salt"))
    assert found.fields == {
        "system": PROFILE.system,
        "process": PROFILE.process,
        "operator": PROFILE.operator,
        "clock_source": PROFILE.clock_source,
    }
    assert profile_digest(PROFILE.text(salt)) == digest
    assert profile_fields(PROFILE.text(salt))["operator"] == PROFILE.operator


async def test_the_same_again_is_the_same_and_anothers_is_another(store: Any) -> None:
    first = await store.register("acme", PROFILE, 7)
    assert await store.register("acme", PROFILE, 8) == (first[0], False)
    other, new = await store.register("other", PROFILE, 8)
    assert new
    assert other != first[0]
    assert not await store.is_registered("other", first[0])


async def test_a_withdrawn_profile_stays_readable_and_can_come_back(store: Any) -> None:
    digest, _ = await store.register("acme", PROFILE, 7)
    assert await store.is_registered("acme", digest)
    assert await store.withdraw("acme", digest, 9)
    assert not await store.withdraw("acme", digest, 10)
    assert not await store.is_registered("acme", digest)
    (found,) = await store.listed("acme")
    assert (found.withdrawn_ms, found.fields["system"]) == (9, "订单系统")
    assert await store.register("acme", PROFILE, 11) == (digest, False)
    assert await store.is_registered("acme", digest)


async def test_an_account_has_so_many(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_profiles, "PROFILES_MAX", 1)
    await store.register("acme", PROFILE, 7)
    with pytest.raises(TooManyProfiles):
        await store.register("acme", SourceProfile("a", "b", "c", "d"), 8)


@pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True)
async def test_the_file_does_not_tell_who_runs_which_system(store: Any, database_url: str) -> None:
    await store.register("acme", PROFILE, 7)
    from pathlib import Path

    folder = Path(database_url.partition("///")[2]).parent
    kept = b"".join(each.read_bytes() for each in folder.iterdir())
    assert "某某平台".encode() not in kept
