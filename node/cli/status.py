"""`cunzheng status`: how the members are, asked through a gateway or at a member itself.

Exit code 0 says that deposits can become final now; 80 that they cannot, or that nobody answers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from node.cli.arguments import GATEWAY_VARIABLE
from node.cli.client import GatewayClient
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer


@dataclass(frozen=True, slots=True)
class Row:
    """One member, as it describes itself."""

    member: str
    role: str
    height: int
    sealed_height: int
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that was found out."""

    ready: bool
    leader: str
    rows: tuple[Row, ...]
    unreachable: tuple[str, ...] = ()


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `status`."""
    default = os.environ.get(GATEWAY_VARIABLE)
    group = parser.add_mutually_exclusive_group(required=default is None)
    group.add_argument(
        "--gateway",
        default=default,
        metavar="URL",
        help=said(
            Text(
                f"接入网关的地址（或用环境变量 {GATEWAY_VARIABLE}）",
                f"the address of a gateway (or set {GATEWAY_VARIABLE})",
            ),
            language,
        ),
    )
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
        with GatewayClient(arguments.gateway, terminal) as gateway:
            overview = _from_gateway(gateway.ready())
    else:
        overview = asyncio.run(_from_member(arguments.config))
    exit_code = 0 if overview.ready else Answer.COULD_NOT_CHECK.exit_code
    terminal.json(asdict(overview) | {"exit_code": exit_code})
    _print(overview, terminal)
    return exit_code


def _from_gateway(value: dict[str, Any]) -> Overview:
    try:
        rows = tuple(
            Row(
                member=str(each["member"]),
                role=str(each["role"]),
                height=int(each["height"]),
                sealed_height=int(each["sealed_height"]),
                alarms=tuple(map(str, each["alarms"])),
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


async def _from_member(path: Path) -> Overview:
    """The member asked with its own certificate, which it trusts like every other member's."""
    # Imported here: asking a gateway needs no gRPC.
    from node.config import load_member, read_file
    from node.gateway.links import Endpoint, Identity
    from node.gateway.members import Members

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
    if status is None:
        return Overview(False, "-", (), (config.member,))
    row = Row(
        status.member, status.role, status.applied, status.sealed_height, tuple(status.alarms)
    )
    return Overview(bool(status.leader), status.leader or "-", (row,))


def _print(overview: Overview, terminal: Terminal) -> None:
    if overview.ready:
        terminal.line(
            terminal.pick("就绪：可以存证", "Ready: deposits can become final"), "bold green"
        )
    else:
        terminal.line(
            terminal.pick("未就绪：暂不能存证", "Not ready: deposits cannot become final now"),
            "bold red",
        )
    titles = (
        ("成员", "角色", "高度", "联签高度")
        if terminal.language == "zh"
        else ("member", "role", "height", "cosigned height")
    )
    rows = [titles]
    rows += [(r.member, r.role, str(r.height), str(r.sealed_height)) for r in overview.rows]
    rows += [
        (name, terminal.pick("无应答", "no answer"), "-", "-") for name in overview.unreachable
    ]
    terminal.columns(rows)
    for row in overview.rows:
        for alarm in row.alarms:
            terminal.line(f"! {row.member}: {alarm}", "bold red")
