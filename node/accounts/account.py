"""Accounts and credentials as they stand, and what a request made with one may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from node.accounts.consent import IN_FORCE
from node.accounts.scopes import Scope, allowed
from node.accounts.vocabulary import AccountStatus, Role, SubmitterType
from node.evidence.malformed import Malformed

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Missing(Enum):
    """What an account lacks before it may deposit or export (网络安全法 Art. 24)."""

    IDENTITY = auto()
    CONSENT = auto()


@dataclass(frozen=True, slots=True)
class Holder:
    """An account as it stands in the database, without anything personal."""

    id: str
    submitter_type: SubmitterType
    status: AccountStatus
    roles: frozenset[Role]
    courts: frozenset[str]
    """Codes of the courts where it is a clerk or judge."""
    identified: bool
    """Whether its identity was verified, the last time that was tried."""
    agreed: frozenset[bytes]
    """Digests of the texts it has agreed to and not withdrawn from."""

    def __post_init__(self) -> None:
        check_account_id(self.id)

    @property
    def missing(self) -> Missing | None:
        """What it has to bring before it may deposit or export."""
        if not self.identified:
            return Missing.IDENTITY
        return None if IN_FORCE.digest in self.agreed else Missing.CONSENT


@dataclass(frozen=True, slots=True)
class Credential:
    """What lets a request in: an API key, or a key of the account's own."""

    id: str
    holder: Holder
    scopes: frozenset[Scope]
    expires_ms: int | None = None
    revoked_ms: int | None = None

    def is_live(self, now_ms: int) -> bool:
        """Whether it still lets anybody in."""
        ends = (self.expires_ms, self.revoked_ms)
        return all(end is None or now_ms < end for end in ends)

    @property
    def account(self) -> Account:
        """For whom, and for what, a request with this credential is made."""
        scopes = self.scopes & allowed(self.holder.roles)
        return Account(self.holder, scopes, self.id, self.expires_ms)


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a request: `scopes` are those of the credential that came with it, as far as
    the account's roles allow them now; no credential that it asks for lives beyond `expires_ms`."""

    holder: Holder
    scopes: frozenset[Scope]
    credential: str
    expires_ms: int | None = None

    @property
    def id(self) -> str:
        return self.holder.id


def check_account_id(text: str) -> str:
    """An account's id. It goes into the identity record that a statement commits to, so it says
    nothing about a person."""
    if not _ID.fullmatch(text):
        raise Malformed("account", "not 1 to 64 of a-z 0-9 . _ -, first a letter or digit")
    return text
