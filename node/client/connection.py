"""One request to the gateways: to which of them, for how long, and what is tried again.

A request that may be repeated safely (all of them are: a write names itself by its Idempotency-Key,
and a statement's bytes can be deposited only once) is repeated while gateways do not answer or are
busy, for as long as the caller has patience: first at every other address, then after a pause that
doubles or that the gateway asked for. The address that answered last is asked first.

Answers are read within a limit of bytes and time, never unpacked, and no redirection is followed.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import httpx

from node.client.errors import (
    BadAddress,
    Broken,
    Busy,
    ClientError,
    NoPermission,
    NotUnderstood,
    Problem,
    Refused,
    Unreachable,
)
from node.words import Answer, ResultCode

ANSWER_SIZE_MAX = 17 << 20
"""A bundle of the longest entries; a proof of 4 MiB inside JSON, every byte of it escaped."""
REQUEST_TIMEOUT_S = 30.0
"""The gateway answers within the time it is asked to wait, so this is a dead connection."""
CONNECT_TIMEOUT_S = 5.0
"""There may be another address to try."""
ANSWER_TIMEOUT_S = 120.0
"""For a whole answer, however steadily a few bytes of it arrive."""
PAUSE_S_MIN = 0.2
PAUSE_S_MAX = 3.0
RETRY_AFTER_S_MAX = 60.0
"""A gateway that asks for more is asked again sooner."""

_TAKEN_AND_FAILED = "RECORD_SKIPPED"
_AGAIN = frozenset({429, 502, 503, 504})
_OK = (200, 201, 202)

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as an argument: tests do not wait."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Into:
    """Where a body goes, from its beginning whenever it is asked for again, and its limits."""

    file: BinaryIO
    size_max: int = ANSWER_SIZE_MAX
    timeout_s: float = ANSWER_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    body: bytes
    retry_after_s: float


class Connection:
    """Gateways that one client may ask. Use as a context manager, from one thread.

    Several addresses are gateways of one operator's database, or of any operators for requests that
    bring their own signed statements. `on_retry` hears once a request why it is tried again.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        credential: httpx.Auth | None = None,
        *,
        language: Language = "en",
        on_retry: Callable[[ClientError], None] = lambda _: None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._urls = [_check_url(each) for each in ([urls] if isinstance(urls, str) else urls)]
        if not self._urls:
            raise _bad_address()
        self._language = language
        self._on_retry = on_retry
        self._clock = clock
        # Not compressed: a few bytes of answer could unpack to more than this machine has.
        headers = {"accept-language": language, "accept-encoding": "identity"}
        self._http = httpx.Client(
            headers=headers,
            auth=credential,
            timeout=httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            transport=transport,
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def clock(self) -> Clock:
        return self._clock

    def ask(
        self,
        method: str,
        path: str,
        patience_s: float,
        accept: tuple[int, ...] = _OK,
        into: Into | None = None,
        **request: Any,
    ) -> tuple[int, bytes]:
        """Status and body of an answer with one of these statuses; else raises `ClientError`. A
        body that goes into a file is not in what is returned."""
        until_s, pause_s, tried, asked_s = self._clock.now_s() + patience_s, PAUSE_S_MIN, 0, 0.0
        while True:
            try:
                answered = self._once(method, path, into, accept, **request)
                if answered.status in accept:
                    return answered.status, answered.body
                failure = self._refused(answered)
                # After a doubtful first try the gateway may have taken what it now refuses.
                failure.nothing_taken &= tried == 0
                if answered.status not in _AGAIN:
                    raise failure
                asked_s = max(asked_s, answered.retry_after_s)
            except httpx.TransportError as error:
                failure = self._unreachable(str(error) or type(error).__name__)
            tried += 1
            self._urls.append(self._urls.pop(0))
            round_over = tried % len(self._urls) == 0
            wait_s = max(pause_s, asked_s) if round_over else 0.0
            if round_over and self._clock.now_s() + wait_s > until_s:
                raise failure
            if tried == 1:
                self._on_retry(failure)
            if round_over:
                self._clock.sleep(wait_s)
                pause_s, asked_s = min(2 * pause_s, PAUSE_S_MAX), 0.0

    def ask_json(
        self,
        method: str,
        path: str,
        patience_s: float,
        accept: tuple[int, ...] = _OK,
        **request: Any,
    ) -> dict[str, Any]:
        """The JSON object of an answer."""
        return self._parse(self.ask(method, path, patience_s, accept, **request)[1])

    def nonsense(self, why: str) -> NotUnderstood:
        """The error that what the gateway asked last said is no answer."""
        return NotUnderstood(f"{self._urls[0]}: {why}")

    def _once(
        self, method: str, path: str, into: Into | None, accept: tuple[int, ...], **request: Any
    ) -> _Answered:
        with self._http.stream(method, self._urls[0] + path, **request) as response:
            body = io.BytesIO()
            wanted = into if into is not None and response.status_code in accept else Into(body)
            self._read(response, wanted)
            return _Answered(response.status_code, body.getvalue(), _retry_after_s(response))

    def _read(self, response: httpx.Response, into: Into) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self.nonsense("compressed, which was not asked for")
        size, until_s = 0, self._clock.now_s() + into.timeout_s
        into.file.seek(0)
        into.file.truncate()
        for chunk in response.iter_bytes():
            size += into.file.write(chunk)
            if self._clock.now_s() > until_s:
                raise httpx.ReadTimeout("the answer does not end")
            if size > into.size_max:
                raise self.nonsense(f"more than {into.size_max} bytes")

    def _refused(self, answered: _Answered) -> ClientError:
        """The gateway's problem document (RFC 9457) as our error."""
        try:
            problem = _problem(answered.status, self._parse(answered.body))
        except NotUnderstood:
            failure = self.nonsense(f"HTTP {answered.status}")
            return failure if answered.status not in _AGAIN else _told(Busy, failure)
        text = f"{problem.title}. {problem.detail}"
        if self._language == "zh":
            text = f"{problem.title}。{problem.detail}"
        kind = _kind(problem.status)
        error = kind(
            f"网关拒绝了请求：{text}", f"the gateway refused: {text}", _answer(problem), problem
        )
        error.nothing_taken = problem.status < 500 and problem.code not in ("", _TAKEN_AND_FAILED)
        return error

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(
            f"网关 {self._urls[0]} 没有应答（{why}）；请检查地址、网络及网关是否运行。",
            f"the gateway {self._urls[0]} does not answer ({why}); check the address, the network, "
            "and whether it runs.",
            Answer.COULD_NOT_CHECK,
        )

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self.nonsense("not JSON") from error
        if not isinstance(value, dict):
            raise self.nonsense("not a JSON object")
        return value


def _problem(status: int, document: dict[str, Any]) -> Problem:
    title, detail, code = (str(document.get(key, "")) for key in ("title", "detail", "code"))
    result = document.get("result_code")
    known = isinstance(result, str) and result in ResultCode.__members__
    return Problem(status, code, title, detail, ResultCode[str(result)] if known else None)


def _kind(status: int) -> type[ClientError]:
    if status in _AGAIN:
        return Busy
    if status >= 500:
        return Broken
    return NoPermission if status in (401, 403) else Refused


def _told(kind: type[ClientError], other: ClientError) -> ClientError:
    return kind(other.zh, other.en, other.answer)


def _answer(problem: Problem) -> Answer | None:
    if problem.result is not None:
        answer = problem.result.answer
        # A statement for another chain is a wrong request; there is no proof to speak of.
        return None if answer is Answer.PROOF_NOT_VALID else answer
    if problem.status in (401, 403):
        return Answer.NO_PERMISSION
    return Answer.COULD_NOT_CHECK if problem.status >= 500 or problem.status == 429 else None


def _retry_after_s(response: httpx.Response) -> float:
    """How long the gateway asks to wait, in seconds; a date is not what ours write."""
    text = response.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else 0.0


def _check_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _bad_address()
    return url.rstrip("/")


def _bad_address() -> BadAddress:
    return BadAddress(
        "应为网关地址，例如 https://gateway.example。",
        "it takes the address of a gateway, for example https://gateway.example.",
    )
