"""The processes of one devnet: real members and gateways, started, watched, killed and restarted.

    cluster = Cluster(directory, members=3, gateways=1)
    async with cluster:              # ceremony if there is none yet, start, ready
        await cluster.kill(await cluster.leader())
        ...                          # SIGTERM to all that still run

Everything is asked of the processes themselves: a member is ready when it answers `Status` and
knows a leader, a gateway when it says so at `/readyz`. Nothing waits for a fixed time, everything
has a deadline. No process outlives this one, however it ends (`leash`).

Owned by one event loop, in the main thread: the leash is tied to the thread that starts a process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx

from devnet import leash, signals
from devnet.ceremony import OBSERVER, add_member, drop_member, hold_ceremony
from devnet.enrolment import enrol_keys
from devnet.network import PROXY_VARIABLES, Network
from devnet.places import DESCRIPTION, OWN_FILE, TSA, Places, owned, read_places
from node.gateway.members.client import CannotCheck, Members
from node.gateway.members.links import Endpoint, Identity
from node.member_pb2 import StatusResponse

READY_S = 120.0
"""A cold start takes about a second of processor time a process; a busy machine far longer."""
STOP_S = 20.0
"""How long a process that was asked to stop may take before it is killed."""
POLL_S = 0.05
PROBE_S = 2.0
"""What a gateway may take to say whether it is ready: it waits a while for members that are paused,
and longer on a busy machine."""

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody; loading the machine's certificates at every poll would take longer than it."""

_Found = TypeVar("_Found")


class ClusterError(Exception):
    """The devnet cannot do this now; says why in one sentence."""


