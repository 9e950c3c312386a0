"""Who is let in and who is not: requests to join and to leave, as members, newcomers, strangers."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest

from consensus.membership import ChangeRefused
from consensus.messages import REPLICAS_MAX, Configuration, Voter
from consensus.peers import Identity, server_credentials
from consensus.ready import Role
from devnet.ceremony import free_ports
from devnet.tls import Authority, der_of
from node import member_pb2 as pb
from node.config import MemberAddress
from node.errors import Unavailable
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.record import format_genesis
from node.membership import admitting as admitting_module
from node.membership.admitting import Admitting
from node.membership.application import Application
from node.membership.asking import SAID_MAX, SILENT, ask, listening
from node.membership.founding import found

pytestmark = pytest.mark.anyio

NEW = "notary/00000000000000ff"
OTHER_KEY = "ed25519:7UkoxijRwsbq6QM4kFmVYSlZJzpcY/k2NsFGFKyHN9E="


def request(
    house: Any,
    replica_id: str,
    *,
    by: Signer | None = None,
    certificate: bytes = b"",
    passed: pb.Passed | None = None,
    **changes: Any,
) -> pb.JoinRequest:
    """Of the member that it names, in its own hand unless it is `by` another."""
    name = replica_id.partition("/")[0]
    values: dict[str, Any] = {
        "address": house.voters[name].address if name in house.voters else "127.0.0.1:1",
        "recalling": False,
        "log_key": house.world.log(name).public.text,
        "witness_key": house.world.witness(name).public.text,
    } | changes
    application = Application(
        sha256(format_genesis(house.world.genesis())),
        Voter(replica_id, values["address"], certificate or house.voters[name].certificate),
        values["recalling"],
        values["log_key"],
        values["witness_key"],
    )
    signature = application.sign(by or house.world.log(name))
    return pb.JoinRequest(replica_id=replica_id, signature=signature, passed=passed, **values)


async def join(house: Any, asked: str, asks: str, asking: pb.JoinRequest) -> pb.JoinResponse:
    """Until the one that leads has heard of it."""
    while True:
        try:
            answer = await house.call(asked, "Join", asking, identity=house.identity(asks))
        except Exception as refused:
            if getattr(refused, "code", "") not in ("not-leader", "unavailable"):
                raise
        else:
            assert isinstance(answer, pb.JoinResponse)
            return answer


async def refused(house: Any, asked: str, asks: str, asking: Any) -> Any:
    """By one that was able to look at it."""
    method = type(asking).__name__.removesuffix("Request")
    while True:
        with pytest.raises(Exception, match=":") as caught:
            await house.call(asked, method, asking, identity=house.identity(asks))
        if getattr(caught.value, "code", "") != "unavailable":
            return caught.value


@pytest.fixture
async def two(houses: Any) -> AsyncIterator[Any]:
    """Court and forensic have founded the chain; court lists notary, forensic lists nobody."""
    for config in houses.configs.values():
        shutil.rmtree(config.data)
    voters = tuple(sorted(houses.voters[name] for name in ("court", "forensic")))
    first = Configuration(voters).format()
    (houses.directory / "voters.txt").write_bytes(first)
    houses.configs["forensic"] = replace(houses.configs["forensic"], members=())
    for name in ("court", "forensic"):
        found(houses.configs[name], houses.world.genesis(), houses.directory / "voters.txt")
    houses.start("court", "forensic")
    await houses.leader()
    server = await at(houses, houses.identity("notary"), houses.configs["notary"].listen)
    yield houses
    await server.stop(None)


async def at(
    house: Any, identity: Identity, address: str, *handlers: grpc.GenericRpcHandler
) -> grpc.aio.Server:
    """Somebody with this certificate, who answers nothing there but what these do."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(handlers)
    everybody = [voter.certificate for voter in house.voters.values()]
    server.add_secure_port(address, server_credentials(identity, lambda: everybody))
    await server.start()
    return server


