"""`cunzheng archive`: a published log as files that any web server can publish.

    archive DIR --gateway URL --policy-fingerprint F          checkpoint, hash tiles, policies
    archive DIR ... --api-key-file K --bodies --encrypt-to R  for auditors also entries and bodies
    archive --new-identity FILE                               what an auditor reads them with
    archive DIR --decrypt OUT --identity FILE                 the whole log, readable

Run again, it fetches what is new. Everything is verified before it is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.archive.encryption import (
    RECIPIENTS_MAX,
    CannotOpen,
    format_recipient,
    load_identity,
    make_identity,
    parse_recipient,
)
from node.archive.files import Files
from node.archive.mirror import Behind, Copies, Mirror, Untrusted
from node.cli.arguments import add_api_key, add_gateway, add_trust, trust
from node.cli.connecting import connect, read_api_key
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.evidence.malformed import Malformed
from node.published.layout import CHECKPOINT
from node.published.reading import Damaged
from node.words import Answer

CHANGING = "contradictions/"
"""A better file may have come under the same name; everything else is written once."""
SECRET = ("tile/entries/", "bodies/")
PATIENCE_S = 30.0
"""For one part: a gateway whose members elect a leader is back within seconds."""


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `archive`."""

    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add("directory", nargs="?", type=Path, metavar="DIR", zh="归档目录", en="the archive")
    add_gateway(parser, language, required=False)
    add("--entries", action="store_true", zh="另存全部记录（加密）", en="also entries, encrypted")
    add(
        "--bodies",
        action="store_true",
        zh="另存全部记录与区块数据（加密）",
        en="also entries and block bodies, encrypted",
    )
    add(
        "--encrypt-to",
        action="append",
        default=[],
        metavar="RECIPIENT",
        zh="审计方的公钥（x25519: 开头），可重复；记录与区块数据只对其加密保存",
        en="an auditor's public key (x25519:...), repeatable: only they can read the copies",
    )
    add(
        "--new-identity",
        type=Path,
        metavar="FILE",
        zh="生成审计方私钥文件，并显示其公钥",
        en="make an auditor's private key file, and print its public key",
    )
    add(
        "--decrypt",
        type=Path,
        metavar="OUT",
        zh="将归档解密到目录 OUT",
        en="write the archive, decrypted, to the directory OUT",
    )
    add("--identity", type=Path, metavar="FILE", zh="审计方私钥文件", en="private key file")
    add_api_key(parser, language)
    add_trust(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make an identity, decrypt, or mirror."""
    if arguments.new_identity is not None:
        return _new_identity(arguments.new_identity, terminal)
    if arguments.directory is None:
        raise Failure("请给出归档目录 DIR。", "name the directory of the archive, DIR.")
    if arguments.decrypt is not None:
        return _decrypt(arguments, terminal)
    return _mirror(arguments, terminal)


def _new_identity(path: Path, terminal: Terminal) -> int:
    try:
        recipient = format_recipient(make_identity(path))
    except FileExistsError as error:
        raise Failure(
            f"{path} 已存在，未作改动；请换一个文件名。",
            f"{path} exists and was left alone; choose another name.",
        ) from error
    terminal.json({"recipient": recipient, "file": str(path), "exit_code": 0})
    terminal.line(recipient, "bold")
    terminal.note(
        f"私钥保存在 {path}，请备份：遗失后以上公钥加密的副本无法再读取。",
        f"The private key is in {path}: keep a copy, without it nothing that is encrypted to the "
        "public key above can be read again.",
    )
    return 0


def _mirror(arguments: argparse.Namespace, terminal: Terminal) -> int:
    if arguments.gateway is None:
        raise Failure("请用 --gateway 给出接入网关的地址。", "name a gateway with --gateway.")
    anchor = trust(arguments)
    if anchor is None:
        raise Failure(
            "请用 --policy 或 --policy-fingerprint 给出从别处取得的策略：不核验的副本没有意义。",
            "name the policy, had from elsewhere, with --policy or --policy-fingerprint: a copy "
            "that nobody verified is worth nothing.",
        )
    copies, files = _copies(arguments), Files(arguments.directory)
    api_key = read_api_key(arguments.api_key_file, terminal) if copies else None
    with (
        connect(arguments.gateway, terminal, api_key) as gateway,
        terminal.progress(of_bytes=False) as bar,
        _explained(),
    ):
        mirror = Mirror(lambda path: gateway.part(path, PATIENCE_S), files, anchor, bar.advance)
        report = mirror.run(
            copies, lambda total: bar.start(terminal.pick("归档", "archiving"), total)
        )
    counts = {
        "size": report.size,
        "policies": report.policies,
        "tiles": report.tiles,
        "bundles": report.bundles,
        "bodies": report.bodies,
        "contradictions": report.contradictions,
    }
    terminal.json({**counts, "directory": str(arguments.directory), "exit_code": 0})
    terminal.line(
        terminal.pick(
            f"已归档至第 {report.size} 条记录，全部核验无误。",
            f"Archived up to {report.size} entries; everything was verified.",
        )
    )
    terminal.line(
        terminal.pick(
            f"新写入：策略 {report.policies}，哈希片 {report.tiles}，记录包 {report.bundles}，"
            f"区块数据 {report.bodies}。",
            f"New: policies {report.policies}, hash tiles {report.tiles}, bundles of entries "
            f"{report.bundles}, block bodies {report.bodies}.",
        )
    )
    if report.contradictions:
        terminal.note(
            f"注意：该链有 {report.contradictions} 份矛盾文件（contradictions/），"
            "请用 cunzheng verify 查看由谁联签。",
            f"Take note: there are {report.contradictions} contradiction files (contradictions/); "
            "cunzheng verify says who signed both sides.",
            "bold red",
        )
    return 0


def _copies(arguments: argparse.Namespace) -> Copies | None:
    """What is kept for auditors; never in the clear."""
    if not (arguments.entries or arguments.bodies):
        if arguments.encrypt_to:
            raise Failure(
                "--encrypt-to 须与 --entries 或 --bodies 同时使用：公开部分不加密。",
                "--encrypt-to goes with --entries or --bodies: the public part is not encrypted.",
            )
        return None
    if not 0 < len(arguments.encrypt_to) <= RECIPIENTS_MAX:
        raise Failure(
            "记录与区块数据涉及全部存证方，只能加密保存："
            f"请用 --encrypt-to 给出 1 至 {RECIPIENTS_MAX} 个审计方公钥"
            "（以 --new-identity 生成）。",
            "entries and bodies hold what all depositors signed and are kept encrypted only: name "
            f"1 to {RECIPIENTS_MAX} auditors' public keys with --encrypt-to (made by "
            "--new-identity).",
        )
    try:
        recipients = tuple(parse_recipient(text) for text in arguments.encrypt_to)
    except Malformed as error:
        raise Failure(
            "--encrypt-to 应为以 x25519: 开头的公钥。",
            "--encrypt-to takes a public key that begins with x25519:.",
        ) from error
    return Copies(recipients, arguments.bodies)


@contextmanager
def _explained() -> Iterator[None]:
    """What the mirror says, as a person needs it."""
    try:
        yield
    except Damaged as error:
        raise Failure(
            f"所公布的内容未通过核验，未写入：{error.path}（{error.why}）。请换一个网关重试；"
            "如各处相同，请连同本信息告知各成员与法院。若与此处已有的不符，cunzheng audit --state "
            "可写出由谁对两者均联签。",
            f"what is published does not verify and was not written: {error.path} ({error.why}). "
            "Try another gateway; if they all agree, tell the members and the court. Where it "
            "contradicts what is here, `cunzheng audit --state` of both names who signed both.",
            Answer.PROOF_NOT_VALID,
        ) from error
    except Untrusted as error:
        raise Failure(
            "该链的策略中没有您给出的策略，未写入；请核对策略指纹和网关地址。",
            "the policy you named is none of this chain's; nothing was written. Compare the "
            "fingerprint, and the gateway's address.",
            Answer.PROOF_NOT_VALID,
        ) from error
    except Behind as error:
        raise Failure(
            "网关公布的检查点比归档或其策略旧，未作改动；请稍后重试或换一个网关。",
            "the gateway shows an older checkpoint than the archive has, or than its policies are; "
            "nothing was changed. Try again later, or another gateway.",
            Answer.COULD_NOT_CHECK,
        ) from error


def _decrypt(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Write the whole log in the clear, for its owner only; what is there is left alone."""
    if arguments.identity is None:
        raise Failure("请用 --identity 给出审计方私钥文件。", "name a private key with --identity.")
    files = Files(arguments.directory, load_identity(arguments.identity))
    note = files.read(CHECKPOINT)
    if note is None:
        raise Failure(
            f"{arguments.directory} 不是归档目录：没有检查点。",
            f"{arguments.directory} is no archive: it has no checkpoint.",
        )
    arguments.decrypt.mkdir(mode=0o700, exist_ok=True)
    out, paths, written = Files(arguments.decrypt), list(files.paths()), 0
    with terminal.progress(of_bytes=False) as bar:
        bar.start(terminal.pick("解密", "decrypting"), len(paths))
        for path in paths:
            if path.startswith(CHANGING) or not out.has(path):
                out.write(path, _opened(files, path))
                written += 1
            bar.advance(1)
    out.write(CHECKPOINT, note)
    terminal.json({"files": written, "directory": str(arguments.decrypt), "exit_code": 0})
    terminal.line(
        terminal.pick(
            f"新写入或更新 {written} 个文件。", f"Written or brought up to date: {written}."
        )
    )
    if any(path.startswith(SECRET) for path in paths):
        terminal.note(
            f"{arguments.decrypt} 含全部存证方的记录，请妥善保管。",
            f"{arguments.decrypt} holds what all depositors signed: keep it safe.",
        )
    else:
        terminal.note(
            "归档中没有记录和区块数据，只有公开部分；请先以 --entries 或 --bodies 归档。",
            "The archive has no entries and no bodies, this is its public part only; mirror with "
            "--entries or --bodies first.",
            "yellow",
        )
    return 0


def _opened(files: Files, path: str) -> bytes:
    try:
        data = files.read(path)
    except CannotOpen as error:
        raise Failure(
            f"无法解密 {path}：不是为此私钥加密的，或已被改动。",
            f"{error}: it was not encrypted to this key, or it was changed.",
            Answer.COULD_NOT_CHECK,
        ) from error
    assert data is not None, "it was listed"
    return data
