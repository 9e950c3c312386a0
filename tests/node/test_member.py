"""Members at work: real replicas, real disks and real connections, in one event loop."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from consensus.peers import Identity, secure_channel
from devnet.tls import Authority
from node import leveldb
from node import member_pb2 as pb
from node.chain import apply as transition
from node.chain.store import Store
from node.errors import Misconfigured
from node.evidence.digests import sha256
from node.evidence.entry import KeyEntry, parse_entry
from node.evidence.keys import Signer
from node.evidence.merkle import leaf_hash
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.record import format_genesis, format_record
from node.evidence.sealed import parse_sealed, verify_seals
from node.evidence.statement import Subject
from node.evidence.verify import Anchor, verify
from node.member.process import serve
from node.words import ResultCode

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def chain(world: Any, make_house: Any, tmp_path_factory: Any) -> AsyncIterator[Any]:
    """Three members that run; tests of this module share them and what they deposit."""
    house = make_house(world, tmp_path_factory.mktemp("chain"))
    house.found()
    house.start()
    gateway = world.key("enrol", world.gateway.public, role="gateway")
    await house.propose(gateway, world.key("enrol", world.depositor.public))
    yield house
    await house.close()


def check(data: bytes, world: Any) -> Proof:
    """The proof, once the verifier finds nothing but open points in it."""
    verdict = verify(data, Anchor(policy_text=world.note().policy_text), None)
    assert verdict.code is ResultCode.V001, verdict.findings
    return parse_proof(data)


async def refused(chain: Any, member: str, method: str, request: Any, **more: Any) -> Any:
    with pytest.raises(Exception, match=":") as caught:
        await chain.call(member, method, request, **more)
    return caught.value


# What gateways ask.


async def test_a_deposit_is_proven_by_every_member(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.deposited(1, 40, page=16))
    position = outcome.position
    for member in chain.configs:
        proof = check(await chain.proof(member, position.statement_id, 33), world)
        assert (proof.entry_bytes, proof.item) == (position.entry, sha256(b"1/33"))
        assert len(proof.page) == 8
        roles = [e.record.role for e in proof.key_entries if isinstance(e, KeyEntry)]
        assert roles == ["gateway", "depositor"]
        again = await chain.proof(member, position.statement_id, 33)
        assert check(again, world) == proof, "the same bytes for ever"


async def test_many_at_once_share_blocks(chain: Any, world: Any) -> None:
    records = [world.deposited(100 + n) for n in range(60)]
    answers = await asyncio.gather(*(chain.propose(record) for record in records))
    heights = {answer[0].position.height for answer in answers}
    assert len(heights) < 30
    ordinals = [answer[0].position.first_item for answer in answers]
    assert sorted(ordinals) == list(range(min(ordinals), min(ordinals) + 60))
    identity = answers[7][0].position.statement_id
    assert check(await chain.proof("forensic", identity), world).item == sha256(b"107/0")


async def test_outcomes_are_told_apart(chain: Any, world: Any) -> None:
    """Taken, there already, skipped with the reason; one per record, in order."""
    good, bad = world.deposited(2), world.record(world.deposit(bytes(64)), bytes(32))
    first, second, third = await chain.propose(good, bad, good)
    assert (first.position.count, first.repeated) == (1, False)
    assert not second.HasField("position")
    assert second.skipped.startswith("items: ")
    assert third == pb.Outcome(position=first.position, repeated=True)
    (again,) = await chain.propose(good)
    assert again == third


async def test_everything_is_found_again(chain: Any, world: Any) -> None:
    digest = sha256(b"a file")
    (outcome,) = await chain.propose(
        world.record(world.deposit(digest, 3, mode="digest", alg="sm3"), digest)
    )
    position = outcome.position
    for by in (
        {"ordinal": position.first_item},
        {"statement_id": position.statement_id},
        {"receipt_prefix": position.statement_id[:16]},
        {"entry_hash": leaf_hash(position.entry)},
        {"digest": pb.Digest(alg="sm3", value=digest)},
    ):
        for member in chain.configs:
            request = pb.FindRequest(**by, linearizable=True)
            found = await chain.call(member, "Find", request)
            assert list(found.found) == [pb.Found(position=position, item_index=0)]
            assert found.height >= position.height
    request = pb.FindRequest(digest=pb.Digest(alg="sha256", value=digest))
    found = await chain.call("court", "Find", request)
    assert (list(found.found), found.other_algorithm) == ([], "sm3")


async def test_events_are_found_by_what_they_are_about(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.deposited(4))
    entry = parse_entry(outcome.position.entry)
    subject = Subject(entry.number(0), outcome.position.statement_id)
    events = [world.event(n, type="custody", subject=subject) for n in (1, 2)]
    outcomes = await chain.propose(*(world.record(event) for event in events))
    positions = [each.position for each in outcomes]
    for member in chain.configs:
        for from_leaf, expected in ((0, positions), (positions[0].leaf_index + 1, positions[1:])):
            asked = pb.Events(subject=subject.statement, from_leaf=from_leaf)
            request = pb.FindRequest(events=asked, linearizable=True)
            found = await chain.call(member, "Find", request)
            assert [each.position for each in found.found] == expected


async def test_what_is_not_there_names_its_height(chain: Any, world: Any) -> None:
    found = await chain.call("court", "Find", pb.FindRequest(ordinal=10**11, linearizable=True))
    assert list(found.found) == []
    assert found.height > 0
    assert found.size > found.height
    proven = await chain.call("court", "Prove", pb.ProveRequest(statement_id=bytes(32)))
    assert not proven.HasField("position")
    assert proven.height > 0


async def test_what_was_enrolled_about_a_key(chain: Any, world: Any) -> None:
    key = Signer(bytes([7]) * 32).public
    request = pb.FindKeyRequest(public_key=key.text, linearizable=True)
    assert list((await chain.call("notary", "FindKey", request)).entries) == []
    enrolled, revoked = await chain.propose(
        world.key("enrol", key, role="court"), world.key("revoke", key, serial=2, role="court")
    )
    assert enrolled.position.statement_id == b""
    found = await chain.call("notary", "FindKey", request)
    assert list(found.entries) == [enrolled.position.entry, revoked.position.entry]
    assert isinstance(parse_entry(found.entries[0]), KeyEntry)


async def test_an_event_has_no_items_to_prove(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.record(world.event(4)))
    request = pb.ProveRequest(statement_id=outcome.position.statement_id)
    member = await chain.leader()
    assert (await refused(chain, member, "Prove", request)).code == "malformed"


async def test_a_proof_is_not_waited_for_longer_than_asked(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.deposited(5))
    member = await chain.leader()
    request = pb.ProveRequest(statement_id=outcome.position.statement_id, wait_ms=0)
    response = await chain.call(member, "Prove", request)
    assert response.position == outcome.position
    assert response.proof == b"" or check(response.proof, world)


async def test_the_newest_checkpoint(chain: Any, world: Any) -> None:
    await chain.propose(world.deposited(6))
    await chain.proof("court", (await chain.propose(world.deposited(6)))[0].position.statement_id)
    response = await chain.call("court", "Checkpoint", pb.CheckpointRequest())
    verify_seals(parse_sealed(response.note), world.note().policy)
    assert response.policy_text == world.note().policy_text
    assert response.members_text == world.note().members_text


async def test_status_tells_where_a_member_stands(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.deposited(7))
    for member in chain.configs:
        await chain.proof(member, outcome.position.statement_id)
        status = await chain.status(member)
        assert (status.member, status.origin) == (member, world.origin)
        assert status.leader == await chain.leader()
        assert (status.role == "leader") == (status.leader == member)
        assert status.commit >= status.applied >= outcome.position.height
        assert status.sealed_height >= outcome.position.height
        assert {peer.member for peer in status.peers} == set(chain.configs) - {member}
        assert all(peer.voter and peer.sealed_size for peer in status.peers)
        assert list(status.alarms) == []
        assert status.items > outcome.position.first_item
    roots = {(s.size, s.root) for s in [await chain.status(m) for m in chain.configs]}
    assert len({size for size, _ in roots}) == len(roots)


# What is refused.


async def test_a_follower_names_the_leader(chain: Any, world: Any) -> None:
    leader = await chain.leader()
    follower = next(member for member in chain.configs if member != leader)
    error = await refused(
        chain, follower, "Propose", pb.ProposeRequest(records=[world.deposited(8)])
    )
    assert (error.code, error.leader) == ("not-leader", leader)
    assert error.status is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Propose", pb.ProposeRequest()),
        ("Propose", pb.ProposeRequest(records=[b"x", b""])),
        ("Propose", pb.ProposeRequest(records=[bytes(1 << 20)])),
        ("Find", pb.FindRequest()),
        ("Find", pb.FindRequest(statement_id=b"x")),
        ("Find", pb.FindRequest(receipt_prefix=bytes(32))),
        ("Find", pb.FindRequest(entry_hash=b"")),
        ("Find", pb.FindRequest(events=pb.Events(from_leaf=7))),
        ("Find", pb.FindRequest(digest=pb.Digest(alg="md5", value=bytes(32)))),
        ("Find", pb.FindRequest(digest=pb.Digest(alg="sm3", value=bytes(16)))),
        ("FindKey", pb.FindKeyRequest(public_key="p256:AAAA")),
        ("Prove", pb.ProveRequest(statement_id=b"x")),
    ],
)
async def test_what_can_never_succeed(chain: Any, method: str, request_: Any) -> None:
    error = await refused(chain, await chain.leader(), method, request_)
    assert (error.code, error.status) == ("malformed", grpc.StatusCode.INVALID_ARGUMENT)


async def test_an_item_beyond_the_count(chain: Any, world: Any) -> None:
    (outcome,) = await chain.propose(world.deposited(9, 2))
    request = pb.ProveRequest(statement_id=outcome.position.statement_id, item_index=2)
    assert (await refused(chain, await chain.leader(), "Prove", request)).code == "malformed"


async def test_everyone_asks_only_what_is_theirs(chain: Any) -> None:
    """Gateways do not seal, members do not deposit; both may ask how things stand."""
    member = chain.identity("forensic")
    stranger = grpc.StatusCode.PERMISSION_DENIED, "stranger"
    for method, request in (
        ("Propose", pb.ProposeRequest(records=[b"x"])),
        ("Find", pb.FindRequest(ordinal=0)),
        ("FindKey", pb.FindKeyRequest()),
        ("Prove", pb.ProveRequest()),
    ):
        error = await refused(chain, "court", method, request, identity=member)
        assert (error.status, error.code) == stranger
    for method, request in (
        ("PushSeals", pb.SealsRequest()),
        ("PullSeals", pb.PullSealsRequest()),
    ):
        error = await refused(chain, "court", method, request)
        assert (error.status, error.code) == stranger
        await chain.call("court", method, request, identity=member)
    assert (await chain.call("court", "Status", pb.StatusRequest(), member)).member == "court"
    assert (await chain.call("court", "Checkpoint", pb.CheckpointRequest(), member)).note


async def test_an_unknown_certificate_gets_no_connection(chain: Any) -> None:
    identity = Identity(*Authority().issue("gateway"))
    async with secure_channel(chain.voters["court"], identity) as channel:
        call = channel.unary_unary("/cunzheng.node.Member/Status")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_change_of_policy(chain: Any, world: Any) -> None:
    """Beside other requests at the same moment: a policy gets a block of its own. A proof from
    after it names every policy, and still verifies against the first."""
    note = world.next_note(world.note(), quorum=3)
    answers = await asyncio.gather(
        chain.propose(world.deposited(10)),
        chain.propose(format_record(note)),
        chain.propose(world.deposited(11)),
    )
    assert all(outcome.HasField("position") for (outcome,) in answers)
    (outcome,) = await chain.propose(world.deposited(12))
    for member in chain.configs:
        proof = check(await chain.proof(member, outcome.position.statement_id), world)
        assert [entry.note.serial for entry in proof.policies] == [1, 2]
        assert len(proof.sealed.seals) == 3


# Stopping, starting, damage: one member is its own majority here, and starts in a moment.


async def deposit(house: Any, number: int) -> bytes:
    (outcome,) = await house.propose(house.world.deposited(number))
    return bytes(outcome.position.statement_id)


async def test_a_restart_forgets_nothing(house: Any) -> None:
    house.start()
    identities = [await deposit(house, n) for n in range(5)]
    proofs = [await house.proof("court", identity) for identity in identities]
    await house.stop()
    house.start()
    await deposit(house, 9)
    assert [await house.proof("court", identity) for identity in identities] == proofs


@pytest.mark.parametrize("how", ["deleted", "of another history", "damaged"])
async def test_views_are_made_again(house: Any, how: str) -> None:
    house.start()
    identities = [await deposit(house, n) for n in range(5)]
    proofs = [await house.proof("court", identity) for identity in identities]
    await house.stop()
    views = house.configs["court"].data / "views"
    match how:
        case "deleted":
            shutil.rmtree(views)
        case "damaged":
            next(views.glob("MANIFEST-*")).unlink()
        case _:
            shutil.copytree(views, views.with_name("kept"))
            shutil.rmtree(views)
            _views_of_others(house, views)
    house.start()
    await deposit(house, 9)
    assert [await house.proof("court", identity) for identity in identities] == proofs


def _views_of_others(house: Any, directory: Path) -> None:
    """Two blocks nobody agreed on."""
    store = Store(directory, house.world.genesis())
    for height in (1, 2):
        block = house.world.block(height, house.world.deposited(500 + height))
        store.write(transition.apply(store.chain, block, store))
    store.close()


async def test_damage_found_while_reading_makes_the_views_again(house: Any) -> None:
    """The views lose a page that nobody read at start: the answer is DATA_LOSS, and the member
    serves nothing more until it has made its views again."""
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1, 3))
    identity = bytes(outcome.position.statement_id)
    proof = await house.proof("court", identity)
    await house.stop()
    database = leveldb.open_checked(house.configs["court"].data / "views")
    key = leveldb.key_of(b"e", outcome.position.leaf_index)
    batch = database.write_batch()
    batch.put(key, outcome.position.entry.replace(b"accepted-at 1", b"accepted-at 2"))
    batch.write()
    database.close()
    house.start()
    await house.leader()
    request = pb.ProveRequest(statement_id=identity, wait_ms=5000)
    error = await refused(house, "court", "Prove", request)
    assert (error.code, error.status) == ("corrupt", grpc.StatusCode.DATA_LOSS)
    again = None
    while again is None:
        with suppress(Exception):
            again = await house.proof("court", identity)
    assert again == proof
    assert (house.configs["court"].data / "views.damaged").is_dir()


@pytest.mark.parametrize("how", ["deleted", "damaged"])
async def test_seals_that_are_lost_are_made_anew(house: Any, how: str) -> None:
    """The journal says what was promised and agreed on: the incarnation stays, and what was proven
    is proven again."""
    house.start()
    identity = await deposit(house, 1)
    await house.proof("court", identity)
    await house.stop()
    data = house.configs["court"].data
    incarnation = (data / "incarnation").read_text()
    if how == "deleted":
        shutil.rmtree(data / "seals")
    else:
        next((data / "seals").glob("MANIFEST-*")).unlink()
    house.start()
    check(await house.proof("court", identity), house.world)
    assert (data / "incarnation").read_text() == incarnation
    assert (data / "seals.lost-1").exists() == (how == "damaged")


async def test_a_journal_put_back_is_lost(house: Any) -> None:
    """An old copy of the journal, views gone with it: it lacks what this member sealed. Alone it
    has nobody to rejoin."""
    data = house.configs["court"].data
    house.start()
    await deposit(house, 1)
    await house.stop()
    shutil.copytree(data / "journal", data / "copy")
    house.start()
    await house.proof("court", await deposit(house, 2))
    await house.stop()
    shutil.rmtree(data / "journal")
    shutil.rmtree(data / "views")
    (data / "copy").rename(data / "journal")
    with pytest.raises(Misconfigured, match=r"lacks what was sealed from it.*nobody to ask"):
        await serve(house.configs["court"])


async def test_a_directory_has_one_process(house: Any) -> None:
    house.start()
    await house.leader()
    with pytest.raises(Misconfigured, match="open in another process"):
        await serve(house.configs["court"])
    assert (await house.status("court")).member == "court"


async def test_settings_that_do_not_fit_are_refused(house: Any, tmp_path: Path) -> None:
    config = house.configs["court"]
    other = type(house.world)(origin="cunzheng.test/other", names=("court",), quorum=1)
    certificate, key = Authority().issue("notary")
    (tmp_path / "notary.pem").write_bytes(certificate)
    (tmp_path / "notary-key.pem").write_bytes(key)
    notary = replace(
        config,
        member="notary",
        certificate=tmp_path / "notary.pem",
        private_key=tmp_path / "notary-key.pem",
    )
    (tmp_path / "other.txt").write_bytes(b"cunzheng/genesis/v2\n")
    for changed, reason in (
        (replace(config, genesis=tmp_path / "other.txt"), "version 2 of this format"),
        (replace(config, gateways=(config.private_key,)), "tls.pem"),
        (replace(config, private_key=notary.private_key), "are no pair"),
        (replace(config, private_key=config.certificate), "certificate.pem"),
        (replace(config, member="notary"), "has not the DNS name notary .* it has: court"),
    ):
        with pytest.raises(Misconfigured, match=reason):
            await serve(changed)
    house.start()
    await house.leader()
    await house.stop()
    (tmp_path / "other.txt").write_bytes(format_genesis(other.genesis()))
    for changed, reason in (
        (replace(config, genesis=tmp_path / "other.txt"), "of another chain"),
        (notary, "is the directory of court/"),
        (replace(config, log_key=config.witness_key), "are not the keys of court"),
        (replace(config, p256_key=config.witness_key), "a key of ed25519, not p256"),
        (replace(config, listen="192.0.2.1:1"), "cannot listen"),
    ):
        with pytest.raises(Misconfigured, match=reason):
            await serve(changed)


# Three members again, some of them away.


async def test_a_member_that_was_away_comes_back(houses: Any) -> None:
    houses.start()
    first = await deposit(houses, 1)
    proof = await houses.proof("notary", first)
    leader = await houses.leader()
    away = next(member for member in houses.configs if member != leader)
    await houses.stop(away)
    second = await deposit(houses, 2)
    houses.start(away)
    check(await houses.proof(away, second), houses.world)
    if away != "notary":
        assert await houses.proof("notary", first) == proof


async def test_without_a_majority_nothing_is_promised(houses: Any) -> None:
    houses.start()
    identity = await deposit(houses, 1)
    leader = await houses.leader()
    await houses.proof(leader, identity)
    await houses.stop(*(set(houses.configs) - {leader}))
    request = pb.ProposeRequest(records=[houses.world.deposited(2)])
    error = await refused(houses, leader, "Propose", request)
    assert error.code in ("unknown", "not-leader")
    request = pb.FindRequest(statement_id=identity, linearizable=True)
    assert (await refused(houses, leader, "Find", request)).code == "unavailable"
    request = pb.FindRequest(statement_id=identity)
    assert (await houses.call(leader, "Find", request)).found
    assert await houses.proof(leader, identity)