async def test_a_newcomer_is_told_who_there_is(two: Any) -> None:
    answer = await join(two, "court", "notary", pb.JoinRequest())
    assert (answer.known, answer.listed, answer.standing) == (False, True, pb.STRANGER)
    configuration = Configuration.parse(answer.configuration)
    assert [each.id for each in configuration.voters] == sorted(
        two.voters[name].id for name in ("court", "forensic")
    )
    answer = await join(two, "court", "forensic", pb.JoinRequest())
    assert (answer.known, answer.listed) == (True, True)


async def test_a_newcomer_is_a_learner_first(two: Any) -> None:
    """Nobody runs under that id, so it gets no further; asking again changes nothing."""
    for _ in range(2):
        answer = await join(two, "court", "notary", request(two, NEW))
        assert answer.standing == pb.LEARNER
        assert answer.known
    assert "has not caught up yet" in answer.waiting_for
    configuration = Configuration.parse(answer.configuration)
    assert [each.id for each in configuration.learners] == [NEW]
    # Its member lost its disk again: there is one learner of it, never two.
    answer = await join(two, "court", "notary", request(two, "notary/00000000000000fe"))
    configuration = Configuration.parse(answer.configuration)
    assert [each.id for each in configuration.learners] == ["notary/00000000000000fe"]
    answer = await join(two, "court", "notary", request(two, NEW))
    assert answer.standing == pb.REMOVED
    assert answer.known


@pytest.mark.parametrize("which", ["log_key", "witness_key"])
async def test_other_keys_than_the_policys_are_no_way_to_a_vote(two: Any, which: str) -> None:
    asking = request(two, NEW, **{which: OTHER_KEY})
    await join(two, "court", "notary", asking)
    answer = await join(two, "court", "notary", asking)
    assert answer.standing == pb.LEARNER
    assert "the policy in force does not name it" in answer.waiting_for


async def test_a_replica_that_still_recalls_changes_no_votes(two: Any) -> None:
    """One put back from a copy has its member's certificate, and must not oust its successor."""
    asking = request(two, "court/00000000000000ff", recalling=True)
    for _ in range(2):
        answer = await join(two, "forensic", "court", asking)
        assert answer.standing == pb.LEARNER
    assert "what it promised" in answer.waiting_for


@pytest.mark.parametrize(
    ("replica_id", "changes"),
    [(NEW, {"address": "127.0.0.1:1"}), ("guild/00000000000000ff", {})],
    ids=["address", "name"],
)
async def test_a_newcomer_is_let_in_only_as_it_is_listed(
    two: Any, replica_id: str, changes: Any
) -> None:
    certificate = two.voters["notary"].certificate
    asking = request(two, replica_id, certificate=certificate, **changes)
    error = await refused(two, "court", "notary", asking)
    assert (error.code, "nobody here knows" in str(error)) == ("stranger", True)
    # Nor by saying itself that it was passed on.
    asking.passed.CopyFrom(pb.Passed(certificate=certificate, listed=True))
    error = await refused(two, "court", "notary", asking)
    assert error.code == "stranger"


async def test_a_certificate_is_of_one_member(two: Any) -> None:
    """A member's certificate does not open the door to another name."""
    forensic = two.voters["forensic"]
    asking = request(two, NEW, address=forensic.address, certificate=forensic.certificate)
    error = await refused(two, "court", "forensic", asking)
    assert (error.code, "nobody here knows" in str(error)) == ("stranger", True)


async def test_who_is_not_listed_is_refused_and_who_is_away_is_not(two: Any) -> None:
    """A member with an empty disk waits for the others, but ends if they do not know it."""
    told = await ask(two.voters["forensic"], two.identity("notary"), pb.JoinRequest())
    assert (told.answer, told.refuses, told.why) == (None, True, SILENT)
    told = await ask(two.voters["notary"], two.identity("court"), pb.JoinRequest())
    assert (told.answer, told.refuses) == (None, False)


