"""A small world for the member's tests: keys, records and blocks, all from fixed seeds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.message import Message

from consensus.messages import Configuration, Entry, EntryKind, Voter
from consensus.peers import Identity, secure_channel
from devnet.ceremony import free_ports
from devnet.tls import Authority, der_of
from node import member_pb2 as pb
from node.chain.apply import Applied, KeyState, Taken, apply, genesis
from node.config import MemberAddress, MemberConfig
from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.item import items_root
from node.evidence.keys import PublicKey, Signer
from node.evidence.members import Member, format_members
from node.evidence.note import sign_ed25519
from node.evidence.policy import Policy, Sealer, format_policy
from node.evidence.policy_note import PolicyNote, first_note, format_body
from node.evidence.receipt import issue
from node.evidence.record import (
    Genesis,
    KeyEnrolment,
    StatementRecord,
    format_block,
    format_genesis,
    format_record,
)
from node.evidence.statement import Deposit, Event, Statement, format_statement, statement_id
from node.member.process import serve
from node.membership.founding import found

ORIGIN = "cunzheng.test/rooms"
TIME_MS = 1_790_000_000_000
NAMES = ("court", "forensic", "notary")
TIMEOUT_S = 20
"""Far beyond an election on a busy machine."""
KINDS = {"court": "court", "forensic": "forensic", "notary": "notary", "guild": "industry"}


def signer(name: str) -> Signer:
    return Signer(sha256(name.encode()))


@dataclass
class World:
    """Makes valid things; tests change them to make others."""

    origin: str = ORIGIN
    names: tuple[str, ...] = NAMES
    quorum: int = 2
    authority: Signer = field(default_factory=lambda: signer("authority"))
    gateway: Signer = field(default_factory=lambda: signer("gateway"))
    depositor: Signer = field(default_factory=lambda: signer("depositor"))

    def log(self, member: str) -> Signer:
        return signer(f"{member} log")

    def witness(self, member: str) -> Signer:
        return signer(f"{member} witness")

    def policy_texts(
        self,
        serial: int = 1,
        names: Iterable[str] | None = None,
        quorum: int | None = None,
        network: str = "test",
        rules: int = 1,
        authorities: Iterable[PublicKey] = (),
    ) -> tuple[bytes, bytes]:
        names, quorum = tuple(names or self.names), quorum or self.quorum
        members = format_members([Member(n, KINDS[n], f"示例 {n}") for n in names])
        sealers = tuple(Sealer(n, self.log(n).public, self.witness(n).public) for n in names)
        policy = Policy(
            origin=self.origin,
            network=network,
            rules=rules,
            serial=serial,
            skew_ms=2000,
            members_hash=sha256(members),
            authorities=tuple(authorities) or (self.authority.public,),
            sealers=sealers,
            quorum=quorum,
        )
        return format_policy(policy), members

    def memory(self) -> "Memory":
        """A chain of its own, at height 0."""
        return Memory(self.genesis())

    def note(self) -> PolicyNote:
        return first_note(*self.policy_texts())

    def genesis(self) -> Genesis:
        return Genesis(TIME_MS, "test-0.1", self.note())

    def next_note(
        self, before: PolicyNote, signers: Iterable[str] = ("court", "notary"), **changes: object
    ) -> PolicyNote:
        policy, members = self.policy_texts(before.serial + 1, **changes)  # type: ignore[arg-type]
        return self.sign_note(before, policy, members, signers)

    def sign_note(
        self, before: PolicyNote, policy: bytes, members: bytes, signers: Iterable[str]
    ) -> PolicyNote:
        def note(*lines: object) -> PolicyNote:
            previous = sha256(before.policy_text)
            serial = before.serial + 1
            return PolicyNote(self.origin, serial, previous, policy, members, lines)  # type: ignore[arg-type]

        unsigned = note(sign_ed25519(b"", self.origin, self.log("court")))
        body = format_body(unsigned)
        return note(*(sign_ed25519(body, self.origin, self.log(name)) for name in signers))

    def deposit(self, items: bytes, number: int = 0, **changes: object) -> Deposit:
        values: dict[str, object] = {
            "origin": self.origin,
            "key": self.depositor.public,
            "nonce": number.to_bytes(16, "big"),
            "claimed_at": TIME_MS,
            "mode": "commitment",
            "alg": "sha256",
            "count": len(items) // 32,
            "page": 1,
        }
        values |= changes
        values.setdefault("items_root", items_root(items, int(str(values["page"]))))
        return Deposit(**values)  # type: ignore[arg-type]

    def event(self, number: int = 0, **changes: object) -> Event:
        values: dict[str, object] = {
            "origin": self.origin,
            "key": self.depositor.public,
            "nonce": number.to_bytes(16, "big"),
            "claimed_at": TIME_MS,
            "type": "health",
            "details": bytes(32),
            "subject": None,
        }
        return Event(**values | changes)  # type: ignore[arg-type]

    def record(self, statement: Statement, items: bytes = b"", by: Signer | None = None) -> bytes:
        data = format_statement(statement)
        receipt = issue(self.gateway, self.origin, statement_id(data), TIME_MS)
        signature = (by or self.depositor).sign(data)
        return format_record(StatementRecord(receipt, signature, data, items))

    def deposited(self, number: int = 0, count: int = 1, **changes: object) -> bytes:
        """The record of a deposit of `count` items that no other number has."""
        items = b"".join(sha256(b"%d/%d" % (number, index)) for index in range(count))
        return self.record(self.deposit(items, number, **changes), items)

    def key(self, action: str, key: PublicKey, serial: int = 1, **changes: object) -> bytes:
        values: dict[str, object] = {
            "origin": self.origin,
            "action": action,
            "effective": TIME_MS,
            "key": key,
            "role": "depositor",
            "serial": serial,
        }
        data = format_key_record(KeyRecord(**values | changes))  # type: ignore[arg-type]
        signature = self.authority.sign(data)
        return format_record(KeyEnrolment(self.authority.public, signature, data))

    def block(self, height: int, *records: bytes, **changes: object) -> Entry:
        values: dict[str, object] = {
            "index": height,
            "term": 1,
            "kind": EntryKind.NORMAL,
            "time_ms": TIME_MS + height,
            "proposer": "court",
            "version": "test-0.1",
            "data": format_block(records),
        }
        return Entry(**values | changes)  # type: ignore[arg-type]


class Memory:
    """A `Past` in memory, and the chain so far: the other implementation beside the store."""

    def __init__(self, first: Genesis) -> None:
        self.leaves: list[bytes] = []
        self.statements: set[bytes] = set()
        self.keys: dict[PublicKey, KeyState] = {}
        self._take_in(genesis(first))

    def has_statement(self, identity: bytes) -> bool:
        return identity in self.statements

    def key_state(self, key: PublicKey) -> KeyState | None:
        return self.keys.get(key)

    def apply(self, block: Entry) -> Applied:
        applied = apply(self.chain, block, self)
        self._take_in(applied)
        return applied

    def _take_in(self, applied: Applied) -> None:
        self.chain = applied.chain
        self.leaves += applied.leaves
        self.keys |= applied.key_states
        for outcome in applied.outcomes:
            if isinstance(outcome, Taken) and outcome.statement is not None:
                self.statements.add(outcome.statement.statement_id)


_ANSWERS = {"PushSeals": "SealsResponse"}


class Refused(Exception):
    """A member's error: its code (None if it did not answer) and, where it tells, the leader."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        told = dict(error.trailing_metadata() or ())
        super().__init__(f"{told.get('cunzheng-error')}: {error.details()}")
        self.status = error.code()
        self.code = told.get("cunzheng-error")
        self.leader = told.get("leader")


