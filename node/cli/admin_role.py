"""`cunzheng admin role grant|revoke ACCOUNT ROLE`: what an account may do here."""

from __future__ import annotations

import argparse

from node.accounts.action import Action
from node.accounts.vocabulary import COURT_ROLES, Role
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import add_account, at_office, choices, listed
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms
from node.words import Answer

_GRANT = Text("授予角色", "give an account a role")
_REVOKE = Text("收回角色，其密钥随即失去相应权限", "take a role away, and its scopes from all keys")


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin role`."""
    for name, summary, act in (("grant", _GRANT, _grant), ("revoke", _REVOKE, _revoke)):
        parser = add_action(actions, name, summary, act, language)
        add_account(parser, language)
        parser.add_argument(
            "role", choices=choices(Role), metavar="ROLE", help=listed(Role, language)
        )
        if name == "grant":
            parser.add_argument(
                "--court",
                metavar="CODE",
                help=said(
                    Text("书记员、法官所属法院的代字，如 浙0192", "a clerk's or judge's court"),
                    language,
                ),
            )


def _grant(arguments: argparse.Namespace, terminal: Terminal) -> int:
    role = Role[arguments.role]
    if (role in COURT_ROLES) != (arguments.court is not None):
        raise Failure(
            "书记员和法官须以 --court 指明法院代字，其他角色不得指明。",
            "a clerk or judge is one of a court: name it with --court; nobody else has one.",
        )
    at_office(
        arguments,
        Action.ROLE_GRANTED,
        lambda office: office.accounts.grant(arguments.account, role, arguments.court, now_ms()),
    )
    _tell(arguments, terminal, role, arguments.court)
    return 0


def _revoke(arguments: argparse.Namespace, terminal: Terminal) -> int:
    role = Role[arguments.role]
    held = at_office(
        arguments,
        Action.ROLE_REVOKED,
        lambda office: office.accounts.revoke(arguments.account, role),
    )
    if not held:
        raise Failure(
            f"{arguments.account} 没有该角色，未作改动。",
            f"{arguments.account} does not have this role; nothing was changed.",
            Answer.NOT_FOUND,
        )
    _tell(arguments, terminal, role, None)
    return 0


def _tell(arguments: argparse.Namespace, terminal: Terminal, role: Role, court: str | None) -> None:
    value = {"account": arguments.account, "role": role.name, "court": court, "exit_code": 0}
    terminal.json(value)
    terminal.line(f"{arguments.account}  {terminal.said(role)}")
