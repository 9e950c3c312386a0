"""Three processes, real disks, TLS on loopback, and SIGKILL: what was acknowledged stays."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from consensus.journal import Journal
from consensus.messages import Configuration, EntryKind, Voter
from tests.consensus.certificates import der, make_identity

SCRIPT = Path(__file__).with_name("replica_process.py")
NAMES = ("court", "forensic", "notary")
DEADLINE_S = 30

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Member:
    """One replica's process, or the directory it left behind."""

    def __init__(self, settings: Path, journal: Path) -> None:
        self.settings = settings
        self.journal = journal
        self.process: Process | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._asked = 0

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, SCRIPT, self.settings, stdin=PIPE, stdout=PIPE
        )
        self._reading = asyncio.create_task(self._read(self.process))

    async def ask(self, command: str) -> dict[str, Any]:
        """Raises ConnectionError if the process ends instead of answering."""
        if self.process is None or self.process.stdin is None:
            raise ConnectionError
        self._asked += 1
        answer = asyncio.get_running_loop().create_future()
        self._answers[self._asked] = answer
        self.process.stdin.write(f"{self._asked} {command}\n".encode())
        return await answer

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self._reading

    async def stop(self) -> None:
        if (process := self.process) is not None and process.stdin is not None:
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 0
            await self._reading

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            answer = json.loads(line)
            if not (waiting := self._answers.pop(answer["id"])).done():
                waiting.set_result(answer)
        await process.wait()
        # In one step: nobody asks a process that ends, after all who wait for it were told.
        self.process = None
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError())
        self._answers.clear()


async def until(condition: Callable[[dict[str, Any]], bool], members: Iterable[Member]) -> Member:
    """The first member whose status is so; asks until one is."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            for member in members:
                with suppress(ConnectionError):
                    if condition(await member.ask("status")):
                        return member
            await asyncio.sleep(0.01)


def leads(status: dict[str, Any]) -> bool:
    return bool(status["role"] == "leader")


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[list[Member]]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in NAMES]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    identities = [make_identity(name) for name in NAMES]
    configuration = Configuration(
        tuple(
            Voter(f"{name}/{'0' * 15}1", address, der(identity))
            for name, address, identity in zip(NAMES, addresses, identities, strict=True)
        )
    )
    members = []
    for voter, identity in zip(configuration.voters, identities, strict=True):
        directory = tmp_path / voter.id.partition("/")[0]
        Journal.bootstrap(directory / "journal", voter.id, configuration)
        settings = directory / "settings.json"
        settings.write_text(
            json.dumps(
                {
                    "journal": str(directory / "journal"),
                    "address": voter.address,
                    "certificate": identity.certificate.decode(),
                    "private_key": identity.private_key.decode(),
                }
            )
        )
        members.append(Member(settings, directory / "journal"))
    for reserved in sockets:
        reserved.close()
    try:
        for member in members:
            await member.start()
        yield members
    finally:
        for member in members:
            if member.process is not None:
                await member.kill()


class Client:
    """Proposes one text after another to whoever leads and remembers what was acknowledged."""

    def __init__(self, name: str, members: list[Member]) -> None:
        self.name = name
        self.members = members
        self.acknowledged: dict[str, int] = {}

    async def run(self) -> None:
        number = 0
        while True:
            for member in self.members:
                with suppress(ConnectionError):
                    text = f"{self.name}-{number}"
                    answer = await member.ask(f"propose {text}")
                    number += 1
                    if answer["answer"] == "committed":
                        self.acknowledged[text] = answer["index"]
            await asyncio.sleep(0)


def read_journal(directory: Path) -> dict[int, tuple[int, str]]:
    journal = Journal(directory)
    entries = journal.entries(1, journal.last_index + 1, 1 << 30)
    journal.close()
    return {
        entry.index: (entry.term, entry.data.decode())
        for entry in entries
        if entry.kind is not EntryKind.CONFIGURATION
    }


async def test_what_was_acknowledged_survives_killed_leaders(members: list[Member]) -> None:
    clients = [Client(name, members) for name in "abcdefgh"]
    running = [asyncio.create_task(client.run()) for client in clients]

    def acknowledged() -> int:
        return sum(len(client.acknowledged) for client in clients)

    async def more() -> None:
        """Wait until every client was acknowledged something new, so they found the leader."""
        before = [len(client.acknowledged) for client in clients]
        async with asyncio.timeout(DEADLINE_S):
            while any(  # noqa: ASYNC110 - the clients tell by their counts
                len(client.acknowledged) <= n + 5 for client, n in zip(clients, before, strict=True)
            ):
                await asyncio.sleep(0.01)

    for _ in range(3):
        leader = await until(leads, members)
        await more()
        await leader.kill()
        successor = await until(leads, [member for member in members if member is not leader])
        await more()
        await leader.start()
        goal = max((await successor.ask("status"))["applied"], 1)
        await until(lambda status, goal=goal: status["applied"] >= goal, [leader])  # type: ignore[misc]

    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    leader = await until(leads, members)
    last = await leader.ask("propose last")
    assert last["answer"] == "committed"
    for member in members:
        await until(lambda status: status["applied"] >= last["index"], [member])
    for member in members:
        await member.stop()

    journals = [read_journal(member.journal) for member in members]
    assert journals[0] == journals[1] == journals[2]
    assert journals[0][last["index"]] == (last["term"], "last")
    assert acknowledged() > 8 * 30
    for client in clients:
        for text, index in client.acknowledged.items():
            assert journals[0][index][1] == text
    texts = [text for _, text in journals[0].values() if text]
    assert len(texts) == len(set(texts))


async def test_everything_survives_killing_everybody_at_once(members: list[Member]) -> None:
    leader = await until(leads, members)
    answers = await asyncio.gather(*(leader.ask(f"propose {n}") for n in range(100)))
    assert {answer["answer"] for answer in answers} == {"committed"}
    await asyncio.gather(*(member.kill() for member in members))
    for member in members:
        await member.start()
    leader = await until(leads, members)
    last = await leader.ask("propose last")
    assert last["term"] > answers[0]["term"]
    for member in members:
        await until(lambda status: status["applied"] >= last["index"], [member])
        await member.stop()
    journals = [read_journal(member.journal) for member in members]
    assert journals[0] == journals[1] == journals[2]
    for n, answer in enumerate(answers):
        assert journals[0][answer["index"]] == (answer["term"], str(n))
