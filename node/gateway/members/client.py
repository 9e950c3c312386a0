"""All members, as the gateway asks them: the leader found, refusals followed, doubts repeated.

Proposals go to the leader: a member that does not lead says who does, and where nobody knows, the
next one is asked. A leader that is silent is left as soon as most members follow another. Any
member answers reads, and all are asked again for as long as an election may take.

What a member says is checked as far as its bytes go: an entry that does not parse, is of another
statement, or a proof that does not verify against the policy this gateway was given counts as no
answer, and another member is asked. What no member can answer raises `CannotCheck`, which is never
the same as `not found`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.message import Message

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.entry import KeyEntry, parse_entry
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof
from node.gateway.members.answers import (
    Found,
    Outcome,
    Placed,
    Proven,
    Search,
    read_outcome,
    read_statement,
)
from node.gateway.members.links import Endpoint, Identity, Link, reason, trailer

PROPOSE_TIMEOUT_S = 2.0
"""A leader that has not committed by then is paused or cut off; another is elected meanwhile."""
READ_TIMEOUT_S = 1.0
"""A linearizable read takes one heartbeat round; a member that needs longer is in trouble."""
READ_PATIENCE_S = 2.0
"""How long members are asked again before the answer is `could not check`: an election takes about
one second, and so does a member that comes back until it answers and is connected to."""
SILENCE_S = 0.3
"""An honest leader's answer takes some hundredths of a second. After this much silence the others
are asked whom they follow: a paused leader would keep its proposals until their time-out."""
STATUS_TIMEOUT_S = 0.5
"""Whoever watches `/readyz` seldom waits longer than a second, also while a member is silent."""
PAUSE_MS_MIN = 20
PAUSE_MS_MAX = 100
"""Pauses between attempts double from one to the other, half of each random. Clients wait for the
longest after every election; few requests are under way at once, so asking often costs little."""
PROVE_WAIT_MS_MAX = 1_000
"""How long one member is let wait for seals before another is asked: it may be the one cut off."""

CheckProof = Callable[[bytes], Proof]
"""Reads a member's proof; raises `Malformed` if it is not one that holds."""

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


class CannotCheck(Exception):
    """No member gave a complete answer now."""


class _Superseded(Exception):
    """Most members follow another than the one that was asked; it is remembered as the leader."""


class ProposalRefused(Exception):
    """These records can never succeed as one proposal, as the member `told_by` says."""

    def __init__(self, why: str | None, told_by: str = "") -> None:
        super().__init__(why or "no reason given")
        self.told_by = told_by


