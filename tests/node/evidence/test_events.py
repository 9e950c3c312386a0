"""What events are worth, by the role table of docs/proof-format.md, section 3."""

from dataclasses import replace
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.entry import KeyEntry, StatementEntry
from node.evidence.events import Keys, details_digest, flags, has_effect
from node.evidence.item import format_details
from node.evidence.keys import PublicKey, Signer
from node.evidence.receipt import issue
from node.evidence.statement import Deposit, Event, Subject, format_statement, statement_id
from node.words import Flag

ORIGIN = "cunzheng.test/events"
TIME_MS = 1_790_000_000_000
GATEWAY, DEPOSITOR, SUCCESSOR, HEIR, COURT, OTHER_COURT, NOTARY, STRANGER = (
    Signer(bytes([n]) * 32) for n in range(1, 9)
)


def entry(statement: Deposit | Event, signer: Signer, height: int) -> StatementEntry:
    data = format_statement(statement)
    receipt = issue(GATEWAY, ORIGIN, statement_id(data), TIME_MS)
    first = 41 if isinstance(statement, Deposit) else None
    return StatementEntry(height, TIME_MS + height, first, receipt, signer.sign(data), data)


def deposited(signer: Signer) -> StatementEntry:
    submitter = bytes(32) if signer is GATEWAY else None
    deposit = Deposit(
        ORIGIN, signer.public, bytes(16), TIME_MS, "commitment", "sha256", 3, 1, bytes(32)
    )
    return entry(replace(deposit, submitter=submitter), signer, 5)


OWN, ATTESTED = deposited(DEPOSITOR), deposited(GATEWAY)


def event(
    kind: str, by: Signer, about: StatementEntry = OWN, height: int = 9, **changes: Any
) -> StatementEntry:
    made = Event(
        origin=ORIGIN,
        key=by.public,
        nonce=bytes(16),
        claimed_at=TIME_MS,
        type=kind,
        details=bytes(32),
        subject=Subject(about.number(1), about.statement_id),
        submitter=bytes(32) if by is GATEWAY else None,
    )
    return entry(replace(made, **changes), by, height)


def key(
    action: str, of: Signer, role: str, height: int = 1, successor: PublicKey | None = None
) -> KeyEntry:
    record = KeyRecord(ORIGIN, action, TIME_MS + height, of.public, role, 1, successor)
    data = format_key_record(record)
    return KeyEntry(height, TIME_MS + height, GATEWAY.public, GATEWAY.sign(data), data)


ENROLLED = (
    key("enrol", DEPOSITOR, "depositor"),
    key("enrol", GATEWAY, "gateway"),
    key("enrol", COURT, "court"),
    key("enrol", OTHER_COURT, "court"),
    key("enrol", NOTARY, "notary"),
    key("enrol", STRANGER, "depositor"),
)
KEYS = Keys(ENROLLED)

BY_DEPOSITOR = ("correction", "supplement", "rendition", "invalidation", "custody")
COURTS = frozenset({COURT, OTHER_COURT})
TABLE = {
    **dict.fromkeys(BY_DEPOSITOR, frozenset({DEPOSITOR})),
    **dict.fromkeys(("hold", "release"), COURTS),
    **dict.fromkeys(("notarisation", "verification"), COURTS | {NOTARY}),
    "erased": frozenset({GATEWAY}),
}


@pytest.mark.parametrize("kind", TABLE)
def test_who_may_is_who_the_table_names(kind: str) -> None:
    everybody = {GATEWAY, DEPOSITOR, COURT, OTHER_COURT, NOTARY, STRANGER}
    assert {by for by in everybody if has_effect(event(kind, by), OWN, KEYS)} == TABLE[kind]


@pytest.mark.parametrize("kind", BY_DEPOSITOR)
def test_of_an_attested_deposit_the_gateway_is_the_depositor(kind: str) -> None:
    assert has_effect(event(kind, GATEWAY, ATTESTED), ATTESTED, KEYS)
    assert not has_effect(event(kind, DEPOSITOR, ATTESTED), ATTESTED, KEYS)


