"""Real members and gateways as processes: started, killed, paused, restarted, and never left."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devnet.__main__ import main
from devnet.cluster import Cluster, ClusterError
from devnet.control import ask, serve_control
from devnet.places import NotADevnet, Places, read_places
from devnet.table import table

DEADLINE_S = 60


def is_gone(pid: int) -> bool:
    """Ended, whether or not anybody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pids(places: Places) -> list[int]:
    return [int(path.read_text()) for path in places.directory.glob("*/pid")]


@pytest.fixture
async def cluster(tmp_path: Path, devnet_database: str) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path / "devnet", database=devnet_database) as running:
        yield running


# Without processes


def test_numbers_of_an_existing_devnet_are_its_own(tmp_path: Path) -> None:
    """Asking for other numbers is refused, not ignored; asking for none is not asking."""
    Cluster(tmp_path / "devnet", members=2, gateways=0)
    assert Cluster(tmp_path / "devnet").members == ("court", "notary")
    for wrong in ((3, None), (None, 1)):
        with pytest.raises(ClusterError, match="--fresh"):
            Cluster(tmp_path / "devnet", *wrong)


@pytest.mark.anyio
async def test_what_does_not_run_cannot_be_killed(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "devnet", members=1, gateways=0)
    with pytest.raises(ClusterError, match="court does not run"):
        await cluster.kill("court")
    with pytest.raises(ClusterError, match="there is no nobody here, only court"):
        cluster.pause("nobody")
    assert await cluster.status("court") is None
    with pytest.raises(ClusterError, match="no member leads"):
        await cluster.leader(wait_s=0)


@pytest.mark.anyio
async def test_other_terminals_are_told_what_is_wrong(tmp_path: Path) -> None:
    """Also through a path that is longer than a socket's address."""
    directory = tmp_path / ("long" * 30) / "devnet"
    cluster = Cluster(directory, members=1, gateways=0)
    with pytest.raises(ClusterError, match="no devnet runs"):
        await ask(cluster.places, "status", "court")
    async with serve_control(cluster):
        assert await ask(cluster.places, "status", "court") == "court does not answer"
        for command, name, error in (
            ("kill", "court", "court does not run"),
            ("kill", "nobody", "there is no nobody"),
            ("feed", "court", "no such command"),
        ):
            with pytest.raises(ClusterError, match=error):
                await ask(cluster.places, command, name)
    with pytest.raises(ClusterError, match="no devnet runs"):
        await ask(cluster.places, "status", "court")


def test_commands_without_a_devnet_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "court", "--dir", str(tmp_path)]) == 1
    assert "holds no devnet" in capsys.readouterr().err
    with pytest.raises(NotADevnet):
        read_places(tmp_path)


# With processes


@pytest.mark.slow
@pytest.mark.anyio
async def test_leader_is_killed_and_comes_back(cluster: Cluster) -> None:
    """Another leads; the killed one, restarted on its own data, has what it had."""
    first = await cluster.leader()
    before = await cluster.status(first)
    assert before is not None
    await cluster.kill(first)
    assert not cluster.is_running(first)
    assert await cluster.status(first) is None
    second = await cluster.leader()
    assert second != first
    await cluster.restart(first)
    after = await cluster.status(first)
    assert after is not None
    assert after.origin == before.origin
    assert after.commit >= before.commit
    assert await cluster.leader() in cluster.members


@pytest.mark.slow
@pytest.mark.anyio
async def test_paused_leader_is_replaced_and_goes_on(cluster: Cluster) -> None:
    first = await cluster.leader()
    cluster.pause(first)
    assert cluster.is_paused(first)
    drawn = table(cluster, await cluster.statuses(), "en")
    assert "paused" in [str(cell) for cell in drawn.columns[1].cells]
    assert await cluster.leader() != first
    cluster.resume(first)
    await cluster.ready(first)
    assert (await cluster.leader()) != first


@pytest.mark.slow
@pytest.mark.anyio
async def test_the_chain_goes_on_after_a_stop(tmp_path: Path) -> None:
    """Stopped and started again: same chain, at least as high, and no process left in between."""
    async with Cluster(tmp_path / "devnet") as cluster:
        first = await cluster.status(await cluster.leader())
        processes = pids(cluster.places)
        assert len(processes) == 5  # Three members, a gateway, the timestamp service.
    assert all(is_gone(pid) for pid in processes)
    assert pids(cluster.places) == []
    async with Cluster(tmp_path / "devnet") as cluster:
        second = await cluster.status(await cluster.leader())
    assert first is not None
    assert second is not None
    assert second.origin == first.origin
    assert second.applied > first.applied


@pytest.mark.slow
def test_up_is_controlled_from_another_terminal_and_stops_cleanly(tmp_path: Path) -> None:
    """The commands of the README, each as its own process; then Ctrl-C."""
    directory = tmp_path / "devnet"

    def command(*words: str) -> str:
        line = (sys.executable, "-m", "devnet", *words, "--dir", str(directory))
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout

    up = subprocess.Popen(
        [sys.executable, "-m", "devnet", "up", "--dir", str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with up:
        assert up.stdout is not None
        for line in up.stdout:
            if "gateway-1" in line:  # The table is drawn once all are ready.
                break
        places = read_places(directory)
        assert json.loads(command("status", "court"))["member"] == "court"
        assert command("pause", "court") == "court is paused\n"
        assert command("resume", "court") == "court goes on\n"
        assert command("kill", "court") == "court was killed\n"
        assert command("status", "court") == "court does not answer\n"
        assert command("restart", "court") == "court was restarted and is ready\n"
        processes = pids(places)
        assert len(processes) == 5  # Three members, a gateway, the timestamp service.
        up.send_signal(signal.SIGINT)
        assert up.wait(DEADLINE_S) == 0
    assert all(is_gone(pid) for pid in processes)
    assert not places.control.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux only")
def test_no_process_outlives_a_killed_up(tmp_path: Path) -> None:
    """Nobody is told, everybody ends; and `up` goes on with the same directory afterwards."""
    line = [sys.executable, "-m", "devnet", "up", "--dir", str(tmp_path / "devnet")]
    for ending in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as up:
            assert up.stdout is not None
            for text in up.stdout:
                if "gateway-1" in text:
                    break
            processes = [pid for pid in pids(read_places(tmp_path / "devnet")) if not is_gone(pid)]
            assert len(processes) == 5  # Three members, a gateway, the timestamp service.
            up.send_signal(ending)
            up.wait(DEADLINE_S)
        deadline = time.monotonic() + DEADLINE_S
        while not all(is_gone(pid) for pid in processes):
            assert time.monotonic() < deadline
            time.sleep(0.02)
