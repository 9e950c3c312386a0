"""Validity rules 1 and 2: who skips what, and how a chain goes from the one to the other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node import sm2_file
from node.chain import apply as transition
from node.chain.apply import Applied, Skipped, Taken, apply
from node.chain.store import Store
from node.errors import NewerRules
from node.evidence import sm2
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.keys import ED25519, P256, SM2, PublicKey, Signer
from node.evidence.policy_note import PolicyNote
from node.evidence.proof_text import parse_proof
from node.evidence.record import format_record
from node.evidence.verify import Anchor, verify
from node.words import ResultCode

PRIVATE = bytes(range(32))


def taken(applied: Applied) -> list[bool]:
    return [isinstance(outcome, Taken) for outcome in applied.outcomes]


def raised(world: Any, before: PolicyNote, rules: int = 2, **changes: Any) -> PolicyNote:
    note = world.next_note(before, rules=rules, **changes)
    assert isinstance(note, PolicyNote)
    return note


def by(world: Any, number: int, algorithm: str, gateway: str = ED25519) -> bytes:
    """The record of a deposit that a key of this suite signs and a gateway of that one takes in."""
    depositor = Signer(PRIVATE, algorithm)
    other = world if gateway == ED25519 else replace(world, gateway=Signer(PRIVATE, gateway))
    items = number.to_bytes(32)
    deposit = other.deposit(items, number, key=depositor.public)
    record = other.record(deposit, items, by=depositor)
    assert isinstance(record, bytes)
    return record


def enrolled(world: Any, algorithm: str) -> bytes:
    record = world.key("enrol", Signer(PRIVATE, algorithm).public)
    assert isinstance(record, bytes)
    return record


def rotated(world: Any, algorithm: str) -> bytes:
    key, next_key = world.depositor.public, Signer(PRIVATE, algorithm).public
    record = world.key("rotate", key, 2, successor=next_key)
    assert isinstance(record, bytes)
    return record


def foreign(world: Any) -> list[bytes]:
    """Every place in which a record can name a key of another suite, none of which needs another
    record to be taken first."""
    p256 = replace(world, authority=Signer(PRIVATE, P256))
    return [
        by(world, 1, P256),
        by(world, 2, SM2),
        by(world, 3, ED25519, gateway=P256),
        by(world, 4, ED25519, gateway=SM2),
        enrolled(world, P256),
        enrolled(world, SM2),
        rotated(world, P256),
        rotated(world, SM2),
        p256.key("enrol", world.gateway.public),
    ]


# Rules 1 skip, rules 2 take.


def test_rules_1_skip_every_other_suite(memory: Any, world: Any) -> None:
    """As software that does not know them does: the entry of the block is all that comes of it."""
    memory.apply(world.block(1, world.key("enrol", world.depositor.public)))
    records = foreign(world)
    applied = memory.apply(world.block(2, *records))
    assert len(applied.leaves) == 1
    entry = parse_entry(applied.leaves[0])
    assert isinstance(entry, BlockEntry)
    assert (entry.rules, entry.taken, entry.skipped) == (1, 0, len(records))
    assert memory.chain.next_ordinal == 0
    assert not any(isinstance(o, Skipped) and o.repeats for o in applied.outcomes)


def test_rules_1_skip_a_policy_with_them(memory: Any, world: Any) -> None:
    for algorithm in (P256, SM2):
        key = Signer(PRIVATE, algorithm).public
        policy, members = world.policy_texts(2)
        for texts in (
            (policy.replace(world.authority.public.text.encode(), key.text.encode()), members),
            (policy, members + f"key court {key.text}\n".encode()),
        ):
            note = world.next_note(memory.chain.note)
            record = format_record(note)
            for old, new in zip((policy, members), texts, strict=True):
                record = record.replace(old, new)
            record = record.replace(
                b"\nmembers %d\n" % members.count(b"\n"),
                b"\nmembers %d\n" % texts[1].count(b"\n"),
            )
            assert taken(memory.apply(world.block(memory.chain.height + 1, record))) == [False]
    assert memory.chain.note.serial == 1


def test_rules_2_take_them_from_the_next_block_on(memory: Any, world: Any) -> None:
    record = format_record(raised(world, memory.chain.note))
    assert memory.apply(world.block(1, record)).block.rules == 1
    records = foreign(world)
    applied = memory.apply(world.block(2, world.key("enrol", world.depositor.public), *records))
    assert applied.block.rules == 2
    # No successor is a key that is known already; no authority one that the policy does not name.
    assert taken(applied) == [True] * 5 + [True, True, False, False, False]


def test_an_authority_of_another_suite_enrols_under_rules_2(memory: Any, world: Any) -> None:
    authority = Signer(PRIVATE, SM2)
    changed = replace(world, authority=authority)
    note = raised(changed, memory.chain.note)
    memory.apply(world.block(1, format_record(note)))
    outcomes = memory.apply(
        world.block(
            2,
            changed.key("enrol", world.depositor.public),
            world.key("enrol", world.gateway.public),
        )
    )
    assert taken(outcomes) == [True, False]


@pytest.mark.parametrize("algorithm", [P256, SM2])
def test_a_signature_of_another_key_or_suite_is_skipped(
    memory: Any, world: Any, algorithm: str
) -> None:
    memory.apply(world.block(1, format_record(raised(world, memory.chain.note))))
    key = Signer(PRIVATE, algorithm).public
    items = bytes(32)
    deposit = world.deposit(items, key=key)
    others = [
        Signer(PRIVATE[::-1], algorithm),
        world.depositor,
        Signer(PRIVATE, SM2 if algorithm == P256 else P256),
    ]
    records = [world.record(deposit, items, by=other) for other in others]
    good = world.record(deposit, items, by=Signer(PRIVATE, algorithm))
    assert taken(memory.apply(world.block(2, *records, good))) == [False] * 3 + [True]


# From rules to rules.


def test_rules_are_never_lowered(memory: Any, world: Any) -> None:
    memory.apply(world.block(1, format_record(raised(world, memory.chain.note))))
    lower = format_record(world.next_note(memory.chain.note, rules=1))
    assert taken(memory.apply(world.block(2, lower))) == [False]
    same = format_record(world.next_note(memory.chain.note, rules=2, quorum=3))
    assert taken(memory.apply(world.block(3, same))) == [True]


Spoil = Callable[[bytes, bytes], tuple[bytes, bytes]]
UNREADABLE: dict[str, Spoil] = {
    "policy": lambda policy, members: (policy + b"more\n", members),
    "members": lambda policy, members: (policy, members + b"more\n"),
    "serial": lambda policy, members: (policy.replace(b"serial 2\n", b"serial 9\n"), members),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_note_that_raises_the_rules_is_judged_by_its_framing(
    memory: Any, world: Any, name: str
) -> None:
    """Software of rules 1 cannot read more, so software of rules 2 must take it too; what it cannot
    read then stops it, at the same height as the other."""
    texts = UNREADABLE[name](*world.policy_texts(2, rules=2))
    note = world.sign_note(memory.chain.note, *texts, ("court", "forensic"))
    assert not note.is_known
    assert taken(memory.apply(world.block(1, format_record(note)))) == [True]
    with pytest.raises(NewerRules, match="rules 2 from height 2 on"):
        memory.apply(world.block(2))


@pytest.mark.parametrize("name", UNREADABLE)
def test_under_its_own_rules_a_note_is_read_completely(memory: Any, world: Any, name: str) -> None:
    memory.apply(world.block(1, format_record(raised(world, memory.chain.note))))
    policy, members = world.policy_texts(3, rules=2)
    texts = UNREADABLE[name](policy.replace(b"serial 2\n", b"serial 3\n"), members)
    if name == "serial":
        texts = (policy.replace(b"serial 3\n", b"serial 9\n"), members)
    note = world.sign_note(memory.chain.note, *texts, ("court", "forensic"))
    assert taken(memory.apply(world.block(2, format_record(note)))) == [False]
    memory.apply(world.block(3))


def test_a_chain_may_begin_with_rules_2(world: Any) -> None:
    class Later(type(world)):  # type: ignore[misc]
        def policy_texts(self, serial: int = 1, **changes: Any) -> tuple[bytes, bytes]:
            texts: tuple[bytes, bytes] = super().policy_texts(serial, **{"rules": 2} | changes)
            return texts

    late = Later()
    memory = late.memory()
    entry = parse_entry(memory.leaves[0])
    assert isinstance(entry, BlockEntry)
    assert entry.rules == 2
    assert taken(memory.apply(late.block(1, by(late, 1, SM2)))) == [True]


# A machine without SM2.


@pytest.fixture
def no_sm2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    def forget() -> None:
        monkeypatch.setattr(sm2, "LIBRARIES", ("libcrypto.so.0",))
        sm2.library.cache_clear()

    yield forget
    monkeypatch.undo()
    sm2.library.cache_clear()
    sm2_file._library.cache_clear()


def test_without_sm2_a_member_stops_before_rules_2(
    memory: Any, world: Any, no_sm2: Callable[[], None]
) -> None:
    """Whoever cannot check a signature must not guess: it would compute another chain."""
    deposit = by(world, 1, SM2)
    no_sm2()
    assert taken(memory.apply(world.block(1, world.deposited(1)))) == [True]
    memory.apply(world.block(2, format_record(raised(world, memory.chain.note))))
    assert "no SM2" in str(transition.obstacle(memory.chain))
    assert transition.newest_rules() == 1
    with pytest.raises(NewerRules, match=r"rules 2 from height 3 on, .* no SM2"):
        memory.apply(world.block(3, deposit))


# The views tell keys of all suites apart.


def test_keys_of_all_suites_are_told_apart(tmp_path: Path, world: Any) -> None:
    """Among them an Ed25519 key that is spelled like the beginning of a P-256 key."""
    store = Store(tmp_path / "views", world.genesis())
    note = format_record(raised(world, store.chain.note))
    keys = [Signer(PRIVATE, algorithm).public for algorithm in (ED25519, P256, SM2)]
    keys += [PublicKey(ED25519, key.raw[:32]) for key in keys[1:]]
    records = [world.key("enrol", key) for key in keys]
    for height, block in enumerate([[note], records[:3], records[3:]], start=1):
        store.write(apply(store.chain, world.block(height, *block), store))
    places = [store.key_leaves(key) for key in keys]
    assert sorted(places) == [[5], [6], [7], [9], [10]]
    assert all(store.key_state(key) for key in keys)
    store.close()


# The whole way, on members that run.


@pytest.mark.anyio
async def test_a_running_chain_goes_to_rules_2(houses: Any, world: Any) -> None:
    """A deposit of P-256 is skipped, the members raise the number, deposits of P-256 and SM2 are
    taken, and their proofs hold for whoever was told of the first policy only."""
    houses.start()
    await houses.propose(world.key("enrol", world.gateway.public, role="gateway"))
    (refused,) = await houses.propose(by(world, 1, P256))
    assert refused.skipped == "public key: rules 1 do not take p256"
    assert [(await houses.status(each)).rules for each in houses.configs] == [2, 2, 2]
    note = raised(world, world.note(), rules=2)
    assert (await houses.propose(format_record(note)))[0].HasField("position")
    for number, algorithm in enumerate((P256, SM2), start=1):
        await houses.propose(enrolled(world, algorithm))
        (outcome,) = await houses.propose(by(world, number, algorithm))
        for member in houses.configs:
            data = await houses.proof(member, outcome.position.statement_id)
            verdict = verify(data, Anchor(policy_text=world.note().policy_text))
            assert verdict.code is ResultCode.V001, verdict.findings
            proof = parse_proof(data)
            assert proof.deposit.key.algorithm == algorithm
            assert [entry.note.rules for entry in proof.policies] == [1, 2]
            assert len(proof.keys) == 2
