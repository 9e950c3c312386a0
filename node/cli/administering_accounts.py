"""What the actions on accounts share: the stores beside the gateway, and the record they leave.

Every action is a line in the record of accesses, written before it is carried out: what is not
recorded is not done.
"""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from node.accounts.account import check_account_id
from node.accounts.action import Action
from node.cli.administering import with_database
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.times import now_ms
from node.evidence.malformed import Malformed
from node.words import Answer, Bilingual

if TYPE_CHECKING:
    from node.offchain.accesses import Access, AccessStore
    from node.offchain.accounts import AccountStore
    from node.offchain.credentials import CredentialStore
    from node.offchain.inspections import InspectionStore
    from node.offchain.registries import RegistryStore

_Result = TypeVar("_Result")
_Kind = TypeVar("_Kind", bound=Bilingual)


@dataclass(frozen=True, slots=True)
class Office:
    """The stores of one gateway, with its vault open."""

    accounts: AccountStore
    credentials: CredentialStore
    accesses: AccessStore
    registries: RegistryStore
    inspections: InspectionStore
    api_key_digest: Callable[[str], bytes]


def add_account(parser: argparse.ArgumentParser, language: Language) -> None:
    """Which account it is about."""
    parser.add_argument(
        "account",
        metavar="ACCOUNT",
        help=said(
            Text(
                "账户标识（a-z 0-9 . _ -），不得含个人信息",
                "id of the account (a-z 0-9 . _ -); nothing about a person",
            ),
            language,
        ),
    )


def add_inspection(parser: argparse.ArgumentParser, language: Language) -> None:
    """In which inspection by an authority it is shown."""
    parser.add_argument(
        "--inspection",
        metavar="ID",
        help=said(
            Text(
                "在该检查中出示，并记入其记录（见 admin inspection）",
                "shown in this inspection, and recorded under it (`admin inspection`)",
            ),
            language,
        ),
    )


def at_office(
    arguments: argparse.Namespace,
    action: Action,
    work: Callable[[Office], Awaitable[_Result]],
) -> _Result:
    """What `work` returns; the action is recorded first. `arguments` may name an account, the
    inspection it is about, or the open one in which it is shown."""
    from node.accounts.api_key import digest_api_key
    from node.config import load_gateway
    from node.keyfile import load_vault_key
    from node.offchain.accesses import Access, AccessStore
    from node.offchain.accounts import AccountExists, AccountStore, NoSuchAccount
    from node.offchain.credentials import CredentialStore
    from node.offchain.database import Database
    from node.offchain.inspections import InspectionStore, NotOpen
    from node.offchain.registries import RegistryStore
    from node.vault.finding import Finder
    from node.vault.keys import Purpose
    from node.vault.sealing import Vault

    config = load_gateway(arguments.config)
    vault_key = load_vault_key(config.vault_key)
    about = getattr(arguments, "account", None)
    if about is not None:
        _check_account(about)
    inspected = getattr(arguments, "about_inspection", None)
    shown_in = getattr(arguments, "inspection", None)

    async def opened(database: Database) -> _Result:
        vault, subkey = Vault(vault_key), vault_key.derive(Purpose.API_KEYS)
        office = Office(
            AccountStore(database, vault, Finder(vault_key)),
            CredentialStore(database),
            AccessStore(database, vault),
            RegistryStore(database),
            InspectionStore(database, vault),
            lambda key: digest_api_key(subkey, key),
        )
        await office.accounts.check_vault()
        if shown_in is not None:
            await office.inspections.require_open(shown_in)
        line = Access(now_ms(), None, action, about or inspected, True, None, _here())
        await office.accesses.add(replace(line, inspection=shown_in or inspected))
        return await work(office)

    try:
        return with_database(config.database, opened)
    except NoSuchAccount as error:
        raise Failure(
            f"没有账户 {about}，或已销户；请核对标识（cunzheng admin account list）。",
            f"there is no account {about}, or it is closed; see `cunzheng admin account list`.",
            Answer.NOT_FOUND,
        ) from error
    except NotOpen as error:
        raise no_such_inspection(str(shown_in or inspected)) from error
    except AccountExists as error:
        raise Failure(
            f"账户 {about} 已存在，未作改动。",
            f"there is an account {about} already; nothing was changed.",
        ) from error


def no_such_inspection(identity: str) -> Failure:
    """What somebody is told who names none that is there, or one that has ended."""
    return Failure(
        f"没有编号为 {identity} 的检查，或检查已结束；见 cunzheng admin inspection list。",
        f"there is no inspection {identity}, or it has ended; see `cunzheng admin inspection "
        "list`.",
        Answer.NOT_FOUND,
    )


def access_value(access: Access) -> dict[str, object]:
    """A line of the record of accesses, for programs."""
    return {
        "at_ms": access.at_ms,
        "account": access.account,
        "action": access.action.name,
        "object": access.object,
        "allowed": access.allowed,
        "origin": access.origin,
        "request_id": access.request_id,
        "inspection": access.inspection,
    }


def choices(kinds: Iterable[Bilingual]) -> list[str]:
    """The codes of these words, as they are typed."""
    return [kind.name for kind in kinds]


def listed(kinds: Iterable[_Kind], language: Language) -> str:
    """The codes of these words with what they mean, for a help text."""
    return ", ".join(f"{kind.name} {said(kind, language)}" for kind in kinds)


def _here() -> str:
    """Who sits at this computer, for the record: sealed like an internet address."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # A user without a name, as containers have.
        name = ""
    return f"local {os.getuid()} {name}".rstrip()


def _check_account(text: str) -> None:
    try:
        check_account_id(text)
    except Malformed as error:
        raise Failure(
            "账户标识须为 1 至 64 个字符：a-z 0-9 . _ -，以字母或数字开头。",
            "an account id is 1 to 64 characters of a-z 0-9 . _ -, first a letter or digit",
        ) from error
