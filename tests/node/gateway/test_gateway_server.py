"""A gateway as a process runs it: settings from files, a real socket, a signal that ends it."""

import asyncio
import dataclasses
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from devnet.accounts import admit_at, new_api_key
from node.accounts.vocabulary import Role
from node.config import PRODUCTION, load_gateway
from node.errors import Misconfigured
from node.evidence.policy_note import first_note
from node.evidence.record import format_genesis
from node.gateway.server import run_gateway
from node.keyfile import create, create_vault_key
from node.offchain import revisions
from tests.node.gateway.unhurried import EVENTUALLY_S

pytestmark = pytest.mark.anyio


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path, cluster: Any, tls: Any, free_port: int, empty_database: str) -> Path:
    """A gateway's directory, complete."""
    (tmp_path / "genesis.txt").write_bytes(format_genesis(cluster.world.genesis()))
    key = create(tmp_path / "gateway.key.pem").public
    cluster.apply([cluster.world.key("enrol", key, role="gateway")])
    (tmp_path / "gateway.pem").write_bytes(tls["gateway"].certificate)
    (tmp_path / "gateway.tls.pem").write_bytes(tls["gateway"].private_key)
    lines = [
        f'listen = "127.0.0.1:{free_port}"',
        'genesis = "genesis.txt"',
        'key = "gateway.key.pem"',
        'certificate = "gateway.pem"',
        'private_key = "gateway.tls.pem"',
        f'database = "{empty_database}"',
        'vault_key = "vault-key"',
    ]
    for name, member in cluster.members.items():
        (tmp_path / f"{name}.pem").write_bytes(tls[name].certificate)
        lines += [
            "[[members]]",
            f'name = "{name}"',
            f'address = "127.0.0.1:{member.port}"',
            f'certificate = "{name}.pem"',
        ]
    create_vault_key(tmp_path / "vault-key")
    (tmp_path / "gateway.toml").write_text("\n".join(lines))
    return tmp_path / "gateway.toml"


async def test_serves_until_a_signal_ends_it(settings: Path, free_port: int) -> None:
    key = new_api_key()
    await admit_at(settings, "acme", key, [Role.DEPOSITOR], 1_790_000_000_000)
    running = asyncio.create_task(run_gateway(load_gateway(settings)))
    headers = {"authorization": f"Bearer {key}", "idempotency-key": "one"}
    body = {"digests": {"sha256": "01" * 32}, "size": 1}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}") as http:
        response = await http.post("/v1/anchors", json=body, headers=headers)
        assert response.status_code == 201, response.text
        assert "server" not in response.headers
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(EVENTUALLY_S):
        await running


async def test_it_says_that_it_will_stop_before_it_does(settings: Path, free_port: int) -> None:
    """Whoever watches /readyz sends no more; what is sent all the same is answered; a second signal
    is the end."""
    key = new_api_key()
    await admit_at(settings, "acme", key, [Role.DEPOSITOR], 1_790_000_000_000)
    config = dataclasses.replace(load_gateway(settings), drain_s=300)
    running = asyncio.create_task(run_gateway(config))
    headers = {"authorization": f"Bearer {key}", "idempotency-key": "one"}
    body = {"digests": {"sha256": "01" * 32}, "size": 1}
    url = f"http://127.0.0.1:{free_port}"
    async with httpx.AsyncClient(base_url=url) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["draining"]) == (200, False)
        os.kill(os.getpid(), signal.SIGTERM)
        while (ready := await http.get("/readyz")).status_code == 200:
            pass
        assert (ready.status_code, ready.json()["draining"]) == (503, True)
    async with httpx.AsyncClient(base_url=url) as http:  # On a new connection: it still listens.
        response = await http.post("/v1/anchors", json=body, headers=headers)
        assert response.status_code == 201, response.text
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(EVENTUALLY_S):
        await running


async def test_settings_that_are_wrong_are_told_before_anything_listens(
    settings: Path, free_port: int
) -> None:
    config = load_gateway(settings)
    vault_key = settings.parent / "vault-key"
    vault_key.rename(settings.parent / "elsewhere")
    with pytest.raises(Misconfigured, match="vault-key"):
        await run_gateway(config)
    (settings.parent / "elsewhere").rename(vault_key)
    with (
        socket.create_server(("127.0.0.1", free_port)),
        pytest.raises(Misconfigured, match="listen"),
    ):
        await run_gateway(config)
    (settings.parent / "genesis.txt").write_bytes(b"cunzheng/genesis/v1\n")
    with pytest.raises(Misconfigured, match="genesis"):
        await run_gateway(config)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_only_a_test_gateway_upgrades_its_database(settings: Path) -> None:
    """And only a file. Any other says which command does; the operator makes a backup first."""
    config = load_gateway(settings)
    with pytest.raises(Misconfigured, match="cunzheng admin database upgrade"):
        await run_gateway(dataclasses.replace(config, profile=PRODUCTION))
    running = asyncio.create_task(run_gateway(config))
    while not (await revisions.check(config.database)).is_current:
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_database_of_another_vault_key_is_not_served(settings: Path) -> None:
    await admit_at(settings, "acme", new_api_key(), [Role.DEPOSITOR], 1_790_000_000_000)
    (settings.parent / "vault-key").unlink()
    create_vault_key(settings.parent / "vault-key")
    with pytest.raises(Misconfigured, match="`vault_key` is not the key"):
        await run_gateway(load_gateway(settings))


async def test_a_production_chain_is_served_in_the_production_profile(
    settings: Path, cluster: Any
) -> None:
    """There the officers are named; what a test may leave out is not left out by mistake."""
    genesis = cluster.world.genesis()
    real = first_note(*cluster.world.policy_texts(network="production"))
    (settings.parent / "genesis.txt").write_bytes(
        format_genesis(dataclasses.replace(genesis, note=real))
    )
    with pytest.raises(Misconfigured, match='set `profile` to "production"'):
        await run_gateway(load_gateway(settings))


def test_runs_in_a_uvloop() -> None:
    """The loop a gateway process uses is there."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(asyncio.sleep(0, "runs")) == "runs"
