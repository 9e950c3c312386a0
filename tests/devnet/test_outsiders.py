"""A court that takes no part: it witnesses the chain and audits it, with real processes."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from devnet.accounts import admit_at, new_api_key
from devnet.ceremony import free_ports
from devnet.cluster import Cluster
from node.accounts.vocabulary import Role
from node.evidence.checkpoint import verify_cosignature
from node.evidence.note import (
    TYPE_COSIGNATURE,
    Vkey,
    ed25519_vkey,
    format_vkey,
    lines_by,
    parse_note,
)
from node.keyfile import create

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

NAME = "expert.example/witness"
DEADLINE_S = 60


def prepared(cluster: Cluster, directory: Path, auditor: str) -> tuple[Path, Path, Vkey]:
    """A witness's settings, an auditor's key file, and the members told of the witness."""
    directory.mkdir()
    key = create(directory / "witness.key.pem").public
    vkey = ed25519_vkey(NAME, key, TYPE_COSIGNATURE)
    (port,) = free_ports(1)
    settings = directory / "witness.toml"
    settings.write_text(
        f'name = "{NAME}"\nkey = "witness.key.pem"\nlisten = "127.0.0.1:{port}"\n'
        f'state = "state"\n[[logs]]\npolicy = "{cluster.places.policy}"\n'
    )
    for member in cluster.members:
        with cluster.places.settings(member).open("a") as file:
            url = f"http://127.0.0.1:{port}"
            file.write(f'\n[[witnesses]]\nurl = "{url}"\nvkey = "{format_vkey(vkey)}"\n')
    (directory / "auditor.key").write_text(auditor)
    (directory / "auditor.key").chmod(0o600)
    return settings, directory / "auditor.key", vkey


@contextmanager
def running(settings: Path) -> Iterator[None]:
    line = [sys.executable, "-m", "node.cli", "witness", str(settings)]
    with (settings.parent / "log").open("wb") as log, subprocess.Popen(line, stderr=log) as process:
        try:
            yield
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()


async def audited(cluster: Cluster, state: Path, *more: object) -> dict[str, object]:
    source, policy = cluster.gateway_url(), cluster.places.policy
    arguments = [source, "--json", "--state", state, "--policy", policy, *more]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.cli", "audit", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    told = json.loads(out)
    assert process.returncode == told["exit_code"] == 0, told
    assert isinstance(told, dict)
    return told


async def anchor(cluster: Cluster, number: int) -> None:
    headers = {
        "authorization": f"Bearer {cluster.api_key}",
        "idempotency-key": f"deposit-{number}",
    }
    body = {"digests": {"sha256": f"{number:064x}"}, "size": 1}
    async with httpx.AsyncClient(base_url=cluster.gateway_url(), trust_env=False) as http:
        response = await http.post("/v1/anchors", json=body, headers=headers)
        assert response.status_code == 201, response.text


async def test_a_court_outside_witnesses_and_audits(tmp_path: Path) -> None:
    """Its line stands under the published checkpoint; its audits follow the chain as it grows."""
    cluster = Cluster(tmp_path / "devnet", members=3, gateways=1)
    auditor = new_api_key()
    settings, api_key, vkey = prepared(cluster, tmp_path / "expert", auditor)
    (gateway,) = cluster.gateways
    there = cluster.places.settings(gateway)
    await admit_at(there, "office", auditor, [Role.AUDITOR], 1_790_000_000_000)
    office = ("--api-key-file", api_key)
    with running(settings):
        async with cluster:
            await anchor(cluster, 1)
            first = await _audited_until_statements(cluster, tmp_path / "tree", *office)
            for depth in ("entries", "signatures", "bodies"):
                told = await audited(cluster, tmp_path / depth, f"--{depth}", *office)
                assert int(str(told["statements"])) >= 1
            for number in range(2, 6):
                await anchor(cluster, number)
            again = await audited(cluster, tmp_path / "tree")
            assert again["size_before"] == first["size"]
            # A gateway shows a checkpoint for a second before it asks for a newer one.
            async with asyncio.timeout(DEADLINE_S):
                while again["size"] == first["size"]:
                    again = await audited(cluster, tmp_path / "tree")
            told = await audited(cluster, tmp_path / "bodies", "--bodies", *office)
            assert int(str(told["entries"])) < int(str(told["size"]))
            await _is_witnessed(cluster, vkey)


async def _audited_until_statements(
    cluster: Cluster, state: Path, *office: object
) -> dict[str, object]:
    """The first audit of a published checkpoint that covers a deposit."""
    tries = 0
    async with asyncio.timeout(DEADLINE_S):
        while True:
            tries += 1
            told = await audited(cluster, state.with_name(f"try-{tries}"), "--entries", *office)
            if int(str(told["statements"])) >= 1:
                return await audited(cluster, state)
            # A gateway shows a checkpoint for a second before it asks for a newer one.


async def _is_witnessed(cluster: Cluster, vkey: Vkey) -> None:
    """Some published checkpoint, soon the newest, has the witness's line."""
    url = f"{cluster.gateway_url()}/checkpoint"
    async with (
        asyncio.timeout(DEADLINE_S),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        while True:
            note = parse_note((await http.get(url)).content)
            if lines := lines_by(note, vkey):
                verify_cosignature(note.text, lines[0], vkey)
                return
            await asyncio.sleep(0.1)
