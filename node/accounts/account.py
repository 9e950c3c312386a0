"""Who a request is made for, what it may do, and what is missing before it may deposit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from node.accounts.scopes import Scope
from node.accounts.vocabulary import Role, SubmitterType
from node.evidence.malformed import Malformed

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Missing(Enum):
    """What an account lacks before it may deposit or export (网络安全法 Art. 24)."""

    IDENTITY = auto()
    CONSENT = auto()


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a request, which is active. `scopes` are those of the credential that came
    with the request, as far as the account's roles allow them; `credential` is its id."""

    id: str
    submitter_type: SubmitterType
    roles: frozenset[Role]
    courts: frozenset[str]
    """Codes of the courts where it is a clerk or judge."""
    scopes: frozenset[Scope]
    identified: bool
    """Whether its identity was verified."""
    consented: bool
    """Whether it has agreed to the text in force."""
    credential: str

    def __post_init__(self) -> None:
        check_account_id(self.id)

    @property
    def missing(self) -> Missing | None:
        """What it has to bring before it may deposit or export."""
        if not self.identified:
            return Missing.IDENTITY
        return None if self.consented else Missing.CONSENT


def check_account_id(text: str) -> str:
    """An account's id. It goes into the identity record that a statement commits to, so it says
    nothing about a person."""
    if not _ID.fullmatch(text):
        raise Malformed("account", "not 1 to 64 of a-z 0-9 . _ -, first a letter or digit")
    return text
