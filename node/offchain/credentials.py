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
    expires_ms: int | None = None
    revoked_ms: int | None = None


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
            return None if kept is None else _credential(connection, kept)

        return await self._database.read(work)

    async def by_account_key(self, kind: KeyKind, value: str) -> Credential | None:
        """What this key of an account's own opens, live or not."""

        def work(connection: Connection) -> Credential | None:
            query = select(account_keys).where(
                account_keys.c.kind == kind.name, account_keys.c.value == value
            )
            kept = connection.execute(query).first()
            return None if kept is None else _credential(connection, kept)

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
        self,
        account: str,
        old: str,
        digest: bytes,
        now_ms: int,
        old_until_ms: int,
        latest_ms: int | None = None,
    ) -> ApiKey | None:
        """A key of the same scopes in place of `old`, which works until `old_until_ms`, but never
        longer than it would have; the new one not after `latest_ms`. None if the account has no
        such live key. May raise `TooMany`."""
        new_id = self._new_id()

        def work(connection: Connection) -> ApiKey | None:
            live = select(api_keys).where(*_live_api_keys(account, now_ms), api_keys.c.id == old)
            if (kept := connection.execute(live).first()) is None:
                return None
            _check_room(connection, _live_api_keys(account, now_ms), 2 * LIVE_MAX)
            ends = [each for each in (kept.expires_ms, old_until_ms) if each is not None]
            life_ms = None if kept.expires_ms is None else kept.expires_ms - kept.created_ms
            renewed = None if life_ms is None else now_ms + life_ms
            news = [each for each in (renewed, latest_ms) if each is not None]
            expires_ms = min(news, default=None)
            scopes = parse_scopes(kept.scopes)
            key = ApiKey(new_id, account, scopes, now_ms, expires_ms, None)
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
        self,
        account: str,
        kind: KeyKind,
        value: str,
        scopes: Collection[Scope],
        now_ms: int,
        expires_ms: int | None = None,
    ) -> AccountKey:
        """Register a key; raises `TooMany`, `KeyKnown` or `NoSuchAccount`. A key that was ever
        registered cannot be again, so that whose it was stays clear; but one that ends, and was not
        withdrawn, its account renews."""
        ends = {"scopes": format_scopes(scopes), "expires_ms": expires_ms}
        new = {"id": self._new_id(), "account": account, "kind": kind.name, "value": value, **ends}
        known = select(account_keys).where(account_keys.c.value == value)
        mine = (account_keys.c.account == account, account_keys.c.kind == kind.name)
        renewed = update(account_keys).where(
            account_keys.c.value == value,
            *mine,
            account_keys.c.expires_ms.is_not(None),
            account_keys.c.revoked_ms.is_(None),
        )

        def work(connection: Connection) -> AccountKey:
            if holder(connection, account) is None:
                raise NoSuchAccount
            found = connection.execute(known).first()
            if found is None or not _is_live(found.expires_ms, now_ms):
                _check_room(connection, _live_account_keys(account, now_ms))
            if found is None:
                connection.execute(insert(account_keys).values(**new, created_ms=now_ms))
            elif not connection.execute(renewed.values(**ends)).rowcount:
                raise KeyKnown
            return _account_key(connection.execute(known).one())

        try:
            return await self._database.write(work)
        except IntegrityError:
            raise KeyKnown from None

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


def _live_account_keys(account: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    expires = account_keys.c.expires_ms
    return (
        account_keys.c.account == account,
        account_keys.c.revoked_ms.is_(None),
        expires.is_(None) | (expires > now_ms),
    )


def _is_live(expires_ms: int | None, now_ms: int) -> bool:
    return expires_ms is None or expires_ms > now_ms


def _check_room(
    connection: Connection, live: Collection[ColumnElement[bool]], room: int = LIVE_MAX
) -> None:
    if connection.execute(select(func.count()).where(*live)).scalar_one() >= room:
        raise TooMany


def _credential(connection: Connection, kept: Row[Any]) -> Credential:
    found = holder(connection, kept.account)
    assert found is not None, "a credential without an account"
    return Credential(kept.id, found, parse_scopes(kept.scopes), kept.expires_ms, kept.revoked_ms)


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
        kept.expires_ms,
        kept.revoked_ms,
    )
