"""`cunzheng fsck MEMBER.toml`: is all that this member keeps what it must be?

The member must not run. Nothing of it is changed; what would make good what is found is said. The
exit code is 0 if nothing is different, 30 if something is, 80 if it could not be looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer

if TYPE_CHECKING:
    from node.checking.difference import Difference
    from node.checking.fsck import Report
    from node.evidence.record import Genesis

SHOWN_MAX = 20
"""Differences shown to people; programs get all."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `fsck`."""
    parser.add_argument(
        "config",
        type=Path,
        nargs="?",
        metavar="MEMBER.toml",
        help=said(Text("成员的设置文件", "the member's settings"), language),
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help=said(
            Text(
                "没有设置文件时：数据目录，例如留待检查的 data.lost-1",
                "without settings: a data directory, such as one that was set aside (data.lost-1)",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--genesis",
        type=Path,
        metavar="FILE",
        help=said(Text("与 --data 一起：创世文件", "with --data: the genesis file"), language),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Compare everything, and tell what is different."""
    from node.checking.fsck import examine

    data, genesis = _subject(arguments)
    with terminal.progress(of_bytes=False) as progress:
        started = False

        def advance(total: int, more: int) -> None:
            nonlocal started
            if not started:
                progress.start(terminal.pick("区块", "blocks"), total)
                started = True
            progress.advance(more)

        report = examine(data, genesis, advance)
    answer = Answer.PROOF_NOT_VALID if report.differences else Answer.CONSISTENT
    terminal.json(_for_programs(report, answer.exit_code))
    _show(terminal, report)
    return answer.exit_code


def _subject(arguments: argparse.Namespace) -> tuple[Path, Genesis]:
    from node.config import load_member
    from node.evidence.record import parse_genesis
    from node.member.process import read_genesis
    from node.settings import read_file

    by_hand = arguments.data is not None and arguments.genesis is not None
    if by_hand == (arguments.config is not None) or (
        not by_hand and (arguments.data or arguments.genesis)
    ):
        raise Failure(
            "请给出成员的设置文件，或同时给出 --data 与 --genesis。",
            "give the member's settings, or both --data and --genesis.",
        )
    if by_hand:
        return arguments.data, parse_genesis(read_file(arguments.genesis))
    config = load_member(arguments.config)
    return config.data, read_genesis(config)


def _for_programs(report: Report, exit_code: int) -> dict[str, object]:
    return {
        "member": report.member,
        "entries": report.entries,
        "height": report.height,
        "size": report.size,
        "items": report.items,
        "root": report.root.hex(),
        "data_bytes": report.data_bytes,
        "unreached_seals": report.unreached,
        "seconds": round(report.seconds, 3),
        "differences": [_difference(each) for each in report.differences],
        "exit_code": exit_code,
    }


def _difference(difference: Difference) -> dict[str, object]:
    part = difference.part
    return {
        "part": part.directory,
        "height": difference.height,
        "what": difference.what,
        "repair": {"zh": part.zh, "en": part.en},
    }


def _show(terminal: Terminal, report: Report) -> None:
    speed = f"{report.entries / max(report.seconds, 0.001):.0f}"
    megabytes = f"{report.data_bytes / 1e6:.1f}"
    terminal.line(
        terminal.pick(
            f"{report.member}：日志 {report.entries} 个区块（{megabytes} MB），"
            f"重新计算至高度 {report.height}，{report.size} 条记录，{report.items} 项；"
            f"用时 {report.seconds:.1f} 秒，每秒 {speed} 个区块",
            f"{report.member}: {report.entries} blocks in the journal ({megabytes} MB), made again "
            f"up to height {report.height}, {report.size} entries, {report.items} items; "
            f"{report.seconds:.1f} s, {speed} blocks/s",
        )
    )
    if report.root:
        terminal.line(f"root {report.root.hex()}")
    if report.unreached:
        terminal.note(
            f"另有 {report.unreached} 个联签针对更大的树，本目录尚未达到，未作比较。",
            f"{report.unreached} seals are about larger trees than this directory has reached, and "
            "were not compared.",
        )
    if not report.differences:
        terminal.line(terminal.pick("全部一致", "everything is as it must be"), "bold green")
        return
    for number, difference in enumerate(report.differences[:SHOWN_MAX]):
        terminal.line(str(difference), "bold red" if number == 0 else "red")
    if (more := len(report.differences) - SHOWN_MAX) > 0:
        terminal.line(terminal.pick(f"另有 {more} 处", f"and {more} more"))
    for part in dict.fromkeys(each.part for each in report.differences):
        terminal.note(f"{part.directory}：{part.zh}", f"{part.directory}: {part.en}")
