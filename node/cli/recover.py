"""`cunzheng recover MEMBER.toml COPY...`: the chain goes on from what is left of it.

For a group that has lost the majority of its disks for good. It cannot be undone: whatever the
others still had and none of the copies has, is lost; so it shows what it found, and asks first.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.failure import Failure
from node.cli.init import add_member_config
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.errors import Misconfigured

if TYPE_CHECKING:
    from node.config import MemberConfig
    from node.evidence.record import Genesis
    from node.membership.recovery import Copy, Recovered


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `recover`."""
    add_member_config(parser, language)
    parser.add_argument(
        "copies",
        type=Path,
        nargs="+",
        metavar="COPY",
        help=said(
            Text(
                "数据目录或其副本，任何成员的均可，损坏的也可；不会被改动",
                "a data directory or a copy of one, of any member, damaged ones too; none of them "
                "is changed",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help=said(Text("不再询问", "do not ask before doing it"), language),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Show what the copies still tell, ask, and begin anew from the best."""
    from node.config import load_member
    from node.member.directory import finish_directory
    from node.member.process import read_genesis
    from node.membership.recovery import opened

    config = load_member(arguments.config)
    genesis = read_genesis(config)
    for copy in arguments.copies:
        if not copy.is_dir():
            raise Misconfigured(
                f"{copy} is no directory: nothing was looked at or changed",
                f"{copy} 不是目录：未查看，也未改动任何内容",
            )
    _check_group_is_lost(config)
    if finish_directory(config):
        raise Failure(
            f"先前的一次操作在最后一步之前中断，现已将其完成：{config.data}；此外未作任何改动。"
            "请查看其中的 recovery.log，再启动 cunzheng member，或重新执行本命令。",
            f"an earlier command was stopped before its last step, which is done now: {config.data}"
            " is what it made, and nothing else was changed. See `recovery.log` in it; then start "
            "`cunzheng member`, or type this again.",
        )
    with opened(config, genesis, arguments.copies) as copies:
        _show(terminal, copies)
        if not arguments.yes:
            _confirm(terminal, copies)
        done = _recover(config, genesis, copies, terminal)
    terminal.json(
        {
            "replica_id": done.replica_id,
            "height": done.height,
            "term": done.term,
            "set_aside": str(done.set_aside or ""),
            "exit_code": 0,
        }
    )
    terminal.line(
        terminal.pick(
            f"{done.replica_id} 自高度 {done.height} 起单独继续",
            f"{done.replica_id} goes on alone from height {done.height}",
        ),
        "bold",
    )
    terminal.note(
        f"启动：cunzheng member {arguments.config}；其他成员随后各执行 cunzheng join。"
        f"经过记于 {config.data / 'recovery.log'}。",
        f"Start it: cunzheng member {arguments.config}; then each of the others: cunzheng join. "
        f"What was done stands in {config.data / 'recovery.log'}.",
    )
    return 0


def _check_group_is_lost(config: MemberConfig) -> None:
    """Whoever listens may lead, or be what another operator has recovered already."""
    from node.membership.asking import contacts_of, listening

    names = asyncio.run(listening(contacts_of(config)))
    if names:
        zh, en = "、".join(names), ", ".join(names)
        raise Failure(
            f"该组仍在运行（{zh}），不得恢复，否则链将分叉；请启动 cunzheng member，"
            "本成员会自动重新加入。若其确已不足多数，请先将其停止，并将其数据目录一并列为 COPY。",
            f"the group lives (somebody listens at {en}): recovering would fork the chain. Start "
            "`cunzheng member`, and this member rejoins by itself. If what runs is no majority any "
            "more, stop it first, and give its directory as a COPY too.",
        )


def _show(terminal: Terminal, copies: list[Copy]) -> None:
    from node.membership.recovery import sealed_height

    for copy in copies:
        terminal.line(str(copy))
    best = copies[0].salvage
    if best is None or not best.ending.last_index:
        raise Misconfigured(
            "none of the copies has a single entry that can be used",
            "所给的副本中没有任何可用的条目",
        )
    saved = best.ending.last_index
    if (height := sealed_height(copies)) > saved:
        terminal.note(
            f"联签已达高度 {height}，而仅能保留至高度 {saved}：已生效的存证有丢失，"
            "恢复后本成员将停止服务，只能另建新链。",
            f"a quorum sealed up to height {height}, and only {saved} is saved: "
            "what was final is lost, this member will serve nothing, and only another chain can "
            "be begun.",
            "bold red",
        )


def _confirm(terminal: Terminal, copies: list[Copy]) -> None:
    if not sys.stdin.isatty():
        raise Failure(
            "没有终端可供确认；确认无误后请加 --yes。",
            "there is no terminal to confirm at; when you are sure, add --yes.",
        )
    terminal.note(
        f"将以 {copies[0].path} 为准，本成员成为唯一的投票成员；其中没有的存证即告丢失。"
        "只有多数成员的数据确已无法取回时，才应如此。",
        f"This goes on from {copies[0].path}, with this member as the only voter; what is not in "
        "it is lost. Only if the data of a majority cannot be had back.",
        "bold yellow",
    )
    terminal.note("输入 recover 以继续：", "Type recover to go on:")
    if sys.stdin.readline().strip() != "recover":
        raise Failure("未确认，未作任何改动。", "not confirmed; nothing was changed.")


def _recover(
    config: MemberConfig, genesis: Genesis, copies: list[Copy], terminal: Terminal
) -> Recovered:
    from node.membership.founding import draw_voter
    from node.membership.recovery import recover

    best = copies[0].salvage
    assert best is not None, "asked before"
    with terminal.progress(of_bytes=False) as progress:
        progress.start(terminal.pick("恢复", "recover"), best.ending.last_index)
        return recover(config, genesis, draw_voter(config), copies, saved=progress.advance)
