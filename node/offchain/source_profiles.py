"""Source profiles (来源档案): registered once by an account, named by many statements.

A profile's text says who runs which system, so it is sealed; its digest is what statements name.
One that is withdrawn stays readable for its owner: statements that name it stand.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Update, insert, select, update

from node.casework.source_profile import SourceProfile, profile_digest, profile_fields
from node.offchain.database import Database
from node.offchain.tables.registries import source_profiles
from node.vault.finding import Finder
from node.vault.sealing import Vault

Random = Callable[[int], bytes]

PROFILES_MAX = 1_000
"""Profiles of one account; a platform has some dozens of systems."""


class TooManyProfiles(Exception):
    """The account has registered as many as it may."""


@dataclass(frozen=True, slots=True)
class RegisteredProfile:
    """A profile as its owner reads it."""

    digest: bytes
    fields: dict[str, str] | None
    """None once they were erased."""
    registered_ms: int
    withdrawn_ms: int | None


class SourceProfileStore:
    """The table of source profiles. Whatever the database refuses raises `StoreFailed`."""

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

    async def register(
        self, account: str, profile: SourceProfile, now_ms: int
    ) -> tuple[bytes, bool]:
        """The profile's digest, and whether it is new; again is no error, and undoes that it was
        withdrawn."""
        content = json.dumps(asdict(profile), sort_keys=True, ensure_ascii=False).encode()
        text = profile.text(self._finder.profile_salt(account, content))
        digest = profile_digest(text)
        row, data_key = self._vault.new_row("source_profiles", _key(account, digest), self._random)
        change = insert(source_profiles).values(
            profile=digest,
            account=account,
            data_key=data_key,
            text_sealed=row.seal("text_sealed", text, self._random),
            registered_ms=now_ms,
        )

        def work(connection: Connection) -> bool:
            if connection.execute(_restored(account, digest)).rowcount:
                return False
            if len(connection.execute(_ids(account)).all()) >= PROFILES_MAX:
                raise TooManyProfiles
            connection.execute(change)
            return True

        return digest, await self._database.find_or_add(work)

    async def withdraw(self, account: str, digest: bytes, now_ms: int) -> bool:
        """No new statement may name it; says whether it was there to withdraw."""
        change = (
            update(source_profiles)
            .where(_is(account, digest), source_profiles.c.withdrawn_ms.is_(None))
            .values(withdrawn_ms=now_ms)
        )
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def is_registered(self, account: str, digest: bytes) -> bool:
        """Whether statements of the account may name it."""
        query = select(source_profiles.c.profile).where(
            _is(account, digest), source_profiles.c.withdrawn_ms.is_(None)
        )
        return await self._database.read(
            lambda connection: connection.execute(query).first() is not None
        )

    async def listed(self, account: str) -> list[RegisteredProfile]:
        """All profiles of an account, the oldest first."""
        query = select(source_profiles).where(source_profiles.c.account == account)
        query = query.order_by(source_profiles.c.registered_ms, source_profiles.c.profile)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            RegisteredProfile(
                row.profile,
                self._fields(account, row.profile, row.data_key, row.text_sealed),
                row.registered_ms,
                row.withdrawn_ms,
            )
            for row in rows
        ]

    def _fields(
        self, account: str, digest: bytes, data_key: bytes | None, sealed: bytes | None
    ) -> dict[str, str] | None:
        if data_key is None or sealed is None:
            return None
        row = self._vault.row("source_profiles", _key(account, digest), data_key)
        return profile_fields(row.open("text_sealed", sealed))


def _key(account: str, digest: bytes) -> bytes:
    return account.encode() + b" " + digest


def _is(account: str, digest: bytes) -> ColumnElement[bool]:
    return (source_profiles.c.account == account) & (source_profiles.c.profile == digest)


def _restored(account: str, digest: bytes) -> Update:
    return update(source_profiles).where(_is(account, digest)).values(withdrawn_ms=None)


def _ids(account: str) -> Select[Any]:
    return select(source_profiles.c.profile).where(source_profiles.c.account == account)
