"""`cunzheng verify`: files against their proof files, offline.

Nothing is asked of any server. The policy, or its fingerprint, comes from elsewhere; without one
the answer is V204. The exit code is that of the answer; of several files, that of the gravest
answer in the order of `checking.GRAVEST`.

`--without ORG` asks whether a quorum is left when an interested member is not counted; if not, the
answer is V202. Contradiction files are judged too: alone, or for what they say about the cosigners
of the proofs (open point O13). An evidence bundle has a module of its own (`bundle`), and so has a
certificate PDF (`certificate`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from node.cli.anchors import add_anchors, read_trust
from node.cli.arguments import add_policies, add_trust
from node.cli.bundle import add_file, bundle_at, verify_bundle
from node.cli.certificate import certificate_asked, verify_certificate_file
from node.cli.contradictions import (
    Judged,
    exit_code,
    held,
    is_contradiction,
    judge_files,
    print_judged,
    to_json,
)
from node.cli.explain import check_directory, write_exhibits
from node.cli.failure import Failure
from node.cli.files import PROOF_SUFFIX, evidence_files, proof_path
from node.cli.language import Language, Text, said
from node.cli.recording import (
    add_record,
    check_record,
    given_bytes,
    given_file,
    write_record,
)
from node.cli.result import Given, print_list, print_verdict
from node.cli.terminal import Progressing, Terminal
from node.client.errors import Unusable
from node.client.hashing import hash_file, size_of
from node.evidence.doubts import Doubts
from node.evidence.item import parse_details
from node.evidence.proof_text import PROOF_SIZE_MAX, parse_proof
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Finding, Outcome, Verdict
from node.evidence.verify import verify
from node.export.bundle.checking import GRAVEST
from node.export.certificate import record
from node.words import ResultCode

NO_NAME = "it names nobody"
_DIGEST_NAMES = {"sha256": "SHA-256", "sm3": "SM3"}


@dataclass(frozen=True, slots=True)
class Pair:
    """What is verified together; no file means the proof alone."""

    file: Path | None
    proof: Path


@dataclass(frozen=True, slots=True)
class Verified:
    """A pair, what was read of it, and what came out."""

    pair: Pair
    data: bytes
    digests: FileDigests | None
    verdict: Verdict


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `verify`."""
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar=said(Text("文件", "FILE"), language),
        help=said(
            Text(
                "文件，或目录（核验其中所有带证明文件的文件）；不给出则仅核验证明本身；"
                "亦可为矛盾文件，或一个证据包（目录或 ZIP），或一份存证证书（PDF）",
                "files, or directories (all their files that have a proof); none: the proof alone;"
                " contradiction files too, or one evidence bundle (directory or ZIP), or one"
                " certificate (PDF)",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--proof",
        type=Path,
        metavar="P",
        help=said(
            Text(
                f"证明文件（默认为文件名加 {PROOF_SUFFIX}）",
                f"the proof file (default: FILE{PROOF_SUFFIX})",
            ),
            language,
        ),
    )
    add_trust(parser, language)
    add_anchors(parser, language)
    add_policies(parser, language)
    add_file(parser, language)
    add_record(parser, language)
    _configure_doubts(parser, language)
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help=said(
            Text(
                "将每一步所比对的字节写入 DIR，并附用 sha256sum、openssl 重做的命令",
                "write each step's input bytes to DIR, with the command that repeats it",
            ),
            language,
        ),
    )


