"""Whether a contradiction file holds (docs/proof-format.md, section 17), and whom it names.

    (0) read the file
    (1) the policies are those named from outside
    (2) every seal is a member's
    (3) the tree of the second checkpoint does not begin with that of the first

Pure, and like `verify` never raises. What comes out is no verdict on anybody's evidence: it says
which members signed both of two things of which one is false, and which signed only one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from node.evidence.checkpoint import format_checkpoint, verify_cosignature
from node.evidence.contradiction import Contradiction, Holder, Side, parse_contradiction
from node.evidence.keys import BadSignature, PublicKey
from node.evidence.malformed import Malformed
from node.evidence.members import Member
from node.evidence.merkle import verify_consistency
from node.evidence.note import TYPE_COSIGNATURE, ed25519_vkey
from node.evidence.policy import fingerprint
from node.evidence.policy_note import PolicyNote, verify_succession
from node.evidence.sealed import Seal
from node.evidence.steps import Anchor, checked
from node.evidence.verdict import Finding, Outcome
from node.words import Answer, ResultCode

_ORDER = ("V204", "V206", "V202", "V203")
"""Which failure gives the bottom line if there are several."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One of the two checkpoints: its size and root, who sealed it, and whether enough did."""

    size: int
    root: bytes
    members: tuple[Member, ...]
    by_quorum: bool
    """Of the newest policy enclosed."""
    keys: frozenset[PublicKey]
    """Those whose seals hold."""


@dataclass(frozen=True, slots=True)
class Accused:
    """What the file says; nothing here is verified unless the judgement holds."""

    origin: str
    network: str
    fingerprint: str
    quorum: int
    first: Sealed
    second: Sealed
    both: tuple[Member, ...]
    keys: tuple[PublicKey, ...]
    """Those with which the members of `both` sealed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for one contradiction file: it holds exactly if there is no `code`."""

    code: ResultCode | None
    findings: tuple[Finding, ...]
    accused: Accused | None = None

    @property
    def holds(self) -> bool:
        """Whether two contradicting checkpoints were sealed by whom the file says."""
        return self.code is None

    @property
    def exit_code(self) -> int:
        """0 if it holds, otherwise that of the answer."""
        return self.code.answer.exit_code if self.code else Answer.CONSISTENT.exit_code

    def to_json(self) -> dict[str, object]:
        """For programs."""
        value: dict[str, object] = {
            "holds": self.holds,
            "code": self.code.name if self.code else None,
            "findings": [each.to_json() for each in self.findings],
        }
        if self.accused is not None:
            value["contradiction"] = _accused_json(self.accused)
        return value


def judge(data: bytes, anchor: Anchor | None, policies: Sequence[PolicyNote] = ()) -> Judgement:
    """What a contradiction file comes to; every input gives a judgement, none raises. Who knows
    `policies` of the chain takes no others for them."""
    try:
        found = parse_contradiction(data)
    except Malformed as error:
        return _unreadable(error)
    findings = tuple(_steps(found, anchor, policies))
    failed = {each.code.name: each.code for each in findings if each.code is not None}
    code = next((failed[name] for name in _ORDER if name in failed), None)
    return Judgement(code, findings, _accused(found))


def _unreadable(error: Malformed) -> Judgement:
    code = ResultCode.V502 if error.newer else ResultCode.V200
    if error.newer:
        zh = "文件使用了比本核验程序更新的格式或算法，请使用新版核验程序"
        en = f"newer than this verifier, use a newer one ({error})"
    else:
        zh, en = "文件无法读取，请索取原件的逐字节副本", f"cannot be read: {error}"
    return Judgement(code, (Finding(0, Outcome.FAILED, zh, en, code),))


