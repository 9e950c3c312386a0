"""Seals on their way between members: pushed at once, pulled after a silence.

One task per other member. It first pulls what it missed from there, then pushes our seals as they
come, all that wait in one call. Whatever fails is tried again, beginning with a pull: a member that
was away gets the newest seals, which is all it needs, since each covers everything before it.

Pushed are own seals only. What others have told somebody else shows when a member is pulled from,
so that is done now and then besides, and it is asked for the contradictions it can show
(`exposure`).

A pull also brings this member's own newest seal that is on the other's disk. Its own disk may have
lost it, so after a start it seals nothing before enough have answered (`wait_for_answers`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import NoReturn

import grpc.aio
from google.protobuf.message import DecodeError

from consensus.messages import ReplicaId, Voter
from consensus.peers import Identity, secure_channel
from consensus.reasons import Reasons
from node import member_pb2 as pb
from node.errors import BadRequest
from node.seals.sealing import SentSeal

PUSH = "/cunzheng.node.Member/PushSeals"
PULL = "/cunzheng.node.Member/PullSeals"
CONTRADICTIONS = "/cunzheng.node.Member/Contradictions"

SEALS_MAX = 512
"""In one call, twice what an honest member sends: whoever applies blocks verifies them too."""
WAITING_MAX = 256
"""Seals waiting for one member; of more, the newest cover the older ones."""
CALL_S = 5.0
"""A member that does not answer this long is asked anew."""
PAUSE_S = 0.1
PAUSE_S_MAX = 5.0
"""Pauses double up to this while a member refuses: it may yet hear of this one, or never will."""
COLLECT_S = 10.0
"""How soon a member hears of another history, or of a contradiction that another one can show. On
a good day the answers hold nothing new."""
FILES_MAX = 64
"""Contradiction files taken from one answer; an honest member keeps as many."""
FOLLOW_S = 1.0
"""How soon a changed configuration is noticed."""

_log = logging.getLogger(__name__)


class Exchange:
    """Owned by one event loop."""

    def __init__(
        self,
        replica_id: ReplicaId,
        identity: Identity,
        receive: Callable[[Sequence[tuple[bytes, bytes]]], Awaitable[None]],
        seen_size: Callable[[str], int],
        accept: Callable[[Sequence[bytes]], Awaitable[None]],
    ) -> None:
        """`receive` takes what was pulled; `seen_size` is the newest size seen from a member;
        `accept` takes the contradiction files of a member."""
        self._replica_id = replica_id
        self._member = replica_id.partition("/")[0]
        self._identity = identity
        self._receive = receive
        self._seen_size = seen_size
        self._accept = accept
        self._outboxes: dict[Voter, Outbox] = {}
        self._last: SentSeal | None = None
        self._answered: set[ReplicaId] = set()
        self._news = asyncio.Event()
        self._reasons = Reasons(_log, logging.INFO)

    async def wait_for_answers(self, enough: Callable[[Collection[ReplicaId]], bool]) -> None:
        """Return once those that have been pulled from since the start are `enough`."""
        while not enough(self._answered):
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_S):  # What is enough may have changed.
                    await self._news.wait()

    def push(self, seals: Iterable[SentSeal]) -> None:
        """Send these to every other member, now or as soon as it can be reached."""
        for seal in seals:
            self._last = seal
            for outbox in self._outboxes.values():
                outbox.put(seal)

    async def run(self, replicas: Callable[[], Iterable[Voter]]) -> NoReturn:
        """Keep one task for every replica but this one, until cancelled."""
        tasks: dict[Voter, asyncio.Task[NoReturn]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                others = {voter for voter in replicas() if voter.id != self._replica_id}
                for voter in tasks.keys() - others:
                    tasks.pop(voter).cancel()
                    del self._outboxes[voter]
                    self._reasons.forget(voter)
                for voter in others - tasks.keys():
                    outbox = self._outboxes[voter] = Outbox()
                    if self._last is not None:
                        outbox.put(self._last)
                    tasks[voter] = group.create_task(self._attend(voter, outbox))
                await asyncio.sleep(FOLLOW_S)
        raise AssertionError("run ends only by cancellation")

    async def _attend(self, voter: Voter, outbox: Outbox) -> NoReturn:
        async with (
            secure_channel(voter, self._identity) as channel,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._keep(channel, voter, outbox))
            group.create_task(self._collect(channel, voter))
        raise AssertionError("attending ends only by cancellation")

    async def _keep(self, channel: grpc.aio.Channel, voter: Voter, outbox: Outbox) -> NoReturn:
        pause_s = 0.0
        while True:
            try:
                await self._pull(channel, voter)
                pause_s = 0.0
                await self._push(channel, outbox)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._reasons.note(voter, f"seals to {voter.id}: {error.details()}")
                pause_s = next_pause_s(pause_s, error.code())
                await asyncio.sleep(pause_s)

    async def _collect(self, channel: grpc.aio.Channel, voter: Voter) -> NoReturn:
        """What is wrong with the connection is for `_keep` to say."""
        call: grpc.aio.UnaryUnaryMultiCallable[pb.ContradictionsRequest, bytes]
        call = channel.unary_unary(CONTRADICTIONS, pb.ContradictionsRequest.SerializeToString)
        before = b""
        while True:
            with suppress(grpc.aio.AioRpcError):
                answer = await call(pb.ContradictionsRequest(), timeout=CALL_S)
                if answer != before:
                    before = answer
                    await self._accept(_read_files(answer, voter))
                await self._pull(channel, voter)
            await asyncio.sleep(COLLECT_S)

    async def _pull(self, channel: grpc.aio.Channel, voter: Voter) -> None:
        # Bytes, and read here: gRPC gives None for an answer it cannot read, and a member that lies
        # must not end this one by it.
        call: grpc.aio.UnaryUnaryMultiCallable[pb.PullSealsRequest, bytes] = channel.unary_unary(
            PULL, pb.PullSealsRequest.SerializeToString
        )
        above = self._seen_size(voter.id.partition("/")[0])
        request = pb.PullSealsRequest(above_size=above, member=self._member)
        answer = await call(request, timeout=CALL_S, wait_for_ready=True)
        try:
            message = pb.PullSealsResponse.FromString(answer)
            seals = read_seals(message.seals)
        except (DecodeError, BadRequest) as error:
            _log.warning("seals of %s: %s", voter.id, error)
            return
        if message.HasField("yours"):
            seals.append((message.yours.body, message.yours.line))
        await self._receive(seals)
        self._answered.add(voter.id)
        self._news.set()

    async def _push(self, channel: grpc.aio.Channel, outbox: Outbox) -> NoReturn:
        call = channel.unary_unary(
            PUSH, pb.SealsRequest.SerializeToString, pb.SealsResponse.FromString
        )
        while True:
            seals = await outbox.wait()
            await call(
                pb.SealsRequest(seals=write_seals(seals)), timeout=CALL_S, wait_for_ready=True
            )
            outbox.delivered(seals)


def next_pause_s(pause_s: float, code: grpc.StatusCode) -> float:
    """How long to wait after a call that ended so, where `pause_s` was waited the time before."""
    if code is not grpc.StatusCode.PERMISSION_DENIED:
        return PAUSE_S
    return min(max(2 * pause_s, PAUSE_S), PAUSE_S_MAX)


def _read_files(answer: bytes, voter: Voter) -> list[bytes]:
    try:
        found = pb.ContradictionsResponse.FromString(answer).contradictions
    except DecodeError as error:
        _log.warning("contradictions of %s: %s", voter.id, error)
        return []
    return [each.text for each in found[:FILES_MAX]]


class Outbox:
    """Seals waiting for one member, oldest first; kept until they were delivered."""

    def __init__(self) -> None:
        self._seals: deque[SentSeal] = deque(maxlen=WAITING_MAX)
        self._filled = asyncio.Event()

    def put(self, seal: SentSeal) -> None:
        """Queue it; if there are too many, the oldest goes."""
        self._seals.append(seal)
        self._filled.set()

    async def wait(self) -> list[SentSeal]:
        """All that wait, once there are any."""
        await self._filled.wait()
        return list(self._seals)

    def delivered(self, seals: Sequence[SentSeal]) -> None:
        """These have arrived. What was queued meanwhile stays, also a newer seal of one size."""
        while self._seals and self._seals[0] in seals:
            self._seals.popleft()
        if not self._seals:
            self._filled.clear()


def write_seals(seals: Iterable[SentSeal]) -> list[pb.Seal]:
    """Seals as they are sent."""
    return [pb.Seal(body=seal.body, line=seal.line) for seal in seals]


def read_seals(seals: Sequence[pb.Seal]) -> list[tuple[bytes, bytes]]:
    """Bodies and lines of seals that were sent; all that is checked is that they are not too
    many."""
    if len(seals) > SEALS_MAX:
        raise BadRequest(f"{len(seals)} seals at once, at most {SEALS_MAX}")
    return [(seal.body, seal.line) for seal in seals]
