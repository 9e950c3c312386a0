"""`cunzheng admin GROUP ACTION`: what only the operator of a gateway may do, beside the gateway.

It works on the gateway's own database and files, so whoever can read the settings may use it, and
nobody else. A group is a module with a `configure`, which adds its actions (`administering`).
"""

from __future__ import annotations

import argparse
from typing import Protocol

from node.cli import (
    admin_access,
    admin_account,
    admin_consent,
    admin_database,
    admin_identity,
    admin_inspection,
    admin_key,
    admin_registry,
    admin_role,
    admin_vault,
)
from node.cli.administering import Act, Actions
from node.cli.arguments import common
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal


class Group(Protocol):
    """What the module of a group offers."""

    def configure(self, actions: Actions[argparse.ArgumentParser], language: Language) -> None:
        """Add the group's actions."""


GROUPS: dict[str, tuple[Text, Group]] = {
    "database": (
        Text("链下数据库的结构", "the schema of the off-chain database"),
        admin_database,
    ),
    "vault": (Text("链下数据的密钥", "the key of what is off the chain"), admin_vault),
    "account": (Text("账户", "accounts"), admin_account),
    "identity": (Text("实名核验", "verified identities"), admin_identity),
    "role": (Text("账户的角色", "what accounts may do"), admin_role),
    "consent": (Text("个人信息处理的同意", "consent to the processing of data"), admin_consent),
    "access": (Text("访问记录", "the record of accesses"), admin_access),
    "inspection": (
        Text("主管机关的检查", "inspections by authorities"),
        admin_inspection,
    ),
    "registry": (
        Text(
            "法院、电子认证机构和利害关系名录",
            "the registries of courts, certification authorities and interests",
        ),
        admin_registry,
    ),
    "key": (Text("账户的 API 密钥", "the API keys of accounts"), admin_key),
}


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The groups, and in each its actions."""
    groups = parser.add_subparsers(metavar="|".join(GROUPS), required=True)
    for name, (summary, module) in GROUPS.items():
        text = said(summary, language)
        group = groups.add_parser(
            name, help=text, description=text, allow_abbrev=False, parents=[common(language)]
        )
        actions = group.add_subparsers(
            metavar=said(Text("操作", "ACTION"), language), required=True
        )
        module.configure(actions, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Carry out the action that was chosen."""
    act: Act = arguments.act
    return act(arguments, terminal)