async def test_another_certificate_than_the_listed_one_is_no_refusal(two: Any) -> None:
    """It was our side that ended the handshake: the others cannot mend that."""
    forensic = two.voters["forensic"]
    for wrong in (
        replace(forensic, certificate=two.voters["notary"].certificate),
        replace(forensic, id="guild/00000000000000ff"),
    ):
        told = await ask(wrong, two.identity("court"), pb.JoinRequest())
        assert (told.answer, told.refuses) == (None, False)
        assert "it shows another certificate than the one listed" in told.why


async def test_a_newcomer_may_ask_for_nothing_else(two: Any) -> None:
    for asking in (pb.LeaveRequest(member="court"), pb.StatusRequest(), pb.PullSealsRequest()):
        error = await refused(two, "court", "notary", asking)
        assert (error.status, error.code) == (grpc.StatusCode.PERMISSION_DENIED, "stranger")


async def test_what_is_no_replica_is_malformed(two: Any) -> None:
    for changes in ({"replica_id": "Notary"}, {"replica_id": NEW, "address": "a b"}):
        error = await refused(two, "court", "notary", pb.JoinRequest(**changes))
        assert error.code == "malformed"


async def test_a_learner_takes_nobodys_seat_and_sends_nobody_away(two: Any) -> None:
    """One member has let it in; that makes it neither a voter nor anybody's voice."""
    await join(two, "court", "notary", request(two, NEW))
    certificate = two.voters["notary"].certificate
    seat = two.voters["forensic"].id
    taking = request(two, seat, certificate=certificate)
    error = await refused(two, "court", "notary", taking)
    assert (error.code, "by another certificate" in str(error)) == ("stranger", True)
    taking.passed.CopyFrom(pb.Passed(certificate=certificate, listed=True))
    assert (await refused(two, "court", "notary", taking)).code == "stranger"
    leaving = pb.LeaveRequest(member="forensic")
    assert (await refused(two, "court", "notary", leaving)).code == "stranger"
    answer = await join(two, "court", "notary", pb.JoinRequest())
    assert seat in [each.id for each in Configuration.parse(answer.configuration).voters]


async def test_a_member_may_change_its_address(house: Any) -> None:
    """It must be reached there: a group of two could never put a wrong one right."""
    house.start()
    await house.leader()
    own = house.voters["court"].id
    answer = await join(house, "court", "court", request(house, own, address="127.0.0.1:9"))
    assert answer.waiting_for == "it is not reached at 127.0.0.1:9"
    address = f"127.0.0.1:{free_ports(1)[0]}"
    server = await at(house, house.identity("court"), address)
    answer = await join(house, "court", "court", request(house, own, address=address))
    (voter,) = Configuration.parse(answer.configuration).voters
    assert (voter.id, voter.address, answer.standing) == (own, address, pb.VOTER)
    await server.stop(None)


async def test_the_last_voter_stays(house: Any) -> None:
    house.start()
    await house.leader()
    error = await refused(house, "court", "court", pb.LeaveRequest(member="court"))
    assert (error.code, "last voter" in str(error)) == ("malformed", True)


async def test_only_who_was_there_or_is_to_come_has_left(two: Any) -> None:
    """Whoever mistypes a name must not believe that the member has left."""
    await two.leader()
    error = await refused(two, "court", "court", pb.LeaveRequest(member="guild"))
    assert (error.code, "no replica of guild is or ever was" in str(error)) == ("malformed", True)
    answer = await two.call(
        "court", "Leave", pb.LeaveRequest(member="notary"), identity=two.identity("court")
    )
    assert answer.in_policy


async def test_what_is_passed_on_stops_at_who_does_not_lead(two: Any) -> None:
    """Two members that take each other for the leader do not pass it to and fro."""
    leader = await two.leader()
    follower = "forensic" if leader == "court" else "court"
    passed = pb.Passed(certificate=two.voters["notary"].certificate, listed=True)
    error = await refused(two, follower, leader, request(two, NEW, passed=passed))
    assert (error.code, error.leader) == ("not-leader", leader)
    error = await refused(two, follower, leader, pb.LeaveRequest(member="court", passed=True))
    assert (error.code, error.leader) == ("not-leader", leader)


