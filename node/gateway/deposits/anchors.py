"""POST /v1/anchors and /v1/anchors:batch: deposits come in."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.account import Account
from node.evidence.digests import ALGS
from node.evidence.item import ITEM_SIZE
from node.evidence.keys import Signature, parse_signature
from node.evidence.malformed import Malformed
from node.gateway.accounts.access import NOT_YET, depositing
from node.gateway.deposits.answers import anchor_answer, batch_answer
from node.gateway.deposits.declared import (
    Details,
    bound_details,
    check_plain,
    check_profile,
    plain_details,
)
from node.gateway.deposits.declared_problems import DeclaredProblem
from node.gateway.deposits.depositing import (
    Progress,
    Request,
    Waiting,
    carry,
    known,
    take,
)
from node.gateway.deposits.filing import (
    FILED,
    PROBLEMS,
    filed,
    profile_of,
    refuse_state_secret,
    series_asked,
    series_of,
)
from node.gateway.deposits.statement import File, Prepared, PreparedFile, Terms
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.batches import each_item
from node.gateway.http.language import language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, request_digest
from node.gateway.http.openapi import json_body, packed_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.room import Held
from node.gateway.http.schemas import (
    ANCHOR_BODY_MAX,
    BATCH_BODY_MAX,
    PACKED_ITEMS_MAX,
    AnchorAnswer,
    AnchorRequest,
    BatchAnswer,
    BatchItem,
    BatchQuery,
    BatchRequest,
    WaitQuery,
)
from node.gateway.members.client import CannotCheck
from node.offchain.deposit_values import Filing
from node.words import State

BESIDE_STATEMENT = ("plain_declaration", "contains_state_secret", *FILED)
"""What no statement says, so that it is asked also where the depositor brings one."""
STATEMENT_HEADERS = frozenset({"cunzheng-statement", "cunzheng-signature"})
"""What a depositor signed itself comes in a batch, of one item if need be."""
LARGE = 8_192
"""Bytes of a body from which its work takes milliseconds and is moved off the event loop."""

router = APIRouter(tags=["deposit"])

_Result = TypeVar("_Result")

Depositor = Annotated[Account, Depends(depositing)]
StatementHeader = Annotated[
    str | None,
    Header(alias="Cunzheng-Statement", description="The depositor's own statement, base64."),
]
SignatureHeader = Annotated[
    str | None, Header(alias="Cunzheng-Signature", description="`ed25519:` and base64.")
]

_COMMON = (
    *NOT_YET,
    *KEY_PROBLEMS,
    Problem.MEDIA_TYPE,
    Problem.BODY_TOO_LARGE,
    Problem.BODY_NOT_JSON,
    Problem.FIELD_INVALID,
    Problem.FIELD_MISSING,
    Problem.FIELD_UNKNOWN,
    Problem.FIELD_REPEATED,
    Problem.DIGEST_SPELLING,
    Problem.DIGEST_ALGORITHM,
    Problem.DIGEST_MISSING,
    Problem.DIGEST_OF_NOTHING,
    Problem.DECLARATION_MISSING,
    Problem.PLAIN_DIGEST_ONLY,
    Problem.SIZE_MISSING,
    Problem.DETAILS_REFUSED,
    *PROBLEMS,
    Problem.STATEMENT_HEADERS,
    Problem.RECORD_SKIPPED,
    Problem.BUSY,
    Problem.GATEWAY_NOT_ENROLLED,
    Problem.CANNOT_CHECK,
)


@router.post(
    "/v1/anchors",
    summary="Deposit one file by its digests",
    response_model=AnchorAnswer,
    status_code=201,
    responses={200: {"model": AnchorAnswer}, 202: {"model": AnchorAnswer}, **problems(*_COMMON)},
    openapi_extra=json_body(AnchorRequest),
)
async def post_anchor(
    http: HttpRequest,
    account: Depositor,
    key: Key,
    query: Annotated[WaitQuery, Query()],
) -> Response:
    """Salts the digests, attests a statement about them and waits for the members' cosignatures.

    201 with the proof, 200 for a retry; 202 with the receipt if that takes longer than `wait_ms`.
    """
    gateway, waiting = gateway_of(http), Waiting(query)
    if STATEMENT_HEADERS.intersection(http.headers.keys()):
        raise ProblemError(Problem.STATEMENT_HEADERS, why="not at /v1/anchors")
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ANCHOR_BODY_MAX)
    asked = bodies.parse_json(AnchorRequest, body)
    await refuse_state_secret(http, account, asked.contains_state_secret)
    request, new = Request(account, key, request_digest([b"/v1/anchors", body])), False
    # A profile may have been withdrawn since: a retry is answered as before all the same.
    taken = await known(gateway, request) if asked.profile or asked.series else []
    if not taken:
        _check_declared(asked)
        terms = await _terms(gateway, account, asked, page=1, count=1)
        file = _prepared(gateway, asked, asked)
        identity = await gateway.identities.record(account.id)
        prepared = gateway.preparer.attest_files(identity, [file], terms)
        taken, new = await take(gateway, request, prepared, filed(asked, [file.file.details]))
    (progress,) = await carry(gateway, taken, waiting)
    if progress.state is State.FAILED:
        raise ProblemError(Problem.RECORD_SKIPPED, why=progress.skipped)
    value = anchor_answer(progress, language_of(http), gateway.network)
    return answer(http, value, _status([progress], waiting, new))


@router.post(
    "/v1/anchors:batch",
    summary="Deposit many files, or packed items, as one statement or several",
    response_model=BatchAnswer,
    status_code=201,
    responses={
        200: {"model": BatchAnswer},
        202: {"model": BatchAnswer},
        **problems(
            *_COMMON,
            Problem.BATCH_EMPTY,
            Problem.BATCH_TOO_LARGE,
            Problem.BATCH_UNEVEN,
            Problem.BATCH_MIXED,
            Problem.STATEMENT_INVALID,
            Problem.STATEMENT_NEWER,
            Problem.OTHER_CHAIN,
            Problem.SIGNATURE_WRONG,
            Problem.KEY_NOT_ENROLLED,
            DeclaredProblem.SERIES_ONE_STATEMENT,
        ),
    },
    openapi_extra=packed_body(BatchRequest),
)
async def post_batch(
    http: HttpRequest,
    account: Depositor,
    key: Key,
    query: Annotated[BatchQuery, Query()],
    statement: StatementHeader = None,
    signature: SignatureHeader = None,
) -> Response:
    """JSON files are salted here; packed items are salted already, or plain digests.

    With the headers the depositor's own statement is deposited, signed by its enrolled key;
    otherwise this gateway attests. One statement holds at most 16,384 items.
    """
    gateway, waiting = gateway_of(http), Waiting(query)
    own = own_statement(statement, signature)
    kind = bodies.expect_media_type(http, bodies.JSON, bodies.PACKED)
    terms = query.model_dump(exclude={"wait", "wait_ms"}, exclude_none=True)
    _check_terms(kind, own, terms)
    told = repr(sorted(terms.items())).encode()
    async with gateway.room.hold() as held:
        body = await _read_batch(http, kind, held)
        size = len(body)
        signed = () if own is None else (own[0], own[1].raw)
        digest = request_digest([b"/v1/anchors:batch", kind.encode(), told, *signed, body])
        request, new = Request(account, key, digest), False
        # Preparing many items takes its time, and so does asking about a key: not for a retry.
        if not (taken := await known(gateway, request)):
            prepared, filing = await _prepare(http, account, kind, own, body, query)
            taken, new = await take(gateway, request, prepared, filing)
        del body  # Not kept while the client waits for the chain.
    progress = await carry(gateway, taken, waiting)
    language, status = language_of(http), _status(progress, waiting, new)
    return await _work(
        lambda: answer(http, batch_answer(progress, language, gateway.network), status), size
    )


async def _read_batch(http: HttpRequest, kind: str, held: Held) -> bytes:
    if kind == bodies.JSON:
        return await bodies.read_body(http, BATCH_BODY_MAX, held=held)
    too_many = ProblemError(Problem.BATCH_TOO_LARGE, limit=f"{PACKED_ITEMS_MAX:,}")
    return await bodies.read_body(http, PACKED_ITEMS_MAX * ITEM_SIZE, too_many, held)


async def _prepare(
    http: HttpRequest,
    account: Account,
    kind: str,
    own: tuple[bytes, Signature] | None,
    body: bytes,
    query: BatchQuery,
) -> tuple[list[Prepared], Filing]:
    gateway = gateway_of(http)
    if kind == bodies.JSON:
        return await _prepare_files(http, account, body)
    await refuse_state_secret(http, account, query.contains_state_secret)
    filing, packed = filed(query), _packed(body)
    if own is None:
        return await _prepare_items(gateway, account, packed, query), filing
    declared = query.plain_declaration or False
    return [await _countersign(gateway, account, own, packed, declared)], filing


def _check_terms(
    kind: str, own: tuple[bytes, Signature] | None, terms: Mapping[str, object]
) -> None:
    """What the query says of the items, nothing else says already."""
    if kind == bodies.JSON and own is not None:
        raise ProblemError(Problem.STATEMENT_HEADERS, why="the body is JSON")
    if kind == bodies.JSON and terms:
        raise ProblemError(Problem.FIELD_UNKNOWN, field=min(terms))
    if own is not None and (said := terms.keys() - {*BESIDE_STATEMENT}):
        raise ProblemError(Problem.STATEMENT_HEADERS, why=f"the statement itself says {min(said)}")


async def _prepare_files(
    http: HttpRequest, account: Account, body: bytes
) -> tuple[list[Prepared], Filing]:
    gateway, size = gateway_of(http), len(body)
    asked = await _work(lambda: bodies.parse_json(BatchRequest, body), size)
    await refuse_state_secret(http, account, asked.contains_state_secret)
    if asked.mode == "digest" and asked.page != 1:
        raise ProblemError(Problem.FIELD_INVALID, field="page", why="1 in mode digest")
    _check_declared(asked)
    terms = await _terms(gateway, account, asked, asked.page, len(asked.items))
    identity = await gateway.identities.record(account.id)

    def prepare() -> tuple[list[Prepared], Filing]:
        files = _prepared_files(gateway, asked)
        prepared = gateway.preparer.attest_files(identity, files, terms)
        return prepared, filed(asked, [each.file.details for each in files])

    return await _work(prepare, size)


def _check_declared(asked: AnchorRequest | BatchRequest) -> None:
    """What is declared of all items together."""
    plain = asked.mode == "digest"
    _check_declaration(asked.mode, asked.plain_declaration)
    check_profile(asked.category, asked.profile, declared_by_item=not plain)
    if plain:
        check_plain(asked.category)


def _prepared_files(gateway: Gateway, asked: BatchRequest) -> list[PreparedFile]:
    """All files of a batch, or a refusal that names every bad one."""
    algs = next((found for each in asked.items if (found := _algs(each))), set())

    def prepare(index: int, item: BatchItem) -> PreparedFile:
        prepared = _prepared(gateway, asked, item)
        if _algs(item) != algs:
            raise ProblemError(Problem.BATCH_MIXED, index=index)
        return prepared

    return each_item(asked.items, prepare)


def _prepared(
    gateway: Gateway, asked: AnchorRequest | BatchRequest, item: BatchItem
) -> PreparedFile:
    """One file, its details bound with what is declared of it."""
    described = (item.details, item.declared, _hex(item))
    if asked.mode == "digest":
        details = plain_details(described)
    else:
        details = bound_details(asked.category, described)
    return gateway.preparer.prepare_file(_file(item, details), asked.mode)


async def _terms(
    gateway: Gateway,
    account: Account,
    asked: AnchorRequest | BatchRequest,
    page: int,
    count: int,
) -> Terms:
    """What the statement says of all items; the algorithms are those of the files."""
    return Terms(
        asked.mode,
        "",
        page,
        asked.category,
        await profile_of(gateway, account, asked.profile),
        await series_of(gateway, account, asked.series, count),
    )


async def _prepare_items(
    gateway: Gateway, account: Account, packed: bytes, query: BatchQuery
) -> list[Prepared]:
    mode, page, category = query.mode or "commitment", query.page or 1, query.category or "A14_0"
    _check_declaration(mode, query.plain_declaration or False)
    if query.alg is None:
        raise ProblemError(Problem.FIELD_MISSING, field="alg")
    if mode == "digest" and "+" in query.alg:
        raise ProblemError(Problem.PLAIN_DIGEST_ONLY)
    if page not in ((1,) if mode == "digest" else (1, 16)):
        why = "1, or 16 in mode commitment"
        raise ProblemError(Problem.FIELD_INVALID, field="page", why=why)
    if mode == "digest":
        check_plain(category)
    check_profile(category, query.profile, declared_by_item=False)
    profile = await profile_of(gateway, account, query.profile)
    series = await series_of(gateway, account, series_asked(query), len(packed) // ITEM_SIZE)
    terms = Terms(mode, query.alg, page, category, profile, series)
    identity = await gateway.identities.record(account.id)
    return await _work(lambda: gateway.preparer.attest_items(identity, packed, terms), len(packed))


async def _countersign(
    gateway: Gateway,
    account: Account,
    own: tuple[bytes, Signature],
    packed: bytes,
    declared: bool,
) -> Prepared:
    prepared = await _work(lambda: gateway.preparer.countersign(*own, packed), len(packed))
    deposit = prepared.deposit
    _check_declaration(deposit.mode, declared)
    if deposit.key != gateway.signer.public:
        try:
            enrolled = await gateway.register.may_deposit(deposit.key)
        except CannotCheck as error:
            raise ProblemError(Problem.CANNOT_CHECK) from error
        if not enrolled:
            raise ProblemError(Problem.KEY_NOT_ENROLLED)
    if deposit.mode == "digest":
        check_plain(deposit.category)
    profile = None if deposit.profile is None else deposit.profile.hex()
    check_profile(deposit.category, profile, declared_by_item=False)
    await profile_of(gateway, account, profile)
    return prepared


async def _work(work: Callable[[], _Result], body_size: int) -> _Result:
    """Computing that others must not wait for if there is much of it."""
    return await asyncio.to_thread(work) if body_size > LARGE else work()


def own_statement(statement: str | None, signature: str | None) -> tuple[bytes, Signature] | None:
    if statement is None and signature is None:
        return None
    if statement is None or signature is None:
        raise ProblemError(Problem.STATEMENT_HEADERS, why="one of the two is missing")
    try:
        return base64.b64decode(statement, validate=True), parse_signature(signature)
    except (binascii.Error, ValueError, Malformed) as error:
        raise ProblemError(Problem.STATEMENT_HEADERS, why=error) from error


def _check_declaration(mode: str, declared: bool) -> None:
    if mode == "digest" and not declared:
        raise ProblemError(Problem.DECLARATION_MISSING)


def _packed(body: bytes) -> bytes:
    """The body as whole items; that they are not too many its limit has seen to."""
    if not body:
        raise ProblemError(Problem.BATCH_EMPTY)
    if len(body) % ITEM_SIZE:
        raise ProblemError(Problem.BATCH_UNEVEN)
    return body


def _file(item: BatchItem, details: Details) -> File:
    given = {"sha256": item.digests.sha256, "sm3": item.digests.sm3}
    digests = {alg: bytes.fromhex(text) for alg, text in given.items() if text is not None}
    return File(digests, item.size, details)


def _algs(item: BatchItem) -> set[str]:
    return item.digests.model_dump(exclude_none=True).keys() & {*ALGS}


def _hex(item: BatchItem) -> list[str]:
    return [each for each in (item.digests.sha256, item.digests.sm3) if each is not None]


def _status(progress: Sequence[Progress], waiting: Waiting, new: bool) -> int:
    """202 while there is something to come back for, else 201 if it is new, 200 for a retry."""
    if not all(waiting.is_over(each.state) for each in progress):
        return 202
    return 201 if new else 200
