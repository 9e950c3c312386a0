"""`cunzheng export NUMBER...`: one evidence bundle, made by a gateway, checked and completed here.

A gateway never has the files: the bundle it makes is of the DIGEST profile, and `--with` puts the
originals into it on this machine. Whatever is not whole, not what was asked for, or does not verify
is not kept.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from node.casework.case_number import BadCaseNumber, parse_case_number
from node.cli.arguments import GATEWAY_VARIABLE, add_api_key, add_gateway, add_trust, trust
from node.cli.connecting import connect, read_api_key
from node.cli.failure import Failure
from node.cli.files import PART_SUFFIX, sync_directory
from node.cli.language import Language, Text, said
from node.cli.originals import Originals, add_with, not_the_original, read_originals
from node.cli.terminal import Progressing, Terminal
from node.client.values import WantedBundle
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.steps import Anchor
from node.export.bundle.assembling import NotTheOriginal, completed
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.flaws import Broken
from node.export.bundle.package import open_bag, read_package
from node.export.bundle.trust import Trust
from node.export.bundle.writing import Changed, write_directory, write_zip
from node.words import Answer, ResultCode

PATIENCE_S = 600.0
"""The bundle of a large case takes a minute, and others may wait before it."""
KEY_SIZE = 16
_KEPT = (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS, Answer.ERASED)


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `export`."""

    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add(
        "numbers",
        nargs="*",
        metavar="NUMBER",
        zh="存证编号，按证据目录的次序；省略则为各原件的存证编号",
        en="evidence numbers, in the order of the evidence list; without any, those of the "
        "originals",
    )
    add(
        "--case",
        metavar="CASE_NO",
        zh="该案证据目录上的全部证据，仅限受理法院；写作 （2026）浙0192民初1234号，半角括号亦可",
        en="all exhibits of the case of this number, for its court; brackets of either width",
    )
    add(
        "--bundle",
        type=Path,
        metavar="BUNDLE",
        zh="已有的证据包，代替向网关申请：放入原件，或改写为另一形式",
        en="a bundle in hand in place of a gateway's: to put originals in, or into the other form",
    )
    add_with(parser, language)
    add(
        "--format",
        choices=("zip", "directory"),
        default="zip",
        zh="ZIP 文件（默认）或目录",
        en="a ZIP archive (default) or a directory",
    )
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        zh="写入证据包的目录，不存在时自动建立",
        en="directory to write the bundle to, made if it is not there",
    )
    add_gateway(parser, language, required=False)
    add_api_key(parser, language)
    add_trust(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Write the one bundle asked for."""
    _check(arguments)
    anchor, out = trust(arguments), arguments.out
    try:
        originals = read_originals(arguments.originals, arguments.numbers, terminal)
        out.mkdir(parents=True, exist_ok=True)
        with _in_hand(arguments, originals, terminal) as source:
            numbers = () if arguments.case else (arguments.numbers or tuple(originals.files))
            checked = _checked(source, tuple(numbers), anchor, arguments.bundle)
            path = _write(source, originals, arguments)
    except NotTheOriginal as error:
        raise not_the_original(error, in_hand=arguments.bundle is not None) from error
    except (Changed, Broken) as error:
        what = error.path if isinstance(error, Changed) else error.place
        raise Failure(
            f"{what} 在读取期间发生了变化，未生成证据包；请重试。",
            f"{what} changed while it was read; no bundle was made. Try again.",
            Answer.COULD_NOT_CHECK,
        ) from error
    numbers = [each.number for each in checked.deposits]
    terminal.json({"bundle": str(path), "evidence_nos": numbers, "exit_code": 0})
    terminal.line(str(path))
    full = all(originals.files or each.digests is not None for each in checked.deposits)
    _tell_what_next(terminal, path, full=full)
    return 0


def _tell_what_next(terminal: Terminal, path: Path, *, full: bool) -> None:
    """What whoever holds the bundle does with it; beside the result, which is its path alone."""
    if full:
        terminal.note("内含全部原件（FULL）。", "It holds all originals (FULL).")
    else:
        terminal.note(
            "不含原件（DIGEST）：核验时以 --file 另附文件，"
            "或用 cunzheng export --bundle 和 --with 放入。",
            "It holds no originals (DIGEST): whoever verifies it brings the files (--file), or put "
            "them in with cunzheng export --bundle and --with.",
        )
    terminal.note(
        f"核验：cunzheng verify {path} --anchors DIR，DIR 中的策略指纹和根证书须从别处取得。",
        f"To verify it: cunzheng verify {path} --anchors DIR, with the policy fingerprint and the "
        "roots in DIR, which have to come from elsewhere.",
    )


def _check(arguments: argparse.Namespace) -> None:
    """What was asked for is one thing, and spelled well."""
    named = bool(arguments.numbers or (arguments.originals and not arguments.case))
    if arguments.bundle is None and named == bool(arguments.case):
        raise Failure(
            "请给出存证编号、--with 原件，或 --case 案号。",
            "name evidence numbers, originals (--with), or a case (--case).",
        )
    if arguments.bundle is not None and (arguments.numbers or arguments.case):
        raise Failure(
            "--bundle 所给证据包的内容已定，不能再给出存证编号或 --case。",
            "what a bundle in hand (--bundle) is of is settled: name no numbers and no --case.",
        )
    if arguments.bundle is not None and not arguments.bundle.exists():
        raise Failure(
            f"没有证据包 {arguments.bundle}；请检查路径。",
            f"there is no bundle {arguments.bundle}; check the path.",
        )
    if arguments.bundle is None and arguments.gateway is None:
        raise Failure(
            f"请以 --gateway 给出网关地址，或设置环境变量 {GATEWAY_VARIABLE}。",
            f"name a gateway with --gateway, or set {GATEWAY_VARIABLE}.",
        )
    for number in arguments.numbers:
        _check_number(number)
    if len(set(arguments.numbers)) != len(arguments.numbers):
        raise Failure("同一存证编号给出了两次。", "an evidence number was named twice.")
    if arguments.case is not None:
        try:
            arguments.case = parse_case_number(arguments.case).text
        except BadCaseNumber as error:
            raise Failure(
                f"案号的“{error.element}”有误；应如：（2026）浙0192民初1234号。",
                f"the case number is wrong in its {error.element}; it looks like "
                "（2026）浙0192民初1234号.",
            ) from error


@contextlib.contextmanager
def _in_hand(
    arguments: argparse.Namespace, originals: Originals, terminal: Terminal
) -> Iterator[Path]:
    """The bundle named, or one fetched from a gateway for as long as this lasts."""
    if arguments.bundle is not None:
        yield arguments.bundle
        return
    numbers = tuple(arguments.numbers or originals.files) if not arguments.case else ()
    if numbers:
        _check_complete(originals, numbers)
    wanted = WantedBundle(numbers, arguments.case, originals.openings)
    api_key = read_api_key(arguments.api_key_file, terminal)
    fetched = arguments.out / f".bundle.{secrets.token_hex(8)}{PART_SUFFIX}"
    try:
        with (
            fetched.open("xb") as file,
            connect(arguments.gateway, terminal, api_key) as gateway,
            terminal.progress(of_bytes=False) as bar,
        ):
            key = secrets.token_hex(KEY_SIZE)
            told = _telling(bar, terminal.pick("取得证明", "collecting proofs"))
            gateway.bundle(wanted, file, idempotency_key=key, patience_s=PATIENCE_S, told=told)
        yield fetched
    finally:
        fetched.unlink(missing_ok=True)
        sync_directory(arguments.out)


def _telling(bar: Progressing, label: str) -> Callable[[int, int], None]:
    """Shows how many proofs are collected."""
    shown = 0

    def told(collected: int, deposits: int) -> None:
        nonlocal shown
        if not shown:
            bar.start(label, deposits)
        bar.advance(collected - shown)
        shown = collected

    return told


def _checked(
    source: Path, numbers: tuple[str, ...], anchor: Anchor | None, in_hand: Path | None
) -> CheckedBundle:
    """The bundle, if it is whole, of these deposits (where they are known) and consistent."""
    checked = check_bundle(source, Trust(anchor))
    found = tuple(each.number for each in checked.deposits)
    verdicts = [each.verdict.code for each in checked.deposits]
    believed = all(code.answer in _KEPT or _only_untold(code, anchor) for code in verdicts)
    if checked.package_code is not None or (numbers and found != numbers) or not believed:
        raise _not_believed(in_hand)
    return checked


def _not_believed(in_hand: Path | None) -> Failure:
    """What to do about a bundle that is not whole or does not verify."""
    if in_hand is None:
        return Failure(
            "该证据包未通过核验，未予保留；请重试，或改用其他网关。",
            "the bundle does not verify and was not kept; try again, or another gateway.",
            Answer.PROOF_NOT_VALID,
        )
    return Failure(
        f"{in_hand} 未通过核验，未写入任何内容；原因见 cunzheng verify {in_hand}。",
        f"{in_hand} does not verify, so nothing was written; `cunzheng verify {in_hand}` says why.",
        Answer.PROOF_NOT_VALID,
    )


def _write(source: Path, originals: Originals, arguments: argparse.Namespace) -> Path:
    """The bundle in the form asked for, with the originals in it."""
    write = write_zip if arguments.format == "zip" else write_directory
    with open_bag(source) as bag:
        package = read_package(bag)
        assert package.info is not None, "it was checked"
        _check_complete(originals, package.info.numbers)
        try:
            return write(arguments.out, completed(package, originals.files))
        except FileExistsError as error:
            raise Failure(
                f"{error} 已存在；请移走，或以 --out 另选目录。",
                f"{error} exists; move it away, or choose another directory with --out.",
            ) from error


def _check_complete(originals: Originals, numbers: tuple[str, ...]) -> None:
    """All originals of these deposits, or none."""
    missing = [number for number in numbers if number not in originals.files]
    strange = [number for number in originals.files if number not in numbers]
    if originals.files and missing:
        raise Failure(
            f"证据包须附全部原件或全不附：尚缺 {'、'.join(missing)} 的原件。",
            f"a bundle holds all originals or none: --with is missing for {', '.join(missing)}.",
        )
    if strange:
        raise Failure(
            f"{'、'.join(strange)} 不在此证据包中；请勿附其原件。",
            f"{', '.join(strange)} is not in this bundle: leave its original out.",
        )


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
