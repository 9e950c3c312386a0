"""Contradiction files: what is written is read, what holds names the right members, and nothing
else holds."""

import random
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from node.evidence import contradiction as contradiction_module
from node.evidence import note as note_module
from node.evidence.accusation import Judgement, judge
from node.evidence.atoms import write_base64
from node.evidence.checkpoint import cosign, format_checkpoint
from node.evidence.contradiction import (
    CONTRADICTION_SIZE_MAX,
    POLICIES_MAX,
    Contradiction,
    Side,
    format_contradiction,
    ordered,
    parse_contradiction,
)
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.members import format_members, parse_members
from node.evidence.merkle import consistency_path, inclusion_path, root
from node.evidence.note import TYPE_COSIGNATURE, ed25519_vkey
from node.evidence.policy import fingerprint, parse_policy
from node.evidence.sealed import parse_seal, parse_sealed
from node.evidence.steps import Anchor

Fork = tuple[Any, Any]


@pytest.fixture
def fork(chains: ModuleType) -> Fork:
    return parted(chains)


def parted(chains: ModuleType) -> Fork:
    """Two chains that are one up to size 6 and then go different ways, to sizes 8 and 10."""
    one, other = chains.Chain(), chains.Chain()
    for each in (one, other):
        each.enrol("gateway", "gateway")
        each.enrol("depositor", "depositor")
    one.deposit([b"for the plaintiff"])
    other.deposit([b"for the defendant"])
    other.deposit([b"and more"])
    assert (len(one.leaves), len(other.leaves)) == (8, 10)
    return one, other


def side(chain: Any, *members: str, size: int | None = None) -> Side:
    sealed = parse_sealed(chain.seal(size, members))
    return Side(sealed.checkpoint, tuple(sorted(sealed.seals, key=lambda seal: seal.member)))


def contradiction(
    fork: Fork, first: tuple[str, ...], second: tuple[str, ...], size: int | None = None
) -> Contradiction:
    """The first chain at its end, the second at this size (its end)."""
    one, other = fork
    hashes = other.hashes(size)
    old = len(one.leaves)
    return ordered(
        tuple(one.policies),
        side(one, *first),
        side(other, *second, size=size),
        root(hashes[:old]),
        consistency_path(old, len(hashes), hashes),
    )


def judged(found: Contradiction) -> Judgement:
    return judge(format_contradiction(found), Anchor(policy_text=found.policies[0].policy_text))


def named(judgement: Judgement) -> list[str]:
    assert judgement.accused is not None
    return [each.name for each in judgement.accused.both]


def codes(judgement: Judgement) -> set[tuple[int, str]]:
    return {(each.step, each.code.name) for each in judgement.findings if each.code}


@pytest.mark.parametrize("size", [8, 9, 10], ids=["equal", "inside a block", "unequal"])
def test_who_sealed_both_is_named(fork: Fork, size: int) -> None:
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"), size)
    data = format_contradiction(found)
    assert parse_contradiction(data) == found
    judgement = judged(found)
    assert (judgement.holds, judgement.exit_code, codes(judgement)) == (True, 0, set())
    assert named(judgement) == ["court"]
    assert judgement.accused is not None
    assert judgement.accused.first.by_quorum
    assert judgement.accused.second.by_quorum
    assert judgement.to_json()["holds"] is True


def test_every_pair_of_sizes(chains: ModuleType) -> None:
    """Wherever the chains part, and however far each has gone."""
    for common in range(1, 5):
        one, other = chains.Chain(), chains.Chain()
        for chain, name in ((one, "a"), (other, "b")):
            for at in range(5):
                chain.enrol(f"{name if at >= common - 1 else ''}{at}", "depositor")
        for old in range(2 + 2 * common, len(one.leaves) + 1, 2):
            for new in range(old, len(other.leaves) + 1, 2):
                hashes = other.hashes(new)
                path = consistency_path(old, new, hashes)
                found = ordered(
                    tuple(one.policies),
                    side(one, "notary", size=old),
                    side(other, "notary", size=new),
                    root(hashes[:old]),
                    path,
                )
                assert judged(found).holds


