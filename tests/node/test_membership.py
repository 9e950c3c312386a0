"""Members that lose their disk, come new, leave: real replicas and connections, one event loop."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consensus.messages import Configuration
from node import member_pb2 as pb
from node.errors import Misconfigured
from node.evidence.record import format_genesis, format_record
from node.member.directory import open_directory
from node.member.process import serve
from node.membership import joining
from node.membership.founding import found
from node.membership.joining import rejoin

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "FIRST_S", 0.2)
    monkeypatch.setattr(joining, "PAUSE_S", 0.1)


async def deposit(house: Any, number: int) -> bytes:
    (outcome,) = await house.propose(house.world.deposited(number))
    return bytes(outcome.position.statement_id)


def incarnation(house: Any, member: str) -> str:
    return str((house.configs[member].data / "incarnation").read_text().strip())


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.05)


async def settled(house: Any, *members: str) -> dict[str, pb.StatusResponse]:
    """The statuses, once these members and no others vote, each as one replica, all have the same
    root, and each has seen the seals of the others on it."""
    while True:
        statuses = {name: await house.status(name) for name in members}
        sizes = {(each.size, each.sealed_size, each.root) for each in statuses.values()}
        size, sealed, _ = next(iter(sizes))
        if (
            len(sizes) == 1
            and size == sealed
            and all(
                each.role in ("leader", "follower")
                and sorted(peer.member for peer in each.peers) == sorted({*members} - {name})
                and all(peer.voter and peer.sealed_size == size for peer in each.peers)
                for name, each in statuses.items()
            )
        ):
            return statuses
        await asyncio.sleep(0.05)


async def leave(house: Any, name: str) -> None:
    """Asked of court until the one that leads has heard of it."""
    asking, own = pb.LeaveRequest(member=name), house.identity("court")
    while True:
        try:
            await house.call("court", "Leave", asking, identity=own)
        except Exception as refused:
            if getattr(refused, "code", "") not in ("not-leader", "unavailable"):
                raise
        else:
            return


async def test_a_member_with_an_empty_disk_rejoins(houses: Any) -> None:
    """As a new replica; the old one is removed. What it seals goes on from what it sealed."""
    houses.start()
    for number in range(5):
        await deposit(houses, number)
    before = await settled(houses, *houses.configs)
    old = {name: incarnation(houses, name) for name in houses.configs}
    lost = await houses.leader()
    await houses.stop(lost)
    shutil.rmtree(houses.configs[lost].data)
    houses.start(lost)
    identity = await deposit(houses, 10)
    after = await settled(houses, *houses.configs)
    assert incarnation(houses, lost) != old[lost]
    assert incarnation(houses, lost).startswith(f"{lost}/")
    assert after[lost].sealed_size > before[lost].sealed_size
    assert not any(each.alarms for each in after.values())
    await houses.proof(lost, identity)


async def test_a_member_put_back_from_an_old_copy_rejoins(houses: Any) -> None:
    """What it promised since the copy stands in nobody's disk but the others' memory."""
    houses.start()
    identity = await deposit(houses, 0)
    await settled(houses, *houses.configs)
    leader = await houses.leader()
    name = next(name for name in houses.configs if name != leader)
    data = houses.configs[name].data
    await houses.stop(name)
    shutil.copytree(data, data.with_name("copy"))
    houses.start(name)
    for number in range(1, 20):
        await deposit(houses, number)
    await settled(houses, *houses.configs)
    old = incarnation(houses, name)
    await houses.stop(name)
    shutil.rmtree(data)
    data.with_name("copy").rename(data)
    houses.start(name)
    await deposit(houses, 30)
    await until(lambda: incarnation(houses, name) != old)
    statuses = await settled(houses, *houses.configs)
    assert not any(each.alarms for each in statuses.values()), "no seal contradicts another"
    aside = data.with_name("data.lost-1")
    assert (aside / "incarnation").read_text() == f"{old}\n"
    # What it published before the copy was made it still has, and shows.
    await houses.proof(name, identity)


@pytest.mark.parametrize("what", ["journal", "position", "incarnation"])
async def test_a_damaged_directory_is_set_aside(houses: Any, what: str) -> None:
    houses.start()
    identity = await deposit(houses, 1)
    proofs = {name: await houses.proof(name, identity) for name in houses.configs}
    leader = await houses.leader()
    name = next(name for name in houses.configs if name != leader)
    data: Path = houses.configs[name].data
    await houses.stop(name)
    match what:
        case "journal":
            (log,) = (data / "journal" / "leveldb").glob("*.log")
            flipped = bytearray(log.read_bytes())
            flipped[len(flipped) // 2] ^= 1
            log.write_bytes(flipped)
        case "position":
            (data / "journal" / "position").unlink()
        case _:
            (data / "incarnation").unlink()
    houses.start(name)
    await deposit(houses, 2)
    await settled(houses, *houses.configs)
    assert data.with_name("data.lost-1").is_dir()
    # Its seals checked and were kept: the same proof, byte for byte.
    assert await houses.proof(name, identity) == proofs[name]


async def test_an_old_directory_of_a_member_that_rejoined_is_set_aside(houses: Any) -> None:
    """Its replica was removed while it lay somewhere. Its log cannot know; the others say so."""
    houses.start()
    await deposit(houses, 1)
    data = houses.configs["notary"].data
    await houses.stop("notary")
    data.rename(data.with_name("kept"))
    first = (data.with_name("kept") / "incarnation").read_text()
    houses.start("notary")
    await deposit(houses, 2)
    await settled(houses, *houses.configs)
    await houses.stop("notary")
    shutil.rmtree(data)
    data.with_name("kept").rename(data)
    houses.start("notary")
    await deposit(houses, 3)
    await until(data.with_name("data.lost-1").exists)
    await settled(houses, *houses.configs)
    assert (data.with_name("data.lost-1") / "incarnation").read_text() == first


async def test_a_chain_grows_from_one_to_three(houses: Any, world: Any) -> None:
    """A newcomer is let in by the member whose settings list it. The policy names all three from
    the beginning, so nothing is final before two have come."""
    for config in houses.configs.values():
        shutil.rmtree(config.data)
    found(houses.configs["court"], world.genesis())
    houses.start("court")
    first = await deposit(houses, 1)
    for count, name in enumerate(("forensic", "notary"), 2):
        config = houses.configs[name]
        with pytest.raises(Misconfigured, match="cunzheng join"):
            await serve(config)
        assert not config.data.exists()
        identity = houses.identity(name)
        await rejoin(config, world.genesis(), identity, "new", newcomer=True)
        houses.start(name)
        await settled(houses, *("court", "forensic", "notary")[:count])
        await houses.proof(name, first)
    await deposit(houses, 2)
    await settled(houses, *houses.configs)
    await leave(houses, "notary")
    # It is nobody's member any more, and still tells its own operator how it is.
    status, own = pb.StatusResponse(), houses.identity("notary")
    while status.role != "removed":
        status = await houses.call("notary", "Status", pb.StatusRequest(), identity=own)
    assert "notary" not in [peer.member for peer in status.peers]


async def test_a_newcomer_nobody_lists_does_not_come_in(houses: Any, world: Any) -> None:
    shutil.rmtree(houses.configs["notary"].data)
    shutil.rmtree(houses.configs["forensic"].data)
    shutil.rmtree(houses.configs["court"].data)
    court = houses.configs["court"] = replace(houses.configs["court"], members=())
    found(court, world.genesis())
    houses.start("court")
    await deposit(houses, 1)
    config = houses.configs["notary"]
    with pytest.raises(Misconfigured, match="List it there in `members`"):
        await rejoin(config, world.genesis(), houses.identity("notary"), "new", newcomer=True)
    assert not config.data.exists()


async def test_the_policy_decides_who_votes(houses: Any, world: Any) -> None:
    """A newcomer that the policy does not name gets the ledger, and has no vote until it does."""
    for config in houses.configs.values():
        shutil.rmtree(config.data)
    small = houses.world = type(world)(names=("court", "notary"), quorum=1)
    houses.configs["court"].genesis.write_bytes(format_genesis(small.genesis()))
    found(houses.configs["court"], small.genesis())
    houses.start("court")
    await deposit(houses, 1)
    config = houses.configs["forensic"]
    with pytest.raises(Misconfigured, match="does not name forensic"):
        found(config, small.genesis())
    identity = houses.identity("forensic")
    await rejoin(config, small.genesis(), identity, "new", newcomer=True)
    houses.start("forensic")
    why = "not taking part: the policy in force does not name it with its keys yet"
    status = pb.StatusResponse()
    while not (status.role == "learner" and status.applied and why in status.alarms):
        status = await houses.status("forensic")
    note = small.next_note(small.note(), signers=("court",), names=world.names, quorum=2)
    await houses.propose(format_record(note))
    await settled(houses, "court", "forensic")


async def test_a_member_leaves(houses: Any) -> None:
    """The leader removes itself last of all it does, and the others go on."""
    houses.start()
    await deposit(houses, 1)
    await settled(houses, *houses.configs)
    leaving = await houses.leader()
    asked = next(name for name in houses.configs if name != leaving)
    answer = await houses.call(
        asked, "Leave", pb.LeaveRequest(member=leaving), identity=houses.identity(leaving)
    )
    voters = Configuration.parse(answer.configuration).voters
    staying = sorted({*houses.configs} - {leaving})
    assert [each.id.partition("/")[0] for each in voters] == staying
    assert answer.in_policy
    assert (await houses.status(leaving)).role == "removed"
    await houses.stop(leaving)
    identity = await deposit(houses, 2)
    await settled(houses, *staying)
    await houses.proof(staying[0], identity)
    # It is not let in again by itself, whatever becomes of its directory.
    shutil.rmtree(houses.configs[leaving].data)
    with pytest.raises(Misconfigured, match="cunzheng join"):
        await serve(houses.configs[leaving])


async def test_a_directory_that_is_not_ours_is_left_alone(houses: Any, world: Any) -> None:
    config = replace(houses.configs["notary"], data=houses.configs["court"].data)
    with pytest.raises(Misconfigured, match="is the directory of court/"):
        await serve(config)
    open_directory(houses.configs["court"], world.genesis()).close()
