"""Sends one message: to the address that was judged, no further, and not for long.

The name is looked up here and the connection made to the very address that was judged, so that a
name which resolves to another one a moment later changes nothing. Certificates are checked against
the name. Redirects are not followed, no proxy is asked, and of the answer only its status is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx

from node.webhooks.reach import BadUrl, may_reach, parse_url
from node.webhooks.schedule import SEND_TIMEOUT_S

CONNECTIONS_MAX = 64
"""At once; more wait for their turn."""


@cache
def _trusted() -> ssl.SSLContext:
    """The certificate authorities of the web. Reading all of them takes a while."""
    return httpx.create_ssl_context(trust_env=False)


class NotDelivered(Exception):
    """No answer. `code` says why: ADDRESS_REFUSED, NAME_UNKNOWN, UNREACHABLE or TIMEOUT."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Poster:
    """Use as an async context manager. Owned by one event loop."""

    def __init__(self, *, public_only: bool, timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._public_only = public_only
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None
        # Whose names they are decides how long a lookup takes, and nobody can end one: threads of
        # their own, or a few slow names would keep the gateway's other work waiting.
        self._lookups = ThreadPoolExecutor(CONNECTIONS_MAX, "webhook-names")

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
            timeout=self._timeout_s,
            limits=limits,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._client is not None
        await self._client.aclose()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer; raises `NotDelivered`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, body, headers)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NotDelivered("TIMEOUT") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered("UNREACHABLE") from error

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        assert self._client is not None, "send only while running"
        try:
            target = parse_url(url, public_only=self._public_only)
        except BadUrl as error:
            raise NotDelivered("ADDRESS_REFUSED") from error
        address = await self._resolve(target.host, target.port)
        there = httpx.URL(url)
        request = self._client.build_request(
            "POST",
            there.copy_with(host=address),
            content=body,
            headers={**headers, "Host": there.netloc.decode(), "Content-Type": "application/json"},
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return response.status_code

    async def _resolve(self, host: str, port: int) -> str:
        """The first of the addresses; refused if any of them may not be sent to."""
        try:
            look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            found = await asyncio.get_running_loop().run_in_executor(self._lookups, look_up)
        except (OSError, UnicodeError) as error:  # The latter of labels no name can have.
            raise NotDelivered("NAME_UNKNOWN") from error
        addresses = [str(each[4][0]) for each in found]
        judged = (ip_address(each.partition("%")[0]) for each in addresses)
        if not all(may_reach(each, public_only=self._public_only) for each in judged):
            raise NotDelivered("ADDRESS_REFUSED")
        return addresses[0]
