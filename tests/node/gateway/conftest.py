"""Three members behind real gRPC with mutual TLS, over one real chain in memory, and a gateway.

The members agree by being one: what is faked is only that they do not need Raft. Blocks are applied
by `node.chain.apply`, proofs are built and sealed with the members' own keys, and every fault a
test wants (no leader, no seals, a refusal, a lie) is set on `Cluster` or put into a member's
`script`.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from node import member_pb2 as pb
from node.chain.apply import Taken
from node.evidence import merkle
from node.evidence.checkpoint import cosign
from node.evidence.digests import ALGS
from node.evidence.entry import KeyEntry, PolicyEntry, StatementEntry, parse_entry
from node.evidence.item import page_hashes, page_items, page_path
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.note import sign_ed25519
from node.evidence.proof import LeafProof, Proof
from node.evidence.proof_text import format_proof
from node.evidence.record import StatementRecord, parse_record
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.statement import statement_id
from node.evidence.tlog_proof import TlogProof
from node.gateway.app import create_app
from node.gateway.bundles.bundling import Bundling
from node.gateway.gateway import Gateway, assemble
from node.gateway.log import publishing
from node.gateway.members.client import Members
from node.gateway.members.links import Endpoint, Identity
from node.gateway.timestamps.stamping import FOR_NO_COURT
from node.gateway.webhooks.following import Follower
from node.offchain.database import Database
from tests.databases import count_rows
from tests.node.gateway.admitted import (
    API_KEY,
    AUDITOR_KEY,
    START_MS,
    VAULT_KEY,
    AdmittedDatabase,
    admit_all,
)
from tests.node.gateway.fake_log import FakeLog
from tests.node.gateway.fake_tls import Tls, make_tls
from tests.node.gateway.unhurried import EVENTUALLY_S, wait_for_all

__all__ = ["AUDITOR_KEY", "admit_all"]

NAMES = ("court", "forensic", "notary")

World = Any  # tests/node/conftest.py; test modules cannot import each other.


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint is fresh for long enough to be shown twice: what a test made is covered. And
    nobody reads the log beside the test, whose members may be told what to answer next."""

    async def never(_: Follower) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(publishing, "FRESH_S", 0.0)
    monkeypatch.setattr(Follower, "run", never)


@pytest.fixture(scope="session")
def tls() -> dict[str, Tls]:
    return {name: make_tls(name) for name in (*NAMES, "gateway", "stranger")}


