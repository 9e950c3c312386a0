"""Proofs onto the depositor's disk: derived from one, each verified before it is written.

The holder's copy (with its opening) goes beside its file as FILE.proof.txt, the public form as
FILE.public.proof.txt; of an item whose file is not known, into a folder under its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import proof_path, write_whole
from node.cli.hashing import HashedFile
from node.cli.language import Text
from node.cli.result import consistent
from node.cli.terminal import Terminal
from node.evidence.batch import Batch, derive_all
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof, public_form
from node.evidence.proof_text import PROOF_SIZE_MAX, format_proof, parse_proof
from node.evidence.steps import Anchor
from node.evidence.verdict import Verdict
from node.evidence.verify import verify
from node.words import Answer, ResultCode

_WAYS_ON = {
    ResultCode.V302: Text(
        "该存证已上链但不会有有效的证明：请以现行有效的密钥重新存证。",
        "The deposit is on the chain and will never have a valid proof: deposit again with a key "
        "that is in force.",
    ),
    ResultCode.V206: Text(
        "请核对所给的策略或策略指纹。", "Compare the policy or the fingerprint that was named."
    ),
}
_ASK_ANOTHER = Text(
    "请换一个网关重试；如仍如此，请告知网关运营方。",
    "Try another gateway; if that gives the same, tell the operator of the gateway.",
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One proof on disk."""

    number: str
    proof: Path
    file: Path | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to write proofs: checked against what, beside which files, over what is there or not.

    `files` are the files by their place in the batch, and `folder` is for proofs of the others,
    unless `only_files`; `out` is for all; `public` leaves the openings out.
    """

    anchor: Anchor
    folder: Path
    files: Mapping[int, HashedFile]
    only_files: bool = False
    out: Path | None = None
    public: bool = False
    replace: bool = False


def deliver(first: bytes, batch: Batch, delivery: Delivery, terminal: Terminal) -> list[Delivered]:
    """Write the proofs of all items of the batch, from the proof of any one of them.

    Whatever interrupts this, the proofs written are whole, and doing it again writes the rest.
    """
    check_proof(first, delivery.anchor)
    given, delivered = read_proof(first), []
    if given.entry.statement_bytes != batch.statement_bytes:
        raise Failure(
            "所得证明属于另一份存证单，未写入；请换一个网关或使用同一次存证的证明。",
            "the proof given is of another statement and was not written; ask another gateway, or "
            "use a proof of the same deposit.",
            Answer.COULD_NOT_CHECK,
        )
    with terminal.progress(of_bytes=False) as progress:
        progress.start(terminal.pick("核验并写入证明", "verifying proofs"), len(batch.items))
        for index, proof in enumerate(derive_all(given, batch)):
            if index in delivery.files or not delivery.only_files:
                delivered.append(_deliver_one(index, proof, delivery))
            progress.advance(1)
    return delivered


def check_proof(data: bytes, anchor: Anchor) -> Verdict:
    """The verdict on a proof somebody gave us; raises unless it is consistent."""
    verdict = verify(data, anchor)
    if not consistent(verdict):
        failed = next(each for each in verdict.findings if each.code is verdict.code)
        way_on = _WAYS_ON.get(verdict.code, _ASK_ANOTHER)
        raise Failure(
            f"所得证明未通过核验，未写入：{verdict.code.name} {verdict.code.zh}（{failed.zh}）。"
            f"{way_on.zh}",
            f"the proof given does not verify and was not written: {verdict.code.name} "
            f"{verdict.code.en} ({failed.en}). {way_on.en}",
            verdict.answer,
        )
    return verdict


def read_proof(data: bytes) -> Proof:
    """The proof these bytes are; one that cannot be read has its own answer."""
    try:
        return parse_proof(data)
    except Malformed as error:
        code = ResultCode.V502 if error.newer else ResultCode.V200
        raise Failure(
            f"所得证明无法读取：{code.name} {code.zh}（{error}）。",
            f"the proof given cannot be read: {code.name} {code.en} ({error}).",
            code.answer,
        ) from error


def _deliver_one(index: int, proof: Proof, delivery: Delivery) -> Delivered:
    data, file = format_proof(proof), delivery.files.get(index)
    verdict = verify(data, delivery.anchor, None if file is None else file.digests)
    assert consistent(verdict), "derived from a verified proof and the depositor's own items"
    if delivery.public:
        proof = public_form(proof)
        data = format_proof(proof)
    base = file.path if file else delivery.folder / proof.number
    base = base if delivery.out is None else delivery.out / base.name
    path = proof_path(base, public=delivery.public)
    if delivery.replace or not _is_there(path, proof):
        write_whole(path, data, replace=delivery.replace)
    return Delivered(proof.number, path, None if file is None else file.path, verdict)


def _is_there(path: Path, proof: Proof) -> bool:
    """Whether a holder's proof of the same item of the same statement is there already.

    It may have been taken from another member, whose first quorum was another one: as good.
    """
    try:
        with path.open("rb") as file:
            kept = parse_proof(file.read(PROOF_SIZE_MAX + 1))
    except (FileNotFoundError, Malformed):
        return False
    return (kept.entry_bytes, kept.item_index, kept.opening) == (
        proof.entry_bytes,
        proof.item_index,
        proof.opening,
    )
