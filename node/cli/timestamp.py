"""`cunzheng timestamp serve`: our own RFC 3161 service, for devnets.
`cunzheng timestamp request`: have a file stamped by any authority; `.tsq` and `.tsr` beside it.
`cunzheng timestamp verify`: what a timestamp of a file is worth, with roots from elsewhere.

`openssl ts -verify -data FILE -in FILE.tsr -CAfile ROOTS` checks the same as `verify`.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from node.cli.arguments import common
from node.cli.failure import Failure
from node.cli.files import read_limited, write_whole
from node.cli.language import Language, Text, said
from node.cli.serve import COMMANDS as SERVING
from node.cli.terminal import Terminal
from node.court_settings import IMPRINTS
from node.evidence.number import beijing_time
from node.export.signing.algorithms import SHA256, SM3
from node.export.signing.certificate import PEM_SIZE_MAX
from node.export.signing.chain import Anchors, read_anchors
from node.export.timestamps.response import RESPONSE_SIZE_MAX
from node.export.timestamps.verifying import BadTimestamp, Stamped, verify_response
from node.words import Answer, OpenPoint, ResultCode

FILE_SIZE_MAX = 64 << 20
"""A checkpoint has a few lines; larger files are stamped by their deposit."""
NONCE_BITS = 64

_FILE = Text("被加盖时间戳的文件", "the file that is stamped")
_ROOTS = Text(
    "另行取得的根证书（PEM），可多次给出；可含证书撤销列表",
    "roots from elsewhere (PEM), may be given again; revocation lists too",
)
_POLICY = Text("要求的时间戳策略（对象标识符）", "the policy it must be under (an OID)")


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `timestamp`."""
    actions = parser.add_subparsers(metavar="serve|request|verify", required=True)

    def add(name: str, summary: Text) -> argparse.ArgumentParser:
        text = said(summary, language)
        return actions.add_parser(
            name, help=text, description=text, allow_abbrev=False, parents=[common(language)]
        )

    serve = add(
        "serve",
        Text(
            "运行自建的 RFC 3161 时间戳服务（非独立第三方，用于演示网络）",
            "run an RFC 3161 service of our own (no independent third party; for devnets)",
        ),
    )
    SERVING["timestamp"].configure(serve, language)
    serve.set_defaults(call=SERVING["timestamp"].run)
    _configure_request(add, language)
    verify = add("verify", Text("核验文件的时间戳", "what a timestamp of a file is worth"))
    verify.add_argument("file", type=Path, metavar="FILE", help=said(_FILE, language))
    verify.add_argument(
        "--response",
        type=Path,
        metavar="FILE.tsr",
        help=said(Text("时间戳响应；默认在文件旁边", "the response; beside the file"), language),
    )
    _add_trust(verify, language)
    verify.set_defaults(call=_verify)


def _configure_request(
    add: Callable[[str, Text], argparse.ArgumentParser], language: Language
) -> None:
    request = add(
        "request",
        Text(
            "向时间戳服务机构申请时间戳；只发送摘要",
            "have a file stamped by an authority; only its digest is sent",
        ),
    )
    request.add_argument("file", type=Path, metavar="FILE", help=said(_FILE, language))
    request.add_argument(
        "--url",
        required=True,
        metavar="URL",
        help=said(Text("时间戳服务的地址", "where the authority is asked"), language),
    )
    request.add_argument(
        "--imprint",
        choices=IMPRINTS,
        default=IMPRINTS[0],
        help=said(Text("摘要算法", "the digest that is stamped"), language),
    )
    _add_trust(request, language)
    request.set_defaults(call=_request)


def _add_trust(parser: argparse.ArgumentParser, language: Language) -> None:
    parser.add_argument(
        "--roots",
        type=Path,
        metavar="ROOTS.pem",
        action="append",
        required=True,
        help=said(_ROOTS, language),
    )
    parser.add_argument("--policy", metavar="OID", help=said(_POLICY, language))


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One of the three."""
    code: int = arguments.call(arguments, terminal)
    return code


def _request(arguments: argparse.Namespace, terminal: Terminal) -> int:
    body = read_limited(arguments.file, FILE_SIZE_MAX)
    anchors = _anchors(arguments.roots)
    # Imported here: whoever verifies needs no HTTP.
    import httpx

    from node.export.timestamps.client import Asked, NotStamped, Obtained, obtain

    algorithm = {"sha256": SHA256, "sm3": SM3}[arguments.imprint]
    authority = Asked(arguments.url, arguments.url, anchors, algorithm, arguments.policy)

    async def ask() -> Obtained:
        async with httpx.AsyncClient() as http:
            now_ms = time.time_ns() // 1_000_000
            return await obtain(http, authority, body, secrets.randbits(NONCE_BITS), now_ms)

    try:
        found = asyncio.run(ask())
    except NotStamped as error:
        raise Failure(
            f"未取得时间戳：{error}。", f"no timestamp: {error}.", Answer.COULD_NOT_CHECK
        ) from error
    for suffix, data in ((".tsq", found.request), (".tsr", found.response)):
        write_whole(_beside(arguments.file, suffix), data, replace=False)
    return _tell(terminal, found.stamped)


def _verify(arguments: argparse.Namespace, terminal: Terminal) -> int:
    body = read_limited(arguments.file, FILE_SIZE_MAX)
    path = arguments.response or _beside(arguments.file, ".tsr")
    response = read_limited(path, RESPONSE_SIZE_MAX)
    anchors = _anchors(arguments.roots)
    try:
        found = verify_response(response, body, anchors, int(time.time()), policy=arguments.policy)
    except BadTimestamp as error:
        code = ResultCode.V401
        zh, en = f"{code.zh}：{error}。", f"{code.en}: {error}."
        raise Failure(zh, en, code.answer, code.name) from error
    return _tell(terminal, found)


def _tell(terminal: Terminal, found: Stamped) -> int:
    notes = [*([OpenPoint.O03] if found.is_own else []), *found.notes]
    answer = Answer.CONSISTENT_OPEN_POINTS if notes else Answer.CONSISTENT
    time_text = beijing_time(found.time_ms).isoformat(timespec="milliseconds")
    terminal.json(
        {
            "time_ms": found.time_ms,
            "accuracy_ms": found.info.accuracy_ms,
            "authority": found.authority.subject_text,
            "root_sha256": found.path.root.digest.hex(),
            "policy": found.info.policy,
            "serial": f"{found.info.serial:x}",
            "independent": not found.is_own,
            "notes": [{"zh": each.zh, "en": each.en} for each in notes],
            "exit_code": answer.exit_code,
        }
    )
    terminal.line(terminal.said(answer), "bold")
    rows = [
        (terminal.pick("时间", "time"), time_text),
        (terminal.pick("机构", "authority"), found.authority.subject_text),
        (terminal.pick("根证书", "root"), found.path.root.subject_text),
        ("SHA-256", found.path.root.digest.hex()),
    ]
    terminal.columns(rows)
    for note in notes:
        terminal.line(f"  {terminal.said(note)}", "yellow")
    return answer.exit_code


def _anchors(paths: list[Path]) -> Anchors:
    return read_anchors(read_limited(each, PEM_SIZE_MAX) for each in paths)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)
