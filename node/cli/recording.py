"""`--record OUT`: the technical verification record (技术核验记录) of what was just verified.

OUT.pdf is for the file of the case, OUT.json for programs; both say the same. Neither replaces a
file that is there: a later verification makes another record.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import secrets
import ssl
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.evidence.digests import sha256
from node.evidence.item import clean
from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.steps import FileDigests
from node.export.bundle.trust import Trust
from node.export.certificate.parts import Root
from node.export.certificate.record import (
    Given,
    Record,
    Tool,
    Verified,
    format_verification,
    verification_record,
)
from node.export.certificate.vouched import roots
from node.export.signing.certificate import Certificate, parse_certificates


def add_record(parser: argparse.ArgumentParser, language: Language) -> None:
    """Where to write it, and who verified."""
    parser.add_argument(
        "--record",
        type=Path,
        metavar="OUT",
        help=said(
            Text(
                "将技术核验记录（可附卷）写入 OUT.pdf 和 OUT.json",
                "write the technical verification record to OUT.pdf and OUT.json",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--operator",
        metavar="NAME",
        help=said(Text("核验人，记入核验记录", "who verified, for the record"), language),
    )


def check_record(arguments: argparse.Namespace) -> None:
    """Before anything is verified: a record is never replaced, and an operator has one."""
    if arguments.record is None and arguments.operator is not None:
        raise Failure(
            "--operator 与 --record 一起使用。",
            "--operator goes with --record.",
        )
    for path in _paths(arguments.record) if arguments.record else ():
        if path.exists():
            raise Failure(
                f"{path} 已存在；每次核验另成一份记录，请另定文件名。",
                f"{path} exists; each verification has its own record, name another file.",
            )


def write_record(
    results: Sequence[Verified], trust: Trust, arguments: argparse.Namespace, terminal: Terminal
) -> None:
    """Set and write the record, if one is wanted."""
    if arguments.record is None:
        return
    # Typst takes a while to load, and few verifications are recorded.
    from node.export.certificate.page import Typesetter

    record = Record(
        record_no=f"VR-{secrets.token_hex(8)}",
        verified_ms=int(time.time() * 1000),
        tools=tuple(_tools()),
        results=tuple(results),
        operator=clean(arguments.operator) if arguments.operator else None,
        policy_fingerprint=_fingerprint(trust),
        roots=_roots(trust),
    )
    pdf, data = _paths(arguments.record)
    write_whole(data, format_verification(record), replace=False)
    write_whole(pdf, Typesetter().set(verification_record(record)), replace=False)
    terminal.note(
        f"已写入技术核验记录 {pdf} 和 {data}。",
        f"Wrote the technical verification record to {pdf} and {data}.",
    )


def given_file(path: Path, digests: FileDigests) -> Given:
    """A file that was compared."""
    found = digests.digests
    return Given("文件 file", clean(path.name), digests.size, found["sha256"], found["sm3"])


def given_bytes(what: str, path: Path, data: bytes) -> Given:
    """What was read whole."""
    return Given(what, clean(path.name), len(data), sha256(data))


def _paths(base: Path) -> tuple[Path, Path]:
    return base.with_name(f"{base.name}.pdf"), base.with_name(f"{base.name}.json")


def _tools() -> Iterator[Tool]:
    yield Tool("cunzheng", version("cunzheng"))
    yield Tool("Python", platform.python_version())
    yield Tool("OpenSSL", ssl.OPENSSL_VERSION.removeprefix("OpenSSL "))
    yield Tool("OS", platform.platform())


def _fingerprint(trust: Trust) -> str | None:
    anchor = trust.anchor
    if anchor is None:
        return None
    return anchor.fingerprint or fingerprint(anchor.policy_text or b"")


def _roots(trust: Trust) -> tuple[Root, ...]:
    """Those that can be read; what cannot has vouched for nothing."""
    found: list[Certificate] = []
    for file in (*trust.platform_roots, *trust.tsa_roots):
        with contextlib.suppress(Malformed):
            found += parse_certificates(file)
    return roots(found)
