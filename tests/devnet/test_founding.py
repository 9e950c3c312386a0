"""The commands of docs/operations.md, typed on hosts that are folders: a chain is founded, grows
from one to three, a member leaves, and after the loss of two disks of three it goes on."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devnet.ceremony import free_ports

README = Path(__file__).parents[2] / "README.md"
DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
PATIENCE_S = 60.0
"""Far more than anything here takes, on a busy machine."""


def section(title: str) -> str:
    """The text under a heading."""
    return DOCUMENT.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def typed(title: str) -> list[tuple[str, str]]:
    """Host and command, of all commands under a heading."""
    blocks = re.findall(r"^```console\n(.*?)^```$", section(title), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    return [(host, command) for host, command in (line.split("$ ", 1) for line in lines)]


def file_shown(name: str) -> str:
    """The text of a file under the first heading."""
    shown = section("A chain on two hosts").split(f"`{name}", 1)[1]
    return re.findall(r"^```toml\n(.*?)^```$", shown, re.DOTALL | re.MULTILINE)[0]


class Hosts:
    """Folders, and the members that run in them."""

    def __init__(self, directory: Path, *names: str) -> None:
        self.directory = directory
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.keys: dict[str, str] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in names:
            (directory / name).mkdir()

    def type(self, host: str, command: str) -> str:
        """Type a command there; `member` is left running until it serves."""
        words = shlex.split(command)
        if words[0] == "cunzheng":
            words = [sys.executable, "-m", "node.cli", *words[1:], "--lang", "en"]
        if words[3:4] == ["member"]:
            with (self.directory / host / "log").open("ab") as log:
                self.running[host] = subprocess.Popen(
                    words, cwd=self.directory / host, stdout=log, stderr=log
                )
            self.until(host, lambda status: True)
            return ""
        done = subprocess.run(
            words, cwd=self.directory / host, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"{host}: {command}\n{done.stdout}{done.stderr}"
        if "keygen" in words:
            self.keys[f"{host}/{words[words.index('keygen') + 1]}"] = done.stdout.strip()
        return done.stdout

    def type_all(self, *lines: tuple[str, str]) -> None:
        for host, command in lines:
            self.type(host, command)

    def status(self, host: str) -> dict[str, Any] | None:
        """The row of this member as it says itself, once it answers."""
        done = subprocess.run(
            [sys.executable, "-m", "node.cli", "status", "--config", "member.toml", "--json"],
            cwd=self.directory / host,
            capture_output=True,
            check=False,
        )
        rows = json.loads(done.stdout)["rows"] if done.returncode in (0, 80) else []
        return rows[0] if rows else None

    def until(self, host: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first status with which it is so."""
        deadline, status = time.monotonic() + PATIENCE_S, None
        while time.monotonic() < deadline:
            assert self.running[host].poll() is None, (self.directory / host / "log").read_text()
            status = self.status(host)
            if status is not None and condition(status):
                return status
        raise AssertionError(f"{host}: {status}\n{(self.directory / host / 'log').read_text()}")

    def until_all_agree(self, *hosts: str) -> None:
        """All vote, stand at one height, and a quorum of them has sealed it."""

        def takes_part(status: dict[str, Any]) -> bool:
            is_voter = status["role"] in ("leader", "follower")
            return is_voter and status["height"] == status["sealed_height"] and not status["alarms"]

        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            heights = {self.until(host, takes_part)["height"] for host in hosts}
            if len(heights) == 1:
                return
        raise AssertionError(f"{hosts} are at {heights}")

    def stop(self, *hosts: str) -> None:
        for host in hosts or tuple(self.running):
            process = self.running.pop(host)
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, (self.directory / host / "log").read_text()

    def write_settings(self, host: str) -> None:
        """That of the document for `court`, for this host and all others."""
        head = file_shown("member.toml` on `court`").split("[[members]]")[0]
        head = head.replace('"court"', f'"{host}"')
        head = head.replace("0.0.0.0:7000", f"127.0.0.1:{self.ports[host]}")
        head = head.replace("court.example:7000", f"127.0.0.1:{self.ports[host]}")
        tables = [
            f'[[members]]\nname = "{name}"\naddress = "127.0.0.1:{port}"\n'
            f'certificate = "{name}.pem"\n'
            for name, port in self.ports.items()
            if name != host
        ]
        (self.directory / host / "member.toml").write_text("\n".join([head.strip(), "", *tables]))

    def exchange(self) -> None:
        """Everybody gets the certificates of the others, and `genesis.txt`."""
        for host in self.ports:
            for other in self.ports:
                certificate = self.directory / other / "certificate.pem"
                shutil.copy(certificate, self.directory / host / f"{other}.pem")
            genesis = self.directory / "court" / "genesis.txt"
            if host != "court":
                shutil.copy(genesis, self.directory / host)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """Three hosts whose operators have agreed on everything, as the document says."""
    if shutil.which("openssl") is None:
        pytest.skip("not installed: openssl")
    hosts = Hosts(tmp_path, "court", "notary", "forensic")
    lines = typed("A chain on two hosts")
    keys = [line for line in lines if line[1].startswith(("cunzheng keygen", "openssl"))]
    hosts.type_all(*keys)
    # The third does as the others did.
    for host, command in keys[3:]:
        hosts.type("forensic", command.replace(host, "forensic"))
    hosts.type("court", "cunzheng keygen authority.pem")
    plan = file_shown("plan.toml").replace("ed25519:AUTHORITY", hosts.keys["court/authority.pem"])
    for host in hosts.ports:
        for kind in ("log", "witness"):
            place = f"ed25519:{host.upper()}-{kind.upper()}"
            assert place in plan
            plan = plan.replace(place, hosts.keys[f"{host}/{kind}-key.pem"])
    (tmp_path / "court" / "plan.toml").write_text(plan, "utf-8")
    (line,) = [line for line in lines if "policy write" in line[1]]
    written = hosts.type(*line)
    hosts.exchange()
    assert hosts.type("notary", "cunzheng policy fingerprint genesis.txt") == written
    for host in hosts.ports:
        hosts.write_settings(host)
    yield hosts
    for process in hosts.running.values():
        process.kill()
        process.wait()


