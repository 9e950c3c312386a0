"""US-1: a platform anchors a stream of records, and the leader dies in the middle of it.

Every acknowledged record becomes final, none is lost, none is there twice, every receipt's
signature verifies, and the answers come in time. `sh scripts/bench` and `sh scripts/soak` have the
rates and the hours; here it is some seconds.
"""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devnet.cluster import Cluster, ClusterError
from devnet.yardsticks import percentile
from node import keyfile
from node.client.client import Client, Deposited, connect
from node.client.hashing import HashedFile, hash_file
from node.evidence.number import parse_number
from node.evidence.statement import statement_id
from tests.databases import ON_BOTH

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300), ON_BOTH]

PLATFORMS = 4
"""Connections of the platform, each sending one batch after the other."""
RECORDS = 40
"""In each batch; with pages of 16 the last is not full."""
BEFORE, AFTER = 12, 12
"""Batches acknowledged before the leader is killed, and after it."""
FINAL_S = 30.0
ANSWER_S = 3.0
"""For most answers. One for each platform waits for an election, which takes as long as the machine
has other things to do: `sh scripts/bench` tells the times of a machine that has none."""


@dataclass
class Stream:
    """What the platform has of it. `sent` counts what may be on the chain."""

    deposited: list[Deposited] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    sent: set[bytes] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    async def more(self, count: int) -> None:
        """Wait until so many more have been acknowledged."""
        target, deadline = len(self.deposited) + count, time.monotonic() + 60
        while len(self.deposited) < target:
            assert time.monotonic() < deadline, "the stream stands still"
            await asyncio.sleep(0.02)


def push(stream: Stream, client: Client, records: list[HashedFile]) -> None:
    """One connection: batch after batch, each with salts of its own."""
    while not stream.stop.is_set():
        (batch,) = client.prepare(records)
        stream.sent.add(statement_id(batch.statement_bytes))
        start = time.monotonic()
        stream.deposited.append(client.deposit(batch))
        stream.times_s.append(time.monotonic() - start)


async def holds(cluster: Cluster, number: str) -> bool:
    """Whether the member that leads has this deposit, once one answers."""
    _, ordinal = parse_number(number)
    async with asyncio.timeout(FINAL_S):
        while True:
            try:
                return await cluster.holds(await cluster.leader(), ordinal)
            except ClusterError:
                await asyncio.sleep(0.1)


async def test_a_stream_outlives_its_leader(tmp_path: Path, devnet_database: str) -> None:
    """Goal: nothing acknowledged is lost or doubled when the leader is killed under load."""
    records = []
    for number in range(RECORDS):
        record = tmp_path / f"order-{number}.json"
        record.write_text(f'{{"order": {number}}}')
        records.append(hash_file(record))
    stream = Stream()
    async with Cluster(tmp_path / "devnet", 3, 2, database=devnet_database) as cluster:
        policy = cluster.places.policy.read_bytes()
        signer = keyfile.load_signer(cluster.places.depositor_key)
        urls = [cluster.gateway_url(number) for number in range(2)]
        clients = [
            # Half of them ask one gateway first, half the other.
            connect(urls[at % 2 :] + urls[: at % 2], cluster.api_key, policy=policy, signer=signer)
            for at in range(PLATFORMS)
        ]
        async with asyncio.TaskGroup() as group:
            try:
                for client in clients:
                    group.create_task(asyncio.to_thread(push, stream, client, records))
                await stream.more(BEFORE)
                await cluster.kill(await cluster.leader())
                await stream.more(AFTER)
            finally:
                stream.stop.set()
        for client in clients:
            client.__exit__()
        for each in stream.deposited:
            assert await holds(cluster, each.proven.number)
    # The client raised for every receipt and proof that does not verify, so these all did.
    numbers = [proven.number for each in stream.deposited for proven in each.proofs()]
    assert len(numbers) == RECORDS * len(stream.deposited)
    assert [number for number, count in Counter(numbers).items() if count > 1] == []
    acknowledged = {statement_id(each.batch.statement_bytes) for each in stream.deposited}
    assert len(acknowledged) == len(stream.deposited)
    assert acknowledged == stream.sent, "every batch that was sent was acknowledged in the end"
    assert max(stream.times_s) <= FINAL_S
    assert percentile(stream.times_s, 0.5) <= ANSWER_S
