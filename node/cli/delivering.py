"""Proofs onto the depositor's disk: derived from one, each verified before it is written.

The holder's copy (with its opening) goes beside its file as FILE.proof.txt, the public form as
FILE.public.proof.txt; of an item whose file is not known, into a folder under its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node.cli.files import proof_path, write_whole
from node.cli.terminal import Terminal
from node.client.hashing import HashedFile
from node.evidence.batch import Batch, derive_all
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof, public_form
from node.evidence.proof_text import PROOF_SIZE_MAX, format_proof, parse_proof
from node.evidence.steps import Anchor
from node.evidence.verdict import Verdict
from node.evidence.verify import verify


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


def deliver(first: Proof, batch: Batch, delivery: Delivery, terminal: Terminal) -> list[Delivered]:
    """Write the proofs of all items of the batch, from the verified proof of any one of them.

    Whatever interrupts this, the proofs written are whole, and doing it again writes the rest.
    """
    delivered = []
    with terminal.progress(of_bytes=False) as progress:
        progress.start(terminal.pick("核验并写入证明", "verifying proofs"), len(batch.items))
        for index, proof in enumerate(derive_all(first, batch)):
            if index in delivery.files or not delivery.only_files:
                delivered.append(_deliver_one(index, proof, delivery))
            progress.advance(1)
    return delivered


def _deliver_one(index: int, proof: Proof, delivery: Delivery) -> Delivered:
    data, file = format_proof(proof), delivery.files.get(index)
    verdict = verify(data, delivery.anchor, None if file is None else file.digests)
    assert verdict.consistent, "derived from a verified proof and the depositor's own items"
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
