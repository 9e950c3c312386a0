"""Each step of the recipe, with everything around the one wrong thing made right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.keys import Signer
from node.evidence.merkle import inclusion_path
from node.evidence.policy import fingerprint
from node.evidence.proof import Later, Proof, public_form
from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor, FileDigests
from node.evidence.tlog_proof import TlogProof
from node.evidence.verdict import Finding, Outcome, Verdict
from node.evidence.verify import verify
from node.words import OpenPoint

START_MS = 1_795_190_400_000
AnchorOf = Callable[[Any], Anchor]
FileOf = Callable[[bytes], FileDigests]


def judged(chain: Any, proof: Proof, file: FileDigests | None = None) -> Verdict:
    """The verdict with the last policy as the one from elsewhere."""
    return verify(format_proof(proof), Anchor(policy_text=chain.policies[-1].policy_text), file)


def failures(verdict: Verdict) -> set[tuple[int, str]]:
    return {(each.step, each.code.name) for each in verdict.findings if each.code}


def step(verdict: Verdict, number: int) -> list[Finding]:
    return [each for each in verdict.findings if each.step == number]


# (1)


@pytest.mark.parametrize("mode", ["commitment", "digest"])
def test_the_file_gives_the_item(chain: Any, file_of: FileOf, mode: str) -> None:
    proof = chain.proof(chain.deposit([b"file"], mode=mode))
    good, other = judged(chain, proof, file_of(b"file")), judged(chain, proof, file_of(b"other"))
    assert (good.code.name, failures(good)) == ("V001", set())
    assert OpenPoint.O09 not in good.open_points
    assert (other.code.name, failures(other)) == ("V102", {(1, "V102")})


def test_without_a_file_nothing_is_compared(chain: Any) -> None:
    verdict = judged(chain, chain.proof(chain.deposit()))
    assert step(verdict, 1)[0].outcome is Outcome.NOT_CHECKED
    assert OpenPoint.O09 in verdict.open_points


def test_without_the_opening_a_file_cannot_be_compared(chain: Any, file_of: FileOf) -> None:
    verdict = judged(chain, public_form(chain.proof(chain.deposit())), file_of(b"a file\n"))
    assert (verdict.code.name, failures(verdict)) == ("V502", {(1, "V502")})


def test_equal_digests_and_another_size_disagree(chain: Any, file_of: FileOf) -> None:
    opening = replace(chain.opening(b"file", "sha256+sm3", None), size=5)
    proof = chain.proof(chain.deposit([b"file"], openings=[opening]))
    assert judged(chain, proof, file_of(b"file")).code.name == "V106"


def test_a_verifier_brings_every_digest() -> None:
    with pytest.raises(AssertionError):
        FileDigests(0, {"sha256": bytes(32)})


# (2)


def test_the_items_path_leads_to_the_items_root(chain: Any) -> None:
    deposited = chain.deposit([b"%d" % n for n in range(5)])
    proof = chain.proof(deposited, 2)
    for wrong in (
        replace(proof, page_path=proof.page_path[:-1]),
        replace(proof, page_path=(*proof.page_path, bytes(32))),
        replace(proof, page_path=(bytes(32), *proof.page_path[1:])),
        replace(proof, item_index=3, opening=None),
    ):
        assert failures(judged(chain, wrong)) == {(2, "V201")}


# (3)


def test_statement_and_receipt_are_signed(chain: Any) -> None:
    signature = Signer(bytes(32)).sign(b"else")
    for deposited in (chain.deposit(signature=signature), chain.deposit(receipt=signature)):
        assert failures(judged(chain, chain.proof(deposited))) == {(3, "V205")}


def test_key_records_are_by_an_authority_and_signed(chain: Any) -> None:
    chain.enrol("a", "depositor", authority="somebody")
    chain.enrol("b", "depositor", signature=chain.signer("authority").sign(b"else"))
    for key in ("a", "b"):
        verdict = judged(chain, chain.proof(chain.deposit(key=key)))
        assert failures(verdict) == {(3, "V205")}


def test_key_records_are_in_the_tree(chain: Any) -> None:
    proof = chain.proof(chain.deposit())
    wrong = replace(proof.keys[0], path=proof.keys[0].path[::-1])
    verdict = judged(chain, replace(proof, keys=(wrong, *proof.keys[1:])))
    assert failures(verdict) == {(3, "V201")}


def test_the_authority_is_that_of_the_policy_in_force_at_the_record(chain: Any) -> None:
    chain.change_policy(authorities=(chain.signer("second authority").public,))
    chain.enrol("early", "depositor", authority="second authority")
    chain.enrol("late", "depositor")
    chain.block([], carries="nothing")
    assert failures(judged(chain, chain.proof(chain.deposit(key="early")))) == set()
    assert failures(judged(chain, chain.proof(chain.deposit(key="late")))) == {(3, "V205")}


def test_before_the_first_policy_nobody_enrols(chain: Any) -> None:
    """A key record at leaf 0: only a chain that was forged from its start has one."""
    chain.change_policy(quorum=3)
    chain.leaves[0] = chain.leaves[chain.key_entries[0][0]]
    deposited = chain.deposit()
    proof = chain.proof(deposited)
    gateway = chain.leaf_proof(0)
    verdict = judged(chain, replace(proof, keys=(gateway, proof.keys[1])))
    assert failures(verdict) == {(3, "V205")}


@pytest.mark.parametrize(
    ("effective", "code"),
    [(START_MS, "V302"), (START_MS + 6_000, "V302"), (START_MS + 6_001, "V001")],
)
@pytest.mark.parametrize("who", ["depositor", "gateway"])
@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_an_ended_key(chain: Any, who: str, action: str, effective: int, code: str) -> None:
    """The deposit's block is at six seconds: what ends a key at that moment counts."""
    successor = "next" if action == "rotate" else None
    chain.enrol(who, who, action, effective=effective, successor=successor)
    assert chain.time_ms + 1500 == START_MS + 6_000
    assert judged(chain, chain.proof(chain.deposit())).code.name == code


