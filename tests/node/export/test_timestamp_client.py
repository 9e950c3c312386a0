"""An authority answers what it likes: a timestamp is kept, and everything else has its error."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from node.export.signing.algorithms import SHA256, SM3
from node.export.signing.chain import Anchors
from node.export.timestamps import client
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.client import Asked, NotStamped, Obtained, obtain
from node.export.timestamps.request import (
    QUERY_TYPE,
    REQUEST_SIZE_MAX,
    Imprint,
    TimestampRequest,
    format_request,
    parse_request,
)
from node.export.timestamps.response import (
    REPLY_TYPE,
    RESPONSE_SIZE_MAX,
    format_rejection,
)
from node.export.timestamps.server import create_app
from tests.node.export.paper import NOW_S, root, stamper

BODY = b"cunzheng.test/devnet\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
NOW_MS = NOW_S * 1000
Handler = Callable[[httpx.Request], httpx.Response]

pytestmark = pytest.mark.anyio


def service() -> TimestampService:
    return TimestampService(stamper(root()))


def asked(algorithm: str = SHA256, policy: str | None = None) -> Asked:
    anchors = Anchors((root().certificate,))
    return Asked("example", "http://tsa.example/", anchors, algorithm, policy)


def reply(content: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"content-type": REPLY_TYPE, **headers})


def honest(request: httpx.Request) -> httpx.Response:
    return reply(service().answer(request.content, NOW_MS, 5))


async def ask(handler: Handler, authority: Asked | None = None, now_ms: int = NOW_MS) -> Obtained:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        return await obtain(http, authority or asked(), BODY, 77, now_ms)


@pytest.mark.parametrize("algorithm", [SHA256, SM3])
async def test_an_honest_authority_is_taken_with_all_it_sent(algorithm: str) -> None:
    found = await ask(honest, asked(algorithm))
    assert found.stamped.time_ms == NOW_MS
    assert found.stamped.info.imprint == Imprint.of(BODY, algorithm)
    assert found.stamped.certificates == stamper(root()).chain
    request = parse_request(found.request)
    assert (request.nonce, request.certificates) == (77, True)


async def test_our_own_service_is_such_an_authority() -> None:
    """Over its HTTP side."""
    transport = httpx.ASGITransport(create_app(service(), lambda: NOW_MS))
    async with httpx.AsyncClient(transport=transport) as http:
        found = await obtain(http, asked(SM3), BODY, 3, NOW_MS)
        assert found.stamped.is_own
        assert (await http.get("http://tsa.example/healthz")).status_code == 200
        wrong = await http.post("http://tsa.example/", content=b"x")
        assert wrong.status_code == 415
        headers = {"content-type": QUERY_TYPE}
        url = "http://tsa.example/"
        long = await http.post(url, content=bytes(REQUEST_SIZE_MAX + 1), headers=headers)
        assert long.status_code == 413
        hostile = await http.post(url, content=b"\x30\x80\0\0", headers=headers)
        assert hostile.headers["content-type"] == REPLY_TYPE
        assert hostile.status_code == 200


def replayed(_: httpx.Request) -> httpx.Response:
    """Another's token of the same bytes: with another nonce."""
    request = TimestampRequest(Imprint.of(BODY, SHA256), nonce=78)
    return reply(service().answer(format_request(request), NOW_MS, 5))


def other_bytes(_: httpx.Request) -> httpx.Response:
    request = TimestampRequest(Imprint.of(b"other", SHA256), nonce=77)
    return reply(service().answer(format_request(request), NOW_MS, 5))


def other_algorithm(_: httpx.Request) -> httpx.Response:
    request = TimestampRequest(Imprint.of(BODY, SM3), nonce=77)
    return reply(service().answer(format_request(request), NOW_MS, 5))


def forged(request: httpx.Request) -> httpx.Response:
    forger = TimestampService(stamper(root("forger"), root("forger").certificate))
    return reply(forger.answer(request.content, NOW_MS, 5))


def long_ago(request: httpx.Request) -> httpx.Response:
    return reply(service().answer(request.content, NOW_MS - 301_000, 5))


def truncated(request: httpx.Request) -> httpx.Response:
    return reply(honest(request).content[:-7])


def huge(_: httpx.Request) -> httpx.Response:
    return reply(bytes(RESPONSE_SIZE_MAX + 1))


def endless(_: httpx.Request) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000)

    return httpx.Response(200, content=chunks(), headers={"content-type": REPLY_TYPE})


def indefinite(request: httpx.Request) -> httpx.Response:
    return reply(b"\x30\x80" + honest(request).content[4:] + b"\0\0")


def longer_length(request: httpx.Request) -> httpx.Response:
    content = honest(request).content
    return reply(b"\x30\x83\0" + content[2:])


def trailing(request: httpx.Request) -> httpx.Response:
    return reply(honest(request).content + b"\n")


def inflated(_: httpx.Request) -> httpx.Response:
    return reply(gzip.compress(bytes(1 << 20)), **{"content-encoding": "gzip"})


def rejecting(_: httpx.Request) -> httpx.Response:
    return reply(format_rejection(25, "明天再来"))


def a_web_page(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html="<p>Welcome to the hotel's network</p>")


def redirecting(_: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"location": "http://127.0.0.1:1/"})


def gone(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (replayed, "nonce is another"),
        (other_bytes, "imprint is of other bytes"),
        (other_algorithm, "another algorithm than was sent"),
        (forged, "was not issued by the"),
        (long_ago, "301 s apart"),
        (truncated, "breaks off"),
        (huge, "more than"),
        (endless, "more than"),
        (indefinite, "indefinite length"),
        (longer_length, "as shortly"),
        (trailing, "something follows"),
        (inflated, "encoding that was not asked for"),
        (rejecting, "systemFailure; 明天再来"),
        (a_web_page, "text/html, not application/timestamp-reply"),
        (redirecting, "answers 302"),
        (gone, "ConnectError: nobody listens"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_whatever_else_an_authority_does_has_its_error(handler: Handler, why: str) -> None:
    with pytest.raises(NotStamped, match=why):
        await ask(handler)


async def test_under_another_policy_is_not_what_was_asked() -> None:
    with pytest.raises(NotStamped, match="unacceptedPolicy"):
        await ask(honest, asked(policy="1.2.3.4"))


async def test_a_silent_authority_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_S", 0.01)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(silent)) as http:
        with pytest.raises(NotStamped, match="no answer within"):
            await obtain(http, asked(), BODY, 77, NOW_MS)
