"""Writes that are not deposits: what a retry is answered, and that it does nothing.

The same Idempotency-Key and the same request get the same answer for a day (200 where the first got
201); another request under the key is refused with 409. What is refused for any other reason has
done nothing, and leaves its key free.

    return await once(http, account, key, body, work)

`work` does it and answers. It must bear being done twice: once before a crash, once after it. What
decides whether the account may ask at all comes before, also for retries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated

from fastapi import Header, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.scopes import format_scopes
from node.gateway.gateway import gateway_of
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import verbatim
from node.offchain.answers import Answered, Asked, OtherRequest
from node.offchain.tables.requests import IDEMPOTENCY_KEY_LENGTH_MAX

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=rf"^[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_LENGTH_MAX}}}$",
        description="Names this request for its retries: the same key and body, the same answer.",
    ),
]

KEY_PROBLEMS = (
    Problem.IDEMPOTENCY_KEY_MISSING,
    Problem.IDEMPOTENCY_KEY_SPELLING,
    Problem.IDEMPOTENCY_MISMATCH,
)
"""What a route that takes a key may answer because of it."""


async def once(
    http: Request,
    account: Account,
    key: str,
    body: bytes,
    work: Callable[[], Awaitable[Response]],
) -> Response:
    """What `work` answers, or answered this very request before."""
    gateway = gateway_of(http)
    # A key that may do less is not told what one that may do more was told, such as a new key.
    may = format_scopes(account.scopes)
    asked = Asked(account.id, key, request_digest([http.url.path.encode(), may.encode(), body]))
    try:
        before = await gateway.answers.claim(asked, gateway.clock())
        if before is None:
            before = await _done(http, asked, work)
            return verbatim(before.body, before.status, before.language)
    except OtherRequest as error:
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH) from error
    return verbatim(before.body, 200 if before.status == 201 else before.status, before.language)


def request_digest(parts: Iterable[bytes]) -> bytes:
    """SHA-256 over the parts, each with its length, so that no two requests run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


async def _done(http: Request, asked: Asked, work: Callable[[], Awaitable[Response]]) -> Answered:
    gateway = gateway_of(http)
    try:
        response = await work()
    except ProblemError:
        await gateway.answers.release(asked)
        raise
    # If we stop here, a retry does it again.
    given = Answered(
        response.status_code, response.headers["content-language"], bytes(response.body)
    )
    return await gateway.answers.keep(asked, given, gateway.clock())
