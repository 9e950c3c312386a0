"""The command line: finds the command, runs it, and turns whatever happens into an exit code.

The exit code is that of the answer (docs/glossary.md, Answers): 0 done or consistent, 10 consistent
with open points, 20 not the deposited bytes, 30 proof not valid, 40 not found, 50 pending, 60
erased, 70 no permission, 80 could not check; 2 for a command that was called wrongly. 130 is
Ctrl-C. 1 is a fault of this program and says nothing about any file.

Only the module of the chosen command is imported: `verify` starts without HTTP, gRPC or FastAPI.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn, Protocol

from node.cli.arguments import Parser, common, in_chinese
from node.cli.failure import Failure, reason
from node.cli.language import Language, Text, choose, said
from node.cli.terminal import Terminal
from node.client.errors import ClientError
from node.errors import BadRequest, Misconfigured, NodeError
from node.evidence.malformed import Malformed
from node.words import Answer, Notice

INTERRUPTED_EXIT_CODE = 130
QUIET_GRPC = ("GRPC_VERBOSITY", "NONE")
"""gRPC logs every broken handshake, without a word of whose; what matters we log ourselves."""
FAULT_EXIT_CODE = 1

COMMANDS = {
    "anchor": Text("存证：在本机计算摘要，取得证明文件", "deposit files: hashed here, proofs back"),
    "prove": Text("取得或导出证明文件", "fetch a proof file, or derive it from a batch file"),
    "export": Text("导出证据包", "make an evidence bundle for a court"),
    "verify": Text("离线核验文件与证明文件", "verify files and their proof files, offline"),
    "audit": Text("审计公布的日志", "follow a published log and check all of it"),
    "archive": Text("归档公布的日志", "mirror the published log as files"),
    "status": Text("查看成员或网关的状态", "how a gateway or a member is doing"),
    "keygen": Text("生成签名密钥", "make a signing key"),
    "policy": Text("策略：指纹、写出、变更", "policies: their fingerprint, the first, a change"),
    "key": Text("登记、更换、撤销签名密钥", "enrol, rotate or revoke a signing key"),
    "admin": Text(
        "管理网关：数据库、账户、名录、检查",
        "administer a gateway: accounts, registries, inspections",
    ),
    "member": Text("运行成员节点", "run a member node"),
    "gateway": Text("运行接入网关", "run a gateway"),
    "witness": Text("运行外部联签服务", "run a witness outside the chain"),
    "timestamp": Text("时间戳：申请、核验、自建服务", "timestamps: request, verify, serve"),
    "init": Text("创建一条链的首批成员", "make the first member of a chain"),
    "join": Text("以新成员身份申请加入", "ask to take part as a new member"),
    "leave": Text("将一家成员移出投票成员", "take a member out of the voters"),
    "recover": Text("多数磁盘丢失后离线恢复", "go on after a majority of disks was lost, offline"),
    "fsck": Text("离线检查成员的全部数据", "check all that a member keeps, offline"),
}


class Command(Protocol):
    """What the module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser, language: Language) -> None:
        """Add the command's arguments."""

    def run(self, arguments: argparse.Namespace, terminal: Terminal) -> int:
        """Do it and return the exit code; raise `Failure` for anything else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no Chinese shows `?`, it does not stop a verification.
            stream.reconfigure(errors="replace")
    os.environ.setdefault(*QUIET_GRPC)  # Before the command imports gRPC.
    language = choose(argv, os.environ)
    options = argv[: argv.index("--")] if "--" in argv else argv
    terminal = Terminal(language, for_programs="--json" in options)
    try:
        return _run(argv, language, terminal)
    except Failure as failure:
        return _stopped(terminal, failure)
    except KeyboardInterrupt:
        terminal.note(
            "已中断；没有留下写到一半的文件。", "Interrupted; no file was left half-written."
        )
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        # The reader of our output has gone; Python must not complain about it while exiting.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT_EXIT_CODE
    except Exception as error:
        return _stopped(terminal, _known(error)) if _is_known(error) else _fault(terminal, error)


def _run(argv: Sequence[str], language: Language, terminal: Terminal) -> int:
    name = next((argument for argument in argv if argument in COMMANDS), None)
    command = None if name is None else _load(name)
    arguments = _parser(language, name, command).parse_args(argv)
    assert command is not None
    return command.run(arguments, terminal)


def _load(name: str) -> Command:
    match name:
        case "anchor":
            from node.cli import anchor

            return anchor
        case "prove":
            from node.cli import prove

            return prove
        case "export":
            from node.cli import export

            return export
        case "verify":
            from node.cli import verify

            return verify
        case "audit":
            from node.cli import audit

            return audit
        case "archive":
            from node.cli import archive

            return archive
        case "status":
            from node.cli import status

            return status
        case "keygen":
            from node.cli import keygen

            return keygen
        case "policy":
            from node.cli import policy

            return policy
        case "key":
            from node.cli import key

            return key
        case "admin":
            from node.cli import admin

            return admin
        case _:
            return _load_for_operators(name)


def _load_for_operators(name: str) -> Command:
    """The commands of whoever runs members, gateways and what stands beside them."""
    match name:
        case "member" | "gateway" | "witness":
            from node.cli import serve

            return serve.COMMANDS[name]
        case "timestamp":
            from node.cli import timestamp

            return timestamp
        case "init":
            from node.cli import init

            return init
        case "join":
            from node.cli import join

            return join
        case "leave":
            from node.cli import leave

            return leave
        case "fsck":
            from node.cli import fsck

            return fsck
        case _:
            from node.cli import recover

            return recover


class _Version(argparse.Action):
    """Looked up only when asked for: a copy that was never installed verifies all the same."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(version("cunzheng"))
        parser.exit()