def test_a_successor_is_enrolled_from_its_time_on(chain: Any) -> None:
    chain.enrol("depositor", "depositor", "rotate", successor="next", effective=START_MS + 9_000)
    early, late = (judged(chain, chain.proof(chain.deposit(key="next"))) for _ in range(2))
    assert OpenPoint.O06 in early.open_points
    late = judged(chain, chain.proof(chain.deposit(key="next")))
    assert OpenPoint.O06 not in late.open_points


@pytest.mark.parametrize(
    ("role", "points"),
    [
        ("depositor", set()),
        ("court", set()),
        ("member", {OpenPoint.O06}),
        ("gateway", {OpenPoint.O01}),
    ],
)
def test_the_role_of_the_statements_key(chain: Any, role: str, points: set[OpenPoint]) -> None:
    chain.enrol("key", role)
    verdict = judged(chain, chain.proof(chain.deposit(key="key")))
    assert set(verdict.open_points) - {OpenPoint.O02, OpenPoint.O05, OpenPoint.O09} == points


def test_a_gateway_without_its_role_is_not_known(chain: Any) -> None:
    chain.enrol("false gateway", "depositor")
    for gateway in ("false gateway", "unknown"):
        verdict = judged(chain, chain.proof(chain.deposit(gateway=gateway)))
        assert verdict.code.name == "V001"
        assert OpenPoint.O06 in verdict.open_points
        assert any(each.outcome is Outcome.NOT_CHECKED for each in step(verdict, 3))


# (4)


def test_the_entry_is_in_the_tree(chain: Any) -> None:
    deposited = chain.deposit()
    proof = chain.proof(deposited)
    for tlog in (
        replace(proof.tlog, path=proof.tlog.path[:-1]),
        replace(proof.tlog, path=(*proof.tlog.path, bytes(32))),
        replace(proof.tlog, index=proof.tlog.index + 1),
        replace(proof.tlog, index=10**6),
    ):
        assert failures(judged(chain, replace(proof, tlog=tlog))) == {(4, "V201")}


def test_statement_and_records_are_of_the_checkpoints_chain(chain: Any) -> None:
    foreign = chain.deposit(origin="cunzheng.test/other")
    assert failures(judged(chain, chain.proof(foreign))) == {(4, "V104")}
    chain.enrol("key", "depositor", origin="cunzheng.test/other")
    deposited = chain.deposit(key="key")
    assert failures(judged(chain, chain.proof(deposited))) == {(4, "V104")}


# (5)


def test_the_anchor_is_one_of_two() -> None:
    with pytest.raises(AssertionError):
        Anchor()
    with pytest.raises(AssertionError):
        Anchor(b"", "")


def test_nothing_from_elsewhere(chain: Any) -> None:
    verdict = verify(format_proof(chain.proof(chain.deposit())), None)
    assert (verdict.code.name, failures(verdict)) == ("V204", {(5, "V204")})


