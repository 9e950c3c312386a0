"""The client of the gateway: what it repeats, and that it believes nothing. Plus status."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from node import member_pb2 as pb
from node.cli import client as module
from node.cli import status
from node.cli.client import Clock, GatewayClient
from node.cli.failure import Failure
from node.cli.terminal import Terminal
from node.evidence.keys import ED25519, Signature
from node.words import Answer, State

Live, Run = Any, Any
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
def connect(time: FakeTime) -> Iterator[Callable[[Handler], GatewayClient]]:
    clients: list[GatewayClient] = []

    def make(handler: Handler) -> GatewayClient:
        terminal = Terminal("en", for_programs=True)
        transport = httpx.MockTransport(handler)
        clients.append(
            GatewayClient("https://gateway.test/", terminal, "czk_", transport, time.clock)
        )
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


def deposit(gateway: GatewayClient, patience_s: float = 60) -> module.Part:
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
    with pytest.raises(Failure) as failed:
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
    with pytest.raises(Failure) as failed:
        deposit(connect(handler))
    assert failed.value.nothing_taken is nothing_taken


def test_what_can_never_succeed_is_not_repeated(connect: Any) -> None:
    problem = {"title": "T", "detail": "D.", "code": "KEY_NOT_ENROLLED"}
    asked, handler = answers(httpx.Response(403, json=problem))
    with pytest.raises(Failure) as failed:
        deposit(connect(handler))
    assert len(asked) == 1
    assert failed.value.exit_code == 70
    assert failed.value.code == "KEY_NOT_ENROLLED"
    assert failed.value.text.en == "the gateway refused: T. D."


@pytest.mark.parametrize(
    ("status", "document", "exit_code"),
    [
        (404, {"result_code": "V101"}, 40),
        (409, {"result_code": "V100"}, 50),
        (422, {"result_code": "V104"}, 2),
        (503, {"result_code": "V502"}, 80),
        (401, {}, 70),
        (422, {}, 2),
        (500, {}, 80),
        (404, {"result_code": "V999"}, 2),
    ],
)
def test_problems_have_the_exit_code_of_their_answer(
    connect: Any, status: int, document: dict[str, str], exit_code: int
) -> None:
    _, handler = answers(httpx.Response(status, json=document))
    with pytest.raises(Failure) as failed:
        connect(handler).proof("EV1", 0)
    assert failed.value.exit_code == exit_code


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
    with pytest.raises(Failure) as failed:
        deposit(connect(handler))
    assert failed.value.answer is Answer.COULD_NOT_CHECK
    assert "cannot be understood" in failed.value.text.en
    assert len(asked) == 1


def test_a_compressed_answer_is_not_unpacked(connect: Any) -> None:
    """Packed twice, two kilobytes are a gigabyte."""
    packed = gzip.compress(gzip.compress(bytes(1_000_000)))

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        stream = httpx.ByteStream(packed)
        return httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=stream)

    with pytest.raises(Failure, match="compressed"):
        connect(handler).proof("EV1", 0)


@pytest.mark.parametrize("text", ["no policy", "\ud800", 7])
def test_a_policy_that_is_none_is_the_gateways_fault(connect: Any, text: object) -> None:
    body = json.dumps({"policy_text": text})
    _, handler = answers(httpx.Response(200, content=body.encode("ascii")))
    with pytest.raises(Failure, match="cannot be understood") as failed:
        connect(handler).policy_text(0)
    assert failed.value.answer is Answer.COULD_NOT_CHECK


def test_an_answer_by_the_drop_is_cut(connect: Any, time: FakeTime) -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            time.now += 1
            yield b" "

    with pytest.raises(Failure, match="does not answer"):
        connect(lambda _: httpx.Response(200, content=dripping())).proof("EV1", 0)
    assert time.now < 200


def test_an_endless_answer_is_cut(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SIZE_MAX", 1000)

    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(100)

    with pytest.raises(Failure, match="more than 1000 bytes"):
        connect(lambda _: httpx.Response(200, content=endless())).proof("EV1", 0)


@pytest.mark.parametrize("url", ["", "gateway", "ftp://gateway", "http://", "https://[::1", "/tmp"])
def test_an_address_that_is_none(run: Run, url: str) -> None:
    outcome = run("status", "--gateway", url)
    assert outcome.exit_code == 2
    assert "https://gateway.example" in outcome.err


def test_an_api_key_in_the_clear_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    for url, warned in (
        ("http://gateway.test", True),
        ("https://gateway.test", False),
        ("http://127.0.0.1:8001", False),
        ("http://[::1]:8001", False),
        ("http://localhost:8001", False),
    ):
        with GatewayClient(url, Terminal("en", for_programs=False), "czk_"):
            assert ("can be read on the way" in capsys.readouterr().err) == warned, url


# status


def test_status_of_a_gateway(live: Live, run: Run) -> None:
    outcome = run("status", "--gateway", live.url)
    assert outcome.exit_code == 0
    assert outcome.out.startswith("Ready")
    assert "court     leader" in outcome.out
    assert outcome.out.endswith("leader court\n")
    value = run("status", "--gateway", live.url, "--json").json
    assert value["ready"] is True
    assert [row["member"] for row in value["rows"]] == ["court", "forensic", "notary"]


def test_status_without_a_leader_is_not_ready(live: Live, run: Run) -> None:
    live.cluster.leader = None
    stop = asyncio.run_coroutine_threadsafe(live.cluster.members["notary"].stop(), live.loop)
    stop.result()
    outcome = run("status", "--gateway", live.url)
    assert outcome.exit_code == 80
    assert outcome.out.startswith("Not ready")
    assert "notary    no answer" in outcome.out


def test_status_while_nobody_seals_is_not_ready(
    live: Live, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a leader and everybody answers, but nothing becomes final."""
    monkeypatch.setattr(status, "SEAL_S", 0.0)
    live.cluster.sealing.clear()
    outcome = run("status", "--gateway", live.url)
    assert outcome.exit_code == 80
    assert outcome.out.startswith("Not ready")
    assert "sealed by a quorum: 0 of 2 blocks" in outcome.out


