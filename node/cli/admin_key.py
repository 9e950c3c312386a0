"""`cunzheng admin key make|list|rotate|revoke|certificate`: what lets an account's programs in.

An API key is written to a file for whoever uses it; the gateway keeps only a keyed digest. A client
certificate is registered by its SHA-256, for gateways that end TLS themselves. Keys to sign
requests with are registered by who has them, over the gateway's interface.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from node.accounts.action import Action
from node.accounts.api_key import SIZE, format_api_key
from node.accounts.scopes import Scope, allowed, format_scopes, parse_scopes
from node.accounts.vocabulary import KeyKind
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import Office, add_account, add_inspection, at_office
from node.cli.failure import Failure
from node.cli.files import write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms
from node.evidence.malformed import Malformed
from node.words import Answer

if TYPE_CHECKING:
    from node.offchain.credentials import AccountKey, ApiKey

DAY_MS = 24 * 3600 * 1000
OVERLAP_DAYS_MAX = 30
"""Two keys for longer than a month are two keys, no rotation."""

_MAKE = Text("生成 API 密钥", "make an API key")
_LIST = Text("列出账户的 API 密钥和登记的验证数据", "list an account's keys of either kind")
_ROTATE = Text("更换 API 密钥，权限不变", "make a key in place of another, of the same scopes")
_REVOKE = Text("吊销 API 密钥或注销登记的验证数据", "revoke an API key or a key of its own")
_CERTIFICATE = Text("为账户登记客户端证书", "register a client certificate for an account")

_API_KEY = Text("API 密钥", "API key")
_LIVE, _EXPIRED = Text("有效", "live"), Text("已过期", "expired")
_REVOKED = Text("已吊销", "revoked")


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin key`."""
    make = add_action(actions, "make", _MAKE, _make, language)
    certificate = add_action(actions, "certificate", _CERTIFICATE, _certificate, language)
    for parser in (make, certificate):
        add_account(parser, language)
        _add_scopes(parser, language)
    certificate.add_argument(
        "file",
        type=Path,
        metavar="CERTIFICATE.pem",
        help=said(Text("客户端证书（PEM）", "the client's certificate (PEM)"), language),
    )
    make.add_argument(
        "--days",
        type=int,
        metavar="N",
        help=said(Text("有效天数（默认不过期）", "days it is good for (default: all)"), language),
    )
    listing = add_action(actions, "list", _LIST, _list, language)
    add_account(listing, language)
    add_inspection(listing, language)
    rotate = add_action(actions, "rotate", _ROTATE, _rotate, language)
    revoke = add_action(actions, "revoke", _REVOKE, _revoke, language)
    for parser in (rotate, revoke):
        add_account(parser, language)
        parser.add_argument(
            "key",
            metavar="ID",
            help=said(Text("密钥编号（见 admin key list）", "its id (`admin key list`)"), language),
        )
    rotate.add_argument(
        "--overlap-days",
        type=int,
        default=1,
        choices=range(OVERLAP_DAYS_MAX + 1),
        metavar="N",
        help=said(Text("旧密钥继续有效的天数（默认 1）", "the old key's days left (1)"), language),
    )
    for parser in (make, rotate):
        parser.add_argument(
            "--out",
            type=Path,
            required=True,
            metavar="KEYFILE",
            help=said(
                Text("新密钥写入此文件，交给使用者", "the new key goes here, for whoever uses it"),
                language,
            ),
        )


def _add_scopes(parser: argparse.ArgumentParser, language: Language) -> None:
    parser.add_argument(
        "--scopes",
        help=said(
            Text(
                "权限，以空格分隔（默认为账户角色所允许的全部）："
                + "，".join(f"{scope.text} {scope.zh}" for scope in Scope),
                "scopes, separated by spaces (default: all that the account's roles allow): "
                + ", ".join(f"{scope.text} {scope.en}" for scope in Scope),
            ),
            language,
        ),
    )


def _make(arguments: argparse.Namespace, terminal: Terminal) -> int:
    wanted = None if arguments.scopes is None else _scopes(arguments.scopes)
    if arguments.days is not None and arguments.days < 1:
        raise Failure("有效天数至少为 1。", "a key is good for one day at least.")

    async def work(office: Office, api_key: str) -> ApiKey:
        scopes = await _granted(office, arguments.account, wanted)
        now = now_ms()
        expires = None if arguments.days is None else now + arguments.days * DAY_MS
        digest = office.api_key_digest(api_key)
        return await office.credentials.add_api_key(arguments.account, digest, scopes, now, expires)

    return _hand_over(arguments, terminal, Action.API_KEY_MADE, work)


async def _granted(
    office: Office, account: str, wanted: frozenset[Scope] | None
) -> frozenset[Scope]:
    """What was wanted, or all there is, if the account's roles allow it."""
    may = allowed((await office.accounts.find(account)).holder.roles)
    if wanted is not None and not wanted <= may:
        raise Failure(
            f"账户的角色只允许：{format_scopes(may)}；请先授予角色（admin role grant）。",
            f"the account's roles allow only: {format_scopes(may)}; give it the role first "
            "(admin role grant).",
        )
    return may if wanted is None else wanted


