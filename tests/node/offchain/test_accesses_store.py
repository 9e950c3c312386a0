"""The record of accesses: every field comes back, and where from is not readable in the file."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from node.accounts.action import Action
from node.offchain.accesses import Access, AccessStore
from node.offchain.database import Database
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000_000
DAY_MS = 24 * 3600 * 1000


def told(line: Access) -> Access:
    """A line as it was added."""
    return replace(line, place=None)


@pytest.fixture
def store(database: Database) -> AccessStore:
    return AccessStore(database, Vault(VaultKey(bytes(range(32)))))


async def test_what_was_recorded_comes_back_in_order(store: AccessStore) -> None:
    lines = [
        Access(NOW, None, Action.ACCOUNT_OPENED, "acme", True, None, "pid 1"),
        Access(NOW + 1, "acme", Action.ACCOUNT_READ, "acme", True, "ab12", "192.0.2.7:50123"),
        Access(NOW + 184 * DAY_MS, "acme", Action.SCOPE_REFUSED, None, False),
    ]
    for line in reversed(lines):
        await store.add(line)
    assert [*map(told, await store.between(0, NOW + 400 * DAY_MS))] == lines
    assert [*map(told, await store.between(NOW, NOW + 2, account="acme"))] == lines[1:2]
    assert [*map(told, await store.between(NOW, NOW + 2, limit=1))] == lines[:1]


async def test_all_lines_of_one_moment_are_read_page_by_page(store: AccessStore) -> None:
    for number in range(10):
        await store.add(Access(NOW, f"a{number}", Action.ACCOUNT_READ, None, True))
    found: list[Access] = []
    while page := await store.between(
        NOW, NOW + 1, after=found[-1].place if found else None, limit=3
    ):
        found += page
    assert {each.account for each in found} == {f"a{number}" for number in range(10)}
    assert len(found) == 10


async def test_a_line_is_kept_for_400_days(store: AccessStore) -> None:
    """The law asks for six months (网络安全法 Art. 23); a line of day D is there on D+184."""
    for day in (0, 1):
        await store.add(Access(NOW + day * DAY_MS, "acme", Action.ACCOUNT_READ, None, True))
    assert await store.forget(NOW + 184 * DAY_MS) == 0
    assert await store.forget(NOW + 400 * DAY_MS) == 0
    assert await store.forget(NOW + 400 * DAY_MS + 1) == 1
    (left,) = await store.between(0, NOW + 400 * DAY_MS)
    assert left.at_ms == NOW + DAY_MS


async def test_where_somebody_came_from_is_in_no_file(
    store: AccessStore, database_url: str
) -> None:
    path = make_url(database_url).database
    if path is None or not database_url.startswith("sqlite"):
        pytest.skip("what PostgreSQL's files hold is its operator's to see to")
    await store.add(Access(NOW, "acme", Action.ACCOUNT_READ, "acme", True, None, "192.0.2.77:5"))
    files = [each.read_bytes() for each in Path(path).parent.iterdir()]
    assert any(b"ACCOUNT_READ" in data for data in files)
    assert not any(b"192.0.2.77" in data for data in files)
