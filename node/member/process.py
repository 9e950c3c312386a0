"""A member process: settings in, services out.

`serve` runs one member until cancelled or told to stop; `run_member` is that with SIGTERM and
SIGINT telling it so: a leader then hands over first. Both raise a `NodeError` if the member cannot
start or cannot go on, with what to do in it. What can be made good is made good, loudly: damaged
views and seals are put aside and made anew, a journal with holes is made whole with what the others
have (`checking.mending`), and a member whose directory is lost, beyond that, or older than what it
promised comes back as a new replica (`directory`, `joining`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import grpc.aio
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import (
    DNSName,
    ExtensionNotFound,
    SubjectAlternativeName,
    load_der_x509_certificate,
)

from consensus.journal import JournalError
from consensus.peers import SERVER_OPTIONS, Identity, server_credentials
from node.chain.store import ViewsCorrupt
from node.checking.mending import NotProven, mend
from node.checking.scrub import Scrub
from node.config import MemberConfig
from node.errors import Misconfigured, NodeError
from node.evidence.digests import sha256
from node.evidence.keys import P256, SM2, Signer
from node.evidence.malformed import Malformed
from node.evidence.record import Genesis, format_genesis, parse_genesis
from node.keyfile import load_signer
from node.member.directory import (
    SEALS,
    Directory,
    JournalDamaged,
    Lost,
    journal_errors,
    open_directory,
    set_seals_aside,
)
from node.member.ledger import Ledger
from node.member.measuring import MemberMetrics
from node.member.participant import CLOSE_S, VERSION, DiskHangs, Participant
from node.member.publishing import MESSAGE_SIZE_MAX
from node.member.reporting import Reporting
from node.member.service import Service
from node.membership.admitting import Admitting
from node.membership.asking import Applicant, contacts_of
from node.membership.joining import Joining, rejoin
from node.operating.exposition import expose
from node.seals.store import SealsCorrupt
from node.settings import read_certificate, read_file
from node.witness.client import Witnessing
from node.words import Answer

STOP_S = 1.0
"""How long answers under way may take when the member stops."""

# What is published can be longer than a frame of consensus; of two settings gRPC takes the first.
_OPTIONS = [("grpc.max_send_message_length", MESSAGE_SIZE_MAX), *SERVER_OPTIONS]

_log = logging.getLogger(__name__)


async def run_member(config: MemberConfig) -> None:
    """Serve until SIGTERM, SIGINT or cancellation."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await serve(config, stop)
    except DiskHangs as error:
        _log.critical("%s; ending without it", error)
        os._exit(Answer.COULD_NOT_CHECK.exit_code)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def serve(config: MemberConfig, stop: asyncio.Event | None = None) -> None:
    """Serve until cancelled, or until `stop` is set: then a leader hands over before it goes."""
    stop = stop or asyncio.Event()
    genesis = read_genesis(config)
    identity = read_identity(config)
    while not stop.is_set():
        try:
            directory = open_directory(config, genesis)
            try:
                await _take_part(config, genesis, identity, directory, stop)
            except DiskHangs:
                raise  # Nothing may be closed.
            except BaseException:
                await _close(directory)
                raise
            else:
                await _close(directory)
        except SealsCorrupt as error:
            _log.critical("the seals do not check: %s", error)
            set_seals_aside(config.data / SEALS)
        except ViewsCorrupt as error:
            _log.critical("the views do not check and are made again: %s", error)
        except JournalDamaged as error:
            _log.critical("the journal does not check: %s", error)
            await _unless_stopped(_mend_or_rejoin(config, genesis, identity, str(error)), stop)
        except Lost as error:
            await _unless_stopped(rejoin(config, genesis, identity, str(error)), stop)


async def _mend_or_rejoin(
    config: MemberConfig, genesis: Genesis, identity: Identity, why: str
) -> None:
    try:
        heights = await mend(config, genesis, identity)
    except NotProven as error:
        await rejoin(config, genesis, identity, f"{why}; it cannot be made whole: {error}")
    else:
        fetched = ", ".join(map(str, heights)) or "none"
        _log.warning("the journal is whole again; heights that were fetched: %s", fetched)


