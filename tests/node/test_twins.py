"""Two processes of one member: moved to another host, while the old one still runs."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from consensus.messages import Voter
from devnet.ceremony import free_ports
from node.errors import Misconfigured
from node.member.participant import Participant
from node.member.process import serve
from node.membership import joining

pytestmark = pytest.mark.anyio

PATIENCE_S = 60.0
"""Far more than it takes on a busy machine; without an end it would go on for ever."""


@pytest.mark.slow
async def test_one_of_them_stops(houses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "FIRST_S", 0.2)
    monkeypatch.setattr(joining, "PAUSE_S", 0.1)
    houses.start()
    await houses.propose(houses.world.deposited(1))
    config = houses.configs["notary"]
    address = f"127.0.0.1:{free_ports(1)[0]}"
    moved = replace(config, data=config.data.with_name("moved"), listen=address, advertise=address)
    moving = asyncio.create_task(serve(moved))
    both = {houses.running.pop("notary"), moving}
    try:
        done, _ = await asyncio.wait(both, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        (stopped,) = done
        with pytest.raises(Misconfigured, match=r"Only one of them may run|were set aside before"):
            await stopped
        aside = sorted(path.name for path in config.data.parent.glob("*.lost-*"))
        assert len(aside) <= joining.SET_ASIDE_MAX
        names: list[str] = []
        while names.count("notary") != 1:
            names = [peer.member for peer in (await houses.status("court")).peers if peer.voter]
            await asyncio.sleep(0.05)
    finally:
        for task in both:
            task.cancel()
        await asyncio.wait(both)


def test_seals_are_not_exchanged_with_another_replica_of_this_member() -> None:
    """By the same key, they would look like those of a thief of it."""
    court = Voter(f"court/{1:016x}", "court:1", b"x")
    notaries = [Voter(f"notary/{number:016x}", "notary:1", b"x") for number in (1, 2)]
    replica = SimpleNamespace(acquaintances=(court, *notaries))
    taking_part: Any = SimpleNamespace(replica=replica, member="notary")
    assert Participant._others(taking_part) == [court]