class Members:
    """All members of the chain. Owned by one event loop; close it with `close`."""

    def __init__(
        self,
        members: Sequence[Endpoint],
        identity: Identity,
        read_patience_s: float = READ_PATIENCE_S,
    ) -> None:
        self._links = {member.name: Link(member, identity) for member in members}
        self._read_patience_s = read_patience_s
        self._leader: str | None = None
        self._silent: set[str] = set()  # Whose last read timed out: asked last, after the others.

    async def close(self) -> None:
        """End all connections."""
        for link in self._links.values():
            await link.channel.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names."""
        return tuple(self._links)

    @property
    def leader(self) -> str | None:
        """Whom proposals go to first, if anybody has led lately."""
        return self._leader

    async def propose(self, records: Sequence[bytes]) -> list[Outcome]:
        """Propose until the chain has decided, with the same bytes whatever happens in between.

        Never gives up by itself: cancel it to stop. Raises `ProposalRefused` if members say that
        these bytes can never succeed.
        """
        request = pb.ProposeRequest(records=records)
        pauses, hints = _pauses(), 0
        for link in self._proposal_order():
            try:
                response = await self._propose_at(link, request)
                if len(response.outcomes) != len(records):
                    raise Malformed("Propose", "not one outcome for each record")
                outcomes = [
                    read_outcome(outcome, record, link.name)
                    for outcome, record in zip(response.outcomes, records, strict=True)
                ]
            except grpc.aio.AioRpcError as error:
                if reason(error) == "malformed":
                    raise ProposalRefused(error.details(), link.name) from error
                # Two members that take each other for the leader must not keep us spinning.
                hints = hints + 1 if self._learn_leader(link, error) else 0
                if 0 < hints < len(self._links):
                    continue
            except _Superseded:
                continue
            except Malformed as error:
                _log.error("member %s answered a proposal with %s", link.name, error)
                self._leader = None  # Or whoever once led could keep all proposals for itself.
            else:
                self._leader = link.name
                self._silent.discard(link.name)
                return outcomes
            await asyncio.sleep(next(pauses))
        raise AssertionError("the order of proposals never ends")

    async def find(self, **by: Any) -> Search:
        """Search for deposits; an empty result was confirmed by a quorum."""
        request = pb.FindRequest(linearizable=True, **by)

        def read(response: pb.FindResponse) -> Search:
            found = tuple(
                Found(read_statement(each.position), each.item_index) for each in response.found
            )
            return Search(found, response.height, response.size, response.other_algorithm)

        return await self.read("Find", request, read)

    async def find_elsewhere(self, statement_id: bytes, told_by: str) -> Placed | None:
        """Where a statement stands by the word of another member than `told_by`, if there is one.

        That member has asked a quorum how far it must have come before it says that there is none.
        """
        request = pb.FindRequest(linearizable=True, statement_id=statement_id)

        def read(response: pb.FindResponse) -> Placed | None:
            found = [read_statement(each.position) for each in response.found]
            if any(each.statement.statement_id != statement_id for each in found):
                raise Malformed("Find", "the entry of another statement")
            return found[0] if found else None

        others = [link for link in self._read_order() if link.name != told_by]
        return await self.read("Find", request, read, others or None)

    async def key_entries(self, public_key: str, patience_s: float | None = None) -> list[KeyEntry]:
        """What the chain says about a key, oldest first; an empty list was confirmed."""
        request = pb.FindKeyRequest(public_key=public_key, linearizable=True)

        def read(response: pb.FindKeyResponse) -> list[KeyEntry]:
            entries = [parse_entry(data) for data in response.entries]
            return [entry for entry in entries if isinstance(entry, KeyEntry)]

        return await self.read("FindKey", request, read, patience_s=patience_s)

    async def prove(
        self,
        statement_id: bytes,
        item_index: int,
        wait_ms: int,
        check: CheckProof,
        *,
        later: bool = False,
    ) -> Proven:
        """The proof of an item from the first member that has one which `check` accepts; on request
        with the seals that came later.

        Waits up to `wait_ms` for the seals; without a proof by then, the best that was heard. While
        nobody says anything, all are asked for as long as for any read.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        end, patience_end = start + wait_ms / 1000, start + self._read_patience_s
        heard: Proven | None = None
        for pause in _pauses():
            for link in self._read_order():
                left_ms = max(0, int((end - loop.time()) * 1000))
                request = pb.ProveRequest(
                    statement_id=statement_id,
                    item_index=item_index,
                    wait_ms=min(left_ms, PROVE_WAIT_MS_MAX),
                    later=later,
                )
                proven = await self._prove_at(link, request, check)
                if proven is not None and proven.proof is not None:
                    return proven
                if proven is not None and (heard is None or heard.placed is None):
                    heard = proven
            if loop.time() + pause >= (end if heard else max(end, patience_end)):
                break
            await asyncio.sleep(pause)
        if heard is None:
            raise CannotCheck("no member answered")
        return heard

    async def checkpoint(self) -> pb.CheckpointResponse:
        """The newest sealed checkpoint of some member, with its policy and members texts."""
        return await self.read("Checkpoint", pb.CheckpointRequest(), lambda response: response)

    async def statuses(
        self, timeout_s: float = READ_TIMEOUT_S, besides: str = ""
    ) -> dict[str, pb.StatusResponse]:
        """What each member that answers in time says about itself; `besides` is not asked."""

        return await self.ask_all("Status", pb.StatusRequest(), timeout_s, besides)

    async def ask_all(
        self, method: str, request: Message, timeout_s: float, besides: str = ""
    ) -> dict[str, Any]:
        """The answers of those members that give one in time."""

        async def ask(link: Link) -> Any:
            try:
                return await link.call(method, request, timeout_s)
            except (grpc.aio.AioRpcError, Malformed):
                return None

        names = [name for name in self._links if name != besides]
        answers = await asyncio.gather(*(ask(self._links[name]) for name in names))
        found = zip(names, answers, strict=True)
        return {name: answer for name, answer in found if answer is not None}

    async def _propose_at(self, link: Link, request: pb.ProposeRequest) -> pb.ProposeResponse:
        """What the member taken for the leader answers, or `_Superseded` if it is silent and most
        follow another. What was proposed there may still come onto the chain: then it is found
        standing when it is proposed again."""
        answer = asyncio.ensure_future(link.call("Propose", request, PROPOSE_TIMEOUT_S))
        successor = asyncio.ensure_future(self._successor(link.name))
        try:
            await asyncio.wait({answer, successor}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._leader = successor.result()
                raise _Superseded
            response: pb.ProposeResponse = answer.result()
            return response
        finally:
            answer.cancel()
            successor.cancel()

    async def _successor(self, silent: str) -> str:
        """The other member that most of all members follow, once there is one. Of most, or a single
        liar could draw all proposals to itself."""
        await asyncio.sleep(SILENCE_S)
        for pause in _pauses():
            told = (await self.statuses(STATUS_TIMEOUT_S, besides=silent)).values()
            followed = Counter((status.term, status.leader) for status in told)
            for (_, leader), count in followed.items():
                if leader in self._links and leader != silent and 2 * count > len(self._links):
                    return leader
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")

    async def _prove_at(
        self, link: Link, request: pb.ProveRequest, check: CheckProof
    ) -> Proven | None:
        try:
            response = await link.call("Prove", request, request.wait_ms / 1000 + READ_TIMEOUT_S)
            placed, proof = None, None
            if response.HasField("position"):
                placed = read_statement(response.position)
                if placed.statement.statement_id != request.statement_id:
                    raise Malformed("Prove", "the entry of another statement")
            if placed is not None and response.proof:
                proof = check(response.proof)
                if (proof.entry_bytes, proof.item_index) != (
                    placed.entry_bytes,
                    request.item_index,
                ):
                    raise Malformed("Prove", "the proof of another item")
        except grpc.aio.AioRpcError as error:
            _log.debug("member %s did not prove: %s", link.name, error.details())
            return None
        except Malformed as error:
            _log.error("member %s gave a proof that does not hold: %s", link.name, error)
            return None
        return Proven(placed, proof, response.height)

    async def read(
        self,
        method: str,
        request: Message,
        read: Callable[[Any], _Answer],
        links: Sequence[Link] | None = None,
        patience_s: float | None = None,
        *,
        sure: bool = True,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> _Answer:
        """The first answer that `read` accepts. All are asked once, and again until the patience
        is over: refusals come at once, but a leader is found and a connection made only in time.
        Of what is not `sure` to be published, one round is enough: `Absent` if a member said so."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._read_patience_s if patience_s is None else patience_s)
        for pause in _pauses():
            absent = False
            for link in links or self._read_order():
                try:
                    answer = read(await link.call(method, request, timeout_s))
                    self._silent.discard(link.name)
                    return answer
                except grpc.aio.AioRpcError as error:
                    if reason(error) == "malformed":
                        raise CannotCheck(error.details()) from error
                    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                        self._silent.add(link.name)
                    absent |= reason(error) == "absent"
                    _log.debug("%s at member %s: %s", method, link.name, error.details())
                except Malformed as error:
                    _log.error("member %s answered %s with %s", link.name, method, error)
            if absent and not sure:
                raise Absent(f"{method}: no member has published it")
            if loop.time() + pause >= end:
                break
            await asyncio.sleep(pause)
        raise CannotCheck("no member answered")

    def _proposal_order(self) -> Iterator[Link]:
        """The leader for as long as one is known, otherwise all in turn, for ever."""
        names = list(self._links)
        turn = 0
        while True:
            if self._leader is not None:
                yield self._links[self._leader]
            else:
                yield self._links[names[turn % len(names)]]
                turn += 1

    def _learn_leader(self, link: Link, error: grpc.aio.AioRpcError) -> bool:
        """Learn from a refusal who leads; True if that is another member, to be asked at once."""
        why = reason(error)
        if why in ("busy", "disk-full"):  # Only a leader says so.
            return False
        hint = trailer(error, "leader") if why == "not-leader" else ""
        known = hint in self._links and hint != link.name
        self._leader = hint if known else None
        return known

    def followers_first(self) -> list[Link]:
        """For large reads: the leader has enough to do, and what is asked for never changes."""
        links = list(self._links.values())
        links.sort(key=lambda link: (link.name in self._silent, link.name == self._leader))
        return links

    def _read_order(self) -> list[Link]:
        """The leader first, whose answer is newest, then the others; silent ones last."""
        links = list(self._links.values())
        links.sort(key=lambda link: (link.name in self._silent, link.name != self._leader))
        return links


def _pauses() -> Iterator[float]:
    pause = PAUSE_MS_MIN
    while True:
        yield pause * (0.5 + random.random() / 2) / 1000  # noqa: S311 (spreads load, hides nothing)
        pause = min(2 * pause, PAUSE_MS_MAX)
