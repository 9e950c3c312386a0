"""The command line of verify.py: what it is given, and how it prints a result."""

from __future__ import annotations

import argparse
import json
import sys
import time
import unicodedata
from pathlib import Path

from node.evidence.head import format_seconds
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Finding, Outcome, Verdict
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.flaws import Broken
from node.export.bundle.manifest import hash_chunks
from node.export.bundle.package import listed_numbers, open_bag
from node.export.bundle.trust import Trust, trust_of
from node.export.vouching import vouching
from node.words import WRONG_USAGE_EXIT_CODE, Answer, Notice

FINGERPRINT_FILE = "policy-fingerprint.txt"
ANCHOR_SIZE_MAX = 1 << 20
CHUNK_SIZE = 1 << 20
_GROUP, _GROUPS = 4, 8
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_MARKS = {
    Outcome.PASSED: "PASS       ",
    Outcome.FAILED: "FAIL       ",
    Outcome.NOT_CHECKED: "NOT CHECKED",
}


class Refused(Exception):
    """The command was called wrongly; nothing was looked at."""


def main(arguments: list[str], program: str) -> int:
    """Verify the one bundle named; the exit code is that of the answer."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # A console may have another alphabet than ours.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    given = _parser().parse_args(arguments)
    bundle = Path(program).resolve().parents[2] if given.bundle is None else given.bundle
    try:
        trust = read_trust(given.anchors, bundle)
        files = read_files(given.file, bundle)
    except (OSError, Refused) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE_EXIT_CODE
    checked = check_bundle(bundle, trust, files=files, verifiers=vouching(int(time.time())))
    code = checked.code.answer.exit_code
    if given.json:
        json.dump({**checked.to_json(), "exit_code": code}, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        for line in lines(checked):
            sys.stdout.write(f"{line}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify.py", description="核验证据包 verify a bundle")
    parser.add_argument("bundle", nargs="?", type=Path, help="目录或 ZIP directory or ZIP")
    parser.add_argument(
        "--anchors", type=Path, metavar="DIR", help="另行取得的信任锚 trust from elsewhere"
    )
    parser.add_argument(
        "--file", action="append", default=[], metavar="[NO=]FILE", help="文件 the file in hand"
    )
    parser.add_argument("--json", action="store_true", help="供程序读取 for programs")
    return parser


def read_trust(directory: Path | None, bundle: Path) -> Trust:
    """What was had from elsewhere; a folder inside the bundle is not elsewhere."""
    if directory is None:
        return Trust()
    where, whole = directory.resolve(), bundle.resolve()
    if whole == where or whole in where.parents:
        raise Refused(
            f"{directory} 在证据包之内，不能作为信任锚。 lies in the bundle: that is no anchor."
        )
    if not directory.is_dir():
        raise Refused(f"{directory} 不是目录。 is not a folder.")
    roots = [(path.name, _read(path)) for path in sorted(directory.glob("*.pem"))]
    file = directory / FINGERPRINT_FILE
    anchor = Anchor(fingerprint=_fingerprint(file)) if file.exists() else None
    return trust_of(anchor, roots)


def _fingerprint(file: Path) -> str:
    text = unicodedata.normalize("NFKC", _read(file).decode("utf-8", "replace")).upper()
    found = [each for each in text.splitlines() if each.strip() and not each.startswith("#")]
    letters = "".join(each for each in "".join(found) if not each.isspace() and each != "-")
    if len(found) != 1 or len(letters) != _GROUP * _GROUPS or not _BASE32.issuperset(letters):
        raise Refused(f"{file} 中应恰有一个策略指纹。 must have one policy fingerprint.")
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(ANCHOR_SIZE_MAX + 1)
    if len(data) > ANCHOR_SIZE_MAX:
        raise Refused(f"{path} 过大。 is too large.")
    return data


def read_files(arguments: list[str], bundle: Path) -> dict[str, FileDigests]:
    """The files brought along, by evidence number; without one, of the only deposit."""
    found: dict[str, FileDigests] = {}
    numbers = _numbers(bundle) if arguments else []
    for argument in arguments:
        number, equals, name = argument.partition("=")
        if not equals or number not in numbers:
            if len(numbers) != 1:
                raise Refused(
                    f"证据包内有 {len(numbers)} 份存证，请写 --file 存证编号=文件。"
                    f" the bundle has {len(numbers)} deposits; say --file NO=FILE."
                )
            number, name = numbers[0], argument
        with Path(name).open("rb") as file:
            hashed = hash_chunks(iter(lambda: file.read(CHUNK_SIZE), b""))
        found[number] = FileDigests(hashed.size, {"sha256": hashed.sha256, "sm3": hashed.sm3})
    return found


def _numbers(bundle: Path) -> list[str]:
    try:
        with open_bag(bundle) as bag:
            return listed_numbers(bag)
    except Broken:  # Told in full when it is checked.
        return []


# Printing


def lines(checked: CheckedBundle) -> list[str]:
    """The result, as it is printed."""
    code = checked.code
    found = [f"证据包 Bundle: {checked.name or '-'}"]
    if checked.contents is not None:
        found.append(f"{layout.CONTENTS} SHA-256: {checked.contents.hex()}")
    found += ["", *(_line(each) for each in checked.findings)]
    for each in checked.deposits:
        found += ["", *_deposit(each.number, each.verdict)]
    found += ["", f"核验结果 Result: {code.name}  {code.zh}  {code.en}"]
    if code.answer in (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS):
        found += ["", Notice.SCOPE.zh, Notice.SCOPE.en]
    if code.answer is Answer.NOT_DEPOSITED_BYTES:
        found += ["", Notice.RESAVING.zh, Notice.RESAVING.en]
    return found


def _deposit(number: str, verdict: Verdict) -> list[str]:
    found = [f"{number}  {verdict.code.name}  {verdict.code.zh}  {verdict.code.en}"]
    if verdict.facts is not None and verdict.consistent:
        time_s = verdict.facts.seal_time_s
        found.append(f"  不晚于 no later than {'-' if time_s is None else format_seconds(time_s)}")
    found += [f"  {_line(each)}" for each in verdict.findings]
    found += [f"  {point.name}  {point.zh}  {point.en}" for point in verdict.open_points]
    if verdict.repaired is not None:
        found.append("  若除去传输所致改动 without the damage done in transit:")
        found += [f"  {each}" for each in _deposit(number, verdict.repaired)]
    return found


def _line(finding: Finding) -> str:
    code = f"{finding.code.name}  " if finding.code else ""
    return f"{finding.step} {_MARKS[finding.outcome]}  {code}{finding.zh}  {finding.en}"
