"""POST /v1/keys: key records of enrolling authorities go onto the chain. GET: what stands there.

The record and its signature are the permission; no API key is asked for. The record names itself
by its serial, so it needs no Idempotency-Key: sent again, it is found standing already. What the
chain would skip is not proposed at all: a block is for ever, and whoever has seen a signed record
that came too late or too early could have any number of them made.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from node.errors import Absent
from node.evidence.enrolment import KeyRecord, parse_key_record
from node.evidence.entry import KeyEntry
from node.evidence.keys import BadSignature, PublicKey, parse_public_key, parse_signature
from node.evidence.malformed import Malformed
from node.evidence.record import KeyEnrolment, check_enrolment, format_record
from node.evidence.sm2 import Sm2Missing
from node.gateway.deposits.answers import state_words
from node.gateway.deposits.depositing import Waiting
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import language_of
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import (
    KEY_BODY_MAX,
    KeyAnswer,
    KeyQuery,
    KeyRecordsAnswer,
    KeyRecordSummary,
    KeyRequest,
    WaitQuery,
)
from node.gateway.members.answers import Outcome
from node.gateway.members.client import CannotCheck, ProposalRefused
from node.words import State

router = APIRouter(tags=["keys"])


@router.post(
    "/v1/keys",
    summary="Enrol, rotate or revoke a key",
    response_model=KeyAnswer,
    status_code=201,
    responses={
        200: {"model": KeyAnswer},
        202: {"model": KeyAnswer},
        **problems(
            Problem.MEDIA_TYPE,
            Problem.BODY_NOT_JSON,
            Problem.BODY_TOO_LARGE,
            Problem.FIELD_UNKNOWN,
            Problem.FIELD_MISSING,
            Problem.FIELD_REPEATED,
            Problem.KEY_RECORD_INVALID,
            Problem.KEY_RECORD_SKIPPED,
            Problem.AUTHORITY_UNKNOWN,
            Problem.SIGNATURE_WRONG,
            Problem.OTHER_CHAIN,
            Problem.CANNOT_CHECK,
            Problem.BUSY,
        ),
    },
    openapi_extra=json_body(KeyRequest),
)
async def post_key(http: Request, query: Annotated[WaitQuery, Query()]) -> Response:
    """201 once the record is on the chain, 200 if it was there, 202 if that takes too long."""
    gateway, waiting = gateway_of(http), Waiting(query)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(KeyRequest, await bodies.read_body(http, KEY_BODY_MAX))
    enrolment = _parse(asked)
    record = await _check(gateway, enrolment)
    standing = await _standing(gateway, record.key)
    if (known := _find(enrolment, standing)) is not None:
        return _answer(http, record, State.COMMITTED, 200, known.height)
    why = _cannot_follow(record, [entry.record for entry in standing])
    if why is None and record.successor is not None and await _standing(gateway, record.successor):
        why = "rotates to a key that is known; a key is enrolled once"
    if why is not None:
        raise ProblemError(Problem.KEY_RECORD_SKIPPED, why=why)
    outcome = await _propose(gateway, enrolment, waiting)
    if outcome is None:
        return _answer(http, record, State.PENDING, 202)
    if outcome.placed is None:
        # The same record may have come in by another request meanwhile.
        if (known := _find(enrolment, await _standing(gateway, record.key))) is not None:
            return _answer(http, record, State.COMMITTED, 200, known.height)
        raise ProblemError(Problem.KEY_RECORD_SKIPPED, why=outcome.skipped)
    placed = outcome.placed
    gateway.own_key.ask_again()
    gateway.register.ask_again(record.key)
    return _answer(http, record, State.COMMITTED, 201, placed.entry.height, placed.leaf_index)


def _parse(asked: KeyRequest) -> KeyEnrolment:
    try:
        return KeyEnrolment(
            authority=parse_public_key(asked.authority),
            signature=parse_signature(asked.signature),
            record_bytes=asked.record.encode(),
        )
    except Malformed as error:
        raise ProblemError(Problem.KEY_RECORD_INVALID, why=error) from error


async def _check(gateway: Gateway, enrolment: KeyEnrolment) -> KeyRecord:
    """The record, checked as every member will check it."""
    try:
        record = parse_key_record(enrolment.record_bytes)
    except Malformed as error:
        raise ProblemError(Problem.KEY_RECORD_INVALID, why=error) from error
    if record.origin != gateway.origin:
        raise ProblemError(Problem.OTHER_CHAIN, origin=gateway.origin)
    try:
        policy = (await gateway.log.policies())[-1].policy
    except (Absent, BadSignature, CannotCheck, Malformed) as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    if enrolment.authority not in policy.authorities:
        raise ProblemError(Problem.AUTHORITY_UNKNOWN)
    try:
        return check_enrolment(enrolment, gateway.origin, policy.authorities, policy.rules)
    except Malformed as error:  # A suite that the rules in force do not take.
        raise ProblemError(Problem.KEY_RECORD_INVALID, why=error) from error
    except BadSignature as error:
        raise ProblemError(Problem.SIGNATURE_WRONG, why=error) from error
    except Sm2Missing as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


@router.get(
    "/v1/keys",
    summary="What the chain says about a key",
    response_model=KeyRecordsAnswer,
    responses=problems(
        Problem.FIELD_UNKNOWN,
        Problem.FIELD_MISSING,
        Problem.KEY_SPELLING,
        Problem.CANNOT_CHECK,
    ),
)
async def get_key(http: Request, query: Annotated[KeyQuery, Query()]) -> Response:
    """The records as the enrolling authorities signed them; an empty list was confirmed by a
    quorum. They name keys and roles, nobody."""
    try:
        key = parse_public_key(query.key)
    except Malformed as error:
        raise ProblemError(Problem.KEY_SPELLING, why=error) from error
    entries = await _standing(gateway_of(http), key)
    value = KeyRecordsAnswer(
        key=key.text,
        next_serial=_next_serial(key, [each.record for each in entries]),
        records=[_summary(each) for each in entries],
    )
    return answer(http, value)


def _summary(entry: KeyEntry) -> KeyRecordSummary:
    record = entry.record
    return KeyRecordSummary(
        action=record.action,
        effective=record.effective,
        role=record.role,
        serial=record.serial,
        successor=None if record.successor is None else record.successor.text,
        height=entry.height,
        record=entry.record_bytes.decode("ascii"),
    )


def _next_serial(key: PublicKey, records: list[KeyRecord]) -> int:
    return max((each.serial for each in records if each.key == key), default=0) + 1


async def _standing(gateway: Gateway, key: PublicKey) -> list[KeyEntry]:
    try:
        return await gateway.members.key_entries(key.text)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


def _find(enrolment: KeyEnrolment, standing: list[KeyEntry]) -> KeyEntry | None:
    return next((e for e in standing if e.record_bytes == enrolment.record_bytes), None)


def _cannot_follow(record: KeyRecord, before: list[KeyRecord]) -> str | None:
    """Why every member would skip this record, as far as the key's own records tell."""
    if record.action == "enrol" and before:
        return f"it is already enrolled, as {before[0].role}; a key is enrolled once"
    own = [each for each in before if each.key == record.key]
    serial = _next_serial(record.key, own)
    if record.serial != serial:
        return f"it has serial {record.serial} where {serial} follows"
    if record.action == "enrol":
        return None
    if not before or before[0].role != record.role:
        return "this key is not enrolled in this role"
    ended = {each.action for each in own} - {"enrol"}
    if "revoke" in ended or (ended and record.action == "rotate"):
        return "this key has been revoked or replaced already"
    return None


async def _propose(gateway: Gateway, enrolment: KeyEnrolment, waiting: Waiting) -> Outcome | None:
    data = format_record(enrolment)
    if not gateway.coalescer.has_room(len(data)):
        raise ProblemError(Problem.BUSY)
    future = gateway.coalescer.submit(data)
    if not waiting.includes(State.COMMITTED):
        return None
    try:
        return await waiting.wait_for(asyncio.shield(future))
    except ProposalRefused as error:
        raise ProblemError(Problem.KEY_RECORD_INVALID, why=error) from error


def _answer(
    http: Request,
    record: KeyRecord,
    state: State,
    status: int,
    height: int | None = None,
    leaf_index: int | None = None,
) -> Response:
    value = KeyAnswer(
        key=record.key.text,
        action=record.action,
        role=record.role,
        **state_words(state, language_of(http)),
        height=height,
        leaf_index=leaf_index,
    )
    return answer(http, value, status)
