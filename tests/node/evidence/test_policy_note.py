"""Policy notes: what follows what, and who signed the step."""

from dataclasses import replace
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.note import SIGNATURES_MAX, sign_ed25519
from node.evidence.policy import POLICY_SIZE_MAX
from node.evidence.policy_note import (
    PolicyNote,
    check_texts,
    first_note,
    format_body,
    format_policy_note,
    parse_policy_note,
    verify_succession,
)


@pytest.fixture
def first(chain: Any) -> PolicyNote:
    return chain.policies[0]


def test_round_trip(chain: Any, first: PolicyNote) -> None:
    for note in (first, chain.next_note(), chain.next_note(quorum=3, signers=chain.names)):
        data = format_policy_note(note)
        assert parse_policy_note(data) == note
        assert data.startswith(format_body(note))
    assert first_note(first.policy_text, first.members_text) == first
    assert (first.network, first.rules, first.policy.serial) == ("test", 1, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cunzheng/policy/v1", b"cunzheng/policy/v0"),
        (b"origin cunzheng.test/example", b"origin cunzheng.test/other"),
        (b"origin cunzheng.test/example", b"origin Cunzheng"),
        (b"serial 2", b"serial 3"),
        (b"serial 2", b"serial 0"),
        (b"serial 2", b"serial 1"),
        (b"previous ", b"previous 0"),
        (b"policy 1", b"policy 2"),
        (b"members 4", b"members 3"),
        (b"members 4", b"members 5"),
        (b"members 4", b"members 9007199254740991"),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\n\n\n"),
        (b"network test", b"network tests"),
        ("示例公证处".encode(), "示例公证".encode()),
    ],
)
def test_another_spelling_is_refused(chain: Any, old: bytes, new: bytes) -> None:
    data = format_policy_note(chain.next_note())
    assert old in data
    with pytest.raises(Malformed) as caught:
        parse_policy_note(data.replace(old, new, 1))
    assert not caught.value.newer


def test_signatures_are_there_exactly_after_the_first(chain: Any, first: PolicyNote) -> None:
    line = sign_ed25519(format_body(first), chain.origin, chain.signer("court log"))
    with pytest.raises(Malformed):
        replace(first, signatures=(line,))
    with pytest.raises(Malformed):
        replace(chain.next_note(), signatures=())
    with pytest.raises(Malformed):
        replace(first, previous=b"p" * 32)
    with pytest.raises(Malformed):
        replace(chain.next_note(), signatures=(replace(line, payload=line.payload[1:]),))


def test_signature_lines_are_whole_and_not_too_many(chain: Any) -> None:
    note = chain.next_note()
    data, body = format_policy_note(note), format_body(note)
    line = data[len(body) + 1 :].splitlines(keepends=True)[0]
    for bad in (
        data[:-1],
        body + b"\n",
        body + b"x",
        body + b"\n\n",
        body + b"\n" + line * (SIGNATURES_MAX + 1),
        body + b"#" * 2 * POLICY_SIZE_MAX + b"\n",
    ):
        with pytest.raises(Malformed):
            parse_policy_note(bad)


def test_the_members_text_is_the_one_the_policy_names(chain: Any, first: PolicyNote) -> None:
    names = [member.name for member in check_texts(first.policy, first.members_text)]
    assert names == list(chain.names)
    _, members = chain.policy_texts(1, names=("court", "notary"))
    with pytest.raises(Malformed, match="hash"):
        check_texts(first.policy, members)
    other = replace(first.policy, members_hash=sha256(members))
    with pytest.raises(Malformed, match="order"):
        check_texts(other, members)


def test_succession(chain: Any, first: PolicyNote) -> None:
    second = chain.next_note(names=("court", "notary"), signers=("court", "forensic"))
    verify_succession(first, second)
    third = chain.next_note(previous=second)
    verify_succession(second, third)
    verify_succession(first, chain.next_note(signers=chain.names))


def wrong_successions(chain: Any) -> dict[str, PolicyNote]:
    """Each breaks one rule and is signed by a quorum all the same."""
    second = chain.next_note()
    other = type(chain)(origin="cunzheng.test/other")
    twin = type(chain)(skew_ms=1)
    return {
        "gap": chain.next_note(serial=3),
        "backward": chain.policies[0],
        "forward": chain.next_note(previous=second),
        "another chain": other.next_note(),
        "follows another": twin.next_note(),
        "network": chain.next_note(network="production"),
    }


@pytest.mark.parametrize(
    "name", ["gap", "backward", "forward", "another chain", "follows another", "network"]
)
def test_what_does_not_follow_is_refused(chain: Any, first: PolicyNote, name: str) -> None:
    with pytest.raises(Malformed):
        verify_succession(first, wrong_successions(chain)[name])


@pytest.mark.parametrize(
    "signers",
    [
        ("court",),
        ("notary", "court"),
        ("court", "court"),
        ("court", "notary", "notary"),
        ("court", "stranger"),
        ("stranger", "court", "notary"),
    ],
)
def test_a_quorum_of_the_previous_policy_signs_in_its_order(
    chain: Any, first: PolicyNote, signers: tuple[str, ...]
) -> None:
    with pytest.raises(BadSignature):
        verify_succession(first, chain.next_note(signers=signers))


def test_a_signature_over_something_else_is_refused(chain: Any, first: PolicyNote) -> None:
    note = chain.next_note()
    lines = tuple(
        sign_ed25519(b"else\n", chain.origin, chain.signer(f"{name} log"))
        for name in ("court", "notary")
    )
    with pytest.raises(BadSignature):
        verify_succession(first, replace(note, signatures=lines))


def test_a_newer_rules_number_is_judged_by_framing_and_signatures(
    chain: Any, first: PolicyNote
) -> None:
    text, members = chain.policy_texts(2)
    newer = text.replace(b"rules 1", b"rules 7") + b"whatever rules 7 says\n" * 1500
    note = chain.next_note(texts=(newer, members + b"key court p256:AAAA\n"))
    assert parse_policy_note(format_policy_note(note)) == note
    assert (note.rules, note.network) == (7, "test")
    verify_succession(first, note)
    with pytest.raises(Malformed) as caught:
        note.policy  # noqa: B018
    assert caught.value.newer
    with pytest.raises(Malformed) as caught:
        verify_succession(note, chain.next_note(previous=first, serial=3))
    assert caught.value.newer


def test_rules_cannot_go_back_and_there_is_no_rules_number_0(chain: Any) -> None:
    text, members = chain.policy_texts(2)
    with pytest.raises(Malformed):
        chain.next_note(texts=(text.replace(b"rules 1", b"rules 0"), members))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"/policy/v1", b"/policy/v2"), (b"#cunzheng policy v1", b"#cunzheng policy v2")],
)
def test_what_a_later_version_changes_is_newer(chain: Any, old: bytes, new: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_policy_note(format_policy_note(chain.next_note()).replace(old, new))
    assert caught.value.newer
