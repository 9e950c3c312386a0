"""`cunzheng verify CERTIFICATE.pdf`: a deposit certificate by what it carries, offline.

The proof is inside the PDF; the policy fingerprint, and roots for the signatures, come from
elsewhere. The deposited file is brought along with `--file`, or named with `--proof
CERTIFICATE.pdf`. What reads PDFs is imported only for one.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from node.cli.anchors import read_trust
from node.cli.failure import Failure
from node.cli.files import proof_path, read_limited
from node.cli.recording import given_bytes, given_file, write_record
from node.cli.result import Given, print_verdict
from node.cli.terminal import Terminal
from node.client.errors import Unusable
from node.client.hashing import hash_file
from node.evidence.doubts import Doubts
from node.evidence.steps import FileDigests
from node.export.certificate.record import verified

_MAGIC = b"%PDF-"
_MARK = b"(certificate.json)"
"""How the name of what is attached stands in the certificates we write."""
_START_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Asked:
    """A certificate, and the file that is compared with what it says."""

    pdf: Path
    file: Path | None


def certificate_asked(arguments: argparse.Namespace) -> _Asked | None:
    """The certificate on this line, if there is one: as `--proof`, or as the only file."""
    files: list[Path] = arguments.files
    if arguments.proof is not None:
        if not is_certificate(arguments.proof):
            return None
        if len(files) > 1 or arguments.file:
            raise _one_file()
        return _Asked(arguments.proof, files[0] if files else None)
    named = [file for file in files if not proof_path(file).exists() and is_certificate(file)]
    if not named:
        return None
    if len(files) != 1 or len(arguments.file) > 1:
        raise _one_file()
    return _Asked(named[0], Path(arguments.file[0]) if arguments.file else None)


def is_certificate(path: Path) -> bool:
    """Whether this is a PDF with a certificate inside, as far as its bytes tell at a glance."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        return start == _MAGIC and _MARK in file.read(_START_MAX)


def verify_certificate_file(
    asked: _Asked, arguments: argparse.Namespace, doubts: Doubts, terminal: Terminal
) -> int:
    """Verify the one certificate named."""
    from node.export.certificate.enclosed import PDF_SIZE_MAX
    from node.export.certificate.verifying import verify_certificate

    if arguments.explain is not None:
        raise Failure(
            "--explain 用于证明文件，不用于证书；证书内附的 proof.txt 可另存后使用。",
            "--explain goes with a proof file, not a certificate; save the proof.txt inside it.",
        )
    trust, pdf = read_trust(arguments), read_limited(asked.pdf, PDF_SIZE_MAX)
    digests = None if asked.file is None else _digests(asked.file)
    now_ms = int(time.time() * 1000)
    verdict = verify_certificate(pdf, trust, now_ms, digests, doubts).verdict
    given = [given_bytes("存证证书 deposit certificate", asked.pdf, pdf)]
    if asked.file is not None and digests is not None:
        given.insert(0, given_file(asked.file, digests))
    code = verdict.answer.exit_code
    value = {"certificate": str(asked.pdf), "verdict": verdict.to_json(), "exit_code": code}
    terminal.json(value)
    print_verdict(terminal, verdict, _given(terminal, asked, digests))
    write_record([verified(verdict, tuple(given))], trust, arguments, terminal)
    return code


def _digests(file: Path) -> FileDigests:
    try:
        return hash_file(file).digests
    except Unusable as error:
        raise Failure(
            f"文件 {file} {error.zh}；请检查路径。",
            f"the file {file} {error.en}; check the path.",
        ) from error


def _given(terminal: Terminal, asked: _Asked, digests: FileDigests | None) -> Given:
    rows = [(terminal.pick("存证证书", "deposit certificate"), str(asked.pdf))]
    if asked.file is not None and digests is not None:
        rows.append((terminal.pick("文件", "file"), str(asked.file)))
        size = f"{digests.size:,}"
        rows.append((terminal.pick("大小", "size"), terminal.pick(f"{size} 字节", f"{size} bytes")))
        names = {"sha256": "SHA-256", "sm3": "SM3"}
        rows += [(names[alg], digest.hex()) for alg, digest in digests.digests.items()]
    return rows


def _one_file() -> Failure:
    return Failure(
        "一份存证证书须单独核验，至多与一个文件比对（--file F）。",
        "a certificate is verified alone, and compared with one file at most (--file F).",
    )
