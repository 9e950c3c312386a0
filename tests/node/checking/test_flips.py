"""A member whose disk lies finds out and heals: the goal of this package, in fifty flips.

Three members; the files of one of them, stopped, are changed in one place: a bit of a row that is
in use, any byte of any file, the newest log, or a file is deleted. Then fsck is asked, the member
is started, everything is asked of it again and again, and its scrub goes through all it keeps. At
the end each change was either harmless, says fsck, or was named by fsck and made good by the
member; and no answer of it was ever another than the truth.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consensus.disk import REAL_DISK
from node import member_pb2 as pb
from node.checking import scrub
from node.checking.fsck import Report, examine
from node.checking.scrub import Scrub
from node.evidence.digests import sha256
from node.evidence.proof_text import parse_proof

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

DATABASES = ("journal/leveldb", "views", "seals")
OLD, NEW = 18, 10
"""Statements in tables, and in logs."""
PATIENCE_S = 60


def databases(data: Path) -> list[Path]:
    return [data / name for name in DATABASES]


def flip(path: Path, at: int, random: Random) -> str:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << random.randrange(8)
    path.write_bytes(data)
    return f"{path.parent.name}/{path.name} at {at}"


def flip_live(data: Path, random: Random) -> str:
    """A bit in a value that can still be read, wherever it lies.

    Opening a copy tells where: it deletes the tables that nothing refers to any more.
    """
    database = random.choice(databases(data))
    copy = data.with_name("copy")
    shutil.copytree(database, copy)
    with closing(REAL_DISK.open_database(copy, write_buffer_bytes=1 << 20)) as opened:
        tables = [path for path in sorted(database.glob("*.ldb")) if (copy / path.name).exists()]
        values = [value for _, value in opened.scan(b"", None) if len(value) >= 16]
    shutil.rmtree(copy)
    while True:
        value = random.choice(values)
        piece = value[: 64 - random.randrange(40)]
        for path in [*tables, max(database.glob("*.log"))]:
            if (at := path.read_bytes().find(piece)) >= 0:
                return "live: " + flip(path, at + random.randrange(len(piece)), random)


def flip_any(data: Path, random: Random) -> str:
    files = [path for each in databases(data) for path in sorted(each.iterdir())]
    path = random.choice([each for each in files if each.stat().st_size and each.name != "LOG"])
    return "any: " + flip(path, random.randrange(path.stat().st_size), random)


def flip_log(data: Path, random: Random) -> str:
    while True:
        path = max(random.choice(databases(data)).glob("*.log"))
        if size := path.stat().st_size:
            return "newest log: " + flip(path, random.randrange(size), random)


def delete(data: Path, random: Random) -> str:
    files = [path for each in databases(data) for path in sorted(each.iterdir())]
    path = random.choice([each for each in files if not each.name.startswith("LO")])
    path.unlink()
    return f"deleted: {path.parent.name}/{path.name}"


HARMS = [flip_live] * 32 + [flip_any] * 8 + [flip_log] * 6 + [delete] * 4


@dataclass
class Truth:
    """What every member must answer, if it answers."""

    positions: dict[bytes, pb.Position] = field(default_factory=dict)
    digests: dict[bytes, bytes] = field(default_factory=dict)

    def requests(self) -> Iterator[tuple[pb.FindRequest, bytes]]:
        for identity, position in self.positions.items():
            yield pb.FindRequest(statement_id=identity), identity
            yield pb.FindRequest(ordinal=position.first_item), identity
        for digest, identity in self.digests.items():
            yield pb.FindRequest(digest=pb.Digest(alg="sha256", value=digest)), identity


class Case:
    """Court under examination; notary and forensic run all the time."""

    def __init__(self, houses: Any) -> None:
        self.houses = houses
        self.config = houses.configs["court"]
        self.truth = Truth()
        self.passes = 0

    def fsck(self) -> Report:
        return examine(self.config.data, self.houses.world.genesis())

    def clear_up(self) -> None:
        """What was set aside was looked at."""
        for aside in ("data.lost-*", "data/*.lost-*", "data/*.damaged"):
            for path in self.config.data.parent.glob(aside):
                shutil.rmtree(path)

    async def deposit(self, count: int) -> None:
        world, start = self.houses.world, len(self.truth.positions)
        for number in range(start, start + count):
            plain = number % 3 == 0
            changes = {"mode": "digest"} if plain else {"page": 16}
            record = world.deposited(number, 3 if plain else 60, **changes)
            (outcome,) = await self.houses.propose(record)
            position = outcome.position
            self.truth.positions[position.statement_id] = position
            if plain:
                self.truth.digests[sha256(b"%d/%d" % (number, 1))] = position.statement_id

    async def check_answers(self) -> Counter[str]:
        """Everything at once. Each answer is the truth, or none at all."""
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._ask(*each)) for each in self.truth.requests()]
        said = Counter(each.result() for each in asking)
        del said["behind"]  # It says itself how far it has come.
        identity = Random(said.total()).choice(list(self.truth.positions))
        try:
            answer = await self.houses.call(
                "court", "Prove", pb.ProveRequest(statement_id=identity, wait_ms=1000)
            )
        except Exception as refused:
            said[str(getattr(refused, "code", refused))] += 1
        else:
            if answer.proof:
                proof = parse_proof(answer.proof)
                assert proof.entry_bytes == self.truth.positions[identity].entry
        return said

    async def _ask(self, request: pb.FindRequest, identity: bytes) -> str:
        try:
            answer = await self.houses.call("court", "Find", request)
        except Exception as refused:
            return str(getattr(refused, "code", refused))
        if answer.height < self.truth.positions[identity].height:
            return "behind"
        found = [each.position for each in answer.found]
        assert found == [self.truth.positions[identity]], str(request)
        return "right"

    async def heal(self) -> None:
        """Run court until it has all, votes, and its scrub has found nothing in a whole pass; then
        write some more, so that there is something in the logs, and stop it."""
        if "court" not in self.houses.running:
            self.houses.start("court")
        async with asyncio.timeout(PATIENCE_S):
            while not await self._takes_part():
                await self.check_answers()
            before = self.passes
            while self.passes < before + 2:  # The next one may have begun already.
                await self.check_answers()
                assert not self.houses.running["court"].done()
            while (said := await self.check_answers()) != {"right": said["right"]}:
                pass
            await self.deposit(2)
            while not await self._takes_part():
                pass
            while not await self._is_alone_in_the_group():
                pass
        await self.houses.stop("court")

    async def _takes_part(self) -> bool:
        status = await self.houses.status("court")
        height = max(each.height for each in self.truth.positions.values())
        return status.applied >= height and status.role in ("follower", "leader")

    async def _is_alone_in_the_group(self) -> bool:
        """The replica it was before, if it had to rejoin, is out of it."""
        status = await self.houses.status("notary")
        return sorted(each.member for each in status.peers) == ["court", "forensic"]


@pytest.fixture
async def case(houses: Any, monkeypatch: pytest.MonkeyPatch) -> Case:
    case = Case(houses)
    one_pass = Scrub._pass

    def counted(each: Scrub) -> None:
        if each._member == "court":
            one_pass(each)
            case.passes += 1

    monkeypatch.setattr(Scrub, "_pass", counted)
    monkeypatch.setattr(scrub, "FIRST_S", 0.0)
    monkeypatch.setattr(scrub, "APART_S", 0.05)
    monkeypatch.setattr(scrub, "SHARE", 1.0)
    monkeypatch.setattr("node.membership.joining.FIRST_S", 0.1)
    monkeypatch.setattr("node.member.process.STOP_S", 0.1)  # Only streams of peers are open.
    houses.start()
    await case.deposit(OLD)
    await houses.stop("court")
    houses.start("court")
    await case.deposit(NEW)
    await case.heal()
    return case


async def test_fifty_flips(case: Case) -> None:
    """Seeded; what was done stands in the message of whatever fails."""
    random = Random(4)
    assert len(HARMS) == 50
    outcomes: Counter[str] = Counter()
    for number, harm in enumerate(HARMS):
        case.clear_up()
        what = f"{number}: {harm(case.config.data, random)}"
        before = (case.config.data / "incarnation").read_text()
        found = case.fsck().differences
        try:
            await case.heal()
        except BaseException as error:
            error.add_note(f"{what}; fsck: {[str(each) for each in found]}")
            raise
        left = case.fsck().differences
        assert left == [], f"{what}: {[str(each) for each in left]}"
        is_same = (case.config.data / "incarnation").read_text() == before
        outcomes["harmless" if not found else "healed" if is_same else "rejoined"] += 1
        assert found or harm is not flip_live, f"{what} was not noticed"
    assert outcomes["healed"] > 10 * outcomes["rejoined"], outcomes


@pytest.mark.parametrize("kind", [b"t", b"d", b"s"], ids=bytes.decode)
async def test_a_deleted_index_is_made_again(case: Case, kind: bytes) -> None:
    """All of its rows, with every checksum right: only comparing tells."""
    path = case.config.data / "views"
    with closing(REAL_DISK.open_database(path, write_buffer_bytes=1 << 20)) as database:
        batch = database.write_batch(sync=True)
        for key, _ in database.scan(kind, bytes([kind[0] + 1])):
            batch.delete(key)
        batch.write()
    assert case.fsck().differences
    case.passes = 0
    case.houses.start("court")
    async with asyncio.timeout(PATIENCE_S):
        while not case.passes:  # noqa: ASYNC110 - it is a thread
            await asyncio.sleep(0.01)
    await case.heal()
    assert case.fsck().differences == []
