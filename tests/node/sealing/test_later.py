"""Seals that come after the note was published: kept, and told in a section of their own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof
from node.evidence.record import StatementRecord, format_record, parse_record
from node.evidence.statement import statement_id
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.member.proving import LATER_MAX
from node.seals import sealing

Members = Sequence[Any]


@pytest.fixture
def deposit(world: Any) -> tuple[bytes, bytes]:
    """A record, and the id of its statement."""
    record = world.deposited(1)
    parsed = parse_record(record)
    assert isinstance(parsed, StatementRecord)
    return record, statement_id(parsed.statement_bytes)


def signers(proof: Proof) -> tuple[list[str], list[str]]:
    """Of the first checkpoint and of the later one."""
    later = proof.later.sealed.seals if proof.later else ()
    return [each.member for each in proof.sealed.seals], [each.member for each in later]


def check(world: Any, proof: Proof) -> None:
    verdict = verify(format_proof(proof), Anchor(policy_text=world.note().policy_text))
    assert verdict.code.name == "V001", verdict.findings


def empty_blocks(members: Members, count: int) -> None:
    for _ in range(count):
        for each in members:
            each.apply()


def test_a_seal_that_comes_late_stands_on_the_same_checkpoint(
    world: Any, members: Members, deposit: tuple[bytes, bytes]
) -> None:
    """However many blocks later it comes, and also after a restart."""
    court, forensic, notary = members
    record, identity = deposit
    for each in members:
        each.apply(record)
    court.hear(notary)
    core = court.proof(identity)
    assert signers(court.proof(identity, later=True)) == (["court", "notary"], [])
    empty_blocks((court, notary), 3)
    court.hear(notary)
    court.hear(forensic)
    proof = court.proof(identity, later=True)
    assert signers(proof) == (["court", "notary"], ["court", "forensic", "notary"])
    assert proof.later is not None
    assert proof.later.sealed.checkpoint == proof.sealed.checkpoint
    check(world, proof)
    assert replace(proof, later=None) == core == court.proof(identity), "the same for ever"
    court.restart()
    empty_blocks(members, 3)
    for each in members:
        court.hear(each)
    assert court.proof(identity, later=True) == proof, "complete: the same for ever too"


def test_a_member_that_was_away_stands_on_a_later_checkpoint(
    world: Any, members: Members, deposit: tuple[bytes, bytes]
) -> None:
    court, forensic, notary = members
    record, identity = deposit
    for each in (court, notary):
        each.apply(record)
    court.hear(notary)
    empty_blocks((court, notary), 3 * LATER_MAX)
    court.hear(notary)
    assert signers(court.proof(identity, later=True))[1] == []
    forensic.ledger.stop_sealing()
    forensic.apply(record)
    empty_blocks((forensic,), 3 * LATER_MAX - 1)
    forensic.ledger.start_sealing(forensic.now_s)
    forensic.apply()
    court.hear(forensic)
    proof = court.proof(identity, later=True)
    assert signers(proof)[1] == ["court", "forensic", "notary"]
    assert proof.later is not None
    assert proof.later.sealed.checkpoint.size == court.size
    check(world, proof)


def test_the_fuller_of_several_is_told_and_of_equal_ones_the_first(
    world: Any, make_member: Any, deposit: tuple[bytes, bytes]
) -> None:
    """Four members: one comes back after a block, another after three."""
    four = type(world)(names=("court", "forensic", "guild", "notary"))
    court, forensic, guild, notary = (make_member(name, world=four) for name in four.names)
    record, identity = deposit
    for each in (forensic, guild):
        each.ledger.stop_sealing()
    for height in range(6):
        for each in (court, forensic, guild, notary):
            each.apply(*([] if height else [record]))
        if height == 0:
            forensic.ledger._may_seal = True
        if height == 2:
            guild.ledger._may_seal = True
        court.hear(notary)
        court.receive(*forensic.sent)
        later = court.proof(identity, later=True).later
        assert (later.sealed.checkpoint.size if later else 0) == (5 if height else 0)
    court.hear(guild)
    later = court.proof(identity, later=True).later
    assert later is not None
    assert later.sealed.checkpoint.size == 7
    assert [seal.member for seal in later.sealed.seals] == list(four.names)


def test_seals_under_another_policy_are_not_told(
    world: Any, members: Members, deposit: tuple[bytes, bytes]
) -> None:
    """The later checkpoint must be sealed by the policy of the first."""
    court, forensic, notary = members
    record, identity = deposit
    forensic.ledger.stop_sealing()
    change = format_record(world.next_note(world.note(), quorum=3))
    for each in members:
        each.apply(record)
        each.apply(change)
        each.apply()
    court.hear(notary)
    forensic.ledger.start_sealing(forensic.now_s)
    forensic.sent.append(forensic.sealing.last)
    court.hear(forensic)
    assert court.sealing.note.size == court.size, "all three sealed, under the second policy"
    assert signers(court.proof(identity, later=True)) == (["court", "notary"], [])


def test_a_seal_far_too_late_is_forgotten(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own checkpoints are kept in memory up to a limit, and what stands beside with them."""
    monkeypatch.setattr(sealing, "HEADS_MAX", 3)
    court, forensic, notary = members
    for _ in range(5):
        for each in members:
            each.apply()
        court.hear(notary)
    court.hear(forensic)
    assert [len(court.seals.beside(size)) for size in range(3, 8)] == [0, 0, 1, 1, 1]
