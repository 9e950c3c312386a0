"""`cunzheng admin identity record ACCOUNT --from FILE`: who it is, and how that was verified.

The file, or standard input where it is `-`, is one JSON object. Nothing personal stands on a
command line, which others on the computer can see:

    {"name": "示例有限公司", "id_type": "USCC", "id_no": "91350100M000100Y43",
     "contact": "security@example.test", "method": "BANK_TRANSFER", "provider": "示例银行",
     "verified_at": "2026-11-22T08:00:00+08:00", "reference": "20261122-7", "passed": true}

`contact`, `reference` and `passed` (true) can be left out. Destroy the file afterwards.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.accounts.action import Action
from node.accounts.identity import Identity, parse_id_no
from node.accounts.vocabulary import IdType, ProofMethod
from node.cli.administering import Actions, add_action
from node.cli.administering_accounts import Office, add_account, at_office, listed
from node.cli.failure import Failure
from node.cli.files import read_limited
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import read_time
from node.evidence.malformed import Malformed

if TYPE_CHECKING:
    from node.offchain.accounts import IdentityProof

SIZE_MAX = 16_384
"""An identity is a few hundred bytes."""
TEXT_LENGTH_MAX = 128
"""Of every field: as wide as the database keeps who verified it."""

_RECORD = Text("登记实名核验结果", "record an identity and how it was verified")
_NEEDED = frozenset({"name", "id_type", "id_no", "method", "provider", "verified_at"})
_OPTIONAL = frozenset({"contact", "reference", "passed"})


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the file says."""

    identity: Identity
    method: ProofMethod
    provider: str
    verified_ms: int
    passed: bool
    reference: str | None

    @property
    def proof(self) -> IdentityProof:
        from node.offchain.accounts import IdentityProof

        return IdentityProof(
            self.method, self.provider, self.verified_ms, self.passed, self.reference
        )


def configure(actions: Actions[argparse.ArgumentParser], language: Language) -> None:
    """The one action of `admin identity`."""
    parser = add_action(actions, "record", _RECORD, _record, language)
    add_account(parser, language)
    where = Text("JSON 文件，或 - 表示标准输入", "a JSON file, or - for standard input")
    kinds = f"id_type: {listed(IdType, language)}; method: {listed(ProofMethod, language)}"
    parser.add_argument(
        "--from",
        required=True,
        dest="source",
        metavar="FILE",
        help=f"{said(where, language)}; {kinds}",
    )


def _record(arguments: argparse.Namespace, terminal: Terminal) -> int:
    recorded = _parse(_read(arguments.source))

    async def work(office: Office) -> tuple[str, ...]:
        holder = (await office.accounts.find(arguments.account)).holder
        try:
            recorded.identity.check_belongs_to(holder.submitter_type)
        except Malformed as error:
            raise _wrong(error) from error
        return await office.accounts.identify(arguments.account, recorded.identity, recorded.proof)

    others = at_office(arguments, Action.IDENTITY_RECORDED, work)
    value = {"account": arguments.account, "passed": recorded.passed, "same_document": others}
    terminal.json(value | {"exit_code": 0})
    terminal.line(f"{arguments.account}  {terminal.said(recorded.method)}  {recorded.provider}")
    if others:
        terminal.note(
            f"下列账户登记了同一证件：{'、'.join(others)}；请核对是否为同一主体。",
            f"The same document belongs to {', '.join(others)}: check that they are one and the "
            "same.",
        )
    return 0


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(SIZE_MAX)
    from pathlib import Path

    return read_limited(Path(source), SIZE_MAX)


def _parse(data: bytes) -> _Recorded:
    try:
        value = json.loads(data)
        _check_fields(value)
        id_type = IdType[value["id_type"]]
        identity = Identity(
            value["name"], id_type, parse_id_no(id_type, value["id_no"]), value.get("contact")
        )
        method = ProofMethod[value["method"]]
    except KeyError as error:
        raise _wrong(f"unknown word {error}") from error
    except (ValueError, Malformed) as error:
        raise _wrong(error) from error
    return _Recorded(
        identity,
        method,
        value["provider"],
        read_time("verified_at", value["verified_at"]),
        value.get("passed", True),
        value.get("reference"),
    )


def _check_fields(value: object) -> None:
    """All that is needed, nothing that is unknown, each of its kind."""
    if not isinstance(value, Mapping):
        raise ValueError("not a JSON object")
    if missing := _NEEDED - value.keys():
        raise ValueError(f"field missing: {min(missing)}")
    if unknown := value.keys() - _NEEDED - _OPTIONAL:
        raise ValueError(f"unknown field: {min(unknown)}")
    if not isinstance(value.get("passed", True), bool):
        raise ValueError("field passed is neither true nor false")
    for name in value.keys() - {"passed"}:
        if not isinstance(value[name], str) or not 0 < len(value[name]) <= TEXT_LENGTH_MAX:
            raise ValueError(f"field {name} is not a text of 1 to {TEXT_LENGTH_MAX} characters")


def _wrong(error: object) -> Failure:
    return Failure(
        f"实名核验资料不符合要求：{error}。未作改动；格式见 docs/operations.md。",
        f"the identity cannot be recorded: {error}. Nothing was changed.",
    )
