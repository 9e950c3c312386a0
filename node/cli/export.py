"""`cunzheng export NUMBER...`: evidence bundles, made by a gateway, and checked here.

A gateway never has the files, so these bundles are of the DIGEST profile: hand the files over
beside them, and verify both with `cunzheng verify EVB_....zip --file F`.
"""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from node.cli.arguments import add_api_key, add_gateway, add_trust, trust
from node.cli.connecting import connect, read_api_key
from node.cli.failure import Failure
from node.cli.files import write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.client.gateway import Gateway
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.bundle.trust import Trust
from node.words import Answer, ResultCode

PATIENCE_S = 120.0
"""A bundle takes seconds, and others may wait before it."""
KEY_SIZE = 16
_KEPT = (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS, Answer.ERASED)


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `export`."""

    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add("numbers", nargs="+", metavar="NUMBER", zh="存证编号", en="evidence numbers")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        zh="写入证据包（ZIP）的目录，不存在时自动建立",
        en="directory to write the bundles (ZIP) to, made if it is not there",
    )
    add_gateway(parser, language)
    add_api_key(parser, language)
    add_trust(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Fetch a bundle of every number."""
    for number in arguments.numbers:
        _check_number(number)
    anchor = trust(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    api_key = read_api_key(arguments.api_key_file, terminal)
    with connect(arguments.gateway, terminal, api_key) as gateway:
        written = [_export(gateway, each, arguments.out, anchor) for each in arguments.numbers]
    found = zip(arguments.numbers, written, strict=True)
    told = [{"evidence_no": number, "bundle": str(path)} for number, path in found]
    terminal.json({"bundles": told, "exit_code": 0})
    for path in written:
        terminal.line(str(path))
    return 0


def _export(gateway: Gateway, number: str, out: Path, anchor: Anchor | None) -> Path:
    """What is not whole, or not what was asked for, is taken away again."""
    name, archive = gateway.bundle(number, secrets.token_hex(KEY_SIZE), PATIENCE_S)
    if not layout.is_bag_name(name):
        raise _wrong(number)
    path = out / f"{name}.zip"
    write_whole(path, archive, replace=False)
    checked = check_bundle(path, Trust(anchor))
    verdicts = {each.number: each.verdict.code for each in checked.deposits}
    is_whole = checked.package_code is None and verdicts.keys() == {number}
    code = verdicts.get(number)
    believed = code is not None and (code.answer in _KEPT or _only_untold(code, anchor))
    if not is_whole or not believed:
        path.unlink()
        raise _wrong(number)
    return path


def _only_untold(code: ResultCode, anchor: Anchor | None) -> bool:
    """Nobody has said which policy to trust: that is for whoever verifies the bundle."""
    return anchor is None and code is ResultCode.V204


def _check_number(number: str) -> None:
    try:
        parse_number(number)
    except Malformed as error:
        raise Failure(
            f"{number} 不是有效的存证编号（末两位为校验码）；请逐字核对。",
            f"{number} is not a valid evidence number (its last two digits are a check); "
            "compare it character by character.",
        ) from error


def _wrong(number: str) -> Failure:
    return Failure(
        f"网关给出的 {number} 的证据包未通过核验，未予保留；请重试，或改用其他网关。",
        f"the bundle of {number} that the gateway gave does not verify and was not kept; try "
        "again, or another gateway.",
        Answer.PROOF_NOT_VALID,
    )
