"""Bad input, item by item, and the exact answer to each."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.proof_text import _head, format_proof, parse_proof
from node.evidence.record import StatementRecord, check_statement
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify
from node.words import OpenPoint

START_MS = 1_795_190_400_000
FILE = b"a file\n"
FileOf = Callable[[bytes], FileDigests]


@pytest.fixture
def proof(chain: Any) -> Proof:
    """A holder's proof of one of three files, with a later checkpoint."""
    deposited = chain.deposit([b"one", FILE, b"three"], details={"file_name": "合同.pdf"})
    size = len(chain.leaves)
    chain.block([], carries="nothing")
    return chain.proof(deposited, 1, size=size, later=True)


@pytest.fixture
def anchor(chain: Any) -> Anchor:
    return Anchor(policy_text=chain.policies[0].policy_text)


def code(data: bytes | Proof, anchor: Anchor | None, file: FileDigests | None = None) -> str:
    return verify(data if isinstance(data, bytes) else format_proof(data), anchor, file).code.name


def test_a_good_proof(proof: Proof, anchor: Anchor, file_of: FileOf) -> None:
    verdict = verify(format_proof(proof), anchor, file_of(FILE))
    assert verdict.code.name == "V001"
    assert verdict.open_points == (OpenPoint.O05, OpenPoint.O02)


def test_a_truncated_proof(proof: Proof, anchor: Anchor) -> None:
    data = format_proof(proof)
    for length in range(0, len(data), 7):
        assert code(data[:length], anchor) == "V200"


