"""Arguments that several commands share, and what they are turned into."""

from __future__ import annotations

import argparse
import os
import unicodedata
from pathlib import Path
from typing import NoReturn

from node.cli.failure import Failure
from node.cli.files import read_limited
from node.cli.language import Language, Text, said
from node.evidence.malformed import Malformed
from node.evidence.members import Member, parse_members
from node.evidence.policy import POLICY_SIZE_MAX, parse_policy
from node.evidence.policy_note import TAG as NOTE_TAG
from node.evidence.policy_note import parse_policy_note
from node.evidence.record import GENESIS_TAG, parse_genesis
from node.evidence.steps import Anchor
from node.evidence.succession import POLICIES_SIZE_MAX, Succession, parse_policies
from node.words import Answer

_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_FINGERPRINT_LENGTH = 32
_GENESIS_SIZE_MAX = 4 * POLICY_SIZE_MAX

# What a depositor says once for a shell instead of on every line. Whom to trust is not among it:
# a policy or fingerprint is named where it is relied on.
GATEWAY_VARIABLE = "CUNZHENG_GATEWAY"
API_KEY_VARIABLE = "CUNZHENG_API_KEY_FILE"
KEY_VARIABLE = "CUNZHENG_KEY"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in the words of every other failure."""

    def error(self, message: str) -> NoReturn:
        raise Failure(
            f"命令用法有误：{message}。用法见 {self.prog} --help。",
            f"wrong usage: {message}. See {self.prog} --help.",
        )


def in_chinese(parser: argparse.ArgumentParser) -> None:
    """The words that argparse brings itself, in this parser and all under it."""
    parser._positionals.title, parser._optionals.title = "参数", "选项"
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            action.help = "显示本帮助并退出"
        elif isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                in_chinese(each)


def common(language: Language) -> Parser:
    """`--json` and `--lang`, which every command takes at either end of the line."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument(
        "--json",
        action="store_true",
        help=said(Text("以 JSON 输出，供程序读取", "print JSON, for programs"), language),
    )
    parser.add_argument(
        "--lang",
        choices=("zh", "en"),
        help=said(Text("语言（默认按系统区域设置）", "language (default: the locale)"), language),
    )
    return parser


class _InItsPlace(argparse.Action):
    """What is given replaces the default, and what is given again is added."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        given = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*([] if given is self.default else given), values])


def add_gateway(
    parser: argparse._ActionsContainer, language: Language, *, required: bool = True
) -> None:
    """Which gateways to ask: the next one where one does not answer; None if no one was named."""
    default = usual_gateways()
    parser.add_argument(
        "--gateway",
        action=_InItsPlace,
        required=required and default is None,
        default=default,
        metavar="URL",
        help=said(
            Text(
                f"接入网关的地址（或用环境变量 {GATEWAY_VARIABLE}，以空格分隔）；"
                "可重复给出，前一个不应答即改用下一个",
                f"the address of a gateway (or set {GATEWAY_VARIABLE}, with spaces between); again "
                "for others, which are asked where it does not answer",
            ),
            language,
        ),
    )


def usual_gateways() -> list[str] | None:
    """Those of the environment, if it names any."""
    return os.environ.get(GATEWAY_VARIABLE, "").split() or None


def path_from(variable: str) -> Path | None:
    """The path an environment variable gives, if it is set."""
    text = os.environ.get(variable)
    return Path(text) if text else None


def add_api_key(parser: argparse.ArgumentParser, language: Language) -> None:
    """What the gateway lets its depositor in with."""
    parser.add_argument(
        "--api-key-file",
        type=Path,
        default=path_from(API_KEY_VARIABLE),
        metavar="F",
        help=said(
            Text(
                f"保存网关 API 密钥的文件（或用环境变量 {API_KEY_VARIABLE}）",
                f"the file with your API key for the gateway (or set {API_KEY_VARIABLE})",
            ),
            language,
        ),
    )


def add_trust(parser: argparse.ArgumentParser, language: Language) -> None:
    """What the verifier knows from elsewhere; see `trust`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--policy",
        type=Path,
        metavar="POLICY",
        help=said(
            Text(
                "从别处取得的策略文件（或 genesis.txt），不得取自证明文件",
                "the policy (or genesis.txt), had from elsewhere than the proof",
            ),
            language,
        ),
    )
    group.add_argument(
        "--policy-fingerprint",
        metavar="F",
        help=said(
            Text("法院公布的策略指纹，39 个字符", "its fingerprint, as a court publishes it"),
            language,
        ),
    )


