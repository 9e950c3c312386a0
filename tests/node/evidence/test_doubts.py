"""What is asked of a proof by who does not take a member's word."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from node.evidence.accusation import Accused, judge
from node.evidence.contradiction import Side, format_contradiction, ordered
from node.evidence.doubts import Doubts
from node.evidence.merkle import root
from node.evidence.proof import Later, Proof
from node.evidence.proof_text import format_proof
from node.evidence.sealed import parse_sealed
from node.evidence.steps import Anchor
from node.evidence.verdict import Verdict
from node.evidence.verify import verify
from node.words import OpenPoint


def asked(chain: Any, proof: Proof, doubts: Doubts) -> Verdict:
    return verify(
        format_proof(proof), Anchor(policy_text=chain.policies[-1].policy_text), None, doubts
    )


def sealed_by(chain: Any, first: tuple[str, ...], later: tuple[str, ...] = ()) -> Proof:
    """A proof with these seals on the first checkpoint and, if there are any, on the later one."""
    proof: Proof = chain.proof(chain.deposit(), note=chain.seal(sealers=first))
    if later:
        proof = replace(proof, later=Later((), chain.seal(sealers=later)))
    return proof


@pytest.mark.parametrize(
    ("first", "later", "without", "left"),
    [
        (("court", "notary", "forensic"), (), ("court",), 2),
        (("court", "notary", "forensic"), (), ("示例互联网法院",), 2),
        (("court", "notary", "forensic"), (), ("court", "notary"), 1),
        (("court", "notary"), (), ("court",), 1),
        (("court", "notary"), (), ("forensic",), 2),
        (("court", "notary"), ("court", "notary", "forensic"), ("court",), 2),
        (("court", "notary"), ("court", "forensic"), ("court", "示例互联网法院"), 2),
        (("court", "notary"), ("court", "notary", "forensic"), ("court", "notary"), 1),
    ],
)
def test_a_quorum_without_a_member(
    chain: Any, first: tuple[str, ...], later: tuple[str, ...], without: tuple[str, ...], left: int
) -> None:
    verdict = asked(chain, sealed_by(chain, first, later), Doubts(without))
    (finding,) = [each for each in verdict.findings if "without" in each.en]
    assert f"{left} members cosigned, 2 are needed" in finding.en
    assert finding.step == 5
    assert verdict.code.name == ("V001" if left >= 2 else "V202")
    assert ("of them the later checkpoint" in finding.en) == bool(later)


def test_it_is_asked_before_the_times(chain: Any) -> None:
    proof = sealed_by(chain, ("court", "notary"))
    verdict = asked(chain, proof, Doubts(("court",)))
    assert [each.step for each in verdict.findings] == sorted(e.step for e in verdict.findings)


def test_nobody_is_left_out_who_does_not_exist(chain: Any) -> None:
    """A name mistyped must not look as if the proof stood without that member."""
    proof = sealed_by(chain, ("court", "notary"))
    verdict = asked(chain, proof, Doubts(("curt",)))
    assert (verdict.code.name, verdict.answer.exit_code) == ("V502", 80)
    assert any("示例互联网法院 (court)" in each.en for each in verdict.findings)


def test_who_sealed_only_later_is_listed_apart(chain: Any) -> None:
    proof = sealed_by(chain, ("court",), ("court", "notary"))
    facts = asked(chain, proof, Doubts()).facts
    assert facts is not None
    names = [[each.name for each in part] for part in (facts.signed, facts.later, facts.missing)]
    assert names == [["court"], ["notary"], ["forensic"]]
    shown = {en: value for _, en, value in facts.lines()}
    assert shown["later cosigned by"] == "示例公证处 (notary)"


# Known contradictions


def accused(chains: ModuleType, *both: str, origin: str = "cunzheng.test/example") -> Accused:
    """These members sealed two trees of one size."""
    one, other = chains.Chain(origin=origin), chains.Chain(origin=origin)
    one.enrol("one", "depositor")
    other.enrol("other", "depositor")
    sides = []
    for each in (one, other):
        sealed = parse_sealed(each.seal(sealers=both))
        sides.append(Side(sealed.checkpoint, tuple(sorted(sealed.seals, key=lambda s: s.member))))
    found = ordered(tuple(one.policies), sides[0], sides[1], root(other.hashes()), ())
    judgement = judge(format_contradiction(found), Anchor(policy_text=one.policies[0].policy_text))
    assert judgement.holds
    assert judgement.accused is not None
    return judgement.accused


def test_a_cosigner_that_contradicted_itself_is_an_open_point(
    chain: Any, chains: ModuleType
) -> None:
    proof = sealed_by(chain, ("court", "notary"))
    guilty, other = accused(chains, "court", "forensic"), accused(chains, "forensic")
    elsewhere = accused(chains, "court", origin="cunzheng.test/other")
    for known, shown in (((guilty,), True), ((other, elsewhere), False), ((), False)):
        verdict = asked(chain, proof, Doubts(contradictions=known))
        assert (OpenPoint.O13 in verdict.open_points) is shown
        assert verdict.code.name == "V001"
    by_later = sealed_by(chain, ("court", "notary"), ("notary", "forensic"))
    assert OpenPoint.O13 in asked(chain, by_later, Doubts(contradictions=(other,))).open_points


@pytest.mark.parametrize(
    ("renamed", "rekeyed", "shown"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_who_only_bears_the_name_of_one_is_not_doubted(
    chain: Any, chains: ModuleType, renamed: bool, rekeyed: bool, shown: bool
) -> None:
    """The name may have been another organisation's; a key that is the same says more than it."""
    known = accused(chains, "court")
    if renamed:
        known = replace(known, both=(replace(known.both[0], organisation="another court"),))
    if rekeyed:
        known = replace(known, keys=())
    verdict = asked(chain, sealed_by(chain, ("court",)), Doubts(contradictions=(known,)))
    assert (OpenPoint.O13 in verdict.open_points) is shown
