"""How another terminal reaches a running devnet: a socket in its directory, for its owner alone.

One connection, one line each way: `["kill", "court"]` is answered by `{"ok": TEXT}` or
`{"error": TEXT}`, both JSON. Commands are carried out by the process that owns the members; so a
restarted member is its child again and ends with it.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from devnet.cluster import Cluster, ClusterError
from devnet.places import Places

COMMANDS = ("kill", "pause", "resume", "restart", "status")
LINE_BYTES_MAX = 1 << 20
ANSWER_S = 60.0
"""A restart waits for the member to be ready."""


@asynccontextmanager
async def serve_control(cluster: Cluster) -> AsyncIterator[None]:
    """Carry out what other terminals ask while the block runs, one command after the other."""
    turn = asyncio.Lock()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            command, name = json.loads(await reader.readline())
            async with turn:
                reply = {"ok": await carry_out(cluster, command, name)}
        except (ClusterError, ValueError) as error:
            reply = {"error": str(error)}
        writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()

    path = cluster.places.control
    with _short(path) as short:
        path.unlink(missing_ok=True)  # Left by a devnet that was killed.
        server = await asyncio.start_unix_server(answer, short, limit=LINE_BYTES_MAX)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def carry_out(cluster: Cluster, command: str, name: str) -> str:
    """Do one command and say what was done."""
    match command:
        case "kill":
            await cluster.kill(name)
            return f"{name} was killed"
        case "pause":
            cluster.pause(name)
            return f"{name} is paused"
        case "resume":
            cluster.resume(name)
            return f"{name} goes on"
        case "restart":
            await cluster.restart(name)
            return f"{name} was restarted and is ready"
        case "status":
            status = await cluster.status(name)
            if status is None:
                return f"{name} does not answer"
            return json.dumps(MessageToDict(status, preserving_proto_field_name=True), indent=2)
    raise ClusterError(f"no such command: {command}")


async def ask(places: Places, command: str, name: str) -> str:
    """Have the running devnet do something; `ClusterError` says why it did not."""
    try:
        with _short(places.control) as short:
            reader, writer = await asyncio.open_unix_connection(short, limit=LINE_BYTES_MAX)
    except OSError as error:
        raise ClusterError(f"no devnet runs in {places.directory}") from error
    try:
        writer.write(json.dumps([command, name]).encode() + b"\n")
        reply = json.loads(await asyncio.wait_for(reader.readline(), ANSWER_S))
    finally:
        writer.close()
    if "error" in reply:
        raise ClusterError(reply["error"])
    return str(reply["ok"])


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path in at most the hundred bytes a socket's address holds."""
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
