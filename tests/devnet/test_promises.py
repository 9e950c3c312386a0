"""The promises, kept by real processes that are killed, paused and robbed of their files.

Everything is asked from outside: deposits over HTTP, copies from each member over gRPC with the
observer's certificate, seals from the stopped members' disks. Clients repeat a request under its
key until it is answered, so at the end of a `Load` every deposit ever sent has its number, and
`items` of a member tells whether any deposit was taken twice.
"""

import asyncio
import base64
import itertools
import random
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devnet.cluster import POLL_S, Cluster, ClusterError
from devnet.load import Answer, Client, Deposited, Load, until_answered
from devnet.places import OWN_FILE
from devnet.postgresql import Postgres
from node.config import load_member
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.item import items_root
from node.evidence.keys import format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.number import format_number, parse_number
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.record import parse_genesis
from node.evidence.sealed import parse_sealed
from node.evidence.statement import Deposit, format_statement, statement_id
from node.gateway.members.answers import Found
from node.gateway.members.client import CannotCheck
from node.keyfile import load_signer
from node.member.directory import Directory, open_directory
from node.member_pb2 import StatusResponse

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

DEADLINE_S = 60.0
SOME = 20
"""Answers waited for before and after something happens."""
AT_ONCE = 50
"""Numbers read back at once."""
_LOADS = itertools.count()
"""Each deposits under names of its own."""


@dataclass
class Kept:
    """One devnet for all tests, and how many items were on the chain before the one that runs."""

    cluster: Cluster
    before: int = 0