def test_a_key_that_came_in_its_place_may_and_the_old_one_may_no_more() -> None:
    rotations = (
        key("rotate", SUCCESSOR, "depositor", 7, HEIR.public),
        key("rotate", DEPOSITOR, "depositor", 6, SUCCESSOR.public),
    )
    for order in (rotations, rotations[::-1]):
        keys = Keys((*ENROLLED, *order))
        assert has_effect(event("correction", HEIR), OWN, keys)
        assert not has_effect(event("correction", SUCCESSOR), OWN, keys)
        assert not has_effect(event("correction", DEPOSITOR), OWN, keys)
        # What stood before a rotation is judged as things were then.
        assert has_effect(event("correction", DEPOSITOR, height=5), OWN, keys)
        assert has_effect(event("correction", SUCCESSOR, height=6), OWN, keys)


def test_a_revoked_key_may_make_nothing() -> None:
    keys = Keys(
        (*ENROLLED, key("revoke", DEPOSITOR, "depositor", 7), key("revoke", COURT, "court"))
    )
    assert not has_effect(event("invalidation", DEPOSITOR), OWN, keys)
    assert not has_effect(event("hold", COURT), OWN, keys)
    assert has_effect(event("hold", OTHER_COURT), OWN, keys)


def test_a_key_that_is_not_enrolled_still_made_its_own_deposit() -> None:
    assert has_effect(event("correction", DEPOSITOR), OWN, Keys())
    assert not has_effect(event("hold", COURT), OWN, Keys())


def test_number_and_statement_must_name_the_same_deposit() -> None:
    for number in (OWN.number(0), OWN.number(2)):
        subject = Subject(number, OWN.statement_id)
        assert has_effect(event("custody", DEPOSITOR, subject=subject), OWN, KEYS)
    beyond = replace(OWN, first_item=44).number(0)
    before = replace(OWN, first_item=40).number(0)
    other_day = replace(OWN, time_ms=TIME_MS + 86_400_000).number(1)
    for number in (beyond, before, other_day):
        subject = Subject(number, OWN.statement_id)
        assert not has_effect(event("custody", DEPOSITOR, subject=subject), OWN, KEYS)
    subject = Subject(OWN.number(1), ATTESTED.statement_id)
    assert not has_effect(event("custody", DEPOSITOR, subject=subject), OWN, KEYS)


def test_health_records_and_deposits_do_nothing_to_a_deposit() -> None:
    assert not has_effect(event("health", DEPOSITOR, subject=None), OWN, KEYS)
    assert not has_effect(ATTESTED, OWN, KEYS)


def test_an_event_about_an_event_does_nothing() -> None:
    first = event("correction", DEPOSITOR)
    subject = Subject(OWN.number(1), first.statement_id)
    assert not has_effect(event("correction", DEPOSITOR, subject=subject), first, KEYS)


def test_flags_name_the_newest_event_that_says_so() -> None:
    first, second = (event("correction", DEPOSITOR, height=h) for h in (7, 8))
    invalidation, erased = event("invalidation", DEPOSITOR), event("erased", GATEWAY)
    others = [event("custody", DEPOSITOR), event("notarisation", NOTARY)]
    found = flags([first, erased, second, invalidation, *others], KEYS)
    assert found == {
        Flag.SUPERSEDED: second,
        Flag.INVALIDATED: invalidation,
        Flag.ERASED: erased,
    }
    assert list(found) == [Flag.SUPERSEDED, Flag.INVALIDATED, Flag.ERASED]
    assert flags(others, KEYS) == {}


def test_a_court_releases_what_it_holds_itself() -> None:
    ours, theirs = event("hold", COURT, height=6), event("hold", OTHER_COURT, height=7)
    release = event("release", COURT, height=8)
    assert flags([ours], KEYS) == {Flag.HELD: ours}
    assert flags([ours, release], KEYS) == {}
    assert flags([ours, theirs, release], KEYS) == {Flag.HELD: theirs}
    assert flags([theirs, release], KEYS) == {Flag.HELD: theirs}
    assert flags([ours, release, event("hold", COURT, height=9)], KEYS).keys() == {Flag.HELD}


def test_a_court_releases_with_the_key_that_came_in_place_of_the_old_one() -> None:
    keys = Keys((*ENROLLED, key("rotate", COURT, "court", 7, HEIR.public)))
    hold, release = event("hold", COURT, height=6), event("release", HEIR, height=8)
    assert has_effect(release, OWN, keys)
    assert flags([hold, release], keys) == {}


def test_details_are_under_a_salt_of_their_own() -> None:
    details = format_details({"reason": (bytes(16), "笔误")})
    expected = sha256(b"cunzheng/event/v1\n" + bytes(32) + details)
    assert details_digest(bytes(32), details) == expected