@pytest.mark.parametrize("part", [b"\r", b"\r\r\n", b"\n", b"path\n", b"\n\n"])
def test_four_megabytes_of_nothing_take_no_time(proof: Proof, anchor: Anchor, part: bytes) -> None:
    """Whatever fills a file: it is read once, not once from each of its bytes."""
    head = format_proof(proof)[:1_000]
    start = time.process_time()
    assert code(head + part * (4_000_000 // len(part)), anchor) == "V200"
    assert time.process_time() - start < 5


def with_its_own_head(data: bytes) -> bytes:
    """The text with the head that its other sections give, if they give one.

    The parser that refuses a head says no more, so the head is asked of the parsed rest: it is
    accepted once, whatever it says, by giving `_head` nothing to compare.
    """
    body = data.split(b"\n\n", 1)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("node.evidence.proof_text._head", lambda _: data.split(b"\n\n", 1)[0] + b"\n")
        try:
            parsed = parse_proof(data)
        except Malformed:
            return data
    return _head(parsed) + b"\n" + body


def test_one_flipped_byte_anywhere(proof: Proof, anchor: Anchor, file_of: FileOf) -> None:
    """A thousand flips; every second one in the body, with the head computed again for it."""
    data, rng, codes = format_proof(proof), random.Random(2), Counter[str]()
    start = data.index(b"\n\n") + 2
    for number in range(1000):
        at = rng.randrange(start if number % 2 else 0, len(data))
        flipped = data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]
        if number % 2:
            flipped = with_its_own_head(flipped)
        verdict = verify(flipped, anchor, file_of(FILE))
        assert verdict.code.name not in ("V000", "V001"), at
        codes[verdict.code.name] += 1
    assert set(codes) >= {"V200", "V201", "V205"}


def test_every_digit_changed_to_another_digit(
    proof: Proof, anchor: Anchor, file_of: FileOf
) -> None:
    """Flips that keep the spelling, so that paths, signatures and times have to notice them."""
    data, rng, codes = format_proof(proof), random.Random(3), Counter[str]()
    body = re.compile(rb"[0-9a-f](?=[0-9a-f]*\n)")
    places = [found.start() for found in body.finditer(data, data.index(b"\n\n"))]
    for at in rng.sample(places, 400):
        digit = rng.choice(sorted(set(b"0123456789abcdef") - {data[at]}))
        flipped = with_its_own_head(data[:at] + bytes([digit]) + data[at + 1 :])
        verdict = verify(flipped, anchor, file_of(FILE))
        assert verdict.code.name not in ("V000", "V001"), at
        codes[verdict.code.name] += 1
    assert set(codes) >= {"V200", "V201", "V203"}


def test_a_forged_head(proof: Proof, anchor: Anchor) -> None:
    data = format_proof(proof)
    lines = data.split(b"\n\n")[0].split(b"\n")
    for line in lines[1:]:
        assert code(data.replace(line + b"\n", b"", 1), anchor) == "V200"
        forged = line[:-1] + (b"8" if line.endswith(b"7") else b"7")
        assert code(data.replace(line, forged, 1), anchor) == "V200"
    assert code(data.replace(b"\n\n", "\n已核验 Verified\n\n".encode(), 1), anchor) == "V200"


def test_another_files_proof(proof: Proof, anchor: Anchor, file_of: FileOf) -> None:
    assert code(proof, anchor, file_of(b"another file")) == "V102"


def test_an_opening_of_another_item(
    chain: Any, proof: Proof, anchor: Anchor, file_of: FileOf
) -> None:
    other = format_proof(chain.proof(chain.deposit([b"other"])))
    opening = other[other.index(b"\nopening\n") : other.index(b"\npage\n")]
    data = format_proof(proof)
    own = data[data.index(b"\nopening\n") : data.index(b"\npage\n")]
    assert code(data.replace(own, opening), anchor, file_of(b"other")) == "V200"


def test_sha256_and_sm3_of_two_different_files(chain: Any, anchor: Anchor, file_of: FileOf) -> None:
    """Whoever deposits this cannot be stopped, for the item hides it; either file reveals it."""
    opening = chain.opening(b"one", "sha256+sm3", None)
    other = chain.opening(b"two", "sha256+sm3", None)
    mixed = replace(opening, digests=(opening.digests[0], other.digests[1]))
    proof = chain.proof(chain.deposit([b"one"], openings=[mixed]))
    assert code(proof, anchor, file_of(b"one")) == "V106"
    assert code(proof, anchor, file_of(b"two")) == "V106"
    assert code(proof, anchor, file_of(b"six")) == "V102"
    assert code(proof, anchor) == "V001"


# Policies


def test_a_policy_without_quorum(proof: Proof, anchor: Anchor) -> None:
    data = format_proof(proof)
    for line in (b"quorum members\n", b"group members 2 court notary forensic\n"):
        assert code(data.replace(line, b"", 1), anchor) == "V200"
    assert code(data.replace(b"group members 2", b"group members 0"), anchor) == "V200"
    assert code(data.replace(b"quorum members\n", b"quorum none\n"), anchor) == "V200"


def test_another_policy(chains: Any, chain: Any, proof: Proof) -> None:
    for other in (chains.Chain(skew_ms=1), chains.Chain(seed="x"), chains.Chain(quorum=1)):
        text = other.policies[0].policy_text
        assert code(proof, Anchor(policy_text=text)) == "V206"
        assert code(proof, Anchor(fingerprint=fingerprint(text))) == "V206"
    text = chain.policies[0].policy_text
    assert code(proof, Anchor(policy_text=text + b"\n")) == "V206"
    assert code(proof, Anchor(fingerprint=fingerprint(text)[:-1])) == "V206"
    assert code(proof, Anchor(fingerprint=fingerprint(text))) == "V001"


def test_a_proof_that_brings_its_own_policy(chains: Any, proof: Proof, anchor: Anchor) -> None:
    """A whole forged chain, right in every byte: only the policy from elsewhere tells."""
    forged = chains.Chain(seed="forger")
    forged.enrol("gateway", "gateway")
    forged.enrol("depositor", "depositor")
    other = forged.proof(forged.deposit())
    assert code(other, Anchor(policy_text=forged.policies[0].policy_text)) == "V001"
    assert code(other, anchor) == "V206"


def test_no_anchor(proof: Proof) -> None:
    assert code(proof, None) == "V204"


# Seals


def resealed(chain: Any, proof: Proof, *sealers: str) -> Proof:
    note = chain.seal(proof.sealed.checkpoint.size, sealers)
    return replace(proof, tlog=replace(proof.tlog, checkpoint=note))


def test_seals_short_by_one(chain: Any, proof: Proof, anchor: Anchor) -> None:
    assert code(resealed(chain, proof, "notary", "forensic"), anchor) == "V001"
    assert code(resealed(chain, proof, "notary"), anchor) == "V202"


def test_the_same_members_seal_twice(chain: Any, proof: Proof, anchor: Anchor) -> None:
    data = format_proof(resealed(chain, proof, "court"))
    seal = data[data.rindex("— ".encode()) :]
    assert code(data + seal, anchor) == "V200"
    assert code(with_its_own_head(data + seal), anchor) == "V200"


def test_a_seal_by_nobody_of_the_policy(chain: Any, proof: Proof, anchor: Anchor) -> None:
    assert code(resealed(chain, proof, "court", "notary", "other"), anchor) == "V202"


def test_the_log_line_of_nobody_of_the_policy(chain: Any, proof: Proof, anchor: Anchor) -> None:
    note = chain.seal(proof.sealed.checkpoint.size, publisher="other")
    assert code(replace(proof, tlog=replace(proof.tlog, checkpoint=note)), anchor) == "V202"


# Transit


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\r\r\n"),
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
        lambda data: data[:-1] + b"\r\n",
    ],
)
def test_cr_lf_or_a_bom_added(
    proof: Proof, anchor: Anchor, file_of: FileOf, damage: Callable[[bytes], bytes]
) -> None:
    """The bytes are damaged; the result for the repaired text stands beside it."""
    data = format_proof(proof)
    verdict = verify(damage(data), anchor, file_of(FILE))
    assert verdict.code.name == "V200"
    assert verdict.repaired == verify(data, anchor, file_of(FILE))


