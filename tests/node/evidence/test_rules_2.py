"""Proofs under rules 2: all suites, further signatures, and machines that cannot check SM2."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from node.evidence import sm2
from node.evidence.checkpoint import verify_further
from node.evidence.explain import explain
from node.evidence.keys import P256, SM2, BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import Member, format_members, parse_members
from node.evidence.policy import format_policy, parse_policy
from node.evidence.policy_note import check_texts, first_note
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.sealed import format_sealed, parse_sealed, verify_further_lines, verify_seals
from node.evidence.steps import Anchor
from node.evidence.verify import verify

SUITES = {"depositor": SM2, "gateway": P256, "authority": SM2}


@pytest.fixture(scope="module")
def made(chains: ModuleType) -> Any:
    """A chain under rules 2 whose members sign in every suite."""
    chain = chains.Chain(rules=2, suites=SUITES, further=(P256, SM2))
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    return chain


@pytest.fixture(scope="module")
def proof(made: Any) -> Any:
    return made.proof(made.deposit())


def code(made: Any, data: bytes) -> str:
    name: str = verify(data, Anchor(policy_text=made.policies[0].policy_text)).code.name
    return name


# Proofs.


def test_a_proof_in_which_every_suite_signs(made: Any, proof: Any) -> None:
    data = format_proof(proof)
    assert format_proof(parse_proof(data)) == data
    assert code(made, data) == "V001"
    sealed = parse_proof(data).sealed
    assert (len(sealed.seals), len(sealed.further)) == (3, 6)
    verdict = verify(data, Anchor(policy_text=made.policies[0].policy_text))
    told = [each.en for each in verdict.findings]
    assert "6 further signatures of P-256 or SM2, which count for no quorum" in told
    assert data.count("联签 Cosignatures: 3 of 3 members, quorum 2: court".encode()) == 1


def test_the_verdict_names_members_without_their_keys(made: Any, proof: Any) -> None:
    verdict = verify(format_proof(proof), Anchor(policy_text=made.policies[0].policy_text))
    facts: Any = verdict.to_json()["facts"]
    assert facts["cosigned"][0] == {
        "name": "court",
        "kind": "court",
        "organisation": "示例互联网法院",
    }


def test_a_change_of_rules_is_proven_from_the_first_policy_on(chains: ModuleType) -> None:
    """Whoever knows the first policy only; what was enrolled too early stays refused."""
    chain = chains.Chain(suites={"depositor": P256, "early": SM2}, further=(SM2,))
    chain.enrol("gateway", "gateway")
    chain.enrol("early", "depositor")
    chain.change_policy(rules=2)
    chain.enrol("depositor", "depositor")
    good = format_proof(chain.proof(chain.deposit()))
    assert (code(chain, good), good.count(b"\npolicy-entry\n")) == ("V001", 2)
    assert code(chain, format_proof(chain.proof(chain.deposit(key="early")))) == "V205"


@pytest.mark.parametrize("suites", [{"depositor": SM2}, {"gateway": P256}])
def test_rules_1_take_no_other_suite(chains: ModuleType, suites: dict[str, str]) -> None:
    """Right in everything else: step 3 alone says no, of statement and of key record."""
    chain = chains.Chain(suites=suites)
    for name in ("gateway", "depositor"):
        chain.enrol(name, name)
    verdict = verify(
        format_proof(chain.proof(chain.deposit())),
        Anchor(policy_text=chain.policies[0].policy_text),
    )
    failed = [(each.step, each.code) for each in verdict.findings if each.code]
    assert {(step, code.name) for step, code in failed} == {(3, "V205")}
    assert len(failed) == 2


def test_an_entry_before_every_policy_is_under_no_rules(made: Any, proof: Any) -> None:
    """No chain has such a proof; a verifier must get over it."""
    made.change_policy()
    bad = made.proof(made.deposit())
    early = replace(bad, tlog=replace(bad.tlog, index=0), keys=())
    assert code(made, format_proof(early)) == "V201"


# Without SM2.


@pytest.fixture
def no_sm2(monkeypatch: pytest.MonkeyPatch, proof: Any) -> Iterator[None]:
    monkeypatch.setattr(sm2, "LIBRARIES", ())
    sm2.library.cache_clear()
    yield
    sm2.library.cache_clear()


def test_without_sm2_the_answer_is_could_not_check(
    made: Any, proof: Any, no_sm2: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never that it holds, and never that it is bad; what fails for another reason still fails."""
    monkeypatch.setattr("node.evidence.keys._check_equation", _unremembered)
    data = format_proof(proof)
    verdict = verify(data, Anchor(policy_text=made.policies[0].policy_text))
    assert verdict.code.name == "V502"
    told = [each.en for each in verdict.findings if each.code]
    assert all("could not be checked on this machine" in each for each in told)
    assert len(told) == 4  # Statement, two key records, further signatures.
    assert code(made, data.replace(b"\naccepted-at 1", b"\naccepted-at 2")) != "V502"