@pytest.fixture
def eventually(anyio_backend: str) -> Callable[..., Any]:
    """Waits for what only shows from outside. pytest's time-out would not end it: that may be
    raised in one of the gateway's own tasks, and the test would go on for ever."""

    async def wait(condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(EVENTUALLY_S):
            while not await condition():  # noqa: ASYNC110 (the store tells nobody)
                await asyncio.sleep(0)

    return wait


class Clock:
    """Milliseconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Standing:
    """A statement on the chain."""

    leaf_index: int
    entry: StatementEntry
    items: bytes


class Cluster:
    """One chain that three members share."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        self.memory = world.memory()
        self.leader: str | None = "court"
        self.term = 1
        self.sealing = asyncio.Event()
        self.sealing.set()
        self.applying = asyncio.Event()
        self.applying.set()
        self.proofs_stay = False
        self.proposals: list[list[bytes]] = []
        self.given_s: list[float] = []  # How long each call of a paused member was to wait for it.
        self.statements: dict[bytes, Standing] = {}
        self.heads = {0: self.memory.chain.checkpoint}  # By height, and so are the bodies.
        self.bodies: dict[int, bytes] = {0: world.genesis().data()}
        self.members = {name: FakeMember(name, self) for name in NAMES}

    @property
    def policy_text(self) -> bytes:
        text: bytes = self.memory.chain.note.policy_text
        return text

    @property
    def members_text(self) -> bytes:
        text: bytes = self.memory.chain.note.members_text
        return text

    def apply(self, records: list[bytes]) -> list[pb.Outcome]:
        self.clock.now += 1
        height = self.memory.chain.height + 1
        block = self.world.block(height, *records, time_ms=self.clock.now)
        outcomes = []
        applied = self.memory.apply(block)
        self.heads[height], self.bodies[height] = applied.chain.checkpoint, block.data
        for record, outcome in zip(records, applied.outcomes, strict=True):
            if isinstance(outcome, Taken):
                outcomes.append(pb.Outcome(position=self._take_in(record, outcome)))
            elif outcome.repeats is not None:
                position = self.position(outcome.repeats)
                outcomes.append(pb.Outcome(position=position, repeated=True))
            else:
                outcomes.append(pb.Outcome(skipped=outcome.why))
        return outcomes

    def _take_in(self, record: bytes, taken: Taken) -> pb.Position:
        if isinstance(taken.entry, StatementEntry):
            parsed = parse_record(record)
            assert isinstance(parsed, StatementRecord)
            identity = statement_id(parsed.statement_bytes)
            self.statements[identity] = Standing(taken.leaf_index, taken.entry, parsed.items)
            return self.position(identity)
        return pb.Position(leaf_index=taken.leaf_index, entry=taken.leaf)

    def position(self, identity: bytes) -> pb.Position:
        standing = self.statements[identity]
        return pb.Position(
            statement_id=identity,
            leaf_index=standing.leaf_index,
            entry=self.memory.leaves[standing.leaf_index],
        )

    def note(self, publisher: str, height: int | None = None) -> bytes:
        """The newest checkpoint this member has published, sealed by all; or that of a height."""
        height = self.members[publisher].published if height is None else height
        checkpoint = self.heads[self.memory.chain.height if height is None else height]
        origin, world = self.world.origin, self.world
        body_of = SealedCheckpoint(checkpoint, None, ())  # type: ignore[arg-type]
        time_s = self.clock.now // 1000 + 1
        lines = [
            cosign(body_of.body, time_s, f"{origin}/{name}", world.witness(name)) for name in NAMES
        ]
        log_line = sign_ed25519(body_of.body, origin, world.log(publisher))
        seals = tuple(parse_seal(line, origin) for line in lines)
        return format_sealed(SealedCheckpoint(checkpoint, log_line, seals))

    def prove(self, publisher: str, identity: bytes, item_index: int) -> bytes:
        """Real members prove up to the first note that covers it, for ever; here that is asked for
        (`proofs_stay`)."""
        standing, leaves = self.statements[identity], self.memory.leaves
        height = standing.entry.height if self.proofs_stay else self.memory.chain.height
        tree = [merkle.leaf_hash(leaf) for leaf in leaves[: self.heads[height].size]]
        deposit = standing.entry.statement
        page = page_hashes(standing.items, deposit.page)  # type: ignore[union-attr]
        keys, policies = {deposit.key, standing.entry.receipt.gateway}, self.policy_leaves()
        proof = Proof(
            item_index=item_index,
            page=page_items(standing.items, deposit.page, item_index),  # type: ignore[union-attr]
            page_path=page_path(page, deposit.page, item_index),  # type: ignore[union-attr]
            entry_bytes=leaves[standing.leaf_index],
            policy_text=self.policy_text,
            members_text=self.members_text,
            tlog=TlogProof(
                standing.leaf_index,
                tuple(merkle.inclusion_path(standing.leaf_index, tree)),
                self.note(publisher, height if self.proofs_stay else None),
            ),
            keys=tuple(
                LeafProof(index, tuple(merkle.inclusion_path(index, tree)), leaves[index])
                for index in self.key_leaves(keys)
                if index < standing.leaf_index
            ),
            policy_entries=tuple(
                LeafProof(index, tuple(merkle.inclusion_path(index, tree)), leaves[index])
                for index in (policies if len(policies) > 1 else ())
            ),
        )
        return format_proof(proof)

    def policy_leaves(self) -> list[int]:
        entries = enumerate(parse_entry(leaf) for leaf in self.memory.leaves)
        return [index for index, entry in entries if isinstance(entry, PolicyEntry)]

    def key_leaves(self, keys: set[PublicKey]) -> list[int]:
        found = []
        for index, leaf in enumerate(self.memory.leaves):
            entry = parse_entry(leaf)
            if isinstance(entry, KeyEntry) and {entry.record.key, entry.record.successor} & keys:
                found.append(index)
        return found

    def events(self, about: bytes, from_leaf: int) -> list[pb.Found]:
        """Events about a statement, from a leaf on."""
        return [
            pb.Found(position=self.position(identity))
            for identity, standing in self.statements.items()
            if (subject := getattr(standing.entry.statement, "subject", None)) is not None
            and subject.statement == about
            and standing.leaf_index >= from_leaf
        ]

    def found(self, wanted: Callable[[Standing, int], bool]) -> list[pb.Found]:
        return [
            pb.Found(position=self.position(identity), item_index=index)
            for identity, standing in self.statements.items()
            for index in range(len(standing.items) // 32)
            if wanted(standing, index)
        ]


@dataclass
class Refusal:
    """What a member answers instead of doing what it was asked."""

    status: grpc.StatusCode
    error: str
    leader: str | None = None
    after_doing_it: bool = False


@dataclass
class FakeMember(FakeLog):
    """One member's service; `script` has its next refusals by method, `tamper` changes proofs,
    `published` is the height of its newest checkpoint if not the chain's, `lies` are its answers
    by method instead of true ones, `garbled` makes every answer bytes that are none, `paused` keeps
    all of them, `claims` is whom it says it follows, in a term nobody else has heard of, and
    `rules` the newest it says to know."""

    name: str
    cluster: Cluster
    script: dict[str, deque[Refusal]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tamper: Callable[[bytes], bytes] | None = None
    behind: bool = False
    garbled: bool = False
    paused: bool = False
    claims: str = ""
    rules: int = 2
    published: int | None = None
    lies: dict[str, Any] = field(default_factory=dict)
    contradictions: dict[str, bytes] = field(default_factory=dict)
    server: grpc.aio.Server | None = None
    port: int = 0

    async def start(self, tls: dict[str, Tls]) -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self._handler(),))
        own = tls[self.name]
        credentials = grpc.ssl_server_credentials(
            [(own.private_key, own.certificate)],
            root_certificates=tls["gateway"].certificate,
            require_client_auth=True,
        )
        self.port = server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await server.start()
        self.server = server

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop(None)
            self.server = None

    def refuse(self, method: str, status: str, error: str, **how: Any) -> None:
        refusal = Refusal(grpc.StatusCode[status], error, **how)
        self.script.setdefault(method, deque()).append(refusal)

    def _handler(self) -> grpc.GenericRpcHandler:
        methods: dict[str, tuple[Any, Any]] = {
            "Propose": (pb.ProposeRequest, self._propose),
            "Find": (pb.FindRequest, self._find),
            "FindKey": (pb.FindKeyRequest, self._find_key),
            "Prove": (pb.ProveRequest, self._prove),
            "Checkpoint": (pb.CheckpointRequest, self._checkpoint),
            "Status": (pb.StatusRequest, self._status),
            **self.log_methods(),
        }

        def guarded(name: str, method: Any) -> Any:
            async def call(request: Any, context: Any) -> Any:
                self.asked.append(name)
                if self.paused:
                    await asyncio.Event().wait()
                refusals = self.script.get(name)
                refusal = refusals.popleft() if refusals else None
                if refusal is not None and not refusal.after_doing_it:
                    await self._abort(context, refusal)
                lie = self.lies.get(name)
                answer = await method(request, context) if lie is None else lie
                if refusal is not None:
                    await self._abort(context, refusal)
                return answer

            return call

        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                guarded(name, method),
                request_deserializer=request.FromString,
                response_serializer=lambda response: (
                    b"\xff\xff\xff" if self.garbled else response.SerializeToString()
                ),
            )
            for name, (request, method) in methods.items()
        }
        return grpc.method_handlers_generic_handler("cunzheng.node.Member", handlers)

    async def _abort(self, context: Any, refusal: Refusal) -> None:
        trailers = [("cunzheng-error", refusal.error)]
        if refusal.leader is not None:
            trailers.append(("leader", refusal.leader))
        await context.abort(refusal.status, refusal.error, tuple(trailers))

    async def _propose(self, request: pb.ProposeRequest, context: Any) -> pb.ProposeResponse:
        if self.cluster.leader != self.name:
            status = grpc.StatusCode.FAILED_PRECONDITION
            await self._abort(context, Refusal(status, "not-leader", self.cluster.leader))
        await self.cluster.applying.wait()
        records = list(request.records)
        self.cluster.proposals.append(records)
        return pb.ProposeResponse(outcomes=self.cluster.apply(records))

    async def _find(self, request: pb.FindRequest, _: Any) -> pb.FindResponse:
        chain = self.cluster.memory.chain
        response = pb.FindResponse(height=chain.height, size=chain.size)
        by = request.WhichOneof("by")
        if by == "ordinal":
            found = self.cluster.found(
                lambda s, i: (s.entry.first_item or 0) + i == request.ordinal
            )
        elif by == "statement_id":
            identity = request.statement_id
            known = identity in self.cluster.statements and not self.behind
            found = [pb.Found(position=self.cluster.position(identity))] if known else []
        elif by == "receipt_prefix":
            prefix = request.receipt_prefix
            found = [
                pb.Found(position=self.cluster.position(identity))
                for identity in self.cluster.statements
                if identity.startswith(prefix)
            ]
        elif by == "events":
            found = self.cluster.events(request.events.subject, request.events.from_leaf)
        elif by == "entry_hash":
            leaves = self.cluster.memory.leaves
            found = [
                pb.Found(position=self.cluster.position(identity))
                for identity, standing in self.cluster.statements.items()
                if merkle.leaf_hash(leaves[standing.leaf_index]) == request.entry_hash
            ]
        else:
            digest = request.digest
            found = self._by_digest(digest.alg, digest.value)
            others = [alg for alg in ALGS if alg != digest.alg]
            if not found and self._by_digest(others[0], digest.value):
                response.other_algorithm = others[0]
        response.found.extend(found)
        return response

    def _by_digest(self, alg: str, value: bytes) -> list[pb.Found]:
        def wanted(standing: Standing, index: int) -> bool:
            deposit: Any = standing.entry.statement
            item = standing.items[index * 32 : index * 32 + 32]
            return (deposit.mode, deposit.alg, item) == ("digest", alg, value)

        return self.cluster.found(wanted)

    async def _find_key(self, request: pb.FindKeyRequest, _: Any) -> pb.FindKeyResponse:
        leaves = self.cluster.key_leaves({parse_public_key(request.public_key)})
        entries = [self.cluster.memory.leaves[index] for index in leaves]
        return pb.FindKeyResponse(entries=entries, height=self.cluster.memory.chain.height)

    async def _prove(self, request: pb.ProveRequest, _: Any) -> pb.ProveResponse:
        cluster = self.cluster
        response = pb.ProveResponse(height=cluster.memory.chain.height)
        if self.behind or request.statement_id not in cluster.statements:
            return response
        response.position.CopyFrom(cluster.position(request.statement_id))
        try:
            async with asyncio.timeout(request.wait_ms / 1000):
                await cluster.sealing.wait()
        except TimeoutError:
            return response
        proof = cluster.prove(self.name, request.statement_id, request.item_index)
        response.proof = self.tamper(proof) if self.tamper else proof
        return response

    async def _checkpoint(self, _: pb.CheckpointRequest, __: Any) -> pb.CheckpointResponse:
        cluster = self.cluster
        return pb.CheckpointResponse(
            note=cluster.note(self.name) if cluster.sealing.is_set() else b"",
            policy_text=cluster.policy_text,
            members_text=cluster.members_text,
        )

    async def _status(self, _: pb.StatusRequest, __: Any) -> pb.StatusResponse:
        leads = self.cluster.leader == self.name
        chain = self.cluster.memory.chain
        return pb.StatusResponse(
            member=self.name,
            origin=self.cluster.world.origin,
            role="leader" if leads else "follower",
            term=self.cluster.term + (1_000 if self.claims else 0),
            leader=self.claims or self.cluster.leader or "",
            applied=chain.height,
            sealed_height=chain.height if self.cluster.sealing.is_set() else 0,
            rules=self.rules,
        )