def test_damage_in_transit_is_v200_even_to_a_newer_proof(proof: Proof, anchor: Anchor) -> None:
    newer = format_proof(proof).replace(b"proof/v1\n", b"proof/v2\r\n")
    verdict = verify(newer, anchor)
    assert verdict.code.name == "V200"
    assert verdict.repaired is not None
    assert verdict.repaired.code.name == "V502"


def test_many_boms_are_one_damage(proof: Proof, anchor: Anchor) -> None:
    verdict = verify(b"\xef\xbb\xbf" * 5000 + format_proof(proof), anchor)
    assert verdict.code.name == "V200"
    assert verdict.repaired is not None
    assert (verdict.repaired.code.name, verdict.repaired.repaired) == ("V200", None)


# Chains and keys


def test_another_chains_origin(chain: Any, chains: Any, anchor: Anchor) -> None:
    deposited = chain.deposit(origin="cunzheng.test/other")
    assert code(chain.proof(deposited), anchor) == "V104"
    entry = deposited.entry
    record = StatementRecord(
        entry.receipt, entry.signature, entry.statement_bytes, deposited.packed
    )
    with pytest.raises(Malformed, match="another chain"):
        check_statement(record, chain.origin, 1)


def test_a_key_that_is_not_enrolled(chain: Any, anchor: Anchor) -> None:
    verdict = verify(format_proof(chain.proof(chain.deposit(key="stranger"))), anchor)
    assert verdict.code.name == "V001"
    assert OpenPoint.O06 in verdict.open_points
    told = [each.en for each in verdict.findings]
    assert f"signed by key {chain.signer('stranger').public.text}, owner not checked" in told


@pytest.mark.parametrize("role", ["depositor", "gateway"])
def test_a_revoked_key(chain: Any, anchor: Anchor, role: str) -> None:
    chain.enrol(role, role, "revoke")
    assert code(chain.proof(chain.deposit()), anchor) == "V302"


def test_a_key_revoked_later(chain: Any, anchor: Anchor) -> None:
    chain.enrol("depositor", "depositor", "revoke", effective=START_MS + 10**9)
    assert code(chain.proof(chain.deposit()), anchor) == "V001"


def test_attested_without_submitter(chain: Any, anchor: Anchor) -> None:
    data = format_proof(chain.proof(chain.deposit(key="gateway")))
    submitter = re.search(rb',"submitter":"[0-9a-f]{64}"', data)
    assert submitter is not None
    assert code(data.replace(submitter[0], b""), anchor) == "V200"


def test_an_attested_deposit_says_so(chain: Any, anchor: Anchor) -> None:
    verdict = verify(format_proof(chain.proof(chain.deposit(key="gateway"))), anchor)
    assert verdict.code.name == "V001"
    assert OpenPoint.O01 in verdict.open_points


def test_a_gateways_key_passing_as_depositor(chain: Any, anchor: Anchor) -> None:
    """Another gateway's key signs the statement, so that it does not look attested."""
    chain.enrol("second gateway", "gateway")
    data = format_proof(chain.proof(chain.deposit(key="second gateway")))
    assert "由网关依据账户认证代为提交".encode() not in data
    verdict = verify(data, anchor)
    assert verdict.code.name == "V001"
    assert OpenPoint.O01 in verdict.open_points