@pytest.fixture(scope="module")
def database_of_all(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the gateways share, as `--database` says."""
    if request.config.getoption("--database") == "sqlite":
        yield OWN_FILE
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)


@pytest.fixture(scope="module")
async def kept(
    anyio_backend: str, database_of_all: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Kept]:
    """Three members and two gateways; starting these takes longer than most tests."""
    directory = tmp_path_factory.mktemp("promises") / "devnet"
    async with Cluster(directory, 3, 2, database=database_of_all) as running:
        yield Kept(running)


@pytest.fixture
async def cluster(kept: Kept) -> Cluster:
    """All of it running, whatever the test before left."""
    names = [*kept.cluster.members, *kept.cluster.gateways]
    await restart(kept.cluster, [name for name in names if not kept.cluster.is_running(name)])
    kept.before = (await agreed(kept.cluster))[0].items
    return kept.cluster


AssertKept = Callable[[Sequence[Deposited]], Awaitable[None]]


@pytest.fixture
def assert_kept(kept: Kept) -> AssertKept:
    """Every member has every answered deposit under its number, with the entry that was answered,
    no deposit twice, and the same tree as the others."""

    async def check(answers: Sequence[Deposited]) -> None:
        cluster = kept.cluster
        assert len({each.number for each in answers}) == len(answers) > 0
        for member in cluster.members:
            for start in range(0, len(answers), AT_ONCE):
                some = answers[start : start + AT_ONCE]
                await asyncio.gather(*(assert_held(cluster, member, each) for each in some))
        statuses = await agreed(cluster)
        assert {status.items for status in statuses} == {kept.before + len(answers)}
        assert len({(status.size, status.root) for status in statuses}) == 1
        assert [alarm for status in statuses for alarm in status.alarms] == []

    return check


@contextmanager
def client_of(cluster: Cluster, gateway: int = 0) -> Iterator[Client]:
    client = Client(cluster.gateway_url(gateway), cluster.api_key)
    try:
        yield client
    finally:
        client.close()


def load(cluster: Cluster, name: str, wait: str = "final", clients: int = 4) -> Load:
    urls = [cluster.gateway_url(n) for n in range(len(cluster.gateways))]
    return Load(urls, cluster.api_key, clients, f"{name}{next(_LOADS)}", wait)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(POLL_S)


async def kill_all(cluster: Cluster) -> None:
    await asyncio.gather(*(cluster.kill(name) for name in cluster.members))


async def restart(cluster: Cluster, names: Sequence[str]) -> None:
    """Together: two of three can be ready only when both are there."""
    await asyncio.gather(*(cluster.restart(name) for name in names))


async def agreed(cluster: Cluster) -> list[StatusResponse]:
    """What all members say, once they have applied the same blocks."""
    found: list[StatusResponse] = []

    async def same() -> bool:
        answers = (await cluster.statuses()).values()
        found[:] = [status for status in answers if status is not None]
        return len(found) == len(answers) and len({status.applied for status in found}) == 1

    await until(same)
    return found


async def find(cluster: Cluster, member: str, **by: Any) -> Sequence[Found]:
    """What this member finds, once it answers; a busy machine may take longer than a gateway has
    patience."""
    found: list[Found] = []

    async def answers() -> bool:
        try:
            found[:] = (await cluster.link(member).find(**by)).found
        except CannotCheck:
            return False
        return True

    await until(answers)
    return found


async def assert_held(cluster: Cluster, member: str, answer: Deposited) -> None:
    value, (_, ordinal) = answer.value, parse_number(answer.number)
    (found,) = await find(cluster, member, ordinal=ordinal)
    assert found.placed.statement.number(found.item_index) == answer.number
    assert leaf_hash(found.placed.entry_bytes).hex() == value["entry_hash"]
    assert found.placed.statement.statement_id.hex() == value["statement_id"]


# Seals


@contextmanager
def disks(cluster: Cluster) -> Iterator[list[Directory]]:
    """The data directories of members that do not run."""
    genesis = parse_genesis(cluster.places.genesis.read_bytes())
    with ExitStack() as stack:
        directories = []
        for name in cluster.members:
            config = load_member(cluster.places.settings(name))
            directories.append(open_directory(config, genesis))
            stack.callback(directories[-1].close)
        yield directories


def sealed_roots(directory: Directory) -> set[tuple[int, bytes]]:
    """Size and root of all that this member sealed, saw sealed and published."""
    remembered = directory.seals.load()
    assert remembered.halted == ""
    assert remembered.contradictions == []
    assert remembered.last is not None
    seals = [remembered.last, *remembered.newest.values()]
    checkpoints = [parse_checkpoint(seal.body) for seal in seals]
    size = 0
    while (note := directory.seals.note_after(size)) is not None:
        checkpoints.append(parse_sealed(note.data).checkpoint)
        size = note.size
    return {(each.size, each.root) for each in checkpoints}


def assert_one_history(cluster: Cluster, answers: Sequence[Deposited]) -> None:
    """Whatever was ever sealed, on any disk or in any answered proof, is about the one tree."""
    proofs = [parse_proof(each.value["proof"].encode()) for each in answers]
    sealed = {(each.sealed.checkpoint.size, each.sealed.checkpoint.root) for each in proofs}
    with disks(cluster) as directories:
        for directory in directories:
            sealed |= sealed_roots(directory)
        longest = max((each.store for each in directories), key=lambda store: store.chain.size)
        assert len({size for size, _ in sealed}) == len(sealed)
        assert all(longest.root(size) == root for size, root in sealed)


# No loss, no double


async def test_one_statement_has_one_number(cluster: Cluster, kept: Kept) -> None:
    """Goal: the same signed statement, sent five times, has one evidence number everywhere.

    Method: five requests with keys of their own, through both gateways, some answered before the
    leader is killed and the others under way at that moment; once for each such division.
    """
    answers = []
    for before in (0, 1, 3):
        statement = SignedStatement(cluster, random.Random(before))
        numbers = {await statement.send(cluster, n) for n in range(before)}
        under_way = [asyncio.create_task(statement.send(cluster, n)) for n in range(before, 5)]
        leader = await cluster.leader()
        await cluster.kill(leader)
        numbers |= set(await asyncio.gather(*under_way))
        assert len(numbers) == 1
        await cluster.restart(leader)
        answers.append((numbers.pop(), statement.identity))
    for member in cluster.members:
        for number, identity in answers:
            (found,) = await find(cluster, member, statement_id=identity)
            assert found.placed.statement.number(0) == number
    assert {status.items for status in await agreed(cluster)} == {kept.before + len(answers)}


class SignedStatement:
    """A deposit the depositor signed, as headers and body of a request."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        signer = load_signer(cluster.places.depositor_key)
        self._packed = chance.randbytes(32)
        origin = parse_genesis(cluster.places.genesis.read_bytes()).note.origin
        deposit = Deposit(
            origin=origin,
            key=signer.public,
            nonce=chance.randbytes(16),
            claimed_at=time.time_ns() // 1_000_000,
            mode="commitment",
            alg="sha256",
            count=1,
            page=1,
            items_root=items_root(self._packed, 1),
        )
        statement = format_statement(deposit)
        self.identity = statement_id(statement)
        self._headers = (
            ("content-type", "application/octet-stream"),
            ("cunzheng-statement", base64.b64encode(statement).decode()),
            ("cunzheng-signature", format_signature(signer.sign(statement))),
        )

    async def send(self, cluster: Cluster, attempt: int) -> str:
        """The number answered; even attempts go through the first gateway."""
        headers = (*self._headers, ("idempotency-key", f"{self.identity.hex()}-{attempt}"))
        with client_of(cluster, attempt % 2) as client:

            def ask() -> Awaitable[Answer]:
                return client.ask("POST", "/v1/anchors:batch", self._packed, headers)

            return str((await until_answered(ask)).value["first_evidence_no"])


async def test_any_one_member_may_be_killed(cluster: Cluster, assert_kept: AssertKept) -> None:
    """Goal: SIGKILL of any member loses nothing that was answered COMMITTED or FINAL.

    Method: clients of both kinds deposit without pause, while each member in turn is killed, the
    leader first, and comes back on its own disk; then every number is read from every member.
    """
    leader = await cluster.leader()
    victims = sorted(cluster.members, key=lambda name: name != leader)
    async with load(cluster, "f") as final, load(cluster, "c", "committed") as committed:
        for victim in victims:
            await asyncio.gather(final.more(SOME), committed.more(SOME))
            await cluster.kill(victim)
            await asyncio.gather(final.more(SOME), committed.more(SOME))
            await cluster.restart(victim)
    assert all(each.value["state"] == "FINAL" for each in final.answers)
    await assert_kept([*final.answers, *committed.answers])


async def test_all_members_may_be_killed(cluster: Cluster, assert_kept: AssertKept) -> None:
    """Goal: after SIGKILL of all at once everything answered is there, and no seals contradict.

    Method: twice under load; then numbers are read from every member, and the seals from the disks
    after the members have stopped.
    """
    async with load(cluster, "f") as final, load(cluster, "c", "committed") as committed:
        for _ in range(2):
            await asyncio.gather(final.more(SOME), committed.more(SOME))
            await kill_all(cluster)
            await restart(cluster, cluster.members)
        await asyncio.gather(final.more(SOME), committed.more(SOME))
    await assert_kept([*final.answers, *committed.answers])
    await kill_all(cluster)
    assert_one_history(cluster, final.answers)


async def test_a_paused_leader_doubles_nothing(cluster: Cluster, assert_kept: AssertKept) -> None:
    """Goal: a leader that stops for longer than an election, and then goes on, does no harm.

    Method: SIGSTOP under load until the others have elected and answered, then SIGCONT; twice, so
    that a leader of each of two terms wakes up in a later one.
    """
    async with load(cluster, "f") as final, load(cluster, "c", "committed") as committed:
        for _ in range(2):
            await asyncio.gather(final.more(SOME), committed.more(SOME))
            paused = await cluster.leader()
            cluster.pause(paused)
            assert await cluster.leader() != paused
            await asyncio.gather(final.more(SOME), committed.more(SOME))
            cluster.resume(paused)
            await cluster.ready(paused)
        await asyncio.gather(final.more(SOME), committed.more(SOME))
    await assert_kept([*final.answers, *committed.answers])
    await kill_all(cluster)
    assert_one_history(cluster, final.answers)


# Without a quorum


async def test_without_a_quorum_a_deposit_has_a_receipt(
    cluster: Cluster, assert_kept: AssertKept
) -> None:
    """Goal: with two members down a deposit is answered by 202 and its receipt, never an error,
    and by one number under the same key when they are back.

    Method: one client for each way of waiting, asking twice; the leader is one of the two.
    """
    leader = await cluster.leader()
    down = [leader, next(name for name in cluster.members if name != leader)]
    await asyncio.gather(*(cluster.kill(name) for name in down))
    with client_of(cluster, 0) as client:
        receipts = {}
        for wait in ("none", "committed", "final"):
            first, again = [await client.anchor(f"d-{wait}", wait, 300) for _ in range(2)]
            assert (first.status, again.status) == (202, 202)
            for value in (first.value, again.value):
                assert value["state"] in ("RECEIVED", "PENDING")
                assert value.get("evidence_no") is None
                receipts[value["receipt"]["signed"], value["receipt"]["signature"]] = wait
        assert len(receipts) == 3
        await restart(cluster, down)
        answers = []
        for wait in ("none", "committed", "final"):
            answer = await final_answer(client, f"d-{wait}")
            receipt = answer.value["receipt"]
            assert receipts[receipt["signed"], receipt["signature"]] == wait
            answers.append(answer)
    await assert_kept(answers)


async def final_answer(client: Client, name: str) -> Deposited:
    sent_s = time.monotonic()
    answer = await until_answered(lambda: client.anchor(name))
    assert answer.value["state"] == "FINAL"
    return Deposited(name, sent_s, time.monotonic(), answer.body)


async def test_not_found_needs_a_quorum(cluster: Cluster) -> None:
    """Goal: "not found" (V101) is said of an unknown number only with a quorum; with two members
    down the answer is "could not check" (V502), of a known number too.

    Method: the same look-ups before, while two are down, and after.
    """
    with client_of(cluster, 0) as client:
        known = (await final_answer(client, "known")).number
        unknown = format_number(time.time_ns() // 1_000_000, 4711)

        async def codes() -> list[tuple[int, bool | None, str | None]]:
            answers = [await client.ask("GET", f"/v1/evidence/{n}") for n in (known, unknown)]
            return [
                (each.status, each.value.get("found"), each.value.get("result_code"))
                for each in answers
            ]

        with_a_quorum = [(200, True, None), (200, False, "V101")]
        assert await codes() == with_a_quorum
        down = cluster.members[:2]
        await asyncio.gather(*(cluster.kill(name) for name in down))
        assert await codes() == [(503, None, "V502")] * 2
        await restart(cluster, down)
        assert await codes() == with_a_quorum


# A gateway


async def test_a_gateway_may_be_killed_after_its_receipt(
    cluster: Cluster, kept: Kept, assert_kept: AssertKept
) -> None:
    """Goal: a deposit whose gateway was killed between receipt and answer keeps its opening, and
    has one number.

    Method: no member can commit while the receipt is given, so the kill comes before any answer;
    then the members return first, and the gateway, started again, brings it in by itself.
    """
    gateway = cluster.gateways[0]
    await kill_all(cluster)
    with client_of(cluster, 0) as client:
        pending = await client.anchor("d", "committed", 100)
        assert (pending.status, pending.value["state"]) == (202, "PENDING")
        await cluster.kill(gateway)
        await restart(cluster, cluster.members)
        await cluster.restart(gateway)

        async def is_in() -> bool:
            return {status.items for status in await agreed(cluster)} == {kept.before + 1}

        await until(is_in)
        answers = [await final_answer(client, "d") for _ in range(2)]
    assert len({each.number for each in answers}) == 1
    for each in answers:
        for name in ("opening", "submitter", "receipt", "statement"):
            assert each.value[name] == pending.value[name]
    await assert_kept(answers[:1])


async def test_a_gateway_may_be_killed_at_any_time(
    cluster: Cluster, assert_kept: AssertKept
) -> None:
    """Goal: retries under one key give one number and one opening, however often the gateway died.

    Method: a gateway is killed three times while its clients deposit; afterwards each deposit is
    asked for once more.
    """
    gateway = cluster.gateways[0]
    async with Load([cluster.gateway_url(0)], cluster.api_key, 4, "g") as running:
        for _ in range(3):
            await running.more(SOME)
            await cluster.kill(gateway)
            await cluster.restart(gateway)
        await running.more(SOME)
    with client_of(cluster, 0) as client:
        for each in running.answers:
            again = await final_answer(client, each.name)
            for name in ("evidence_no", "opening", "statement", "entry_hash"):
                assert again.value[name] == each.value[name]
    await assert_kept(running.answers)


# A member's files


async def proofs_of(
    cluster: Cluster, member: str, answers: Sequence[Deposited]
) -> dict[str, bytes | None]:
    """The proofs as this member gives them; None for what it does not answer."""
    proofs: dict[str, bytes | None] = {}
    for each in answers:
        identity = bytes.fromhex(each.value["statement_id"])
        try:
            proven = await cluster.link(member).prove(identity, 0, 0, parse_proof)
        except CannotCheck:
            proofs[each.number] = None
            continue
        assert proven.placed is not None, "a member that answers has what was answered"
        assert proven.placed.statement.number(0) == each.number
        proofs[each.number] = None if proven.proof is None else format_proof(proven.proof)
    return proofs


async def proofs_of_running(
    cluster: Cluster, member: str, answers: Sequence[Deposited]
) -> dict[str, bytes | None]:
    """The same, once this member has seen enough seals for all."""
    proofs: dict[str, bytes | None] = {}

    async def complete() -> bool:
        proofs.update(await proofs_of(cluster, member, answers))
        return None not in proofs.values()

    await until(complete)
    return proofs


async def test_views_are_made_again(cluster: Cluster, assert_kept: AssertKept) -> None:
    """Goal: a member without its views makes them again from its journal, and gives the same
    proofs, byte for byte.

    Method: proofs of every deposit from this member, before and after the directory was deleted.
    """
    async with load(cluster, "v") as running:
        await running.more(SOME)
    member = cluster.members[0]
    before = await proofs_of_running(cluster, member, running.answers)
    await cluster.kill(member)
    shutil.rmtree(data(cluster, member) / "views")
    await cluster.restart(member)
    assert await proofs_of_running(cluster, member, running.answers) == before
    await assert_kept(running.answers)


async def test_damaged_views_never_answer_wrong(cluster: Cluster, assert_kept: AssertKept) -> None:
    """Goal: a member whose views were changed on disk serves what it served before or nothing, and
    comes to serve all of it again by itself.

    Method: in each round one byte of every file of one kind is flipped (seeded); the member is
    started until it stays, asked for every deposit, and started again if that ended it.
    """
    chance, noticed = random.Random(7), 0
    async with load(cluster, "v") as running:
        await running.more(SOME)
    member = cluster.members[0]
    before = await proofs_of_running(cluster, member, running.answers)
    for kind in ("*.ldb", "MANIFEST-*", "*.ldb", "*.log", "*.ldb"):
        await cluster.restart(member)  # Opening moves what was in the log into a table.
        await cluster.kill(member)
        for path in sorted((data(cluster, member) / "views").glob(kind)):
            flip(path, chance)
        await start_damaged(cluster, member)

        async def complete() -> bool:
            if not cluster.is_running(member):
                await start_damaged(cluster, member)
            now = await proofs_of(cluster, member, running.answers)
            assert all(proof in (None, before[number]) for number, proof in now.items())
            return None not in now.values()

        await until(complete)
        aside = data(cluster, member) / "views.damaged"
        noticed += aside.exists()
        shutil.rmtree(aside, ignore_errors=True)
    assert noticed > 0
    await assert_kept(running.answers)


async def start_damaged(cluster: Cluster, member: str) -> None:
    """It may end by itself once: then it has put its views aside."""
    try:
        await cluster.restart(member)
    except ClusterError:
        assert not cluster.is_running(member)
        await cluster.restart(member)


def data(cluster: Cluster, member: str) -> Path:
    return cluster.places.settings(member).parent / "data"


def flip(path: Path, chance: random.Random) -> None:
    """Change one byte, unless the file is empty."""
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
