"""Verification of a proof, in the six numbered steps of docs/proof-format.md, section 13.

    (0) read the proof
    (1) the file gives the item
    (2) the item is in the statement under this evidence number
    (3) the key signed the statement, and the gateway its receipt
    (4) the statement is in the entry, the entry in the tree
    (5) a quorum of the policy sealed the tree
    (6) the times agree

Pure: the file's digests, the proof's bytes and what the verifier knows from elsewhere go in, a
`Verdict` comes out. Keys and policies that came inside the proof count only through step 5. What a
verifier asks besides (`doubts`) belongs to step 5 too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from node.evidence.doubts import Doubts, has_contradicted, later_cosigners, quorum_without
from node.evidence.malformed import Malformed
from node.evidence.merkle import leaf_hash
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.steps import Anchor, FileDigests, owner_points, steps, time_points
from node.evidence.verdict import Facts, Finding, Outcome, Verdict
from node.words import OpenPoint, ResultCode

_BOM = b"\xef\xbb\xbf"
# Only where a run of CR begins: a file of nothing else must not be searched once from every byte.
_DAMAGE = re.compile(rb"(?<!\r)\r+\n")
NO_DOUBTS = Doubts()
_ORDER = ("V204", "V104", "V201", "V205", "V206", "V202", "V203", "V302", "V102", "V106", "V502")
"""Which failure gives the bottom line if there are several: first those of the proof itself."""


def verify(
    data: bytes,
    anchor: Anchor | None,
    file: FileDigests | None = None,
    doubts: Doubts = NO_DOUBTS,
) -> Verdict:
    """The verdict on a proof; every input gives one, none raises."""
    whole = data.removeprefix(_BOM)
    if b"\r" in whole:
        whole = _DAMAGE.sub(b"\n", whole)
    if whole == data:
        return _judge(data, anchor, file, doubts)
    finding = Finding(
        0,
        Outcome.FAILED,
        "证明文件在传输中被改动（换行或 BOM），请索取原件的逐字节副本",
        "damaged in transit (CR LF line ends or a BOM); ask for a byte-for-byte copy",
        ResultCode.V200,
    )
    return Verdict(ResultCode.V200, (finding,), repaired=_judge(whole, anchor, file, doubts))


def _judge(data: bytes, anchor: Anchor | None, file: FileDigests | None, doubts: Doubts) -> Verdict:
    try:
        proof = parse_proof(data)
    except Malformed as error:
        return _unreadable(error)
    findings = tuple(_findings(proof, anchor, file, doubts))
    points = tuple(_open_points(proof, file, doubts))
    failed = {each.code.name: each.code for each in findings if each.code is not None}
    first = next((failed[name] for name in _ORDER if name in failed), None)
    code = first or (ResultCode.V001 if points else ResultCode.V000)
    return Verdict(code, findings, points, _facts(proof))


def _unreadable(error: Malformed) -> Verdict:
    code = ResultCode.V502 if error.newer else ResultCode.V200
    if error.newer:
        zh = "证明使用了比本核验程序更新的格式或算法，请使用新版核验程序"
        en = f"newer than this verifier, use a newer one ({error})"
    else:
        zh, en = "证明文件无法读取，请索取原件的逐字节副本", f"cannot be read: {error}"
    return Verdict(code, (Finding(0, Outcome.FAILED, zh, en, code),))


def _findings(
    proof: Proof, anchor: Anchor | None, file: FileDigests | None, doubts: Doubts
) -> Iterator[Finding]:
    *before, last = steps(proof, anchor, file)
    yield from before
    if doubts.without:
        yield quorum_without(proof, doubts.without)
    yield last


def _open_points(proof: Proof, file: FileDigests | None, doubts: Doubts) -> Iterator[OpenPoint]:
    if proof.policy.network == "test":
        yield OpenPoint.O05
    yield from owner_points(proof)
    yield from time_points(proof)
    if has_contradicted(proof, doubts.contradictions):
        yield OpenPoint.O13
    if file is None:
        yield OpenPoint.O09
    yield OpenPoint.O02


def _facts(proof: Proof) -> Facts:
    names = {seal.member for seal in proof.sealed.seals}
    later = later_cosigners(proof) - names
    return Facts(
        number=proof.number,
        origin=proof.sealed.checkpoint.origin,
        network=proof.policy.network,
        seal_time_s=proof.seal_time_s,
        block_time_ms=proof.entry.time_ms,
        accepted_at_ms=proof.entry.receipt.accepted_at,
        claimed_at_ms=proof.deposit.claimed_at,
        category=proof.deposit.category,
        entry_hash=leaf_hash(proof.entry_bytes),
        tree_size=proof.sealed.checkpoint.size,
        fingerprint=fingerprint(proof.policy_text),
        quorum=proof.policy.quorum,
        signed=tuple(each for each in proof.members if each.name in names),
        later=tuple(each for each in proof.members if each.name in later),
        missing=tuple(each for each in proof.members if each.name not in names | later),
    )
