"""Who may take part: newcomers come in, replicas that lost their data are replaced, members leave.

Every member answers, and passes on to the leader what only the leader can do. There each request
takes the step that is due (`consensus.membership`) and says how things stand; who asks repeats it
until it stands as it should. So no request has to be remembered by anyone, and a leader that is
lost in between costs one repetition.

Whose request counts:

- One that the member it names has signed (`application`), for exactly this replica, address and
  certificate: with the log key that the policy in force names for it. A name that the policy does
  not know is anybody's who is listed under it; the signature then shows only that it has the log
  key it shows. Whoever passes a request on and whoever leads check this, each by itself.
- And by a certificate of the configuration in force. Its member may replace its own replicas: it
  lost its disk, or moved to another address. It was let in before.
- Or of a newcomer, if the settings of some member list it (`members`), with this name and address:
  that is this organisation's consent, and being listed is all it takes to be sent the ledger. It
  becomes a voter only when the policy in force names it with the keys it shows: that is
  everybody's.
- Only voters may ask that a member leaves, and pass on what others ask. Any of them may, also for
  another: a member that died cannot ask for itself.

A leader that lies needs no request: the log takes the configuration it writes, and the followers'
Raft knows no policies (SECURITY.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from consensus.membership import ChangeRefused, admission, departure
from consensus.messages import Configuration, Voter
from consensus.peers import secure_channel
from consensus.ready import Role
from node import member_pb2 as pb
from node.config import MemberAddress
from node.errors import BadRequest, Busy, NotLeader, Stranger, Unavailable
from node.evidence.digests import sha256
from node.evidence.record import Genesis, format_genesis
from node.member.participant import Participant
from node.membership.application import Application
from node.membership.asking import JOIN, LEAVE, STATUS, member_of

PASS_ON_S = 3.0
"""A change is committed in a moment or by another leader; who asked asks again."""
REACH_S = 1.5
"""A member that can be reached answers at once."""
CONFIRM_S = 1.0
"""What a leader has not applied by then is more than what is being agreed on just now."""

_REFUSALS = {each.code: each for each in (BadRequest, Stranger)}
"""What it is of no use to ask again is told as that, also by whoever passed it on."""
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_Response = TypeVar("_Response", bound=Message)


class Admitting:
    """The two methods, of one member. Owned by its event loop."""

    def __init__(
        self, participant: Participant, genesis: Genesis, listed: Mapping[bytes, MemberAddress]
    ) -> None:
        """`listed` are the members of the settings by their certificates (DER)."""
        self._participant = participant
        self._genesis = sha256(format_genesis(genesis))
        self._listed = listed
        self._asking: set[bytes] = set()
        """Whose requests are being worked on."""

    # Joining.

    async def join(self, request: pb.JoinRequest, caller: bytes) -> pb.JoinResponse:
        """`caller` is the certificate of whoever sent it: of the joiner, or of the member that
        passes it on."""
        is_passed = request.HasField("passed")
        if is_passed and not self.votes(caller):
            raise Stranger("only voters pass on what others ask")
        certificate = request.passed.certificate if is_passed else caller
        if not request.replica_id:
            return self._answer(certificate, certificate in self._listed)
        if caller in self._asking:
            raise Busy("one request to join at a time")
        self._asking.add(caller)  # Each may read the disk, call others, and grow the log.
        try:
            return await self._take(request, certificate, is_passed)
        finally:
            self._asking.discard(caller)

    async def _take(
        self, request: pb.JoinRequest, certificate: bytes, is_passed: bool
    ) -> pb.JoinResponse:
        joiner = _joiner(request, certificate)
        leads = self._participant.replica.status().role is Role.LEADER
        if leads:
            await self._confirm()
        self._check_signed(request, joiner)
        if self._is_another(joiner):
            raise Stranger(
                f"{joiner.id} is known by another certificate; who changes it comes back under a"
                " new id"
            )
        listed = request.passed.listed or self._lists(joiner)
        answer = self._answer(certificate, listed, await self._standing(joiner))
        if not (self._knows(joiner) or listed):
            raise Stranger(
                f"nobody here knows {joiner.id} at {joiner.address} by this certificate; a newcomer"
                " must stand in the settings of the member it asks, with its name and address"
            )
        if answer.standing == pb.REMOVED:
            return answer
        if leads:
            return await self._admit(request, joiner, listed)
        if is_passed:
            raise NotLeader(self._leader())
        request.passed.CopyFrom(pb.Passed(certificate=certificate, listed=listed))
        return await self._pass_on(JOIN, request, pb.JoinResponse)

    async def _confirm(self) -> None:
        """After this the policy here is the one in force. A leader may have yet to apply what was
        agreed on before it led, or all of it again; and keys that an earlier policy names may have
        been replaced because they were stolen."""
        try:
            async with asyncio.timeout(CONFIRM_S):
                await self._participant.confirm()
        except TimeoutError as error:
            why = "the leader has yet to apply what was agreed on, to know the policy in force"
            raise Unavailable(why) from error

    def _check_signed(self, request: pb.JoinRequest, joiner: Voter) -> None:
        """By the policy as far as it is known here."""
        keys = request.log_key, request.witness_key
        application = Application(self._genesis, joiner, request.recalling, *keys)
        application.check(request.signature, self._participant.store.chain.policy)

    async def _admit(self, request: pb.JoinRequest, joiner: Voter, listed: bool) -> pb.JoinResponse:
        """The step that is due, if nothing stands against it."""
        now = self._participant.replica.configuration
        waiting_for = ""
        try:
            step = self._admission(now, joiner)
            if step is not None:
                waiting_for = await self._objection(request, now, step, joiner)
            if step is not None and not waiting_for:
                await self._participant.reconfigure(step)
        except ChangeRefused as refused:
            waiting_for = str(refused)
        answer = self._answer(joiner.certificate, listed, await self._standing(joiner))
        answer.waiting_for = waiting_for
        return answer

    def _admission(self, now: Configuration, joiner: Voter) -> Configuration | None:
        """As `membership.admission`. Whoever the policy names is not kept out for want of room by
        learners it does not name: a member alone can have let in any number of them."""
        try:
            return admission(now, joiner)
        except ChangeRefused:
            named = {each.member for each in self._participant.store.chain.policy.sealers}
            if member_of(joiner) not in named:
                raise
            learners = tuple(each for each in now.learners if member_of(each) in named)
            return admission(Configuration(now.voters, learners), joiner)

    async def _objection(
        self, request: pb.JoinRequest, now: Configuration, step: Configuration, joiner: Voter
    ) -> str:
        """Why this step is not due yet; empty if it is."""
        if joiner not in now and not await self._reaches(joiner):
            return f"it is not reached at {joiner.address}"
        votes = {voter.id for voter in now.voters}
        if request.recalling and {voter.id for voter in step.voters} != votes:
            return "it has not heard yet what it promised before it started"
        replaces = any(_is_same_member(voter, joiner) for voter in now.voters)
        if joiner.id not in votes and step.is_voter(joiner.id) and not replaces:
            policy = self._participant.store.chain.policy
            keys = (member_of(joiner), request.log_key, request.witness_key)
            named = [(each.member, each.log.text, each.witness.text) for each in policy.sealers]
            if keys not in named:
                return "the policy in force does not name it with its keys yet"
        return ""

    async def _reaches(self, joiner: Voter) -> bool:
        """A wrong address would only be noticed when the group counts on it, and with two voters it
        could never be put right again. Whatever it answers, it has the certificate."""
        async with secure_channel(joiner, self._participant.peers.identity) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[pb.StatusRequest, bytes]
            call = channel.unary_unary(STATUS, pb.StatusRequest.SerializeToString)
            try:
                await call(pb.StatusRequest(), timeout=REACH_S)
            except grpc.aio.AioRpcError as error:
                return error.code() not in _AWAY
        return True

    def _answer(
        self, certificate: bytes, listed: bool, standing: pb.Standing = pb.STRANGER
    ) -> pb.JoinResponse:
        configuration = self._participant.replica.configuration
        return pb.JoinResponse(
            genesis=self._genesis,
            configuration=configuration.format(),
            known=any(each.certificate == certificate for each in configuration),
            listed=listed,
            standing=standing,
        )

    async def _standing(self, joiner: Voter) -> pb.Standing:
        configuration = self._participant.replica.configuration
        if configuration.is_voter(joiner.id):
            return pb.VOTER
        if any(each.id == joiner.id for each in configuration):
            return pb.LEARNER
        journal, commit = (
            self._participant.ledger.journal,
            self._participant.replica.status().commit,
        )
        earlier = await self._participant.read(journal.configurations)
        # A newcomer was told its first configuration, which is newer than all of its log.
        begins = 0 if self._participant.caught_up else 1
        was_there = any(each.id == joiner.id for _, old in earlier[begins:] for each in old)
        return pb.REMOVED if was_there and earlier[-1][0] <= commit else pb.STRANGER

    def _knows(self, joiner: Voter) -> bool:
        """A replica of the same member has this certificate."""
        return any(
            _is_same_member(each, joiner) for each in self._participant.replica.configuration
        )

    def _lists(self, joiner: Voter) -> bool:
        listed = self._listed.get(joiner.certificate)
        told = (member_of(joiner), joiner.address)
        return listed is not None and (listed.name, listed.address) == told

    # Leaving.

    async def leave(self, request: pb.LeaveRequest) -> pb.LeaveResponse:
        """Only members come here. A member that was in the configuration and is not has left; one
        that nobody ever heard of is a typing mistake."""
        participant = self._participant
        while True:
            now = participant.replica.configuration
            try:
                step = departure(now, request.member)
            except ChangeRefused as refused:
                raise BadRequest(str(refused)) from refused
            if step is None:
                sealers = participant.store.chain.policy.sealers
                in_policy = request.member in (each.member for each in sealers)
                if not (in_policy or await self._ever_had(request.member)):
                    raise BadRequest(
                        f"no replica of {request.member} is or ever was in the group, as far as"
                        f" {participant.member} knows, and the policy does not name it"
                    )
                return pb.LeaveResponse(configuration=now.format(), in_policy=in_policy)
            if participant.replica.status().role is not Role.LEADER:
                break
            try:
                await participant.reconfigure(step)
            except ChangeRefused as refused:
                raise Unavailable(str(refused)) from refused
        if request.passed:
            raise NotLeader(self._leader())
        request.passed = True
        return await self._pass_on(LEAVE, request, pb.LeaveResponse)

    async def _ever_had(self, member: str) -> bool:
        earlier = await self._participant.read(self._participant.ledger.journal.configurations)
        return any(member_of(each) == member for _, old in earlier for each in old)

    # Both.

    async def _pass_on(self, method: str, request: Message, response: type[_Response]) -> _Response:
        """To the leader, whose answer or refusal is ours."""
        leader = self._participant.replica.status().leader
        if leader is None or leader == self._participant.peers.replica_id:
            raise NotLeader(None)
        async with self._participant.peers.channel(leader) as channel:
            call = channel.unary_unary(method, type(request).SerializeToString, response.FromString)
            try:
                answer: _Response | None = await call(request, timeout=PASS_ON_S)
            except grpc.aio.AioRpcError as error:
                code = dict(error.trailing_metadata() or ()).get("cunzheng-error")
                kind = _REFUSALS.get(str(code), Unavailable)
                raise kind(f"the leader {leader}: {error.details()}") from error
        if answer is None:  # gRPC's word for bytes that it cannot read.
            raise Unavailable(f"the leader {leader} gave no answer that can be read")
        return answer

    def _leader(self) -> str | None:
        leader = self._participant.replica.status().leader
        return None if leader is None else leader.partition("/")[0]

    def votes(self, certificate: bytes) -> bool:
        """Whether a voter has this certificate; a learner may be a newcomer that one let in."""
        voters = self._participant.replica.configuration.voters
        return any(each.certificate == certificate for each in voters)

    def _is_another(self, joiner: Voter) -> bool:
        """Whoever proves to hold another certificate than this id has cannot be it."""
        return any(
            each.id == joiner.id and each.certificate != joiner.certificate
            for each in self._participant.replica.configuration
        )


def _joiner(request: pb.JoinRequest, certificate: bytes) -> Voter:
    try:
        return Voter(request.replica_id, request.address, certificate)
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _is_same_member(one: Voter, other: Voter) -> bool:
    """By its name and by what proves it."""
    return (member_of(one), one.certificate) == (member_of(other), other.certificate)
