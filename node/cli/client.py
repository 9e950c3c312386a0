"""Talks to a gateway over HTTP, and to nothing else.

Nothing a gateway says is trusted further than its bytes go: answers are read within a limit, their
fields are checked, and proofs are verified by whoever asked. A request that may be repeated safely
(all of them: a statement's bytes can be deposited only once) is repeated while the gateway is
unreachable or busy, for as long as the caller has patience.
"""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx

from node.cli.failure import Failure
from node.cli.files import read_limited
from node.cli.terminal import Terminal
from node.evidence.enrolment import KeyRecord, parse_key_record
from node.evidence.keys import PublicKey, Signature, format_signature
from node.evidence.malformed import Malformed
from node.evidence.policy import parse_policy
from node.evidence.succession import Succession, parse_policies
from node.words import Answer, ResultCode, State

ANSWER_SIZE_MAX = 17 << 20
"""A bundle of the longest entries; a proof of 4 MiB inside JSON, every byte of it escaped."""
REQUEST_TIMEOUT_S = 30.0
"""The gateway answers within the time it is asked to wait, so this is a dead connection."""
ANSWER_TIMEOUT_S = 120.0
"""For a whole answer, however steadily a few bytes of it arrive."""
WAIT_MS = 5_000
"""How long one request lets the gateway wait for the seals before it asks again."""
PAUSE_S_MIN = 0.2
PAUSE_S_MAX = 3.0
API_KEY_SIZE_MAX = 1_024

_TAKEN_AND_FAILED = "RECORD_SKIPPED"
_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as an argument: tests do not wait."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Part:
    """One statement as the gateway answered about it: how far it is, and its first proof.

    `receipt` is as it came: nothing in it has been checked.
    """

    state: State
    proof: bytes | None
    reason: str
    receipt: Mapping[str, Any] | None = None


