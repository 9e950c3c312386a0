"""A replica that does not take part as it should asks who belongs to the group."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from consensus.messages import Configuration, Voter
from consensus.peers import Identity
from node import joining as joining_module
from node import member_pb2 as pb
from node.asking import Applicant, Told
from node.joining import Joining

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
    identity = Identity(b"", b"")
    key: Any = SimpleNamespace(text="key")
    applicant = Applicant("c", C.address, C.certificate, identity, key, key)
    return Joining(participant, applicant, [replace(MOVED, id=f"a/{0:016x}"), B])


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
