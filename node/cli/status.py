"""`cunzheng status`: how the members are, asked through a gateway or at a member itself.

Exit code 0 says that deposits become final: there is a leader, and a quorum has sealed what was the
newest block when it was asked. 80 says that they do not, or that nobody answers.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.cli.arguments import add_gateway, usual_gateways
from node.cli.connecting import connect
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer

if TYPE_CHECKING:
    from node.member_pb2 import StatusResponse

SEAL_S = 3.0
"""A quorum that runs and has its clocks right seals a block long before this is over."""
AGAIN_S = 0.2
VOTING = ("leader", "follower", "candidate")
"""The roles of a voter (proto/node/member.proto)."""
REMOVED = "removed"
OUTSIDE = ("recalling", REMOVED)
"""The roles of one that does not know who votes now."""
ZH_ROLES = {
    "leader": "主节点",
    "follower": "从节点",
    "candidate": "候选节点",
    "learner": "学习成员",
    "recalling": "核实中",
    REMOVED: "已移出",
}
ZH_KINDS = {"start": "启动", "periodic": "定期", "stop": "停止"}
"""Of health records."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness outside the members, and the tree it cosigned last; size 0 is none yet."""

    name: str
    size: int
    time_s: int


@dataclass(frozen=True, slots=True)
class Health:
    """A member's newest health record, written at `to_ms` by its clock, and its alarms of then."""

    serial: int
    kind: str
    to_ms: int
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One member, as it describes itself."""

    member: str
    role: str
    height: int
    sealed_height: int
    alarms: tuple[str, ...]
    witnesses: tuple[Witness, ...] = ()
    scrubbed: int = 0
    """The height up to which it has compared what it keeps, in the pass under way."""
    scrub_passed_s: int = 0
    """When its last whole pass ended; 0 if there was none yet, or a gateway tells."""
    health: Health | None = None
    """None if it has written none since it started, or is of an older version."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that was found out."""

    ready: bool
    leader: str
    rows: tuple[Row, ...]
    unreachable: tuple[str, ...] = ()
    voters: tuple[str, ...] = ()
    """As a member knows them; empty while it cannot know, and a gateway does not tell."""
    learners: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        return max((row.height for row in self.rows), default=0)

    @property
    def sealed_height(self) -> int:
        return max((row.sealed_height for row in self.rows), default=0)


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `status`."""
    group = parser.add_mutually_exclusive_group(required=usual_gateways() is None)
    add_gateway(group, language, required=False)
    group.add_argument(
        "--config",
        type=Path,
        metavar="member.toml",
        help=said(
            Text("成员的设置文件（在该成员的机器上）", "a member's settings, on its machine"),
            language,
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask, and print a table."""
    if arguments.config is None:
        with connect(arguments.gateway, terminal) as gateway:
            overview = watched(lambda: _from_gateway(gateway.ready()))
    else:
        # One loop for all answers: gRPC may hand over to it later what belongs to an earlier one.
        with asyncio.Runner() as runner:
            overview = watched(lambda: runner.run(_from_member(arguments.config)))
    exit_code = 0 if overview.ready else Answer.COULD_NOT_CHECK.exit_code
    terminal.json(asdict(overview) | {"exit_code": exit_code})
    _print(overview, terminal)
    if arguments.config is not None and not overview.rows:
        terminal.note(
            "该成员没有应答，其他成员如何不得而知："
            f"请用 cunzheng member {arguments.config} 启动它，或查看其日志。",
            "This member does not answer, which says nothing of the others: start it (cunzheng "
            f"member {arguments.config}), or look at its log.",
            "yellow",
        )
    return exit_code


def watched(ask: Callable[[], Overview]) -> Overview:
    """The first answer by which what was the newest block at first is sealed: that there is a
    leader says nothing about that. If there is none in time, the last answer, as not ready."""
    overview = ask()
    newest, deadline = overview.height, time.monotonic() + SEAL_S
    while overview.ready and overview.sealed_height < newest:
        if time.monotonic() >= deadline:
            return replace(overview, ready=False)
        time.sleep(AGAIN_S)
        overview = ask()
    return overview


def _from_gateway(value: dict[str, Any]) -> Overview:
    try:
        rows = tuple(
            Row(
                member=str(each["member"]),
                role=str(each["role"]),
                height=int(each["height"]),
                sealed_height=int(each["sealed_height"]),
                alarms=tuple(map(str, each["alarms"])),
                witnesses=tuple(
                    Witness(str(one["name"]), int(one["size"]), int(one["time_s"]))
                    for one in each.get("witnesses", ())
                ),
                health=_health(each.get("health")),
            )
            for each in value["members"]
        )
        unreachable = tuple(map(str, value["unreachable"]))
        return Overview(value["ready"] is True, str(value.get("leader") or "-"), rows, unreachable)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(
            "网关的应答无法理解；请检查地址，或使用新版程序。",
            "the gateway's answer cannot be understood; check the address, or use a newer program.",
            Answer.COULD_NOT_CHECK,
        ) from error


def _health(value: dict[str, Any] | None) -> Health | None:
    if value is None:
        return None
    alarms = tuple(map(str, value["alarms"]))
    return Health(int(value["serial"]), str(value["kind"]), int(value["to_ms"]), alarms)


