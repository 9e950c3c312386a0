"""A replica that does not take part as it should asks who belongs to the group."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from consensus.messages import Configuration, Voter
from consensus.peers import Identity
from node import member_pb2 as pb
from node.errors import Misconfigured
from node.evidence.keys import Signer
from node.member.directory import Lost
from node.member.process import serve
from node.membership import joining as joining_module
from node.membership.asking import Applicant, Told
from node.membership.joining import Joining, begin_anew, rejoin

pytestmark = pytest.mark.anyio

A, B, C = (Voter(f"{name}/{1:016x}", f"{name}:7000", name.encode()) for name in "abc")
MOVED = replace(A, address="elsewhere:7000", certificate=b"a, renewed")


@dataclass
class Group:
    """What the others answer, by address, and whom the replica was introduced to."""

    answers: dict[str, pb.JoinResponse]
    asked: list[str] = field(default_factory=list)
    introduced: list[Voter] = field(default_factory=list)

    async def ask(self, contact: Voter, identity: Identity, request: pb.JoinRequest) -> Told:
        self.asked.append(contact.address)
        answer = self.answers.get(contact.address)
        return Told(contact.id[0], answer, why="" if answer else "nobody there")


def joining(group: Group, monkeypatch: pytest.MonkeyPatch, *, recalling: bool) -> Joining:
    """Of replica c, whose log knows a and b, and whose settings know where a is now."""
    monkeypatch.setattr(joining_module, "ask", group.ask)
    replica = SimpleNamespace(
        status=lambda: SimpleNamespace(recalling=recalling),
        acquaintances=(A, B, C),
        configuration=Configuration((A, B, C)),
        introduce=group.introduced.extend,
    )
    participant: Any = SimpleNamespace(
        replica=replica, peers=SimpleNamespace(replica_id=C.id), hindrance=""
    )
    return Joining(participant, applicant(), [replace(MOVED, id=f"a/{0:016x}"), B])


def applicant() -> Applicant:
    log, witness = (Signer(bytes([number]) * 32) for number in (1, 2))
    identity = Identity(b"", b"")
    return Applicant("c", C.address, C.certificate, identity, bytes(32), log, witness.public)


def known(*voters: Voter) -> pb.JoinResponse:
    return pb.JoinResponse(known=True, configuration=Configuration(voters).format())


async def test_while_it_recalls_it_learns_who_moved_from_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its log names a where a is no more, and b is away: nobody else could tell it."""
    group = Group({MOVED.address: known(MOVED, B, C)})
    await joining(group, monkeypatch, recalling=True)._ask()
    assert group.asked == [MOVED.address, A.address, B.address]
    assert group.introduced == [MOVED, B, C]


async def test_otherwise_one_that_helps_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group({A.address: known(A, B, C)})
    asking = joining(group, monkeypatch, recalling=False)
    await asking._ask()
    assert group.asked == [A.address]
    assert asking._participant.hindrance == ""


async def test_one_that_only_pretends_to_help_is_asked_first_once_in_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says that all is well and passes nothing on; the next is asked the next time."""
    waits = pb.JoinResponse(known=True, waiting_for="it has not caught up yet")
    group = Group({A.address: known(A, B, C), B.address: waits})
    asking = joining(group, monkeypatch, recalling=False)
    for _ in range(2):
        await asking._ask()
    assert group.asked == [A.address, B.address]
    assert asking._participant.hindrance == "not taking part: it has not caught up yet"


async def test_who_is_replaced_while_it_takes_part_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process has its certificate: coming back would have that one come back in turn."""
    removed = pb.JoinResponse(known=True, standing=pb.REMOVED)
    group = Group({A.address: removed, B.address: removed})
    asking = joining(group, monkeypatch, recalling=False)
    with pytest.raises(Lost, match=f"{C.id} was removed, says a, b"):
        await asking._ask()
    monkeypatch.setattr(joining_module, "FIRST_S", 0)
    monkeypatch.setattr(joining_module, "PAUSE_S", 0)
    asking = joining(group, monkeypatch, recalling=False)
    running = asyncio.create_task(asking.run())
    while not asking._took_part:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    replica: Any = asking._participant.replica
    replica.configuration = Configuration((A, B, replace(C, id=f"c/{2:016x}")))
    with pytest.raises(Misconfigured, match="while it took part: another process"):
        await running