# Newer than this verifier


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cunzheng/proof/v1", b"cunzheng/proof/v2"),
        (b"cunzheng/entry/v1", b"cunzheng/entry/v2"),
        (b"cunzheng/statement/v1", b"cunzheng/statement/v2"),
        (b"cunzheng/key/v1", b"cunzheng/key/v2"),
        (b"cunzheng/members/v1\n", b"cunzheng/members/v2\n"),
        (b"#cunzheng policy v1", b"#cunzheng policy v2"),
        (b"#cunzheng rules 1", b"#cunzheng rules 3"),
        (b"\nreceipt ed25519:", b"\nreceipt mldsa44:"),
        (b"\nsignature ed25519:", b"\nsignature mldsa44:"),
        (b"#cunzheng authority ed25519:", b"#cunzheng authority mldsa44:"),
        (b'"key":"ed25519:', b'"key":"mldsa44:'),
    ],
)
def test_a_newer_format_rules_number_or_algorithm(
    proof: Proof, anchor: Anchor, old: bytes, new: bytes
) -> None:
    data = format_proof(proof)
    assert old in data
    assert code(data.replace(old, new, 1), anchor) == "V502"


def test_a_members_key_of_a_later_version(proof: Proof, anchor: Anchor) -> None:
    data = format_proof(proof).replace(b"members 4\n", b"members 5\n")
    data = data.replace(b"\n\nlater\n", b"\nkey court mldsa44:AAAA\n\nlater\n")
    assert code(data, anchor) == "V502"


# Later checkpoints


def test_a_later_checkpoint_that_contradicts(chain: Any, proof: Proof, anchor: Anchor) -> None:
    """The members seal a tree in which the first leaf is another: the paths cannot hold."""
    assert proof.later is not None
    size = proof.sealed.checkpoint.size
    chain.leaves[0] = chain.leaves[0].replace(b"version 0.1.0", b"version 0.1.1")
    for note in (chain.seal(), chain.seal(size)):
        path = () if b"\n%d\n" % size in note else proof.later.path
        later = replace(proof.later, path=path, note=note)
        assert code(replace(proof, later=later), anchor) == "V203"


# Policy chains


def changed(chain: Any, note: Any = None, **changes: Any) -> Proof:
    """A proof sealed under the policy after one more change."""
    chain.change_policy(note, **changes)
    return chain.proof(chain.deposit())


def test_policies_forward(chain: Any, anchor: Anchor) -> None:
    """Whoever trusts the first policy trusts what its quorum made of it."""
    changed(chain, quorum=3)
    assert code(changed(chain, names=("notary",), quorum=1), anchor) == "V001"


def test_policies_backward(chain: Any) -> None:
    """Whoever trusts the last policy takes the proof that leads to it, and none from before."""
    deposited = chain.deposit()
    before = chain.proof(deposited)
    chain.change_policy(quorum=3)
    chain.block([], carries="nothing")
    last = Anchor(policy_text=chain.policies[-1].policy_text)
    assert code(chain.proof(deposited), last) == "V001"
    assert code(before, last) == "V206"


def test_a_gap_in_the_policies(chain: Any, anchor: Anchor) -> None:
    chain.change_policy(quorum=3)
    data = format_proof(changed(chain, quorum=1))
    _, *entries = re.findall(rb"\npolicy-entry\n.*?(?=\n(?:policy-entry|c2sp))", data, re.DOTALL)
    assert len(entries) == 2
    for entry in entries:
        assert code(with_its_own_head(data.replace(entry, b"")), anchor) == "V200"


def test_a_retired_quorum(chain: Any, anchor: Anchor) -> None:
    """Members of the first policy, voted out by the second, sign the third."""
    chain.change_policy(names=("court", "notary"))
    second = chain.policies[-1]
    texts = chain.policy_texts(3)
    retired = chain.next_note(texts=texts, signers=("court", "forensic"))
    assert retired.previous != second.previous
    assert code(changed(chain, retired), anchor) == "V206"


def test_a_policy_that_follows_another(chain: Any, anchor: Anchor) -> None:
    chain.change_policy(quorum=3)
    other = replace(chain.next_note(), previous=b"p" * 32)
    assert code(changed(chain, other), anchor) == "V206"


def test_a_change_of_network(chain: Any, anchor: Anchor) -> None:
    assert code(changed(chain, network="production"), anchor) == "V206"


def test_too_few_members_for_a_change(chain: Any, anchor: Anchor) -> None:
    assert code(changed(chain, signers=("court",)), anchor) == "V206"


def test_a_change_on_another_chain(chain: Any, chains: Any, anchor: Anchor) -> None:
    other = chains.Chain(origin="cunzheng.test/other")
    chain.change_policy(other.next_note())
    chain.origin = other.origin  # From here on its members seal under the other name.
    assert code(chain.proof(chain.deposit()), anchor) == "V104"
