"""Sending one message: where it goes, what is taken for an answer, and what it never does."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.webhooks.post import CONNECTIONS_MAX, NotDelivered, Poster
from tests.node.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def post(url: str, *, public_only: bool = False, timeout_s: float = 5.0) -> int:
    async with Poster(public_only=public_only, timeout_s=timeout_s) as poster:
        return await poster.post(url, b"{}", {"X-Made": "here"})


async def test_a_message_arrives_as_it_is(receiver: Receiver) -> None:
    assert await post(receiver.url + "?a=b") == 200
    ((fields, body),) = receiver.came
    assert fields["line"] == "POST /hook?a=b HTTP/1.1"
    assert (fields["x-made"], body) == ("here", b"{}")
    assert fields["content-type"] == "application/json"
    assert fields["host"] == f"127.0.0.1:{receiver.port}"


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    other = Receiver()
    await other.start()
    receiver.status, receiver.extra = 307, f"location: {other.url}\r\n"
    assert await post(receiver.url) == 307
    assert other.came == []
    await other.stop()


async def test_the_name_is_kept_and_the_address_judged_is_the_one_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to another address a moment later changes nothing."""
    answers = iter(["127.0.0.1", "192.0.2.1"])

    def resolve(host: str, port: int, **_: Any) -> Any:
        assert host == "hooks.example.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert await post(f"http://hooks.example.com:{receiver.port}/") == 200
    assert receiver.came[0][0]["host"] == f"hooks.example.com:{receiver.port}"


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0"])
async def test_a_name_that_leads_inside_is_refused(
    inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another of its addresses is public."""

    def resolve(_: str, port: int, **__: Any) -> Any:
        return [(0, 0, 6, "", (address, port)) for address in ("1.1.1.1", inside)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotDelivered, match="ADDRESS_REFUSED"):
        await post("https://hooks.example.com/", public_only=True)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "https://127.1/"])
async def test_this_machine_is_refused_in_production(url: str) -> None:
    with pytest.raises(NotDelivered, match="ADDRESS_REFUSED"):
        await post(url, public_only=True)


async def test_an_address_registered_under_other_rules_is_refused(receiver: Receiver) -> None:
    with pytest.raises(NotDelivered, match="ADDRESS_REFUSED"):
        await post(receiver.url, public_only=True)
    assert receiver.came == []


async def test_nobody_there(receiver: Receiver) -> None:
    await receiver.stop()
    with pytest.raises(NotDelivered, match="UNREACHABLE"):
        await post(receiver.url)


@pytest.mark.parametrize("error", [socket.gaierror(), UnicodeError("label too long")])
async def test_no_such_name(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotDelivered, match="NAME_UNKNOWN"):
        await post("http://nobody.example.com/")


async def test_slow_names_keep_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        answered.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        async with Poster(public_only=True, timeout_s=0.05) as poster, asyncio.timeout(5):
            names = [f"https://slow{number}.example.com/" for number in range(CONNECTIONS_MAX)]
            sent = [poster.post(name, b"{}", {}) for name in names]
            found = await asyncio.gather(*sent, return_exceptions=True)
            assert {str(each) for each in found} == {"TIMEOUT"}
            assert await asyncio.to_thread(lambda: "here") == "here"
    finally:
        answered.set()


async def test_who_does_not_answer_is_not_waited_for(receiver: Receiver) -> None:
    receiver.status = None
    with pytest.raises(NotDelivered, match="TIMEOUT"):
        await post(receiver.url, timeout_s=0.05)


async def test_an_answer_without_an_end_is_not_read(receiver: Receiver) -> None:
    receiver.extra = "transfer-encoding: chunked\r\nx: "
    assert await post(receiver.url) == 200
