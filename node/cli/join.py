"""`cunzheng join MEMBER.toml`: a new member, or one that had left, asks to take part.

Said once, by a person: a member that merely lost its directory rejoins by itself. It makes the
directory; `cunzheng member` does the rest, as learner first, and as voter once the policy names it.
"""

from __future__ import annotations

import argparse
import asyncio

from node.cli.failure import Failure
from node.cli.init import add_member_config
from node.cli.language import Language
from node.cli.terminal import Terminal
from node.words import Answer

PATIENCE_S = 30.0
"""A person waits; members that are away longer are not asked now."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `join`."""
    add_member_config(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask who belongs to the group, and make the directory."""
    from node.config import load_member
    from node.member.process import read_applicant, read_genesis, read_identity
    from node.membership.joining import begin_anew

    config = load_member(arguments.config)
    genesis = read_genesis(config)
    applicant = read_applicant(config, genesis, read_identity(config))
    asking = begin_anew(config, genesis, applicant)
    try:
        replica_id = asyncio.run(asyncio.wait_for(asking, PATIENCE_S))
    except TimeoutError as error:
        raise Failure(
            "设置中 members 所列的成员均无应答；请确认其中至少一家正在运行，然后重试。",
            "none of the members in `members` of the settings answers; see that one of them runs, "
            "then try again.",
            Answer.COULD_NOT_CHECK,
        ) from error
    terminal.json({"replica_id": replica_id, "data": str(config.data), "exit_code": 0})
    terminal.line(f"{replica_id}  {config.data}", "bold")
    terminal.note(
        f"数据目录已创建。启动后自动接收账本：cunzheng member {arguments.config}。"
        "策略列明本成员及其密钥之后，方成为投票成员。",
        f"The data directory is made. Start it, and it is sent the ledger: cunzheng member "
        f"{arguments.config}. It becomes a voter once the policy names it with its keys.",
    )
    return 0
