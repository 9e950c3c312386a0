"""What a verifier asks of a proof when it does not take a member's word: would it stand without?

    without          members who have an interest in the case, by name or organisation: their seals
                     are not counted, and a quorum must still be there
    contradictions   contradictions that hold: a member that signed both sides of one, and sealed
                     this proof, is an open point

A seal on the later checkpoint counts like one on the first: it covers everything before it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from node.evidence.accusation import Accused
from node.evidence.members import Member
from node.evidence.proof import Proof
from node.evidence.verdict import Finding, Outcome
from node.words import ResultCode


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is asked of one proof besides the recipe."""

    without: tuple[str, ...] = ()
    contradictions: tuple[Accused, ...] = ()


def later_cosigners(proof: Proof) -> frozenset[str]:
    """The members whose seals are on the later checkpoint, if there is one."""
    seals = proof.later.sealed.seals if proof.later is not None else ()
    return frozenset(seal.member for seal in seals)


def quorum_without(proof: Proof, names: Collection[str]) -> Finding:
    """Whether a quorum is left when these members' seals are not counted."""
    unknown = [name for name in names if not _find(proof, name)]
    if unknown:
        known = ", ".join(f"{each.organisation} ({each.name})" for each in proof.members)
        return Finding(
            5,
            Outcome.FAILED,
            f"所附策略中没有成员“{unknown[0]}”；其成员为：{known}",
            f"the policy enclosed has no member {unknown[0]!r}; its members are: {known}",
            ResultCode.V502,
        )
    excluded = [each for each in proof.members if any(_is(each, name) for name in names)]
    counted = {each.name for each in proof.members if each not in excluded}
    first = counted & {seal.member for seal in proof.sealed.seals}
    later = counted & later_cosigners(proof) - first
    count, quorum = len(first) + len(later), proof.policy.quorum
    whom = ", ".join(f"{each.organisation} ({each.name})" for each in excluded)
    zh = f"不计 {whom} 的联签，有 {count} 家成员联签，最低 {quorum} 家"
    en = f"without {whom}, {count} members cosigned, {quorum} are needed"
    if later:
        zh += f"（其中 {len(later)} 家联签于后续检查点）"
        en += f" ({len(later)} of them the later checkpoint)"
    if count >= quorum:
        return Finding(5, Outcome.PASSED, zh, en)
    return Finding(5, Outcome.FAILED, f"不足：{zh}", f"too few: {en}", ResultCode.V202)


def has_contradicted(proof: Proof, contradictions: Collection[Accused]) -> bool:
    """Whether one of the proof's cosigners signed both sides of one of these: the same organisation
    or the same key, and not only somebody who has or had that name."""
    cosigners = {seal.member for seal in proof.sealed.seals} | later_cosigners(proof)
    organisations = {each.name: each.organisation for each in proof.members}
    keys = {each.witness for each in proof.policy.sealers if each.member in cosigners}
    return any(
        each.origin == proof.sealed.checkpoint.origin
        and (
            not keys.isdisjoint(each.keys)
            or any(
                member.name in cosigners and organisations[member.name] == member.organisation
                for member in each.both
            )
        )
        for each in contradictions
    )


def _find(proof: Proof, name: str) -> bool:
    return any(_is(member, name) for member in proof.members)


def _is(member: Member, name: str) -> bool:
    return name in (member.name, member.organisation)
