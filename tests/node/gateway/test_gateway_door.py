"""What happens to every request: its id, its line in the log, its headers, its rate, its origin."""

import asyncio
import logging
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from node.config import RateLimits
from node.gateway.app import create_app
from node.gateway.http.door import came_from
from node.gateway.http.limits import REMEMBER_MAX, Limits

pytestmark = pytest.mark.anyio

NUMBER = "/v1/evidence/EV20260922000000000000-00"


def http(gateway: Any, address: str = "192.0.2.1", **changes: Any) -> httpx.AsyncClient:
    """Somebody without a credential at this address."""
    app = create_app(replace(gateway, **changes))
    transport = httpx.ASGITransport(app, client=(address, 4711), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway.test")


def lines(caplog: Any) -> list[dict[str, Any]]:
    names = ("method", "route", "status", "account", "ms")
    return [
        {name: getattr(record, name) for name in names if hasattr(record, name)}
        for record in caplog.records
        if record.name == "node.gateway.requests" and record.message == "request"
    ]


async def test_an_id_is_taken_or_given_and_told(client: Any) -> None:
    """In the answer and in a problem."""
    response = await client.get(NUMBER, headers={"x-request-id": "my-own-id.1"})
    assert response.headers["x-request-id"] == "my-own-id.1"
    assert response.json()["request_id"] == "my-own-id.1"
    given = [(await client.get(path)).headers["x-request-id"] for path in ("/healthz", "/nothing")]
    assert len(set(given)) == 2
    bad = await client.get("/healthz", headers={"x-request-id": "<script>alert(1)</script>"})
    assert len(bad.headers["x-request-id"]) == 32


async def test_members_are_told_the_same_id(client: Any, cluster: Any, tls: Any) -> None:
    """So that what they log about it is found by it."""
    heard = []
    for member in cluster.members.values():
        handle = member._checkpoint

        async def checkpoint(request: Any, context: Any, handle: Any = handle) -> Any:
            heard.append(dict(context.invocation_metadata()).get("cunzheng-request-id"))
            return await handle(request, context)

        await member.stop()
        member._checkpoint = checkpoint
        await member.start(tls)
    response = await client.get("/v1/policy", headers={"x-request-id": "my-own-id.1"})
    assert response.status_code == 200
    assert "my-own-id.1" in heard


async def test_one_line_a_request_that_says_nothing_of_it(client: Any, caplog: Any) -> None:
    """Method, route, status, time, account: no path, no digest, no key, no address."""
    caplog.set_level(logging.INFO)
    digest = "ab" * 32
    answer = await client.anchor({"digests": {"sha256": digest}, "size": 3})
    assert answer.status_code == 201
    await client.get(f"/v1/evidence?digest={digest}&alg=sha256")
    await client.get("/nothing/13800000000")
    found = lines(caplog)
    assert [(each["method"], each["route"], each["status"]) for each in found] == [
        ("POST", "/v1/anchors", 201),
        ("GET", "/v1/evidence", 200),
        ("GET", "none", 404),
    ]
    assert found[0]["account"] == found[1]["account"]
    assert "account" not in found[2]
    said = "".join(str(record.__dict__) for record in caplog.records if "requests" in record.name)
    key = client.http.headers["authorization"].partition(" ")[2]
    assert not [each for each in (digest, "13800000000", key, "127.0.0.1") if each in said]


async def test_every_answer_keeps_browsers_still(client: Any) -> None:
    for path in ("/healthz", "/nothing", "/v1/policy", "/docs", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
        assert ("script-src" in headers["content-security-policy"]) == (path == "/docs")
        assert "server" not in headers


async def test_over_tls_it_asks_for_tls(gateway: Any) -> None:
    async with http(gateway, only_tls=True) as browser:
        headers = (await browser.get("/healthz")).headers
    assert headers["strict-transport-security"].startswith("max-age=")


async def test_a_bug_is_told_with_its_id_and_without_itself(client: Any, caplog: Any) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a secret")

    object.__setattr__(client.gateway, "check_proof", fail)
    object.__setattr__(client.gateway, "members", None)
    response = await client.get("/v1/policy", headers={"x-request-id": "what-happened"})
    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "INTERNAL")
    assert (problem["request_id"], response.headers["x-request-id"]) == ("what-happened",) * 2
    assert response.headers["x-content-type-options"] == "nosniff"
    (bug,) = [record for record in caplog.records if record.message == "a bug"]
    assert bug.error == "AttributeError"
    assert bug.at[-1].startswith("node/gateway/")


# Rates.


FEW = RateLimits(anonymous_per_minute=60, anonymous_burst=3, account_per_minute=60, account_burst=5)


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_an_address_has_its_rate(gateway: Any) -> None:
    """The limit is named and says when to come again; others go on."""
    clock = Seconds()
    limits = Limits(FEW, clock)
    async with (
        http(gateway, limits=limits) as one,
        http(gateway, "192.0.2.2", limits=limits) as two,
    ):
        for _ in range(3):
            assert (await one.get("/healthz")).status_code == 200
        refused = await one.get("/healthz", headers={"accept-language": "zh"})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["code"] == "RATE_LIMITED"
        assert "rate_limits.anonymous_per_minute" in refused.json()["detail"]
        assert "x-request-id" in refused.headers
        assert (await two.get("/healthz")).status_code == 200
        clock.now += 1
        assert (await one.get("/healthz")).status_code == 200
        assert (await one.get("/healthz")).status_code == 429


async def test_an_account_has_its_rate_wherever_it_comes_from(client: Any, gateway: Any) -> None:
    limits, headers = Limits(FEW, Seconds()), dict(client.http.headers)
    statuses = []
    for number in range(6):
        async with http(gateway, f"192.0.2.{number}", limits=limits) as browser:
            response = await browser.get("/v1/account", headers=headers)
            statuses.append(response.status_code)
    assert statuses == [200] * 5 + [429]
    assert "rate_limits.account_per_minute" in response.json()["detail"]


async def test_a_bad_credential_is_none(gateway: Any) -> None:
    """Neither guessing keys nor a header nobody looks at gets round the limit of an address."""
    for path, status in (("/v1/account", 401), ("/healthz", 200)):
        limits = Limits(FEW, Seconds())
        async with http(gateway, limits=limits) as browser:
            statuses = [
                (await browser.get(path, headers={"authorization": f"Bearer {n}"})).status_code
                for n in range(8)
            ]
            assert statuses == [status] * 6 + [429] * 2
            assert (await browser.get("/healthz")).status_code == 429


async def test_requests_side_by_side_are_no_way_round_it(client: Any, gateway: Any) -> None:
    limits = Limits(FEW, Seconds())
    async with http(gateway, limits=limits) as browser:
        nobody, somebody = {"authorization": "Bearer 1"}, dict(client.http.headers)
        answers = await asyncio.gather(
            *(browser.get("/v1/policy", headers=nobody) for _ in range(8))
        )
        assert sorted(each.status_code for each in answers) == [200] * 6 + [429] * 2
    async with http(gateway, limits=Limits(FEW, Seconds())) as browser:
        for _ in range(2):
            answers = await asyncio.gather(
                *(browser.get("/v1/account", headers=somebody) for _ in range(2))
            )
            assert [each.status_code for each in answers] == [200, 200]
        assert [(await browser.get("/healthz")).status_code for _ in range(4)] == [200] * 3 + [429]


def test_what_is_remembered_is_bounded() -> None:
    clock = Seconds()
    limits = Limits(FEW, clock)
    for number in range(REMEMBER_MAX):
        limits.take_for_address(str(number))
    clock.now += 60
    limits.take_for_address("one more")
    assert len(limits._addresses) == 1
    assert limits.take_for_address("2001:db8::1") == 0
    assert len(limits._addresses) == 2
    limits.take_for_address("2001:db8::ffff")
    assert len(limits._addresses) == 2
    for same in ("192.0.2.1", "::ffff:192.0.2.1"):
        limits.take_for_address(same)
        assert len(limits._addresses) == 3
    limits.take_for_address("::ffff:192.0.2.2")
    assert len(limits._addresses) == 4


# Who sent it.


TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", ["198.51.100.7"], ("192.0.2.1", 9)),
        ("10.0.0.1", [], ("10.0.0.1", 9)),
        ("10.0.0.1", ["198.51.100.7"], ("198.51.100.7", 0)),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], ("198.51.100.7", 0)),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7, 10.0.0.2"], ("198.51.100.7", 0)),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], ("10.0.0.3", 0)),
        ("10.0.0.1", ["203.0.113.9, nonsense"], ("10.0.0.1", 9)),
        ("2001:db8::1", ["203.0.113.9"], ("203.0.113.9", 0)),
    ],
)
def test_only_proxies_of_ours_are_believed(
    peer: str, forwarded: list[str], expected: tuple[str, int]
) -> None:
    assert came_from((peer, 9), forwarded, TRUSTED) == expected
    assert came_from((peer, 9), forwarded, ()) == (peer, 9)
    assert came_from(None, forwarded, TRUSTED) is None


async def test_the_rate_is_that_of_who_is_behind_the_proxy(gateway: Any) -> None:
    changes = {"limits": Limits(FEW, Seconds()), "trusted_proxies": TRUSTED}
    async with http(gateway, "10.0.0.1", **changes) as proxy:
        for host in ("198.51.100.7", "198.51.100.8"):
            statuses = [
                (await proxy.get("/healthz", headers={"x-forwarded-for": host})).status_code
                for _ in range(4)
            ]
            assert statuses == [200] * 3 + [429]
