"""/v1/evidence/{number}/bundles: an evidence bundle asked for, looked at, fetched.

For whoever may export the deposit (`deposits.reading`): its depositor, a court with a case it is
linked to, whoever has an extraction code. Only who asked for a bundle can fetch it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.gateway.accounts.routes import BODY_PROBLEMS
from node.gateway.bundles import asking
from node.gateway.bundles.problems import BundleProblem
from node.gateway.bundles.schemas import SINGLE_BODY_MAX, BundleAnswer, BundleRequest
from node.gateway.deposits.reading import REFUSALS, CodeHeader, Reader, admit
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import Key
from node.gateway.http.openapi import ALSO_ANONYMOUS, json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.offchain.bundles import BundleRecord
from node.vault.codes import parse_code

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
        BundleProblem.BUNDLE_OPENING_OTHER,
        BundleProblem.BUNDLES_WAITING,
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
    asked = bodies.parse_json(BundleRequest, await bodies.read_body(http, SINGLE_BODY_MAX))
    asking.check_openings(asked.openings, [number])
    found = await asking.found_number(gateway, number)
    statement_id = found.placed.statement.statement_id
    await admit(http, account, code, statement_id, number, Action.BUNDLE_ASKED)
    proof = await asking.final(gateway, found)
    wanted = asking.wanted(1, found, proof, asked.openings)
    by = None if account is None else account.id
    bundle_id = asking.bundle_id(_by(gateway, account, code, number), number, key)
    record = await asking.ask(gateway, bundle_id, by, [wanted])
    return answer(http, asking.told(http, record, _path(number, record.id)), 202)


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
    record = await _admitted(http, number, bundle_id, account, code)
    return answer(http, asking.told(http, record, _path(number, record.id)))


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
    return asking.archive_of(http, await _admitted(http, number, bundle_id, account, code))


async def _admitted(
    http: Request, number: str, bundle_id: str, account: Account | None, code: str | None
) -> BundleRecord:
    """The bundle, for who may export its deposit."""
    gateway = gateway_of(http)
    found = await asking.found_number(gateway, number)
    statement_id = found.placed.statement.statement_id
    await admit(http, account, code, statement_id, number, Action.BUNDLE_READ)
    record = await gateway.bundles.find(bundle_id, gateway.clock())
    asked_by = None if account is None else account.id
    if record is None or record.account != asked_by:
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    if [each.evidence_no for each in record.deposits] != [number] or record.case_no is not None:
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    return record


def _by(gateway: Gateway, account: Account | None, code: str | None, number: str) -> bytes:
    """Who asks; nobody can guess it of a code."""
    if account is not None:
        return asking.account_digest(account)
    parsed = parse_code(code or "")
    assert parsed is not None, "it has opened the deposit"
    return b"code " + gateway.codes.stored(number, parsed)


def _path(number: str, bundle_id: str) -> str:
    return f"/v1/evidence/{number}/bundles/{bundle_id}"
