"""US-2: a platform sends again after a time-out, and there is no second deposit.

The same Idempotency-Key and body five times, also across a change of the leader: one number. The
same key with another body: 409. The same digest under another key: another record, and a search
lists both, oldest first, the first one unchanged.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from devnet.cluster import Cluster
from node import keyfile
from node.client.client import Client, connect
from node.client.errors import Refused
from node.evidence.digests import sha256
from tests.databases import ON_BOTH

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300), ON_BOTH]

TIMES = 5
PUBLIC = b"a page that was published, so that its digest may be public\n"


async def test_sending_again_deposits_once(tmp_path: Path, devnet_database: str) -> None:
    """Goal: retries are safe whatever happens between them, and first write wins."""
    page = tmp_path / "page.html"
    page.write_bytes(b"a page\n")
    async with Cluster(tmp_path / "devnet", 3, 2, database=devnet_database) as cluster:
        policy = cluster.places.policy.read_bytes()
        signer = keyfile.load_signer(cluster.places.depositor_key)
        urls = [cluster.gateway_url(number) for number in range(2)]
        with connect(urls, cluster.api_key, policy=policy, signer=signer) as client:
            numbers = [await _anchor(client, page)]
            for sent in range(1, TIMES):
                if sent == 2:
                    await cluster.kill(await cluster.leader())
                numbers.append(await _anchor(client, page))
            assert len(set(numbers)) == 1

            other = tmp_path / "other.html"
            other.write_bytes(b"another page\n")
            with pytest.raises(Refused) as refused:
                await _anchor(client, other)
            assert refused.value.problem is not None
            assert (refused.value.problem.status, refused.value.problem.code) == (
                409,
                "IDEMPOTENCY_MISMATCH",
            )
            public = tmp_path / "public.html"
            public.write_bytes(PUBLIC)
            await asyncio.to_thread(_first_write_wins, client, public)


async def _anchor(client: Client, file: Path) -> str:
    """One and the same request for one file."""
    (deposited,) = await asyncio.to_thread(client.attest, [file], idempotency_key="order-7")
    return deposited.proven.number


def _first_write_wins(client: Client, page: Path) -> None:
    """The same plain digest under two names of requests: two records, the older one first."""
    digest, listed = sha256(PUBLIC), []
    for name in ("first", "second"):
        (batch,) = client.prepare([page], mode="digest")
        number = client.deposit(batch, idempotency_key=name).proven.number
        again = client.deposit(batch, idempotency_key=f"{name}-again").proven.number
        assert again == number, "the same statement, whatever the request is called"
        found, searched = client.search(digest)
        assert searched.complete
        listed.append(found)
        assert [each.number for each in found][-1] == number
    first, both = listed
    assert len(first) == 1
    assert len(both) == 2
    assert replace(both[0], state=first[0].state) == first[0]
    assert both[0].accepted_at_ms <= both[1].accepted_at_ms