def test_one_seal_against_a_quorum(fork: Fork) -> None:
    """Who was deceived signed one history only: it is shown, and nobody is said to have lied."""
    judgement = judged(contradiction(fork, ("forensic",), ("court", "notary")))
    assert judgement.holds
    assert named(judgement) == []
    assert judgement.accused is not None
    assert [each.name for each in judgement.accused.first.members] == ["forensic"]
    assert not judgement.accused.first.by_quorum


def test_the_head_is_computed(fork: Fork) -> None:
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    head, _, _ = format_contradiction(found).decode().partition("\n\n")
    assert "First checkpoint: size 8, root " in head
    assert head.splitlines()[6] == "两者均联签 Cosigned both: court"
    assert fingerprint(found.policies[0].policy_text) in head
    nobody = format_contradiction(contradiction(fork, ("notary",), ("court",)))
    assert "两者均联签 Cosigned both: 无 nobody\n" in nobody.decode()
    with pytest.raises(Malformed, match="head"):
        parse_contradiction(format_contradiction(found).replace(b"both: court", b"both: notary"))


def test_it_has_one_spelling(fork: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a part would be read more kindly than it is: here base64 whose last digit has bits
    that count for nothing, which the head does not show."""
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    text = write_base64(found.root)
    other = f"{text[:-2]}{chr(ord(text[-2]) + 1)}="
    assert b64decode(other) == found.root
    data = format_contradiction(found).replace(
        f"root {text}\n".encode(), f"root {other}\n".encode()
    )
    with pytest.raises(Malformed, match="base64"):
        parse_contradiction(data)
    monkeypatch.setattr(contradiction_module, "read_base64", lambda _, text, __: b64decode(text))
    with pytest.raises(Malformed, match="not spelled as this version writes it"):
        parse_contradiction(data)


# What does not hold


def test_nothing_counts_without_a_policy_from_outside(fork: Fork) -> None:
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    data = format_contradiction(found)
    assert codes(judge(data, None)) == {(1, "V204")}
    assert judge(data, None).exit_code == 80
    for wrong in (Anchor(policy_text=b""), Anchor(fingerprint="A" * 39)):
        assert codes(judge(data, wrong)) == {(1, "V206")}
    assert judge(data, Anchor(fingerprint=fingerprint(found.policies[0].policy_text))).holds


def test_a_forged_seal_names_nobody(fork: Fork, chains: ModuleType) -> None:
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    stranger = chains.Chain(seed="somebody else")
    line = side(stranger, "court").seals[0]
    on_another = side(fork[0], "court", size=6).seals[0]
    for seal in (line, on_another):
        forged = replace(found.second, seals=(seal, *found.second.seals[1:]))
        judgement = judged(replace(found, second=forged))
        assert codes(judgement) == {(2, "V202")}
        assert not judgement.holds
        assert judgement.exit_code == 30


def test_a_consistent_tree_is_no_contradiction(fork: Fork) -> None:
    """Two checkpoints of one history: no path leads from another root to the second."""
    one, _ = fork
    hashes = one.hashes()
    before, after = side(one, "court", size=6), side(one, "court")
    true, path = root(hashes[:6]), consistency_path(6, 8, hashes)
    policies = tuple(one.policies)
    with pytest.raises(Malformed, match="do not contradict"):
        ordered(policies, before, after, true, path)
    for way in (path, inclusion_path(5, hashes), ()):
        lie = ordered(policies, before, after, bytes(32), way)
        assert codes(judged(lie)) == {(3, "V203")}


def test_a_path_of_equal_sizes_is_refused(fork: Fork) -> None:
    found = contradiction(fork, ("court",), ("court",), size=8)
    assert codes(judged(replace(found, path=(bytes(32),)))) == {(3, "V203")}


def test_what_does_not_fit_together_is_malformed(fork: Fork, chains: ModuleType) -> None:
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    equal = contradiction(fork, ("court",), ("court",), size=8)
    elsewhere = chains.Chain(origin="cunzheng.test/other")
    stranger = chains.Chain(names=("court", "guild"))
    wrongs: list[Callable[[], object]] = [
        lambda: replace(found, policies=()),
        lambda: replace(found, policies=found.policies * 2),
        lambda: replace(found, first=found.second, second=found.first),
        lambda: replace(equal, first=equal.second, second=equal.first),
        lambda: replace(equal, root=bytes(32)),
        lambda: replace(found, second=side(elsewhere, "court")),
        lambda: replace(found, policies=tuple(elsewhere.policies)),
        lambda: replace(found, second=side(stranger, "guild", size=2)),
        lambda: replace(found.first, seals=()),
        lambda: replace(found.first, seals=found.first.seals[::-1]),
        lambda: replace(found.first, seals=found.first.seals[:1] * 2),
    ]
    for wrong in wrongs:
        with pytest.raises(Malformed):
            wrong()


# After policy changes


def test_the_policies_between_are_enclosed(fork: Fork) -> None:
    """Known from outside is the first policy; the seals are by members of the second."""
    one, other = fork
    for chain in fork:
        chain.change_policy(names=("court", "notary", "guild"), quorum=2)
        chain.block([], carries="nothing")
    found = contradiction(fork, ("court", "guild"), ("guild", "notary"))
    assert [note.serial for note in found.policies] == [1, 2]
    judgement = judged(found)
    assert (judgement.holds, named(judgement)) == (True, ["guild"])
    assert parse_contradiction(format_contradiction(found)) == found
    names = ("court", "notary", "guild")
    lonely = one.next_note(signers=["notary"], previous=one.policies[0], names=names, quorum=2)
    judgement = judged(replace(found, policies=(found.policies[0], lonely)))
    assert codes(judgement) == {(1, "V206")}
    assert len(other.leaves) > len(one.leaves)


def test_who_has_left_is_still_named(fork: Fork) -> None:
    """Sealed under the first policy, found out under the second, which no longer knows it."""
    one, _ = fork
    found = contradiction(fork, ("forensic",), ("forensic",))
    note = one.next_note(names=("court", "notary"), quorum=2)
    later = replace(found, policies=(*found.policies, note))
    judgement = judged(later)
    assert (judgement.holds, named(judgement)) == (True, ["forensic"])


def renamed(chain: Any, name: str, organisation: str, witness: Any) -> Any:
    """A next policy in which this name has this witness key, and is this organisation's."""
    policy_text, members_text = chain.policy_texts(2)
    members = [
        replace(each, organisation=organisation) if each.name == name else each
        for each in parse_members(members_text)
    ]
    sealers = [
        replace(each, witness=witness.public) if each.member == name else each
        for each in parse_policy(policy_text).sealers
    ]
    text = format_members(members)
    changes = {"sealers": tuple(sealers), "members_hash": sha256(text)}
    return chain.next_note(texts=(chain.policy_texts(2, **changes)[0], text))


def resealed(side: Side, name: str, signer: Any) -> Side:
    """With the seal of this member made with another key."""
    body, seals = format_checkpoint(side.checkpoint), []
    for seal in side.seals:
        line = cosign(body, seal.time_s, seal.line.name, signer)
        seals.append(parse_seal(line, side.checkpoint.origin) if seal.member == name else seal)
    return replace(side, seals=tuple(seals))


@pytest.mark.parametrize("organisation", ["示例公证处", "另一公证处 Another Notary"])
def test_a_name_that_was_given_away_accuses_nobody(fork: Fork, organisation: str) -> None:
    """Whoever had the name before sealed a lie; who has it now sealed the truth. Only if both are
    one organisation has it sealed both."""
    witness = Signer(sha256(b"the new witness key"))
    note = renamed(fork[0], "notary", organisation, witness)
    found = contradiction(fork, ("notary",), ("court", "notary"))
    found = replace(
        found,
        policies=(*found.policies, note),
        second=resealed(found.second, "notary", witness),
    )
    judgement, same = judged(found), organisation == "示例公证处"
    assert judgement.holds
    assert named(judgement) == (["notary"] if same else [])
    assert found.both == (("notary",) if same else ())
    assert judgement.accused is not None
    sides = judgement.accused.first, judgement.accused.second
    assert [each.members[-1].organisation for each in sides] == ["示例公证处", organisation]
    assert len(judgement.accused.keys) == (2 if same else 0)


def test_two_keys_of_one_key_id_hide_nobody(
    chains: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four bytes are found again in an hour; here they are one, which is found at once."""
    real = note_module.key_id
    monkeypatch.setattr(note_module, "key_id", lambda *of: real(*of)[:1] + bytes(3))
    one, other = parted(chains)
    found = contradiction((one, other), ("court", "notary"), ("court", "forensic"))
    (lied,) = found.holders(found.first.seals[0])
    wanted = found.first.seals[0].line.key_id
    name = found.first.seals[0].line.name
    witness = next(
        signer
        for signer in (Signer(sha256(b"%d" % number)) for number in range(10_000))
        if ed25519_vkey(name, signer.public, TYPE_COSIGNATURE).key_id == wanted
    )
    note = renamed(one, "court", "示例互联网法院", witness)
    judgement = judged(replace(found, policies=(*found.policies, note)))
    assert judgement.holds, judgement.findings
    assert named(judgement) == ["court"]
    assert judgement.accused is not None
    assert judgement.accused.keys == (lied.key, lied.key)
    assert not judgement.accused.first.by_quorum, "the newest policy has another key of court"


def test_who_knows_the_policies_takes_no_others(fork: Fork) -> None:
    """Two members may sign another second policy than the one that the chain has."""
    one, _ = fork
    for chain in fork:
        chain.change_policy(names=("court", "notary", "guild"), quorum=2)
        chain.block([], carries="nothing")
    found = contradiction(fork, ("court", "guild"), ("guild", "notary"))
    anchor, data = Anchor(policy_text=one.policies[0].policy_text), format_contradiction(found)
    assert judge(data, anchor, one.policies).holds
    names = ("court", "forensic", "notary")
    other = one.next_note(previous=one.policies[0], names=names, quorum=3)
    assert codes(judge(data, anchor, (other,))) == {(1, "V206")}


def test_a_note_that_too_few_signed_gives_a_judgement(fork: Fork) -> None:
    """Its members text may be of others than its policy text."""
    one, _ = fork
    other = one.policy_texts(2, names=("court", "guild"))[1]
    note = one.next_note(["notary"], texts=(one.policy_texts(2, rules=2)[0], other))
    found = contradiction(fork, ("court",), ("court",))
    assert codes(judged(replace(found, policies=(*found.policies, note)))) == {(1, "V206")}


def test_a_policy_of_newer_rules_is_newer(fork: Fork) -> None:
    data = format_contradiction(contradiction(fork, ("court",), ("court",)))
    newer = judge(data.replace(b"#cunzheng rules 1", b"#cunzheng rules 9"), None)
    assert newer.code is not None
    assert newer.code.name == "V502"
    version = judge(data.replace(b"contradiction/v1", b"contradiction/v2"), None)
    assert version.code is not None
    assert version.code.name == "V502"


# Hostile bytes


def test_any_changed_bit_is_refused(fork: Fork, damaged: Any) -> None:
    """None of the bytes can change and still hold. (A sample: each takes a millisecond.)"""
    found = contradiction(fork, ("court", "notary"), ("court", "forensic"))
    good, anchor = format_contradiction(found), Anchor(policy_text=found.policies[0].policy_text)
    assert judge(good, anchor).holds
    rng = random.Random(18)
    for bad in rng.sample(list(damaged(good)), 1500):
        assert not judge(bad, anchor).holds or bad == good


def test_random_bytes_give_a_judgement(fork: Fork) -> None:
    good = format_contradiction(contradiction(fork, ("court", "notary"), ("court", "forensic")))
    rng = random.Random(19)
    for _ in range(300):
        at, end = sorted(rng.choices(range(len(good)), k=2))
        bad = good[:at] + rng.randbytes(rng.randrange(40)) + good[end:]
        assert judge(bad, None).to_json()["holds"] is False
    assert judge(good + b"\n" * CONTRADICTION_SIZE_MAX, None).exit_code == 30
    assert judge(good.partition(b"\n\n")[0], None).exit_code == 30


def test_policies_are_limited(fork: Fork) -> None:
    """Refused when there is one too many, not once all of them are read."""
    data = format_contradiction(contradiction(fork, ("court",), ("court",)))
    head, _, rest = data.partition(b"\n\n")
    section = rest[: rest.index(b"first ")]
    with pytest.raises(Malformed, match=f"more than {POLICIES_MAX} policies"):
        parse_contradiction(head + b"\n\n" + section * (POLICIES_MAX + 1) + rest)
