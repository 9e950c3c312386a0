"""Reads request bodies: bounded, whole, and kept as bytes, because a retry is the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import IO, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from node.gateway.accounts.problems import AccountProblem
from node.gateway.http.invalid import describe, describe_items, short
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.room import Held

JSON = "application/json"
TEXT = "text/plain"
ZIP = "application/zip"
PACKED = "application/octet-stream"

_Model = TypeVar("_Model", bound=BaseModel)


def media_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def expect_media_type(request: Request, *accepted: str) -> str:
    """The media type, which is one of these."""
    found = media_type(request)
    if found not in accepted:
        raise ProblemError(Problem.MEDIA_TYPE, accepted=", ".join(accepted))
    return found


async def read_body(
    request: Request,
    limit: int,
    too_large: ProblemError | None = None,
    held: Held | None = None,
) -> bytes:
    """The body; refuses one that is longer without reading it to its end, and one that is not
    what a signed request was signed for.

    Large ones are read into the room that is `held`; small ones the connections bound.
    """
    too_large = too_large or ProblemError(Problem.BODY_TOO_LARGE, limit=f"{limit:,}")
    _refuse_declared(request, limit, too_large)
    chunks: list[bytes] = []
    await _take(request, limit, too_large, held, chunks.append)
    return b"".join(chunks)


async def save_body(
    request: Request, limit: int, too_large: ProblemError, held: Held, target: IO[bytes]
) -> None:
    """The same into a file, piece by piece: it is never in memory as a whole."""
    _refuse_declared(request, limit, too_large)
    await _take(request, limit, too_large, held, target.write)


def _refuse_declared(request: Request, limit: int, too_large: ProblemError) -> None:
    declared = request.headers.get("content-length", "0")
    # The parser has refused 2^64 and more: whatever stands before these digits are zeros.
    if declared.isdecimal() and int(declared[-20:]) > limit:
        raise too_large


async def _take(
    request: Request,
    limit: int,
    too_large: ProblemError,
    held: Held | None,
    take: Callable[[bytes], object],
) -> None:
    """Every piece of the body, as it arrives."""
    size, digest = 0, hashlib.sha256()
    signed: bytes | None = getattr(request.state, "signed_body", None)
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        if held is not None:
            await held.grow(len(chunk))
        if signed is not None:
            digest.update(chunk)
        take(chunk)
    if signed is not None and digest.digest() != signed:
        raise ProblemError(AccountProblem.SIGNED_BODY_DIFFERS)


def parse_json(model: type[_Model], body: bytes) -> _Model:
    """The request these bytes are, or the problem with them."""
    try:
        value = model.model_validate_json(body)
    except ValidationError as error:
        errors = [dict(each) for each in error.errors(include_url=False)]
        name, values = describe(errors)
        raise ProblemError(Problem[name], describe_items(errors), **values) from error
    # pydantic takes the last of a repeated name and tells nobody: read again, to see them all.
    json.loads(body, object_pairs_hook=_check_names, parse_int=str)
    return value


def _check_names(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object in which a name stands twice."""
    names = set()
    for name, _ in pairs:
        if name in names:
            raise ProblemError(Problem.FIELD_REPEATED, field=short(name))
        names.add(name)
