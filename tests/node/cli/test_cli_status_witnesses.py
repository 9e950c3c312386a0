"""`cunzheng status` tells how far each witness has come, and how long ago."""

from pathlib import Path
from typing import Any

import pytest

from node import member_pb2 as pb
from node.cli import status
from node.cli.main import main
from node.cli.status import Overview
from node.cli.terminal import Terminal

TOLD = pb.StatusResponse(
    member="court",
    role="leader",
    leader="court",
    applied=5,
    sealed_height=5,
    witnesses=[
        pb.Witness(name="w.example/a", size=42, time_s=1_790_000_000),
        pb.Witness(name="w.example/b"),
    ],
)
FROM_GATEWAY = {
    "ready": True,
    "leader": "court",
    "unreachable": [],
    "members": [
        {
            "member": "court",
            "role": "leader",
            "height": 5,
            "sealed_height": 5,
            "alarms": [],
            "witnesses": [
                {"name": "w.example/a", "size": 42, "time_s": 1_790_000_000},
                {"name": "w.example/b", "size": 0, "time_s": 0},
            ],
        }
    ],
}


@pytest.mark.parametrize("asked", ["member", "gateway"])
def test_witnesses_are_told(capsys: Any, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setattr(status.time, "time", lambda: 1_790_000_007.5)
    overview = status.told_by(TOLD) if asked == "member" else status._from_gateway(FROM_GATEWAY)
    status._print(overview, Terminal("en", for_programs=False))
    told = capsys.readouterr().out
    assert "court: witness w.example/a cosigned 42 entries, 7 s ago" in told
    assert "court: witness w.example/b has cosigned nothing yet" in told


def test_a_gateway_that_tells_of_none() -> None:
    members = [{**FROM_GATEWAY["members"][0]}]  # type: ignore[index]
    del members[0]["witnesses"]
    overview = status._from_gateway({**FROM_GATEWAY, "members": members})
    assert overview.rows[0].witnesses == ()


def test_a_member_that_does_not_answer_says_nothing_of_the_others(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(path: Path) -> Overview:
        return Overview(False, "-", (), ("court",))

    monkeypatch.setattr(status, "_from_member", nobody)
    for language, first, told in (
        ("en", "No answer", "cunzheng member court.toml"),
        ("zh", "无应答", "查看其日志"),
    ):
        assert main(["status", "--config", "court.toml", "--lang", language]) == 80
        printed = capsys.readouterr()
        assert printed.out.startswith(first)
        assert told in printed.err