@pytest.fixture
async def cluster(
    anyio_backend: str,
    world: World,
    clock: Clock,
    tls: dict[str, Tls],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Cluster]:
    cluster = Cluster(world, clock)
    wait_for_all(cluster, monkeypatch)
    cluster.apply([world.key("enrol", world.gateway.public, role="gateway")])
    for member in cluster.members.values():
        await member.start(tls)
    yield cluster
    for member in cluster.members.values():
        await member.stop()


MakeGateway = Callable[..., Any]


@pytest.fixture
async def make_gateway(
    cluster: Cluster, clock: Clock, tls: dict[str, Tls], admitted_database: AdmittedDatabase
) -> AsyncIterator[MakeGateway]:
    """Starts gateways; what is not said is one of its own kind."""
    stops: list[Callable[[], Any]] = []

    async def make(
        database_name: str = "gateway",
        signer: Any = None,
        read_patience_s: float = 0.0,
        for_courts: Any = FOR_NO_COURT,
    ) -> Gateway:
        members = Members(
            [
                Endpoint(name, f"127.0.0.1:{member.port}", tls[name].certificate)
                for name, member in cluster.members.items()
            ],
            Identity(tls["gateway"].certificate, tls["gateway"].private_key),
            read_patience_s,
        )
        database = Database(admitted_database(database_name))
        await database.__aenter__()
        signer = signer or cluster.world.gateway
        note, options = cluster.world.note(), {"public_only": False, "for_courts": for_courts}
        gateway = assemble(note, signer, VAULT_KEY, members, database, clock, **options)
        tasks = [asyncio.create_task(each.run()) for each in (gateway, Bundling(gateway))]

        async def stop() -> None:
            if all(task.done() for task in tasks):
                return
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await members.close()
            await database.__aexit__()

        gateway_stops[id(gateway)] = stop
        stops.append(stop)
        await asyncio.sleep(0)
        return gateway

    gateway_stops: dict[int, Callable[[], Any]] = {}
    make.stop = lambda gateway: gateway_stops[id(gateway)]()  # type: ignore[attr-defined]
    yield make
    for stop in reversed(stops):
        await stop()


