"""`cunzheng audit SOURCE --state DIR`: follow a published log and believe nothing of it.

SOURCE is a gateway's address, that of a web server with an archive, or a directory. What is found
to be right is remembered in DIR, and the next visit goes on from there. The exit code is 0 if
everything is as it must be, 30 if something is not (the first such thing is named), 80 if the log
could not be read.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.arguments import add_api_key, add_trust, trust
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer

if TYPE_CHECKING:
    from node.audit.visit import Report
    from node.audit.walk import Different
    from node.published.reading import Fetch

PATIENCE_S = 30.0
"""For one part: a gateway whose members elect a leader is back within seconds."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `audit`."""

    def add(name: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(name, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add(
        "source",
        "网关或归档网站的地址，或归档目录",
        "the address of a gateway or of an archive, or the directory of an archive",
        metavar="SOURCE",
    )
    add(
        "--state",
        "保存历次审计结果的目录（首次自动建立）",
        "the directory that remembers earlier visits; made by the first",
        type=Path,
        required=True,
        metavar="DIR",
    )
    add(
        "--entries",
        "逐条核对全部记录（网关须用审计方的 API 密钥）",
        "check every entry (of a gateway, with an auditor's API key)",
        action="store_true",
    )
    add(
        "--signatures",
        "另核验每份存证单与接收凭证的签名",
        "entries, and the signatures of depositors and gateways",
        action="store_true",
    )
    add(
        "--bodies",
        "另以各区块的原始数据重新计算全部记录",
        "entries, made again from the bodies of their blocks, signatures included",
        action="store_true",
    )
    add(
        "--identity",
        "审计方私钥文件，用于加密的归档",
        "private key file, for an archive's encrypted part",
        type=Path,
        metavar="FILE",
    )
    add_api_key(parser, language)
    add_trust(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One visit."""
    from node.audit.memory import Memory
    from node.audit.visit import Wanted, visit
    from node.audit.walk import Different

    anchor = trust(arguments)
    if anchor is None:
        raise Failure(
            "请用 --policy 或 --policy-fingerprint 给出从别处取得的本链策略。",
            "name the policy, had from elsewhere, with --policy or --policy-fingerprint.",
        )
    with _source(arguments, terminal) as fetch, terminal.progress(of_bytes=False) as bar:
        started = False

        def progress(total: int, more: int) -> None:
            nonlocal started
            if not started:
                bar.start(terminal.pick("记录", "entries"), total)
                started = True
            bar.advance(more)

        memory = Memory(arguments.state)
        try:
            report = visit(fetch, anchor, memory, Wanted(_depth(arguments), progress))
        except Different as error:
            return _tell_difference(terminal, error)
        finally:
            memory.close()
    terminal.json(_for_programs(report))
    _show(terminal, report)
    return 0


def _depth(arguments: argparse.Namespace) -> str | None:
    chosen = [name for name in ("bodies", "signatures", "entries") if getattr(arguments, name)]
    return chosen[0] if chosen else None


@contextmanager
def _source(arguments: argparse.Namespace, terminal: Terminal) -> Iterator[Fetch]:
    if arguments.source.startswith(("https://", "http://")):
        from node.cli.connecting import connect, read_api_key

        secret = _depth(arguments) is not None
        api_key = read_api_key(arguments.api_key_file, terminal) if secret else None
        with connect(arguments.source, terminal, api_key) as gateway, _opening():
            yield _opened(lambda path: gateway.part(path, PATIENCE_S), arguments.identity)
        return
    from node.archive.files import Files

    directory = Path(arguments.source)
    if not directory.is_dir():
        raise Failure(
            f"{directory} 既不是地址，也不是目录。", f"{directory} is no address and no directory."
        )
    with _opening():
        yield _opened(Files(directory).read, arguments.identity)


def _opened(fetch: Fetch, identity: Path | None) -> Fetch:
    """With an identity, what an archive has only encrypted is read as if it were not."""
    if identity is None:
        return fetch
    from node.archive.encryption import decrypt, load_identity
    from node.archive.files import encrypted

    key = load_identity(identity)

    def read(path: str) -> bytes | None:
        data = fetch(path)
        if data is None and (sealed := fetch(encrypted(path))) is not None:
            data = decrypt(path, sealed, key)
        return data

    return read


@contextmanager
def _opening() -> Iterator[None]:
    from node.archive.encryption import CannotOpen

    try:
        yield
    except CannotOpen as error:
        raise Failure(
            f"无法解密：{error}。", f"it does not open: {error}.", Answer.COULD_NOT_CHECK
        ) from error


def _for_programs(report: Report) -> dict[str, object]:
    return {
        "origin": report.sealed.checkpoint.origin,
        "size": report.size,
        "size_before": report.size_before,
        "root": report.root.hex(),
        "height": report.height,
        "depth": report.depth or "tree",
        "entries": report.entries,
        "statements": report.statements,
        "policy_serial": report.serial,
        "sealed_by": [seal.member for seal in report.sealed.seals],
        "quorum": report.quorum,
        "seconds": round(report.seconds, 3),
        "difference": None,
        "exit_code": 0,
    }


def _show(terminal: Terminal, report: Report) -> None:
    checkpoint = report.sealed.checkpoint
    names = ", ".join(seal.member for seal in report.sealed.seals)
    more = report.size - report.size_before
    terminal.line(terminal.pick("全部一致", "everything is as it must be"), "bold green")
    terminal.line(
        terminal.pick(
            f"{checkpoint.origin}：{report.size} 条记录，比上次多 {more} 条，由 {names} 联签"
            f"（至少 {report.quorum} 家）",
            f"{checkpoint.origin}: {report.size} entries, {more} more than at the last visit, "
            f"sealed by {names} ({report.quorum} are needed)",
        )
    )
    terminal.line(f"root {report.root.hex()}")
    checked = {
        None: terminal.pick("未核对各条记录的内容", "what the entries say was not looked at"),
        "entries": terminal.pick(
            "各条记录已核对；未核验签名，未重新计算",
            "entries were checked; signatures were not verified, nor bodies applied",
        ),
        "signatures": terminal.pick(
            "各条记录与签名已核验；未重新计算",
            "entries were checked and their signatures verified; bodies were not applied",
        ),
        "bodies": terminal.pick(
            "全部记录已由原始数据重新计算", "all entries were made again from the bodies"
        ),
    }[report.depth]
    terminal.line(
        terminal.pick(
            f"{checked}；用时 {report.seconds:.1f} 秒", f"{checked}; {report.seconds:.1f} s"
        )
    )


def _tell_difference(terminal: Terminal, error: Different) -> int:
    from node.audit.visit import OtherChain, TwoHistories

    exit_code = Answer.PROOF_NOT_VALID.exit_code
    value = {"what": error.what, "leaf": error.leaf, "height": error.height}
    file = error.file if isinstance(error, TwoHistories) else None
    terminal.json(
        {
            "difference": value,
            "contradiction": None if file is None else str(file),
            "exit_code": exit_code,
        }
    )
    what = str(error)
    if isinstance(error, OtherChain):
        what = terminal.pick("所公布的策略中没有您给出的策略", what)
    elif isinstance(error, TwoHistories):
        names = "、".join(error.both) or "无一家"
        what = terminal.pick(f"前 {error.size} 条记录与上次不同；{names} 对两者均联签", what)
    terminal.line(terminal.pick("发现不一致：", "Not as it must be: ") + what, "bold red")
    if isinstance(error, OtherChain):
        terminal.note(
            "请先逐字核对策略指纹和来源地址；确认无误时，请保留该来源的副本，并告知各成员与法院。",
            "Compare the fingerprint character by character, and the address. If both are right, "
            "keep a copy of the source, and tell the members and the court.",
        )
        return exit_code
    if file is not None:
        terminal.note(
            f"两段历史已写入 {file}，任何人可用以下命令核验："
            f"cunzheng verify {file} --policy-fingerprint F",
            f"Both histories are written down in {file}: whoever has the policy can check it by "
            f"cunzheng verify {file} --policy-fingerprint F.",
        )
    terminal.note(
        "请保留 --state 目录和该来源的副本，并告知各成员与法院。",
        "Keep the directory of --state and a copy of the source, and tell the members and the "
        "court.",
    )
    return exit_code
