"""Signatures of other suites beside a seal: under rules 2, with keys of the members text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from node.checking.vouching import Vouching
from node.evidence.digests import sha256
from node.evidence.keys import P256, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import format_members, parse_members
from node.evidence.policy import format_policy, parse_policy
from node.evidence.proof_text import format_proof
from node.evidence.record import StatementRecord, format_record, parse_record
from node.evidence.sealed import parse_sealed, verify_further_lines, verify_seals
from node.evidence.statement import statement_id
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.seals.cosigning import Cosigned, parse_cosigned
from node.seals.freshness import freshest
from node.seals.sealing import REFRESH_S, SentSeal

Members = Sequence[Any]
KEYS = {name: Signer(sha256(f"{name} p256".encode()), P256) for name in ("court", "notary")}


@pytest.fixture
def members(world: Any, make_member: Any) -> Members:
    """Court and notary have a P-256 key in the members text, of rules 2; forensic has none."""
    made = [make_member(name, further=KEYS.get(name)) for name in ("court", "forensic", "notary")]
    policy_text, members_text = world.policy_texts(2)
    listed = tuple(
        replace(each, keys=(KEYS[each.name].public,)) if each.name in KEYS else each
        for each in parse_members(members_text)
    )
    members_text = format_members(listed)
    policy = parse_policy(policy_text)
    policy = replace(policy, rules=2, members_hash=sha256(members_text))
    note = world.sign_note(world.note(), format_policy(policy), members_text, ("court", "notary"))
    for each in made:
        each.apply(format_record(note))
    return made


def lines(data: bytes) -> list[int]:
    """How many further signatures stand in a note, by place of the member."""
    sealed = parse_sealed(data)
    return [sum(line.name == seal.line.name for line in sealed.further) for seal in sealed.seals]


def check(member: Any, data: bytes) -> None:
    note = member.store.chain.note
    verify_seals(parse_sealed(data), note.policy)
    verify_further_lines(parse_sealed(data), parse_members(note.members_text))


def test_who_has_another_key_signs_with_it_too(world: Any, members: Members) -> None:
    """From the block after the policy's on; published, renewed, remembered and proved."""
    court, forensic, notary = members
    assert b"\n" not in court.sealing.last.line[:-1], "the policy's own block is under the first"
    record = world.deposited(1)
    for each in members:
        each.apply(record)
    for each in (forensic, notary):
        each.hear(*members)
    court.hear(notary)
    data = court.sealing.note.data
    assert lines(data) == [1, 1]
    check(court, data)
    court.hear(forensic)
    court.restart()
    for each in members:
        each.now_s += REFRESH_S
        each.sent += each.ledger.refresh(each.now_s).own
    court.hear(forensic, notary)
    shown = freshest(court.sealing, court.sealing.note)
    assert lines(shown) == [1, 0, 1]
    assert {seal.time_s for seal in parse_sealed(shown).seals} == {court.now_s}
    check(court, shown)
    parsed = parse_record(record)
    assert isinstance(parsed, StatementRecord)
    identity = statement_id(parsed.statement_bytes)
    forensic.hear(court, notary)
    for each in (court, forensic):
        proof = each.proof(identity, later=True)
        verdict = verify(format_proof(proof), Anchor(policy_text=world.note().policy_text))
        assert verdict.code.name == "V001", verdict.findings
        assert proof.later is not None
        assert lines(proof.later.note) == [1, 0, 1]


def test_a_further_signature_that_does_not_hold_is_left_out(members: Members) -> None:
    """It would spoil the note; the cosignature beside it counts all the same."""
    court, _, notary = members
    for each in members:
        each.apply()
    seal = notary.sealing.last
    good = parse_cosigned(seal.line, notary.world.origin)
    further = good.further[0]
    for bad in (
        replace(further, payload=further.payload[:-1] + bytes([further.payload[-1] ^ 1])),
        replace(further, payload=bytes(8) + further.payload[8:]),
        replace(further, key_id=b"none"),
    ):
        court.restart()
        court.receive(SentSeal(seal.size, seal.body, Cosigned(good.seal, (bad,)).data))
        assert court.sealing.note.size == seal.size
        assert lines(court.sealing.note.data) == [1, 0]
        check(court, court.sealing.note.data)
        check(court, freshest(court.sealing, court.sealing.note))


def test_a_seal_sent_ahead_is_judged_by_the_policy_it_is_under(members: Members) -> None:
    court, _, notary = members
    for _ in range(2):
        notary.apply()
    court.hear(notary)
    for _ in range(2):
        court.apply()
    assert lines(court.sealing.note.data) == [1, 1]
    check(court, court.sealing.note.data)


def test_lines_of_two_members_or_too_many_are_malformed(members: Members) -> None:
    court, forensic, _ = members
    line, other = court.sealing.last.line, forensic.sealing.last.line
    origin = court.world.origin
    assert parse_cosigned(line, origin).data == line
    for data in (b"", b"\n", b"no line\n", line + other, line * 4, line[:-1], other + line[:-1]):
        with pytest.raises(Malformed):
            parse_cosigned(data, origin)


def test_fsck_reads_seals_of_several_lines(world: Any, members: Members) -> None:
    court, forensic, notary = members
    for each in members:
        each.apply()
    court.hear(forensic)
    court.hear(notary)
    (beside,) = court.seals.beside(court.size)
    assert beside.count(b"\n") == 2
    kept = court.seals
    vouching, memory = Vouching("court", kept.load(), kept.notes(), kept.beside), world.memory()
    blocks = court.journal.blocks.values()
    assert [found for block in blocks for found in vouching.take(memory.apply(block))] == []
    assert vouching.unreached == 0
