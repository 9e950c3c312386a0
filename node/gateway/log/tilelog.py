"""The published log: C2SP tiles and what else others check this chain by (docs/published-log.md).

Hashes say nothing about a deposit, so they are for everybody; entries and bodies hold what all
depositors signed, and need an auditor's key. What never changes may be kept by a cache for ever,
but by a shared one only if it is for everybody.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.errors import Absent
from node.evidence.malformed import Malformed
from node.evidence.tiles import WIDTH, parse_tile_path
from node.gateway.accounts.access import FORBIDDEN, auditing
from node.gateway.gateway import gateway_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import AnyProblem, Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import ConsistencyAnswer, ConsistencyQuery, NoQuery
from node.gateway.members.client import CannotCheck
from node.published.layout import (
    format_names,
    parse_body_path,
    parse_bundle_path,
    parse_policy_path,
)

YEAR_S = 31_536_000
"""HTTP has no longer word for ever."""
CHECKPOINT_S, PARTIAL_S = 2, 60
"""How long caches may keep a checkpoint, and a tile that will be wider soon."""
GZIP_MIN = 1_024
"""Shorter answers do not get shorter, and neither do hashes."""
GZIP_LEVEL = 5

BYTES, TEXT = "application/octet-stream", "text/plain; charset=utf-8"

router = APIRouter(tags=["published log"])

Nothing = Annotated[NoQuery, Query()]
Auditor = Annotated[Account, Depends(auditing)]

_Part = TypeVar("_Part")
_ABSENT = (Problem.NOT_FOUND, Problem.NOT_PUBLISHED, Problem.CANNOT_CHECK)


def _documented(media: str, what: str, *documented: AnyProblem) -> dict[str, Any]:
    """How a route that answers with bytes is described."""
    content = {media.partition(";")[0]: {"schema": {"type": "string"}}}
    responses = {200: {"content": content, "description": what}, **problems(*documented)}
    return {"response_class": Response, "responses": responses}


@router.get(
    "/checkpoint",
    summary="The newest checkpoint with a quorum of cosignatures",
    **_documented(TEXT, "A C2SP signed note.", Problem.NOT_SEALED, Problem.CANNOT_CHECK),
)
async def checkpoint(http: Request, _: Nothing) -> Response:
    """c2sp.org/tlog-checkpoint. One gateway never shows a smaller one than before."""
    note = await _read(gateway_of(http).log.checkpoint())
    if not note:
        raise ProblemError(Problem.NOT_SEALED)
    return _changing(http, note, TEXT, CHECKPOINT_S)


@router.get(
    "/tile/entries/{path:path}",
    summary="Entries, 256 in a bundle",
    **_documented(BYTES, "Each entry after its length, u16 big-endian.", *FORBIDDEN, *_ABSENT),
)
async def bundle(http: Request, path: str, _: Auditor, nothing: Nothing) -> Response:
    """`N` or `N.p/W` (c2sp.org/tlog-tiles). What everybody deposited: for auditors."""
    tile = _parsed(parse_bundle_path, http)
    data = await _read(gateway_of(http).log.entries(tile))
    return await _lasting(http, data, BYTES, for_all=False, full=tile.width == WIDTH)


@router.get(
    "/tile/{path:path}",
    summary="Hashes of the tree, 256 in a tile",
    **_documented(BYTES, "32 bytes each.", *_ABSENT),
)
async def tile(http: Request, path: str, _: Nothing) -> Response:
    """`L/N` or `L/N.p/W` (c2sp.org/tlog-tiles), any width up to what is published."""
    wanted = _parsed(parse_tile_path, http)
    data = await _read(gateway_of(http).log.tile(wanted))
    if wanted.width < WIDTH:
        return _changing(http, data, BYTES, PARTIAL_S)
    return await _lasting(http, data, BYTES, for_all=True, compress=False)


@router.get(
    "/bodies/{path:path}",
    summary="What the members agreed on as a block",
    **_documented(BYTES, "Its SHA-256 is `body` of the block entry.", *FORBIDDEN, *_ABSENT),
)
async def body(http: Request, path: str, _: Auditor, nothing: Nothing) -> Response:
    """By height, in groups of three digits as tiles are named: `x001/x234/067`."""
    data = await _read(gateway_of(http).log.body(_parsed(parse_body_path, http)))
    return await _lasting(http, data, BYTES, for_all=False)


@router.get(
    "/policies/{path:path}",
    summary="A policy as it stands on the chain",
    **_documented(TEXT, "The index of its leaf, then the entry.", *_ABSENT),
)
async def policy(http: Request, path: str, _: Nothing) -> Response:
    """By its serial, from 1 on. Trust one of them only from elsewhere."""
    data = await _read(gateway_of(http).log.policy(_parsed(parse_policy_path, http)))
    return await _lasting(http, data, TEXT, for_all=True)


@router.get(
    "/contradictions/names",
    summary="Names of the contradiction files, one a line",
    **_documented(TEXT, "Empty if no member knows of one.", Problem.CANNOT_CHECK),
)
async def contradictions(http: Request, _: Nothing) -> Response:
    """Two checkpoints that cannot both be true, and who sealed both, are kept by every member."""
    found = await _read(gateway_of(http).log.contradictions())
    return _changing(http, format_names(found), TEXT, CHECKPOINT_S)


@router.get(
    "/contradictions/{name}",
    summary="A contradiction file",
    **_documented(TEXT, "It verifies offline.", Problem.NOT_FOUND, Problem.CANNOT_CHECK),
)
async def contradiction(http: Request, name: str, _: Nothing) -> Response:
    """By its name in the list."""
    found = await _read(gateway_of(http).log.contradictions())
    if name not in found:
        raise ProblemError(Problem.NOT_FOUND)
    return _changing(http, found[name], TEXT, PARTIAL_S)


@router.get(
    "/v1/consistency",
    summary="That a larger tree extends a smaller one",
    response_model=ConsistencyAnswer,
    responses=problems(
        Problem.FIELD_INVALID,
        Problem.FIELD_MISSING,
        Problem.FIELD_UNKNOWN,
        Problem.NOT_PUBLISHED,
        Problem.CANNOT_CHECK,
    ),
)
async def consistency(http: Request, query: Annotated[ConsistencyQuery, Query()]) -> Response:
    """RFC 9162, section 2.1.4. Compare the roots with those of checkpoints you have."""
    if query.old > query.new:
        raise ProblemError(Problem.FIELD_INVALID, field="from", why="greater than `to`")
    found = await _read(gateway_of(http).log.consistency(query.old, query.new))
    value = ConsistencyAnswer(
        old=query.old,
        new=query.new,
        path=[_base64(each) for each in found.path],
        roots=[_base64(found.old_root), _base64(found.new_root)],
    )
    return answer(http, value)


async def _read(part: Awaitable[_Part]) -> _Part:
    """A part of the log, or the problem with it."""
    try:
        return await part
    except Absent as error:
        raise ProblemError(Problem.NOT_PUBLISHED) from error
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


def _parsed(parse: Any, http: Request) -> Any:
    """What a path names. It is read as it was sent: no other spelling leads to the same bytes."""
    try:
        return parse(http.scope["raw_path"].decode("ascii").removeprefix("/"))
    except (Malformed, UnicodeDecodeError) as error:
        raise ProblemError(Problem.NOT_FOUND) from error


def _changing(http: Request, data: bytes, media: str, max_age_s: int) -> Response:
    """What is different soon: whoever has these very bytes already is told so in a few."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"cache-control": f"public, max-age={max_age_s}", "etag": etag}
    if etag in http.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(data, 200, headers, media)


async def _lasting(
    http: Request,
    data: bytes,
    media: str,
    *,
    for_all: bool,
    full: bool = True,
    compress: bool = True,
) -> Response:
    """What never changes once it is there; a partial bundle is only superseded."""
    scope = "public" if for_all else "private"
    age = f"max-age={YEAR_S}, immutable" if full else f"max-age={PARTIAL_S}"
    headers = {"cache-control": f"{scope}, {age}"}
    if compress:
        headers["vary"] = "accept-encoding"
        if len(data) >= GZIP_MIN and _accepts_gzip(http):
            headers["content-encoding"] = "gzip"
            data = await asyncio.to_thread(gzip.compress, data, GZIP_LEVEL, mtime=0)
    return Response(data, 200, headers, media)


def _accepts_gzip(http: Request) -> bool:
    for part in http.headers.get("accept-encoding", "").split(","):
        coding, _, parameter = part.strip().partition(";")
        if coding.strip().lower() == "gzip":
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
