"""What lets requests in: API keys by their digests, keys of an account's own, and used nonces."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from node.accounts.account import Credential
from node.accounts.scopes import Scope, format_scopes, parse_scopes
from node.accounts.vocabulary import KeyKind
from node.offchain.accounts import ID_SIZE, NoSuchAccount, Random, holder
from node.offchain.database import Database, Rows
from node.offchain.tables.accounts import account_keys, api_keys, request_nonces

LIVE_MAX = 20
"""API keys, and keys of its own, that an account has at once, one a service: whoever asks for more
has lost count of them. While they are rotated, each may have a successor beside it."""

_ADD_NONCE = insert(request_nonces)
_FORGET_NONCES = delete(request_nonces).where(request_nonces.c.expires_ms < bindparam("before"))


class TooMany(Exception):
    """The account has as many live ones as it may have."""


class KeyKnown(Exception):
    """This key is registered already, for this account or another."""


class NonceUsed(Exception):
    """This signed request was here before."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key; the key itself only its owner has."""

    id: str
    account: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A key of the account's own: a public key, or the SHA-256 of a client certificate."""

    id: str
    account: str
    kind: KeyKind
    value: str
    scopes: frozenset[Scope]
    created_ms: int
    revoked_ms: int | None


class CredentialStore:
    """The tables of credentials. Whatever the database refuses to do raises `StoreFailed`."""

    def __init__(self, database: Database, random: Random = secrets.token_bytes) -> None:
        self._database = database
        self._random = random

    async def by_api_key(self, digest: bytes) -> Credential | None:
        """What an API key of this digest opens, live or not."""

        def work(connection: Connection) -> Credential | None:
            query = select(api_keys).where(api_keys.c.key_digest == digest)
            kept = connection.execute(query).first()
            return None if kept is None else _credential(connection, kept, kept.expires_ms)

        return await self._database.read(work)

    async def by_account_key(self, kind: KeyKind, value: str) -> Credential | None:
        """What this key of an account's own opens, live or not."""

        def work(connection: Connection) -> Credential | None:
            query = select(account_keys).where(
                account_keys.c.kind == kind.name, account_keys.c.value == value
            )
            kept = connection.execute(query).first()
            return None if kept is None else _credential(connection, kept, None)

        return await self._database.read(work)

    async def add_api_key(
        self,
        account: str,
        digest: bytes,
        scopes: Collection[Scope],
        now_ms: int,
        expires_ms: int | None = None,
    ) -> ApiKey:
        """A new API key; raises `TooMany` or `NoSuchAccount`."""
        key = ApiKey(self._new_id(), account, frozenset(scopes), now_ms, expires_ms, None)
        change = insert(api_keys).values(_api_key_values(key, digest))

        def work(connection: Connection) -> None:
            _check_room(connection, _live_api_keys(account, now_ms))
            connection.execute(change)

        try:
            await self._database.write(work)
        except IntegrityError:
            raise NoSuchAccount from None
        return key

    async def rotate(
        self, account: str, old: str, digest: bytes, now_ms: int, old_until_ms: int
    ) -> ApiKey | None:
        """A key of the same scopes in place of `old`, which works until `old_until_ms`, but never
        longer than it would have; None if the account has no such live key. May raise `TooMany`."""
        new_id = self._new_id()

        def work(connection: Connection) -> ApiKey | None:
            live = select(api_keys).where(*_live_api_keys(account, now_ms), api_keys.c.id == old)
            if (kept := connection.execute(live).first()) is None:
                return None
            _check_room(connection, _live_api_keys(account, now_ms), 2 * LIVE_MAX)
            ends = [each for each in (kept.expires_ms, old_until_ms) if each is not None]
            life_ms = None if kept.expires_ms is None else kept.expires_ms - kept.created_ms
            key = ApiKey(
                new_id,
                account,
                parse_scopes(kept.scopes),
                now_ms,
                None if life_ms is None else now_ms + life_ms,
                None,
            )
            change = update(api_keys).where(api_keys.c.id == old)
            connection.execute(change.values(expires_ms=min(ends)))
            connection.execute(insert(api_keys).values(_api_key_values(key, digest)))
            return key

        return await self._database.write(work)

    async def revoke_api_key(self, account: str, key: str, now_ms: int) -> bool:
        """It lets nobody in any more; says whether the account has such a key."""
        change = (
            update(api_keys)
            .where(api_keys.c.account == account, api_keys.c.id == key)
            .values(revoked_ms=func.coalesce(api_keys.c.revoked_ms, now_ms))
        )
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def api_keys(self, account: str) -> list[ApiKey]:
        """All it ever had, the oldest first."""
        query = select(api_keys).where(api_keys.c.account == account)
        query = query.order_by(api_keys.c.created_ms, api_keys.c.id)
        return await self._database.read(
            lambda connection: [_api_key(each) for each in connection.execute(query)]
        )

    async def add_account_key(
        self, account: str, kind: KeyKind, value: str, scopes: Collection[Scope], now_ms: int
    ) -> AccountKey:
        """Register a key; raises `TooMany`, `KeyKnown` or `NoSuchAccount`. A key that was ever
        registered cannot be again: whose it was stays clear."""
        key = AccountKey(self._new_id(), account, kind, value, frozenset(scopes), now_ms, None)
        change = insert(account_keys).values(
            id=key.id,
            account=account,
            kind=kind.name,
            value=value,
            scopes=format_scopes(scopes),
            created_ms=now_ms,
        )
        live = (account_keys.c.account == account, account_keys.c.revoked_ms.is_(None))

        def work(connection: Connection) -> None:
            if holder(connection, account) is None:
                raise NoSuchAccount
            _check_room(connection, live)
            connection.execute(change)

        try:
            await self._database.write(work)
        except IntegrityError:
            raise KeyKnown from None
        return key

    async def revoke_account_key(self, account: str, key: str, now_ms: int) -> bool:
        """It lets nobody in any more; says whether the account has such a key."""
        change = (
            update(account_keys)
            .where(account_keys.c.account == account, account_keys.c.id == key)
            .values(revoked_ms=func.coalesce(account_keys.c.revoked_ms, now_ms))
        )
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def account_keys(self, account: str) -> list[AccountKey]:
        """All it ever had, the oldest first."""
        query = select(account_keys).where(account_keys.c.account == account)
        query = query.order_by(account_keys.c.created_ms, account_keys.c.id)
        return await self._database.read(
            lambda connection: [_account_key(each) for each in connection.execute(query)]
        )

    async def use_nonce(self, nonce: bytes, now_ms: int, until_ms: int) -> None:
        """Remember that this was used; raises `NonceUsed` if it was before."""
        add = Rows(_ADD_NONCE, [{"nonce": nonce, "expires_ms": until_ms}])
        try:
            await self._database.add(Rows(_FORGET_NONCES, [{"before": now_ms}]), add)
        except IntegrityError:
            raise NonceUsed from None

    def _new_id(self) -> str:
        return self._random(ID_SIZE).hex()