@pytest.mark.parametrize(
    ("others", "has_hint"),
    [
        ({}, True),
        ({B.address: Told("b", None, refuses=True, why="no")}, False),
        ({B.address: Told("b", known(A, B, C))}, False),
    ],
    ids=["nobody", "refused", "answered"],
)
async def test_who_waits_long_for_a_majority_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, others: dict[str, Told], has_hint: bool
) -> None:
    """It may be lost for good; then nothing happens by itself. An answer comes from a leader, and
    so there is a majority."""
    asking = joining(Group({}), monkeypatch, recalling=False)

    async def ask(contact: Voter, *_: Any) -> Told:
        return others.get(contact.address, Told(contact.id[0], None, why="there is no leader now"))

    monkeypatch.setattr(joining_module, "ask", ask)
    await asking._ask()
    participant = asking._participant
    assert "recover" not in participant.hindrance, "not at once"
    monkeypatch.setattr(joining_module, "HINT_S", 0)
    await asking._ask()
    assert participant.hindrance.endswith(joining_module.HINT) == has_hint


async def test_who_waits_long_for_enough_to_rejoin_is_told_what_to_do(
    houses: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It lost its disk, another is away for good: the third one's word is not enough."""
    genesis, config = houses.world.genesis(), houses.configs["court"]
    invitation = known(A, B, C)
    invitation.genesis = joining_module.sha256(joining_module.format_genesis(genesis))
    rounds = iter(range(2))

    async def ask_all(*_: Any) -> Sequence[Told]:
        if next(rounds, None) is None:
            raise TimeoutError
        return [Told("a", invitation), Told("b", None, why="not there")]

    monkeypatch.setattr(joining_module, "ask_all", ask_all)
    monkeypatch.setattr(joining_module, "PAUSE_S", 0)
    for hint_s in (60, 0):
        monkeypatch.setattr(joining_module, "HINT_S", hint_s)
        rounds = iter(range(2))
        caplog.clear()
        with pytest.raises(TimeoutError):
            await rejoin(config, genesis, Identity(b"", b""), "lost")
        assert (joining_module.HINT in caplog.text) == (hint_s == 0)
        assert f"a: {joining_module.TOO_FEW}" in caplog.text
        assert "b: not there" in caplog.text


async def test_why_it_must_come_back_is_said_once(
    houses: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = houses.configs["court"]
    shutil.rmtree(config.data)
    why = f"this member must come back as a new replica: {config.data} is empty or not there"
    alone = replace(config, members=())
    with pytest.raises(Misconfigured, match=f"^{re.escape(why)}, and `members` names nobody"):
        await serve(alone)
    assert caplog.text == ""

    async def ask_all(*_: Any) -> Sequence[Told]:
        raise TimeoutError

    monkeypatch.setattr(joining_module, "ask_all", ask_all)
    with pytest.raises(TimeoutError):
        await serve(config)
    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    assert record.message.startswith(f"{why}; asking forensic, notary who belongs to the group")


@pytest.mark.parametrize(
    ("standings", "why"),
    [
        ([], "0 of 0 members that answer say"),
        ([pb.REMOVED, pb.VOTER], "1 of 2 members that answer say"),
        ([pb.REMOVED, pb.LEARNER, pb.STRANGER], "1 of 3 members that answer say"),
        ([pb.REMOVED, pb.STRANGER, pb.REMOVED], "was removed, and `members` names nobody"),
    ],
)
async def test_join_sets_a_directory_aside_when_most_say_it_was_removed(
    house: Any, monkeypatch: pytest.MonkeyPatch, standings: list[pb.Standing], why: str
) -> None:
    async def ask_all(*_: Any) -> Sequence[Told]:
        return [Told("", pb.JoinResponse(standing=each)) for each in standings]

    monkeypatch.setattr(joining_module, "ask_all", ask_all)
    with pytest.raises(Misconfigured, match=why):
        await begin_anew(house.configs["court"], house.world.genesis(), applicant())
    assert house.configs["court"].data.is_dir()


async def test_what_does_not_mend_itself_stops(
    houses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every directory that is set aside may be as large as the ledger."""
    config, genesis = houses.configs["court"], houses.world.genesis()

    class Asked(Exception):
        pass

    async def ask_all(*_: Any) -> Sequence[Told]:
        raise Asked

    monkeypatch.setattr(joining_module, "ask_all", ask_all)
    for number in (1, 2):
        config.data.with_name(f"data.lost-{number}").mkdir()
    with pytest.raises(Asked):
        await rejoin(config, genesis, Identity(b"", b""), "it is damaged")
    config.data.with_name("data.lost-7").mkdir()
    with pytest.raises(
        Misconfigured, match=r"damaged; and data\.lost-1, data\.lost-2, data\.lost-7"
    ):
        await rejoin(config, genesis, Identity(b"", b""), "it is damaged")
    # Whose directory is gone puts nothing in its place aside, and a person may always ask.
    with pytest.raises(Asked):
        await rejoin(config, genesis, Identity(b"", b""), "asked", newcomer=True)
    config.data.rename(config.data.with_name("kept"))
    with pytest.raises(Asked):
        await rejoin(config, genesis, Identity(b"", b""), "it is not there")


@pytest.mark.parametrize("invited", [False, True])
async def test_one_that_refuses_is_not_believed_against_one_that_invites(
    houses: Any, monkeypatch: pytest.MonkeyPatch, invited: bool
) -> None:
    """One voice of three is too little to come back on, and no reason to give up."""
    genesis = joining_module.sha256(joining_module.format_genesis(houses.world.genesis()))
    invitation = known(A, B, C)
    invitation.genesis = genesis
    rounds = iter(range(joining_module.REFUSALS + 2))

    async def ask_all(*_: Any) -> Sequence[Told]:
        if next(rounds, None) is None:
            raise TimeoutError
        refusing = [Told("a", None, refuses=True, why="no"), Told("b", None, why="not there")]
        return [*refusing, Told("d", invitation if invited else None)]

    monkeypatch.setattr(joining_module, "ask_all", ask_all)
    monkeypatch.setattr(joining_module, "PAUSE_S", 0)
    with pytest.raises(TimeoutError if invited else Misconfigured):
        await rejoin(houses.configs["court"], houses.world.genesis(), Identity(b"", b""), "lost")


async def test_what_is_no_configuration_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        A.address: pb.JoinResponse(known=True, configuration=b"nonsense"),
        B.address: pb.JoinResponse(known=False, configuration=Configuration((A,)).format()),
    }
    group = Group(answers)
    await joining(group, monkeypatch, recalling=True)._ask()
    assert group.introduced == []


@pytest.mark.parametrize(
    ("told", "newcomer", "believed"),
    [
        ([known(A, B, C), known(A, B, C)], False, True),
        ([known(A, B, C), None], False, False),
        ([known(A, B, C), known(A, B)], False, False),
        ([known(A, B, C), known(A)], False, False),
        ([known(A)], False, True),
        ([known(A, B, C), None], True, True),
        ([None, None], False, False),
    ],
)
def test_what_is_here_is_given_up_only_for_a_group_that_can_do_without_it(
    told: list[pb.JoinResponse | None], newcomer: bool, believed: bool, world: Any
) -> None:
    """Of three voters both others must say the same; one that lies cannot empty the group."""
    genesis = world.genesis()
    digest = joining_module.sha256(joining_module.format_genesis(genesis))
    answers = []
    for number, answer in enumerate(told):
        if answer is not None:
            answer = pb.JoinResponse(known=True, genesis=digest, configuration=answer.configuration)
        answers.append(Told(str(number), answer))
    found = joining_module._configuration(answers, genesis, newcomer)
    assert (found is not None) == believed
