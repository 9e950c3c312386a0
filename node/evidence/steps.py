"""The six steps of verification, in order (docs/proof-format.md, section 13).

Each step compares and says what it found; `verify` draws the bottom line. Failures carry the code
they would give if nothing worse failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from node.evidence import item
from node.evidence.digests import ALGS
from node.evidence.enrolment import ZH_ROLES, Standing, standing
from node.evidence.entry import KeyEntry
from node.evidence.keys import BadSignature, PublicKey
from node.evidence.malformed import Malformed
from node.evidence.merkle import BadPath, leaf_hash, verify_consistency, verify_inclusion
from node.evidence.policy import Policy, check_suites, fingerprint
from node.evidence.policy_note import verify_succession
from node.evidence.proof import LeafProof, Proof
from node.evidence.sealed import SealedCheckpoint, verify_further_lines, verify_seals
from node.evidence.sm2 import Sm2Missing
from node.evidence.succession import Succession
from node.evidence.verdict import Finding, Outcome
from node.words import OpenPoint, ResultCode


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the verifier knows from elsewhere: the whole policy text, or its fingerprint.

    `succession` is no matter of trust: policies of which one is the one known from elsewhere, each
    signed by members of the one before it. It leads from there to what an older proof has.
    """

    policy_text: bytes | None = None
    fingerprint: str | None = None
    succession: Succession | None = None

    def __post_init__(self) -> None:
        assert (self.policy_text is None) != (self.fingerprint is None)

    def names(self, policy_text: bytes) -> bool:
        """Whether this policy text is the one meant."""
        if self.policy_text is not None:
            return policy_text == self.policy_text
        return fingerprint(policy_text) == self.fingerprint

    def reaches(self, policy_text: bytes) -> bool:
        """Whether this policy text is the one meant, or the succession has both."""
        if self.names(policy_text):
            return True
        known = [each.policy_text for each in self.succession.notes] if self.succession else []
        return policy_text in known and any(self.names(text) for text in known)


@dataclass(frozen=True, slots=True)
class FileDigests:
    """The file in the verifier's hands: its size and all its digests, by algorithm."""

    size: int
    digests: Mapping[str, bytes]

    def __post_init__(self) -> None:
        assert set(self.digests) == set(ALGS), "a proof may ask for any of them"


def steps(proof: Proof, anchor: Anchor | None, file: FileDigests | None) -> Iterator[Finding]:
    yield Finding(0, Outcome.PASSED, "证明文件格式正确", "the proof file is well formed")
    yield _file_gives_item(proof, file)
    yield _item_in_statement(proof)
    yield from _keys_signed(proof)
    yield from _entry_in_tree(proof)
    yield from _quorum_sealed(proof, anchor)
    yield _times_agree(proof)


# (1) The file gives the item.


def _file_gives_item(proof: Proof, file: FileDigests | None) -> Finding:
    if file is None:
        return Finding(
            1, Outcome.NOT_CHECKED, "未提供文件，未比对文件", "no file was given, none was compared"
        )
    recorded = _recorded_digests(proof)
    if recorded is None:
        return Finding(
            1,
            Outcome.FAILED,
            "证明不含摘要开启数据，无法比对文件",
            "the proof has no opening, so the file cannot be compared; use the holder's copy",
            ResultCode.V502,
        )
    size, digests = recorded
    equal = [file.digests[alg] == digest for alg, digest in digests]
    if all(equal) and size in (None, file.size):
        return Finding(
            1,
            Outcome.PASSED,
            "文件的全部摘要与记录一致",
            "all digests of the file are the recorded ones",
        )
    if any(equal):
        return Finding(
            1,
            Outcome.FAILED,
            "文件的摘要或大小部分一致、部分不一致，记录的摘要不属于同一文件",
            "some digests or the size agree and some do not: those recorded are not of one file",
            ResultCode.V106,
        )
    return Finding(
        1,
        Outcome.FAILED,
        "文件的摘要与记录不一致（另存、转码、压缩亦会改变字节）",
        "the file's digests differ (saving again or compressing also changes bytes)",
        ResultCode.V102,
    )


def _recorded_digests(proof: Proof) -> tuple[int | None, tuple[tuple[str, bytes], ...]] | None:
    if proof.deposit.mode == "digest":
        return None, ((proof.deposit.alg, proof.item),)
    if proof.opening is None:
        return None
    return proof.opening.size, proof.opening.digests


# (2) The item is in the statement under this evidence number.


def _item_in_statement(proof: Proof) -> Finding:
    deposit = proof.deposit
    return checked(
        2,
        ResultCode.V201,
        f"数据项在存证单内，编号为 {proof.number}",
        f"the item is in the statement, under number {proof.number}",
        lambda: verify_inclusion(
            leaf_hash(b"".join(proof.page)),
            proof.item_index // deposit.page,
            item.page_count(deposit.count, deposit.page),
            proof.page_path,
            deposit.items_root,
        ),
    )


