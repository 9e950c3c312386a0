"""`cunzheng policy write`: the policy a chain begins with, and its genesis file.
`cunzheng policy fingerprint`: what a court publishes on paper, and what it stands for.

How a chain that runs gets another policy is in `policy_change`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from node.cli import policy_change
from node.cli.arguments import common, read_policy_note
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.errors import Misconfigured
from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.evidence.members import Member
from node.evidence.policy import Policy, fingerprint, parse_policy
from node.words import Notice, OpenPoint


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `policy`."""
    actions = parser.add_subparsers(
        metavar="write|fingerprint|change|sign|submit|history", required=True
    )
    policy_change.configure(actions, language)
    _configure_write(actions, language)
    summary = said(
        Text(
            "计算策略指纹，供法院在纸面上公布",
            "the fingerprint of a policy, to be published on paper",
        ),
        language,
    )
    action = actions.add_parser(
        "fingerprint",
        help=summary,
        description=summary,
        allow_abbrev=False,
        parents=[common(language)],
    )
    action.add_argument(
        "policy",
        type=Path,
        metavar="POLICY",
        help=said(
            Text(
                "策略文件、genesis.txt 或待签署的策略变更",
                "a policy file, genesis.txt, or a change that goes round",
            ),
            language,
        ),
    )


def _configure_write(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], language: Language
) -> None:
    summary = said(
        Text(
            "由各成员商定的方案写出 members.txt、policy.txt 和 genesis.txt",
            "members.txt, policy.txt and genesis.txt, from the plan the members agreed on",
        ),
        language,
    )
    action = actions.add_parser(
        "write",
        help=summary,
        description=summary,
        allow_abbrev=False,
        parents=[common(language)],
    )
    action.add_argument(
        "plan",
        type=Path,
        metavar="PLAN.toml",
        help=said(
            Text("方案；文件写在其旁边", "the plan; the files are written beside it"), language
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Write what is to be written, then print the fingerprint and whom it stands for."""
    if "call" in arguments:
        return policy_change.run(arguments, terminal)
    path = arguments.policy if "policy" in arguments else _write(arguments.plan)
    text, members = read_policy_note(path)
    policy = parse_policy(text)
    terminal.json(
        {
            "fingerprint": fingerprint(text),
            "sha256": sha256(text).hex(),
            "origin": policy.origin,
            "network": policy.network,
            "serial": policy.serial,
            "rules": policy.rules,
            "quorum": policy.quorum,
            "members": [each.member for each in policy.sealers],
            "exit_code": 0,
        }
    )
    _print(terminal, text, policy, {each.name: each for each in members})
    return 0


def _write(path: Path) -> Path:
    from node.config import load_plan
    from node.membership.founding import write_rules

    directory = path.absolute().parent
    try:
        write_rules(load_plan(path), directory, time.time_ns() // 1_000_000)
    except Malformed as error:
        raise Misconfigured(f"{path}: {error}") from error
    return directory / "genesis.txt"


def _print(terminal: Terminal, text: bytes, policy: Policy, members: dict[str, Member]) -> None:
    terminal.line(terminal.pick("策略指纹", "Policy fingerprint"))
    terminal.line()
    terminal.line(f"    {fingerprint(text)}", "bold")
    terminal.line()
    count = len(policy.sealers)
    terminal.columns(
        [
            (terminal.pick("链", "chain"), policy.origin),
            (terminal.pick("策略序号", "serial"), str(policy.serial)),
            (
                terminal.pick("最低联签数", "quorum"),
                terminal.pick(
                    f"{count} 家成员中的 {policy.quorum} 家", f"{policy.quorum} of {count}"
                ),
            ),
            ("SHA-256", sha256(text).hex()),
        ]
    )
    terminal.line()
    terminal.line(terminal.pick("成员", "Members"))
    terminal.columns(
        (each.member, members[each.member].organisation if each.member in members else "")
        for each in policy.sealers
    )
    terminal.line()
    if policy.network == "test":
        terminal.line(terminal.said(OpenPoint.O05), "bold yellow")
    liars = max(2 * policy.quorum - count, 0)
    terminal.line(terminal.said(Notice.FORK).format(members=count, liars=liars))