async def _take_part(
    config: MemberConfig,
    genesis: Genesis,
    identity: Identity,
    directory: Directory,
    stop: asyncio.Event,
) -> None:
    applicant = read_applicant(config, genesis, identity)
    log, witness = load_signer(config.log_key), load_signer(config.witness_key)
    listed = {read_certificate(each.certificate): each for each in config.members}
    gateways = frozenset(read_certificate(path) for path in config.gateways)
    try:
        ledger = Ledger(
            config.member,
            log,
            witness,
            directory.journal,
            directory.store,
            directory.seals,
            _further(config),
        )
        _check_keys(config, ledger)
        with _reported():
            participant = Participant(directory, ledger, identity)
            admitting = Admitting(participant, genesis, listed)
            reporting = Reporting(participant, config, log)
            service = Service(
                participant,
                admitting,
                reporting,
                gateways,
                frozenset(listed),
                applicant.certificate,
                metrics := MemberMetrics(participant, config.data),
            )
            joining = Joining(participant, applicant, contacts_of(config))
            scrub = Scrub(directory, genesis, config.member)
            await _serve(config, participant, service, (joining, reporting), metrics, scrub, stop)
    except ViewsCorrupt:
        directory.store.set_aside()
        raise


async def _serve(
    config: MemberConfig,
    participant: Participant,
    service: Service,
    beside: tuple[Joining, Reporting],
    metrics: MemberMetrics,
    scrub: Scrub,
    stop: asyncio.Event,
) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((participant.peers.handler(), service.handler()))
    credentials = server_credentials(participant.peers.identity, service.trusted)
    try:
        server.add_secure_port(config.listen, credentials)
    except RuntimeError as error:
        raise Misconfigured(f"cannot listen on {config.listen}: {error}") from error
    await server.start()
    _log.info("member %s %s serves on %s", config.member, VERSION, config.listen)
    try:
        async with asyncio.TaskGroup() as group:
            witnessing = Witnessing(participant, config.witnesses)
            tasks = (participant, *beside, witnessing)
            working = [group.create_task(each.run()) for each in tasks]
            working.append(group.create_task(participant.keep_scrubbing(scrub)))
            if config.metrics:
                working.append(group.create_task(expose(config.metrics, metrics.registry)))
            await stop.wait()
            await beside[1].stop()
            await participant.replica.hand_over()
            for task in working:
                task.cancel()
    finally:
        await server.stop(STOP_S)


async def _close(directory: Directory) -> None:
    """LevelDB may be writing by itself, and waits for that."""
    closing = threading.Thread(target=directory.close, daemon=True)
    closing.start()
    await asyncio.to_thread(closing.join, CLOSE_S)
    if closing.is_alive():
        raise DiskHangs(f"{directory.store.directory.parent}: the disk does not answer")


async def _unless_stopped(work: Coroutine[Any, Any, object], stop: asyncio.Event) -> None:
    """Do this, but for no longer than until the member is to stop."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait((working, stopping))


# What the settings name; the commands read it too.


def read_genesis(config: MemberConfig) -> Genesis:
    """The genesis file."""
    try:
        return parse_genesis(read_file(config.genesis))
    except Malformed as error:
        raise Misconfigured(f"{config.genesis}: {error}") from error


def read_identity(config: MemberConfig) -> Identity:
    """The TLS identity; what is wrong with it would otherwise show only at the others."""
    identity = Identity(read_file(config.certificate), read_file(config.private_key))
    certificate = load_der_x509_certificate(read_certificate(config.certificate))
    try:
        key = load_pem_private_key(identity.private_key, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"{config.private_key}: {error}") from error
    if key.public_key() != certificate.public_key():
        raise Misconfigured(f"{config.certificate} and {config.private_key} are no pair")
    try:
        alternatives = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
        names = alternatives.value.get_values_for_type(DNSName)
    except ExtensionNotFound:
        names = []
    if config.member not in names:
        raise Misconfigured(
            f"{config.certificate} has not the DNS name {config.member} (subjectAltName), so"
            f" nobody would take this member for {config.member}; it has: {', '.join(names) or '-'}"
        )
    return identity


def read_applicant(config: MemberConfig, genesis: Genesis, identity: Identity) -> Applicant:
    """This member, as it asks to take part."""
    return Applicant(
        config.member,
        config.advertise,
        read_certificate(config.certificate),
        identity,
        sha256(format_genesis(genesis)),
        load_signer(config.log_key),
        load_signer(config.witness_key).public,
    )


def _further(config: MemberConfig) -> list[Signer]:
    """The keys of other suites with which this member signs beside its seals."""
    found = []
    for path, algorithm in ((config.p256_key, P256), (config.sm2_key, SM2)):
        if path is not None:
            signer = load_signer(path)
            if signer.public.algorithm != algorithm:
                raise Misconfigured(f"{path}: a key of {signer.public.algorithm}, not {algorithm}")
            found.append(signer)
    return found


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
    with journal_errors():
        try:
            yield
        except BaseExceptionGroup as group:
            error = _first(group)
            if isinstance(error, JournalError | NodeError):
                raise error from group
            raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a group that may hold groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