# (3) The key signed the statement, and the gateway its receipt.


def _keys_signed(proof: Proof) -> Iterator[Finding]:
    yield checked(
        3,
        ResultCode.V205,
        "存证单签名与接收凭证签名有效",
        "the signatures of statement and receipt hold",
        lambda: _check_statement(proof),
    )
    for leaf, entry in zip(proof.keys, proof.key_entries, strict=True):
        policy = _in_force(proof, leaf.index)
        if policy is None or entry.authority not in policy.authorities:
            yield _failed(
                3,
                ResultCode.V205,
                "密钥登记并非由策略所列登记机构作出",
                "a key record is not by an enrolling authority of the policy",
            )
        yield checked(
            3,
            ResultCode.V205,
            "密钥登记签名有效",
            "the signature of the key record holds",
            partial(_check_key_record, entry, policy),
        )
        yield _in_tree(proof, leaf, 3, "密钥登记", "the key record")
    for key in dict.fromkeys((proof.deposit.key, proof.entry.receipt.gateway)):
        yield _owner(proof, key)


def _in_force(proof: Proof, index: int) -> Policy | None:
    """The policy in force when the leaf of this index was made; None before the first one."""
    if not proof.policies:
        return proof.policy
    places = zip(proof.policy_entries, proof.policies, strict=True)
    before = [entry.note for leaf, entry in places if leaf.index < index]
    return before[-1].policy if before else None


def _check_statement(proof: Proof) -> None:
    """The rules in force take such keys, and both signatures hold."""
    if (policy := _in_force(proof, proof.tlog.index)) is not None:
        check_suites(policy.rules, proof.deposit.key, proof.entry.receipt.gateway)
    proof.entry.verify_signatures()


def _check_key_record(entry: KeyEntry, policy: Policy | None) -> None:
    """The same for a key record."""
    if policy is not None:
        check_suites(policy.rules, entry.authority, *entry.record.keys)
    entry.verify_signature()


def key_standing(proof: Proof, key: PublicKey) -> Standing:
    records = (entry.record for entry in proof.key_entries)
    return standing(key, records, proof.entry.time_ms)


def _owner(proof: Proof, key: PublicKey) -> Finding:
    found = key_standing(proof, key)
    if found.ended_by is not None:
        return _failed(
            3,
            ResultCode.V302,
            f"密钥 {key.text} 在出块前已撤销或更换",
            f"key {key.text} had been revoked or replaced before the block",
        )
    if not _owner_known(proof, key):
        return Finding(
            3,
            Outcome.NOT_CHECKED,
            f"由密钥 {key.text} 签名，未核验其持有人",
            f"signed by key {key.text}, owner not checked",
        )
    roles = ", ".join(sorted(found.roles))
    zh_roles = "、".join(ZH_ROLES[role] for role in sorted(found.roles))
    return Finding(
        3,
        Outcome.PASSED,
        f"据所附登记记录，密钥 {key.text} 已登记（{zh_roles}）",
        f"by the records enclosed, key {key.text} is enrolled ({roles})",
    )


def _owner_known(proof: Proof, key: PublicKey) -> bool:
    """Whether the records enclosed make `key` good for what it did here."""
    roles = key_standing(proof, key).roles
    if key == proof.entry.receipt.gateway and "gateway" not in roles:
        return False
    return key != proof.deposit.key or (bool(roles) and "member" not in roles)


def owner_points(proof: Proof) -> Iterator[OpenPoint]:
    """What step 3 leaves open."""
    own, gateway = proof.deposit.key, proof.entry.receipt.gateway
    if proof.entry.attested or "gateway" in key_standing(proof, own).roles:
        yield OpenPoint.O01
    if not (_owner_known(proof, own) and _owner_known(proof, gateway)):
        yield OpenPoint.O06


# (4) The statement is in the entry, the entry in the tree.


def _entry_in_tree(proof: Proof) -> Iterator[Finding]:
    origins = {proof.deposit.origin, proof.sealed.checkpoint.origin, proof.policy.origin}
    origins |= {entry.record.origin for entry in proof.key_entries}
    origins |= {entry.note.origin for entry in proof.policies}
    if len(origins) > 1:
        yield _failed(
            4, ResultCode.V104, "各部分属于不同的链", "its parts belong to different chains"
        )
    leaf = LeafProof(proof.tlog.index, proof.tlog.path, proof.entry_bytes)
    yield _in_tree(proof, leaf, 4, "存证记录", "the entry")


def _in_tree(proof: Proof, leaf: LeafProof, step: int, zh: str, en: str) -> Finding:
    checkpoint = proof.sealed.checkpoint
    return checked(
        step,
        ResultCode.V201,
        f"{zh}在检查点的树内",
        f"{en} is in the tree of the checkpoint",
        lambda: verify_inclusion(
            leaf_hash(leaf.entry_bytes), leaf.index, checkpoint.size, leaf.path, checkpoint.root
        ),
    )


