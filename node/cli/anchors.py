"""`--anchors DIR`: what a verifier had from elsewhere, in one folder (docs/bundle-format.md, 10).

policy-fingerprint.txt      as a court publishes it; lines beginning with # are remarks
*.pem                       roots: tsa* for timestamps, platform* for the platform's signatures
"""

from __future__ import annotations

import argparse
from pathlib import Path

from node.cli.arguments import read_fingerprint, read_policies, trust
from node.cli.failure import Failure
from node.cli.files import read_limited
from node.cli.language import Language, Text, said
from node.evidence.steps import Anchor
from node.export.bundle.trust import Trust, trust_of

FINGERPRINT_FILE = "policy-fingerprint.txt"
_FINGERPRINT_SIZE_MAX = 65_536
_ROOT_SIZE_MAX = 1 << 20
"""Some hundred certificates."""


def add_anchors(parser: argparse.ArgumentParser, language: Language) -> None:
    """The folder with all that came from elsewhere."""
    parser.add_argument(
        "--anchors",
        type=Path,
        metavar="DIR",
        help=said(
            Text(
                f"从别处取得的信任锚目录：{FINGERPRINT_FILE} 和根证书 *.pem，不得取自证据包",
                f"a folder had from elsewhere than the bundle: {FINGERPRINT_FILE}, roots as *.pem",
            ),
            language,
        ),
    )


def read_trust(arguments: argparse.Namespace) -> Trust:
    """What was named on the line, and what the folder has; two that differ are refused."""
    anchor, directory = trust(arguments), arguments.anchors
    if directory is None:
        return Trust(anchor)
    if not directory.is_dir():
        raise Failure(
            f"{directory} 不是目录；请检查 --anchors 的路径。",
            f"{directory} is not a folder; check the path after --anchors.",
        )
    roots = [
        (path.name, read_limited(path, _ROOT_SIZE_MAX)) for path in sorted(directory.glob("*.pem"))
    ]
    file = directory / FINGERPRINT_FILE
    if file.exists():
        path = arguments.policies
        succession = None if path is None else read_policies(path)
        anchor = _agreed(anchor, Anchor(fingerprint=_fingerprint(file), succession=succession))
    if anchor is None and not roots:
        raise Failure(
            f"目录 {directory} 中既无 {FINGERPRINT_FILE}，也无 *.pem。",
            f"the folder {directory} has neither {FINGERPRINT_FILE} nor any *.pem.",
        )
    return trust_of(anchor, roots)


def _fingerprint(file: Path) -> str:
    text = read_limited(file, _FINGERPRINT_SIZE_MAX).decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        raise Failure(
            f"{file} 中应当恰有一行策略指纹（以 # 开头的行除外）。",
            f"{file} must have one line with the policy fingerprint, besides lines with #.",
        )
    return read_fingerprint(lines[0])


def _agreed(named: Anchor | None, here: Anchor) -> Anchor:
    """The anchor, if the line and the folder name the same one."""
    if named is None:
        return here
    text = named.policy_text
    if named.fingerprint != here.fingerprint if text is None else not here.names(text):
        raise Failure(
            f"命令行给出的策略与 {FINGERPRINT_FILE} 不是同一个；请核对来源。",
            f"the policy named on the line is not that of {FINGERPRINT_FILE}; check the sources.",
        )
    return named
