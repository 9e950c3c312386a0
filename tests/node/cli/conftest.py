"""Fixtures for the command line: a sealed chain, a folder with a file and a proof, the command.

`live` is the real gateway application on a real port, over the three members of the gateway's own
tests, in a thread of its own: commands talk to it as they would to any other.
"""

import asyncio
import importlib.util
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.cli.main import main
from node.client.hashing import hash_file
from node.evidence import item
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.item import ALG_SETS, Opening, format_details
from node.evidence.keys import Signer
from node.evidence.merkle import inclusion_path, leaf_hash, root
from node.evidence.note import Note, format_note, sign_ed25519
from node.evidence.policy import fingerprint
from node.evidence.proof import LeafProof, Proof
from node.evidence.proof_text import format_proof
from node.evidence.record import format_genesis
from node.evidence.tlog_proof import TlogProof
from node.gateway.app import create_app
from node.gateway.bundles.bundling import Bundling
from node.gateway.gateway import assemble
from node.gateway.members.client import Members
from node.gateway.members.links import Endpoint, Identity
from node.gateway.operating import health
from node.offchain import revisions
from node.offchain.database import Database
from tests.loops import Loop

SEALERS = ("court", "forensic", "notary")


class Chain:
    """A chain in memory whose newest tree can be sealed, and proofs taken from it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.memory = world.memory()
        self.policy_text, self.members_text = world.policy_texts()
        self.height = 0
        self.keys: list[tuple[int, Signer]] = []
        for signer, role in ((world.gateway, "gateway"), (world.depositor, "depositor")):
            self.keys.append((self.take(world.key("enrol", signer.public, role=role)), signer))

    def take(self, record: bytes) -> int:
        """A block with one record; the leaf index of its entry."""
        self.height += 1
        self.memory.apply(self.world.block(self.height, record))
        return len(self.memory.leaves) - 1

    def seal(self, by: tuple[str, ...] = ("court", "notary")) -> bytes:
        """The newest checkpoint with these members' seals."""
        origin, leaves = self.world.origin, self._leaf_hashes()
        body = format_checkpoint(Checkpoint(origin, len(leaves), root(leaves)))
        lines = [sign_ed25519(body, origin, self.world.log("court"))]
        time_s = self.world.block(self.height).time_ms // 1000
        lines += [cosign(body, time_s, f"{origin}/{n}", self.world.witness(n)) for n in by]
        return format_note(Note(body, tuple(lines)))

    def prove(self, leaf: int, packed: bytes, page: int = 1, **changes: Any) -> Proof:
        """The proof of item 0 of the deposit at this leaf."""
        values: dict[str, Any] = {
            "item_index": 0,
            "page": item.page_items(packed, page, 0),
            "page_path": item.page_path(item.page_hashes(packed, page), page, 0),
            "entry_bytes": self.memory.leaves[leaf],
            "policy_text": self.policy_text,
            "members_text": self.members_text,
            "keys": tuple(
                LeafProof(index, self._path(index), self.memory.leaves[index])
                for index, _ in self.keys
            ),
            "tlog": TlogProof(
                leaf, self._path(leaf), self.seal(changes.pop("by", ("court", "notary")))
            ),
        }
        return Proof(**values | changes)

    def _path(self, index: int) -> tuple[bytes, ...]:
        return tuple(inclusion_path(index, self._leaf_hashes()))

    def _leaf_hashes(self) -> list[bytes]:
        return [leaf_hash(each) for each in self.memory.leaves]


@dataclass
class Folder:
    """A depositor's folder: a file with its holder's proof, and the policy from elsewhere."""

    path: Path
    file: Path
    proof: Path
    policy: Path
    fingerprint: str
    chain: Chain

    def deposit(self, file: Path, **changes: Any) -> Proof:
        """The holder's proof of a file, deposited now."""
        digests = hash_file(file).digests
        details = format_details({"file_name": (bytes(16), "evidence")})
        opening = Opening(bytes(32), tuple(digests.digests.items()), digests.size, details)
        world, item = self.chain.world, opening.item()
        statement = world.deposit(item, number=self.chain.height, alg=ALG_SETS[1])
        leaf = self.chain.take(world.record(statement, item))
        return self.chain.prove(leaf, item, **{"opening": opening} | changes)


@pytest.fixture
def chain(world: Any) -> Chain:
    return Chain(world)


