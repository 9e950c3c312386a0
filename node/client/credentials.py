"""Who asks: an API key, or a signature by a key registered for the account (docs/accounts.md)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator

import httpx

from node.accounts.signed_request import NONCE_SIZE, Asked, format_authorization, sign_request
from node.evidence.digests import sha256
from node.evidence.keys import Signer


class ApiKey(httpx.Auth):
    """The key an operator made for the account."""

    def __init__(self, api_key: str) -> None:
        self._header = f"Bearer {api_key}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = self._header
        yield request


class SignedRequests(httpx.Auth):
    """Every request signed anew with the account's own key, for the chain named `origin`."""

    requires_request_body = True

    def __init__(
        self,
        signer: Signer,
        origin: str,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._signer = signer
        self._origin = origin
        self._now_ms = now_ms
        self._random = random

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        target = request.url.raw_path.decode("ascii")
        body, key = sha256(request.content), request.headers.get("idempotency-key")
        asked = Asked(self._origin, request.method, target, body, key)
        signed = sign_request(self._signer, asked, self._now_ms(), self._random(NONCE_SIZE))
        request.headers["authorization"] = format_authorization(signed)
        yield request
