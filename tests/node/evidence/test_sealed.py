"""Sealed checkpoints: one log line, seals of different members, a quorum of the policy."""

from collections.abc import Callable
from typing import Any

import pytest

from node.evidence.checkpoint import format_checkpoint
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.note import format_line, sign_ed25519
from node.evidence.policy import Policy
from node.evidence.sealed import format_sealed, parse_sealed, publisher, verify_seals


@pytest.fixture
def policy(chain: Any) -> Policy:
    return chain.policies[0].policy


def test_round_trip(chain: Any, policy: Policy) -> None:
    data = chain.seal()
    sealed = parse_sealed(data)
    assert format_sealed(sealed) == data
    assert [seal.member for seal in sealed.seals] == list(chain.names)
    assert sealed.body == format_checkpoint(sealed.checkpoint) == chain.body()
    assert publisher(sealed, policy).member == "court"
    verify_seals(sealed, policy)


def test_the_seal_time_is_that_by_which_a_quorum_had_sealed(chain: Any) -> None:
    sealed = parse_sealed(chain.seal())
    times = [seal.time_s for seal in sealed.seals]
    assert [sealed.time_s(quorum) for quorum in (1, 2, 3)] == sorted(times)
    assert sealed.time_s(4) is None


def body_and_lines(chain: Any, **changes: Any) -> tuple[bytes, list[bytes]]:
    body, lines = chain.seal(**changes).split(b"\n\n")
    return body + b"\n\n", [line + b"\n" for line in lines.split(b"\n")[:-1]]


def test_lines_that_are_not_ours_are_refused(chain: Any) -> None:
    body, (log, court, notary, forensic) = body_and_lines(chain)
    foreign = format_line(sign_ed25519(b"x\n", "cunzheng.test/example/x", chain.signer("x")))
    outside = format_line(sign_ed25519(b"x\n", "other.test", chain.signer("x")))
    named_all = court.replace(b"example/court", b"example/all")
    for lines in (
        [],
        [log],
        [court, notary],
        [log, log, court],
        [log, court, court],
        [log, court, notary, court],
        [log, court, court, notary],
        [log, court, foreign],
        [log, court, outside],
        [log, named_all],
        [log.replace(b"example ", b"example/court "), court],
        [court.replace(b"example/court ", b"example "), court],
    ):
        with pytest.raises(Malformed):
            parse_sealed(body + b"".join(lines))
    assert parse_sealed(body + log + notary + court + forensic)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cunzheng.test/example\n", b"Cunzheng\n"),
        (b"cunzheng.test/example\n", b"cunzheng.test/other\n"),
        (b"\n6\n", b"\n06\n"),
        (b"\n6\n", b"\n9007199254740992\n"),
        (b"\n6\n", b"\n6\next\n"),
        (b"=\n\n", b"=\n"),
        (b"=\n\n", b"=\n\n\n"),
    ],
)
def test_another_spelling_is_refused(chain: Any, old: bytes, new: bytes) -> None:
    data = chain.seal()
    assert old in data
    with pytest.raises(Malformed):
        parse_sealed(data.replace(old, new, 1))


def test_what_the_writer_would_not_write_is_refused(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such text is known; should a parser ever take one, the writer has the last word."""
    data = chain.seal(delay_s=77)  # A note nobody has read yet.
    monkeypatch.setattr("node.evidence.sealed.format_sealed", lambda _: b"")
    parse_sealed.cache_clear()
    with pytest.raises(Malformed, match="not spelled"):
        parse_sealed(data)


def test_more_than_32_seals_are_refused(chains: Any) -> None:
    many = chains.Chain(names=tuple(f"m{n}" for n in range(32)), quorum=1)
    assert len(parse_sealed(many.seal()).seals) == 32
    with pytest.raises(Malformed):
        parse_sealed(many.seal(sealers=[f"m{n}" for n in range(33)]))


def test_a_seal_after_the_year_9999_is_refused(chain: Any) -> None:
    with pytest.raises(Malformed):
        chain.seal(delay_s=253_402_272_000)


Change = Callable[[Any], dict[str, Any]]


@pytest.mark.parametrize(
    "change",
    [
        lambda chain: {"sealers": ("court",)},
        lambda chain: {"sealers": ("notary", "court")},
        lambda chain: {"sealers": ("court", "notary", "stranger")},
        lambda chain: {"publisher": "stranger"},
        lambda chain: {"body": chain.body(4)},
    ],
)
def test_a_quorum_of_the_policy_seals_this_body_in_its_order(
    chain: Any, policy: Policy, change: Change
) -> None:
    sealed = parse_sealed(chain.seal(**change(chain)))
    with pytest.raises(BadSignature):
        verify_seals(sealed, policy)


def test_seals_of_another_chain_are_no_seals(chains: Any, policy: Policy) -> None:
    """The same keys on another chain: the origin is in every name and so in every key id."""
    other = chains.Chain(origin="cunzheng.test/other")
    with pytest.raises(BadSignature):
        verify_seals(parse_sealed(other.seal()), policy)


def test_a_forged_seal_spoils_all(chain: Any, policy: Policy) -> None:
    body, (log, court, notary, _) = body_and_lines(chain)
    _, (_, _, _, forensic) = body_and_lines(chain, size=4)
    with pytest.raises(BadSignature):
        verify_seals(parse_sealed(body + log + court + notary + forensic), policy)
