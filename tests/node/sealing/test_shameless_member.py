"""A member that lies on: it was given a forked history, and stops for nothing that it is told.

Its program is the real one without what an honest one stops by; the others are real members, over
the network, and one gateway asks them all.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node import member_pb2 as pb
from node.cli.main import main
from node.evidence.accusation import judge
from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.record import format_block
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import Members
from node.gateway.members.links import Endpoint
from node.gateway.members.links import Identity as GatewayIdentity
from node.member import exchange
from node.member.participant import Participant
from node.seals.sealing import Sealing
from node.words import Answer
from tests.node.forks import forge

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DEADLINE_S = 60
LIAR, HONEST = "notary", ["court", "forensic"]
FORGED = 9
"""The number of a deposit that only the forked history has."""


@pytest.fixture
def shameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The liar seals at once, pushes, renews and serves, whatever the others show it; members ask
    each other often for what they know."""
    monkeypatch.setattr(exchange, "COLLECT_S", 0.2)

    def skipped(kind: type, name: str) -> None:
        honest = getattr(kind, name)

        def unless_it_lies(self: Any, *arguments: Any) -> Any:
            return None if self.member == LIAR else honest(self, *arguments)

        monkeypatch.setattr(kind, name, unless_it_lies)

    skipped(Sealing, "halt")
    skipped(Sealing, "_receive_own")

    catch_up = Participant._catch_up

    async def be_there(self: Participant) -> None:
        if self.member != LIAR:
            await catch_up(self)

    monkeypatch.setattr(Participant, "_catch_up", be_there)


@pytest.fixture
async def gateway(houses: Any) -> AsyncIterator[Members]:
    """It asks the liar first."""
    names = [LIAR, *HONEST]
    endpoints = [
        Endpoint(name, houses.voters[name].address, houses.configs[name].certificate.read_bytes())
        for name in names
    ]
    identity = GatewayIdentity(houses.gateway.certificate, houses.gateway.private_key)
    members = Members(endpoints, identity)
    yield members
    await members.close()


async def deposited(houses: Any, number: int, members: list[str]) -> bytes:
    """The id of a deposit that all of these have a proof of."""
    (outcome,) = await houses.propose(houses.world.deposited(number))
    identity = bytes(outcome.position.statement_id)
    for member in members:
        await houses.proof(member, identity)
    return identity


async def all_sealed(houses: Any, size: int) -> None:
    """Wait until every member has every other one's seal on a tree of at least this size."""
    missing = set(houses.configs)
    async with asyncio.timeout(DEADLINE_S):
        while missing:
            for member in tuple(missing):
                peers = (await houses.status(member)).peers
                if all(each.sealed_size >= size for each in peers):
                    missing.remove(member)


async def until_named(houses: Any, member: str, printed: str) -> pb.Contradiction:
    """The file of an honest member that says that the liar, and nobody else, has signed both."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await houses.call(member, "Contradictions", pb.ContradictionsRequest())
            for each in answer.contradictions:
                judgement = judge(each.text, Anchor(fingerprint=printed))
                assert judgement.accused is not None
                both = [named.name for named in judgement.accused.both]
                assert both in ([], [LIAR])
                if both:
                    return each
            await asyncio.sleep(0.05)


async def test_who_lies_on_convinces_nobody(
    houses: Any,
    world: Any,
    tmp_path: Path,
    shameless: None,
    gateway: Members,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config, kept = houses.configs[LIAR], tmp_path / "as it was"
    houses.start()
    await deposited(houses, 1, [LIAR, *HONEST])
    await houses.stop()
    shutil.copytree(config.data, kept)
    houses.start()
    for number in (2, 3, 4):
        await deposited(houses, number, [LIAR, *HONEST])
    size = (await houses.status("court")).size
    await all_sealed(houses, size)
    await houses.stop()
    shutil.rmtree(config.data)
    shutil.move(kept, config.data)
    forged = world.deposited(FORGED)
    assert forge(config, [format_block([forged])], time.time_ns() // 1_000_000) < size
    houses.start()
    printed = fingerprint(world.note().policy_text)
    found = [await until_named(houses, member, printed) for member in HONEST]

    def check(data: bytes) -> Proof:
        if verify(data, Anchor(fingerprint=printed)).answer is Answer.PROOF_NOT_VALID:
            raise Malformed("proof", "does not hold")
        return parse_proof(data)

    identity = await deposited(houses, 5, HONEST)
    proven = await gateway.prove(identity, 0, 0, check)
    assert proven.proof is not None
    assert [each.member for each in proven.proof.sealed.seals] == HONEST
    assert b"/notary " not in (shown := await PublishedLog(gateway, world.note()).checkpoint())
    assert int(shown.split(b"\n")[1]) > size
    for member in HONEST:
        alarms = (await houses.status(member)).alarms
        assert not any("stopped" in alarm for alarm in alarms)
        assert any(alarm.startswith("notary sealed another tree") for alarm in alarms)
    assert (await houses.status(LIAR)).sealed_size < size
    for each in found:
        path = tmp_path / each.name
        path.write_bytes(each.text)
        capsys.readouterr()
        assert main(["verify", str(path), "--policy-fingerprint", printed, "--lang", "en"]) == 0
        assert "cosigned both       示例 notary (notary)\n" in capsys.readouterr().out
