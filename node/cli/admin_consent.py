"""`cunzheng admin consent show|record|withdraw`: what users agree to, and who did so on paper.

Most agree through the gateway's interface. `record` is for a consent that was signed on paper: the
operator keeps the paper.
"""

from __future__ import annotations

import argparse

from node.accounts.action import Action
from node.accounts.consent import IN_FORCE
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import add_account, at_office
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms

_SHOW = Text("显示现行同意文本及其摘要", "the consent text in force, and its digest")
_RECORD = Text("登记书面同意", "record a consent that was given on paper")
_WITHDRAW = Text("登记撤回同意", "record that a consent was withdrawn")


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin consent`."""
    add_action(actions, "show", _SHOW, _show, language)
    parser = add_action(actions, "record", _RECORD, _record, language)
    add_account(parser, language)
    parser.add_argument(
        "--version",
        required=True,
        choices=(IN_FORCE.version,),
        dest="text_version",
        metavar="VERSION",
        help=said(
            Text("所签文本的版本，须为现行版本", "the version signed; the one in force"), language
        ),
    )
    add_account(add_action(actions, "withdraw", _WITHDRAW, _withdraw, language), language)


def _show(arguments: argparse.Namespace, terminal: Terminal) -> int:
    del arguments
    digest = IN_FORCE.digest.hex()
    value = {"version": IN_FORCE.version, "digest": digest, "scope": IN_FORCE.scope.name}
    terminal.json(value | {"document": IN_FORCE.document.decode(), "exit_code": 0})
    for line in IN_FORCE.document.decode().splitlines():
        terminal.line(line)
    terminal.line(f"SHA-256 {digest}")
    return 0


def _record(arguments: argparse.Namespace, terminal: Terminal) -> int:
    at_office(
        arguments,
        Action.CONSENT_GIVEN,
        lambda office: office.accounts.agree(arguments.account, IN_FORCE, now_ms()),
    )
    value = {"account": arguments.account, "version": IN_FORCE.version, "exit_code": 0}
    terminal.json(value)
    terminal.line(f"{arguments.account}  {terminal.said(IN_FORCE.scope)}  {IN_FORCE.version}")
    return 0


def _withdraw(arguments: argparse.Namespace, terminal: Terminal) -> int:
    count = at_office(
        arguments,
        Action.CONSENT_WITHDRAWN,
        lambda office: office.accounts.withdraw(arguments.account, now_ms()),
    )
    terminal.json({"account": arguments.account, "withdrawn": count, "exit_code": 0})
    told = terminal.pick(f"撤回 {count} 项", f"{count} withdrawn")
    terminal.line(f"{arguments.account}  {told}")
    return 0
