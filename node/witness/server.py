"""A witness process: settings in, HTTP out, until a signal ends it.

    POST /add-checkpoint         cosign (`protocol`)
    GET  /HASH/checkpoint        what was cosigned last of the log whose origin has this SHA-256
    GET  /healthz                200 while it can cosign

One thread judges, keeps and signs, one request after the other; the loop only reads what comes in.
If the disk refuses, nobody knows what is on it: the process answers nothing more and ends with the
error.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeVar, TypeVarTuple

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.errors import Misconfigured, Ours
from node.evidence.malformed import Malformed
from node.evidence.note import format_vkey, parse_vkey
from node.gateway.http.serving import Server, listen
from node.keyfile import load_signer
from node.witness.cosigning import Witness
from node.witness.following import Following
from node.witness.protocol import PATH, REQUEST_SIZE_MAX, Answer
from node.witness.settings import WitnessConfig, followed_logs, watched_logs
from node.witness.state import State
from node.witness.watching import Followed

SHUTDOWN_S = 5
"""Requests under way get this long once the witness is told to stop."""
BACKLOG = 128
"""Connections that may wait to be accepted: a log asks every few seconds."""
WAITING_MAX = 64
"""Requests that may wait for the one thread; it judges thousands in a second, so with more somebody
floods it."""

_HASH = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


async def run_witness(config: WitnessConfig) -> None:
    """Serve until SIGINT or SIGTERM; raises an error that ends it."""
    signer, watched = load_signer(config.key), watched_logs(config)
    followed = followed_logs(config)
    listener = listen(config.listen)
    try:
        state = open_state(config.state)
        try:
            witness = Witness(config.name, signer, watched, state, followed)
            vkey = _vkey(witness)
            _log.info("witness %s watches %s", vkey, ", ".join(witness.origins))
            desk = Desk(witness)
            following = [desk.following(chain) for chain in followed]
            server = Server(create_app(desk, following), backlog=BACKLOG, shutdown_s=SHUTDOWN_S)
            desk.on_failure(server.stop)
            server.stop_at_signals()
            async with httpx.AsyncClient() as http, asyncio.TaskGroup() as group:
                tasks = [group.create_task(_unless_failed(each.run(http))) for each in following]
                await server.serve(sockets=[listener])
                for task in tasks:
                    task.cancel()
            desk.close()
        finally:
            state.close()
    finally:
        listener.close()


async def _unless_failed(following: Coroutine[None, None, NoReturn]) -> None:
    """What the disk refused has stopped the server already, and is raised when that has ended."""
    with suppress(Ours):
        await following


def open_state(directory: Path) -> State:
    """The state, made if there is no such directory; one that was there and does not check is
    never made anew."""
    if not directory.exists():
        # Only here: what else was made for it might not outlast a power cut, and it with that.
        if not directory.parent.is_dir():
            raise Misconfigured(f"there is no directory {directory.parent} to make `state` in")
        _log.warning("%s is new: this witness begins without having cosigned anything", directory)
        State.create(directory)
    return State(directory)


class Desk:
    """The one thread of a witness, and what made it stop. Owned by an event loop."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.waiting = 0
        self.failure: Ours | None = None
        self._thread = ThreadPoolExecutor(1, "witness")
        self._stop: Callable[[], None] = lambda: None

    def on_failure(self, stop: Callable[[], None]) -> None:
        """What ends the process."""
        self._stop = stop

    async def ask(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        """Have the thread do this; after a failure it does nothing more."""
        if self.failure is not None:
            raise self.failure
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, self._unless_failed, function, *arguments
            )
        except Ours as error:
            self._stop()
            raise error
        finally:
            self.waiting -= 1

    def following(self, chain: Followed) -> Following:
        """What keeps the policies of this chain up to date."""
        return Following(
            chain,
            lambda: self.ask(self.witness.policies, chain),
            lambda notes: self.ask(self.witness.learn, chain, notes),
        )

    def close(self) -> None:
        """Wait for the thread; raise what made it stop."""
        self._thread.shutdown()
        if self.failure is not None:
            raise self.failure

    def _unless_failed(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        """In the thread: whatever stands in line behind a failure fails like it."""
        if self.failure is not None:
            raise self.failure
        try:
            return function(*arguments)
        except Ours as error:
            self.failure = error
            raise


def create_app(desk: Desk, following: Sequence[Following] = ()) -> Starlette:
    """The HTTP side of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _response(Answer(413, f"more than {REQUEST_SIZE_MAX} bytes\n".encode()))
        if desk.waiting >= WAITING_MAX:
            return _response(Answer(503, b"too many requests are waiting\n"))
        answer = await desk.ask(desk.witness.add_checkpoint, body, int(time.time()))
        if answer.status == 403:  # Perhaps by members of a policy that is not known here yet.
            for each in following:
                each.refused.set()
        return _response(answer)

    async def checkpoint(request: Request) -> Response:
        origin_hash = request.path_params["origin_hash"]
        note = None
        if _HASH.fullmatch(origin_hash):
            note = await desk.ask(desk.witness.state.note, bytes.fromhex(origin_hash))
        if note is None:
            return _response(Answer(404, b"nothing was cosigned of such a log\n"))
        return _response(Answer(200, note))

    async def healthz(_: Request) -> Response:
        return _response(Answer(200, b"ok\n") if desk.failure is None else _FAILED)

    async def failed(_: Request, __: Exception) -> Response:
        return _response(_FAILED)

    return Starlette(
        routes=[
            Route(PATH, add_checkpoint, methods=["POST"]),
            Route("/{origin_hash}/checkpoint", checkpoint, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        exception_handlers={Ours: failed},
    )


_FAILED = Answer(500, b"this witness cannot keep what it cosigns\n")


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too long to be a request."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_SIZE_MAX:
            return None
    return bytes(body)


def _response(answer: Answer) -> Response:
    return Response(
        answer.body,
        answer.status,
        # Nobody may be shown an old one: a log asks this to learn how far the witness is.
        {"content-type": answer.content_type, "cache-control": "no-store"},
    )


def _vkey(witness: Witness) -> str:
    """The line others put into their settings; refuses a name that cannot stand in one."""
    text = format_vkey(witness.vkey)
    try:
        if parse_vkey(text) != witness.vkey:
            raise Malformed("name", "holds a plus")
    except Malformed as error:
        raise Misconfigured(f"`name` is no name of a key: {error}") from error
    return text
