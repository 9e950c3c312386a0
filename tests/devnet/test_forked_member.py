"""A member whose directory was made from another history of its chain, among others that are
honest, all of them real processes: nobody counts its seals, nobody is told what it has, and a file
that anybody can check says what its key signed.

The directory is the one it had once; whoever stole it has written on it with the programs of a
member and with its keys: the very deposits that the group agreed on meanwhile, in another order, so
that their evidence numbers stand for others; or blocks without any, so that they do not exist.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from consensus.journal import Journal
from consensus.messages import EntryKind
from devnet.cluster import Cluster
from devnet.load import Answer, Client, until_answered
from node.config import load_member
from node.evidence.accusation import judge
from node.evidence.number import parse_number
from node.evidence.proof_text import parse_proof
from node.evidence.record import format_block
from node.evidence.steps import Anchor
from node.gateway.members.client import CannotCheck
from node.member.directory import open_directory
from node.member.process import read_genesis
from tests.node.forks import forge

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
LIAR, HONEST = "court", ("notary", "forensic")
"""A gateway that has proposed nothing yet asks the first member first."""
EMPTY = format_block([])
DEPOSIT = b'"type":"deposit"'
"""What no other block has; members also say that they are well."""
MEANWHILE = 8
"""Deposits; as blocks they make more leaves than as many and some empty ones."""


def height_of(cluster: Cluster, member: str) -> int:
    """How far its directory goes, while it does not run."""
    config = load_member(cluster.places.settings(member))
    with closing(open_directory(config, read_genesis(config))) as directory:
        return int(directory.store.chain.height)


def agreed(cluster: Cluster, member: str, above: int) -> list[bytes]:
    """What the group agreed on above this height, as a member that does not run has it."""
    with closing(Journal(cluster.places.data(member) / "journal")) as journal:
        heights = range(above + 1, journal.last_index + 1)
        entries = [journal.entries(height, height + 1, 0)[0] for height in heights]
    return [each.data for each in entries if each.kind is EntryKind.NORMAL]


class Asking:
    """Asks for these numbers without pause, the gateway and the liar itself, and keeps the answers
    that are not true."""

    def __init__(self, cluster: Cluster, told: Sequence[dict[str, Any]]) -> None:
        self.wrong: list[object] = []
        self.answered = 0
        self._cluster = cluster
        self._told = told

    async def gateway(self) -> None:
        client = Client(self._cluster.gateway_url(), self._cluster.api_key)
        try:
            while True:
                for told in self._told:
                    answer = await client.ask("GET", f"/v1/evidence/{told['evidence_no']}")
                    self.answered += answer.status == 200
                    found = answer.value.get("deposit")
                    if answer.status != 503 and (
                        found is None or found["entry_hash"] != told["entry_hash"]
                    ):
                        self.wrong.append(answer.value)
        finally:
            client.close()

    async def liar(self) -> None:
        while True:
            for told in self._told:
                _, ordinal = parse_number(told["evidence_no"])
                try:
                    search = await self._cluster.link(LIAR).find(ordinal=ordinal)
                except CannotCheck:
                    continue
                self.wrong.append(search)


async def anchored(cluster: Cluster, names: Sequence[str]) -> list[dict[str, Any]]:
    """Deposits one after the other, each final; what was answered."""
    client = Client(cluster.gateway_url(), cluster.api_key)
    try:
        answers: list[Answer] = []
        for name in names:
            answers.append(await until_answered(lambda: client.anchor(name)))  # noqa: B023
        return [each.value for each in answers]
    finally:
        client.close()


async def forked(
    cluster: Cluster, aside: Path, *, further: bool
) -> tuple[list[dict[str, Any]], int]:
    """Give the liar, which does not run any more, its other history; returns what the group agreed
    on meanwhile, and the size of the liar's tree. Nobody who runs remembers anything of it: they
    would tell that its disk was put back, and it would come back as a new replica.

    `further`: it had sealed with the others, and its tree is larger than theirs. Otherwise it has
    sealed only what is forged, has more blocks than they and in them less: whatever they seal is of
    larger trees than its own.
    """
    data = cluster.places.data(LIAR)
    await anchored(cluster, ["before"])
    await cluster.whole()
    await cluster.kill(LIAR)
    shutil.copytree(data, aside)
    height = height_of(cluster, LIAR)
    if further:
        await cluster.restart(LIAR)
    told = await anchored(cluster, [f"true-{number}" for number in range(MEANWHILE)])
    if further:
        await cluster.whole()
        await cluster.kill(LIAR)
    for member in HONEST:
        await cluster.kill(member)
    blocks = [each for each in agreed(cluster, HONEST[0], height) if DEPOSIT in each]
    assert len(blocks) == len(told)
    await asyncio.gather(*map(cluster.restart, HONEST))
    shutil.rmtree(data)
    shutil.move(aside, data)
    status = await cluster.status(await cluster.leader())
    assert status is not None
    empty = [EMPTY] * (status.applied - height + 1)
    config, now_ms = load_member(cluster.places.settings(LIAR)), time.time_ns() // 1_000_000
    size = forge(config, [*reversed(blocks), *empty] if further else empty, now_ms)
    assert (size > status.size) == further
    return told, size


async def published(cluster: Cluster) -> dict[str, bytes]:
    """The contradiction files that the gateway shows."""
    async with httpx.AsyncClient(base_url=cluster.gateway_url(), trust_env=False) as http:
        names = (await http.get("/contradictions/names")).raise_for_status().text.split()
        return {
            name: (await http.get(f"/contradictions/{name}")).raise_for_status().content
            for name in names
        }


def verified(*arguments: str | Path) -> int:
    """The exit code of `cunzheng verify` as a process of its own."""
    line = [sys.executable, "-m", "node.cli", "verify", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("further", [True, False], ids=["further", "behind"])
async def test_a_member_given_a_forked_history_is_refused_by_all_others(
    tmp_path: Path, until: Until, further: bool
) -> None:
    async with Cluster(tmp_path / "devnet", 3, 1) as cluster:
        told, size = await forked(cluster, tmp_path / "stolen", further=further)
        asking = Asking(cluster, told)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asking.gateway()), group.create_task(asking.liar())]
            await cluster.restart(LIAR)

            async def all_know() -> bool:
                told = await cluster.statuses()
                liar = told[LIAR]
                stopped = liar and any("serving stopped" in each for each in liar.alarms)
                return bool(stopped) and all(each and each.contradictions for each in told.values())

            await until(all_know)
            answered = asking.answered
            later = await anchored(cluster, ["later", "still-later"])
            assert asking.answered > answered > 0
            assert await cluster.leader() in HONEST
            for task in tasks:
                task.cancel()
        assert asking.wrong == []
        for value in later:
            proof = parse_proof(value["proof"].encode())
            assert sorted(each.member for each in proof.sealed.seals) == sorted(HONEST)
        status = await cluster.status(LIAR)
        assert status is not None
        assert (status.size, status.sealed_size < size) == (size, True)
        found, printed = await published(cluster), cluster.fingerprint
    assert names_the_liar(found.values(), printed) == further
    path = tmp_path / "contradiction.txt"
    for name, data in found.items():
        path.write_bytes(data)
        assert verified("--contradiction", path, "--policy-fingerprint", printed) == 0, name
        for at in range(len(data)):
            changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
            assert not judge(changed, Anchor(fingerprint=printed)).holds, at
    path.write_bytes(data.replace(b"/court ", b"/notary "))
    assert verified(path, "--policy-fingerprint", printed) == 30


def names_the_liar(files: Iterable[bytes], printed: str) -> bool:
    """Whether a file says that the liar has signed both; none says so of anybody else, and some
    file shows the liar alone against a quorum."""
    both, alone = set[str](), False
    for data in files:
        accused = judge(data, Anchor(fingerprint=printed)).accused
        assert accused is not None
        both |= {each.name for each in accused.both}
        lesser, greater = sorted((accused.first, accused.second), key=lambda side: side.by_quorum)
        assert not lesser.by_quorum
        alone |= greater.by_quorum and [each.name for each in lesser.members] == [LIAR]
    assert alone
    assert both <= {LIAR}
    return bool(both)
