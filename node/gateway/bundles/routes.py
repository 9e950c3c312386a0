"""/v1/evidence/{number}/bundles: an evidence bundle asked for, looked at, fetched.

For whoever may export the deposit (`deposits.reading`): its depositor, a court with a case it is
linked to, whoever has an extraction code. That is asked anew for every request, and recorded: a
right that was taken away takes away the bundle too. The id of a bundle follows from who asks, the
number and the Idempotency-Key, so that a retry finds the bundle that was asked for before.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from node.accounts.account import Account
from node.accounts.action import Action
from node.gateway.accounts.routes import BODY_PROBLEMS
from node.gateway.bundles.problems import BundleProblem
from node.gateway.bundles.schemas import BUNDLE_BODY_MAX, BundleAnswer, BundleRequest
from node.gateway.deposits.answers import moment
from node.gateway.deposits.reading import REFUSALS, CodeHeader, Reader, admit
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import language_of
from node.gateway.http.once import Key
from node.gateway.http.openapi import ALSO_ANONYMOUS, json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.lookups.finding import find_number, prove
from node.offchain.bundles import BundleRecord, BundleState
from node.vault.codes import parse_code

ID_LENGTH = 32

router = APIRouter(tags=["look up"])

Nothing = Annotated[NoQuery, Query()]
BundleId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the request was told.")]

_OF_NUMBER = (
    *REFUSALS,
    Problem.NUMBER_SPELLING,
    Problem.NUMBER_UNKNOWN,
    Problem.CANNOT_CHECK,
    Problem.FIELD_INVALID,
    Problem.FIELD_UNKNOWN,
)


@router.post(
    "/v1/evidence/{number}/bundles",
    summary="Ask for an evidence bundle",
    response_model=BundleAnswer,
    status_code=202,
    responses=problems(
        *_OF_NUMBER,
        *BODY_PROBLEMS,
        Problem.IDEMPOTENCY_KEY_MISSING,
        Problem.IDEMPOTENCY_KEY_SPELLING,
        Problem.NOT_SEALED,
    ),
    openapi_extra={**json_body(BundleRequest), **ALSO_ANONYMOUS},
)
async def ask_for_bundle(
    http: Request,
    number: str,
    account: Reader,
    key: Key,
    _: Nothing,
    code: CodeHeader = None,
) -> Response:
    """Only of a deposit that is FINAL. It is made in seconds and kept for a day; a retry is told
    of the same bundle, and another key makes another one, with all events up to then."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    bodies.parse_json(BundleRequest, await bodies.read_body(http, BUNDLE_BODY_MAX))
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    statement_id = found.placed.statement.statement_id
    await admit(http, account, code, statement_id, number, Action.BUNDLE_ASKED)
    if (await prove(gateway, found)).proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    by = None if account is None else account.id
    bundle_id = _bundle_id(gateway, account, code, number, key)
    record = await gateway.bundles.ask(bundle_id, by, number, gateway.clock())
    return answer(http, _told(http, record), 202)


@router.get(
    "/v1/evidence/{number}/bundles/{bundle_id}",
    summary="How far an evidence bundle has come",
    response_model=BundleAnswer,
    responses=problems(*_OF_NUMBER, BundleProblem.BUNDLE_UNKNOWN),
    openapi_extra=ALSO_ANONYMOUS,
)
async def get_bundle(
    http: Request,
    number: str,
    bundle_id: BundleId,
    account: Reader,
    _: Nothing,
    code: CodeHeader = None,
) -> Response:
    """Ask again every second or so until it is READY."""
    return answer(http, _told(http, await _admitted(http, number, bundle_id, account, code)))


@router.get(
    "/v1/evidence/{number}/bundles/{bundle_id}/archive",
    summary="An evidence bundle",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "docs/bundle-format.md."},
        **problems(*_OF_NUMBER, BundleProblem.BUNDLE_UNKNOWN, BundleProblem.BUNDLE_NOT_READY),
    },
    openapi_extra=ALSO_ANONYMOUS,
)
async def get_archive(
    http: Request,
    number: str,
    bundle_id: BundleId,
    account: Reader,
    _: Nothing,
    code: CodeHeader = None,
) -> Response:
    """The archive, the same bytes for a day. Verify it with trust that came another way."""
    record = await _admitted(http, number, bundle_id, account, code)
    if record.state is not BundleState.READY:
        raise ProblemError(BundleProblem.BUNDLE_NOT_READY)
    return StreamingResponse(
        _parts(gateway_of(http), record),
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{record.name}.zip"',
            "content-length": str(record.size),
        },
        media_type="application/zip",
    )


async def _admitted(
    http: Request, number: str, bundle_id: str, account: Account | None, code: str | None
) -> BundleRecord:
    """The bundle, for who may export its deposit."""
    gateway = gateway_of(http)
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    statement_id = found.placed.statement.statement_id
    await admit(http, account, code, statement_id, number, Action.BUNDLE_READ)
    record = await gateway.bundles.find(bundle_id, gateway.clock())
    if record is None or record.evidence_no != number:
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    return record


async def _parts(gateway: Gateway, record: BundleRecord) -> AsyncIterator[bytes]:
    place = 0
    while (part := await gateway.bundles.part(record, place)) is not None:
        yield part
        place += 1


def _bundle_id(
    gateway: Gateway, account: Account | None, code: str | None, number: str, key: str
) -> str:
    """Nobody can guess the one of a code: it is a keyed digest that goes in."""
    if account is not None:
        by = f"account {account.id}".encode()
    else:
        parsed = parse_code(code or "")
        assert parsed is not None, "it has opened the deposit"
        by = b"code " + gateway.codes.stored(number, parsed)
    digest = hashlib.sha256()
    for part in (by, number.encode(), key.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()[:ID_LENGTH]


def _told(http: Request, record: BundleRecord) -> BundleAnswer:
    language = language_of(http)
    path = f"/v1/evidence/{record.evidence_no}/bundles/{record.id}/archive"
    return BundleAnswer(
        bundle_id=record.id,
        evidence_no=record.evidence_no,
        state=record.state.name,  # type: ignore[arg-type]
        state_text=getattr(record.state, language),
        problem=record.why,
        name=record.name,
        size=record.size,
        asked_at=moment(record.asked_ms, "gateway"),
        expires_at=moment(record.expires_ms, "gateway"),
        download=path if record.state is BundleState.READY else None,
    )
