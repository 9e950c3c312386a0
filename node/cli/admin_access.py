"""`cunzheng admin access list`: who did or tried what at these gateways, and from where."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from node.accounts.action import Action
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import Office, access_value, add_inspection, at_office
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms, read_time
from node.evidence.number import beijing_time

if TYPE_CHECKING:
    from node.offchain.accesses import Access

DAY_MS = 24 * 3600 * 1000

_LIST = Text("列出访问记录（默认最近一天）", "list the record of accesses (default: of one day)")
_ALLOWED, _REFUSED = Text("允许", "allowed"), Text("拒绝", "refused")


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The one action of `admin access`."""
    parser = add_action(actions, "list", _LIST, _list, language)
    add_inspection(parser, language)
    for name, text in (
        ("--from", Text("自此时起，如 2026-11-22T08:00:00+08:00", "from this time on")),
        ("--to", Text("至此时之前", "until before this time")),
    ):
        parser.add_argument(name, dest=name[2:] + "_", metavar="TIME", help=said(text, language))
    parser.add_argument(
        "--of", metavar="ACCOUNT", help=said(Text("只列该账户", "of this account"), language)
    )


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    end = now_ms() if arguments.to_ is None else read_time("--to", arguments.to_)
    begin = end - DAY_MS if arguments.from_ is None else read_time("--from", arguments.from_)

    async def work(office: Office) -> list[Access]:
        found: list[Access] = []
        while page := await office.accesses.between(
            begin, end, account=arguments.of, after=found[-1].place if found else None
        ):
            found += page
        return found

    found = at_office(arguments, Action.ACCESSES_READ, work)
    terminal.json({"accesses": [access_value(each) for each in found], "exit_code": 0})
    if found:
        terminal.columns([_row(each, terminal) for each in found], indent=0)
    return 0


def _row(access: Access, terminal: Terminal) -> tuple[str, ...]:
    return (
        beijing_time(access.at_ms).isoformat(timespec="seconds"),
        access.account or "-",
        terminal.said(access.action),
        access.object or "-",
        terminal.said(_ALLOWED if access.allowed else _REFUSED),
        access.origin or "-",
    )
