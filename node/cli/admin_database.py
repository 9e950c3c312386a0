"""`cunzheng admin database upgrade|check`: the schema of the off-chain database.

`upgrade` is what an operator runs once with every new version of this program, before the gateways
start: they refuse to work with any other schema than their own.
"""

from __future__ import annotations

import argparse

from node.cli.administering import Actions, add_action, waited_for
from node.cli.failure import Failure
from node.cli.language import Language, Text
from node.cli.terminal import Terminal

_UPGRADE = Text(
    "将数据库升级到本版本的结构（事先请备份）",
    "bring the database to the schema of this version (make a backup first)",
)
_CHECK = Text(
    "检查数据库是否与本版本的结构一致，不作改动",
    "compare the database with the schema of this version; changes nothing",
)


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin database`."""
    add_action(actions, "upgrade", _UPGRADE, _upgrade, language)
    add_action(actions, "check", _CHECK, _check, language)


def _upgrade(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.config import load_gateway
    from node.offchain import revisions

    url = load_gateway(arguments.config).database
    before, now = waited_for(lambda: revisions.upgrade(url))
    terminal.json({"before": before, "revision": now, "exit_code": 0})
    if before == now:
        terminal.line(
            terminal.pick(
                f"数据库结构已是 {now}，无需升级。",
                f"The database has schema {now} already; nothing was changed.",
            )
        )
    else:
        terminal.line(
            terminal.pick(f"数据库结构已升级到 {now}。", f"The database now has schema {now}.")
        )
    return 0


def _check(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.config import load_gateway
    from node.offchain import revisions

    url = load_gateway(arguments.config).database
    report = waited_for(lambda: revisions.check(url))
    if report.found != report.needed:
        raise Failure(
            f"数据库结构为 {report.found or '空'}，本版本需要 {report.needed}；"
            "请运行 cunzheng admin database upgrade。",
            f"the database has schema {report.found or 'none'}, this version needs "
            f"{report.needed}; run cunzheng admin database upgrade.",
        )
    if report.differences:
        told = "；".join(report.differences), "; ".join(report.differences)
        raise Failure(
            f"数据库的表与结构 {report.needed} 不一致：{told[0]}。请从备份恢复，不要手工修改表。",
            f"the tables are not those of schema {report.needed}: {told[1]}. Restore a backup; "
            "tables are never changed by hand.",
        )
    terminal.json({"revision": report.needed, "exit_code": 0})
    terminal.line(
        terminal.pick(
            f"数据库结构为 {report.needed}，与本版本一致。",
            f"The database has schema {report.needed}, which is this version's.",
        )
    )
    return 0
