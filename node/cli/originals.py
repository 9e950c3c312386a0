"""`--with FILE`: the originals that go into a bundle, each found to be what was deposited.

A file says its number by the proof file beside it, or is named with it: NUMBER=FILE. If that proof
has the opening, it goes to the gateway with the request: for a deposit that its depositor salted by
itself nobody else has it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import proof_path, read_limited
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.client.errors import Unusable
from node.client.hashing import hash_file, size_of
from node.evidence.malformed import Malformed
from node.evidence.opening import format_opening
from node.evidence.proof import Proof
from node.evidence.proof_text import PROOF_SIZE_MAX, parse_proof
from node.export.bundle.assembling import NotTheOriginal, Original, check_original
from node.export.bundle.layout import NUMBER
from node.export.bundle.manifest import Hashed
from node.words import Answer

_NUMBERED = re.compile(rf"({NUMBER})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Originals:
    """The files by evidence number, and what opens those whose holder has it."""

    files: Mapping[str, Original]
    openings: Mapping[str, bytes]


def add_with(parser: argparse.ArgumentParser, language: Language) -> None:
    """The originals."""
    parser.add_argument(
        "--with",
        dest="originals",
        action="append",
        default=[],
        metavar="[NO=]FILE",
        help=said(
            Text(
                "放入证据包的原件（全部放入或都不放入，可多次给出）；存证编号取自其旁的证明文件，"
                "或写作 存证编号=文件。原件不上传；证明文件中的摘要开启数据会随申请提交网关",
                "an original to put into the bundle (all of them or none; may be given several "
                "times); its number is that of the proof file beside it, or say NUMBER=FILE. "
                "Originals are never uploaded; the opening in that proof goes to the gateway",
            ),
            language,
        ),
    )


def read_originals(
    arguments: Sequence[str], numbers: Sequence[str], terminal: Terminal
) -> Originals:
    """The files named, each hashed once; refuses one that is not what its proof says."""
    named = [_named(each, numbers) for each in arguments]
    files: dict[str, Original] = {}
    openings: dict[str, bytes] = {}
    with terminal.progress(of_bytes=True) as progress:
        progress.start(terminal.pick("计算摘要", "hashing"), sum(size_of(p) for _, p, _ in named))
        for number, path, proof in named:
            if number in files:
                raise Failure(
                    f"{number} 有两份原件：{files[number].path} 和 {path}；只能给出一份。",
                    f"{number} has two originals: {files[number].path} and {path}; name one.",
                )
            try:
                read = hash_file(path, progress.advance).digests
            except Unusable as error:
                raise Failure(
                    f"文件 {path} {error.zh}；请检查路径。",
                    f"the file {path} {error.en}; check the path.",
                ) from error
            hashed = Hashed(read.size, read.digests["sha256"], read.digests["sm3"])
            files[number] = Original(path, hashed)
            if proof is not None and proof.opening is not None:
                check_original(proof, files[number])
                openings[number] = format_opening(proof.opening)
    return Originals(files, openings)


def not_the_original(error: NotTheOriginal, *, in_hand: bool) -> Failure:
    """The file cannot go into the bundle (one in hand, or a gateway's); nothing was written."""
    number, path = error.number, error.path
    if error.recorded:
        return Failure(
            f"{path} 不是编号 {number} 所存证的文件，未生成证据包。"
            "另存、转码、压缩均会改变字节；请找出存证时的原件。",
            f"{path} is not the file deposited as {number}; no bundle was made. Saving again, "
            "converting or compressing changes bytes: find the file as it was deposited.",
            Answer.NOT_DEPOSITED_BYTES,
        )
    zh, en = _what_would_tell(number, path, in_hand)
    return Failure(
        f"编号 {number} 的证明不含摘要开启数据，无从核对 {path} 是否为原件，未生成证据包；{zh}",
        f"the proof of {number} has no opening, so nothing tells whether {path} is the original; "
        f"no bundle was made. {en}",
        Answer.COULD_NOT_CHECK,
    )


def _what_would_tell(number: str, path: Path, in_hand: bool) -> tuple[str, str]:
    """What to do about a proof without an opening."""
    beside = proof_path(path).name
    if in_hand:
        return (
            "已有的证据包不能补入摘要开启数据，请不用 --bundle，以 --with 向网关重新申请。",
            "A bundle in hand cannot be given one: export it anew from a gateway, --with the "
            "originals and without --bundle.",
        )
    if proof_path(path).is_file():
        return (
            f"其旁的 {beside} 属于另一份存证，或不含摘要开启数据；"
            f"请换成存证主体所持的编号 {number} 的证明文件。",
            f"{beside} beside it is of another deposit, or without an opening too: put the "
            f"depositor's proof file of {number} there.",
        )
    return (
        f"请将存证主体所持证明文件置于原件旁（{beside}）。",
        f"Put the depositor's proof file beside it ({beside}).",
    )


def _named(argument: str, numbers: Sequence[str]) -> tuple[str, Path, Proof | None]:
    """Number and file, and the proof beside it where there is one of that number."""
    match = _NUMBERED.fullmatch(argument)
    path = Path(match[2] if match else argument)
    proof = _proof_beside(path)
    if match:
        ours = proof is not None and proof.number == match[1]
        return match[1], path, proof if ours else None
    if proof is not None and (not numbers or proof.number in numbers):
        return proof.number, path, proof
    if len(numbers) == 1:
        return numbers[0], path, None
    raise Failure(
        f"不知道 {path} 是哪份存证的原件：其旁没有这些存证的证明文件；请写作 存证编号={path}。",
        f"nothing says which deposit {path} is the original of: there is no proof file of these "
        f"deposits beside it; say NUMBER={path}.",
    )


def _proof_beside(path: Path) -> Proof | None:
    beside = proof_path(path)
    if not beside.is_file():
        return None
    try:
        return parse_proof(read_limited(beside, PROOF_SIZE_MAX))
    except Malformed as error:
        raise Failure(
            f"{beside} 无法读取为证明文件：{error}。",
            f"{beside} cannot be read as a proof file: {error}.",
        ) from error
