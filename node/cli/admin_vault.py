"""`cunzheng admin vault make`: draws the key of what is personal or secret in the database."""

from __future__ import annotations

import argparse

from node.cli.administering import Actions, add_action
from node.cli.language import Language, Text
from node.cli.terminal import Terminal

_MAKE = Text(
    "生成设置 vault_key 所指的密钥文件（同一数据库的网关共用一份）",
    "draw the file that `vault_key` names; all gateways of one database share it",
)


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The one action of `admin vault`."""
    add_action(actions, "make", _MAKE, _make, language)


def _make(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.config import load_gateway
    from node.keyfile import create_vault_key

    path = load_gateway(arguments.config).vault_key
    create_vault_key(path)
    terminal.json({"file": str(path), "exit_code": 0})
    terminal.line(str(path))
    terminal.note(
        "请另行保管一份副本：丢失后，数据库中的个人信息和摘要开启数据不能恢复，API 密钥全部失效。",
        "Keep a copy elsewhere: without it nothing personal in the database can be read again, and "
        "no API key works.",
    )
    return 0
