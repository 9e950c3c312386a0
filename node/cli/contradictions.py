"""Contradiction files for `cunzheng verify`: read, judged offline, and said to people.

The result is none of the nine answers about a file: a contradiction holds (exit code 0), or the
file is not valid or could not be judged (30, 80). One that holds says who signed both of two
checkpoints of which one is false, and names those on one side only apart: they may be deceived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node.cli.files import proof_path, read_limited
from node.cli.language import Text
from node.cli.result import print_findings
from node.cli.terminal import Terminal
from node.evidence.accusation import Accused, Judgement, Sealed, judge
from node.evidence.contradiction import CONTRADICTION_SIZE_MAX, TAG
from node.evidence.members import Member
from node.evidence.steps import Anchor
from node.words import OpenPoint

_HOLDS = Text(
    "矛盾成立：两份检查点不可能同时正确",
    "the contradiction holds: the two checkpoints cannot both be right",
)
_NOT_SHOWN = Text("未能证明矛盾", "no contradiction is shown")
_ONE_SIDE = Text(
    "仅在一份检查点上联签的成员可能是受了欺骗；本文件不说明其作假。",
    "A member that cosigned one of the two only may have been deceived; this file does not say "
    "that it lied.",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A contradiction file and what came out."""

    path: Path
    judgement: Judgement


def is_contradiction(path: Path) -> bool:
    """Whether this file begins as one, and is not a deposited file with its own proof."""
    if not path.is_file() or proof_path(path).exists():
        return False
    with path.open("rb") as file:
        return file.read(len(TAG) + 1) == f"{TAG}\n".encode()


def judge_files(paths: Sequence[Path], anchor: Anchor | None) -> list[Judged]:
    """Each of these files, judged by itself."""
    return [
        Judged(path, judge(read_limited(path, CONTRADICTION_SIZE_MAX), anchor)) for path in paths
    ]


def held(judged: Sequence[Judged]) -> tuple[Accused, ...]:
    """What is known for certain from them."""
    found = (each.judgement for each in judged)
    return tuple(each.accused for each in found if each.holds and each.accused is not None)


def exit_code(judged: Sequence[Judged]) -> int:
    """0 if all hold, otherwise that of the first that does not."""
    return next((each.judgement.exit_code for each in judged if not each.judgement.holds), 0)


def to_json(judged: Sequence[Judged]) -> list[dict[str, object]]:
    """For programs."""
    return [{"file": str(each.path)} | each.judgement.to_json() for each in judged]


def print_judged(terminal: Terminal, judged: Judged) -> None:
    """The whole result of one file."""
    judgement, label = judged.judgement, terminal.pick("矛盾文件", "Contradiction file")
    if judgement.code is None:
        terminal.line(f"{label}  {terminal.said(_HOLDS)}", "bold red")
    else:
        why = f"{judgement.code.name}  {terminal.said(judgement.code)}"
        terminal.line(f"{label}  {terminal.said(_NOT_SHOWN)}  {why}", "bold yellow")
    rows = [(terminal.pick("文件", "file"), str(judged.path))]
    if judgement.accused is not None:
        rows += _rows(terminal, judgement.accused)
    terminal.columns(rows)
    print_findings(terminal, judgement.findings)
    accused = judgement.accused
    if accused is None or not judgement.holds:
        return
    terminal.line()
    terminal.line(terminal.said(_ONE_SIDE))
    if accused.network == "test":
        terminal.line(terminal.said(OpenPoint.O05), "yellow")


def _rows(terminal: Terminal, accused: Accused) -> list[tuple[str, str]]:
    nobody = terminal.pick("无", "nobody")
    return [
        (
            terminal.pick("两者均联签", "cosigned both"),
            _organisations(accused.both) or nobody,
        ),
        *_described(terminal, "检查点一", "first checkpoint", accused.first, accused.quorum),
        *_described(terminal, "检查点二", "second checkpoint", accused.second, accused.quorum),
        (terminal.pick("策略指纹", "policy fingerprint"), accused.fingerprint),
        (terminal.pick("链", "chain"), accused.origin),
    ]


def _described(
    terminal: Terminal, zh: str, en: str, sealed: Sealed, quorum: int
) -> list[tuple[str, str]]:
    enough = terminal.pick("达到最低联签数", "a quorum")
    few = terminal.pick(f"未达到最低联签数 {quorum}", f"no quorum, {quorum} are needed")
    size = terminal.pick(f"树大小 {sealed.size}，树根 ", f"tree size {sealed.size}, root ")
    return [
        (terminal.pick(zh, en), size + sealed.root.hex()),
        (
            terminal.pick("  已联签", "  cosigned by"),
            f"{_organisations(sealed.members)} ({enough if sealed.by_quorum else few})",
        ),
    ]


def _organisations(members: Sequence[Member]) -> str:
    return ", ".join(f"{each.organisation} ({each.name})" for each in members)
