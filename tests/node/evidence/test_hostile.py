"""Hostile bytes: every parser raises exactly `Malformed`, and what it accepts it writes again.

Fed are random bytes, and good texts cut, flipped, with pieces doubled and lines exchanged.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.digests import ALGS
from node.evidence.enrolment import format_key_record, parse_key_record
from node.evidence.entry import format_entry, parse_entry
from node.evidence.item import Opening, format_details, parse_details
from node.evidence.malformed import Malformed
from node.evidence.members import format_members, parse_members
from node.evidence.number import parse_number
from node.evidence.opening import format_opening, parse_opening
from node.evidence.policy import format_policy, parse_policy
from node.evidence.policy_note import format_policy_note, parse_policy_note
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.receipt import format_lines, parse_lines
from node.evidence.record import (
    format_block,
    format_genesis,
    format_record,
    parse_block,
    parse_genesis,
    parse_record,
)
from node.evidence.sealed import format_sealed, parse_sealed
from node.evidence.spelling import Lines
from node.evidence.statement import format_statement, parse_statement
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify

quick = settings(derandomize=True, deadline=None, max_examples=120)


@dataclass(frozen=True)
class Format:
    """A parser, its writer, and good bytes."""

    parse: Callable[[bytes], Any]
    format: Callable[[Any], bytes]
    good: tuple[bytes, ...]


def whole(parse: Callable[[Lines], Any], data: bytes) -> Any:
    """A parser of some lines, which here have to be all."""
    lines = Lines("t", data)
    value = parse(lines)
    lines.end()
    return value


def parse_text_number(data: bytes) -> str:
    text = data.decode("latin-1")
    parse_number(text)
    return text


@pytest.fixture(scope="session")
def formats(chains: ModuleType, example_2: ModuleType) -> dict[str, Format]:
    """All formats of this project, from one chain that has everything and one under rules 2."""
    second, in_sm2 = example_2.chain()
    proof_2 = second.proof(in_sm2)
    chain = chains.Chain()
    chain.enrol("gateway", "gateway")
    chain.enrol("old", "depositor")
    chain.enrol("old", "depositor", "rotate", successor="depositor")
    deposited = chain.deposit([b"1", b"2", b"3"], page=16, details={"a": "合同", "b": 1, "c": True})
    attested = chain.deposit([b"x"], mode="digest", key="gateway")
    chain.change_policy(quorum=3)
    chain.block([], carries="nothing")
    size = len(chain.leaves)
    chain.block([], carries="nothing")
    proof = chain.proof(deposited, 2, size=size, later=True)
    plain = chain.proof(attested, 0)
    opening = proof.opening
    assert isinstance(opening, Opening)
    entry = deposited.entry
    record = format_record(chain.record(deposited.statement, "depositor", deposited.packed))
    note = format_policy_note(chain.policies[1])
    latin = Format(parse_text_number, lambda text: text.encode("latin-1"), (proof.number.encode(),))
    return {
        "statement": Format(
            parse_statement,
            format_statement,
            (
                entry.statement_bytes,
                attested.entry.statement_bytes,
                in_sm2.entry.statement_bytes,
            ),
        ),
        "key record": Format(
            parse_key_record,
            format_key_record,
            tuple(each.record_bytes for _, each in chain.key_entries + second.key_entries),
        ),
        "details": Format(parse_details, format_details, (opening.details or b"",)),
        "opening": Format(
            partial(whole, parse_opening), format_opening, (format_opening(opening),)
        ),
        "receipt": Format(
            partial(whole, parse_lines), format_lines, (format_lines(entry.receipt),)
        ),
        "members": Format(
            parse_members, format_members, (proof.members_text, proof_2.members_text)
        ),
        "policy": Format(parse_policy, format_policy, (proof.policy_text, proof_2.policy_text)),
        "policy note": Format(parse_policy_note, format_policy_note, (note,)),
        "entry": Format(parse_entry, format_entry, tuple(chain.leaves + second.leaves)),
        "record": Format(
            parse_record, format_record, (record, b"cunzheng/record/v1\nkind policy\n" + note)
        ),
        "block": Format(parse_block, format_block, (format_block([record, note]),)),
        "genesis": Format(parse_genesis, format_genesis, (format_genesis(chain.genesis),)),
        "number": latin,
        "checkpoint": Format(parse_sealed, format_sealed, (chain.seal(), second.seal())),
        "proof": Format(
            parse_proof,
            format_proof,
            (format_proof(proof), format_proof(plain), format_proof(proof_2)),
        ),
    }


NAMES = [
    *("statement", "key record", "details", "opening", "receipt", "members", "policy"),
    *("policy note", "entry", "record", "block", "genesis", "number", "checkpoint", "proof"),
]


def survives(form: Format, data: bytes) -> bool:
    """Whether it is accepted; then it is written the same way, and nothing else may be raised."""
    try:
        value = form.parse(data)
    except Malformed:
        return False
    assert form.format(value) == data
    return True


def damage(rng: random.Random, good: bytes) -> bytes:
    """One of the things that happen to a text, or that somebody does to it."""
    at, other = rng.randrange(len(good)), rng.randrange(len(good))
    low, high = min(at, other), max(at, other)
    lines = good.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    exchanged = [lines[{one: two, two: one}.get(place, place)] for place in range(len(lines))]
    digit = bytes([rng.choice(b'0123456789abcdef{}",:+/= \n\r\x00\xff')])
    return rng.choice(
        [
            good[:at],
            good[at:],
            good[:at] + bytes([good[at] ^ 1 << rng.randrange(8)]) + good[at + 1 :],
            good[:at] + digit + good[at + 1 :],
            good[:at] + digit + good[at:],
            good[:low] + good[high:],
            good[:high] + good[low:],
            b"\n".join(exchanged),
            good + bytes([rng.randrange(256)]),
            good[:at] + rng.randbytes(8) + good[at:],
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_good_bytes_are_accepted(formats: dict[str, Format], name: str) -> None:
    form = formats[name]
    assert all(survives(form, good) for good in form.good)


def test_no_format_is_forgotten(formats: dict[str, Format]) -> None:
    assert list(formats) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_bytes_raise_one_exception(formats: dict[str, Format], name: str) -> None:
    form, rng = formats[name], random.Random(name)
    for number in range(60 if name == "proof" else 250):
        bad = damage(rng, form.good[number % len(form.good)])
        for _ in range(rng.randrange(2)):
            bad = damage(rng, bad) if bad else bad
        survives(form, bad)


@pytest.mark.parametrize("name", NAMES)
def test_every_short_form_raises_one_exception(formats: dict[str, Format], name: str) -> None:
    form = formats[name]
    good = form.good[0]
    for length in range(0, len(good), 1 + len(good) // 80):
        survives(form, good[:length])


@quick
@given(data=st.binary(max_size=200), place=st.integers(0, 99))
def test_random_bytes_raise_one_exception(
    formats: dict[str, Format], data: bytes, place: int
) -> None:
    for form in formats.values():
        good = form.good[0]
        at = place * len(good) // 100
        survives(form, data)
        if form.parse is not parse_proof:
            survives(form, good[:at] + data + good[at:])


@pytest.fixture(scope="session")
def anchor(formats: dict[str, Format]) -> Anchor:
    return Anchor(policy_text=formats["policy"].good[0])


FILE = FileDigests(1, {alg: bytes(32) for alg in ALGS})


@quick
@given(data=st.binary(max_size=300), place=st.integers(0, 99))
def test_verify_never_raises(
    formats: dict[str, Format], anchor: Anchor, data: bytes, place: int
) -> None:
    good = formats["proof"].good[0]
    at = place * len(good) // 100
    for each in (data, good[:at] + data, good[:at] + data + good[at + len(data) :]):
        verdict = verify(each, anchor, FILE)
        assert verdict.findings
        assert verdict.to_json()


def test_verify_never_raises_on_damaged_proofs(formats: dict[str, Format], anchor: Anchor) -> None:
    rng = random.Random(7)
    for number in range(300):
        data = damage(rng, formats["proof"].good[number % 2])
        assert verify(data, anchor, FILE).code.name not in ("V000", "V001")
        assert verify(data, None)


def test_a_proof_of_newer_policies_between_known_ones(chains: ModuleType) -> None:
    """A policy of rules 3 that is followed by one of rules 1, and a key enrolled under it."""
    chain = chains.Chain()
    chain.enrol("gateway", "gateway")
    text, members = chain.policy_texts(2)
    newer = text.replace(b"rules 1", b"rules 3")
    old = chain.change_policy(quorum=3)
    chain.enrol("depositor", "depositor")
    data = format_proof(chain.proof(chain.deposit()))
    note = chain.next_note(previous=chain.policies[0], texts=(newer, members))
    bad = data.replace(
        chain.leaves[old][chain.leaves[old].index(b"cunzheng/policy/v1") :],
        format_policy_note(note),
    )
    assert bad != data
    assert verify(bad, Anchor(policy_text=chain.policies[0].policy_text)).code.name == "V502"
