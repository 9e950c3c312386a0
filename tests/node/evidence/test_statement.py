"""Statements: every field in its one spelling, signed over exactly these bytes."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.number import format_number
from node.evidence.spelling import TIME_MS_END, format_tagged
from node.evidence.statement import (
    CATEGORIES,
    EVENT_TYPES,
    TAG,
    Deposit,
    Event,
    Series,
    Statement,
    Subject,
    format_statement,
    parse_statement,
    receipt_number,
    statement_id,
)
from node.words import Category

KEY = Signer(bytes(range(32))).public
NUMBER = format_number(1_795_190_400_000, 42)
SHORT = Deposit(
    origin="cunzheng.test/example",
    key=KEY,
    nonce=bytes(16),
    claimed_at=1_795_190_400_000,
    mode="commitment",
    alg="sha256+sm3",
    count=1,
    page=1,
    items_root=bytes(32),
)
FULL = replace(
    SHORT,
    count=16_384,
    page=16,
    category="A14_5_OTHER_DIGITAL",
    profile=b"p" * 32,
    series=Series(b"s" * 32, 3, b"q" * 32),
    submitter=b"u" * 32,
)
EVENT = Event(
    origin=SHORT.origin,
    key=KEY,
    nonce=bytes(16),
    claimed_at=0,
    type="correction",
    details=b"d" * 32,
    subject=Subject(NUMBER, b"i" * 32),
)
HEALTH = replace(EVENT, type="health", subject=None, submitter=b"u" * 32)
DIGEST = replace(SHORT, mode="digest", alg="sm3", series=Series(bytes(32), 0, None))


@pytest.mark.parametrize("statement", [SHORT, FULL, DIGEST, EVENT, HEALTH])
def test_round_trip(statement: Statement) -> None:
    data = format_statement(statement)
    assert parse_statement(data) == statement
    assert statement_id(data) == hashlib.sha256(data).digest()
    assert receipt_number(statement_id(data)) == hashlib.sha256(data).hexdigest()[:32]


def test_every_category_and_type_of_the_document_and_no_other() -> None:
    text = (Path(__file__).parents[3] / "docs" / "proof-format.md").read_text()
    assert set(CATEGORIES) == {each.name for each in Category}
    for word in (*CATEGORIES, *EVENT_TYPES):
        assert f"`{word}`" in text
    for kind in EVENT_TYPES:
        subject = None if kind == "health" else EVENT.subject
        assert parse_statement(format_statement(replace(EVENT, type=kind, subject=subject)))
    for category in CATEGORIES:
        assert parse_statement(format_statement(replace(SHORT, category=category)))


def changed(statement: Statement, **fields: Any) -> bytes:
    """The statement's bytes with these fields; `...` leaves one out."""
    value = json.loads(format_statement(statement)[len(TAG) :]) | fields
    return format_tagged(TAG, {key: each for key, each in value.items() if each is not ...})


@pytest.mark.parametrize(
    "fields",
    [
        *({name: ...} for name in ("alg", "category", "claimed_at", "count", "items_root", "key")),
        *({name: ...} for name in ("mode", "nonce", "origin", "page", "type")),
        *({"alg": alg} for alg in ("", "md5", "sm3+sha256", "SHA256", 1)),
        *({"category": each} for each in ("", "A14_9", "a14_0", 14)),
        *({"claimed_at": each} for each in (TIME_MS_END, "1795190400000")),
        *({"count": each} for each in (0, 16_385, "1")),
        *({"items_root": each} for each in ("", "00" * 31, "AA" * 32)),
        *({"key": each} for each in ("", KEY.text[8:], "rsa:AAAA", "ed25519:", KEY.text[:-4], 1)),
        {"key": "ed25519:" + "A" * 43 + "="},
        *({"mode": each} for each in ("", "plain", "Digest")),
        {"mode": "digest"},
        {"mode": "digest", "alg": "sha256", "page": 16},
        *({"nonce": each} for each in ("", "00" * 15, "00" * 32)),
        *({"origin": each} for each in ("", "Cunzheng.test", "cunzheng/x")),
        *({"page": each} for each in (0, 2, 15, 17, "1")),
        *({"profile": each} for each in ("", "00")),
        *({"series": each} for each in ("", {}, {"id": "00" * 32}, {"id": "00" * 32, "seq": 1})),
        {"series": {"id": "00" * 32, "seq": 0, "prev": "00" * 32}},
        {"series": {"id": "00" * 32, "seq": 0, "more": 1}},
        {"submitter": ""},
        *({"type": each} for each in ("", "Deposit", "correction", 1)),
        {"unknown": 1},
        {"subject": {"evidence_no": NUMBER, "statement": "00" * 32}},
    ],
)
def test_a_deposit_of_another_spelling_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(changed(SHORT, **fields))
    assert not caught.value.newer


@pytest.mark.parametrize(
    "fields",
    [
        *(
            {name: ...}
            for name in ("claimed_at", "details", "key", "nonce", "origin", "subject", "type")
        ),
        *({"type": each} for each in ("health", "deletion", "Correction", 1)),
        {"details": "00"},
        {"count": 1},
        *(
            {"subject": each}
            for each in ("", {}, {"evidence_no": NUMBER}, {"statement": "00" * 32})
        ),
        {"subject": {"evidence_no": NUMBER[:-1] + "0", "statement": "00" * 32}},
        {"subject": {"evidence_no": NUMBER, "statement": "00"}},
        {"subject": {"evidence_no": NUMBER, "statement": "00" * 32, "more": 1}},
    ],
)
def test_an_event_of_another_spelling_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(changed(EVENT, **fields))
    assert not caught.value.newer


def test_the_date_of_a_subject_is_not_judged() -> None:
    number = format_number(0, 10**12 - 1)
    other = replace(EVENT, subject=Subject(number, bytes(32)))
    assert parse_statement(format_statement(other)) == other


def test_writing_what_would_not_be_read_is_refused() -> None:
    with pytest.raises(Malformed):
        format_statement(replace(SHORT, count=0))
    with pytest.raises(Malformed):
        format_statement(replace(EVENT, subject=None))


def test_a_statement_is_at_most_4096_bytes() -> None:
    assert len(format_statement(replace(FULL, origin="a" * 128))) < 2048
    with pytest.raises(Malformed):
        parse_statement(TAG.encode() + b" {" + b" " * 4096 + b"}")


def test_a_key_of_a_later_algorithm_is_newer() -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(changed(SHORT, key="mldsa44:AAAA"))
    assert caught.value.newer


def test_what_is_wrong_first_decides_between_newer_and_damaged() -> None:
    for fields, newer in (
        ({"key": "mldsa44:AAAA", "mode": "?"}, True),
        ({"key": "mldsa44:AAAA", "count": 0}, False),
    ):
        with pytest.raises(Malformed) as caught:
            parse_statement(changed(SHORT, **fields))
        assert caught.value.newer is newer


def test_a_later_version_is_newer() -> None:
    data = format_statement(SHORT).replace(b"/v1 ", b"/v2 ")
    with pytest.raises(Malformed) as caught:
        parse_statement(data)
    assert caught.value.newer
