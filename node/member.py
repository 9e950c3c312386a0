"""A member process: settings in, services out.

`serve` runs one member until cancelled; `run_member` is that with SIGTERM and SIGINT asking it to
stop. Both raise a `NodeError` if the member cannot start or cannot go on, with what to do in it.
Damaged views are put aside on the way out, so that the next start makes them again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

import grpc.aio

from consensus.journal import JournalError
from consensus.peers import SERVER_OPTIONS, Identity, server_credentials
from node.config import MemberConfig, read_certificate, read_file
from node.directory import journal_errors, open_directory
from node.errors import Misconfigured, NodeError
from node.evidence.malformed import Malformed
from node.evidence.record import Genesis, parse_genesis
from node.keyfile import load_signer
from node.ledger import Ledger
from node.participant import VERSION, Participant
from node.service import Service
from node.store import ViewsCorrupt

STOP_S = 1.0
"""How long answers under way may take when the member stops."""

_log = logging.getLogger(__name__)


async def run_member(config: MemberConfig) -> None:
    """Serve until SIGTERM, SIGINT or cancellation."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    serving = asyncio.create_task(serve(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        if task.cancelling():
            raise asyncio.CancelledError
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def serve(config: MemberConfig) -> None:
    """Serve until cancelled."""
    genesis = _read_genesis(config)
    identity = Identity(read_file(config.certificate), read_file(config.private_key))
    log, witness = load_signer(config.log_key), load_signer(config.witness_key)
    gateways = frozenset(read_certificate(path) for path in config.gateways)
    directory = open_directory(config, genesis)
    try:
        ledger = Ledger(
            config.member, log, witness, directory.journal, directory.store, directory.seals
        )
        _check_keys(config, ledger)
        participant = Participant(directory, ledger, identity)
        with _reported():
            await _serve(config, participant, Service(participant, gateways), identity)
    except ViewsCorrupt:
        directory.store.set_aside()
        raise
    finally:
        directory.close()


async def _serve(
    config: MemberConfig, participant: Participant, service: Service, identity: Identity
) -> None:
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((participant.peers.handler(), service.handler()))
    try:
        server.add_secure_port(config.listen, server_credentials(identity, service.trusted))
    except RuntimeError as error:
        raise Misconfigured(f"cannot listen on {config.listen}: {error}") from error
    await server.start()
    _log.info("member %s %s serves on %s", config.member, VERSION, config.listen)
    try:
        await participant.run()
    finally:
        await server.stop(STOP_S)


def _read_genesis(config: MemberConfig) -> Genesis:
    try:
        return parse_genesis(read_file(config.genesis))
    except Malformed as error:
        raise Misconfigured(f"{config.genesis}: {error}") from error


def _check_keys(config: MemberConfig, ledger: Ledger) -> None:
    """A member whose keys are not those of the policy would seal nothing and look healthy."""
    named = [sealer.member for sealer in ledger.store.chain.policy.sealers]
    if config.member in named and not ledger.sealing.is_sealer:
        raise Misconfigured(
            f"{config.log_key} and {config.witness_key} are not the keys of {config.member} in the"
            " policy"
        )


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """The one error that ended everything, in the words of a node."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = _first(group)
        if isinstance(error, JournalError | NodeError):
            with journal_errors():
                raise error from group
        raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a group that may hold groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
