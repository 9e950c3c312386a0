"""Certificates as values: born whole, one JSON, and nothing else read."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.accounts.vocabulary import IdType
from node.evidence.malformed import Malformed
from node.evidence.verify import verify
from node.export.certificate import codec
from node.export.certificate.deposit_rows import times
from node.export.certificate.drawing_up import draw_up, drawn_again
from node.export.certificate.facts import Facts, format_facts, parse_facts
from node.export.certificate.fields import FIELDS
from node.export.certificate.parts import (
    Case,
    Depositor,
    FileFacts,
    Item,
    Moment,
    Point,
    TimeFact,
    masked_depositor,
    point,
)
from node.words import OpenPoint, ResultCode
from tests.node.export.certificate_samples import (
    ANCHOR,
    EVERYTHING,
    FILE,
    NOTHING,
    PROOF,
    example,
    facts_of,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "certificate.md"


@pytest.mark.parametrize("known", [EVERYTHING, NOTHING])
def test_a_certificate_has_one_json(known: object) -> None:
    facts = facts_of(known)  # type: ignore[arg-type]
    written = format_facts(facts)
    assert parse_facts(written) == facts
    assert format_facts(parse_facts(written)) == written
    assert json.loads(written)["format"] == "cunzheng/certificate/v1"


def test_what_comes_from_the_proof_is_what_the_proof_says() -> None:
    facts, proof = facts_of(), example()
    assert facts.evidence_no == proof.number
    assert facts.digests is not None
    assert facts.file == FileFacts("示例.txt", len(FILE), "text/plain")
    assert facts.item == Item(proof.item, salted=True, salt_enclosed=True)
    assert facts.sealed_ms == 1_795_190_406_000
    assert [each.moment for each in facts.times] == [
        Moment.CLAIMED,
        Moment.RECEIVED,
        Moment.COMMITTED,
        Moment.SEALED,
        Moment.STAMPED,
    ]
    assert drawn_again(facts, proof) == facts


def test_open_points_count_what_is_absent() -> None:
    """Without a timestamp O08; the file was never meant to be given, so no O09."""
    assert [each.code for each in facts_of(NOTHING).open_points] == ["O05", "O02", "O08"]
    own = replace(EVERYTHING.stamps[0], independent=False)
    assert point(OpenPoint.O03) in facts_of(replace(EVERYTHING, stamps=(own,))).open_points
    both = facts_of(replace(EVERYTHING, stamps=(own, *EVERYTHING.stamps)))
    assert point(OpenPoint.O03) not in both.open_points


def test_a_timestamp_that_was_not_checked_is_not_called_absent() -> None:
    verdict = verify(PROOF, ANCHOR)
    points = (*verdict.open_points, OpenPoint.O14)
    facts = draw_up(example(), replace(verdict, open_points=points), "CZ-00000001", 1, NOTHING)
    assert [each.code for each in facts.open_points] == ["O05", "O02", "O14"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-20T00:00:04.500+08:00", "1 天 days 00:00:00"),
        ("2026-11-21T00:00:05.600+08:00", "0 天 days 00:00:01（所称形成时间晚于上链"),
        ("2026-11-20T15:00:03.500+00:00", "0 天 days 01:00:01"),
        ("2026-11-20", "未核对"),
        ("yesterday", "未核对"),
    ],
)
def test_the_gap_is_computed_from_what_is_claimed(written: str, said: str) -> None:
    facts = facts_of()
    claimed = TimeFact(Moment.CREATED, written=written)
    *_, gap = times(replace(facts, times=(claimed, *facts.times)))
    assert gap.values[0].text.startswith(said)
    *_, gap = times(facts)
    assert gap.values[0].text.startswith("未提供")


def spoilt(change: Callable[[dict[str, object]], object]) -> bytes:
    value = json.loads(format_facts(facts_of()))
    change(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b"1" * 5000,
        b'{"format":1}',
        format_facts(facts_of()) + b"\n",
        b"\xef\xbb\xbf" + format_facts(facts_of()),
        format_facts(facts_of()).replace(b'":', b'": ', 1),
        format_facts(facts_of()).replace(b'{"', b'{"category":"A14_0","', 1),
        spoilt(lambda value: value.update(title=None)),
        spoilt(lambda value: value.update(unknown=1)),
        spoilt(lambda value: value.update(quorum=2.0)),
        spoilt(lambda value: value.update(quorum=True)),
        spoilt(lambda value: value.update(quorum=2**53)),
        spoilt(lambda value: value.update(elsewhere=[])),
        spoilt(lambda value: value.update(contents="AB" * 32)),
        spoilt(lambda value: value.update(contents="ab" * 31)),
        spoilt(lambda value: value.update(result="V999")),
        spoilt(lambda value: value.update(times={})),
        spoilt(lambda value: value.pop("item")),
        spoilt(lambda value: value.update(title="")),
        spoilt(lambda value: value.update(title="x" * 20_000)),
    ],
)
def test_no_other_spelling_is_read(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_facts(data)


def test_a_newer_format_is_called_newer() -> None:
    with pytest.raises(Malformed) as caught:
        parse_facts(spoilt(lambda value: value.update(format="cunzheng/certificate/v2")))
    assert caught.value.newer
    with pytest.raises(Malformed) as caught:
        parse_facts(spoilt(lambda value: value.update(format="cunzheng/other/v1")))
    assert not caught.value.newer


@given(st.data())
def test_hostile_bytes_have_one_exception(data: st.DataObject) -> None:
    """A few bytes are changed: `Malformed`, or another certificate in its one spelling."""
    written = format_facts(facts_of())
    at = data.draw(st.integers(0, len(written) - 1))
    put = data.draw(st.binary(max_size=3))
    changed = written[:at] + put + written[at + data.draw(st.integers(0, 2)) :]
    try:
        facts = parse_facts(changed)
    except Malformed:
        return
    assert format_facts(facts) == changed


@pytest.mark.parametrize(
    "change",
    [
        {"certificate_no": "short"},
        {"evidence_no": "EV20261121000000000000-77"},
        {"url": "https://verify.example.test/v?name=张三"},
        {"quorum": 0},
        {"quorum": 4},
        {"organisations": ()},
        {"result": ResultCode.V102},
        {"result": ResultCode.V000},
        {"open_points": ()},
        {"open_points": (point(OpenPoint.O02),)},
        {"open_points": (point(OpenPoint.O05),) + (Point("X", "x", "x"),) * 64},
        {"times": ()},
        {"times": (TimeFact(Moment.SEALED, 1), TimeFact(Moment.CLAIMED, 1))},
        {"title": "\ud800"},
    ],
)
def test_a_certificate_is_checked_at_birth(change: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        replace(facts_of(), **change)  # type: ignore[arg-type]


def test_a_certificate_needs_a_quorum() -> None:
    facts = facts_of()
    unsigned = tuple(replace(each, sealed_s=None) for each in facts.organisations)
    with pytest.raises(Malformed, match="quorum"):
        replace(facts, organisations=(facts.organisations[0], *unsigned[1:]))


def test_identities_come_masked() -> None:
    """A person's name and number in clear cannot even become a certificate."""
    masked = masked_depositor("张三丰", IdType.ID_CARD, "11010519491231002X")
    assert (masked.name, masked.id_no) == ("张**", "110*************2X")
    company = masked_depositor("示例有限公司", IdType.USCC, "91350100M000100Y43")
    assert (company.name, company.id_no) == ("示例有限公司", "913*************43")
    with pytest.raises(Malformed):
        Depositor("张三丰", IdType.ID_CARD, masked.id_no)
    with pytest.raises(Malformed):
        Depositor(masked.name, IdType.ID_CARD, "11010519491231002X")


def test_only_a_depositor_is_quoted() -> None:
    with pytest.raises(Malformed):
        TimeFact(Moment.SEALED, written="2026-11-21")
    with pytest.raises(Malformed):
        TimeFact(Moment.CREATED)
    with pytest.raises(Malformed):
        Case("2026浙0192民初1234号")


def test_docstring_examples_are_true() -> None:
    import doctest

    from node.export.certificate import glyphs

    assert [doctest.testmod(module).failed for module in (codec, glyphs)] == [0, 0]


def test_every_field_of_a_certificate_is_read_back() -> None:
    """A field that the codec forgot would be lost without a word."""
    written = json.loads(format_facts(facts_of()))
    absent = {"elsewhere"}
    assert written.keys() - {"format"} == set(Facts.__slots__) - absent


def test_the_tables_of_the_document_are_the_programs() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    printed = [f"| {each.number} | {each.zh} | {each.en} | {each.by or '—'} |" for each in FIELDS]
    printed += [f"| {each.name} | {each.zh} | {each.en} | {each.asserter.zh} |" for each in Moment]
    assert [line for line in printed if line not in lines] == []
    assert [each.number for each in FIELDS] == list(range(1, 28))
