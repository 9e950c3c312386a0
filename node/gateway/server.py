"""A gateway process: settings in, HTTP out, until a signal ends it.

Order matters in both directions. Starting: keys and database first, so that a wrong setting is told
before anything listens. Stopping: first /readyz says so, so that whoever divides requests among
gateways sends them elsewhere (`drain_s`); then no new requests, those under way get their answers,
and the gateway's own tasks end; what is stored but not settled goes on at the next start. A second
signal ends the first part at once.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator

from node.config import PRODUCTION, TEST, GatewayConfig, MemberAddress
from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.evidence.policy_note import PolicyNote
from node.evidence.record import parse_genesis
from node.gateway.app import create_app
from node.gateway.bundles.bundling import Bundling
from node.gateway.events.restricting import Reviewer
from node.gateway.gateway import Gateway, assemble
from node.gateway.http.limits import Limits
from node.gateway.http.serving import Server, listen
from node.gateway.http.tls import server_context
from node.gateway.members.client import Members
from node.gateway.members.links import Endpoint, Identity
from node.gateway.operating.alarms import Certificate
from node.gateway.timestamps.loading import load_for_courts
from node.gateway.timestamps.stamping import ForCourts
from node.keyfile import load_signer, load_vault_key
from node.offchain import revisions
from node.offchain.database import Database
from node.offchain.engine import StoreFailed, is_sqlite
from node.operating.exposition import expose
from node.settings import read_certificate, read_chain, read_file

SHUTDOWN_S = 15
"""Requests under way get this long for their answers once the gateway is told to stop."""
BACKLOG = 1_024
"""Connections that may wait to be accepted: as many clients as may arrive at once."""

_log = logging.getLogger(__name__)


async def run_gateway(config: GatewayConfig) -> None:
    """Serve until SIGINT or SIGTERM. Run it in a uvloop for its speed; any loop will do."""
    note, signer = _genesis(config), load_signer(config.key)
    vault_key = load_vault_key(config.vault_key)
    tls = None if config.tls is None else server_context(config.tls)
    for_courts = load_for_courts(config)
    if note.policy.network != "test" and config.profile == TEST:
        raise Misconfigured(
            f'{note.policy.origin} is no test chain: set `profile` to "{PRODUCTION}"',
            f"{note.policy.origin} 不是测试链：请将 `profile` 设为 `{PRODUCTION}`",
        )
    members = Members([_endpoint(each) for each in config.members], _identity(config))
    listener = listen(config.listen)
    try:
        if config.profile == TEST and is_sqlite(config.database):
            await revisions.upgrade(config.database)
        async with Database(config.database) as database:
            gateway = assemble(
                note,
                signer,
                vault_key,
                members,
                database,
                public_only=config.profile != TEST,
                data_protection_officer=config.data_protection_officer,
                limits=Limits(config.rate_limits),
                trusted_proxies=config.trusted_proxies,
                only_tls=tls is not None or config.profile == PRODUCTION,
                for_courts=for_courts,
                certificates=[*_certificates(config), *_of_courts(for_courts)],
            )
            await gateway.accounts.check_vault()
            _log.info("gateway %s for %s on %s", signer.public.text, gateway.origin, config.listen)
            await _serve(gateway, listener, tls, config)
    except StoreFailed as error:
        raise Misconfigured(f"database: {error}") from error  # Its address may hold a password.
    finally:
        listener.close()
        await members.close()


async def _serve(
    gateway: Gateway,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    config: GatewayConfig,
) -> None:
    """HTTP and the gateway's own tasks together: if those fail, the process must end."""
    server = Server(create_app(gateway), backlog=BACKLOG, shutdown_s=SHUTDOWN_S, tls=tls)

    def drain() -> None:
        if gateway.draining.is_set():
            server.stop()
            return
        gateway.draining.set()
        _log.info("told to stop: for %d s /readyz sends requests elsewhere", config.drain_s)
        asyncio.get_running_loop().call_later(config.drain_s, server.stop)

    server.stop_at_signals(drain)
    tasks = gateway, Bundling(gateway), Reviewer(gateway)
    own = [asyncio.create_task(each.run()) for each in tasks]
    if config.metrics:
        own.append(asyncio.create_task(expose(config.metrics, gateway.metrics.registry)))
    for task in own:
        task.add_done_callback(lambda _: server.stop())
    await server.serve(sockets=[listener])
    for task in own:
        task.cancel()
    for result in await asyncio.gather(*own, return_exceptions=True):
        if not isinstance(result, asyncio.CancelledError):
            assert isinstance(result, BaseException), "they end only by cancellation or failure"
            raise result
    _log.info("stopped; what is on its way goes on at the next start")


def _genesis(config: GatewayConfig) -> PolicyNote:
    try:
        return parse_genesis(read_file(config.genesis)).note
    except Malformed as error:
        raise Misconfigured(f"{config.genesis}: {error}") from error


def _certificates(config: GatewayConfig) -> list[Certificate]:
    """Those whose end shuts this gateway, or a member, out."""
    found = [
        Certificate(f"the TLS certificate of {each.name}", read_certificate(each.certificate))
        for each in config.members
    ]
    name = "this gateway's TLS certificate towards the members"
    found.append(Certificate(name, read_certificate(config.certificate)))
    if config.tls is not None:
        name = "this gateway's TLS certificate towards clients"
        found += [Certificate(name, der) for der in read_chain(config.tls.certificate)]
    return found


def _of_courts(for_courts: ForCourts) -> Iterator[Certificate]:
    """Those whose end makes what is signed with them count for nothing."""
    platform, pdf_key = for_courts.platform, for_courts.pdf_key
    for credential, suite in ((platform.p256, "P-256"), (platform.sm2, "SM2")):
        if credential is not None:
            yield Certificate(f"the platform's {suite} certificate", credential.leaf.der)
    if pdf_key is not None:
        yield Certificate("the certificate that signs PDFs", pdf_key.certificate)


def _endpoint(member: MemberAddress) -> Endpoint:
    read_certificate(member.certificate)  # Says what is wrong with it, if anything.
    return Endpoint(member.name, member.address, read_file(member.certificate))


def _identity(config: GatewayConfig) -> Identity:
    read_certificate(config.certificate)
    return Identity(read_file(config.certificate), read_file(config.private_key))