@dataclass
class House:
    """The settings and keys of several members and one gateway, in a directory of their own, and
    the members that run."""

    world: World
    directory: Path
    configs: dict[str, MemberConfig]
    voters: dict[str, Voter]
    gateway: Identity
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    channels: dict[tuple[str, bytes], grpc.aio.Channel] = field(default_factory=dict)

    def found(self) -> None:
        """Make the directories of members that have none."""
        for config in self.configs.values():
            if not config.data.exists():
                found(config, self.world.genesis(), self.directory / "voters.txt")

    def start(self, *names: str) -> None:
        for name in names or self.configs:
            self.running[name] = asyncio.create_task(serve(self.configs[name]))

    async def stop(self, *names: str) -> None:
        tasks = [self.running.pop(name) for name in names or tuple(self.running)]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def close(self) -> None:
        if self.running:
            await self.stop()
        for channel in self.channels.values():
            await channel.close()

    async def call(
        self, member: str, method: str, request: Message, identity: Identity | None = None
    ) -> Any:
        """One answer, or `Refused`; waits for the member to be there."""
        identity = identity or self.gateway
        key = member, identity.certificate
        if key not in self.channels:
            self.channels[key] = secure_channel(self.voters[member], identity)
        answer = getattr(pb, _ANSWERS.get(method, f"{method}Response"))
        call = self.channels[key].unary_unary(
            f"/cunzheng.node.Member/{method}",
            lambda message: message.SerializeToString(),
            answer.FromString,
        )
        try:
            return await call(request, timeout=TIMEOUT_S, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from error

    async def status(self, member: str) -> pb.StatusResponse:
        status = await self.call(member, "Status", pb.StatusRequest())
        assert isinstance(status, pb.StatusResponse)
        return status

    async def leader(self) -> str:
        """Who leads, once somebody does and says so itself."""
        while True:
            for name in list(self.running):
                try:
                    status = await self.status(name)
                except Refused as refused:
                    if refused.code is not None:
                        raise
                else:
                    if status.role == "leader":
                        return name
            await asyncio.sleep(0.01)

    async def propose(self, *records: bytes) -> list[pb.Outcome]:
        """At the leader, whoever that is meanwhile."""
        request = pb.ProposeRequest(records=records)
        while True:
            try:
                response = await self.call(await self.leader(), "Propose", request)
            except Refused as refused:
                if refused.code not in (None, "not-leader", "dropped", "unknown", "unavailable"):
                    raise
            else:
                return list(response.outcomes)

    async def proof(self, member: str, identity: bytes, item: int = 0) -> bytes:
        """The proof as this member has it, once it has come so far."""
        while True:
            request = pb.ProveRequest(statement_id=identity, item_index=item, wait_ms=10_000)
            try:
                response = await self.call(member, "Prove", request)
            except Refused as refused:
                # A member that stops breaks off what still waits then.
                broken_off = refused.status is grpc.StatusCode.CANCELLED
                if refused.code != "unavailable" and not broken_off:
                    raise
            else:
                if response.proof:
                    return bytes(response.proof)
            await asyncio.sleep(0.01)

    def identity(self, member: str) -> Identity:
        config = self.configs[member]
        return Identity(config.certificate.read_bytes(), config.private_key.read_bytes())


def new_house(world: World, directory: Path) -> House:
    authority = Authority()
    (directory / "genesis.txt").write_bytes(format_genesis(world.genesis()))
    configs, voters = {}, {}
    gateway = Identity(*authority.issue("gateway"))
    (directory / "gateway.pem").write_bytes(gateway.certificate)
    for port, name in zip(free_ports(len(world.names)), world.names, strict=True):
        folder = directory / name
        folder.mkdir()
        certificate, key = authority.issue(name)
        (folder / "certificate.pem").write_bytes(certificate)
        (folder / "tls.pem").write_bytes(key)
        write_key(folder / "log.pem", f"{name} log")
        write_key(folder / "witness.pem", f"{name} witness")
        address = f"127.0.0.1:{port}"
        replica_id = f"{name}/{sha256(name.encode()).hex()[:16]}"
        voters[name] = Voter(replica_id, address, der_of(certificate))
        configs[name] = MemberConfig(
            member=name,
            data=folder / "data",
            genesis=directory / "genesis.txt",
            listen=address,
            advertise=address,
            certificate=folder / "certificate.pem",
            private_key=folder / "tls.pem",
            log_key=folder / "log.pem",
            witness_key=folder / "witness.pem",
            gateways=(directory / "gateway.pem",),
        )
    configuration = Configuration(tuple(sorted(voters.values())))
    (directory / "voters.txt").write_bytes(configuration.format() + b"\n")
    for name, config in configs.items():
        others = [each for each in configs.values() if each is not config]
        members = tuple(MemberAddress(o.member, o.listen, o.certificate) for o in others)
        configs[name] = replace(config, members=members)
    return House(world, directory, configs, voters, gateway)


def write_key(path: Path, name: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()))
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


@pytest.fixture(scope="session")
def make_house() -> Callable[[World, Path], House]:
    return new_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """One member alone, not started."""
    house = new_house(World(names=("court",), quorum=1), tmp_path)
    house.found()
    yield house
    await house.close()


@pytest.fixture
async def houses(world: World, tmp_path: Path) -> AsyncIterator[House]:
    """Three members, not started."""
    house = new_house(world, tmp_path)
    house.found()
    yield house
    await house.close()


@pytest.fixture
def memory(world: World) -> Memory:
    return world.memory()


@pytest.fixture(scope="session")
def world() -> World:
    return World()
