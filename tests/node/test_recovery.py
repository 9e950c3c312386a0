"""A chain goes on from what is left of it: from the longest copy, alone, and everybody can tell."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consensus.messages import Configuration, Entry, EntryKind
from node import member_pb2 as pb
from node.errors import Misconfigured
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.keys import Signer
from node.evidence.note import format_line
from node.evidence.policy import format_policy, parse_policy
from node.evidence.policy_note import PolicyNote
from node.evidence.record import format_record
from node.member.directory import finish_directory, open_directory
from node.membership.founding import draw_voter
from node.membership.recovery import LOG, Copy, Recovered, _policies, opened, recover, sealed_height
from node.membership.recovery import _write_seals as write_seals
from node.seals.sealing import Remembered, SentSeal
from node.seals.store import Seals

pytestmark = pytest.mark.anyio


async def deposits(house: Any, *numbers: int) -> list[bytes]:
    """Made and sealed."""
    identities = []
    for number in numbers:
        (outcome,) = await house.propose(house.world.deposited(number))
        identities.append(bytes(outcome.position.statement_id))
    for name in house.running:
        await house.proof(name, identities[-1])
    return identities


def recovered(house: Any, member: str, *paths: Path) -> Recovered:
    config, genesis = house.configs[member], house.world.genesis()
    with opened(config, genesis, paths) as copies:
        return recover(config, genesis, draw_voter(config), copies)


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


async def test_a_lone_member_goes_on_from_the_longest_copy(houses: Any) -> None:
    """Two of three disks are lost. The copy of one is old, that of the other damaged at its end."""
    houses.start()
    await houses.leader()
    data = {name: config.data for name, config in houses.configs.items()}
    await deposits(houses, 1, 2)
    await houses.stop()
    shutil.copytree(data["forensic"], old := data["forensic"].with_name("old"))
    houses.start()
    late = await deposits(houses, 3, 4)
    proof = await houses.proof("court", late[-1])
    await houses.stop()
    (log,) = (data["notary"] / "journal" / "leveldb").glob("*.log")
    log.write_bytes(log.read_bytes()[:-1] + b"\xff")
    shutil.rmtree(data["forensic"])
    before = {path: contents(path) for path in (old, data["notary"], data["court"])}

    paths = [old, data["notary"], data["court"]]
    with opened(houses.configs["court"], houses.world.genesis(), paths) as copies:
        assert [copy.path for copy in copies] == [data["court"], data["notary"], old]
        assert 0 < sealed_height(copies[2:]) < sealed_height(copies)
        assert [bool(copy.why) for copy in copies] == [False, True, False]
    assert {path: contents(path) for path in before} == before, "copies are only read"

    done = recovered(houses, "court", *paths)
    assert done.set_aside is not None
    assert (done.set_aside / "incarnation").read_bytes() == before[data["court"]]["incarnation"]
    text = (data["court"] / LOG).read_text()
    assert all(str(path) in text for path in paths)
    assert done.replica_id in text
    assert "lost" in text
    houses.start("court")
    assert await houses.leader() == "court"
    # Alone it is no quorum of the policy: nothing new is final, but all that was final still is.
    assert await houses.proof("court", late[-1]) == proof
    (outcome,) = await houses.propose(houses.world.deposited(3))
    assert outcome.repeated
    assert bytes(outcome.position.statement_id) == late[0]


async def test_it_stands_on_the_chain(house: Any) -> None:
    """As an entry of a term nobody had, that makes this replica the only voter."""
    house.start()
    await deposits(house, 1, 2, 3)
    await house.stop()
    config = house.configs["court"]
    done = recovered(house, "court", config.data)
    directory = open_directory(config, house.world.genesis())
    journal = directory.journal
    (forced,) = journal.entries(done.height, done.height + 1, 0)
    before = journal.entries(1, done.height, 1 << 30)
    configuration = Configuration.parse(forced.data)
    first = journal.configurations()[0]
    directory.close()
    assert (forced.kind, forced.term) == (EntryKind.CONFIGURATION, done.term)
    assert done.term > max(entry.term for entry in before)
    assert forced.time_ms >= before[-1].time_ms
    assert [voter.id for voter in configuration.voters] == [done.replica_id]
    assert first == (0, Configuration((house.voters["court"],)))
    house.start()
    await deposits(house, 4)
    assert not (await house.status("court")).alarms


async def test_a_lost_directory_learns_from_copies_what_was_sealed(houses: Any) -> None:
    """Nobody is left to ask: the copies are asked instead."""
    houses.start()
    await deposits(houses, 1, 2)
    await houses.stop()
    sealed = {}
    for name in ("court", "notary"):
        seals = Seals(houses.configs[name].data / "seals", houses.world.genesis())
        sealed[name] = seals.load()
        seals.close()
    shutil.rmtree(houses.configs["court"].data)
    done = recovered(houses, "court", houses.configs["notary"].data)
    assert done.set_aside is None
    seals = Seals(houses.configs["court"].data / "seals", houses.world.genesis())
    assert seals.load().last == sealed["notary"].newest["court"]
    seals.close()


async def test_what_it_sealed_and_is_lost_stops_the_member(house: Any) -> None:
    """A copy from before. Going on it would come to the size it sealed with another root."""
    house.start()
    await deposits(house, 1)
    await house.stop()
    data = house.configs["court"].data
    shutil.copytree(data, old := data.with_name("old"))
    house.start()
    await deposits(house, 2, 3, 4)
    await house.stop()
    recovered(house, "court", old)
    house.start()
    status = await house.status("court")
    while not status.alarms:
        status = await house.status("court")
    assert re.fullmatch(r"it sealed \d+ entries, and the chain has \d+", status.alarms[0])
    request = pb.ProposeRequest(records=[house.world.deposited(5)])
    with pytest.raises(Exception, match="unavailable"):
        await house.call("court", "Propose", request)


async def test_nothing_is_recovered_from_nothing(house: Any, tmp_path: Path) -> None:
    config = house.configs["court"]
    (tmp_path / "empty").mkdir()
    for paths in ([tmp_path / "empty"], [tmp_path / "missing"], [config.data]):
        with pytest.raises(Misconfigured, match="single entry"):
            recovered(house, "court", *paths)
    assert not config.data.with_name("data.lost-1").exists()
    open_directory(config, house.world.genesis()).close()


async def test_what_is_in_use_is_left_alone(houses: Any) -> None:
    """Whether it is to be read or to be replaced."""
    houses.start()
    await deposits(houses, 1)
    await houses.stop("notary")
    court, notary = houses.configs["court"].data, houses.configs["notary"].data
    with pytest.raises(Misconfigured, match="open in another process"):
        recovered(houses, "notary", court)
    with pytest.raises(Misconfigured, match="open in another process"):
        recovered(houses, "court", notary)
    assert not court.with_name("data.lost-1").exists()
    assert not list(court.parent.glob("data.recovering*"))


async def test_what_is_given_is_never_deleted(house: Any, tmp_path: Path) -> None:
    """After a kill before the last rename `data.new` may be all that is left."""
    config, genesis = house.configs["court"], house.world.genesis()
    house.start()
    await deposits(house, 1)
    await house.stop()
    new = config.data.with_name("data.new")
    config.data.rename(new)
    link = tmp_path / "link"
    link.symlink_to(new)
    before = contents(new)
    for given in (new, new / "journal", link, new.parent):
        with pytest.raises(Misconfigured, match="move the copy elsewhere"):
            recovered(house, "court", given)
    assert contents(new) == before
    new.rename(scratch := config.data.with_name("data.recovering"))
    recovered(house, "court", scratch)
    assert contents(scratch) == before
    assert sorted(path.name for path in config.data.parent.glob("data*")) == [
        "data",
        "data.recovering",
    ]
    open_directory(config, genesis).close()


async def test_only_a_whole_directory_is_put_into_place(house: Any) -> None:
    config, genesis = house.configs["court"], house.world.genesis()
    made = contents(config.data)
    assert not finish_directory(config)
    new = config.data.with_name("data.new")
    config.data.rename(new)
    (new / "incarnation").rename(new / "kept")
    assert not finish_directory(config)
    (new / "kept").rename(new / "incarnation")
    assert finish_directory(config)
    assert contents(config.data) == made
    assert not new.exists()
    open_directory(config, genesis).close()


# A member that was given other keys.

RENEWED = Signer(bytes([9]) * 32)


def renewed(world: Any, before: PolicyNote, signers: Sequence[str]) -> PolicyNote:
    """Court seals with another key from here on."""
    policy = parse_policy(before.policy_text)
    court, *others = policy.sealers
    sealers = (replace(court, witness=RENEWED.public), *others)
    text = format_policy(replace(policy, serial=policy.serial + 1, sealers=sealers))
    note: PolicyNote = world.sign_note(before, text, before.members_text, signers)
    return note


def blocks(world: Any) -> list[Entry]:
    """With one policy that came into force, and two that did not."""
    note = renewed(world, world.note(), ("court", "notary"))
    alone = renewed(world, world.note(), ("court",))
    contents = (
        [world.deposited(1)],
        [format_record(note), world.deposited(2)],
        [format_record(alone)],
        [format_record(note)],
        [format_record(note)],
        [b"nonsense"],
    )
    entries = [world.block(height, *records) for height, records in enumerate(contents, 1)]
    return [*entries, world.block(7, kind=EntryKind.NOOP, data=b"")]


def test_policies_are_those_that_came_into_force(world: Any) -> None:
    policies = _policies(world.genesis(), blocks(world))
    assert [policy.serial for policy in policies] == [1, 2]
    assert policies[1].sealers[0].witness == RENEWED.public


async def test_a_seal_with_a_later_key_is_remembered(
    house: Any, world: Any, tmp_path: Path
) -> None:
    """Its own directory is lost: what it sealed last stands only in the copy of another."""
    genesis, config = world.genesis(), house.configs["court"]
    salvage: Any = SimpleNamespace(entries=lambda: iter(blocks(world)))
    name = genesis.note.policy.witness_vkey(genesis.note.policy.sealers[0]).name

    def sealed(size: int, signer: Signer) -> SentSeal:
        body = format_checkpoint(Checkpoint(world.origin, size, bytes(32)))
        return SentSeal(size, body, format_line(cosign(body, 1, name, signer)))

    stranger = Copy(tmp_path, salvage, "", Remembered(last=sealed(9, Signer(bytes([1]) * 32))))
    old = Copy(tmp_path, salvage, "", Remembered(last=sealed(5, world.witness("court"))))
    newer = Copy(tmp_path, salvage, "", Remembered(newest={"court": sealed(7, RENEWED)}))
    Seals.create(tmp_path / "seals", genesis)
    write_seals(tmp_path / "seals", config, genesis, [stranger, old, newer], b"mark")
    seals = Seals(tmp_path / "seals", genesis)
    assert seals.load().last == sealed(7, RENEWED)
    seals.close()