async def test_settings_may_list_a_new_certificate_of_a_member(house: Any, tmp_path: Path) -> None:
    """The way to replace a certificate: the newcomer has the name of a member."""
    config = house.configs["court"]
    address = f"127.0.0.1:{free_ports(1)[0]}"
    renewed = Identity(*Authority().issue("court"))
    (tmp_path / "new.pem").write_bytes(renewed.certificate)
    listed = MemberAddress("court", address, tmp_path / "new.pem")
    house.configs["court"] = replace(config, members=(listed,))
    house.start()
    await house.leader()
    server = await at(house, renewed, address)
    certificate = der_of(renewed.certificate)
    asking = request(house, "court/00000000000000ff", address=address, certificate=certificate)
    answer = await house.call("court", "Join", asking, identity=renewed)
    configuration = Configuration.parse(answer.configuration)
    assert [each.id for each in configuration.learners] == [asking.replica_id]
    assert [each.id for each in configuration.voters] == [house.voters["court"].id]
    await server.stop(None)


class Liar:
    """The voter that does not lead, passing on what nobody asked of it."""

    def __init__(self, house: Any, leader: str) -> None:
        self.house, self.leader = house, leader
        self.name = "forensic" if leader == "court" else "court"

    def listing(self, asking: pb.JoinRequest, certificate: bytes) -> pb.JoinRequest:
        told = pb.JoinRequest()
        told.CopyFrom(asking)
        told.passed.CopyFrom(pb.Passed(certificate=certificate, listed=True))
        return told

    async def passes_on(self, asking: pb.JoinRequest, certificate: bytes) -> pb.JoinResponse:
        return await join(self.house, self.leader, self.name, self.listing(asking, certificate))

    async def is_refused(self, asking: pb.JoinRequest, certificate: bytes) -> str:
        told = self.listing(asking, certificate)
        error = await refused(self.house, self.leader, self.name, told)
        assert error.code == "stranger"
        return str(error)


@pytest.fixture
async def liar(two: Any) -> Liar:
    return Liar(two, await two.leader())


@pytest.mark.parametrize("victim", ["the leader", "notary"])
async def test_a_voter_seats_nobody_under_anothers_name(two: Any, liar: Liar, victim: str) -> None:
    """It has a certificate with the name of the other, knows its public keys, and serves there. So
    but for the signature it would come in, and take the vote."""
    name = liar.leader if victim == "the leader" else victim
    own = Identity(*Authority().issue(name))
    certificate, address = der_of(own.certificate), f"127.0.0.1:{free_ports(1)[0]}"
    server = await at(two, own, address)
    seat = {"replica_id": f"{name}/00000000000000ee", "address": address}
    by = two.world.log(liar.name)
    before = two.voters[name].certificate
    for asking in (
        request(two, certificate=certificate, **seat, by=by),
        request(two, certificate=certificate, **seat, by=by, log_key=by.public.text),
        request(two, certificate=before, **seat),  # Signed by the other, for its own certificate.
        pb.JoinRequest(**seat),
    ):
        why = await liar.is_refused(asking, certificate)
        assert f"not signed with the log key that the policy in force names for {name}: " in why
    answer = await liar.passes_on(request(two, certificate=certificate, **seat), certificate)
    assert answer.standing == pb.LEARNER
    await server.stop(None)