def _parser(language: Language, chosen: str | None, command: Command | None) -> Parser:
    parser = Parser(
        prog="cunzheng",
        description=said(
            Text(
                "司法存证：存证、取得证明、离线核验。文件内容从不上传。",
                "Judicial notarization: deposit, prove, verify offline. Content is never uploaded.",
            ),
            language,
        ),
        epilog=_exit_codes(language),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=[common(language)],
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        help=said(Text("显示版本并退出", "print the version and exit"), language),
    )
    commands = parser.add_subparsers(
        metavar=said(Text("命令", "COMMAND"), language), required=True, parser_class=Parser
    )
    for name, summary in COMMANDS.items():
        text = said(summary, language)
        each = commands.add_parser(
            name, help=text, description=text, allow_abbrev=False, parents=[common(language)]
        )
        if name == chosen and command is not None:
            command.configure(each, language)
    if language == "zh":
        in_chinese(parser)
    return parser


def _exit_codes(language: Language) -> str:
    lines = [said(Text("退出码：", "exit codes:"), language)]
    lines += [f"  {answer.exit_code:>3}  {said(answer, language)}" for answer in Answer]
    lines.append(
        said(Text("    2  命令用法有误", "    2  the command was called wrongly"), language)
    )
    lines.append("")
    lines.append(said(Notice.NO_LATER_THAN, language))
    return "\n".join(lines)


def _is_known(error: Exception) -> bool:
    return isinstance(error, OSError | Malformed | NodeError | ClientError)


def _known(error: Exception) -> Failure:
    """The errors of the world below the commands, as a person needs them."""
    answer: Answer | None = Answer.COULD_NOT_CHECK
    if isinstance(error, ClientError):
        code = error.problem.code if error.problem is not None else None
        return Failure(error.zh, error.en, error.answer, code or None)
    if isinstance(error, NodeError):
        answer = None if isinstance(error, Misconfigured | BadRequest) else answer
        # What is wrong comes first; what to do about such things is the same each time.
        told = str(error).rstrip(".")
        return Failure(f"{error.told_zh}。{error.zh}", f"{told}. {error.en}", answer)
    if isinstance(error, Malformed):
        answer = answer if error.newer else None
        return Failure(
            f"输入不符合格式：{error}。", f"the input is not well formed: {error}.", answer
        )
    assert isinstance(error, OSError)
    why, name = reason(error), error.filename or ""
    wrong_path = FileNotFoundError | IsADirectoryError | NotADirectoryError | FileExistsError
    answer = None if isinstance(error, wrong_path) else answer
    return Failure(
        f"无法打开 {name}：{why.zh}；请检查路径和权限。",
        f"cannot open {name}: {why.en}; check the path and its permissions.",
        answer,
    )


def _stopped(terminal: Terminal, failure: Failure) -> int:
    error = {"zh": failure.text.zh, "en": failure.text.en, "code": failure.code}
    terminal.json({"error": error, "exit_code": failure.exit_code})
    terminal.note(f"错误：{failure.text.zh}", f"error: {failure.text.en}", "red")
    return failure.exit_code


def _fault(terminal: Terminal, error: Exception) -> int:
    """Ours. The traceback goes where a developer asked for it, not to a judge's screen."""
    if os.environ.get("CUNZHENG_DEBUG"):
        traceback.print_exception(error)
    kind = type(error).__name__
    terminal.note(
        f"程序出错（{kind}），不说明任何文件的情况；请设 CUNZHENG_DEBUG=1 重试，"
        "并将输出报告给开发者。",
        f"this program failed ({kind}), which says nothing about any file; run it again with "
        "CUNZHENG_DEBUG=1 and report what it prints.",
        "red",
    )
    return FAULT_EXIT_CODE