def test_status_waits_for_a_block_under_way() -> None:
    """What was the newest block when it was asked counts, not what came since."""
    rows = [status.Row("court", "leader", height, height - 1, ()) for height in (5, 6)]
    answers = iter(status.Overview(True, "court", (row,)) for row in rows)
    assert status.watched(lambda: next(answers)).ready


def test_status_asks_a_member_again_in_the_same_loop(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What gRPC still owed to a loop that is closed would fail in the next one."""
    loops: list[object] = []

    async def ask(path: Path) -> status.Overview:
        loops.append(asyncio.get_running_loop())
        row = status.Row("court", "leader", height=5, sealed_height=2 + len(loops), alarms=())
        return status.Overview(True, "court", (row,))

    monkeypatch.setattr(status, "_from_member", ask)
    assert run("status", "--config", tmp_path / "member.toml").exit_code == 0
    assert len(loops) == 3
    assert len({id(loop) for loop in loops}) == 1


@pytest.mark.parametrize(
    ("role", "ready", "voters", "learners"),
    [
        ("follower", True, ("court", "notary"), ("forensic",)),
        ("learner", True, ("notary",), ("court", "forensic")),
        ("recalling", True, (), ()),
        ("removed", False, (), ()),
    ],
)
def test_status_says_who_votes_as_far_as_the_member_knows(
    role: str, ready: bool, voters: tuple[str, ...], learners: tuple[str, ...]
) -> None:
    """One that was removed hears nothing any more; what it knows of may be long past."""
    peers = [pb.Peer(member="notary", voter=True), pb.Peer(member="forensic")]
    told = status.told_by(
        pb.StatusResponse(member="court", role=role, leader="notary", peers=peers)
    )
    assert (told.ready, told.leader) == (ready, "notary")
    assert (told.voters, told.learners) == (voters, learners)


def test_status_of_nobody(run: Run, tmp_path: Path) -> None:
    assert run("status", "--gateway", "http://127.0.0.1:1").exit_code == 80
    assert run("status", "--config", tmp_path / "absent.toml").exit_code == 2
    assert run("status").exit_code == 2


def test_status_at_a_member_itself(
    live: Live, run: Run, fakes: Any, tmp_path: Path, key_file: Callable[[str], Path]
) -> None:
    """The member's own certificate opens its own door."""
    own = fakes.make_tls("court")
    member = fakes.FakeMember("court", live.cluster)
    start = member.start({"court": own, "gateway": own})
    asyncio.run_coroutine_threadsafe(start, live.loop).result()
    (tmp_path / "tls.pem").write_bytes(own.certificate)
    (tmp_path / "tls.key").write_bytes(own.private_key)
    (tmp_path / "tls.key").chmod(0o600)
    settings = tmp_path / "member.toml"
    settings.write_text(
        f'member = "court"\ndata = "data"\ngenesis = "genesis.txt"\n'
        f'listen = "127.0.0.1:{member.port}"\ncertificate = "tls.pem"\nprivate_key = "tls.key"\n'
        f'log_key = "{key_file("log")}"\nwitness_key = "{key_file("witness")}"\ngateways = []\n'
    )
    value = run("status", "--config", settings, "--json").json
    assert [(row["member"], row["role"]) for row in value["rows"]] == [("court", "leader")]
    asyncio.run_coroutine_threadsafe(member.stop(), live.loop).result()
    outcome = run("status", "--config", settings)
    assert outcome.exit_code == 80
    assert "court   no answer" in outcome.out
