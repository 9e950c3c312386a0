"""`cunzheng admin registry load|list`: which courts, certification authorities and interests are
known.

The format of a registry file is that of `node.casework.court`: CSV with column names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from node.accounts.action import Action
from node.casework.court import (
    AUTHORITY_COLUMNS,
    COURT_COLUMNS,
    INTEREST_COLUMNS,
    Authority,
    BadRegistry,
    Court,
    parse_registry,
)
from node.casework.interest import Interest
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import (
    Office,
    add_inspection,
    at_office,
)
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal

_COLUMNS = [",".join(each) for each in (COURT_COLUMNS, AUTHORITY_COLUMNS, INTEREST_COLUMNS)]
_LOAD = Text(
    "载入法院、电子认证机构或利害关系名录，同一代字、根证书或机构的记录被替换",
    "load courts, certification authorities or interests; what has the same key is replaced",
)
_LIST = Text("列出名录", "list the registries")
_FILE = Text(
    f"UTF-8 编码的 CSV 文件，首行为列名：{_COLUMNS[0]}、{_COLUMNS[1]} 或 {_COLUMNS[2]}",
    f"CSV in UTF-8, its first line {_COLUMNS[0]}, {_COLUMNS[1]} or {_COLUMNS[2]}",
)


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin registry`."""
    parser = add_action(actions, "load", _LOAD, _load, language)
    parser.add_argument("file", type=Path, metavar="FILE", help=said(_FILE, language))
    add_inspection(add_action(actions, "list", _LIST, _list, language), language)


def _load(arguments: argparse.Namespace, terminal: Terminal) -> int:
    try:
        entries = parse_registry(arguments.file.read_bytes())
    except OSError as error:
        raise Failure(
            f"无法读取 {arguments.file}：{error.strerror}。",
            f"cannot read {arguments.file}: {error.strerror}.",
        ) from error
    except BadRegistry as error:
        raise Failure(
            f"{arguments.file} 第 {error.line} 行有误：{error.why}；未载入任何记录。",
            f"{arguments.file}, line {error.line}: {error.why}. Nothing was loaded.",
        ) from error
    at_office(arguments, Action.REGISTRY_LOADED, lambda office: office.registries.load(entries))
    terminal.json({"loaded": len(entries), "exit_code": 0})
    terminal.note(f"已载入 {len(entries)} 条记录。", f"{len(entries)} loaded.")
    return 0


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    async def work(office: Office) -> tuple[list[Court], list[Authority], list[Interest]]:
        known = office.registries
        return await known.courts(), await known.authorities(), await known.interests()

    courts, authorities, interests = at_office(arguments, Action.REGISTRY_READ, work)
    terminal.json(
        {
            "courts": [_court(each) for each in courts],
            "authorities": [_authority(each) for each in authorities],
            "interests": [_interest(each) for each in interests],
            "exit_code": 0,
        }
    )
    rows = [(each.court_code, each.name, each.source) for each in courts]
    rows += [(each.root_digest.hex()[:16], each.name, each.source) for each in authorities]
    rows += [(f"{each.member} {each.uscc}", each.name, each.source) for each in interests]
    terminal.columns(rows, indent=0)
    return 0


def _court(court: Court) -> dict[str, object]:
    return {
        "court_code": court.court_code,
        "name": court.name,
        "level": None if court.level is None else court.level.name,
        "parent_code": court.parent_code,
        "valid_from_ms": court.valid_from_ms,
        "valid_to_ms": court.valid_to_ms,
        "source": court.source,
    }


def _authority(authority: Authority) -> dict[str, object]:
    return {
        "root_digest": authority.root_digest.hex(),
        "name": authority.name,
        "kind": authority.kind.name,
        "licence_no": authority.licence_no,
        "cipher_licence_no": authority.cipher_licence_no,
        "valid_from_ms": authority.valid_from_ms,
        "valid_to_ms": authority.valid_to_ms,
        "source": authority.source,
    }


def _interest(interest: Interest) -> dict[str, object]:
    return {
        "uscc": interest.uscc,
        "member": interest.member,
        "name": interest.name,
        "relation": interest.relation.name,
        "source": interest.source,
    }
