"""Accounts as they are kept: nothing personal in the clear, and no step of a life is lost."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from node.accounts.consent import IN_FORCE, ConsentScope, ConsentText
from node.accounts.identity import Identity
from node.accounts.vocabulary import AccountStatus, IdType, ProofMethod, Role, SubmitterType
from node.errors import Misconfigured
from node.offchain.accounts import AccountExists, AccountStore, IdentityProof, NoSuchAccount
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

VAULT_KEY = VaultKey(bytes(range(32)))
NOW = 1_790_000_000_000
FIRM = Identity("示例有限公司", IdType.USCC, "91350100M000100Y43", "security@example.test")
PROOF = IdentityProof(ProofMethod.BANK_TRANSFER, "示例银行", NOW, True, "流水 20260922-7")


@pytest.fixture
async def store(database: Database) -> AccountStore:
    store = AccountStore(database, Vault(VAULT_KEY), Finder(VAULT_KEY))
    await store.open("acme", SubmitterType.LEGAL_PERSON, NOW)
    return store


async def test_a_new_account_is_nobody_yet(store: AccountStore) -> None:
    record = await store.find("acme")
    assert record.holder.status is AccountStatus.ACTIVE
    assert (record.holder.roles, record.holder.agreed) == (frozenset(), frozenset())
    assert not record.holder.identified
    assert (record.identity, record.proofs, record.created_ms) == (None, (), NOW)


async def test_an_account_is_opened_once(store: AccountStore) -> None:
    with pytest.raises(AccountExists):
        await store.open("acme", SubmitterType.COURT, NOW + 1)
    assert (await store.find("acme")).holder.submitter_type is SubmitterType.LEGAL_PERSON
    await store.open("zeta", SubmitterType.COURT, NOW)
    assert [each.id for each in await store.all()] == ["acme", "zeta"]


async def test_who_was_verified_is_known_and_how(store: AccountStore) -> None:
    assert await store.identify("acme", FIRM, PROOF) == ()
    record = await store.find("acme")
    assert record.holder.identified
    assert record.identity == FIRM
    assert record.proofs == (PROOF,)


async def test_the_newest_proof_counts_and_older_ones_stay_readable(store: AccountStore) -> None:
    await store.identify("acme", FIRM, PROOF)
    failed = IdentityProof(ProofMethod.DOCUMENT_COMPARISON, "示例公证处", NOW + 5, False)
    renamed = replace(FIRM, name="示例股份有限公司", contact=None)
    await store.identify("acme", renamed, failed)
    record = await store.find("acme")
    assert not record.holder.identified
    assert record.identity == renamed
    assert record.proofs == (failed, PROOF)


async def test_who_has_the_same_document_is_told(store: AccountStore) -> None:
    await store.open("acme-2", SubmitterType.LEGAL_PERSON, NOW)
    await store.identify("acme", FIRM, PROOF)
    assert await store.identify("acme-2", FIRM, PROOF) == ("acme",)
    assert await store.identify("acme", FIRM, replace(PROOF, verified_ms=NOW + 1)) == ("acme-2",)


async def test_identities_verified_at_once_can_all_be_read(store: AccountStore) -> None:
    """One transaction, one data key: none of the references is sealed under a key that is gone."""
    proofs = [replace(PROOF, verified_ms=NOW + n, reference=f"流水 {n}") for n in range(8)]
    await asyncio.gather(*(store.identify("acme", FIRM, proof) for proof in proofs))
    assert (await store.find("acme")).proofs == tuple(reversed(proofs))


async def test_roles_are_given_and_taken(store: AccountStore) -> None:
    await store.grant("acme", Role.DEPOSITOR, None, NOW)
    await store.grant("acme", Role.CLERK, "浙0192", NOW)
    await store.grant("acme", Role.CLERK, "京0491", NOW + 1)
    holder = (await store.find("acme")).holder
    assert holder.roles == {Role.DEPOSITOR, Role.CLERK}
    assert holder.courts == {"京0491"}
    assert await store.revoke("acme", Role.CLERK)
    assert not await store.revoke("acme", Role.CLERK)
    holder = (await store.find("acme")).holder
    assert (holder.roles, holder.courts) == ({Role.DEPOSITOR}, frozenset())


async def test_consent_counts_until_it_is_withdrawn(store: AccountStore) -> None:
    older = ConsentText("0", ConsentScope.DEPOSITING, "旧", "old")
    await store.agree("acme", older, NOW)
    await store.agree("acme", IN_FORCE, NOW + 1)
    await store.agree("acme", IN_FORCE, NOW + 2)
    assert (await store.find("acme")).holder.agreed == {older.digest, IN_FORCE.digest}
    assert await store.withdraw("acme", NOW + 3) == 2
    assert await store.withdraw("acme", NOW + 4) == 0
    await store.agree("acme", IN_FORCE, NOW + 5)
    record = await store.find("acme")
    assert record.holder.agreed == {IN_FORCE.digest}
    assert [(each.given_ms - NOW, each.withdrawn_ms) for each in record.consents] == [
        (0, NOW + 3),
        (1, NOW + 3),
        (5, None),
    ]


async def test_a_closed_account_stays_closed(store: AccountStore) -> None:
    await store.set_status("acme", AccountStatus.SUSPENDED, NOW + 1)
    await store.set_status("acme", AccountStatus.ACTIVE, NOW + 2)
    await store.set_status("acme", AccountStatus.CLOSED, NOW + 3)
    with pytest.raises(NoSuchAccount):
        await store.set_status("acme", AccountStatus.ACTIVE, NOW + 4)
    record = await store.find("acme")
    assert (record.holder.status, record.closed_ms) == (AccountStatus.CLOSED, NOW + 3)


async def test_nothing_is_done_to_an_account_that_is_not_there(store: AccountStore) -> None:
    for doing in (
        store.find("nobody"),
        store.identify("nobody", FIRM, PROOF),
        store.set_status("nobody", AccountStatus.CLOSED, NOW),
        store.grant("nobody", Role.AUDITOR, None, NOW),
        store.agree("nobody", IN_FORCE, NOW),
    ):
        with pytest.raises(NoSuchAccount):
            await doing
    assert not await store.revoke("nobody", Role.AUDITOR)


async def test_without_its_data_key_an_account_is_nobody_again(
    store: AccountStore, database: Database
) -> None:
    await store.identify("acme", FIRM, PROOF)
    await database.write(
        lambda connection: connection.exec_driver_sql("update accounts set data_key = null")
    )
    record = await store.find("acme")
    assert record.identity is None
    assert record.proofs == (replace(PROOF, reference=None),)
    assert record.holder.identified


async def test_nothing_personal_is_in_any_file(store: AccountStore, database_url: str) -> None:
    path = make_url(database_url).database
    if path is None or not database_url.startswith("sqlite"):
        pytest.skip("what PostgreSQL's files hold is its operator's to see to")
    await store.identify("acme", FIRM, PROOF)
    for each in Path(path).parent.iterdir():
        data = each.read_bytes()
        for text in (FIRM.name, FIRM.id_no, str(FIRM.contact), str(PROOF.reference)):
            assert text.encode() not in data, each.name


async def test_another_vault_key_is_noticed(store: AccountStore, database: Database) -> None:
    other = VaultKey(b"\x01" * 32)
    stranger = AccountStore(database, Vault(other), Finder(other))
    await stranger.check_vault()  # Nothing is sealed yet.
    await store.identify("acme", FIRM, PROOF)
    await store.check_vault()
    with pytest.raises(Misconfigured, match="not the key this database was written with"):
        await stranger.check_vault()


async def test_a_row_moved_to_another_account_is_not_opened(
    store: AccountStore, database: Database
) -> None:
    """Whoever writes to the database cannot give one account the identity of another."""
    await store.open("thief", SubmitterType.LEGAL_PERSON, NOW)
    await store.identify("acme", FIRM, PROOF)

    def move(connection: Connection) -> None:
        connection.exec_driver_sql(
            "update accounts set (data_key, name_sealed, id_no_sealed, contact_sealed, id_type) = "
            "(select data_key, name_sealed, id_no_sealed, contact_sealed, id_type from accounts "
            "where account = 'acme') where account = 'thief'"
        )

    await database.write(move)
    with pytest.raises(Exception, match="not made with this key"):
        await store.find("thief")