# (5) A quorum of the policy sealed the tree.


def _quorum_sealed(proof: Proof, anchor: Anchor | None) -> Iterator[Finding]:
    if anchor is None:
        yield _failed(
            5,
            ResultCode.V204,
            "未提供来自证明之外的策略或策略指纹，联签无从核验",
            "no policy or fingerprint from outside the proof, so the seals cannot be judged",
        )
        return
    yield checked(
        5,
        ResultCode.V206,
        "策略与外部信任锚相符",
        "the policy is the one named from outside",
        lambda: _check_policy(proof, anchor),
    )
    for leaf in proof.policy_entries:
        yield _in_tree(proof, leaf, 5, "策略", "a policy entry")
    yield checked(
        5,
        ResultCode.V202,
        f"按所附策略，{len(proof.sealed.seals)} 家成员联签，最低 {proof.policy.quorum} 家",
        f"by the policy enclosed, {len(proof.sealed.seals)} members cosigned, "
        f"{proof.policy.quorum} are needed",
        lambda: verify_seals(proof.sealed, proof.policy),
    )
    yield from _further_signed(proof, proof.sealed)
    if proof.later is not None:
        yield from _later_extends(proof)


def _check_policy(proof: Proof, anchor: Anchor) -> None:
    """The policy enclosed, or one it descends from or leads to, is the one from elsewhere."""
    texts = [entry.note.policy_text for entry in proof.policies] or [proof.policy_text]
    if not any(anchor.reaches(text) for text in texts):
        raise BadSignature("the policy enclosed is another one")
    for before, after in zip(proof.policies, proof.policies[1:], strict=False):
        verify_succession(before.note, after.note)
    if proof.policy_entries and proof.sealed.checkpoint.size <= proof.policy_entries[-1].index + 1:
        raise BadSignature("the checkpoint was sealed before this policy governed")


def _further_signed(proof: Proof, sealed: SealedCheckpoint) -> Iterator[Finding]:
    """What members signed besides, for whoever has to check with another suite."""
    if not sealed.further:
        return
    count = len(sealed.further)
    yield checked(
        5,
        ResultCode.V202,
        f"另有 {count} 个附加签名（P-256 或 SM2），不计入最低联签数",
        f"{count} further signatures of P-256 or SM2, which count for no quorum",
        lambda: verify_further_lines(sealed, proof.members),
    )


def _later_extends(proof: Proof) -> Iterator[Finding]:
    later, first = proof.later, proof.sealed.checkpoint
    assert later is not None
    second = later.sealed.checkpoint
    yield checked(
        5,
        ResultCode.V202,
        "后续检查点的联签有效",
        "the later checkpoint is sealed by a quorum",
        lambda: verify_seals(later.sealed, proof.policy),
    )
    yield from _further_signed(proof, later.sealed)
    yield checked(
        5,
        ResultCode.V203,
        "后续检查点包含此检查点的树",
        "the later checkpoint extends this one",
        lambda: verify_consistency(first.size, first.root, second.size, second.root, later.path),
    )


# (6) The times agree.


def _times_agree(proof: Proof) -> Finding:
    if OpenPoint.O07 in time_points(proof):
        return Finding(
            6,
            Outcome.NOT_CHECKED,
            "区块时间与联签时间或接收时间不相符，以联签时间为准",
            "block, seal and receipt times do not agree; the seal time is the one that counts",
        )
    return Finding(
        6, Outcome.PASSED, "区块时间、联签时间、接收时间相符", "block, seal and receipt times agree"
    )


def time_points(proof: Proof) -> Iterator[OpenPoint]:
    skew, block = proof.policy.skew_ms, proof.entry.time_ms
    seal_s = proof.seal_time_s
    # A seal's time is in whole seconds, so it may be up to a second off.
    far = seal_s is not None and abs(block - seal_s * 1000) > skew + 1000
    if far or proof.entry.receipt.accepted_at > block + skew:
        yield OpenPoint.O07


def checked(step: int, code: ResultCode, zh: str, en: str, check: Callable[[], None]) -> Finding:
    """A finding from a check that raises if it fails."""
    try:
        check()
    except (BadPath, BadSignature, Malformed) as error:
        return _failed(step, code, f"不成立：{zh}", f"does not hold: {en} ({error})")
    except Sm2Missing as error:
        return _failed(
            step,
            ResultCode.V502,
            f"本机 OpenSSL 不支持 SM2，无法核验：{zh}",
            f"could not be checked on this machine: {en} ({error})",
        )
    return Finding(step, Outcome.PASSED, zh, en)


def _failed(step: int, code: ResultCode, zh: str, en: str) -> Finding:
    return Finding(step, Outcome.FAILED, zh, en, code)
