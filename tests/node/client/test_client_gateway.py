"""What the client asks of gateways: what it repeats and where, and that it believes nothing."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from node.client.connection import ANSWER_SIZE_MAX, Clock, Connection
from node.client.credentials import ApiKey
from node.client.errors import Busy, ClientError, NoPermission, Unreachable
from node.client.gateway import Gateway
from node.client.values import Part
from node.evidence.keys import ED25519, Signature
from node.words import Answer, State

SIGNATURE = Signature(ED25519, bytes(64))
Handler = Callable[[httpx.Request], httpx.Response]


class FakeTime:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.clock = Clock(lambda: self.now, self._sleep)

    def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def connect(time: FakeTime) -> Iterator[Callable[[Handler], Gateway]]:
    clients: list[Gateway] = []

    def make(
        handler: Handler,
        urls: str | list[str] = "https://gateway.test/",
        on_retry: Callable[[ClientError], None] = lambda _: None,
    ) -> Gateway:
        transport = httpx.MockTransport(handler)
        connection = Connection(
            urls, ApiKey("czk_"), transport=transport, clock=time.clock, on_retry=on_retry
        )
        clients.append(Gateway(connection))
        return clients[-1]

    yield make
    for each in clients:
        each.__exit__()


def answers(*given: httpx.Response | Exception) -> tuple[list[httpx.Request], Handler]:
    """Gives these one after the other, and keeps the requests."""
    left, asked = list(given), []

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asked, handler


def batch(state: str, proof: str | None = None) -> httpx.Response:
    part = {"state": state, "receipt": {"number": "0" * 32}, "proof": proof, "reason": None}
    return httpx.Response(201 if proof else 202, json={"statements": [part]})


def deposit(gateway: Gateway, patience_s: float = 60) -> Part:
    return gateway.deposit(
        b"statement", SIGNATURE, b"items", idempotency_key="k", plain=False, patience_s=patience_s
    )


def test_the_same_bytes_are_sent_until_final(connect: Any) -> None:
    refused = httpx.ConnectError("refused")
    asked, handler = answers(
        refused,
        httpx.Response(503, json={}),
        batch("PENDING"),
        batch("COMMITTED"),
        batch("FINAL", "proof"),
    )
    part = deposit(connect(handler))
    assert (part.state, part.proof) == (State.FINAL, b"proof")
    assert len(asked) == 5
    for request in asked:
        assert request.content == b"items"
        assert request.headers["idempotency-key"] == "k"
        assert request.headers["cunzheng-statement"] == "c3RhdGVtZW50"
        assert request.headers["authorization"] == "Bearer czk_"
        assert request.url.path == "/v1/anchors:batch"


def test_patience_ends(connect: Any, time: FakeTime) -> None:
    asked, handler = answers(batch("PENDING"))
    assert deposit(connect(handler), 2).state is State.PENDING
    assert 2 <= time.now <= 2.5
    asked, handler = answers(httpx.ConnectError("refused"))
    start = time.now
    with pytest.raises(ClientError) as failed:
        deposit(connect(handler), 5)
    assert failed.value.answer is Answer.COULD_NOT_CHECK
    assert time.now - start <= 5
    assert 3 <= len(asked) <= 10


@pytest.mark.parametrize(
    ("before", "status", "code", "nothing_taken"),
    [
        ([], 403, "KEY_NOT_ENROLLED", True),
        ([], 403, "", False),
        ([], 422, "RECORD_SKIPPED", False),
        ([], 500, "INTERNAL", False),
        ([httpx.ReadTimeout("cut")], 403, "KEY_NOT_ENROLLED", False),
        ([batch("PENDING")], 403, "KEY_NOT_ENROLLED", False),
    ],
)
def test_a_refusal_says_whether_anything_may_have_been_taken(
    connect: Any, before: list[Any], status: int, code: str, nothing_taken: bool
) -> None:
    problem = httpx.Response(status, json={"title": "T", "detail": "D", "code": code})
    _, handler = answers(*before, problem)
    with pytest.raises(ClientError) as failed:
        deposit(connect(handler))
    assert failed.value.nothing_taken is nothing_taken


def test_what_can_never_succeed_is_not_repeated(connect: Any) -> None:
    problem = {"title": "T", "detail": "D.", "code": "KEY_NOT_ENROLLED"}
    asked, handler = answers(httpx.Response(403, json=problem))
    with pytest.raises(ClientError) as failed:
        deposit(connect(handler))
    assert len(asked) == 1
    assert failed.value.answer is Answer.NO_PERMISSION
    assert failed.value.problem.code == "KEY_NOT_ENROLLED"
    assert failed.value.en == "the gateway refused: T. D."


@pytest.mark.parametrize(
    ("status", "document", "answer"),
    [
        (404, {"result_code": "V101"}, Answer.NOT_FOUND),
        (409, {"result_code": "V100"}, Answer.PENDING),
        (422, {"result_code": "V104"}, None),
        (503, {"result_code": "V502"}, Answer.COULD_NOT_CHECK),
        (401, {}, Answer.NO_PERMISSION),
        (422, {}, None),
        (500, {}, Answer.COULD_NOT_CHECK),
        (404, {"result_code": "V999"}, None),
    ],
)
def test_problems_have_the_answer_they_mean(
    connect: Any, status: int, document: dict[str, str], answer: Answer | None
) -> None:
    _, handler = answers(httpx.Response(status, json=document))
    with pytest.raises(ClientError) as failed:
        connect(handler).proof("EV1", 0)
    assert failed.value.answer is answer


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"statements": []}),
        httpx.Response(200, json={"statements": [[]]}),
        httpx.Response(200, json={"statements": [{"state": "FINAL"}]}),
        httpx.Response(200, json={"statements": [{"state": "SURE", "receipt": {"number": ""}}]}),
        httpx.Response(200, json={"statements": [{"state": "FINAL", "receipt": {"number": 1}}]}),
        httpx.Response(200, content=rb'{"statements":[{"state":"FINAL","proof":"\ud800"}]}'),
        httpx.Response(301, headers={"location": "https://elsewhere.test"}),
        httpx.Response(403, content=b"<html>"),
        httpx.Response(403, json=[]),
        httpx.Response(403, content=b"[" * 100_000),
    ],
)
def test_nonsense_could_not_be_understood(connect: Any, response: httpx.Response) -> None:
    asked, handler = answers(response)
    with pytest.raises(ClientError) as failed:
        deposit(connect(handler))
    assert failed.value.answer is Answer.COULD_NOT_CHECK
    assert "cannot be understood" in failed.value.en
    assert len(asked) == 1


def test_a_compressed_answer_is_not_unpacked(connect: Any) -> None:
    """Packed twice, two kilobytes are a gigabyte."""
    packed = gzip.compress(gzip.compress(bytes(1_000_000)))

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        stream = httpx.ByteStream(packed)
        return httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=stream)

    with pytest.raises(ClientError, match="compressed"):
        connect(handler).proof("EV1", 0)


@pytest.mark.parametrize("text", ["no policy", "\ud800", 7])
def test_a_policy_that_is_none_is_the_gateways_fault(connect: Any, text: object) -> None:
    body = json.dumps({"policy_text": text})
    _, handler = answers(httpx.Response(200, content=body.encode("ascii")))
    with pytest.raises(ClientError, match="cannot be understood") as failed:
        connect(handler).policy_text(0)
    assert failed.value.answer is Answer.COULD_NOT_CHECK


def test_an_answer_by_the_drop_is_cut(connect: Any, time: FakeTime) -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            time.now += 1
            yield b" "

    with pytest.raises(ClientError, match="does not answer"):
        connect(lambda _: httpx.Response(200, content=dripping())).proof("EV1", 0)
    assert time.now < 200


def test_an_endless_answer_is_cut(connect: Any) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    with pytest.raises(ClientError, match=f"more than {ANSWER_SIZE_MAX} bytes"):
        connect(lambda _: httpx.Response(200, content=endless())).proof("EV1", 0)


def test_the_pause_is_as_long_as_the_gateway_asks(connect: Any, time: FakeTime) -> None:
    busy = httpx.Response(429, headers={"retry-after": "7"}, json={"code": "RATE_LIMITED"})
    asked, handler = answers(busy, batch("FINAL", "proof"))
    deposit(connect(handler))
    assert (len(asked), time.now) == (2, 7)
    _, handler = answers(busy)
    with pytest.raises(Busy) as failed:
        deposit(connect(handler), 5)
    assert failed.value.problem is not None
    assert time.now == 7, "no patience for that long"


@pytest.mark.parametrize("doubt", [httpx.ConnectError("x"), httpx.Response(503, json={})])
def test_every_address_is_tried_before_a_pause(connect: Any, time: FakeTime, doubt: Any) -> None:
    """The one that answered is asked first the next time."""
    hosts = [f"https://{name}.test" for name in ("a", "b", "c")]
    asked, handler = answers(doubt, doubt, batch("FINAL", "proof"))
    heard: list[ClientError] = []
    gateway = connect(handler, hosts, heard.append)
    deposit(gateway)
    deposit(gateway)
    assert [each.url.host for each in asked] == ["a.test", "b.test", "c.test", "c.test"]
    assert time.now == 0
    assert len(heard) == 1


def test_nobody_answers(connect: Any, time: FakeTime) -> None:
    asked, handler = answers(httpx.ConnectTimeout("slow"))
    with pytest.raises(Unreachable):
        connect(handler, ["https://a.test", "https://b.test"]).proof("EV1", 0)
    assert (len(asked), time.now) == (2, 0)


def test_who_may_not_is_told_so(connect: Any) -> None:
    _, handler = answers(httpx.Response(401, json={"code": "API_KEY_UNKNOWN"}))
    with pytest.raises(NoPermission):
        connect(handler).proof("EV1", 0)