async def test_a_request_of_old_is_worth_nothing(two: Any, liar: Liar) -> None:
    """Whoever passes it on can keep it. It is of a replica that was removed since."""
    old, certificate = request(two, NEW), two.voters["notary"].certificate
    assert (await liar.passes_on(old, certificate)).standing == pb.LEARNER
    newer = await liar.passes_on(request(two, "notary/00000000000000fe"), certificate)
    answer = await liar.passes_on(old, certificate)
    assert (answer.standing, answer.configuration) == (pb.REMOVED, newer.configuration)
    left = await two.call(
        liar.leader, "Leave", pb.LeaveRequest(member="notary"), identity=two.identity(liar.name)
    )
    answer = await liar.passes_on(old, certificate)
    assert (answer.standing, answer.configuration) == (pb.REMOVED, left.configuration)


async def test_who_the_policy_does_not_name_is_a_learner_at_most(two: Any, liar: Liar) -> None:
    """One voter alone lets it in, by listing it; it has its name from there."""
    guild = Identity(*Authority().issue("guild"))
    certificate, address = der_of(guild.certificate), f"127.0.0.1:{free_ports(1)[0]}"
    server = await at(two, guild, address)
    seat = {"replica_id": "guild/00000000000000ff", "address": address}
    by = two.world.log(liar.name)
    why = await liar.is_refused(request(two, certificate=certificate, **seat, by=by), certificate)
    assert "is not signed with the log key it shows" in why
    for _ in range(2):
        answer = await liar.passes_on(request(two, certificate=certificate, **seat), certificate)
        assert answer.standing == pb.LEARNER
    assert "the policy in force does not name it" in answer.waiting_for
    await server.stop(None)


