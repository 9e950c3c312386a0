"""Verification results (核验结果) on a screen: the bottom line first, then what it rests on.

The order is fixed: answer, no-later-than time and number, the findings by step, open points, the
facts of the proof, and the notices that belong to the answer, in full. What the proof says about
itself is called that unless the answer is one of the two consistent ones.

Of many, every one has its line; those that are not consistent are printed in full, where nobody
overlooks them.
"""

from __future__ import annotations

from collections.abc import Sequence

from node.cli.language import Bilingual, Text
from node.cli.terminal import Terminal
from node.evidence.head import format_seconds
from node.evidence.verdict import Facts, Finding, Outcome, Verdict
from node.words import Answer, Notice, OpenPoint, ResultCode

_STYLES = {
    Answer.CONSISTENT: "bold green",
    Answer.CONSISTENT_OPEN_POINTS: "bold green",
    Answer.COULD_NOT_CHECK: "bold yellow",
}
_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_CHECKED: "–"}
_OUTCOME_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_CHECKED: "dim"}
_NAME_A_POLICY = Text(
    "请以 --policy-fingerprint 给出法院公布的策略指纹（或以 --policy 给出策略文件），再行核验；"
    "证明自称的策略指纹不能用作信任锚。",
    "Verify again with --policy-fingerprint as a court publishes it, or with --policy; the "
    "fingerprint the proof states of itself is no trust anchor.",
)

Given = list[tuple[str, str]]
"""What was verified, as labels and values: file, digests, proof file."""


def print_verdict(terminal: Terminal, verdict: Verdict, given: Given) -> None:
    """The whole result."""
    label, said = terminal.pick("核验结果", "Verification result"), terminal.said(verdict.code)
    terminal.line(f"{label}  {verdict.code.name}  {said}", _style(verdict))
    facts = verdict.facts
    if facts is not None and verdict.consistent:
        given = [
            (terminal.pick("不晚于", "no later than"), _seal_time(facts)),
            (terminal.pick("存证编号", "evidence number"), facts.number),
            *given,
        ]
    terminal.columns(given)
    print_findings(terminal, verdict.findings)
    _print_open_points(terminal, verdict.open_points)
    if facts is not None:
        _print_facts(terminal, facts, verified=verdict.consistent)
    _print_notices(terminal, verdict)
    if verdict.repaired is not None:
        _print_repaired(terminal, verdict.repaired)


def print_list(terminal: Terminal, results: list[tuple[str, Verdict, Given]]) -> None:
    """Many results, each under the name of what was verified."""
    good = [verdict for _, verdict, _ in results if verdict.consistent]
    for name, verdict, _ in results:
        line = f"{verdict.code.name}  {terminal.said(verdict.answer)}  {name}"
        if verdict.facts is not None and verdict.consistent:
            no_later = terminal.pick("不晚于", "no later than")
            line += f"  {verdict.facts.number}  {no_later} {_seal_time(verdict.facts)}"
        terminal.line(line, _style(verdict))
    if good:
        points = {point for verdict in good for point in verdict.open_points}
        _print_open_points(terminal, sorted(points, key=lambda point: point.name))
        _print_notices(terminal, good[0])
    for _, verdict, given in results:
        if not verdict.consistent:
            terminal.line()
            print_verdict(terminal, verdict, given)
    terminal.line()
    terminal.line(
        terminal.pick(
            f"共 {len(results)} 份：一致 {len(good)}，其他 {len(results) - len(good)}",
            f"{len(results)} in all: {len(good)} consistent, {len(results) - len(good)} not",
        ),
        "bold",
    )


def _style(verdict: Verdict) -> str:
    return _STYLES.get(verdict.answer, "bold red")


def _seal_time(facts: Facts) -> str:
    return "-" if facts.seal_time_s is None else format_seconds(facts.seal_time_s)


def _heading(terminal: Terminal, zh: str, en: str) -> None:
    terminal.line()
    terminal.line(terminal.pick(zh, en), "bold")


def _print_open_points(terminal: Terminal, points: Sequence[OpenPoint]) -> None:
    if points:
        _heading(terminal, "待审查事项", "Open points")
    for point in points:
        terminal.line(f"  {point.name}  {terminal.said(point)}", "yellow")


def print_findings(terminal: Terminal, findings: tuple[Finding, ...]) -> None:
    """What was compared, step by step."""
    _heading(terminal, "核验步骤", "Steps")
    for each in findings:
        code = f"{each.code.name}  " if each.code else ""
        terminal.line(
            f"  {each.step} {_MARKS[each.outcome]} {terminal.said(each.outcome)}  "
            f"{code}{terminal.said(each)}",
            _OUTCOME_STYLES[each.outcome],
        )


def _print_facts(terminal: Terminal, facts: Facts, *, verified: bool) -> None:
    if verified:
        _heading(terminal, "证明记载", "What the proof shows")
    else:
        _heading(
            terminal,
            "证明自称（核验未通过，不可据以认定）",
            "What the proof says of itself (not verified; do not rely on it)",
        )
    terminal.columns((terminal.pick(zh, en), value) for zh, en, value in facts.lines())


def _print_notices(terminal: Terminal, verdict: Verdict) -> None:
    notices: list[Bilingual] = []
    if verdict.consistent:
        notices = [Notice.SCOPE, Notice.NO_LATER_THAN]
    if verdict.answer is Answer.NOT_DEPOSITED_BYTES:
        notices = [Notice.RESAVING]
    if verdict.code is ResultCode.V204:
        notices = [_NAME_A_POLICY]
    for notice in notices:
        terminal.line()
        terminal.line(terminal.said(notice))


def _print_repaired(terminal: Terminal, repaired: Verdict) -> None:
    terminal.line()
    terminal.line(
        terminal.pick(
            "传输中换行符被改动或加入了 BOM。以下为撤销该改动后文本的结果，仅供参考，"
            "不得作为证明保存；请索取逐字节的原件：",
            "Line ends were changed or a BOM was added in transit. What follows is the result for "
            "the text without that change. It is for information only and never kept as the "
            "proof; ask for the original, byte for byte:",
        ),
        "yellow",
    )
    terminal.line(f"  {repaired.code.name}  {terminal.said(repaired.code)}")
    if repaired.facts is not None:
        terminal.columns([(terminal.pick("存证编号", "evidence number"), repaired.facts.number)])
