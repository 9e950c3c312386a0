"""Accounts: who somebody is, how that was verified, which roles and consents there are.

What is personal is sealed under a data key of the account's row, which also seals the references of
its identity proofs: whoever destroys that key has erased all of it. Rows about what happened
(proofs, consents) are added and never changed, but for the time when a consent was withdrawn.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.accounts.account import Holder
from node.accounts.consent import ConsentText
from node.accounts.identity import Identity
from node.accounts.vocabulary import AccountStatus, IdType, ProofMethod, Role, SubmitterType
from node.errors import Misconfigured
from node.offchain.database import Database
from node.offchain.tables.accounts import accounts, consents, identity_proofs, roles
from node.vault.finding import Finder
from node.vault.sealing import Row as Vaulted
from node.vault.sealing import Unreadable, Vault

Random = Callable[[int], bytes]

ID_SIZE = 16


class AccountExists(Exception):
    """There is an account of this name already."""


class NoSuchAccount(Exception):
    """There is no account of this name."""


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """How an identity was verified, or was not."""

    method: ProofMethod
    provider: str
    verified_ms: int
    passed: bool
    reference: str | None = None
    """The provider's; personal data."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Agreement to one version of a text."""

    id: str
    text_version: str
    text_digest: bytes
    scope: str
    given_ms: int
    withdrawn_ms: int | None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Everything about an account, personal data in the clear: for its owner and the operator."""

    holder: Holder
    identity: Identity | None
    proofs: tuple[IdentityProof, ...]
    consents: tuple[Consent, ...]
    created_ms: int
    closed_ms: int | None


class AccountStore:
    """The tables of accounts. Whatever the database refuses to do raises `StoreFailed`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        finder: Finder,
        random: Random = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._vault = vault
        self._finder = finder
        self._random = random

    async def check_vault(self) -> None:
        """Raise `Misconfigured` if what is there was written under another vault key: mixed, no key
        would read all of it."""
        query = select(accounts.c.account, accounts.c.data_key).where(
            accounts.c.data_key.is_not(None)
        )
        one = await self._database.read(
            lambda connection: connection.execute(query.limit(1)).first()
        )
        if one is None:
            return
        try:
            self._vault.row("accounts", one.account.encode(), one.data_key)
        except Unreadable as error:
            raise Misconfigured(
                "`vault_key` is not the key this database was written with",
                "`vault_key` 不是写入该数据库时所用的密钥",
            ) from error

    async def open(self, account: str, submitter_type: SubmitterType, now_ms: int) -> None:
        """A new account, which nobody has verified; raises `AccountExists`."""
        change = insert(accounts).values(
            account=account,
            submitter_type=submitter_type.name,
            status=AccountStatus.ACTIVE.name,
            created_ms=now_ms,
        )
        try:
            await self._database.write(lambda connection: connection.execute(change))
        except IntegrityError:
            raise AccountExists from None

    async def set_status(self, account: str, status: AccountStatus, now_ms: int) -> None:
        """Suspend, resume or close it, and that for good; raises `NoSuchAccount`."""
        closed_ms = now_ms if status is AccountStatus.CLOSED else None
        change = (
            update(accounts)
            .where(accounts.c.account == account, accounts.c.closed_ms.is_(None))
            .values(status=status.name, closed_ms=closed_ms)
        )
        if not await self._database.write(lambda connection: connection.execute(change).rowcount):
            raise NoSuchAccount

    async def identify(
        self, account: str, identity: Identity, proof: IdentityProof
    ) -> tuple[str, ...]:
        """Who the account is and how that was verified, in place of what was known of it; says
        which other accounts have the same document. Raises `NoSuchAccount`."""
        blind = self._finder.id_no(identity.id_type.name, identity.id_no)

        def work(connection: Connection) -> tuple[str, ...]:
            row, stored_key = self._row(connection, account)
            connection.execute(
                update(accounts)
                .where(accounts.c.account == account)
                .values(data_key=stored_key, id_no_blind=blind, **self._sealed(row, identity))
            )
            connection.execute(insert(identity_proofs).values(self._proven(row, account, proof)))
            same = select(accounts.c.account).where(
                accounts.c.id_no_blind == blind, accounts.c.account != account
            )
            return tuple(connection.scalars(same.order_by(accounts.c.account)))

        return await self._database.write(work)

    async def grant(self, account: str, role: Role, court: str | None, now_ms: int) -> None:
        """Give a role, at this court where it is a court's; again is no error."""

        def work(connection: Connection) -> None:
            _revoke(connection, account, role)
            connection.execute(
                insert(roles).values(
                    account=account, role=role.name, court_code=court, granted_ms=now_ms
                )
            )

        try:
            await self._database.write(work)
        except IntegrityError:
            raise NoSuchAccount from None

    async def revoke(self, account: str, role: Role) -> bool:
        """Take a role away; says whether it was held."""
        return await self._database.write(lambda connection: _revoke(connection, account, role) > 0)

    async def agree(self, account: str, text: ConsentText, now_ms: int) -> None:
        """The account has agreed to this text; again is no error, and the first time counts."""
        change = insert(consents).values(
            id=self._new_id(),
            account=account,
            text_version=text.version,
            text_digest=text.digest,
            scope=text.scope.name,
            given_ms=now_ms,
        )
        standing = select(consents.c.id).where(
            consents.c.account == account,
            consents.c.text_digest == text.digest,
            consents.c.withdrawn_ms.is_(None),
        )

        def work(connection: Connection) -> None:
            if connection.execute(standing).first() is None:
                connection.execute(change)

        try:
            await self._database.write(work)
        except IntegrityError:
            raise NoSuchAccount from None

    async def withdraw(self, account: str, now_ms: int) -> int:
        """Withdraw from every text agreed to; says from how many."""
        change = (
            update(consents)
            .where(consents.c.account == account, consents.c.withdrawn_ms.is_(None))
            .values(withdrawn_ms=now_ms)
        )
        return await self._database.write(lambda connection: connection.execute(change).rowcount)

    async def find(self, account: str) -> AccountRecord:
        """Everything about an account; raises `NoSuchAccount`."""

        def work(connection: Connection) -> AccountRecord | None:
            found = holder(connection, account)
            return None if found is None else self._record(connection, found)

        if (record := await self._database.read(work)) is None:
            raise NoSuchAccount
        return record

    async def proof(self, account: str) -> IdentityProof | None:
        """How its identity was verified, or was not, the last time that was tried."""
        key = select(accounts.c.data_key).where(accounts.c.account == account)

        def work(connection: Connection) -> IdentityProof | None:
            newest = connection.execute(_proofs_of(account).limit(1)).first()
            if newest is None:
                return None
            data_key = connection.execute(key).scalar_one()
            row = None
            if data_key is not None:
                row = self._vault.row("accounts", account.encode(), data_key)
            return _proof(row, newest)

        return await self._database.read(work)

    async def all(self) -> list[Holder]:
        """Every account, by name."""

        def work(connection: Connection) -> list[Holder]:
            names = connection.scalars(select(accounts.c.account).order_by(accounts.c.account))
            found = [holder(connection, name) for name in names.all()]
            return [each for each in found if each is not None]

        return await self._database.read(work)

    def _record(self, connection: Connection, found: Holder) -> AccountRecord:
        kept = connection.execute(select(accounts).where(accounts.c.account == found.id)).one()
        row = None
        if kept.data_key is not None:
            row = self._vault.row("accounts", found.id.encode(), kept.data_key)
        given = select(consents).where(consents.c.account == found.id)
        return AccountRecord(
            holder=found,
            identity=None if row is None else _identity(row, kept),
            proofs=tuple(_proof(row, each) for each in connection.execute(_proofs_of(found.id))),
            consents=tuple(
                _consent(each) for each in connection.execute(given.order_by(consents.c.given_ms))
            ),
            created_ms=kept.created_ms,
            closed_ms=kept.closed_ms,
        )

    def _row(self, connection: Connection, account: str) -> tuple[Vaulted, bytes]:
        """The account's row of the vault, which it keeps: older references stay readable."""
        query = select(accounts.c.data_key).where(accounts.c.account == account)
        if (found := connection.execute(query).first()) is None:
            raise NoSuchAccount
        if found.data_key is None:
            return self._vault.new_row("accounts", account.encode(), self._random)
        return self._vault.row("accounts", account.encode(), found.data_key), found.data_key

    def _sealed(self, row: Vaulted, identity: Identity) -> dict[str, object]:
        texts = {
            "name_sealed": identity.name,
            "id_no_sealed": identity.id_no,
            "contact_sealed": identity.contact,
        }
        sealed = {
            column: None if text is None else row.seal(column, text.encode(), self._random)
            for column, text in texts.items()
        }
        return {"id_type": identity.id_type.name, **sealed}

    def _proven(self, row: Vaulted, account: str, proof: IdentityProof) -> dict[str, object]:
        identity, reference = self._new_id(), proof.reference
        return {
            "id": identity,
            "account": account,
            "method": proof.method.name,
            "provider": proof.provider,
            "passed": proof.passed,
            "verified_ms": proof.verified_ms,
            "reference_sealed": None
            if reference is None
            else row.seal(_place(identity), reference.encode(), self._random),
        }

    def _new_id(self) -> str:
        return self._random(ID_SIZE).hex()