def _live_api_keys(account: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    expires = api_keys.c.expires_ms
    return (
        api_keys.c.account == account,
        api_keys.c.revoked_ms.is_(None),
        expires.is_(None) | (expires > now_ms),
    )


def _check_room(
    connection: Connection, live: Collection[ColumnElement[bool]], room: int = LIVE_MAX
) -> None:
    if connection.execute(select(func.count()).where(*live)).scalar_one() >= room:
        raise TooMany


def _credential(connection: Connection, kept: Row[Any], expires_ms: int | None) -> Credential:
    found = holder(connection, kept.account)
    assert found is not None, "a credential without an account"
    return Credential(kept.id, found, parse_scopes(kept.scopes), expires_ms, kept.revoked_ms)


def _api_key_values(key: ApiKey, digest: bytes) -> dict[str, object]:
    return {
        "id": key.id,
        "account": key.account,
        "key_digest": digest,
        "scopes": format_scopes(key.scopes),
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
    }


def _api_key(kept: Row[Any]) -> ApiKey:
    return ApiKey(
        kept.id,
        kept.account,
        parse_scopes(kept.scopes),
        kept.created_ms,
        kept.expires_ms,
        kept.revoked_ms,
    )


def _account_key(kept: Row[Any]) -> AccountKey:
    return AccountKey(
        kept.id,
        kept.account,
        KeyKind[kept.kind],
        kept.value,
        parse_scopes(kept.scopes),
        kept.created_ms,
        kept.revoked_ms,
    )
