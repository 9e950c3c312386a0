"""The transition from block to block: what is taken, what is skipped, and that nothing escapes."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.messages import EntryKind
from node.chain.apply import LIVE, REVOKED, ROTATED, Applied, KeyState, Skipped, Taken, apply
from node.errors import NewerRules
from node.evidence.checkpoint import format_checkpoint
from node.evidence.digests import EMPTY, sha256
from node.evidence.entry import BlockEntry, PolicyEntry, StatementEntry, parse_entry
from node.evidence.keys import Signer
from node.evidence.merkle import leaf_hash, root
from node.evidence.policy_note import format_policy_note
from node.evidence.record import format_record
from node.evidence.spelling import TIME_MS_END
from node.evidence.statement import Subject


def taken(applied: Applied) -> list[bool]:
    return [isinstance(outcome, Taken) for outcome in applied.outcomes]


def why(applied: Applied) -> str:
    (outcome,) = applied.outcomes
    assert isinstance(outcome, Skipped)
    return outcome.why


def test_genesis_is_leaf_0_and_1(memory: Any, world: Any) -> None:
    assert memory.leaves == world.genesis().entries()
    assert (memory.chain.height, memory.chain.size, memory.chain.next_ordinal) == (0, 2, 0)


def test_a_block_makes_its_entry_first_and_one_for_each_record(memory: Any, world: Any) -> None:
    """Section 7: previous block hash, counts, body; section 8: ordinals run through the chain."""
    before = memory.chain
    block = world.block(
        1, world.deposited(1, 3), world.record(world.event(2)), world.deposited(3, 2)
    )
    applied = memory.apply(block)
    entries = [parse_entry(leaf) for leaf in applied.leaves]
    head = entries[0]
    assert isinstance(head, BlockEntry)
    assert (head.previous, head.body) == (before.block_hash, sha256(block.data))
    assert (head.taken, head.skipped, head.carries, head.term) == (3, 0, "records", 1)
    firsts = [entry.first_item for entry in entries[1:] if isinstance(entry, StatementEntry)]
    assert firsts == [0, None, 3]
    assert memory.chain.next_ordinal == 5
    assert [o.leaf_index for o in applied.outcomes if isinstance(o, Taken)] == [3, 4, 5]
    body = format_checkpoint(applied.checkpoint)
    assert memory.chain.block_hash == sha256(applied.leaves[0] + body)


def test_the_root_is_that_of_all_leaves(memory: Any, world: Any) -> None:
    """The frontier against RFC 6962 over every leaf, block after block."""
    for height in range(1, 20):
        memory.apply(world.block(height, *(world.deposited(height * 10 + n) for n in range(3))))
        assert memory.chain.checkpoint.root == root([leaf_hash(leaf) for leaf in memory.leaves])
        assert memory.chain.checkpoint.size == len(memory.leaves)


def test_a_statement_is_taken_once(memory: Any, world: Any) -> None:
    record, other = world.deposited(1), world.deposited(2)
    first = memory.apply(world.block(1, record, other, record))
    assert taken(first) == [True, True, False]
    second = memory.apply(world.block(2, record))
    (outcome,) = second.outcomes
    identity = first.outcomes[0].statement.statement_id  # type: ignore[union-attr]
    assert outcome == Skipped("statement: is on the chain already", repeats=identity)
    assert memory.chain.next_ordinal == 2


def test_a_skipped_statement_may_come_again(memory: Any, world: Any) -> None:
    """Only what was taken counts as there: a bad signature must not keep the good one out."""
    deposit = world.deposit(bytes(range(32)))
    bad = world.record(deposit, bytes(range(32)), by=Signer(bytes(32)))
    good = world.record(deposit, bytes(range(32)))
    assert taken(memory.apply(world.block(1, bad, good))) == [False, True]


BAD: dict[str, tuple[str, Callable[[Any], bytes]]] = {
    "another chain": (
        "another chain",
        lambda w: w.record(w.deposit(bytes(32), origin="other.test/x"), bytes(32)),
    ),
    "too few items": ("not as many", lambda w: w.record(w.deposit(bytes(64)), bytes(32))),
    "half an item": ("not as many", lambda w: w.record(w.deposit(bytes(32)), bytes(33))),
    "other items": ("root", lambda w: w.record(w.deposit(bytes(32)), b"x" * 32)),
    "empty content": (
        "empty content",
        lambda w: w.record(w.deposit(EMPTY["sha256"], mode="digest"), EMPTY["sha256"]),
    ),
    "attested without submitter": (
        "submitter",
        lambda w: w.record(w.deposit(bytes(32), key=w.gateway.public), bytes(32), by=w.gateway),
    ),
    "signed by another": (
        "did not sign",
        lambda w: w.record(w.deposit(bytes(32)), bytes(32), by=w.authority),
    ),
    "an event with items": ("event has none", lambda w: w.record(w.event(), bytes(32))),
    "no record": ("record", lambda w: b"x"),
    "another kind": ("kind", lambda w: b"cunzheng/record/v1\nkind block\n"),
    "a newer record": ("version 2", lambda w: b"cunzheng/record/v2\n"),
    "a key by nobody": (
        "enrolling authority",
        lambda w: w.key("enrol", w.depositor.public).replace(
            w.authority.public.text.encode(), w.gateway.public.text.encode()
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_hold_is_skipped(memory: Any, world: Any, name: str) -> None:
    """Section 14, rules 1 to 4; the record beside it is not harmed."""
    reason, make = BAD[name]
    bad = make(world)
    assert reason in why(memory.apply(world.block(1, bad)))
    assert taken(memory.apply(world.block(2, bad, world.deposited(2)))) == [False, True]


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"\0\0\0\2x", b"\0\0\1", bytes(1_048_577)])
def test_broken_framing_is_one_skipped_record(memory: Any, world: Any, data: bytes) -> None:
    applied = memory.apply(world.block(1, data=data))
    assert (applied.block.taken, applied.block.skipped) == (0, 1)
    assert len(applied.leaves) == 1


def test_data_of_no_bytes_holds_no_records(memory: Any, world: Any) -> None:
    applied = memory.apply(world.block(1, data=b""))
    assert (applied.block.taken, applied.block.skipped) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "carries"), [(EntryKind.NOOP, "nothing"), (EntryKind.CONFIGURATION, "configuration")]
)
def test_other_entries_carry_no_records(
    memory: Any, world: Any, kind: EntryKind, carries: str
) -> None:
    applied = memory.apply(world.block(1, world.deposited(1), kind=kind))
    assert applied.block.carries == carries
    assert (applied.outcomes, len(applied.leaves)) == ((), 1)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({"proposer": "Court"}, {"proposer": "-"}),
        ({"proposer": "genesis"}, {"proposer": "-"}),
        ({"proposer": ""}, {"proposer": "-"}),
        ({"version": "1.0\nrules 2"}, {"version": "-"}),
        ({"version": "v" * 65}, {"version": "-"}),
        ({"time_ms": TIME_MS_END}, {"time_ms": 1_790_000_000_000}),
        ({"time_ms": TIME_MS_END - 1}, {"time_ms": TIME_MS_END - 1}),
        ({"time_ms": 5}, {"time_ms": 5}),
    ],
)
def test_what_a_proposer_says_about_itself(
    memory: Any, world: Any, said: dict[str, Any], written: dict[str, Any]
) -> None:
    applied = memory.apply(world.block(1, **said))
    assert parse_entry(applied.leaves[0]) == applied.block
    assert {name: getattr(applied.block, name) for name in written} == written


def test_ordinals_end_at_twelve_digits(memory: Any, world: Any) -> None:
    memory.chain = replace(memory.chain, next_ordinal=10**12 - 1)
    assert taken(memory.apply(world.block(1, world.deposited(1, 2), world.deposited(2)))) == [
        False,
        True,
    ]
    assert "twelve digits" in why(memory.apply(world.block(2, world.deposited(3))))


def test_an_event_about_a_deposit(memory: Any, world: Any) -> None:
    memory.apply(world.block(1, world.deposited(1)))
    entry = parse_entry(memory.leaves[3])
    assert isinstance(entry, StatementEntry)
    subject = Subject(entry.number(0), entry.statement_id)
    event = world.event(type="correction", subject=subject)
    assert taken(memory.apply(world.block(2, world.record(event)))) == [True]


# Keys.


def test_the_life_of_a_key(memory: Any, world: Any) -> None:
    first, second = (Signer(bytes([n]) * 32).public for n in (1, 2))
    steps = [
        (world.key("rotate", first, successor=second), False),
        (world.key("enrol", first, serial=2), False),
        (world.key("enrol", first), True),
        (world.key("enrol", first, serial=2), False),
        (world.key("revoke", first, serial=2, role="court"), False),
        (world.key("rotate", first, serial=2, successor=second), True),
        (world.key("rotate", first, serial=3, successor=second), False),
        (world.key("enrol", second), False),
        (world.key("revoke", second), True),
        (world.key("revoke", second, serial=2), False),
        (world.key("revoke", first, serial=3), True),
    ]
    block = world.block(1, *(record for record, _ in steps))
    assert taken(memory.apply(block)) == [good for _, good in steps]
    assert memory.key_state(first) == KeyState(REVOKED, "depositor", 3)
    assert memory.key_state(second) == KeyState(REVOKED, "depositor", 1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_keys_against_a_naive_twin(world: Any, data: st.DataObject) -> None:
    """Section 14, rule 4, said once more: a table of (standing, action)."""
    memory = world.memory()
    keys = [Signer(bytes([n]) * 32).public for n in range(1, 4)]
    twin: dict[Any, tuple[str, str, int]] = {}
    allowed = {("", "enrol"), (LIVE, "rotate"), (LIVE, "revoke"), (ROTATED, "revoke")}
    after = {"enrol": LIVE, "rotate": ROTATED, "revoke": REVOKED}
    records, expected = [], []
    for _ in range(12):
        action = data.draw(st.sampled_from(["enrol", "rotate", "revoke"]))
        key, successor = data.draw(st.permutations(keys))[:2]
        role = data.draw(st.sampled_from(["depositor", "court"]))
        serial = data.draw(st.integers(1, 3))
        more = {"successor": successor} if action == "rotate" else {}
        records.append(world.key(action, key, serial=serial, role=role, **more))
        standing, had, last = twin.get(key, ("", role, 0))
        good = (standing, action) in allowed and had == role and serial == last + 1
        good = good and not (action == "rotate" and successor in twin)
        expected.append(good)
        if good:
            twin[key] = (after[action], role, serial)
            if action == "rotate":
                twin[successor] = (LIVE, role, 0)
    # Some in one block, some in later ones: where the block ends must not matter.
    cut = data.draw(st.integers(0, 12))
    first = memory.apply(world.block(1, *records[:cut]))
    second = memory.apply(world.block(2, *records[cut:]))
    assert taken(first) + taken(second) == expected
    assert memory.keys == {key: KeyState(*state) for key, state in twin.items()}


# Policies.


def test_a_policy_governs_the_next_block(memory: Any, world: Any) -> None:
    old = memory.chain.note
    note = world.next_note(old, quorum=3)
    applied = memory.apply(world.block(1, format_record(note)))
    assert taken(applied) == [True]
    assert isinstance(parse_entry(applied.leaves[1]), PolicyEntry)
    assert (applied.governed_by, memory.chain.note) == (old, note)
    assert memory.apply(world.block(2)).governed_by == note


def test_a_policy_stands_alone_in_its_block(memory: Any, world: Any) -> None:
    policy = format_record(world.next_note(memory.chain.note))
    for other in (world.deposited(1), b"x", policy):
        applied = memory.apply(world.block(memory.chain.height + 1, policy, other))
        assert not isinstance(applied.outcomes[0], Taken)
        assert memory.chain.note.serial == 1


def test_a_policy_without_the_old_quorum_is_skipped(memory: Any, world: Any) -> None:
    note = world.next_note(memory.chain.note, signers=("court",))
    assert "2 are needed" in why(memory.apply(world.block(1, format_record(note))))
    note = world.next_note(memory.chain.note, network="production")
    assert "network" in why(memory.apply(world.block(2, format_record(note))))


def test_newer_rules_are_taken_and_then_stop_the_member(memory: Any, world: Any) -> None:
    """Section 14, rule 5: the block that raises the number is the last one under rules 1."""
    policy, members = world.policy_texts(2)
    policy = policy.replace(b"rules 1\n", b"rules 3\n") + b"what rules 3 say\n"
    note = world.sign_note(memory.chain.note, policy, members, ("court", "forensic"))
    assert taken(memory.apply(world.block(1, format_record(note)))) == [True]
    with pytest.raises(NewerRules, match="rules 3 from height 2 on"):
        memory.apply(world.block(2))


def test_a_policy_too_long_for_an_entry_is_skipped(memory: Any, world: Any) -> None:
    policy, members = world.policy_texts(2)
    policy = policy.replace(b"rules 1\n", b"rules 2\n") + b"x" * (32_768 - len(policy) - 1) + b"\n"
    members += b"y" * (32_000 - len(members)) + b"\n"
    note = world.sign_note(memory.chain.note, policy, members, ("court", "forensic"))
    filler = 65_536 - len(format_policy_note(note))
    assert filler > 0
    members = members[:-1] + b"y" * (filler - 1) + b"\n"
    note = world.sign_note(memory.chain.note, policy, members, ("court", "forensic"))
    assert "longer than 65535" in why(memory.apply(world.block(1, format_record(note))))
    assert memory.chain.note.serial == 1


# Hostile blocks.


@pytest.mark.parametrize("seed", range(40))
def test_any_bytes_give_one_answer(world: Any, seed: int) -> None:
    """Whatever was agreed on, two members make the same leaves of it, and a reader reads them."""
    rng = random.Random(seed)
    good = [
        world.deposited(1, 3, page=16),
        world.record(world.event(2)),
        world.key("enrol", world.depositor.public),
        format_record(world.next_note(world.note())),
    ]
    ours, theirs = world.memory(), world.memory()
    for height in range(1, 8):
        records = [_damage(rng, rng.choice(good)) for _ in range(rng.randrange(4))]
        block = world.block(height, *records, time_ms=rng.choice([height, 1 << 62]))
        if rng.random() < 0.2:
            block = world.block(height, data=_damage(rng, block.data + b"x"))
        applied = ours.apply(block)
        assert applied == theirs.apply(block)
        head, *rest = [parse_entry(leaf) for leaf in applied.leaves]
        assert head == applied.block
        assert rest == [o.entry for o in applied.outcomes if isinstance(o, Taken)]
        assert applied.block.skipped == len(applied.outcomes) - len(rest)


def _damage(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.3:
        return data
    at = rng.randrange(len(data))
    match rng.randrange(4):
        case 0:
            return data[:at] or b"x"
        case 1:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 2:
            return data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[at:]
        case _:
            return data[:at] + data[at + 1 :] + b"x"


def test_blocks_are_applied_in_order(memory: Any, world: Any) -> None:
    with pytest.raises(AssertionError):
        apply(memory.chain, world.block(2), memory)
