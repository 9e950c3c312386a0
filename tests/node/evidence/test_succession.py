"""Policies in their order, and the next one on its way round."""

from dataclasses import replace
from typing import Any

import pytest

from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.policy_note import PolicyNote, signers, verify_succession
from node.evidence.steps import Anchor
from node.evidence.succession import (
    POLICIES_MAX,
    POLICIES_SIZE_MAX,
    Succession,
    format_policies,
    parse_policies,
    propose,
    sign,
)


@pytest.fixture
def three(world: Any) -> Succession:
    first = world.note()
    second = world.next_note(first, quorum=3)
    return Succession((first, second, world.next_note(second, ("court", "forensic", "notary"))))


def test_parse_is_the_inverse_of_format(three: Succession) -> None:
    for notes in (three.notes, three.notes[:1], three.notes[1:]):
        data = format_policies(Succession(notes))
        assert parse_policies(data) == Succession(notes)
        assert format_policies(parse_policies(data)) == data


def test_every_flipped_byte_is_refused(three: Succession) -> None:
    data = format_policies(Succession(three.notes[:2]))
    for at in range(len(data)):
        with pytest.raises(Malformed):
            parse_policies(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize(
    "wrong", [b"", b"cunzheng/policies/v1\n", b"cunzheng/policies/v2\npolicy-note 0\n"]
)
def test_what_is_no_policies_file(wrong: bytes) -> None:
    with pytest.raises(Malformed):
        parse_policies(wrong)


def test_no_file_is_longer_than_a_file_may_be(three: Succession) -> None:
    data = format_policies(Succession(three.notes[:1]))
    tag, _, note = data.partition(b"\n")
    with pytest.raises(Malformed, match="policy notes"):
        parse_policies(tag + b"\n" + note * (POLICIES_MAX + 1))
    with pytest.raises(Malformed, match="longer than"):
        parse_policies(data + b"#" * POLICIES_SIZE_MAX + b"\n")


def test_each_follows_the_one_before_it(three: Succession) -> None:
    first, second, third = three.notes
    for notes in ((), (first, third), (second, first), (first, first)):
        with pytest.raises(Malformed):
            Succession(notes)
    with pytest.raises(Malformed, match="not 1 to"):
        Succession((first,) * (POLICIES_MAX + 1))


def test_too_few_signatures_are_no_succession(world: Any) -> None:
    first = world.note()
    with pytest.raises(Malformed, match="2 are needed"):
        Succession((first, world.next_note(first, ("court",))))


# An anchor reaches what a succession leads to.


def test_an_old_policy_is_reached_from_the_newest(three: Succession) -> None:
    old, newest = three.notes[0].policy_text, three.notes[-1].policy_text
    assert not Anchor(fingerprint=fingerprint(newest)).reaches(old)
    assert Anchor(fingerprint=fingerprint(newest), succession=three).reaches(old)
    assert Anchor(policy_text=old, succession=three).reaches(newest)


def test_a_succession_without_the_anchor_leads_nowhere(world: Any, three: Succession) -> None:
    stranger, _ = world.policy_texts(names=("court",), quorum=1)
    anchor = Anchor(policy_text=stranger, succession=three)
    assert not any(anchor.reaches(each.policy_text) for each in three.notes)
    assert anchor.reaches(stranger)


# The next policy.


def handed_round(world: Any, first: PolicyNote, *names: str) -> PolicyNote:
    texts = world.policy_texts(2, quorum=3)
    note = propose(first, *texts, world.log(names[0]))
    for name in names[1:]:
        note = sign(first, note, world.log(name))
    return note


def test_whoever_signs_first_or_last_the_note_is_the_same(world: Any) -> None:
    first = world.note()
    one, other = (
        handed_round(world, first, *names)
        for names in (("court", "notary"), ("notary", "court", "notary"))
    )
    assert one == other
    assert signers(first, one) == ("court", "notary")
    verify_succession(first, one)


def test_one_signature_is_not_enough_yet(world: Any) -> None:
    first = world.note()
    note = handed_round(world, first, "forensic")
    assert signers(first, note) == ("forensic",)
    with pytest.raises(BadSignature, match="1 members signed, 2 are needed"):
        verify_succession(first, note)


def test_only_members_log_keys_sign(world: Any) -> None:
    first = world.note()
    for key in (world.authority, world.witness("court"), world.log("mallory")):
        with pytest.raises(BadSignature, match="no log key"):
            propose(first, *world.policy_texts(2), key)
        with pytest.raises(BadSignature, match="no log key"):
            sign(first, handed_round(world, first, "court"), key)


def test_nobody_signs_a_note_with_a_bad_line_in_it(world: Any) -> None:
    first = world.note()
    note = handed_round(world, first, "court")
    line = note.signatures[0]
    for wrong in (replace(line, payload=bytes(64)), replace(line, key_id=b"none")):
        with pytest.raises(BadSignature):
            sign(first, replace(note, signatures=(wrong,)), world.log("notary"))


def test_a_policy_that_does_not_follow_is_not_proposed(world: Any) -> None:
    first = world.note()
    for texts in (world.policy_texts(3), world.policy_texts(2, network="production")):
        with pytest.raises(Malformed):
            propose(first, *texts, world.log("court"))