def _unremembered(key: Any, message: bytes, signature: Any) -> None:
    from node.evidence import keys

    if not keys._SUITES[key.algorithm].holds(key.raw, message, signature.raw):
        raise BadSignature("this key did not sign these bytes")


# Further signatures.


def test_further_signatures_count_for_no_quorum(made: Any) -> None:
    note = made.policies[0]
    sealed = parse_sealed(made.seal(sealers=("notary",)))
    assert len(sealed.further) == 2
    verify_further_lines(sealed, parse_members(note.members_text))
    with pytest.raises(BadSignature, match="2 are needed"):
        verify_seals(sealed, note.policy)


def test_without_the_members_text_no_further_signature_holds(made: Any) -> None:
    sealed = parse_sealed(made.seal())
    verify_further_lines(sealed, parse_members(made.policies[0].members_text))
    with pytest.raises(BadSignature, match="no key of the members text"):
        verify_further_lines(sealed, ())


def test_each_further_signature_must_hold(made: Any) -> None:
    sealed, other = parse_sealed(made.seal()), parse_sealed(made.seal(2))
    members = parse_members(made.policies[0].members_text)
    for place in range(6):
        lines = list(sealed.further)
        lines[place] = other.further[place]
        with pytest.raises(BadSignature):
            verify_further_lines(replace(sealed, further=tuple(lines)), members)
        fewer = tuple(lines[:place] + lines[place + 1 :])
        verify_further_lines(replace(sealed, further=fewer), members)


def test_a_further_signature_is_of_the_time_of_its_seal(made: Any) -> None:
    sealed = parse_sealed(made.seal())
    key, time_s = made.further_signers("court")[0].public, sealed.seals[0].time_s
    verify_further(sealed.body, sealed.further[0], key, time_s)
    with pytest.raises(BadSignature, match="another time"):
        verify_further(sealed.body, sealed.further[0], key, time_s + 1)


def test_lines_have_their_places(made: Any) -> None:
    """Seals first; then lines of members that sealed, each key once, each of a possible size."""
    sealed = parse_sealed(made.seal())
    one, *rest = sealed.further
    long = replace(one, payload=one.payload + bytes(9), key_id=bytes(4))
    stranger = replace(one, name=f"{made.origin}/stranger")
    for further in ((one, one), (*rest, long), (one, stranger)):
        with pytest.raises(Malformed):
            parse_sealed(format_sealed(replace(sealed, further=further)))
    parse_sealed(format_sealed(replace(sealed, further=(*rest, one))))


# Members' keys.


def test_members_keys_round_trip(made: Any) -> None:
    text = made.policies[0].members_text
    members = parse_members(text)
    assert [len(each.keys) for each in members] == [2, 2, 2]
    assert format_members(members) == text