async def test_whoever_passes_it_on_looks_and_so_does_who_leads(
    two: Any, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who asked is told why by either."""
    name = liar.leader
    asking = request(two, f"{name}/00000000000000ff", by=two.world.log(liar.name))
    why = f"not signed with the log key that the policy in force names for {name}"
    error = await refused(two, liar.name, name, asking)
    assert (error.code, why in str(error)) == ("stranger", True)
    assert f"the leader {liar.leader}" not in str(error)
    check = Admitting._check_signed

    def looks_away(self: Admitting, *arguments: Any) -> None:
        if self._participant.member != liar.name:
            check(self, *arguments)

    monkeypatch.setattr(Admitting, "_check_signed", looks_away)
    error = await refused(two, liar.name, name, asking)
    assert (error.code, why in str(error)) == ("stranger", True)
    assert f"the leader {liar.leader}" in str(error)


async def test_one_request_of_each_at_a_time(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may open a connection to wherever it says, and grow the log."""
    reached, release = asyncio.Event(), asyncio.Event()

    async def reaches(*_: Any) -> bool:
        reached.set()
        await release.wait()
        return True

    monkeypatch.setattr(Admitting, "_reaches", reaches)
    await two.leader()
    first = asyncio.create_task(join(two, "court", "notary", request(two, NEW)))
    await reached.wait()
    assert (await refused(two, "court", "notary", request(two, NEW))).code == "busy"
    # Who only asks who there is costs nothing.
    await two.call("court", "Join", pb.JoinRequest(), identity=two.identity("notary"))
    release.set()
    assert (await first).standing == pb.LEARNER
    await join(two, "court", "notary", request(two, NEW))


async def test_what_others_say_is_shown_short_and_on_one_line(house: Any) -> None:
    """It goes into a log and into alarms."""

    async def talk(request: pb.JoinRequest, context: Any) -> pb.JoinResponse:
        if request.replica_id:
            return pb.JoinResponse(waiting_for="\n" + "没" * 100_000)
        await context.abort(grpc.StatusCode.INTERNAL, "\x1b[2J" + "x" * 1_000)
        raise AssertionError("abort raises")

    method = grpc.unary_unary_rpc_method_handler(
        talk,
        request_deserializer=pb.JoinRequest.FromString,
        response_serializer=pb.JoinResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler("cunzheng.node.Member", {"Join": method})
    court, identity = house.voters["court"], house.identity("court")
    server = await at(house, identity, court.address, handler)
    told = await ask(court, identity, pb.JoinRequest(replica_id=court.id))
    assert told.answer is not None
    assert told.answer.waiting_for == "?" + "没" * (SAID_MAX - 1)
    told = await ask(court, identity, pb.JoinRequest())
    assert (len(told.why), "\x1b" in told.why) == (SAID_MAX, False)
    await server.stop(None)


async def test_whoever_listens_runs(two: Any) -> None:
    """Also one that does not know who asks, or is not what it should be."""
    nobody = Voter(f"guild/{1:016x}", f"127.0.0.1:{free_ports(1)[0]}", b"guild")
    contacts = [*two.voters.values(), nobody]
    assert sorted(await listening(contacts)) == ["court", "forensic", "notary"]


def admitting(**participant: Any) -> Admitting:
    anybody: Any = SimpleNamespace(**participant)
    world: Any = SimpleNamespace(time_ms=0, version="0", note=None)
    made = Admitting.__new__(Admitting)
    made._participant, made._listed, made._genesis = anybody, {}, world
    made._asking = set()
    return made


def test_learners_that_can_never_vote_make_room() -> None:
    """One member alone can have let them in."""
    court, notary = (Voter(f"{name}/{1:016x}", "a:1", b"x") for name in ("court", "notary"))
    guests = [Voter(f"guest{n}/{1:016x}", "a:1", b"x") for n in range(REPLICAS_MAX)]
    forensic = Voter(f"forensic/{1:016x}", "a:1", b"x")
    learners = tuple(sorted([notary, *guests[: REPLICAS_MAX - 2]]))
    full = Configuration((court,), learners)
    sealers = [SimpleNamespace(member=name) for name in ("court", "forensic", "notary")]
    chain = SimpleNamespace(policy=SimpleNamespace(sealers=sealers))
    doorkeeper = admitting(store=SimpleNamespace(chain=chain))
    with pytest.raises(ChangeRefused, match="at most"):
        doorkeeper._admission(full, guests[-1])
    assert doorkeeper._admission(full, forensic) == Configuration((court,), (forensic, notary))
    roomy = Configuration((court,), learners[1:])
    step = doorkeeper._admission(roomy, forensic)
    assert step == Configuration((court,), tuple(sorted([*learners[1:], forensic])))


@pytest.mark.anyio
async def test_who_has_yet_to_catch_up_takes_nobody_for_removed() -> None:
    """The configuration that a newcomer was told is newer than the beginning of its log."""
    court, notary = (Voter(f"{name}/{1:016x}", "a:1", b"x") for name in ("court", "notary"))
    told, old = Configuration((court, notary)), Configuration((court,))

    async def read(function: Any) -> Any:
        return function()

    journal = SimpleNamespace(configurations=lambda: [(0, told), (7, old)])
    catching_up: dict[str, Any] = {
        "ledger": SimpleNamespace(journal=journal),
        "replica": SimpleNamespace(configuration=old, status=lambda: SimpleNamespace(commit=9)),
        "read": read,
        "caught_up": False,
    }
    assert await admitting(**catching_up)._standing(notary) == pb.STRANGER
    assert await admitting(**catching_up | {"caught_up": True})._standing(notary) == pb.REMOVED
    journal.configurations = lambda: [(0, old), (5, told), (7, old)]
    assert await admitting(**catching_up)._standing(notary) == pb.REMOVED


@pytest.mark.anyio
async def test_a_leader_that_does_not_know_the_policy_in_force_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has yet to apply what was agreed on; what it knows names keys that were replaced."""

    async def confirm() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(admitting_module, "CONFIRM_S", 0)
    status = SimpleNamespace(role=Role.LEADER)
    replica = SimpleNamespace(status=lambda: status, configuration=())
    doorkeeper = admitting(replica=replica, confirm=confirm)
    with pytest.raises(Unavailable, match="has yet to apply what was agreed on"):
        await doorkeeper.join(pb.JoinRequest(replica_id=NEW, address="a:1"), b"notary")
