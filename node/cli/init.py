"""`cunzheng init MEMBER.toml`: the first member of a chain, or one of the first.

Only this makes a voter of an empty directory. A member whose directory was lost is started with
`cunzheng member` like any other day, and rejoins; begun anew, it could vote against what it
promised.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `init`."""
    add_member_config(parser, language)
    parser.add_argument(
        "--voters",
        type=Path,
        metavar="FILE",
        help=said(
            Text(
                "多家成员共同创建时的最初配置（各家使用同一文件）；默认由本成员单独创建",
                "the first configuration, if several members begin together (the same file for "
                "each); without it this member begins alone",
            ),
            language,
        ),
    )


def add_member_config(parser: argparse.ArgumentParser, language: Language) -> None:
    """The settings that every command about this member's own place takes."""
    parser.add_argument(
        "config",
        type=Path,
        metavar="MEMBER.toml",
        help=said(Text("成员的设置文件", "the member's settings"), language),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make the directory; never over another."""
    from node.config import load_member
    from node.member.process import read_genesis
    from node.membership.founding import found

    config = load_member(arguments.config)
    replica_id = found(config, read_genesis(config), arguments.voters)
    terminal.json({"replica_id": replica_id, "data": str(config.data), "exit_code": 0})
    terminal.line(f"{replica_id}  {config.data}", "bold")
    terminal.note(
        f"数据目录已创建。启动：cunzheng member {arguments.config}",
        f"The data directory is made. Start it: cunzheng member {arguments.config}",
    )
    return 0