Change = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: [keys[1], keys[0], *keys[2:]],
        lambda keys: [*keys[2:], *keys[:2]],
        lambda keys: [keys[0], *keys],
        lambda keys: [*keys, b"key stranger " + keys[0].split(b" ")[2]],
        lambda keys: [keys[0], keys[0].replace(b"court", b"notary"), *keys[3:]],
        lambda keys: [b"key court\n", *keys[1:]],
        lambda keys: [*keys, b"key forensic " + Signer(bytes(32)).public.text.encode() + b"\n"],
        lambda keys: [*keys, b"more\n"],
    ],
)
def test_members_keys_have_one_spelling(made: Any, change: Change) -> None:
    lines = made.policies[0].members_text.splitlines(keepends=True)
    parse_members(b"".join(lines))
    with pytest.raises(Malformed):
        parse_members(b"".join([*lines[:4], *change(lines[4:])]))


def test_a_member_has_keys_in_order(made: Any) -> None:
    p256, sm2_key = (signer.public for signer in made.further_signers("court"))
    Member("court", "court", "A", (sm2_key,))
    for keys in ((sm2_key, p256), (p256, p256), (Signer(bytes(32)).public,)):
        with pytest.raises(Malformed, match="keys"):
            Member("court", "court", "A", keys)


def test_members_keys_are_for_rules_2_and_nobody_elses(made: Any, chains: ModuleType) -> None:
    note = made.policies[0]
    policy = note.policy
    lower = replace(policy, rules=1, authorities=(chains.Chain().signer("authority").public,))
    with pytest.raises(Malformed, match="rules 1 do not take p256"):
        check_texts(lower, note.members_text)
    key = parse_members(note.members_text)[0].keys[0]
    with pytest.raises(Malformed, match="an authority's"):
        check_texts(replace(policy, authorities=(key,)), note.members_text)


# Policies.


def test_log_and_witness_keys_are_of_ed25519(made: Any) -> None:
    policy, key = made.policies[0].policy, made.further_signers("court")[0].public
    for change in ({"log": key}, {"witness": key}):
        sealers = (replace(policy.sealers[0], **change), *policy.sealers[1:])
        with pytest.raises(Malformed, match="not of Ed25519"):
            replace(policy, sealers=sealers)


def test_authorities_of_rules_2(made: Any) -> None:
    policy = made.policies[0].policy
    assert policy.authorities[0].algorithm == SM2
    assert parse_policy(format_policy(policy)) == policy
    with pytest.raises(Malformed, match="rules 1 do not take sm2"):
        parse_policy(format_policy(policy).replace(b"rules 2\n", b"rules 1\n"))


def test_a_chain_begins_with_a_note_that_can_be_read(made: Any) -> None:
    note = made.policies[0]
    assert note.is_known
    assert replace(made.genesis, note=note).note == note
    other = first_note(note.policy_text, note.members_text + b"more\n")
    assert not other.is_known
    with pytest.raises(Malformed):
        replace(made.genesis, note=other)


# Explained.


def test_every_suite_is_explained(proof: Any) -> None:
    exhibits = {each.name: each for each in explain(proof)}
    assert "-digest sm3 -pkeyopt distid:1234567812345678" in exhibits["03-statement.txt"].command
    assert "-digest sha256" in exhibits["03-receipt.txt"].command
    further = exhibits["05-checkpoint-sm2-notary-key.pem"]
    assert "05-members.txt" in further.command
    assert further.expect.startswith("key notary sm2:")
    assert exhibits["05-checkpoint-sm2-notary.sig"].data[:1] == b"\x30"


def test_a_further_signature_of_nobody_ends_the_explanation_of_them(made: Any, proof: Any) -> None:
    sealed = parse_sealed(proof.tlog.checkpoint)
    lines = (replace(sealed.further[0], key_id=bytes(4)), *sealed.further[1:])
    note = format_sealed(replace(sealed, further=lines))
    names = [
        each.name for each in explain(replace(proof, tlog=replace(proof.tlog, checkpoint=note)))
    ]
    assert not any("-sm2-" in name or "-p256-" in name for name in names)
