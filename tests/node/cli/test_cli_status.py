"""`cunzheng status`, and what every command says of the address of a gateway."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node import member_pb2 as pb
from node.cli import status
from node.cli.connecting import connect
from node.cli.terminal import Terminal

Live, Run = Any, Any


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
        with connect(url, Terminal("en", for_programs=False), "czk_"):
            assert ("can be read on the way" in capsys.readouterr().err) == warned, url


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


HEALTH = pb.HealthNote(serial=7, kind="periodic", to_ms=1_790_000_000_500, alarms=["disk: full"])


@pytest.mark.parametrize("asked", ["member", "gateway"])
@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "court: health record 7 (periodic) was written 90 s ago, alarms: 1"),
        ("zh", "court: 最近的运行记录第 7 号（定期）写于 90 秒前，告警 1 项"),
    ],
)
def test_the_newest_health_record_is_told(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, asked: str, language: Any, told: str
) -> None:
    monkeypatch.setattr(status.time, "time", lambda: 1_790_000_090.9)
    overview = status.told_by(pb.StatusResponse(member="court", role="leader", health=HEALTH))
    if asked == "gateway":
        member = {"member": "court", "role": "leader", "height": 5, "sealed_height": 5}
        health = {"serial": 7, "kind": "periodic", "to_ms": 1_790_000_000_500, "alarms": ["x"]}
        members = [{**member, "alarms": [], "health": health}]
        value = {"ready": True, "leader": "court", "members": members, "unreachable": []}
        overview = status._from_gateway(value)
    status._print(overview, Terminal(language, for_programs=False))
    assert told in capsys.readouterr().out


def test_a_member_that_has_written_no_health_record_says_nothing_of_it(capsys: Any) -> None:
    overview = status.told_by(pb.StatusResponse(member="court", role="leader"))
    assert overview.rows[0].health is None
    status._print(overview, Terminal("en", for_programs=False))
    assert "health record" not in capsys.readouterr().out