def _steps(
    found: Contradiction, anchor: Anchor | None, policies: Sequence[PolicyNote]
) -> Iterator[Finding]:
    yield Finding(0, Outcome.PASSED, "文件格式正确", "the file is well formed")
    if anchor is None:
        yield Finding(
            1,
            Outcome.FAILED,
            "未提供来自文件之外的策略或策略指纹，联签无从核验",
            "no policy or fingerprint from outside the file, so the seals cannot be judged",
            ResultCode.V204,
        )
    else:
        yield checked(
            1,
            ResultCode.V206,
            "策略与外部信任锚相符",
            "the policy is the one named from outside",
            lambda: _check_policies(found, anchor, policies),
        )
    size = found.first.checkpoint.size
    for side, zh, en in ((found.first, "一", "first"), (found.second, "二", "second")):
        yield checked(
            2,
            ResultCode.V202,
            f"检查点{zh}的联签有效：{', '.join(side.members)}",
            f"the cosignatures of the {en} checkpoint hold: {', '.join(side.members)}",
            partial(_check_seals, found, side),
        )
    yield checked(
        3,
        ResultCode.V203,
        f"检查点二的树在大小 {size} 处的树根与检查点一不同",
        f"at size {size} the tree of the second has another root than the first",
        lambda: _check_path(found),
    )


def _check_policies(found: Contradiction, anchor: Anchor, policies: Sequence[PolicyNote]) -> None:
    if not any(anchor.names(note.policy_text) for note in found.policies):
        raise BadSignature("the policy enclosed is another one")
    for before, after in zip(found.policies, found.policies[1:], strict=False):
        verify_succession(before, after)
    known = {note.serial: note.policy_text for note in policies}
    for note in found.policies:
        if known.get(note.serial, note.policy_text) != note.policy_text:
            raise BadSignature(f"policy {note.serial} is another one than this chain's")


def _check_seals(found: Contradiction, side: Side) -> None:
    """Each by a witness key that one of the policies gives the member it names."""
    for seal in side.seals:
        _holder(found, side, seal)


def _holder(found: Contradiction, side: Side, seal: Seal) -> Holder:
    """By whose key the seal is; `BadSignature` if by none of those that go by its key id."""
    failure = BadSignature(f"{seal.member} has no such key")
    for holder in found.holders(seal):
        vkey = ed25519_vkey(seal.line.name, holder.key, TYPE_COSIGNATURE)
        try:
            verify_cosignature(format_checkpoint(side.checkpoint), seal.line, vkey)
        except BadSignature as error:
            failure = error
        else:
            return holder
    raise failure


def _verified(found: Contradiction, side: Side) -> dict[str, Holder]:
    """The holders of the seals that hold, by name."""
    holders = {}
    for seal in side.seals:
        with suppress(BadSignature):
            holders[seal.member] = _holder(found, side, seal)
    return holders


def _check_path(found: Contradiction) -> None:
    first, second = found.first.checkpoint, found.second.checkpoint
    verify_consistency(first.size, found.root, second.size, second.root, found.path)


def _accused(found: Contradiction) -> Accused:
    policy = found.policy
    first, second = _verified(found, found.first), _verified(found, found.second)
    both = [
        name
        for name in found.first.members
        if name in first and name in second and first[name].is_one_with(second[name])
    ]
    return Accused(
        origin=policy.origin,
        network=policy.network,
        fingerprint=fingerprint(found.policies[-1].policy_text),
        quorum=policy.quorum,
        first=_sealed(found, found.first, first),
        second=_sealed(found, found.second, second),
        both=tuple(second[name].member for name in both),
        keys=tuple(side[name].key for name in both for side in (first, second)),
    )


def _sealed(found: Contradiction, side: Side, holders: Mapping[str, Holder]) -> Sealed:
    known = found.organisations
    keys = {sealer.witness for sealer in found.policy.sealers}
    return Sealed(
        side.checkpoint.size,
        side.checkpoint.root,
        tuple(holders[name].member if name in holders else known[name] for name in side.members),
        sum(each.key in keys for each in holders.values()) >= found.policy.quorum,
        frozenset(each.key for each in holders.values()),
    )


def _accused_json(accused: Accused) -> dict[str, object]:
    return {
        "origin": accused.origin,
        "network": accused.network,
        "policy_fingerprint": accused.fingerprint,
        "quorum": accused.quorum,
        "first": _sealed_json(accused.first),
        "second": _sealed_json(accused.second),
        "cosigned_both": [each.to_json() for each in accused.both],
    }


def _sealed_json(sealed: Sealed) -> dict[str, object]:
    return {
        "size": sealed.size,
        "root": sealed.root.hex(),
        "cosigned": [each.to_json() for each in sealed.members],
        "by_quorum": sealed.by_quorum,
    }