def _configure_doubts(parser: argparse.ArgumentParser, language: Language) -> None:
    parser.add_argument(
        "--without",
        type=_names,
        default=(),
        metavar="ORG[,ORG]",
        help=said(
            Text(
                "不计这些成员（成员名或机构名，如案件当事方）的联签，再核验是否达到最低联签数；"
                "不足则为 V202，退出码 30",
                "recount without these members (name or organisation), e.g. a party to the case;"
                " too few left is V202, exit code 30",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--contradiction",
        action="append",
        type=Path,
        default=[],
        metavar="C",
        help=said(
            Text(
                "矛盾文件：核验其是否成立（成立则退出码 0），并指明两者均联签的成员；可多次给出",
                "a contradiction file: whether it holds (exit code 0), and who cosigned both;"
                " may be given several times",
            ),
            language,
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Verify everything named."""
    check_record(arguments)
    trust = read_trust(arguments)
    anchor = trust.anchor
    judged = judge_files([*arguments.contradiction, *_contradictions(arguments)], anchor)
    if any(bundle_at(file) is not None for file in arguments.files):
        checked = verify_bundle(arguments, Doubts(arguments.without, held(judged)), terminal)
        _advise(arguments, {each.verdict.code for each in checked.deposits}, terminal)
        return checked.code.answer.exit_code
    if (asked := certificate_asked(arguments)) is not None:
        doubts = Doubts(arguments.without, held(judged))
        return verify_certificate_file(asked, arguments, doubts, terminal)
    if arguments.file:
        raise Failure(
            "--file 只用于证据包或存证证书；单个文件请直接写在命令之后。",
            "--file goes with a bundle or a certificate; a file with its proof is named after the "
            "command.",
        )
    files = [file for file in arguments.files if file not in {each.path for each in judged}]
    if judged and not files and arguments.proof is None:
        terminal.json({"contradictions": to_json(judged), "exit_code": exit_code(judged)})
        _print_contradictions(terminal, judged)
        return exit_code(judged)
    pairs = _pairs(files, arguments.proof)
    if arguments.explain is not None and len(pairs) != 1:
        raise Failure(
            "--explain 一次只能说明一个证明；请只给出一个文件。",
            "--explain explains one proof at a time; name one file.",
        )
    if arguments.explain is not None:
        check_directory(arguments.explain)
    total = sum(size_of(pair.file) for pair in pairs if pair.file is not None)
    doubts = Doubts(arguments.without, held(judged))
    with terminal.progress(of_bytes=True) as progress:
        progress.start(terminal.pick("计算摘要", "hashing"), total)
        results = [_verify(pair, anchor, doubts, progress) for pair in pairs]
    answers = [each.verdict.answer for each in results]
    code = min(answers, key=GRAVEST.index).exit_code
    value: dict[str, object] = {"results": [_to_json(each) for each in results]}
    if judged:
        value["contradictions"] = to_json(judged)
    if arguments.explain is not None:
        value["exhibits"] = write_exhibits(results[0].data, arguments.explain, terminal)
    terminal.json(value | {"exit_code": code})
    _print_results(terminal, results)
    _print_contradictions(terminal, judged, after=True)
    _advise(arguments, {each.verdict.code for each in results}, terminal)
    write_record([_recorded(each) for each in results], trust, arguments, terminal)
    return code


def _advise(arguments: argparse.Namespace, codes: set[ResultCode], terminal: Terminal) -> None:
    """What may still be done about a proof that falls short, and is not wrong for that."""
    if ResultCode.V206 in codes and arguments.policies is None:
        thereby = "cunzheng policy history --out policies.txt"
        terminal.note(
            f"若同一条链此后变更过策略：请加 --policies policies.txt（由 {thereby} 取得）。",
            f"If the chain has changed its policy since: add --policies policies.txt ({thereby}).",
        )
    if ResultCode.V202 in codes and arguments.without:
        again = "cunzheng prove NUMBER --from-batch BATCHFILE --force"
        terminal.note(
            f"此后其他成员可能也已联签：可重新取得证明（{again}）后再核验。",
            "Other members may have cosigned since: fetch the proof again, then verify that one "
            f"({again}).",
        )


def _names(text: str) -> tuple[str, ...]:
    """Names as they are given, in one argument."""
    names = tuple(name.strip() for name in text.replace("，", ",").split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError(NO_NAME)
    return names


def _contradictions(arguments: argparse.Namespace) -> list[Path]:
    return [file for file in arguments.files if is_contradiction(file)]


def _print_contradictions(terminal: Terminal, judged: list[Judged], *, after: bool = False) -> None:
    for place, each in enumerate(judged):
        if after or place:
            terminal.line()
        print_judged(terminal, each)


def _print_results(terminal: Terminal, results: list[Verified]) -> None:
    if len(results) == 1:
        print_verdict(terminal, results[0].verdict, _given(terminal, results[0]))
        return
    print_list(
        terminal,
        [
            (str(each.pair.file or each.pair.proof), each.verdict, _given(terminal, each))
            for each in results
        ],
    )


def _pairs(files: list[Path], proof: Path | None) -> list[Pair]:
    if proof is not None:
        if len(files) > 1 or any(file.is_dir() for file in files):
            raise Failure(
                "--proof 只能用于一个文件；多个文件各自使用旁边的证明文件。",
                "--proof goes with one file; several files use the proofs beside them.",
            )
        return [Pair(files[0] if files else None, proof)]
    if not files:
        raise Failure(
            "请给出要核验的文件，或用 --proof 给出证明文件。",
            "name a file to verify, or a proof with --proof.",
        )
    pairs = []
    for argument in files:
        pairs += _in_directory(argument) if argument.is_dir() else [_beside(argument)]
    return list(dict.fromkeys(pairs))


def _beside(file: Path) -> Pair:
    if file.name.endswith(PROOF_SUFFIX) and not proof_path(file).exists():
        return Pair(None, file)
    if not file.exists():
        raise Failure(
            f"找不到文件 {file}；请检查文件名和目录。",
            f"there is no file {file}; check its name and the folder.",
        )
    if not proof_path(file).exists():
        raise Failure(
            f"{file} 旁边没有证明文件 {proof_path(file).name}；请用 --proof 指明。",
            f"there is no {proof_path(file).name} beside {file}; name its proof with --proof.",
        )
    return Pair(file, proof_path(file))


def _in_directory(directory: Path) -> list[Pair]:
    """Files with their proofs; a proof whose file is missing is verified alone."""
    pairs = [
        Pair(file, proof_path(file))
        for file in evidence_files([directory])
        if proof_path(file).is_file()
    ]
    paired = {pair.proof for pair in pairs}
    alone = sorted(set(directory.rglob(f"*{PROOF_SUFFIX}")) - paired)
    pairs += [Pair(None, proof) for proof in alone if proof.is_file()]
    if not pairs:
        raise Failure(
            f"目录 {directory} 中没有证明文件（*{PROOF_SUFFIX}）。",
            f"the directory {directory} holds no proof file (*{PROOF_SUFFIX}).",
        )
    return pairs


def _verify(pair: Pair, anchor: Anchor | None, doubts: Doubts, progress: Progressing) -> Verified:
    with pair.proof.open("rb") as file:
        data = file.read(PROOF_SIZE_MAX + 1)
    if pair.file is None:
        return Verified(pair, data, None, verify(data, anchor, None, doubts))
    try:
        digests = hash_file(pair.file, progress.advance).digests
    except Unusable as error:
        if not pair.file.exists():
            raise Failure(
                f"没有文件 {pair.file}；请检查路径。", f"there is no {pair.file}; check the path."
            ) from error
        zh, en = f"文件{error.zh}，未作核验", f"the file {error.en}; nothing was verified"
        finding = Finding(1, Outcome.FAILED, zh, en, ResultCode.V502)
        return Verified(pair, data, None, Verdict(ResultCode.V502, (finding,)))
    return Verified(pair, data, digests, verify(data, anchor, digests, doubts))


def _given(terminal: Terminal, verified: Verified) -> Given:
    rows: Given = []
    if verified.pair.file is not None:
        rows.append((terminal.pick("文件", "file"), str(verified.pair.file)))
    if verified.digests is not None:
        size = f"{verified.digests.size:,}"
        rows.append((terminal.pick("大小", "size"), terminal.pick(f"{size} 字节", f"{size} bytes")))
        rows += [
            (_DIGEST_NAMES[alg], digest.hex()) for alg, digest in verified.digests.digests.items()
        ]
    rows.append((terminal.pick("证明文件", "proof file"), str(verified.pair.proof)))
    if verified.verdict.code is ResultCode.V102:
        # Most often another file was picked by mistake: this name says which one was meant.
        label = terminal.pick(
            "所记文件名（存证主体所称）", "recorded name, stated by the depositor"
        )
        rows += [(label, value) for key, value in _details(verified.data) if key == "file_name"]
    if verified.verdict.consistent:
        label = terminal.pick("存证主体所记", "depositor says")
        rows += [(label, f"{key} = {value}") for key, value in _details(verified.data)]
    return rows


def _details(data: bytes) -> list[tuple[str, str]]:
    """What the depositor wrote about the file: opened by the proof, checked by nobody."""
    opening = parse_proof(data).opening
    if opening is None or opening.details is None:
        return []
    return [(key, str(value)) for key, (_, value) in parse_details(opening.details).items()]


def _recorded(verified: Verified) -> record.Verified:
    given = []
    if len(verified.data) <= PROOF_SIZE_MAX:  # Of a longer one only the beginning was read.
        given = [given_bytes("证明文件 proof file", verified.pair.proof, verified.data)]
    if verified.pair.file is not None and verified.digests is not None:
        given.insert(0, given_file(verified.pair.file, verified.digests))
    return record.verified(verified.verdict, tuple(given))


def _to_json(verified: Verified) -> dict[str, object]:
    value: dict[str, object] = {
        "file": None if verified.pair.file is None else str(verified.pair.file),
        "proof": str(verified.pair.proof),
    }
    if verified.digests is not None:
        value["size"] = verified.digests.size
        value |= {alg: digest.hex() for alg, digest in verified.digests.digests.items()}
    return value | {"verdict": verified.verdict.to_json()}
