"""A rigged leader against real members, over the network: it sealed one history with forensic and
another with notary, each without the other; now all three meet."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from node import member_pb2 as pb
from node.cli.main import main
from node.evidence.accusation import judge
from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor
from node.member import exchange

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DEADLINE_S = 60


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members ask each other for what they know ever so often."""
    monkeypatch.setattr(exchange, "COLLECT_S", 0.2)


async def until_named(house: Any, member: str, both: list[str]) -> pb.Contradiction:
    """The file of a member that has stopped sealing in which just these are said to have signed
    both sides."""
    printed = fingerprint(house.world.note().policy_text)
    async with asyncio.timeout(DEADLINE_S):
        while True:
            status = await house.status(member)
            answer = await house.call(member, "Contradictions", pb.ContradictionsRequest())
            for each in answer.contradictions:
                judgement = judge(each.text, Anchor(fingerprint=printed))
                assert judgement.holds
                assert judgement.accused is not None
                stopped = any("sealing and serving stopped" in alarm for alarm in status.alarms)
                if stopped and [named.name for named in judgement.accused.both] == both:
                    assert each.name in (await house.status(member)).contradictions
                    return each
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("more", [0, 2], ids=["of equal sizes", "of unequal sizes"])
async def test_two_histories_name_the_leader(
    houses: Any, world: Any, tmp_path: Path, more: int, capsys: pytest.CaptureFixture[str]
) -> None:
    court = houses.configs["court"].data
    kept = tmp_path / "court as it was"
    shutil.copytree(court, kept)
    for other, numbers in (("forensic", [1]), ("notary", range(2, 3 + more))):
        shutil.rmtree(court)
        shutil.copytree(kept, court)
        houses.start("court", other)
        for number in numbers:
            record = world.deposited(number)
            (outcome,) = await houses.propose(record)
        identity = bytes(outcome.position.statement_id)
        for member in ("court", other):
            await houses.proof(member, identity)
        await houses.stop()
    houses.start()
    for victim in ("forensic", "notary"):
        found = await until_named(houses, victim, ["court"])
    path = tmp_path / found.name
    path.write_bytes(found.text)
    capsys.readouterr()
    printed = fingerprint(world.note().policy_text)
    assert main(["verify", str(path), "--policy-fingerprint", printed, "--lang", "en"]) == 0
    assert "cosigned both       示例 court (court)\n" in capsys.readouterr().out
