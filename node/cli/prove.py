"""`cunzheng prove`: proofs fetched by number, derived from a batch file, or stripped of openings.

    prove NUMBER --gateway URL                     the public form, as a gateway gives it
    prove --from-batch B --proof P [FILE...]       holder's proofs of all items (or of these files),
                                                   from any proof of the statement; no server
    prove NUMBER --gateway URL --from-batch B      both: fetched, then derived
    prove --proof P --public                       the public form of a holder's copy

Every proof is verified before it is written. Where no trust anchor is given, that is against the
policy the proof itself encloses, and said so.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from node.cli.arguments import add_api_key, add_gateway, add_trust, trust
from node.cli.batch_files import is_of, reopen
from node.cli.connecting import connect, read_api_key
from node.cli.delivering import Delivered, Delivery, deliver
from node.cli.failure import Failure
from node.cli.files import PROOF_SUFFIX, proof_path, read_limited, write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.client.checking import check_number, check_proof, check_proof_of, read_proof
from node.client.errors import Unusable
from node.client.hashing import HashedFile, hash_file
from node.evidence.batch import Batch
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.policy import fingerprint
from node.evidence.proof import public_form
from node.evidence.proof_text import PROOF_SIZE_MAX, format_proof
from node.evidence.steps import Anchor
from node.words import Answer, Notice

PATIENCE_S = 10.0
_LIKE_A_NUMBER = re.compile(r"(?i)EV[0-9-]+")


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `prove`."""

    def add(*names: str, zh: str, en: str, **options: object) -> None:
        parser.add_argument(*names, help=said(Text(zh, en), language), **options)  # type: ignore[arg-type]

    add(
        "what",
        nargs="*",
        metavar="NUMBER|FILE",
        zh="存证编号；使用 --from-batch 时也可为文件（默认为批次中的全部文件）",
        en="an evidence number; with --from-batch also files (default: all of the batch)",
    )
    add_gateway(parser, language, required=False)
    add("--proof", type=Path, metavar="P", zh="已有的证明文件", en="a proof file you have")
    add(
        "--from-batch",
        type=Path,
        metavar="BATCHFILE",
        zh="批次文件；连同其中任一项的证明（--proof，或按存证编号获取），可导出每一项的证明",
        en="a batch file: with the proof of any of its items (--proof, or fetched by NUMBER) each "
        "item's proof is derived from it",
    )
    add(
        "--public",
        action="store_true",
        zh="不含摘要开启数据的公开形式（*.public.proof.txt）",
        en="the public form, without the opening (*.public.proof.txt)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        zh="写入的目录，不存在时自动建立（默认写在文件旁）",
        en="directory to write to, made if it is not there (default: beside the files)",
    )
    add("--force", action="store_true", zh="覆盖已有的文件", en="overwrite files that exist")
    add_api_key(parser, language)
    add_trust(parser, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Get a proof from where it is, and write what was asked for."""
    numbers = [each for each in arguments.what if _is_number(each)]
    files = [Path(each) for each in arguments.what if not _is_number(each)]
    for each in files:
        if _LIKE_A_NUMBER.fullmatch(each.name) and not each.exists():
            raise Failure(
                f"{each} 不是有效的存证编号（末两位为校验码）；请逐字核对。",
                f"{each} is not a valid evidence number (its last two digits are a check); "
                "compare it character by character.",
            )
    if (len(numbers) != 1) == (arguments.proof is None):
        raise Failure(
            "请给出一个存证编号，或用 --proof 给出证明文件，二者取其一；使用 --from-batch 时"
            "也须如此，给出批次中任一项的即可。",
            "name one evidence number, or a proof file with --proof: one of the two, also with "
            "--from-batch, where that of any item of the batch will do.",
        )
    if files and arguments.from_batch is None:
        raise Failure(
            f"{files[0]} 不是存证编号；要为文件导出证明，请同时给出 --from-batch。",
            f"{files[0]} is no evidence number; to derive proofs of files, add --from-batch.",
        )
    data = (
        _fetch(arguments, numbers[0], terminal)
        if numbers
        else read_limited(arguments.proof, PROOF_SIZE_MAX)
    )
    anchor = trust(arguments) or _enclosed(data, terminal)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.from_batch is None:
        delivered = [_write_one(arguments, data, anchor)]
    else:
        delivered = _derive(arguments, data, anchor, files, terminal)
    _report(delivered, terminal)
    return 0


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except Malformed:
        return False
    return True


def _fetch(arguments: argparse.Namespace, number: str, terminal: Terminal) -> bytes:
    if arguments.gateway is None:
        raise Failure(
            "请用 --gateway 给出接入网关的地址。", "name a gateway with --gateway to fetch it from."
        )
    api_key = read_api_key(arguments.api_key_file, terminal)
    with connect(arguments.gateway, terminal, api_key) as gateway:
        data = gateway.proof(number, PATIENCE_S)
    check_number(data, number)
    return data


def _enclosed(data: bytes, terminal: Terminal) -> Anchor:
    """No trust anchor was given: check the proof against itself, and say that this is all."""
    text = read_proof(data).policy_text
    terminal.note(
        f"未给出策略：证明按其自带的策略核验，其指纹为 {fingerprint(text)}，"
        "请与法院公布的指纹核对。",
        "No policy was given: the proof is checked against the one it encloses, with the "
        f"fingerprint {fingerprint(text)}; compare it with the one the court published.",
        "yellow",
    )
    return Anchor(policy_text=text)


def _write_one(arguments: argparse.Namespace, data: bytes, anchor: Anchor) -> Delivered:
    """The proof as fetched, or the public form of the one at hand."""
    proven, source = check_proof(data, anchor), arguments.proof
    proof = proven.proof
    if source is None:
        base = Path(proof.number)
    elif arguments.public:
        base = source.with_name(source.name.removesuffix(PROOF_SUFFIX))
    else:
        raise Failure(
            "请说明用途：--public 给出公开形式，--from-batch 导出其他项的证明。",
            "say what to make of it: --public for its public form, --from-batch to derive others.",
        )
    base = base if arguments.out is None else arguments.out / base.name
    path = proof_path(base, public=source is not None)
    write_whole(path, format_proof(public_form(proof)), replace=arguments.force)
    return Delivered(proof.number, path, None, proven.verdict)


def _derive(
    arguments: argparse.Namespace,
    data: bytes,
    anchor: Anchor,
    files: list[Path],
    terminal: Terminal,
) -> list[Delivered]:
    """Holder's proofs of everything in the batch, or of the files named."""
    beside = arguments.out is None and not files
    kept = reopen(arguments.from_batch, terminal, only_inside=beside)
    if read_proof(data).entry.statement_bytes != kept.batch.statement_bytes:
        raise Failure(
            f"该证明与批次文件 {kept.path} 不属于同一份存证单；请使用同一次存证的证明。",
            f"the proof is of another statement than the batch file {kept.path}; use a proof of "
            "the same deposit.",
        )
    named = dict(_find(file, kept.batch) for file in files)
    delivery = Delivery(
        anchor,
        kept.path.parent,
        named or kept.files,
        only_files=bool(named),
        out=arguments.out,
        public=arguments.public,
        replace=arguments.force,
    )
    first = check_proof_of(data, anchor, kept.batch.statement_bytes)
    return deliver(first.proof, kept.batch, delivery, terminal)


def _find(file: Path, batch: Batch) -> tuple[int, HashedFile]:
    """The place of a file in the batch, by its digests: it may have been renamed or moved."""
    try:
        found = hash_file(file)
    except Unusable as error:
        raise Failure(f"文件 {file} {error.zh}。", f"the file {file} {error.en}.") from error
    for index in range(len(batch.items)):
        if is_of(found.digests, batch, index):
            return index, found
    raise Failure(
        f"文件 {file} 不在该批次中（不等于被篡改：另存、转码、压缩亦会改变字节）。",
        f"the file {file} is not in this batch (saving again, converting or compressing a file "
        "changes its bytes too).",
        Answer.NOT_DEPOSITED_BYTES,
    )


def _report(delivered: list[Delivered], terminal: Terminal) -> None:
    proofs = [
        {
            "evidence_no": each.number,
            "file": None if each.file is None else str(each.file),
            "proof": str(each.proof),
            "verified": each.verdict.code.name,
        }
        for each in delivered
    ]
    terminal.json({"proofs": proofs, "exit_code": 0})
    for each in delivered:
        terminal.line(f"{each.number}  {each.proof}")
    terminal.line(terminal.said(Notice.NO_LATER_THAN))