def _certificate(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.offchain.credentials import KeyKnown, TooMany
    from node.settings import read_certificate

    wanted = None if arguments.scopes is None else _scopes(arguments.scopes)
    digest = hashlib.sha256(read_certificate(arguments.file)).hexdigest()

    async def work(office: Office) -> AccountKey:
        scopes = await _granted(office, arguments.account, wanted)
        return await office.credentials.add_account_key(
            arguments.account, KeyKind.CERTIFICATE, digest, scopes, now_ms()
        )

    try:
        made = at_office(arguments, Action.ACCOUNT_KEY_REGISTERED, work)
    except KeyKnown as error:
        raise Failure(
            "该证书已登记过；一张证书只登记一次，注销后也不再登记。",
            "this certificate was registered before; it is registered once, and not again.",
        ) from error
    except TooMany as error:
        raise _full() from error
    terminal.json(_own_value(made) | {"exit_code": 0})
    terminal.line(f"{made.id}  {made.account}  {made.value}")
    return 0


def _full() -> Failure:
    from node.offchain.credentials import LIVE_MAX

    return Failure(
        f"该账户已有 {LIVE_MAX} 个有效密钥；请先吊销不再使用的密钥。",
        f"the account has {LIVE_MAX} live keys; revoke those that are not used first.",
    )


def _rotate(arguments: argparse.Namespace, terminal: Terminal) -> int:
    async def work(office: Office, api_key: str) -> ApiKey:
        now = now_ms()
        until = now + arguments.overlap_days * DAY_MS
        digest = office.api_key_digest(api_key)
        made = await office.credentials.rotate(arguments.account, arguments.key, digest, now, until)
        if made is None:
            raise _unknown(arguments)
        return made

    return _hand_over(arguments, terminal, Action.API_KEY_ROTATED, work)


def _hand_over(
    arguments: argparse.Namespace,
    terminal: Terminal,
    action: Action,
    work: Callable[[Office, str], Awaitable[ApiKey]],
) -> int:
    """Write a new key to its file and let it in; a file whose key opens nothing does not stay."""
    from node.offchain.credentials import TooMany

    api_key = format_api_key(secrets.token_bytes(SIZE))
    write_whole(arguments.out, f"{api_key}\n".encode(), replace=False, private=True)
    try:
        made = at_office(arguments, action, lambda office: work(office, api_key))
    except BaseException as error:
        arguments.out.unlink()
        if isinstance(error, TooMany):
            raise _full() from error
        raise
    terminal.json(_value(made) | {"file": str(arguments.out), "exit_code": 0})
    terminal.line(f"{made.id}  {made.account}  {format_scopes(made.scopes)}")
    terminal.note(
        f"密钥已写入 {arguments.out}，请经安全途径交给 {made.account}；网关只保存其摘要。",
        f"The key is in {arguments.out}: hand it to {made.account} safely. The gateway keeps only "
        "a keyed digest of it.",
    )
    return 0


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    async def work(office: Office) -> tuple[list[ApiKey], list[AccountKey]]:
        account = arguments.account
        return (
            await office.credentials.api_keys(account),
            await office.credentials.account_keys(account),
        )

    keys, own = at_office(arguments, Action.ACCOUNT_READ, work)
    now = now_ms()
    value = {"keys": [_value(each) for each in keys], "own": [_own_value(each) for each in own]}
    terminal.json(value | {"exit_code": 0})
    rows = [_row(each, now, terminal) for each in keys]
    rows += [_own_row(each, now, terminal) for each in own]
    if rows:
        terminal.columns(rows, indent=0)
    return 0


def _revoke(arguments: argparse.Namespace, terminal: Terminal) -> int:
    async def work(office: Office) -> bool:
        which = (arguments.account, arguments.key, now_ms())
        found = await office.credentials.revoke_api_key(*which)
        return found or await office.credentials.revoke_account_key(*which)

    if not at_office(arguments, Action.API_KEY_REVOKED, work):
        raise _unknown(arguments)
    terminal.json({"id": arguments.key, "account": arguments.account, "exit_code": 0})
    terminal.line(f"{arguments.key}  {terminal.said(_REVOKED)}")
    terminal.note(
        "各网关最迟 5 秒内不再接受该密钥。", "No gateway takes it any more within 5 seconds."
    )
    return 0


def _scopes(text: str) -> frozenset[Scope]:
    """In whatever order they were typed."""
    wanted = text.split()
    ordered = [scope.text for scope in Scope if scope.text in wanted]
    try:
        return parse_scopes(" ".join([*ordered, *(set(wanted) - set(ordered))]))
    except Malformed as error:
        raise Failure(
            f"--scopes 有误（{error}）；可用的权限见 --help。",
            f"--scopes is wrong ({error}); see --help for the scopes there are.",
        ) from error


def _value(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "account": key.account,
        "scopes": format_scopes(key.scopes),
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
    }


def _row(key: ApiKey, now_ms: int, terminal: Terminal) -> tuple[str, ...]:
    state = _state(key, now_ms)
    return (key.id, terminal.said(_API_KEY), terminal.said(state), format_scopes(key.scopes))


def _own_value(key: AccountKey) -> dict[str, object]:
    return {
        "id": key.id,
        "account": key.account,
        "kind": key.kind.name,
        "value": key.value,
        "scopes": format_scopes(key.scopes),
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
    }


def _own_row(key: AccountKey, now_ms: int, terminal: Terminal) -> tuple[str, ...]:
    state = _state(key, now_ms)
    return (key.id, terminal.said(key.kind), terminal.said(state), format_scopes(key.scopes))


def _state(key: ApiKey | AccountKey, now_ms: int) -> Text:
    if key.revoked_ms is not None:
        return _REVOKED
    return _LIVE if key.expires_ms is None or now_ms < key.expires_ms else _EXPIRED


def _unknown(arguments: argparse.Namespace) -> Failure:
    return Failure(
        f"{arguments.account} 没有编号为 {arguments.key} 的有效密钥；见 admin key list。",
        f"{arguments.account} has no live key {arguments.key}; see `admin key list`.",
        Answer.NOT_FOUND,
    )