class Cluster:
    """A devnet and its running processes."""

    def __init__(
        self,
        directory: Path,
        members: int | None = None,
        gateways: int | None = None,
        *,
        bad_network: bool = False,
        database: str = OWN_FILE,
        ready_s: float = READY_S,
    ) -> None:
        """The devnet of this directory; made with 3 members, 1 gateway and this database unless
        told otherwise.

        With `bad_network` everything between its processes goes through `network`; `ready_s` is how
        long any of them may take to be ready.
        """
        directory = directory.absolute()
        if not (directory / DESCRIPTION).exists():
            hold_ceremony(directory, members or 3, 1 if gateways is None else gateways, database)
        self.places: Places = read_places(directory)
        for wanted, there, what in (
            (members, len(self.places.members), "member"),
            (gateways, len(self.places.gateways), "gateway"),
        ):
            if wanted is not None and wanted != there:
                raise ClusterError(
                    f"the devnet in {directory} has {there} {what}(s), not {wanted}; "
                    "`up --fresh` makes a new one"
                )
        self._processes: dict[str, Process] = {}
        self._paused: set[str] = set()
        self._links: dict[str, Members] = {}
        self._ready_s = ready_s
        self._network = None
        if bad_network:
            self._network = Network({**self.places.members, **self.places.gateways})
        self._ownership = ExitStack()

    # What it is made of.

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.places.members)

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(self.places.gateways)

    @property
    def fingerprint(self) -> str:
        """Of the policy, as a court would publish it."""
        return self.places.fingerprint.read_text().strip()

    @property
    def api_key(self) -> str:
        return self.places.api_key.read_text().strip()

    @property
    def network(self) -> Network:
        """What can be cut; there must be one."""
        if self._network is None:
            raise ClusterError("this devnet was not started with a network that can be bad")
        return self._network

    @property
    def services(self) -> tuple[str, ...]:
        """What runs besides: the timestamp service, where there is one."""
        return (TSA,) if self.places.timestamps else ()

    def gateway_url(self, number: int = 0) -> str:
        return f"http://{self.places.gateways[self.gateways[number]]}"

    # Its life.

    async def __aenter__(self) -> Cluster:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all, wait until all are ready, and have the keys enrolled; `InUse` if another
        process has started them."""
        self._ownership.enter_context(owned(self.places))
        if self._network is not None:
            await self._network.start((*self.members, *self.gateways))
        names = (*self.members, *self.gateways, *self.services)
        for name in names:
            await self._spawn(name)
        await asyncio.gather(*(self.ready(name) for name in names))
        if self.gateways:
            await enrol_keys(self.places, self.gateway_url(), self.link(await self.leader()))
            await asyncio.gather(*(self._knows_its_key(name) for name in self.gateways))

    async def stop(self) -> None:
        """End every process: politely, and after a limit not."""
        await asyncio.gather(*(self._end(name) for name in list(self._processes)))
        for link in self._links.values():
            await link.close()
        self._links.clear()
        if self._network is not None:
            await self._network.stop()
        self._ownership.close()

    # What can happen to a process. All of it is real: signals, and no word to the others.

    async def kill(self, name: str) -> None:
        """SIGKILL, as if its power failed (but for what the kernel has not yet written)."""
        process = self._process(name)
        signals.send(process, signal.SIGKILL)
        await process.wait()
        self._forget(name)

    def pause(self, name: str) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""
        signals.send(self._process(name), signal.SIGSTOP)
        self._paused.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        signals.send(self._process(name), signal.SIGCONT)
        self._paused.discard(name)

    async def restart(self, name: str) -> None:
        """Start it again on its own data, after stopping it if it runs; wait until it is ready."""
        if self.is_running(name):
            await self._end(name)
        await self._spawn(name)
        await self.ready(name)

    def is_running(self, name: str) -> bool:
        """Whether its process exists, paused or not."""
        process = self._processes.get(name)
        return process is not None and process.returncode is None

    def is_paused(self, name: str) -> bool:
        return name in self._paused

    def pid(self, name: str) -> int:
        """The number of its process, which runs."""
        return self._process(name).pid

    async def ended(self, name: str) -> int:
        """Wait until it has ended by itself; its exit code."""
        code = await self._process(name).wait()
        self._forget(name)
        return code

    # Who is in it.

    def add_member(self, name: str) -> None:
        """Keys and settings of a newcomer, and everybody's settings list it. Its directory is made
        by `cunzheng join`, and who runs hears of it by starting again."""
        self.places = add_member(self.places, name)

    async def drop_member(self, name: str) -> None:
        """Stop it, and take it out of everybody's settings."""
        await self._end(name)
        self.places = drop_member(self.places, name)

    # What it says.

    async def status(self, member: str) -> StatusResponse | None:
        """What this member says about itself; None if it does not answer within a second."""
        self._check_member(member)
        if not self.is_running(member) or self.is_paused(member):
            return None
        return (await self.link(member).statuses()).get(member)

    async def statuses(self) -> dict[str, StatusResponse | None]:
        """What every member says."""
        answers = await asyncio.gather(*(self.status(name) for name in self.members))
        return dict(zip(self.members, answers, strict=True))

    async def leader(self, wait_s: float = READY_S) -> str:
        """The member that leads, once one says of itself that it does and a majority agrees."""

        async def find() -> str | None:
            answers = [status for status in (await self.statuses()).values() if status is not None]
            for leader in (each.member for each in answers if each.role == "leader"):
                if 2 * sum(each.leader == leader for each in answers) > len(self.members):
                    return leader
            return None

        return await _until("no member leads", find, wait_s)

    async def ready(self, name: str) -> None:
        """Wait until this process can serve."""

        async def serves() -> bool | None:
            if not self.is_running(name):
                code = self._processes[name].returncode
                tail = _tail(self.places.log(name))
                raise ClusterError(f"{name} ended by itself with {code}:\n{tail}")
            if name in self.places.members:
                status = await self.status(name)
                return True if status is not None and status.leader else None
            if name in self.services:
                return await _answers_ok(f"http://{self.places.timestamps}/healthz")
            return await _answers_ok(f"http://{self.places.gateways[name]}/readyz")

        await _until(f"{name} is not ready, see {self.places.log(name)}", serves, self._ready_s)

    async def _knows_its_key(self, name: str) -> None:
        """Wait until this gateway takes deposits: for a second it believes a no it heard before."""
        url = f"http://{self.places.gateways[name]}/readyz"

        async def enrolled() -> bool | None:
            answer = await _get(url)
            return True if answer is not None and answer.json().get("enrolled") else None

        what = f"{name}'s key is not enrolled, see {self.places.log(name)}"
        await _until(what, enrolled, self._ready_s)

    async def whole(self, wait_s: float = READY_S) -> None:
        """Wait until every member votes, nobody else does, and each has all that was committed at
        some moment of the wait: then any minority may lose everything."""
        target: int | None = None

        async def is_whole() -> bool | None:
            nonlocal target
            told = await self.statuses()
            statuses = [status for status in told.values() if status is not None]
            leader = next((each for each in statuses if each.role == "leader"), None)
            voters = {each.member for each in statuses if each.role in ("leader", "follower")}
            if leader is None or len(voters) < len(told):
                return None
            if len(leader.peers) + 1 > len(told):
                return None
            target = leader.commit if target is None else target
            return True if all(each.applied >= target for each in statuses) else None

        await _until("not every member votes and has caught up", is_whole, wait_s)

    async def holds(self, member: str, ordinal: int) -> bool:
        """Whether this member itself has the deposit with this ordinal on its chain."""
        try:
            return bool((await self.link(member).find(ordinal=ordinal)).found)
        except CannotCheck as error:
            raise ClusterError(f"{member} did not answer: {error}") from error

    def link(self, member: str) -> Members:
        """A connection to this member and no other, as the observer."""
        self._check_member(member)
        if member not in self._links:
            identity = Identity(
                self.places.certificate(OBSERVER).read_bytes(),
                self.places.tls_key(OBSERVER).read_bytes(),
            )
            address = Endpoint(
                member,
                self.places.members[member],
                self.places.certificate(member).read_bytes(),
            )
            self._links[member] = Members([address], identity)
        return self._links[member]

    # Processes.

    async def _spawn(self, name: str) -> None:
        self._check_name(name)
        kinds = ["gateway"]
        if name in self.services:
            kinds = ["timestamp", "serve"]
        elif name in self.places.members:
            kinds = ["member"]
        command = [sys.executable, "-m", "node.cli", *kinds, str(self.places.settings(name))]
        environment = {k: v for k, v in os.environ.items() if k.lower() not in PROXY_VARIABLES}
        if self._network is not None and name not in self.services:
            environment |= self._network.environment(name)
        with self.places.log(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command),
                env=environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                # Of its own: Ctrl-C at the terminal is for us, and we stop them in order.
                start_new_session=True,
            )
        self._processes[name] = process
        self.places.pid(name).write_text(f"{process.pid}\n")

    async def _end(self, name: str) -> None:
        process = self._processes[name]
        if process.returncode is None:
            signals.send(process, signal.SIGCONT)
            signals.send(process, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                signals.send(process, signal.SIGKILL)
                await process.wait()
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._paused.discard(name)
        self.places.pid(name).unlink(missing_ok=True)

    def _process(self, name: str) -> Process:
        self._check_name(name)
        if not self.is_running(name):
            raise ClusterError(f"{name} does not run")
        return self._processes[name]

    def _check_name(self, name: str) -> None:
        names = (*self.members, *self.gateways, *self.services)
        if name not in names:
            raise ClusterError(f"there is no {name} here, only {', '.join(names)}")

    def _check_member(self, name: str) -> None:
        if name not in self.members:
            raise ClusterError(f"{name} is no member; members are {', '.join(self.members)}")


async def _answers_ok(url: str) -> bool | None:
    answer = await _get(url)
    return True if answer is not None and answer.is_success else None


async def _get(url: str) -> httpx.Response | None:
    """None where nobody answers."""
    try:
        # Plain HTTP to ourselves: neither a proxy nor the machine's certificates are asked.
        async with httpx.AsyncClient(timeout=PROBE_S, trust_env=False, verify=_NO_TLS) as client:
            return await client.get(url)
    except httpx.HTTPError:
        return None


async def _until(
    what: str, condition: Callable[[], Awaitable[_Found | None]], wait_s: float
) -> _Found:
    """What `condition` gives once it gives something; `ClusterError` after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while (found := await condition()) is None:
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} (waited {wait_s:.0f} s)")
        await asyncio.sleep(POLL_S)
    return found


def _tail(log: Path, size: int = 2000) -> str:
    return log.read_bytes()[-size:].decode(errors="replace").strip()