def test_the_read_me_shows_the_same_commands() -> None:
    blocks = re.findall(r"^```console\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.M)
    shown = [tuple(line.split("$ ", 1)) for block in blocks for line in block.splitlines()]
    assert shown
    whole = typed("A chain on two hosts")
    assert [whole.index(line) for line in shown] == sorted(whole.index(line) for line in shown)


@pytest.mark.slow
def test_a_chain_is_founded_grows_and_shrinks(hosts: Hosts) -> None:
    lines = typed("A chain on two hosts")
    beginning = lines[[command for _, command in lines].index("cunzheng init member.toml") :]
    hosts.type_all(*beginning)
    hosts.until_all_agree("court", "notary")
    hosts.type_all(*typed("Growing"))
    hosts.until_all_agree("court", "notary", "forensic")
    (line,) = typed("Leaving")
    assert "court, forensic" in hosts.type(*line)
    status = hosts.until("notary", lambda status: bool(status["alarms"]))
    assert "`cunzheng join`" in " ".join(status["alarms"])
    assert status["role"] == "removed"
    hosts.until_all_agree("court", "forensic")
    # It comes back as the document says, with the two commands of a newcomer.
    hosts.stop("notary")
    hosts.type("notary", "cunzheng join member.toml")
    hosts.type("notary", "cunzheng member member.toml")
    hosts.until_all_agree("court", "notary", "forensic")
    hosts.stop()


@pytest.mark.slow
def test_two_disks_of_three_are_lost(hosts: Hosts) -> None:
    lines = typed("A chain on two hosts")
    hosts.type_all(*lines[[command for _, command in lines].index("cunzheng init member.toml") :])
    hosts.type_all(*typed("Growing"))
    hosts.until_all_agree("court", "notary", "forensic")
    places = {host: hosts.directory / host / "data" for host in hosts.ports}
    refused = subprocess.run(
        [sys.executable, "-m", "node.cli", "recover", "member.toml", "data", "--yes"],
        cwd=hosts.directory / "court",
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert refused.returncode == 2
    assert "the group lives" in refused.stderr
    hosts.stop()
    shutil.copytree(places["notary"], hosts.directory / "court" / "notary-data")
    for host in ("court", "notary", "forensic"):
        shutil.rmtree(places[host])
    places["court"].mkdir()
    recover, *after = typed("When the majority is lost")
    shown = hosts.type(recover[0], f"{recover[1]} --yes")
    assert "notary-data: notary/" in shown
    assert "goes on alone" in shown
    hosts.type_all(*after)
    hosts.type("forensic", "cunzheng join member.toml")
    hosts.type("forensic", "cunzheng member member.toml")
    hosts.until_all_agree("court", "notary", "forensic")
    assert (places["court"] / "recovery.log").is_file()
    hosts.stop()
