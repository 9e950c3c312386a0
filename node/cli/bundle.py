"""`cunzheng verify BUNDLE`: an evidence bundle, directory or ZIP, offline (docs/bundle-format.md).

The package has its result, and each deposit its own; the exit code is that of the gravest. Files
are brought along with `--file`: for a bundle without originals, or to compare the one in hand.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from node.cli.anchors import read_trust
from node.cli.failure import Failure
from node.cli.files import proof_path
from node.cli.language import Language, Text, said
from node.cli.recording import given_file, write_record
from node.cli.result import Given, print_findings, print_list, print_verdict
from node.cli.terminal import Terminal
from node.client.errors import Unusable
from node.client.hashing import hash_file
from node.evidence.doubts import Doubts
from node.evidence.steps import FileDigests
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, CheckedDeposit, check_bundle
from node.export.bundle.flaws import Broken
from node.export.bundle.package import listed_numbers, open_bag
from node.export.certificate.record import Given as Compared
from node.export.certificate.record import Verified, verified, verified_package
from node.export.vouching import vouching

_NAME = re.compile(r"EVB_.*\.zip", re.IGNORECASE)
_BEGINS = b"PK\x03\x04"
_TOP = b"EVB_"
_ONLY_OURS = (layout.MANIFEST_SM3, layout.TAG_MANIFEST)
_NAME_AT = 30
"""Where in an archive the name of its first entry stands."""


def add_file(parser: argparse.ArgumentParser, language: Language) -> None:
    """Files brought along to a bundle."""
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="[NO=]F",
        help=said(
            Text(
                "与证据包比对的文件；证据包内有多份存证时写作 存证编号=文件，可多次给出",
                "a file to compare with a bundle; where the bundle has several deposits as"
                " NUMBER=FILE; may be given several times",
            ),
            language,
        ),
    )


def bundle_at(path: Path) -> Path | None:
    """Where the evidence bundle named lies; None if it is a deposited file or a folder of them.

    Whoever unpacks an archive often has its folder inside another of the same name.
    """
    if path.is_dir():
        inside = [each for each in path.iterdir() if not each.is_symlink()]
        places = [path, *inside] if len(inside) == 1 else [path]
        return next((each for each in places if _is_bag(each)), None)
    if not path.is_file() or proof_path(path).exists():
        return None
    with path.open("rb") as file:
        start = file.read(_NAME_AT + len(_TOP))
    begins = start.startswith(_BEGINS) and start[_NAME_AT:] == _TOP
    return path if begins or _NAME.fullmatch(path.name) else None


def _is_bag(path: Path) -> bool:
    """Whether this is a directory with something of a bundle in it, or with a bundle's name: what
    is missing or no file is for its verification to tell."""
    there = any(os.path.lexists(path / each) for each in (layout.BAGIT, *_ONLY_OURS))
    return path.is_dir() and (there or layout.is_bag_name(path.name))


def verify_bundle(
    arguments: argparse.Namespace, doubts: Doubts, terminal: Terminal
) -> CheckedBundle:
    """Verify the one bundle named, and tell the result."""
    if len(arguments.files) != 1 or arguments.proof is not None or arguments.explain is not None:
        raise Failure(
            "证据包须单独核验，不与其他文件、--proof 或 --explain 并用"
            "（证据包的 03、04 目录已含各步骤所用的字节）。",
            "a bundle is verified alone, without other files, --proof or --explain (its folders "
            "03 and 04 have the bytes of every step).",
        )
    path = bundle_at(*arguments.files)
    assert path is not None, "who calls this has found a bundle"
    trust, files = read_trust(arguments), _files(arguments.file, path)
    verifiers = vouching(int(time.time()))
    checked = check_bundle(path, trust, files=files, verifiers=verifiers, doubts=doubts)
    exit_code = checked.code.answer.exit_code
    terminal.json({"path": str(path), **checked.to_json(), "exit_code": exit_code})
    _print(terminal, path, checked, files.keys())
    if arguments.record is not None:
        write_record(_recorded(path, checked), trust, arguments, terminal)
    return checked


def _recorded(path: Path, checked: CheckedBundle) -> list[Verified]:
    """The package, then its deposits: each with its own result."""
    what, listed = "证据包 bundle", path
    if path.is_dir():
        what, listed = f"证据包（{layout.TAG_MANIFEST}）bundle", path / layout.TAG_MANIFEST
    package = replace(given_file(path, hash_file(listed).digests), what=what)
    return [
        verified_package(checked.package_code, checked.findings, (package,)),
        *(verified(each.verdict, tuple(_compared(each))) for each in checked.deposits),
    ]


def _compared(deposit: CheckedDeposit) -> Iterator[Compared]:
    if deposit.digests is not None:
        yield given_file(Path(deposit.number), deposit.digests)


def _files(arguments: list[str], bundle: Path) -> dict[str, FileDigests]:
    """The files brought along by evidence number; one without a number is of the only deposit."""
    found: dict[str, FileDigests] = {}
    numbers = _numbers(bundle) if arguments else []
    for argument in arguments:
        number, equals, name = argument.partition("=")
        if not equals or number not in numbers:
            if len(numbers) != 1:
                raise Failure(
                    f"证据包内有 {len(numbers)} 份存证；请写明 --file 存证编号={argument}。",
                    f"the bundle has {len(numbers)} deposits; say --file NUMBER={argument}.",
                )
            number, name = numbers[0], argument
        try:
            found[number] = hash_file(Path(name)).digests
        except Unusable as error:
            raise Failure(
                f"文件 {name} {error.zh}；请检查路径。",
                f"the file {name} {error.en}; check the path.",
            ) from error
    return found


def _numbers(bundle: Path) -> list[str]:
    try:
        with open_bag(bundle) as bag:
            return listed_numbers(bag)
    except Broken:  # Told in full when it is checked.
        return []


def _print(
    terminal: Terminal, path: Path, checked: CheckedBundle, brought: Collection[str]
) -> None:
    label, said = terminal.pick("证据包", "Evidence bundle"), terminal.said(checked.code)
    terminal.line(f"{label}  {checked.code.name}  {said}", "bold")
    rows = [(terminal.pick("位置", "where"), str(path))]
    if checked.name is not None:
        rows.append((terminal.pick("自称", "says it is"), checked.name))
    if checked.contents is not None:
        printed = terminal.pick(
            "清单摘要（须与证书所载一致）", "digest of contents, as the certificate prints it"
        )
        rows.append((printed, checked.contents.hex()))
    terminal.columns(rows)
    print_findings(terminal, checked.findings)
    terminal.line()
    if len(checked.deposits) == 1:
        (deposit,) = checked.deposits
        print_verdict(terminal, deposit.verdict, _given(terminal, deposit, brought))
    elif checked.deposits:
        print_list(
            terminal,
            [
                (f"{place:03d}", each.verdict, _given(terminal, each, brought))
                for place, each in enumerate(checked.deposits, 1)
            ],
        )


def _given(terminal: Terminal, deposit: CheckedDeposit, brought: Collection[str]) -> Given:
    """Which file was compared, and what it is."""
    if deposit.digests is None:
        return []
    size = f"{deposit.digests.size:,}"
    if deposit.number in brought:
        which = terminal.pick("--file 所给文件", "the one given with --file")
    else:
        which = terminal.pick("包内原件", "the original in the bundle")
    return [
        (terminal.pick("比对的文件", "file compared"), which),
        (terminal.pick("大小", "size"), terminal.pick(f"{size} 字节", f"{size} bytes")),
        *(
            ({"sha256": "SHA-256", "sm3": "SM3"}[alg], digest.hex())
            for alg, digest in deposit.digests.digests.items()
        ),
    ]
