"""`cunzheng admin account open|show|list|suspend|resume|close`: who has an account here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from node.accounts.account import Holder, Missing
from node.accounts.action import Action
from node.accounts.vocabulary import AccountStatus, Role, SubmitterType
from node.cli.administering import Act, Actions, add_action
from node.cli.administering_accounts import (
    add_account,
    add_inspection,
    at_office,
    choices,
    listed,
)
from node.cli.language import Language, Text
from node.cli.terminal import Terminal
from node.cli.times import now_ms

if TYPE_CHECKING:
    from node.offchain.accounts import AccountRecord

_OPEN = Text("开立账户（尚未实名核验）", "open an account, which nobody has verified yet")
_SHOW = Text("显示账户的全部资料（含个人信息）", "everything about an account, personal data too")
_LIST = Text("列出账户", "list the accounts")
_CHANGES = {
    "suspend": (AccountStatus.SUSPENDED, Text("停用账户", "suspend an account")),
    "resume": (AccountStatus.ACTIVE, Text("恢复账户", "resume an account")),
    "close": (AccountStatus.CLOSED, Text("销户，不可恢复", "close an account, for good")),
}

_PASSED, _FAILED = Text("通过", "passed"), Text("未通过", "failed")
_COMPLETE = Text("可以存证", "may deposit")
_MISSING = {
    Missing.IDENTITY: Text("未通过实名核验", "identity not verified"),
    Missing.CONSENT: Text("未同意现行文本", "has not agreed to the text in force"),
}


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin account`."""
    parser = add_action(actions, "open", _OPEN, _open, language)
    add_account(parser, language)
    parser.add_argument(
        "--type",
        required=True,
        choices=choices(SubmitterType),
        metavar="TYPE",
        help=listed(SubmitterType, language),
    )
    show = add_action(actions, "show", _SHOW, _show, language)
    add_account(show, language)
    for parser in (show, add_action(actions, "list", _LIST, _list, language)):
        add_inspection(parser, language)
    for name, (status, summary) in _CHANGES.items():
        add_account(add_action(actions, name, summary, _changing(status), language), language)


def _open(arguments: argparse.Namespace, terminal: Terminal) -> int:
    kind = SubmitterType[arguments.type]
    at_office(
        arguments,
        Action.ACCOUNT_OPENED,
        lambda office: office.accounts.open(arguments.account, kind, now_ms()),
    )
    terminal.json({"account": arguments.account, "submitter_type": kind.name, "exit_code": 0})
    terminal.line(f"{arguments.account}  {terminal.said(kind)}")
    terminal.note(
        "存证前还须登记实名核验（admin identity record）、授予角色（admin role grant）并取得同意。",
        "Before it deposits: `admin identity record`, `admin role grant`, and its consent.",
    )
    return 0


def _changing(status: AccountStatus) -> Act:
    def act(arguments: argparse.Namespace, terminal: Terminal) -> int:
        at_office(
            arguments,
            Action.ACCOUNT_STATUS_CHANGED,
            lambda office: office.accounts.set_status(arguments.account, status, now_ms()),
        )
        terminal.json({"account": arguments.account, "status": status.name, "exit_code": 0})
        terminal.line(f"{arguments.account}  {terminal.said(status)}")
        return 0

    return act


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    found = at_office(arguments, Action.ACCOUNT_READ, lambda office: office.accounts.all())
    terminal.json({"accounts": [_value(each) for each in found], "exit_code": 0})
    if found:
        terminal.columns([_row(each, terminal) for each in found], indent=0)
    return 0


def _show(arguments: argparse.Namespace, terminal: Terminal) -> int:
    record = at_office(
        arguments, Action.ACCOUNT_READ, lambda office: office.accounts.find(arguments.account)
    )
    terminal.json(_value(record.holder) | _details(record) | {"exit_code": 0})
    terminal.columns([_row(record.holder, terminal)], indent=0)
    if (identity := record.identity) is not None:
        terminal.line(f"{identity.name}  {terminal.said(identity.id_type)}  {identity.id_no}")
    for proof in record.proofs:
        passed = terminal.said(_PASSED if proof.passed else _FAILED)
        terminal.line(f"{terminal.said(proof.method)}  {proof.provider}  {passed}")
    return 0


def _row(holder: Holder, terminal: Terminal) -> tuple[str, ...]:
    roles = ", ".join(terminal.said(role) for role in Role if role in holder.roles)
    missing = holder.missing
    return (
        holder.id,
        terminal.said(holder.submitter_type),
        terminal.said(holder.status),
        roles or "-",
        terminal.said(_COMPLETE if missing is None else _MISSING[missing]),
    )


def _value(holder: Holder) -> dict[str, object]:
    return {
        "account": holder.id,
        "submitter_type": holder.submitter_type.name,
        "status": holder.status.name,
        "roles": [role.name for role in Role if role in holder.roles],
        "courts": sorted(holder.courts),
        "missing": None if holder.missing is None else holder.missing.name,
    }


def _details(record: AccountRecord) -> dict[str, object]:
    """What is personal, and what happened."""
    identity = record.identity
    return {
        "identity": None
        if identity is None
        else {
            "name": identity.name,
            "id_type": identity.id_type.name,
            "id_no": identity.id_no,
            "contact": identity.contact,
        },
        "proofs": [
            {
                "method": proof.method.name,
                "provider": proof.provider,
                "passed": proof.passed,
                "verified_ms": proof.verified_ms,
                "reference": proof.reference,
            }
            for proof in record.proofs
        ],
        "consents": [
            {
                "version": consent.text_version,
                "digest": consent.text_digest.hex(),
                "scope": consent.scope,
                "given_ms": consent.given_ms,
                "withdrawn_ms": consent.withdrawn_ms,
            }
            for consent in record.consents
        ],
        "created_ms": record.created_ms,
        "closed_ms": record.closed_ms,
    }
