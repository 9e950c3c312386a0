"""Visits to a published log: what grows is followed, what is changed is named with its place."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.audit import visit
from node.audit.memory import DEPTHS, Memory
from node.audit.visit import CONTRADICTION
from node.audit.walk import Different
from node.errors import DiskFailed, Misconfigured, NewerRules, Unavailable
from node.evidence.accusation import judge
from node.evidence.checkpoint import Checkpoint, format_checkpoint
from node.evidence.contradiction import parse_contradiction
from node.evidence.digests import sha256
from node.evidence.merkle import leaf_hash, root
from node.evidence.record import format_record
from node.evidence.steps import Anchor
from node.published.layout import body_path, join_bundle, parse_policy_leaf, split_bundle

ALL = (None, *DEPTHS)
every_depth = pytest.mark.parametrize("depth", ALL)


@every_depth
def test_an_honest_log_is_followed(published: Any, world: Any, depth: str | None) -> None:
    chain = published.chain
    report = published.audit(depth)
    assert (report.size_before, report.size) == (0, len(chain.leaves))
    assert report.root == root([leaf_hash(leaf) for leaf in chain.leaves])
    assert report.height == (chain.chain.height if depth else None)
    published.block(world.deposited(1000), world.deposited(1001))
    published.block()
    published.publish()
    again = published.audit(depth)
    assert (again.size_before, again.size) == (report.size, report.size + 4)
    assert again.entries == (4 if depth else 0)
    idle = published.audit(depth)
    assert (idle.size_before, idle.size, idle.entries) == (again.size, again.size, 0)


def test_a_deeper_visit_begins_anew(published: Any) -> None:
    """What was only looked at before is looked at again, up to the tree that was seen then."""
    size = published.audit(None).size
    for depth in DEPTHS:
        assert published.audit(depth).entries == size
    assert published.audit("entries").entries == 0


def test_policies_are_followed(published: Any, world: Any) -> None:
    published.audit()
    note = world.next_note(world.note(), names=("court", "forensic", "guild"), quorum=3)
    published.block(format_record(note))
    published.block(world.deposited(2000))
    published.publish(seal=("court", "forensic", "guild"))
    assert published.audit().serial == 2
    assert published.audit("bodies", "other").serial == 2
    # Sealed by a quorum of the policy before: it governs no more.
    published.publish(seal=("court", "notary"))
    with pytest.raises(Different, match=r"members sealed|no member"):
        published.audit()


# Flips: whatever byte is changed, the visit says so, and where.


@every_depth
@pytest.mark.parametrize(
    ("path", "at", "why"),
    [
        ("tile/0/000", 32 * 77 + 5, "tile/0/000: not what the tile above it says"),
        ("tile/0/001.p/81", 3, "they do not give the root"),
        ("tile/1/000.p/1", 3, "they do not give the root"),
        ("checkpoint", 3, "another chain|checkpoint"),
        ("checkpoint", 30, "signature|did not sign|checkpoint|base64|sealed"),
        ("policies/1", 200, "polic|entry|known from elsewhere"),
    ],
)
def test_a_flipped_byte_is_named(
    published: Any, depth: str | None, path: str, at: int, why: str
) -> None:
    published.flip(path, at)
    with pytest.raises(Different, match=why):
        published.audit(depth)


def test_every_byte_of_an_entry_counts(published: Any) -> None:
    bundle = (published.directory / "tile/entries/000").read_bytes()
    for at in range(0, len(bundle), 997):
        published.flip("tile/entries/000", at)
        with pytest.raises(Different):
            published.audit()
        published.write("tile/entries/000", bundle)
    assert published.audit().size == len(published.chain.leaves)


def test_a_body_that_was_not_agreed_on_is_named(published: Any) -> None:
    published.flip(body_path(9), 40)
    published.audit("signatures")
    with pytest.raises(Different, match=r"height 9, leaf .*: the body is not the one"):
        published.audit("bodies", "other")


@every_depth
def test_a_part_that_is_missing_is_no_verdict(published: Any, depth: str | None) -> None:
    (published.directory / "tile/0/000").unlink()
    with pytest.raises(Unavailable, match="there is no tile/0/000"):
        published.audit(depth)


# Histories that a quorum sealed and that are wrong all the same.


Change = Callable[[list[bytes]], None]


def rewritten(published: Any, change: Change) -> None:
    """Publish the leaves as changed, with tiles, roots, previous hashes and seals all right."""
    leaves, world = [*published.chain.leaves], published.world
    change(leaves)
    fixed: list[bytes] = []
    block_at = 0
    for index, leaf in enumerate(leaves):
        if b"\nkind block\n" in leaf and index:
            tree = Checkpoint(world.origin, index, root([leaf_hash(each) for each in fixed]))
            hash_before = sha256(fixed[block_at] + format_checkpoint(tree)).hex().encode()
            leaf = re.sub(rb"(?<=previous )[0-9a-f]{64}", hash_before, leaf)
            block_at = index
        fixed.append(leaf)
    published.publish(leaves=fixed)


def edit(index: int, old: bytes, new: bytes) -> Change:
    def change(leaves: list[bytes]) -> None:
        assert old in leaves[index], leaves[index]
        leaves[index] = leaves[index].replace(old, new, 1)

    return change


def statements(published: Any) -> list[int]:
    return [i for i, leaf in enumerate(published.chain.leaves) if b"\nkind statement\n" in leaf]


def test_what_a_quorum_must_not_seal(published: Any) -> None:
    """Each of these has a right root under a right quorum; each entry is named."""
    at = statements(published)
    leaf = published.chain.leaves
    block = at[0] - 1
    wrong = {
        "first item": edit(at[3], b"first-item ", b"first-item 1"),
        "height and time": edit(at[3], b"\ntime 1", b"\ntime 2"),
        "took": edit(block, b"taken 21", b"taken 20"),
        "follows rules": edit(block, b"rules 1", b"rules 2"),
        "serial": edit(len(leaf) - 1, b'"serial":2', b'"serial":3'),
        "not of its block|height": edit(block, b"height 3", b"height 4"),
    }
    for number, (why, change) in enumerate(wrong.items()):
        rewritten(published, change)
        with pytest.raises(Different) as caught:
            published.audit("entries", f"state-{number}")
        assert caught.value.leaf is not None, why


def test_a_statement_twice_is_named_with_both_places(published: Any) -> None:
    at = statements(published)

    def change(leaves: list[bytes]) -> None:
        first = leaves[at[30]].split(b"gateway ")[0]
        leaves[at[30]] = first + b"gateway " + leaves[at[0]].split(b"gateway ", 1)[1]

    rewritten(published, change)
    for depth in ("entries", "signatures"):
        with pytest.raises(Different, match=f"leaf {at[30]}: .*already, at leaf {at[0]}"):
            published.audit(depth, f"state-{depth}")


def test_where_a_statement_stood_first_is_not_believed_either(published: Any) -> None:
    """A source that shows another entry at the first place does not hide the second."""
    published.audit()
    leaves, at = [*published.chain.leaves], statements(published)
    published.block()
    published.block(published.world.deposited(4000))
    first = published.chain.leaves[-1].split(b"gateway ")[0]
    published.chain.leaves[-1] = first + b"gateway " + leaves[at[0]].split(b"gateway ", 1)[1]
    published.publish()
    again = len(published.chain.leaves) - 1
    with pytest.raises(Different, match=f"leaf {again}: .*already, at leaf {at[0]}"):
        published.audit()
    other = split_bundle((published.directory / "tile/entries/000").read_bytes())
    other[at[0]] = other[at[1]]
    published.write("tile/entries/000", join_bundle(other))
    with pytest.raises(Different, match=f"leaf {at[0]}: the entry is not the leaf"):
        published.audit()


def test_a_signature_that_does_not_hold_is_named(published: Any) -> None:
    at = statements(published)[7]

    def change(leaves: list[bytes]) -> None:
        before, _, rest = leaves[at].partition(b"\nsignature ed25519:")
        other = leaves[at + 1].partition(b"\nsignature ed25519:")[2]
        leaves[at] = before + b"\nsignature ed25519:" + other[:88] + rest[88:]

    rewritten(published, change)
    published.audit("entries")
    with pytest.raises(Different, match=f"leaf {at}: this key did not sign"):
        published.audit("signatures", "other")
    with pytest.raises(Different, match=r"the body gives another entry|names"):
        published.audit("bodies", "third")


# Histories that contradict the one seen.


@every_depth
def test_another_history_is_noticed(published: Any, world: Any, depth: str | None) -> None:
    published.audit(depth)
    size = len(published.chain.leaves)
    fork = type(published)(world, published.directory)
    for _ in range(3):
        fork.block()
    while len(fork.chain.leaves) < size:
        fork.block()
    fork.publish()
    told = f"first {size} leaves are not .*; court, notary sealed both"
    with pytest.raises(Different, match=told):
        published.audit(depth)
    check_contradiction(published, size)
    fork.block()
    fork.block(world.deposited(5))
    fork.publish()
    with pytest.raises(Different, match=told):
        published.audit(depth)
    check_contradiction(published, size + 3)


def check_contradiction(published: Any, size: int) -> None:
    """The file beside the state names both members to whoever has the policy, offline."""
    kept = published.directory.with_name(f"state.{CONTRADICTION}")
    anchor = Anchor(policy_text=published.world.note().policy_text)
    judgement = judge(kept.read_bytes(), anchor)
    assert judgement.holds, judgement
    assert judgement.accused is not None
    assert [each.name for each in judgement.accused.both] == ["court", "notary"]
    assert parse_contradiction(kept.read_bytes()).second.checkpoint.size == size
    kept.unlink()


@every_depth
def test_a_log_that_goes_back_is_no_verdict(published: Any, world: Any, depth: str | None) -> None:
    published.audit(depth)
    short = type(published)(world, published.directory)
    short.block()
    short.publish()
    with pytest.raises(Unavailable, match="showed"):
        published.audit(depth)


def test_a_visit_that_failed_leaves_nothing_to_believe(published: Any, world: Any) -> None:
    """The statements of a history that did not hold are not held against the one that does."""
    good = [*published.chain.leaves]
    at = statements(published)

    def change(leaves: list[bytes]) -> None:
        leaves[at[-2]] = leaves[at[-2]].replace(b"first-item ", b"first-item 1", 1)

    rewritten(published, change)
    with pytest.raises(Different):
        published.audit()
    published.publish(leaves=good)
    assert published.audit().size == len(good)


def test_a_policy_from_elsewhere_is_needed(published: Any) -> None:
    leaf = parse_policy_leaf((published.directory / "policies/1").read_bytes())
    assert leaf.index == 1
    published.world.origin, origin = "cunzheng.test/other", published.world.origin
    try:
        with pytest.raises(Different, match="known from elsewhere"):
            published.audit()
    finally:
        published.world.origin = origin


def test_a_block_that_claims_more_than_a_block_holds(published: Any) -> None:
    """Nobody is made to wait for the end of such a block, with all its entries in memory."""
    block = statements(published)[0] - 1
    rewritten(published, edit(block, b"taken 21", b"taken 2100000"))
    with pytest.raises(Different, match="more than a block holds"):
        published.audit()


def test_rules_that_are_not_known_are_no_difference(published: Any) -> None:
    block = statements(published)[0] - 1
    rewritten(published, edit(block, b"rules 1", b"rules 9"))
    with pytest.raises(NewerRules, match=f"leaf {block}: "):
        published.audit()


def test_a_memory_of_another_chain_is_no_difference(published: Any, tmp_path: Path) -> None:
    published.audit()
    other = type(published.world)(origin="cunzheng.test/other")
    directory = tmp_path / "other"
    directory.mkdir()
    log = type(published)(other, directory)
    log.block()
    log.publish()
    with pytest.raises(Misconfigured, match=r"is of cunzheng\.test/rooms"):
        log.audit()


def test_two_visits_at_once_are_one_too_many(tmp_path: Path) -> None:
    first = Memory(tmp_path / "state")
    with pytest.raises(DiskFailed):
        Memory(tmp_path / "state")
    first.close()


def test_policies_are_not_counted_for_ever(published: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "POLICIES_MAX", 0)
    with pytest.raises(Different, match="more than 0 policies"):
        published.audit()
    monkeypatch.setattr(visit, "POLICIES_SIZE_MAX", 100)
    with pytest.raises(Different, match="more than 100 bytes of policies"):
        published.audit()
