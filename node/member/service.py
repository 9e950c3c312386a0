"""What a member answers over gRPC (proto/node/member.proto), and to whom.

Handlers are thin: who asks, what is asked, what the participant says, how that is spelled. A caller
is known by exactly its certificate: gateways are those of the settings, members those of the
configuration of the replicas, newcomers those of the settings too, and they may only ask to join.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from consensus.peers import peer_certificate
from node import member_pb2 as pb
from node.chain.apply import Outcome, Skipped, newest_rules
from node.chain.store import Position
from node.errors import BadRequest, NodeError, NotLeader, Stranger, Unavailable
from node.evidence.checkpoint import cosignature_time
from node.evidence.digests import ALGS
from node.evidence.keys import parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.note import parse_line
from node.member.exchange import read_seals, write_seals
from node.member.measuring import MemberMetrics
from node.member.participant import VERSION, Participant
from node.member.publishing import Publisher
from node.member.reporting import Reporting, role_of
from node.member.tilelog import TileLog
from node.membership.admitting import Admitting
from node.operating.health import HealthRecord
from node.operating.request_id import METADATA, request_id, working_on
from node.seals.freshness import freshest
from node.seals.sealing import Note, SentSeal

SERVICE = "cunzheng.node.Member"
WAIT_MS_MAX = 60_000
"""Nobody is kept longer; a gateway that waits for a quorum asks again."""

_CODES = {
    "malformed": grpc.StatusCode.INVALID_ARGUMENT,
    "stranger": grpc.StatusCode.PERMISSION_DENIED,
    "not-leader": grpc.StatusCode.FAILED_PRECONDITION,
    "absent": grpc.StatusCode.NOT_FOUND,
    "busy": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "disk-full": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "dropped": grpc.StatusCode.ABORTED,
    "unknown": grpc.StatusCode.UNAVAILABLE,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "corrupt": grpc.StatusCode.DATA_LOSS,
}

_Context = grpc.aio.ServicerContext[Any, Any]


class Service:
    """The handlers of one member."""

    def __init__(
        self,
        participant: Participant,
        admitting: Admitting,
        reporting: Reporting,
        gateways: frozenset[bytes],
        newcomers: frozenset[bytes],
        own: bytes,
        metrics: MemberMetrics,
    ) -> None:
        """`gateways`, `newcomers` and this member's `own` are certificates in DER."""
        self._participant = participant
        self._admitting = admitting
        self._reporting = reporting
        self._store = participant.store
        self._log = TileLog(participant, Publisher(participant.store, participant.ledger.journal))
        self._gateways = gateways
        self._newcomers = newcomers
        self._own = own
        self._metrics = metrics

    def trusted(self) -> Iterable[bytes]:
        """Certificates that may open a connection at all."""
        yield from self._gateways
        yield from self._newcomers
        yield from self._participant.peers.certificates()
        yield self._own  # Also when it was removed: its operator asks how it is.

    def handler(self) -> grpc.GenericRpcHandler:
        gateways, members, log = self._is_gateway, self._is_member, self._log

        def either(certificate: bytes) -> bool:
            return gateways(certificate) or members(certificate)

        def whoever_runs_it(certificate: bytes) -> bool:
            return either(certificate) or certificate == self._own

        def joiners(certificate: bytes) -> bool:
            return members(certificate) or certificate in self._newcomers

        methods = {
            "Propose": self._method(pb.ProposeRequest, self.propose, gateways),
            "Find": self._method(pb.FindRequest, self.find, gateways),
            "FindKey": self._method(pb.FindKeyRequest, self.find_key, gateways),
            "Prove": self._method(pb.ProveRequest, self.prove, gateways),
            "Checkpoint": self._method(pb.CheckpointRequest, self.checkpoint, either),
            "Status": self._method(pb.StatusRequest, self.status, whoever_runs_it),
            "Tile": self._method(pb.TileRequest, log.tile, either),
            "Entries": self._method(pb.EntriesRequest, log.entries, either),
            "Body": self._method(pb.BodyRequest, log.body, either),
            "Block": self._method(pb.BlockRequest, log.block, either),
            "Policy": self._method(pb.PolicyRequest, log.policy, either),
            "Consistency": self._method(pb.ConsistencyRequest, log.consistency, either),
            "Contradictions": self._method(
                pb.ContradictionsRequest, log.contradictions, whoever_runs_it
            ),
            "Health": self._method(pb.HealthRequest, self._reporting.health, either),
            "PushSeals": self._method(pb.SealsRequest, self.push_seals, members),
            "PullSeals": self._method(pb.PullSealsRequest, self.pull_seals, members),
            "Report": self._method(pb.ReportRequest, self._reporting.receive, members),
            "Leave": self._method(pb.LeaveRequest, self._admitting.leave, self._admitting.votes),
            "Join": self._method_for(pb.JoinRequest, self._admitting.join, joiners),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    # For gateways.

    async def propose(self, request: pb.ProposeRequest) -> pb.ProposeResponse:
        outcomes = await self._participant.propose(request.records)
        answers = await self._participant.read(lambda: [self._outcome(each) for each in outcomes])
        return pb.ProposeResponse(outcomes=answers)

    async def find(self, request: pb.FindRequest) -> pb.FindResponse:
        search = self._search(request)
        await self._ready_to_read(request.linearizable)
        return await self._participant.read(self._find, request, search)

    async def find_key(self, request: pb.FindKeyRequest) -> pb.FindKeyResponse:
        try:
            key = parse_public_key(request.public_key)
        except Malformed as error:
            raise BadRequest(str(error)) from error
        await self._ready_to_read(request.linearizable)

        def read() -> pb.FindKeyResponse:
            height = self._store.chain.height
            entries = [self._store.entry(leaf) for leaf in self._store.key_leaves(key)]
            return pb.FindKeyResponse(entries=entries, height=height)

        return await self._participant.read(read)

    async def prove(self, request: pb.ProveRequest) -> pb.ProveResponse:
        _digest(request.statement_id, "statement id")
        await self._ready_to_read(linearizable=False)
        response = await self._participant.read(self._prove, request)
        if response.HasField("position") and not response.proof:
            leaf_index, wait_ms = response.position.leaf_index, min(request.wait_ms, WAIT_MS_MAX)
            if await self._participant.wait_for_note(leaf_index, wait_ms):
                self._participant.check_serving()
                response = await self._participant.read(self._prove, request)
        return response

    # For gateways and members.

    async def checkpoint(self, _: pb.CheckpointRequest) -> pb.CheckpointResponse:
        note = self._participant.note
        await self._ready_to_read(linearizable=False)
        size = note.size if note else self._store.chain.size
        policy = (await self._participant.read(self._store.policies, size))[-1][1]
        return pb.CheckpointResponse(
            note=self._published(note) if note else b"",
            policy_text=policy.policy_text,
            members_text=policy.members_text,
        )

    def _published(self, note: Note) -> bytes:
        """All that is known to sign this checkpoint: members first, then witnesses."""
        lines = self._participant.witness_lines(note)
        return freshest(self._participant.ledger.sealing, note) + b"".join(lines)

    async def status(self, _: pb.StatusRequest) -> pb.StatusResponse:
        participant, replica = self._participant, self._participant.replica
        status, chain = replica.status(), self._store.chain
        note, newest = participant.note, participant.ledger.sealing.newest
        configuration = replica.configuration
        peers = [
            pb.Peer(
                member=(name := each.id.partition("/")[0]),
                address=each.address,
                voter=configuration.is_voter(each.id),
                match=status.matches.get(each.id, 0),
                sealed_size=newest[name].size if name in newest else 0,
            )
            for each in configuration
            if each.id != status.id
        ]
        return pb.StatusResponse(
            member=participant.member,
            origin=chain.origin,
            role=role_of(status, configuration),
            term=status.term,
            leader=(status.leader or "").partition("/")[0],
            commit=status.commit,
            applied=chain.height,
            size=chain.size,
            sealed_size=note.size if note else 0,
            sealed_height=note.height if note else 0,
            clock_ms=time.time_ns() // 1_000_000,
            version=VERSION,
            peers=peers,
            alarms=participant.alarms(),
            root=chain.frontier.root(),
            items=chain.next_ordinal,
            scrubbed=0 if participant.scrub is None else participant.scrub.reached,
            scrub_passed_s=0 if participant.scrub is None else participant.scrub.passed_s,
            scrub_damage=() if participant.scrub is None else participant.scrub.damage,
            rules=newest_rules(),
            witnesses=[_witness(*each) for each in participant.witnessed.items()],
            contradictions=participant.ledger.exposure.files,
            health=_note(self._reporting.newest),
        )

    # For members.

    async def push_seals(self, request: pb.SealsRequest) -> pb.SealsResponse:
        await self._participant.receive(read_seals(request.seals))
        return pb.SealsResponse()

    async def pull_seals(self, request: pb.PullSealsRequest) -> pb.PullSealsResponse:
        seals, yours = await self._participant.pull(request.above_size, request.member)
        response = pb.PullSealsResponse(seals=write_seals(seals))
        if yours is not None:
            response.yours.CopyFrom(*write_seals([yours]))
        return response

    # Inside.

    async def _ready_to_read(self, linearizable: bool) -> None:
        self._participant.check_serving()
        if linearizable:
            await self._participant.confirm()

    def _search(self, request: pb.FindRequest) -> Callable[[], list[tuple[Position, int]]]:
        """The look-up a request asks for."""
        store = self._store
        match request.WhichOneof("by"):
            case "ordinal":
                return lambda: _some(store.find_ordinal(request.ordinal))
            case "statement_id":
                identity = _digest(request.statement_id, "statement id")
                return lambda: _first_items([store.find_statement(identity)])
            case "receipt_prefix":
                prefix = _digest(request.receipt_prefix, "receipt prefix", 16)
                return lambda: _first_items(store.find_receipt(prefix))
            case "entry_hash":
                entry_hash = _digest(request.entry_hash, "entry hash")
                return lambda: _first_items([store.find_entry(entry_hash)])
            case "digest":
                digest = _digest(request.digest.value, "digest")
                if request.digest.alg not in ALGS:
                    raise BadRequest(f"no algorithm {request.digest.alg!r}")
                return lambda: store.find_digest(request.digest.alg, digest)
            case "events":
                subject = _digest(request.events.subject, "statement id")
                from_leaf = request.events.from_leaf
                return lambda: _first_items(store.find_events(subject, from_leaf))
            case _:
                raise BadRequest("nothing to look for")

    def _find(
        self, request: pb.FindRequest, search: Callable[[], list[tuple[Position, int]]]
    ) -> pb.FindResponse:
        chain = self._store.chain  # Before searching: at least up to here nothing is missed.
        found = [pb.Found(position=_position(p), item_index=index) for p, index in search()]
        other = ""
        if not found and request.WhichOneof("by") == "digest":
            others = (alg for alg in ALGS if alg != request.digest.alg)
            value = request.digest.value
            other = next((alg for alg in others if self._store.find_digest(alg, value)), "")
        return pb.FindResponse(
            found=found, height=chain.height, size=chain.size, other_algorithm=other
        )

    def _prove(self, request: pb.ProveRequest) -> pb.ProveResponse:
        """The answer as things stand now."""
        response = pb.ProveResponse(height=self._store.chain.height)
        position = self._store.find_statement(request.statement_id)
        if position is not None:
            response.position.CopyFrom(_position(position))
            if request.item_index >= position.count:
                raise BadRequest(f"item {request.item_index} of {position.count}")
            note = self._participant.seals.note_after(position.leaf_index)
            if note is not None:
                prover = self._participant.prover
                response.proof = prover.prove(
                    position, request.item_index, note, later=request.later
                )
        return response

    def _outcome(self, outcome: Outcome) -> pb.Outcome:
        if not isinstance(outcome, Skipped):
            return pb.Outcome(position=_position(self._store.position(outcome.leaf_index)))
        if outcome.repeats is None:
            return pb.Outcome(skipped=outcome.why)
        position = self._store.find_statement(outcome.repeats)
        assert position is not None, "what is repeated stands on the chain"
        return pb.Outcome(position=_position(position), repeated=True)

    def _is_gateway(self, certificate: bytes) -> bool:
        return certificate in self._gateways

    def _is_member(self, certificate: bytes) -> bool:
        return certificate in self._participant.peers.certificates()

    def _method(
        self,
        kind: type[Message],
        handle: Callable[[Any], Awaitable[Message]],
        allowed: Callable[[bytes], bool],
    ) -> grpc.RpcMethodHandler[Any, Any]:
        return self._method_for(kind, lambda request, _: handle(request), allowed)

    def _method_for(
        self,
        kind: type[Message],
        handle: Callable[[Any, bytes], Awaitable[Message]],
        allowed: Callable[[bytes], bool],
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A method whose answer depends on who asks."""

        async def serve(request: Message, context: _Context) -> Message:
            caller, begun_s, code = peer_certificate(context), time.perf_counter(), "cancelled"
            with working_on(request_id(_offered(context))):
                try:
                    if not allowed(caller):
                        raise Stranger("this certificate may not ask this")
                    answer = await handle(request, caller)
                    code = "ok"
                    return answer
                except NodeError as error:
                    code = error.code
                    await _abort(context, error)
                    raise AssertionError("abort raises") from error
                finally:
                    method = kind.DESCRIPTOR.name.removesuffix("Request")
                    self._metrics.called(method, code, time.perf_counter() - begun_s)

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=kind.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


def _offered(context: _Context) -> str | None:
    """The id a gateway gave this request."""
    for name, value in context.invocation_metadata() or ():
        if name == METADATA and isinstance(value, str):
            return value
    return None


async def _abort(context: _Context, error: NodeError) -> None:
    code = error.code if error.code in _CODES else Unavailable.code
    metadata = [("cunzheng-error", code)]
    if isinstance(error, NotLeader) and error.leader:
        metadata.append(("leader", error.leader))
    await context.abort(_CODES[code], str(error), tuple(metadata))


def _note(record: HealthRecord | None) -> pb.HealthNote | None:
    if record is None:
        return None
    return pb.HealthNote(
        serial=record.serial, kind=record.kind, to_ms=record.to_ms, alarms=record.alarms
    )


def _witness(name: str, cosigned: SentSeal | None) -> pb.Witness:
    if cosigned is None:
        return pb.Witness(name=name)
    time_s = cosignature_time(parse_line(cosigned.line))
    return pb.Witness(name=name, size=cosigned.size, time_s=time_s)


def _digest(value: bytes, what: str, size: int = 32) -> bytes:
    if len(value) != size:
        raise BadRequest(f"{what} of {len(value)} bytes instead of {size}")
    return value


def _position(position: Position) -> pb.Position:
    return pb.Position(
        statement_id=position.statement_id,
        height=position.height,
        leaf_index=position.leaf_index,
        time_ms=position.time_ms,
        first_item=position.first_item,
        count=position.count,
        entry=position.entry,
    )


def _first_items(positions: Iterable[Position | None]) -> list[tuple[Position, int]]:
    return [(position, 0) for position in positions if position is not None]


def _some(found: tuple[Position, int] | None) -> list[tuple[Position, int]]:
    return [] if found is None else [found]