class GatewayClient:
    """One gateway. Use as a context manager."""

    def __init__(
        self,
        url: str,
        terminal: Terminal,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._terminal = terminal
        self._clock = clock or Clock()
        # Not compressed: a few bytes of answer could unpack to more than this machine has.
        headers = {"accept-language": terminal.language, "accept-encoding": "identity"}
        if api_key is not None:
            headers["authorization"] = f"Bearer {api_key}"
        self._url = _check_url(url, terminal, secret=api_key is not None)
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=REQUEST_TIMEOUT_S, transport=transport
        )

    def __enter__(self) -> GatewayClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def policy_text(self, patience_s: float) -> bytes:
        """The policy in force, as this gateway has it: not a trust anchor, only what it says."""
        text = _encoded(_text(self._json("GET", "/v1/policy", patience_s), "policy_text"))
        try:
            parse_policy(text)
        except Malformed as error:
            raise self._nonsense(str(error)) from error
        return text

    def deposit(
        self,
        statement: bytes,
        signature: Signature,
        packed: bytes,
        *,
        idempotency_key: str,
        plain: bool,
        patience_s: float,
    ) -> Part:
        """Deposit one statement; sending the same again later asks for how far it has come."""
        until_s, answered = self._clock.now_s() + patience_s, False
        while True:
            left_s = max(until_s - self._clock.now_s(), 0.0)
            query = {"wait": "final", "wait_ms": str(min(WAIT_MS, int(left_s * 1000)))}
            if plain:
                query["plain_declaration"] = "true"
            headers = {
                "content-type": "application/octet-stream",
                "idempotency-key": idempotency_key,
                "cunzheng-statement": base64.b64encode(statement).decode(),
                "cunzheng-signature": format_signature(signature),
            }
            request: dict[str, Any] = {"params": query, "content": packed, "headers": headers}
            try:
                value = self._json("POST", "/v1/anchors:batch", left_s, **request)
            except Failure as failure:
                failure.nothing_taken &= not answered
                raise
            part, answered = _part(value), True
            if part.state in (State.FINAL, State.FAILED) or self._clock.now_s() >= until_s:
                return part
            self._clock.sleep(PAUSE_S_MIN)

    def proof(self, number: str, patience_s: float) -> bytes:
        """The proof of an evidence number in public form."""
        return self._request("GET", f"/v1/evidence/{number}/proof", patience_s)

    def hand_in(
        self, record: bytes, authority: PublicKey, signature: Signature, patience_s: float
    ) -> dict[str, Any]:
        """A key record signed by an enrolling authority, onto the chain."""
        body = {
            "record": record.decode("ascii"),
            "authority": authority.text,
            "signature": format_signature(signature),
        }
        headers = {"content-type": "application/json"}
        return self._json("POST", "/v1/keys", patience_s, content=json.dumps(body), headers=headers)

    def policies(self, patience_s: float) -> Succession:
        """All policies of the chain as this gateway has them, each following the one before it."""
        try:
            return parse_policies(self._request("GET", "/v1/policies", patience_s))
        except Malformed as error:
            raise self._nonsense(str(error)) from error

    def submit_policy(self, note: bytes, patience_s: float) -> dict[str, Any]:
        """A signed policy note, onto the chain."""
        headers = {"content-type": "text/plain"}
        return self._json("POST", "/v1/policies", patience_s, content=note, headers=headers)

    def key_records(self, key: PublicKey, patience_s: float) -> tuple[list[KeyRecord], int]:
        """What the chain has about a key as this gateway tells it, and the next serial."""
        value = self._json("GET", "/v1/keys", patience_s, params={"key": key.text})
        told, serial = value.get("records"), value.get("next_serial")
        if not isinstance(told, list) or not isinstance(serial, int) or serial < 1:
            raise self._nonsense("no list of records")
        try:
            records = [
                parse_key_record(_encoded(_text(each, "record")))
                for each in told
                if isinstance(each, dict)
            ]
        except Malformed as error:
            raise self._nonsense(str(error)) from error
        return records, serial

    def part(self, path: str, patience_s: float) -> bytes | None:
        """A part of the published log (docs/published-log.md), or None if it is not there. The
        address may as well be that of a web server with an archive."""
        status, body = self._ask("GET", f"/{path}", patience_s, accept=(200, 404))
        return body if status == 200 else None

    def ready(self) -> dict[str, Any]:
        """Whether deposits can become final now, and how the members are; a 503 says it too."""
        return self._parse(self._request("GET", "/readyz", 0, accept=(200, 503)))

    def _json(self, method: str, path: str, patience_s: float, **request: Any) -> dict[str, Any]:
        return self._parse(self._request(method, path, patience_s, **request))

    def _request(
        self,
        method: str,
        path: str,
        patience_s: float,
        accept: tuple[int, ...] = (200, 201, 202),
        **request: Any,
    ) -> bytes:
        """The body of an answer of these statuses."""
        return self._ask(method, path, patience_s, accept, **request)[1]

    def _ask(
        self,
        method: str,
        path: str,
        patience_s: float,
        accept: tuple[int, ...],
        **request: Any,
    ) -> tuple[int, bytes]:
        """Status and body of an answer; repeats while there is reason and patience."""
        until_s, pause_s = self._clock.now_s() + patience_s, PAUSE_S_MIN
        while True:
            failure, again = self._unreachable("?"), True
            try:
                with self._http.stream(method, path, **request) as response:
                    body = self._read(response)
                if response.status_code in accept:
                    return response.status_code, body
                failure, again = self._refused(response, body), response.status_code in _AGAIN
                # After a doubtful first try the gateway may have taken what it now refuses.
                failure.nothing_taken &= pause_s == PAUSE_S_MIN
            except httpx.TransportError as error:
                failure = self._unreachable(str(error) or type(error).__name__)
            if not again or self._clock.now_s() + pause_s > until_s:
                raise failure
            if pause_s == PAUSE_S_MIN:
                self._terminal.note(
                    f"{failure.text.zh} 正在重试……", f"{failure.text.en} Trying again ...", "yellow"
                )
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    def _read(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._nonsense("compressed, which was not asked for")
        body, until_s = bytearray(), self._clock.now_s() + ANSWER_TIMEOUT_S
        for chunk in response.iter_bytes():
            body += chunk
            if self._clock.now_s() > until_s:
                raise httpx.ReadTimeout("the answer does not end")
            if len(body) > ANSWER_SIZE_MAX:
                raise self._nonsense(f"more than {ANSWER_SIZE_MAX} bytes")
        return bytes(body)

    def _refused(self, response: httpx.Response, body: bytes) -> Failure:
        """The gateway's problem document (RFC 9457) as our failure."""
        try:
            problem = self._parse(body)
        except Failure:
            return self._nonsense(f"HTTP {response.status_code}")
        title, detail, code = (str(problem.get(key, "")) for key in ("title", "detail", "code"))
        result = problem.get("result_code")
        text = f"{title}。{detail}" if self._terminal.language == "zh" else f"{title}. {detail}"
        failure = Failure(
            f"网关拒绝了请求：{text}",
            f"the gateway refused: {text}",
            _answer(response.status_code, result),
            code=code or None,
        )
        failure.nothing_taken = response.status_code < 500 and code not in ("", _TAKEN_AND_FAILED)
        return failure

    def _unreachable(self, why: str) -> Failure:
        return Failure(
            f"网关 {self._url} 没有应答（{why}）；请检查地址、网络及网关是否运行。",
            f"the gateway {self._url} does not answer ({why}); check the address, the network, "
            "and whether it runs.",
            Answer.COULD_NOT_CHECK,
        )

    def _nonsense(self, why: str) -> Failure:
        return _nonsense(f"{self._url}: {why}")

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._nonsense("not JSON") from error
        if not isinstance(value, dict):
            raise self._nonsense("not a JSON object")
        return value


def read_api_key(path: Path | None, terminal: Terminal) -> str | None:
    """The key of a file with one line, `czk_...`; warns of one that others can read."""
    if path is None:
        return None
    text = read_limited(path, API_KEY_SIZE_MAX).decode("ascii", "replace").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Failure(
            f"{path} 不是 API 密钥文件：应只有一行，即网关运营方给出的密钥（czk_ 开头）。",
            f"{path} is no API key file: it holds one line, the key (czk_...) that the operator "
            "of the gateway gave you.",
        )
    # No refusal, as for a signing key: the operator can replace this key, and it signs nothing.
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        terminal.note(
            f"警告：API 密钥文件 {path} 可被他人读取；请运行 chmod 600 {path}。",
            f"warning: the API key file {path} can be read by others; run chmod 600 {path}.",
            "bold yellow",
        )
    return text


def _check_url(url: str, terminal: Terminal, *, secret: bool) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Failure(
            "--gateway 应为网关地址，例如 https://gateway.example。",
            "--gateway takes the address of a gateway, for example https://gateway.example.",
        )
    if secret and parsed.scheme == "http" and not _is_here(parsed.host):
        terminal.note(
            "警告：以 http 连接其他机器，API 密钥可被沿途读取；请使用 https。",
            "warning: over http to another machine, your API key can be read on the way; use "
            "https.",
            "bold yellow",
        )
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(status: int, result: object) -> Answer | None:
    if isinstance(result, str) and result in ResultCode.__members__:
        answer = ResultCode[result].answer
        # A statement for another chain is a wrong request; there is no proof to speak of.
        return None if answer is Answer.PROOF_NOT_VALID else answer
    if status in (401, 403):
        return Answer.NO_PERMISSION
    return Answer.COULD_NOT_CHECK if status >= 500 or status == 429 else None


def _part(value: dict[str, Any]) -> Part:
    parts = value.get("statements")
    if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
        raise _nonsense("not one statement")
    part, state = parts[0], _text(parts[0], "state")
    proof, receipt = part.get("proof"), part.get("receipt")
    if state not in State.__members__:
        raise _nonsense("no state")
    if state == State.FINAL.name and not isinstance(proof, str):
        raise _nonsense("final without a proof")
    return Part(
        state=State[state],
        proof=_encoded(proof) if isinstance(proof, str) else None,
        reason=str(part.get("reason") or ""),
        receipt=receipt if isinstance(receipt, dict) else None,
    )


def _text(value: Mapping[str, Any], field: str) -> str:
    found = value.get(field)
    if not isinstance(found, str):
        raise _nonsense(f"no `{field}`")
    return found


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # JSON can spell half a character.
        raise _nonsense("not UTF-8") from error


def _nonsense(why: str) -> Failure:
    return Failure(
        f"网关的应答无法理解（{why}）；请检查地址是否为接入网关，或使用新版程序。",
        f"the gateway's answer cannot be understood ({why}); check that the address is a "
        "gateway's, or use a newer program.",
        Answer.COULD_NOT_CHECK,
    )