def holder(connection: Connection, account: str) -> Holder | None:
    """An account as it stands, for whoever judges what it may do."""
    kept = connection.execute(
        select(accounts.c.submitter_type, accounts.c.status).where(accounts.c.account == account)
    ).first()
    if kept is None:
        return None
    held = connection.execute(
        select(roles.c.role, roles.c.court_code).where(roles.c.account == account)
    ).all()
    newest = connection.execute(_proofs_of(account).limit(1)).first()
    agreed = connection.scalars(
        select(consents.c.text_digest).where(
            consents.c.account == account, consents.c.withdrawn_ms.is_(None)
        )
    )
    return Holder(
        id=account,
        submitter_type=SubmitterType[kept.submitter_type],
        status=AccountStatus[kept.status],
        roles=frozenset(Role[each.role] for each in held),
        courts=frozenset(each.court_code for each in held if each.court_code is not None),
        identified=newest is not None and newest.passed,
        agreed=frozenset(agreed),
    )


def _proofs_of(account: str) -> Select[Any]:
    """Its identity proofs, the newest first."""
    query = select(identity_proofs).where(identity_proofs.c.account == account)
    return query.order_by(identity_proofs.c.verified_ms.desc(), identity_proofs.c.id)


def _revoke(connection: Connection, account: str, role: Role) -> int:
    held = delete(roles).where(roles.c.account == account, roles.c.role == role.name)
    return connection.execute(held).rowcount


def _place(proof_id: str) -> str:
    """Where in the account's row of the vault a proof's reference belongs."""
    return f"identity_proofs {proof_id} reference_sealed"


def _identity(row: Vaulted, kept: Row[Any]) -> Identity:
    contact = kept.contact_sealed and row.open("contact_sealed", kept.contact_sealed).decode()
    return Identity(
        row.open("name_sealed", kept.name_sealed).decode(),
        IdType[kept.id_type],
        row.open("id_no_sealed", kept.id_no_sealed).decode(),
        contact,
    )


def _proof(row: Vaulted | None, kept: Row[Any]) -> IdentityProof:
    """Without the account's data key, which may have been destroyed, the reference is gone."""
    sealed = kept.reference_sealed if row is not None else None
    return IdentityProof(
        ProofMethod[kept.method],
        kept.provider,
        kept.verified_ms,
        kept.passed,
        row.open(_place(kept.id), sealed).decode() if row is not None and sealed else None,
    )


def _consent(kept: Row[Any]) -> Consent:
    return Consent(
        kept.id,
        kept.text_version,
        kept.text_digest,
        kept.scope,
        kept.given_ms,
        kept.withdrawn_ms,
    )