def trust(arguments: argparse.Namespace) -> Anchor | None:
    """The trust anchor given on the command line, if any, and what leads from it to others."""
    path = getattr(arguments, "policies", None)
    succession = None if path is None else read_policies(path)
    if arguments.policy is not None:
        return Anchor(policy_text=read_policy(arguments.policy), succession=succession)
    if arguments.policy_fingerprint is not None:
        text = read_fingerprint(arguments.policy_fingerprint)
        return Anchor(fingerprint=text, succession=succession)
    return None


def add_policies(parser: argparse.ArgumentParser, language: Language) -> None:
    """The policies of the chain in a file, beside what it begins with."""
    parser.add_argument(
        "--policies",
        type=Path,
        metavar="FILE",
        help=said(
            Text(
                "cunzheng policy history 保存的策略文件",
                "the policies of the chain, as `cunzheng policy history` keeps them",
            ),
            language,
        ),
    )


def read_policies(path: Path) -> Succession:
    """All policies of a policies file, each following the one before it."""
    try:
        return parse_policies(read_limited(path, POLICIES_SIZE_MAX))
    except Malformed as error:
        raise Failure(
            f"{path} 不是有效的策略文件（{error}）；请重新取得逐字节的原件。",
            f"{path} is not a valid policies file ({error}); ask for it again, byte for byte.",
        ) from error


def read_policy(path: Path) -> bytes:
    """The policy text of a policy file, a genesis file or a policy change."""
    return read_policy_note(path)[0]


def read_policy_note(path: Path) -> tuple[bytes, tuple[Member, ...]]:
    """The policy text, and its members where the file tells them, as a genesis file does and the
    file of a policy change. Who signed that one does not count: whoever names it vouches for it."""
    data = read_limited(path, _GENESIS_SIZE_MAX)
    try:
        if data.startswith((GENESIS_TAG.encode(), NOTE_TAG.encode())):
            is_genesis = data.startswith(GENESIS_TAG.encode())
            note = parse_genesis(data).note if is_genesis else parse_policy_note(data)
            return note.policy_text, parse_members(note.members_text)
        parse_policy(data)
    except Malformed as error:
        if error.newer:
            raise Failure(
                f"策略 {path} 比本程序更新（{error}）；请使用新版程序。",
                f"the policy {path} is newer than this program ({error}); use a newer one.",
                Answer.COULD_NOT_CHECK,
            ) from error
        raise Failure(
            f"{path} 不是有效的策略（{error}）；请重新索取逐字节的原件。",
            f"{path} is not a valid policy ({error}); ask for it again, byte for byte.",
        ) from error
    return data, ()


def read_fingerprint(text: str) -> str:
    """A fingerprint as people type it: whatever the case, spaces, hyphens and width of letters."""
    letters = unicodedata.normalize("NFKC", text).upper()
    letters = "".join(each for each in letters if not each.isspace() and each not in "-‐‑–—−")
    if len(letters) != _FINGERPRINT_LENGTH or not _BASE32.issuperset(letters):
        raise Failure(
            "策略指纹应为 8 组、每组 4 个字符，由字母 A 至 Z 和数字 2 至 7 组成"
            "（没有 0、1、8、9）；请逐字核对。",
            "a policy fingerprint is 8 groups of 4, of the letters A to Z and the digits 2 to 7 "
            "(never 0, 1, 8 or 9); compare it character by character.",
        )
    return "-".join(letters[at : at + 4] for at in range(0, _FINGERPRINT_LENGTH, 4))
