"""Key records, and what they make of a key at a time."""

import json
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.enrolment import (
    ACTIONS,
    ROLES,
    TAG,
    KeyRecord,
    Standing,
    format_key_record,
    parse_key_record,
    standing,
)
from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.spelling import format_tagged

OLD, NEW, OTHER = (Signer(bytes([n]) * 32).public for n in (1, 2, 3))
ENROL = KeyRecord("cunzheng.test/example", "enrol", 1000, OLD, "depositor", 1)
ROTATE = replace(ENROL, action="rotate", effective=2000, serial=2, successor=NEW)
REVOKE = replace(ENROL, action="revoke", effective=3000, serial=2)


@pytest.mark.parametrize("record", [ENROL, ROTATE, REVOKE])
@pytest.mark.parametrize("role", ROLES)
def test_round_trip(record: KeyRecord, role: str) -> None:
    record = replace(record, role=role)
    data = format_key_record(record)
    assert parse_key_record(data) == record
    assert data.startswith(b'cunzheng/key/v1 {"action":"')


def changed(record: KeyRecord, **fields: Any) -> bytes:
    """The record's bytes with these fields; `...` leaves one out."""
    value = json.loads(format_key_record(record)[len(TAG) :]) | fields
    return format_tagged(TAG, {key: each for key, each in value.items() if each is not ...})


@pytest.mark.parametrize(
    "fields",
    [
        *({name: ...} for name in ("action", "effective", "key", "origin", "role", "serial")),
        *({"action": each} for each in ("", "rotate", "delete", 1, {})),
        *({"effective": each} for each in (253_402_272_000_000, "1")),
        *({"key": each} for each in ("", "rsa:AAAA", 1)),
        *({"origin": each} for each in ("", "cunzheng/a", 1)),
        *({"role": each} for each in ("", "judge", 1)),
        *({"serial": each} for each in (0, "1")),
        {"successor": NEW.text},
        {"unknown": 1},
    ],
)
def test_another_spelling_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_key_record(changed(ENROL, **fields))
    assert not caught.value.newer


def test_a_successor_is_there_exactly_if_the_key_is_rotated() -> None:
    for data in (changed(ROTATE, successor=...), changed(REVOKE, successor=NEW.text)):
        with pytest.raises(Malformed):
            parse_key_record(data)
    with pytest.raises(Malformed):
        format_key_record(replace(ENROL, successor=NEW))


@pytest.mark.parametrize("name", ["key", "successor"])
def test_a_key_of_a_later_algorithm_is_newer(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_key_record(changed(ROTATE, **{name: "mldsa44:AAAA"}))
    assert caught.value.newer


def test_a_record_is_at_most_1024_bytes() -> None:
    assert len(format_key_record(replace(ROTATE, origin="a" * 128))) < 512
    with pytest.raises(Malformed):
        parse_key_record(TAG.encode() + b" " + b"x" * 1024)


def test_standing() -> None:
    records = [ENROL, ROTATE]
    none, depositor = frozenset[str](), frozenset({"depositor"})
    assert standing(OLD, records, 999) == Standing(none)
    assert standing(OLD, records, 1000) == Standing(depositor)
    assert standing(OLD, records, 2000) == Standing(depositor, "rotate")
    assert standing(NEW, records, 1999) == Standing(none)
    assert standing(NEW, records, 2000) == Standing(depositor)
    assert standing(OTHER, records, 9999) == Standing(none)
    assert standing(OLD, [ENROL, REVOKE], 3000) == Standing(depositor, "revoke")
    assert standing(OLD, [REVOKE], 3000) == Standing(none, "revoke")
    again = replace(ENROL, role="gateway", serial=2)
    assert standing(OLD, [ENROL, again], 3000).roles == {"depositor", "gateway"}


def test_actions_and_roles_are_those_of_the_document() -> None:
    assert ACTIONS == ("enrol", "rotate", "revoke")
    assert ROLES == ("depositor", "gateway", "court", "notary", "forensic", "member")
