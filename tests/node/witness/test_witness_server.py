"""A witness as a process runs it: its settings, real HTTP, signals, and SIGKILL at any moment."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.sim.disk import SimDisk
from node.errors import DiskFailed, Misconfigured
from node.evidence.checkpoint import verify_cosignature
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.note import TYPE_COSIGNATURE, ed25519_vkey, format_line, parse_note, parse_vkey
from node.keyfile import load_signer
from node.witness.cosigning import Witness
from node.witness.protocol import PATH, REQUEST_SIZE_MAX, parse_cosignatures
from node.witness.server import WAITING_MAX, Desk, create_app, open_state, run_witness
from node.witness.settings import (
    LogConfig,
    WitnessConfig,
    followed_logs,
    load_witness,
    watched_logs,
)
from node.witness.state import State
from node.witness.watching import Followed, Watched

NAME = "witness.example/court"
STATE = Path("/state")


@asynccontextmanager
async def asked(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(desk))
    async with httpx.AsyncClient(transport=transport, base_url="http://witness") as http:
        yield http


def new_desk(log: Any, disk: SimDisk) -> Desk:
    State.create(STATE, disk)
    watched = Watched(log.origin, (parse_vkey(log.vkey),))
    return Desk(Witness(NAME, Signer(bytes([3]) * 32), [watched], State(STATE, disk)))


@pytest.mark.anyio
async def test_over_http(log: Any) -> None:
    desk = new_desk(log, SimDisk())
    async with asked(desk) as http:
        shown = f"/{sha256(log.origin.encode()).hex()}/checkpoint"
        assert (await http.get(shown)).status_code == 404
        answer = await http.post(PATH, content=log.request(0, 5))
        assert answer.status_code == 200
        assert (await http.get(shown)).content == log.note(5) + answer.content
        answer = await http.post(PATH, content=log.request(0, 9))
        assert (answer.status_code, answer.content) == (409, b"5\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"
        assert (await http.get("/nonsense/checkpoint")).status_code == 404
        assert (await http.get("/healthz")).content == b"ok\n"
        too_long = log.request(5, 9) + bytes(REQUEST_SIZE_MAX)
        assert (await http.post(PATH, content=too_long)).status_code == 413
        assert (await http.get(PATH)).status_code == 405
    desk.close()


@pytest.mark.anyio
async def test_many_at_once_make_one_history(log: Any) -> None:
    """Every request says `old 5`; exactly one of them is right by the time it is judged."""
    desk = new_desk(log, SimDisk())
    async with asked(desk) as http:
        await http.post(PATH, content=log.request(0, 5))
        answers = await asyncio.gather(
            *(http.post(PATH, content=log.request(5, size)) for size in range(6, 6 + WAITING_MAX))
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * (WAITING_MAX - 1)
    desk.close()


@pytest.mark.anyio
async def test_a_flood_is_told_to_wait(log: Any) -> None:
    desk = new_desk(log, SimDisk())
    async with asked(desk) as http:
        requests = (http.post(PATH, content=log.request(0, 5)) for _ in range(3 * WAITING_MAX))
        answers = await asyncio.gather(*requests)
    assert 503 in {answer.status_code for answer in answers}
    desk.close()


@pytest.mark.anyio
async def test_after_the_disk_refused_nothing_is_answered(log: Any) -> None:
    disk = SimDisk()
    desk, stopped = new_desk(log, disk), asyncio.Event()
    desk.on_failure(stopped.set)
    async with asked(desk) as http:
        disk.fail_sync()
        assert (await http.post(PATH, content=log.request(0, 5))).status_code == 500
        assert stopped.is_set()
        assert (await http.post(PATH, content=log.request(0, 5))).status_code == 500
        assert (await http.get("/healthz")).status_code == 500
    with pytest.raises(DiskFailed):
        desk.close()


# Settings


def test_a_witness_s_settings(witness_toml: Path, log: Any) -> None:
    config = load_witness(witness_toml)
    assert config.logs == (LogConfig(None, "", log.origin, (log.vkey,)),)
    assert config.state == witness_toml.parent / "state"
    assert watched_logs(config) == [Watched(log.origin, (parse_vkey(log.vkey),))]


def test_a_chain_of_ours_is_watched_by_its_policy(
    witness_toml: Path, world: Any, tmp_path: Path
) -> None:
    (tmp_path / "policy.txt").write_bytes(world.policy_texts()[0])
    text = witness_toml.read_text().split("[[")[0] + '[[logs]]\npolicy = "policy.txt"\n'
    witness_toml.write_text(text)
    (watched,) = watched_logs(load_witness(witness_toml))
    assert (watched.origin, len(watched.keys)) == (world.origin, 3)
    assert watched.policy is not None


def test_a_chain_of_ours_is_followed_from_its_policy_on(
    witness_toml: Path, world: Any, tmp_path: Path
) -> None:
    head, followed = witness_toml.read_text().split("[[")[0], '[[logs]]\npolicy = "policy.txt"\n'
    (tmp_path / "policy.txt").write_bytes(world.policy_texts()[0])
    followed += 'url = "https://log.example/"\n'
    witness_toml.write_text(head + followed)
    config = load_witness(witness_toml)
    assert watched_logs(config) == []
    (chain,) = followed_logs(config)
    assert chain == Followed(world.policy_texts()[0], "https://log.example/")
    assert (chain.origin, chain.serial) == (world.origin, 1)
    witness_toml.write_text(head + 2 * followed)
    with pytest.raises(Misconfigured, match="followed already"):
        followed_logs(load_witness(witness_toml))
    witness_toml.write_text(head + followed)
    (tmp_path / "policy.txt").write_bytes(b"log of another kind\n")
    with pytest.raises(Misconfigured, match=r"policy\.txt"):
        followed_logs(load_witness(witness_toml))
    witness_toml.write_text(head + followed.replace("https", "ftp"))
    with pytest.raises(Misconfigured, match="not https"):
        load_witness(witness_toml)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[[logs]]", '[[logs]]\npolicy = "x"', "not both"),
        ("[[logs]]", '[[logs]]\nurl = "https://log.example"', "`url` goes with the `policy`"),
        ('origin = "log.example/one"', "", "`origin` is missing"),
        ("vkeys = [", "vkeys = 3 #", "`vkeys` is not a list"),
        ('"log.example/one+', '"log.example/two+', "log.example/one: vkey"),
        ("[[logs]]", "logs = []\n[x]", "unknown setting `x`"),
        ("name =", "nome =", "unknown setting `nome`"),
    ],
)
def test_wrong_settings_of_a_witness_are_named(
    witness_toml: Path, old: str, new: str, reason: str
) -> None:
    witness_toml.write_text(witness_toml.read_text().replace(old, new, 1))
    with pytest.raises(Misconfigured, match=reason):
        watched_logs(load_witness(witness_toml))


def test_a_witness_without_logs_is_none(witness_toml: Path) -> None:
    witness_toml.write_text(witness_toml.read_text().split("[[")[0] + "logs = []\n")
    with pytest.raises(Misconfigured, match="no log to watch"):
        load_witness(witness_toml)


@pytest.mark.parametrize("name", ["two words", "a+b", "", "tab\\there"])
def test_a_name_that_cannot_stand_in_a_line(witness_toml: Path, name: str) -> None:
    witness_toml.write_text(witness_toml.read_text().replace(NAME, name))
    with pytest.raises(Misconfigured, match="`name`"):
        asyncio.run(run_witness(load_witness(witness_toml)))


@pytest.mark.parametrize("kind", [WitnessConfig, LogConfig])
def test_every_setting_of_a_witness_is_documented(kind: type) -> None:
    lines = (kind.__doc__ or "").split("\n")
    documented = [line[4:].split(" ")[0] for line in lines[2:] if line[4:5].strip()]
    assert documented == [field.name for field in fields(kind)]


def test_a_state_is_made_only_in_a_directory_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no directory"):
        open_state(tmp_path / "none" / "state")
    open_state(tmp_path / "state").close()
    open_state(tmp_path / "state").close()


# Processes


@contextmanager
def running(settings: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "node.cli", "witness", str(settings)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                assert process.poll() is None
                with suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
                    break
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_a_witness_serves_until_a_signal_ends_it(
    witness_toml: Path, witness_port: int, log: Any
) -> None:
    with running(witness_toml, witness_port) as process:
        url = f"http://127.0.0.1:{witness_port}"
        answer = httpx.post(url + PATH, content=log.request(0, 5), trust_env=False)
        (line,) = parse_cosignatures(answer.content)
        signer = load_signer(witness_toml.parent / "witness.key.pem")
        vkey = ed25519_vkey(NAME, signer.public, TYPE_COSIGNATURE)
        verify_cosignature(log.body(5), line, vkey)
        second = [sys.executable, "-m", "node.cli", "witness", str(witness_toml)]
        witness_toml.write_text(witness_toml.read_text().replace(str(witness_port), "0"))
        done = subprocess.run(second, capture_output=True, check=False)
        assert done.returncode == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.slow
def test_sigkill_at_any_moment_forgets_nothing_that_was_answered(
    witness_toml: Path, witness_port: int, log: Any
) -> None:
    """Killed while it answers, five times: the next process never goes back behind an answer."""
    chance = random.Random(1)
    url, size = f"http://127.0.0.1:{witness_port}", 0
    shown = f"{url}/{sha256(log.origin.encode()).hex()}/checkpoint"
    with httpx.Client(trust_env=False) as http:
        for _ in range(5):
            with running(witness_toml, witness_port) as process:
                if size:
                    kept = parse_note(http.get(shown).content)
                    told = int(kept.text.split(b"\n")[1])
                    assert told >= size
                    assert kept.text == log.body(told)
                    assert format_line(kept.signatures[0]) in log.note(told).decode().encode()
                    size = told
                    fork = log.fork(size - 1).request(size, size + 1)
                    assert http.post(url + PATH, content=fork).status_code == 422
                for _ in range(chance.randrange(1, 20)):
                    answer = http.post(url + PATH, content=log.request(size, size + 1))
                    assert answer.status_code == 200
                    size += 1
                with httpx.Client(trust_env=False) as dying, suppress(httpx.TransportError):
                    os.kill(process.pid, signal.SIGKILL)
                    dying.post(url + PATH, content=log.request(size, size + 1))
    assert size > 5