@pytest.fixture
def folder(tmp_path: Path, chain: Chain) -> Folder:
    file, policy = tmp_path / "买卖合同.pdf", tmp_path / "policy.txt"
    file.write_bytes(b"%PDF-1.7 not really\n")
    policy.write_bytes(chain.policy_text)
    (tmp_path / "genesis.txt").write_bytes(format_genesis(chain.world.genesis()))
    proof = file.with_name(f"{file.name}.proof.txt")
    folder = Folder(tmp_path, file, proof, policy, fingerprint(chain.policy_text), chain)
    proof.write_bytes(format_proof(folder.deposit(file)))
    return folder


@dataclass
class Outcome:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, in English unless told otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        exit_code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Outcome(exit_code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """The members of the gateway's tests, from the conftest beside this one."""
    path = Path(__file__).parents[1] / "gateway" / "conftest.py"
    spec = importlib.util.spec_from_file_location("gateway_fakes", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Live:
    """A gateway that answers on a port, and what a depositor has of it."""

    url: str
    cluster: Any
    key: Path
    api_key: Path
    auditor_key: Path
    policy: Path
    loop: asyncio.AbstractEventLoop

    @property
    def access(self) -> tuple[object, ...]:
        """The arguments every deposit needs."""
        return (
            *("--gateway", self.url, "--api-key-file", self.api_key),
            *("--key", self.key, "--policy", self.policy),
        )

    def do(self, action: Callable[[], Any]) -> None:
        """Run something in the gateway's thread, where its events belong."""

        async def call() -> None:
            action()

        asyncio.run_coroutine_threadsafe(call(), self.loop).result()


def write_key(path: Path, name: str) -> Path:
    """The key file of one of the world's signers."""
    key = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(0o600)
    path.write_bytes(pem)
    return path


@pytest.fixture
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("keys")
    return lambda name: write_key(folder / f"{name}.pem", name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings of a gateway whose database does not exist yet."""
    lines = [
        'listen = "127.0.0.1:1"',
        'genesis = "genesis.txt"',
        'key = "key.pem"',
        'certificate = "c.pem"',
        'private_key = "k.pem"',
        'database = "sqlite+aiosqlite:///gateway.db"',
        'vault_key = "vault-key"',
        "[[members]]",
        'name = "court"',
        'address = "127.0.0.1:2"',
        'certificate = "court.pem"',
    ]
    (tmp_path / "gateway.toml").write_text("\n".join(lines))
    return tmp_path / "gateway.toml"


@pytest.fixture
def live(
    world: Any,
    fakes: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
    key_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Live]:
    # A member that answers late on a busy machine is not what any of these tests is about.
    monkeypatch.setattr(health, "STATUS_TIMEOUT_S", 10.0)
    folder = tmp_path_factory.mktemp("gateway")
    for name, text in (("api.key", fakes.API_KEY), ("auditor.key", fakes.AUDITOR_KEY)):
        (folder / name).write_text(f"{text}\n")
        (folder / name).chmod(0o600)
    (folder / "policy.txt").write_bytes(world.policy_texts()[0])
    clock = fakes.Clock()
    cluster = fakes.Cluster(world, clock)
    for signer, role in ((world.gateway, "gateway"), (world.depositor, "depositor")):
        cluster.apply([world.key("enrol", signer.public, role=role)])
    listening = socket.create_server(("127.0.0.1", 0))
    started: threading.Event = threading.Event()
    loop, stop = Loop(), asyncio.Event()

    async def serve() -> None:
        tls = {name: fakes.make_tls(name) for name in (*fakes.NAMES, "gateway")}
        for member in cluster.members.values():
            await member.start(tls)
        endpoints = [
            Endpoint(name, f"127.0.0.1:{member.port}", tls[name].certificate)
            for name, member in cluster.members.items()
        ]
        members = Members(
            endpoints, Identity(tls["gateway"].certificate, tls["gateway"].private_key)
        )
        url = f"sqlite+aiosqlite:///{folder}/gateway.db"
        await revisions.upgrade(url)
        async with Database(url) as database:
            await fakes.admit_all(database)
            gateway = assemble(
                world.note(), world.gateway, fakes.VAULT_KEY, members, database, clock
            )
            own = [asyncio.create_task(each.run()) for each in (gateway, Bundling(gateway))]
            config = uvicorn.Config(create_app(gateway), lifespan="off", log_level="error")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            started.set()
            await stop.wait()
            server.should_exit = True
            await serving
            for task in own:
                task.cancel()
            await asyncio.gather(*own, return_exceptions=True)
        await members.close()
        for member in cluster.members.values():
            await member.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(20)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    api_keys, policy = (folder / "api.key", folder / "auditor.key"), folder / "policy.txt"
    yield Live(url, cluster, key_file("depositor"), *api_keys, policy, loop)
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()