def test_any_policy_on_the_way_may_be_the_one_from_elsewhere(chain: Any) -> None:
    chain.change_policy(quorum=3)
    chain.change_policy(names=("court", "notary"), quorum=1)
    data = format_proof(chain.proof(chain.deposit()))
    for note in chain.policies:
        text = note.policy_text
        for anchor in (Anchor(policy_text=text), Anchor(fingerprint=fingerprint(text))):
            assert verify(data, anchor).code.name == "V001"
    for anchor in (Anchor(policy_text=b""), Anchor(fingerprint="A" * 39), Anchor(fingerprint="")):
        assert verify(data, anchor).code.name == "V206"


def test_policy_entries_are_in_the_tree(chain: Any) -> None:
    chain.change_policy(quorum=3)
    proof = chain.proof(chain.deposit())
    wrong = replace(proof.policy_entries[1], path=proof.policy_entries[1].path[1:])
    verdict = judged(chain, replace(proof, policy_entries=(proof.policy_entries[0], wrong)))
    assert failures(verdict) == {(5, "V201")}


def test_a_policy_governs_no_checkpoint_that_ends_with_it(chain: Any) -> None:
    deposited = chain.deposit()
    leaf = chain.change_policy(quorum=1)
    note = chain.seal()
    assert len(chain.leaves) == leaf + 1
    chain.block([], carries="nothing")
    proof = chain.proof(deposited)
    hashes = chain.hashes(leaf + 1)
    tlog = TlogProof(deposited.leaf, tuple(inclusion_path(deposited.leaf, hashes)), note)
    early = replace(
        proof,
        tlog=tlog,
        keys=tuple(chain.leaf_proof(each.index, leaf + 1) for each in proof.keys),
        policy_entries=tuple(
            chain.leaf_proof(each.index, leaf + 1) for each in proof.policy_entries
        ),
    )
    assert failures(judged(chain, early)) == {(5, "V206")}


def test_later_adds_seals_of_the_same_policy(chain: Any) -> None:
    deposited = chain.deposit()
    size = len(chain.leaves)
    chain.block([], carries="nothing")
    proof = chain.proof(deposited, size=size, later=True)
    assert failures(judged(chain, proof)) == set()
    same = replace(proof, later=Later((), chain.seal(size)))
    assert failures(judged(chain, same)) == set()
    few = replace(proof, later=replace(proof.later, note=chain.seal(sealers=("notary",))))
    assert failures(judged(chain, few)) == {(5, "V202")}
    broken = replace(proof, later=replace(proof.later, path=()))
    assert failures(judged(chain, broken)) == {(5, "V203")}


# (6)


@pytest.mark.parametrize(
    ("delay_s", "agrees"), [(-8, False), (-2, True), (0, True), (2, True), (3, False)]
)
def test_block_time_and_seal_time(chain: Any, delay_s: int, agrees: bool) -> None:
    """The block is at 4.5 s, the quorum's seal one second after the first; skew is 2 s and 1."""
    proof = chain.proof(chain.deposit())
    proof = replace(proof, tlog=replace(proof.tlog, checkpoint=chain.seal(delay_s=delay_s)))
    assert (OpenPoint.O07 not in judged(chain, proof).open_points) is agrees


def test_accepted_after_the_block(chain: Any) -> None:
    for late_ms, agrees in ((2_000, True), (2_001, False)):
        deposited = chain.deposit(accepted_at=chain.time_ms + 1_500 + late_ms)
        verdict = judged(chain, chain.proof(deposited))
        assert verdict.code.name == "V001"
        assert (OpenPoint.O07 not in verdict.open_points) is agrees
        assert (step(verdict, 6)[0].outcome is Outcome.PASSED) is agrees


def test_too_few_seals_have_no_time_to_compare(chain: Any) -> None:
    proof = chain.proof(chain.deposit())
    few = replace(proof, tlog=replace(proof.tlog, checkpoint=chain.seal(sealers=("court",))))
    verdict = judged(chain, few)
    assert failures(verdict) == {(5, "V202")}
    assert OpenPoint.O07 not in verdict.open_points


def test_a_production_chain_has_no_test_point(chains: Any) -> None:
    chain = chains.Chain(network="production")
    verdict = judged(chain, chain.proof(chain.deposit()))
    assert OpenPoint.O05 not in verdict.open_points
