"""The client against a real gateway on a real port, also one whose answers get lost on the way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.accounts.signed_request import Asked, parse_authorization
from node.client.client import Client, connect
from node.client.connection import Clock, Connection
from node.client.credentials import ApiKey, SignedRequests
from node.client.errors import NotTaken, NotUnderstood, NotVerified, OtherChain, Pending, Refused
from node.client.gateway import Gateway
from node.client.hashing import hash_file
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.number import parse_number
from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.words import OpenPoint

Live = Any
GONE = "http://127.0.0.1:1"


class Lossy(httpx.BaseTransport):
    """Brings every request to the gateway, and loses answers as `lose` says."""

    def __init__(self, lose: Callable[[int], bool]) -> None:
        self._real = httpx.HTTPTransport()
        self._lose = lose
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        response = self._real.handle_request(request)
        if self._lose(len(self.asked)):
            response.read()
            response.close()
            raise httpx.ReadTimeout("lost on the way")
        return response

    def close(self) -> None:
        self._real.close()


class Changing(httpx.BaseTransport):
    """A gateway in the middle that changes what deposits are answered."""

    def __init__(self, change: Callable[[dict[str, Any]], None]) -> None:
        self._real = httpx.HTTPTransport()
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._real.handle_request(request)
        body = response.read()
        response.close()
        if request.method == "POST":
            value = json.loads(body)
            self._change(value)
            body = json.dumps(value).encode()
        return httpx.Response(response.status_code, content=body)

    def close(self) -> None:
        self._real.close()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"合同-{number}.pdf" for number in range(3)]
    for each in found:
        each.write_bytes(each.name.encode() * 1000)
    return found


@pytest.fixture
def open_client(live: Live, world: Any) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(
        transport: httpx.BaseTransport | None = None, urls: str | list[str] | None = None
    ) -> Client:
        key = ApiKey(live.api_key.read_text().strip())
        clock = Clock(sleep=lambda _: None)
        connection = Connection(urls or live.url, key, transport=transport, clock=clock)
        anchor = Anchor(policy_text=live.policy.read_bytes())
        clients.append(Client(Gateway(connection), anchor, world.depositor))
        return clients[-1]

    yield make
    for each in clients:
        each.__exit__()


def deposits(live: Live) -> int:
    """How many statements the chain has."""
    return len(live.cluster.statements)


def test_files_are_deposited_and_every_proof_verifies(
    live: Live, world: Any, files: list[Path]
) -> None:
    policy = live.policy.read_bytes()
    api_key = live.api_key.read_text().strip()
    with connect(live.url, api_key, policy=policy, signer=world.depositor) as client:
        (batch,) = client.prepare([files[0], hash_file(files[1]), files[2]], details={"by": "me"})
        proofs = [*client.deposit(batch).proofs()]
        for file, proven in zip(files, proofs, strict=True):
            found = hash_file(file).digests
            assert verify(proven.text, Anchor(policy_text=policy), found).consistent
            public = client.proof(proven.number)
            assert (public.number, public.proof.opening) == (proven.number, None)
        ordinals = [parse_number(proven.number)[1] for proven in proofs]
        assert ordinals == [*range(ordinals[0], ordinals[0] + 3)]
        found, searched = client.look_up(proofs[0].number)
        assert found is not None
        assert found.sealed_at_ms is not None
        assert searched.height >= found.height


def test_a_fingerprint_is_enough(live: Live, world: Any, files: list[Path]) -> None:
    text = fingerprint(live.policy.read_bytes())
    api_key = live.api_key.read_text().strip()
    with connect(live.url, api_key, fingerprint=text, signer=world.depositor) as client:
        (batch,) = client.prepare(files)
        assert client.deposit(batch).proven.verdict.consistent
    with (
        connect(live.url, api_key, fingerprint="-".join(["AAAA"] * 8)) as client,
        pytest.raises(OtherChain, match="not AAAA-"),
    ):
        _ = client.origin


@pytest.mark.parametrize("given", [{}, {"policy": b"x", "fingerprint": "x"}])
def test_one_trust_anchor_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one of the two"):
        connect(GONE, **given)


def test_another_chain_gets_no_signature(live: Live, world: Any, files: list[Path]) -> None:
    other = replace(world, origin="cunzheng.test/other").policy_texts()[0]
    with (
        connect(live.url, policy=other, signer=world.depositor) as client,
        pytest.raises(OtherChain, match="nothing was signed"),
    ):
        client.prepare(files)


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_lost_answers_deposit_once(
    live: Live, open_client: Callable[..., Client], files: list[Path], lost: int
) -> None:
    """The gateway has taken each request in; the same bytes get the same number."""
    honest = open_client()
    (batch,) = honest.prepare(files)
    before = deposits(live)
    transport = Lossy(lambda number: number <= lost)
    deposited = open_client(transport).deposit(batch)
    assert len(transport.asked) > lost
    assert len({(r.headers["idempotency-key"], r.content) for r in transport.asked}) == 1
    assert deposits(live) == before + 1
    # Also under another name, as after a stop: first write wins.
    again = honest.deposit(batch, idempotency_key="another")
    assert again.proven.number == deposited.proven.number
    assert deposits(live) == before + 1


def test_lost_answers_attest_once(
    live: Live, open_client: Callable[..., Client], files: list[Path]
) -> None:
    before, transport = deposits(live), Lossy(lambda number: number in (2, 3))
    client = open_client(transport)
    (first,) = client.attest(files, idempotency_key="invoice 7".replace(" ", "-"))
    (second,) = open_client().attest(files, idempotency_key="invoice-7")
    assert deposits(live) == before + 1
    assert first.batch == second.batch
    for file, proven in zip(files, first.proofs(), strict=True):
        assert verify(
            proven.text, Anchor(policy_text=live.policy.read_bytes()), hash_file(file).digests
        ).consistent
        assert OpenPoint.O01 in proven.verdict.open_points


def test_the_other_gateway_is_asked(
    live: Live, open_client: Callable[..., Client], files: list[Path]
) -> None:
    client = open_client(urls=[GONE, live.url])
    (batch,) = client.prepare(files)
    assert client.deposit(batch).proven.verdict.consistent


def test_the_same_name_for_something_else_is_refused(
    open_client: Callable[..., Client], files: list[Path]
) -> None:
    client = open_client()
    client.attest(files[:1], idempotency_key="one")
    with pytest.raises(Refused) as refused:
        client.attest(files[1:], idempotency_key="one")
    assert refused.value.problem is not None
    assert refused.value.problem.code == "IDEMPOTENCY_MISMATCH"


def test_pending_has_a_receipt_that_verifies(
    live: Live, open_client: Callable[..., Client], files: list[Path]
) -> None:
    client = open_client()
    (batch,) = client.prepare(files)
    live.do(live.cluster.sealing.clear)
    with pytest.raises(Pending) as pending:
        client.deposit(batch, patience_s=0.1)
    assert pending.value.receipt is not None
    assert pending.value.receipt.startswith(b"cunzheng/receipt/v1 {")
    live.do(live.cluster.sealing.set)
    assert client.deposit(batch).proven.verdict.consistent


def _first(value: dict[str, Any]) -> dict[str, Any]:
    (part,) = value["statements"]
    assert isinstance(part, dict)
    return part


def _flip_proof(value: dict[str, Any]) -> None:
    part = _first(value)
    part["proof"] = part["proof"].replace("height", "heighr", 1)


def _flip_receipt(value: dict[str, Any]) -> None:
    receipt = _first(value)["receipt"]
    receipt["signed"] = receipt["signed"].replace('"accepted_at":1', '"accepted_at":2')


def _fail(value: dict[str, Any]) -> None:
    _first(value).update(state="FAILED", reason="no room", proof=None)


def _no_statement(value: dict[str, Any]) -> None:
    value["statements"] = []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_flip_proof, NotVerified),
        (_flip_receipt, NotVerified),
        (_fail, NotTaken),
        (_no_statement, NotUnderstood),
    ],
)
def test_what_does_not_verify_is_not_said(
    open_client: Callable[..., Client],
    files: list[Path],
    change: Callable[[dict[str, Any]], None],
    error: type[Exception],
) -> None:
    (batch,) = open_client().prepare(files)
    with pytest.raises(error):
        open_client(Changing(change)).deposit(batch)


def test_a_statement_about_other_files_is_not_accepted(
    open_client: Callable[..., Client], files: list[Path]
) -> None:
    """A gateway that attests something else under our name is found out by the openings."""
    kept: list[dict[str, Any]] = []
    open_client(Changing(lambda value: kept.append(dict(value)))).attest(
        files[:1], idempotency_key="first"
    )
    liar = open_client(Changing(lambda value: value.update(kept[0])))
    with pytest.raises(NotVerified, match="not about the files given"):
        liar.attest(files[1:2], idempotency_key="second")


def test_a_proof_of_another_number_is_not_returned(
    open_client: Callable[..., Client], files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client()
    (batch,) = client.prepare(files)
    numbers = [proven.number for proven in client.deposit(batch).proofs()]
    honest = Gateway.proof
    monkeypatch.setattr(
        Gateway, "proof", lambda self, _, patience_s: honest(self, numbers[0], patience_s)
    )
    with pytest.raises(NotVerified, match="another number"):
        client.proof(numbers[1])


def test_plain_digests_are_found_oldest_first(
    open_client: Callable[..., Client], files: list[Path]
) -> None:
    client, numbers = open_client(), []
    for _ in range(2):
        (batch,) = client.prepare(files[:1], mode="digest")
        numbers.append(client.deposit(batch).proven.number)
    found, searched = client.search(sha256(files[0].read_bytes()))
    assert [each.number for each in found] == numbers
    assert searched.complete


def test_who_signs_requests_signs_each_anew() -> None:
    signer, asked = Signer(bytes(range(32))), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503 if len(asked) == 1 else 200, json={})

    connection = Connection(
        "https://gateway.test/base",
        SignedRequests(signer, "cunzheng.test/x", now_ms=lambda: 1_790_000_000_000),
        transport=httpx.MockTransport(answer),
        clock=Clock(sleep=lambda _: None),
    )
    connection.ask_json(
        "POST",
        "/v1/anchors",
        5,
        params={"wait": "none"},
        content=b"body",
        headers={"idempotency-key": "order-7"},
    )
    signed = [parse_authorization(each.headers["authorization"]) for each in asked]
    for each in signed:
        target = "/base/v1/anchors?wait=none"
        each.verify(Asked("cunzheng.test/x", "POST", target, sha256(b"body"), "order-7"))
    assert len({each.nonce for each in signed}) == 2
