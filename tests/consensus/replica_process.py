"""One replica as a process of its own: `python replica_process.py SETTINGS.json`.

Commands come as lines on standard input and are carried out side by side; answers go as lines of
JSON to standard output, with the number the command came with:

    7 propose some text     {"id": 7, "answer": "committed", "index": 12, "term": 3}
                            {"id": 7, "answer": "NotLeader"} (or another ReplicaError)
    8 status                {"id": 8, "role": "leader", "term": 3, "leader": ..., "applied": 12}
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import uvloop

from consensus.journal import Journal
from consensus.messages import Entry
from consensus.peers import SERVER_OPTIONS, Identity, Peers, server_credentials
from consensus.proposals import ReplicaError
from consensus.replica import Replica


async def apply(entries: Sequence[Entry]) -> None:
    """There is nothing to apply to: the journals are compared."""


async def carry_out(replica: Replica, number: str, command: str, argument: str) -> None:
    answer: dict[str, Any]
    if command == "propose":
        try:
            position = await replica.propose(argument.encode())
        except ReplicaError as error:
            answer = {"answer": type(error).__name__}
        else:
            answer = {"answer": "committed", "index": position.index, "term": position.term}
    else:
        status = replica.status()
        answer = {
            "role": status.role.value,
            "term": status.term,
            "leader": status.leader,
            "applied": status.applied,
        }
    print(json.dumps({"id": int(number)} | answer), flush=True)


async def main(settings: dict[str, str]) -> None:
    journal = Journal(Path(settings["journal"]))
    identity = Identity(settings["certificate"].encode(), settings["private_key"].encode())
    peers = Peers(journal.replica_id, identity)
    replica = Replica(
        journal,
        peers,
        proposer=journal.replica_id.partition("/")[0],
        version="test",
        apply=apply,
        tick_ms=30,
    )
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((peers.handler(),))
    server.add_secure_port(settings["address"], server_credentials(identity, peers.certificates))
    await server.start()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(replica.run())
        while line := await commands.readline():
            number, _, rest = line.decode().rstrip("\n").partition(" ")
            command, _, argument = rest.partition(" ")
            group.create_task(carry_out(replica, number, command, argument))
        running.cancel()  # Standard input was closed: stop in order.
    await server.stop(None)
    journal.close()


if __name__ == "__main__":
    uvloop.run(main(json.loads(Path(sys.argv[1]).read_text())))
