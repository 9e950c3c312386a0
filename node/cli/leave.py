"""`cunzheng leave MEMBER.toml`: this member, or one that died, is taken out of the voters.

Order and availability are the voters' business; whose seals count is the policy's. As long as that
names who has left, the quorum it asks for still counts on its seals.
"""

from __future__ import annotations

import argparse
import asyncio

from node.cli.failure import Failure
from node.cli.init import add_member_config
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer

PATIENCE_S = 30.0
"""Far longer than an election and two changes take."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `leave`."""
    add_member_config(parser, language)
    parser.add_argument(
        "--member",
        metavar="NAME",
        help=said(
            Text(
                "要移出的成员（默认为本成员）；用于已无法自行退出的成员",
                "who leaves (default: this member); for one that cannot ask itself any more",
            ),
            language,
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask this member's own process and the others, until it is done."""
    from consensus.messages import Configuration
    from node.config import load_member
    from node.member.process import read_identity
    from node.membership.asking import ask_to_leave, contacts_of
    from node.membership.founding import draw_voter

    config = load_member(arguments.config)
    name = arguments.member or config.member
    contacts = [draw_voter(config), *contacts_of(config)]
    leaving = ask_to_leave(contacts, read_identity(config), name)
    try:
        answer = asyncio.run(asyncio.wait_for(leaving, PATIENCE_S))
    except TimeoutError as error:
        raise Failure(
            f"未能确认 {name} 已移出：没有主节点，或多数成员无应答；可原样重试，不会重复执行。",
            f"it is not known that {name} has left: nobody leads, or a majority does not answer. "
            "Try the same again; it is done once.",
            Answer.COULD_NOT_CHECK,
        ) from error
    voters = Configuration.parse(answer.configuration).voters
    names = [voter.id.partition("/")[0] for voter in voters]
    terminal.json({"left": name, "voters": names, "in_policy": answer.in_policy, "exit_code": 0})
    terminal.line(
        terminal.pick(
            f"{name} 已不是投票成员；现有：{'、'.join(names)}",
            f"{name} is no voter any more; these are: {', '.join(names)}",
        ),
        "bold",
    )
    if answer.in_policy:
        terminal.note(
            f"策略仍列有 {name}，最低联签数仍将其计入，"
            "直至另有不含它的策略（cunzheng policy change）。",
            f"The policy still names {name}, and its quorum goes on counting on it until there is "
            "one without it (cunzheng policy change).",
            "yellow",
        )
    return 0