@pytest.fixture
async def gateway(make_gateway: MakeGateway) -> Gateway:
    made: Gateway = await make_gateway()
    return made


class Client:
    """Speaks HTTP to a gateway as a depositor with an API key."""

    def __init__(self, gateway: Gateway, cluster: Cluster, database_url: str) -> None:
        self.gateway = gateway
        self._cluster = cluster
        self._database_url = database_url
        self._keys = (f"test-{number}" for number in itertools.count(1))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(gateway)),
            base_url="http://gateway.test",
            headers={"authorization": f"Bearer {API_KEY}"},
        )

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.http.get(path, **options)

    async def post(
        self, path: str, body: Any, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = {"idempotency-key": key or next(self._keys), **options.pop("headers", {})}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(path, headers=headers, **content, **options)

    async def anchor(self, body: Any, **options: Any) -> httpx.Response:
        return await self.post("/v1/anchors", body, **options)

    async def batch(self, body: Any, **options: Any) -> httpx.Response:
        if isinstance(body, bytes):
            headers = {"content-type": "application/octet-stream", **options.pop("headers", {})}
            options["headers"] = headers
        return await self.post("/v1/anchors:batch", body, **options)

    def rows(self) -> int:
        """How many statements are stored, counted by other means than the gateway's."""
        return count_rows(self._database_url, "requests")

    def left_nothing(self) -> bool:
        """Whether nothing was proposed and nothing stored."""
        return not self._cluster.proposals and self.rows() == 0


@pytest.fixture
async def clients(
    anyio_backend: str, cluster: Cluster, admitted_database: AdmittedDatabase
) -> AsyncIterator[Callable[[Gateway], Client]]:
    made: list[Client] = []

    def make(gateway: Gateway) -> Client:
        made.append(Client(gateway, cluster, admitted_database("gateway")))
        return made[-1]

    yield make
    for client in made:
        await client.http.aclose()


@pytest.fixture
async def client(gateway: Gateway, clients: Callable[[Gateway], Client]) -> Client:
    return clients(gateway)