async def _from_member(path: Path) -> Overview:
    """The member asked with its own certificate, which it trusts like every other member's."""
    # Imported here: asking a gateway needs no gRPC.
    from node.config import load_member
    from node.gateway.members.client import Members
    from node.gateway.members.links import Endpoint, Identity
    from node.settings import read_file

    config = load_member(path)
    certificate = read_file(config.certificate)
    members = Members(
        [Endpoint(config.member, config.listen, certificate)],
        Identity(certificate, read_file(config.private_key)),
    )
    try:
        status = (await members.statuses()).get(config.member)
    finally:
        await members.close()
    return Overview(False, "-", (), (config.member,)) if status is None else told_by(status)


def told_by(status: StatusResponse) -> Overview:
    """What a member says of itself and of the group."""
    row = Row(
        status.member,
        status.role,
        status.applied,
        status.sealed_height,
        tuple(status.alarms),
        tuple(Witness(each.name, each.size, each.time_s) for each in status.witnesses),
        status.scrubbed,
        status.scrub_passed_s,
        _noted(status),
    )
    voters = {peer.member for peer in status.peers if peer.voter}
    learners = {peer.member for peer in status.peers if not peer.voter}
    if status.role in VOTING:
        voters.add(status.member)
    elif status.role == "learner":
        learners.add(status.member)
    if status.role in OUTSIDE:
        voters, learners = set(), set()
    return Overview(
        ready=bool(status.leader) and status.role != REMOVED,
        leader=status.leader or "-",
        rows=(row,),
        voters=tuple(sorted(voters)),
        learners=tuple(sorted(learners)),
    )


def _noted(status: StatusResponse) -> Health | None:
    if not status.HasField("health"):
        return None
    note = status.health
    return Health(note.serial, note.kind, note.to_ms, tuple(note.alarms))


def _print(overview: Overview, terminal: Terminal) -> None:
    if not (overview.rows or overview.ready):
        terminal.line(terminal.pick("无应答", "No answer"), "bold red")
    elif overview.ready:
        terminal.line(
            terminal.pick("就绪：存证能够得到确认", "Ready: deposits become final"), "bold green"
        )
    else:
        terminal.line(
            terminal.pick(
                "未就绪：存证暂不能得到确认", "Not ready: deposits do not become final now"
            ),
            "bold red",
        )
    height, sealed = overview.height, overview.sealed_height
    if sealed < height:
        terminal.line(
            terminal.pick(
                f"最低联签数已满足的高度：{sealed} / {height}",
                f"sealed by a quorum: {sealed} of {height} blocks",
            )
        )
    titles = (
        ("成员", "角色", "高度", "联签高度")
        if terminal.language == "zh"
        else ("member", "role", "height", "cosigned height")
    )
    rows = [titles]
    rows += [
        (
            row.member,
            terminal.pick(ZH_ROLES.get(row.role, row.role), row.role),
            str(row.height),
            str(row.sealed_height),
        )
        for row in overview.rows
    ]
    rows += [
        (name, terminal.pick("无应答", "no answer"), "-", "-") for name in overview.unreachable
    ]
    terminal.columns(rows)
    _print_group(overview, terminal)
    for row in overview.rows:
        for witness in row.witnesses:
            terminal.line(f"  {row.member}: {_cosigned(witness, terminal, time.time())}")
        if row.health:
            terminal.line(f"  {row.member}: {_recorded(row.health, terminal, time.time())}")
        if row.scrubbed:
            terminal.line(f"  {row.member}: {_scrubbed(row, terminal, time.time())}")
        for alarm in row.alarms:
            terminal.line(f"! {row.member}: {alarm}", "bold red")


def _cosigned(witness: Witness, terminal: Terminal, now_s: float) -> str:
    """How far a witness has come, and how long ago."""
    if not witness.size:
        zh = f"外部联签方 {witness.name} 尚未联签"
        return terminal.pick(zh, f"witness {witness.name} has cosigned nothing yet")
    age_s = max(0, int(now_s) - witness.time_s)
    return terminal.pick(
        f"外部联签方 {witness.name} 已联签 {witness.size} 条记录，{age_s} 秒前",
        f"witness {witness.name} cosigned {witness.size} entries, {age_s} s ago",
    )


def _recorded(health: Health, terminal: Terminal, now_s: float) -> str:
    """How old its newest health record is, and whether it had alarms then."""
    age_s = max(0, int(now_s) - health.to_ms // 1000)
    zh, en = ZH_KINDS.get(health.kind, health.kind), health.kind
    count = len(health.alarms)
    return terminal.pick(
        f"最近的运行记录第 {health.serial} 号（{zh}）写于 {age_s} 秒前，告警 {count} 项",
        f"health record {health.serial} ({en}) was written {age_s} s ago, alarms: {count}",
    )


def _scrubbed(row: Row, terminal: Terminal, now_s: float) -> str:
    """How far the scrub has come, and how long ago it had been through all."""
    zh, en = "尚未查完一遍", "no whole pass yet"
    if row.scrub_passed_s:
        age_s = max(0, int(now_s) - row.scrub_passed_s)
        zh, en = f"上一遍于 {age_s} 秒前查完", f"the last whole pass ended {age_s} s ago"
    return terminal.pick(
        f"数据自查至高度 {row.scrubbed} / {row.height}，{zh}",
        f"what it keeps is compared up to height {row.scrubbed} of {row.height}; {en}",
    )


def _print_group(overview: Overview, terminal: Terminal) -> None:
    """Who leads, and who has a vote where that is known."""
    line = terminal.pick(f"主节点 {overview.leader}", f"leader {overview.leader}")
    if overview.voters:
        voters, learners = ", ".join(overview.voters), ", ".join(overview.learners) or "-"
        line += terminal.pick(
            f"；投票成员 {voters}；学习成员 {learners}", f"; voters {voters}; learners {learners}"
        )
    terminal.line(line)
