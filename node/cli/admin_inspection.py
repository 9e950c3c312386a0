"""`cunzheng admin inspection open|list|close|export`: an authority inspects this operator.

公安部令第82号 Art. 16. It begins with a JSON file that says who inspects and on what basis
(`node.accounts.inspection`); the actions that show something take `--inspection ID` and are
recorded under it; `export` writes all of that into one file, for both sides.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from node.accounts.action import Action
from node.accounts.inspection import Inspection, parse_inspection
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import Office, access_value, at_office, no_such_inspection
from node.cli.failure import Failure
from node.cli.files import read_limited, write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms
from node.evidence.malformed import Malformed
from node.evidence.number import beijing_time

if TYPE_CHECKING:
    from node.config import GatewayConfig, Officer
    from node.offchain.accesses import Access
    from node.offchain.inspections import KeptInspection

SIZE_MAX = 16_384
"""An inspection is a few hundred bytes."""

_OPEN = Text("登记检查并开始", "record an inspection that begins")
_LIST = Text("列出检查", "list the inspections")
_CLOSE = Text("结束检查", "end an inspection")
_EXPORT = Text("导出检查记录", "write down an inspection and all that was shown in it")
_ID = Text("检查编号（见 admin inspection list）", "its id (`admin inspection list`)")
_GOES_ON = Text("进行中", "goes on")


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The actions of `admin inspection`."""
    parser = add_action(actions, "open", _OPEN, _open, language)
    where = Text(
        "JSON 文件，或 - 表示标准输入：检查机关、法律依据、文号、范围、"
        "检查人员（至少两人，姓名和执法证件号）、陪同人员",
        "a JSON file, or - for standard input: authority, legal_basis, document_no, scope, "
        "officers (two at least, each with name and certificate_no), accompanied_by",
    )
    parser.add_argument(
        "--from", required=True, dest="source", metavar="FILE", help=said(where, language)
    )
    add_action(actions, "list", _LIST, _list, language)
    close = add_action(actions, "close", _CLOSE, _close, language)
    export = add_action(actions, "export", _EXPORT, _export, language)
    for each in (close, export):
        each.add_argument("about_inspection", metavar="ID", help=said(_ID, language))
    export.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=said(Text("写入此文件", "the file to write"), language),
    )


def _open(arguments: argparse.Namespace, terminal: Terminal) -> int:
    inspection = _read(arguments.source)
    identity = at_office(
        arguments,
        Action.INSPECTION_OPENED,
        lambda office: office.inspections.open(inspection, now_ms()),
    )
    terminal.json({"inspection": identity, "exit_code": 0})
    terminal.line(f"{identity}  {inspection.authority}  {inspection.document_no}")
    terminal.note(
        f"出示资料的命令须加 --inspection {identity}；检查结束后执行 admin inspection close。",
        f"What is shown is asked for with --inspection {identity}; at the end: `admin inspection "
        "close`.",
    )
    return 0


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    found = at_office(arguments, Action.INSPECTION_READ, lambda office: office.inspections.all())
    terminal.json({"inspections": [_value(each) for each in found], "exit_code": 0})
    if found:
        terminal.columns([_row(each, terminal) for each in found], indent=0)
    return 0


def _close(arguments: argparse.Namespace, terminal: Terminal) -> int:
    identity: str = arguments.about_inspection
    at_office(
        arguments,
        Action.INSPECTION_CLOSED,
        lambda office: office.inspections.close(identity, now_ms()),
    )
    terminal.json({"inspection": identity, "exit_code": 0})
    terminal.line(identity)
    return 0


def _export(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.config import load_gateway

    async def work(office: Office) -> tuple[KeptInspection, list[Access], int | None]:
        found = await office.inspections.find(arguments.about_inspection)
        if found is None:
            raise no_such_inspection(arguments.about_inspection)
        shown = await _shown(office, found)
        first = await office.accesses.between(0, now_ms(), limit=1)
        return found, shown, first[0].at_ms if first else None

    found, shown, oldest_ms = at_office(arguments, Action.INSPECTION_READ, work)
    record = _record(found, shown, oldest_ms, load_gateway(arguments.config))
    data = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
    write_whole(arguments.out, data, replace=False, private=True)
    digest = hashlib.sha256(data).hexdigest()
    terminal.json(
        {"file": str(arguments.out), "shown": len(shown), "sha256": digest, "exit_code": 0}
    )
    terminal.line(f"{arguments.out}  SHA-256 {digest}")
    return 0


async def _shown(office: Office, kept: KeptInspection) -> list[Access]:
    """Every line under it, the oldest first."""
    found: list[Access] = []
    while page := await office.accesses.between(
        kept.opened_ms,
        now_ms() + 1,
        inspection=kept.id,
        after=found[-1].place if found else None,
    ):
        found += page
    return found


def _record(
    kept: KeptInspection, shown: list[Access], oldest_ms: int | None, config: GatewayConfig
) -> dict[str, object]:
    """What both sides take away: the inspection, what was shown, and what the law asks to be there
    (网络安全法 Art. 23: a person responsible, and the logs of six months)."""
    from node.offchain.accesses import DAY_MS, KEEP_MS

    return {
        **_value(kept),
        "exported_ms": now_ms(),
        "profile": config.profile,
        "security_officer": _officer(config.security_officer),
        "data_protection_officer": _officer(config.data_protection_officer),
        "accesses_kept_days": KEEP_MS // DAY_MS,
        "oldest_access_ms": oldest_ms,
        "shown": [access_value(each) for each in shown],
    }


def _value(kept: KeptInspection) -> dict[str, object]:
    return {
        "inspection": kept.id,
        "opened_ms": kept.opened_ms,
        "closed_ms": kept.closed_ms,
        **asdict(kept.inspection),
    }


def _row(kept: KeptInspection, terminal: Terminal) -> tuple[str, ...]:
    ended = terminal.said(_GOES_ON) if kept.closed_ms is None else _time(kept.closed_ms)
    inspection = kept.inspection
    return (kept.id, _time(kept.opened_ms), ended, inspection.authority, inspection.document_no)


def _time(time_ms: int) -> str:
    return beijing_time(time_ms).isoformat(timespec="seconds")


def _officer(officer: Officer | None) -> dict[str, str] | None:
    return None if officer is None else {"name": officer.name, "contact": officer.contact}


def _read(source: str) -> Inspection:
    try:
        data = (
            sys.stdin.buffer.read(SIZE_MAX)
            if source == "-"
            else read_limited(Path(source), SIZE_MAX)
        )
        return parse_inspection(data)
    except Malformed as error:
        raise Failure(
            f"检查登记不符合要求：{error}。未作改动；检查人员不得少于二人（公安部令第82号第十六条）。",
            f"the inspection cannot be recorded: {error}. Nothing was changed; at least two "
            "officers inspect (公安部令第82号 Art. 16).",
        ) from error
