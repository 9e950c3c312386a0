"""The arguments of `cunzheng anchor`, and what they mean for the statement."""

from __future__ import annotations

import argparse
from pathlib import Path

from node.cli.arguments import KEY_VARIABLE, add_api_key, add_gateway, add_trust, path_from
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.client.preparing import Terms
from node.evidence.digests import ALGS
from node.evidence.item import ALG_SETS
from node.evidence.malformed import Malformed
from node.evidence.spelling import check_hex
from node.evidence.statement import CATEGORIES
from node.words import Category

PATIENCE_S = 60.0
"""How long a deposit may take by default: a fail-over takes a second, a restart some more."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `anchor`."""
    _configure_input(parser, language)
    _configure_terms(parser, language)
    add_gateway(parser, language)
    add_api_key(parser, language)
    add_trust(parser, language)
    parser.add_argument(
        "--idempotency-key",
        metavar="K",
        help=said(
            Text(
                "重试时使用的请求名（默认取自存证单编号，通常无须给出）",
                "names the request for retries (default: the statement's id, which is enough)",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="S",
        help=said(Text("最长等待秒数", "how many seconds to wait at most"), language)
        + f" ({PATIENCE_S:.0f})",
    )


def _configure_input(parser: argparse.ArgumentParser, language: Language) -> None:
    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add("files", nargs="*", type=Path, metavar="FILE", zh="文件或目录", en="files or directories")
    add(
        "--resume",
        type=Path,
        nargs="+",
        metavar="BATCHFILE",
        zh="继续已中断的存证，发送完全相同的字节",
        en="go on with a deposit that was interrupted, sending the same bytes",
    )
    add(
        "--batch-dir",
        type=Path,
        metavar="DIR",
        zh="批次文件存放的目录（默认为第一个文件所在目录）",
        en="where the batch file is kept (default: with the first file)",
    )
    add(
        "--skip",
        action="store_true",
        zh="略过空文件和无法读取的文件，而不是全部停止",
        en="leave out files that are empty or cannot be read, instead of stopping",
    )
    add(
        "--force",
        action="store_true",
        zh="覆盖已有的证明文件",
        en="overwrite proof files that are there already",
    )


def _configure_terms(parser: argparse.ArgumentParser, language: Language) -> None:
    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    categories = "; ".join(f"{each.name} {said(each, language)}" for each in Category)
    add(
        "--key",
        type=Path,
        default=path_from(KEY_VARIABLE),
        metavar="KEYFILE",
        zh=f"存证主体的私钥文件（或用环境变量 {KEY_VARIABLE}）",
        en=f"your signing key (or set {KEY_VARIABLE})",
    )
    add(
        "--category",
        choices=CATEGORIES,
        default="A14_0",
        metavar="C",
        zh=f"证据类别（由您申报）：{categories}",
        en=f"evidence category, as you declare it: {categories}",
    )
    add(
        "--profile",
        metavar="DIGEST",
        zh="已登记的来源档案的摘要；申报了类别的存证须给出（POST /v1/source-profiles）",
        en="digest of a registered source profile; a deposit of a declared category names one "
        "(POST /v1/source-profiles)",
    )
    add(
        "--name",
        zh="写入附属信息的文件名（仅一个文件时）",
        en="file name to write into the details instead of its own (one file only)",
    )
    add(
        "--detail",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        zh="附属信息，加盐且不上链，可多次给出",
        en="something about the files, salted and kept off the chain; may be repeated",
    )
    add(
        "--alg",
        choices=ALG_SETS,
        zh="摘要算法（默认 sha256+sm3；公开摘要默认 sha256）",
        en="digests to take (default sha256+sm3; plain: sha256)",
    )
    add(
        "--plain",
        action="store_true",
        zh="以公开摘要存证：任何持有文件者均可检索",
        en="deposit the plain digest: whoever has the file can find it",
    )
    add(
        "--declare-not-personal",
        action="store_true",
        zh="公开摘要确认：内容不含个人信息且不可猜测（--plain 必须）",
        en="plain-digest declaration: the content is neither personal nor guessable (for --plain)",
    )


def check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before anything is read."""
    if (arguments.resume is None) == (not arguments.files):
        raise Failure(
            "请给出要存证的文件，或用 --resume 给出批次文件，二者取其一。",
            "name the files to deposit, or a batch file with --resume: one of the two.",
        )
    if arguments.resume is None and arguments.key is None:
        raise Failure(
            "请用 --key 给出签名密钥；没有密钥请先用 cunzheng keygen 生成并登记。",
            "name your signing key with --key; make one with cunzheng keygen and have it enrolled.",
        )
    if arguments.plain and not arguments.declare_not_personal:
        raise Failure(
            "公开摘要可被任何持有文件者检索，也可能被猜出内容。请确认内容不含个人信息且不可猜测后"
            "加 --declare-not-personal；否则不要使用 --plain。",
            "anyone who holds or guesses the content can find a plain digest. Declare that it is "
            "neither personal nor guessable with --declare-not-personal, or leave out --plain.",
        )
    if arguments.plain and arguments.alg not in (None, *ALGS):
        raise Failure(
            "公开摘要只能是一个摘要；请选择 --alg sha256 或 --alg sm3。",
            "a plain deposit is one digest; choose --alg sha256 or --alg sm3.",
        )
    if arguments.plain and (arguments.detail or arguments.name):
        raise Failure(
            "公开摘要不带附属信息；请去掉 --detail 和 --name。",
            "a plain deposit has no details; leave out --detail and --name.",
        )


def terms_of(arguments: argparse.Namespace, origin: str) -> Terms:
    """What the statement is to say."""
    return Terms(
        origin=origin,
        mode="digest" if arguments.plain else "commitment",
        alg=arguments.alg or ("sha256" if arguments.plain else "sha256+sm3"),
        category=arguments.category,
        details=dict(_detail(text) for text in arguments.detail),
        name=arguments.name,
        profile=None if arguments.profile is None else _digest(arguments.profile),
    )


def _digest(text: str) -> bytes:
    try:
        return check_hex(text, "--profile")
    except Malformed as error:
        raise Failure(
            f"--profile {text} 应为 64 位小写十六进制。",
            f"--profile {text} is not 64 lower-case hex digits.",
        ) from error


def _detail(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Failure(f"--detail {text} 应为 键=值。", f"--detail {text} is not KEY=VALUE.")
    return key, value
