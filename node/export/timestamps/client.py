"""Asks an authority for the time, over HTTP (RFC 3161, section 3.4), and believes nothing.

An authority is somebody else's server: whatever it answers is bounded in size and time, and a token
is taken only if it verifies against the roots of the settings, with the nonce that was sent and a
time that our own clock does not contradict.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from node.export.signing.algorithms import SHA256
from node.export.signing.chain import Anchors
from node.export.timestamps.request import (
    QUERY_TYPE,
    Imprint,
    TimestampRequest,
    format_request,
)
from node.export.timestamps.response import REPLY_TYPE, RESPONSE_SIZE_MAX
from node.export.timestamps.verifying import BadTimestamp, Stamped, verify_response

ANSWER_S = 20.0
"""An authority that is asked once a minute may take its time, but not for ever."""
CLOCKS_APART_MS_MAX = 300_000
"""A token that differs more from our own clock tells of a clock that is wrong: nobody knows whose,
and an operator must look."""


class NotStamped(Exception):
    """No timestamp this time, and why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authority, as the settings name it."""

    name: str
    url: str
    anchors: Anchors
    algorithm: str = SHA256
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Obtained:
    """A timestamp that counts, with the bytes that were exchanged."""

    request: bytes
    response: bytes
    stamped: Stamped


async def obtain(
    http: httpx.AsyncClient, authority: Asked, body: bytes | Imprint, nonce: int, now_ms: int
) -> Obtained:
    """Have `body` stamped, or whatever has this imprint; raises `NotStamped`. A nonce is drawn anew
    for every call."""
    imprint = body if isinstance(body, Imprint) else Imprint.of(body, authority.algorithm)
    asked = TimestampRequest(imprint, policy=authority.policy, nonce=nonce)
    request = format_request(asked)
    response = await _post(http, authority.url, request)
    try:
        stamped = verify_response(
            response,
            body,
            authority.anchors,
            now_ms // 1000,
            nonce=nonce,
            policy=authority.policy,
        )
    except BadTimestamp as error:
        raise NotStamped(str(error)) from error
    if stamped.info.imprint.algorithm != imprint.algorithm:
        raise NotStamped("the imprint is by another algorithm than was sent")
    apart_ms = abs(stamped.time_ms - now_ms)
    if apart_ms > CLOCKS_APART_MS_MAX:
        raise NotStamped(f"its clock and ours are {apart_ms // 1000} s apart")
    return Obtained(request, response, stamped)


async def _post(http: httpx.AsyncClient, url: str, request: bytes) -> bytes:
    headers = {"content-type": QUERY_TYPE, "accept": REPLY_TYPE, "accept-encoding": "identity"}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            http.stream("POST", url, content=request, headers=headers) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise NotStamped(f"it answers {answer.status_code}")
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != REPLY_TYPE:
                raise NotStamped(f"it answers with {kind[:80] or 'nothing'}, not {REPLY_TYPE}")
            if "content-encoding" in answer.headers:
                raise NotStamped("it answers in an encoding that was not asked for")
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > RESPONSE_SIZE_MAX:
                    raise NotStamped(f"it answers more than {RESPONSE_SIZE_MAX} bytes")
    except TimeoutError as error:
        raise NotStamped(f"no answer within {ANSWER_S:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotStamped(f"{type(error).__name__}: {error}") from error
    return bytes(body)
