"""Policies in their order, and the checkpoints they make valid."""

from dataclasses import replace
from typing import Any

import pytest

from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint, sign_further
from node.evidence.digests import sha256
from node.evidence.entry import PolicyEntry, format_entry
from node.evidence.keys import P256, BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import Member, format_members
from node.evidence.note import SignatureLine, format_line, sign_ed25519
from node.evidence.policy import fingerprint, format_policy
from node.evidence.policy_note import PolicyNote, first_note
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.steps import Anchor
from node.published.layout import PolicyLeaf
from node.published.trust import PolicyChain, read_checkpoint


def leaf(index: int, note: PolicyNote) -> PolicyLeaf:
    return PolicyLeaf(index, format_entry(PolicyEntry(index, 1_790_000_000_000, note)))


def sealed(world: Any, size: int, *names: str, root: bytes = bytes(32)) -> bytes:
    checkpoint = Checkpoint(world.origin, size, root)
    body = format_checkpoint(checkpoint)
    lines = (cosign(body, 1, f"{world.origin}/{name}", world.witness(name)) for name in names)
    seals = tuple(parse_seal(line, world.origin) for line in lines)
    log_line = sign_ed25519(body, world.origin, world.log("court"))
    return format_sealed(SealedCheckpoint(checkpoint, log_line, seals))


@pytest.fixture
def three(world: Any) -> PolicyChain:
    """Quorum 2, then 3, then 2 again."""
    first = world.note()
    second = world.next_note(first, quorum=3)
    third = world.next_note(second, ("court", "forensic", "notary"), quorum=2)
    return PolicyChain((leaf(1, first), leaf(10, second), leaf(20, third)))


def test_each_size_has_its_policy(three: PolicyChain, world: Any) -> None:
    serials = {size: three.governing(size).serial for size in (2, 3, 11, 12, 21, 22, 1000)}
    assert serials == {2: 1, 3: 1, 11: 1, 12: 2, 21: 2, 22: 3, 1000: 3}
    for size, enough in ((11, True), (12, False), (21, False), (22, True)):
        data = sealed(world, size, "court", "notary")
        if enough:
            assert three.read_sealed(data).checkpoint.size == size
        else:
            with pytest.raises(Malformed, match="2 members sealed, 3 are needed"):
                three.read_sealed(data)


def test_one_pinned_policy_anchors_all(three: PolicyChain, world: Any) -> None:
    for each in three.leaves:
        assert three.anchored(Anchor(policy_text=each.note.policy_text))
        assert three.anchored(Anchor(fingerprint=fingerprint(each.note.policy_text)))
    other = world.next_note(three.leaves[2].note, quorum=1)
    assert not three.anchored(Anchor(policy_text=other.policy_text))


def test_policies_that_do_not_follow_are_no_chain(three: PolicyChain, world: Any) -> None:
    first, second, third = three.leaves
    for wrong in ((), (second,), (first, third), (first, leaf(1, second.note))):
        with pytest.raises(Malformed):
            PolicyChain(wrong)
    alone = leaf(10, world.next_note(world.note(), ("court",), quorum=3))
    with pytest.raises(BadSignature):
        PolicyChain((first, alone))
    assert PolicyChain((first,)).extended((second, third)) == three


def test_lines_by_witnesses_are_not_judged(world: Any) -> None:
    chain = PolicyChain((leaf(1, world.note()),))
    data = sealed(world, 5, "court", "notary")
    foreign = SignatureLine("witness.example/w1", b"abcd", bytes(72))
    longer = data + format_line(foreign)
    assert chain.read_sealed(longer) == chain.read_sealed(data)
    with pytest.raises(Malformed):
        chain.read_sealed(
            longer + format_line(SignatureLine(f"{world.origin}/court", b"a" * 4, b"b"))
        )


def test_a_checkpoint_of_another_chain_is_refused(world: Any) -> None:
    data = sealed(world, 5, "court", "notary")
    with pytest.raises(Malformed):
        read_checkpoint(data, "cunzheng.test/other")
    with pytest.raises(Malformed):
        read_checkpoint(data.replace(b"rooms\n5", b"roomy\n5"), world.origin)


def test_further_signatures_must_hold(world: Any) -> None:
    """Of keys that the members text lists: they count for no quorum, and may not be false."""
    further = Signer(bytes(range(1, 33)), P256)
    members = tuple(
        Member(name, "court", f"示例 {name}", (further.public,) if name == "court" else ())
        for name in world.names
    )
    members_text = format_members(members)
    policy = replace(world.note().policy, rules=2, members_hash=sha256(members_text))
    chain = PolicyChain((leaf(1, first_note(format_policy(policy), members_text)),))
    data = sealed(world, 5, "court", "notary")
    body = data.partition(b"\n\n")[0] + b"\n"
    right = format_line(sign_further(body, 1, f"{world.origin}/court", further))
    wrong = format_line(sign_further(body + b"x", 1, f"{world.origin}/court", further))
    assert len(chain.read_sealed(data + right).further) == 1
    for lines in (wrong, right + right):
        with pytest.raises(Malformed):
            chain.read_sealed(data + lines)
    with pytest.raises(Malformed):  # Those of the first policy list no such key.
        PolicyChain((leaf(1, world.note()),)).read_sealed(data + right)
