"""Peers: carries messages between replicas over gRPC with mutual TLS. May lose, never blocks.

One long-lived stream per directed pair: each replica opens one to every other and only writes on
it, so the two directions fail apart. Messages are packed into frames (`wire`); gRPC carries them as
they are. The core never waits here: `send` puts into a bounded outbox, and a peer that does not
keep up loses messages, which Raft repairs.

Trust is a set of certificates, not of issuers. A client accepts exactly the certificate the
configuration names for the peer it calls; the server accepts exactly the certificates of the
configuration (and what the process adds for its other services), and every message must come from a
replica of the certificate it came in under. A stream that breaks this is refused and counted.

The process owns one gRPC server for all its services: it adds `Peers.handler()`, opens its port
with `server_credentials` and passes SERVER_OPTIONS.
"""

import asyncio
import logging
import random
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import grpc.aio
from cryptography.x509 import load_der_x509_certificate

from consensus import wire
from consensus.leadership import Limits
from consensus.messages import (
    CommitNotice,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    Voter,
)
from consensus.reasons import Reasons

SERVICE = "consensus.Raft"
METHOD = f"/{SERVICE}/Send"

# What may wait for one peer: all that the core ever has under way to a follower, and its answers.
OUTBOX_BYTES = Limits().in_flight_bytes + (4 << 20)
OUTBOX_MESSAGES = wire.MESSAGES_MAX

# A peer that comes back is found within the longest pause between two attempts; one attempt may
# take longer, or a handshake on a busy machine would be broken off again and again.
RECONNECT_MS_MIN = 50
RECONNECT_MS_MAX = 250
CONNECT_MS = 1000

# A peer that accepts connections and refuses streams is asked ever more rarely, up to this. As soon
# as anything comes from it, it is asked again at once: the two may just have been introduced.
REFUSED_MS_MAX = 5000
REFUSED_FACTOR = 2
_NO_REASON = "Internal error from Core"
"""gRPC's word to who writes at the moment the other end refuses; the next attempt tells more."""

# A connection whose other end vanished without a word is given up after about three seconds.
_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 2000),
    ("grpc.keepalive_timeout_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]

# A frame is at most wire.FRAME_BYTES_MAX; gRPC's own default would be close by coincidence only.
_SIZES = [
    ("grpc.max_receive_message_length", wire.FRAME_BYTES_MAX),
    ("grpc.max_send_message_length", wire.FRAME_BYTES_MAX),
]

SERVER_OPTIONS: list[tuple[str, int]] = [
    *_KEEPALIVE,
    *_SIZES,
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),  # Or keepalive looks like abuse.
    ("grpc.so_reuseport", 0),  # Two processes on one port would each get half of the streams.
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a process proves itself with: its certificate and private key, both PEM."""

    certificate: bytes
    private_key: bytes


def server_credentials(
    identity: Identity, trusted: Callable[[], Iterable[bytes]]
) -> grpc.ServerCredentials:
    """Credentials that ask `trusted` at every handshake whose certificates (DER) may enter.

    gRPC is told of a change only when there is one. With every answer it makes its TLS context anew
    and frees the old one, which another handshake at the same moment may be about to use: answering
    each time, one start in ten of a group of members ended in a segmentation fault.
    """
    current: bytes | None = None

    def changed() -> grpc.ServerCertificateConfiguration | None:
        # Called by gRPC's threads, one at a time.
        nonlocal current
        roots = b"".join(_pem(each) for each in trusted() if _is_readable(each))
        if roots == current:
            return None
        current = roots
        return grpc.ssl_server_certificate_configuration(
            [(identity.private_key, identity.certificate)], root_certificates=roots
        )

    first = changed()
    assert first is not None
    return grpc.dynamic_ssl_server_credentials(
        first,
        changed,  # type: ignore[arg-type]  # The stubs do not know that None means no change.
        require_client_authentication=True,
    )


def peer_certificate(context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    """The DER of the certificate the caller of this handler proved to hold; empty without TLS."""
    (certificate,) = context.auth_context().get("x509_pem_cert", (b"",))
    return ssl.PEM_cert_to_DER_cert(certificate.decode()) if certificate else b""


def secure_channel(voter: Voter, identity: Identity) -> grpc.aio.Channel:
    """A channel that reaches this voter or nobody. Each has a connection of its own, so a large
    call on one never delays a heartbeat on another."""
    credentials = grpc.ssl_channel_credentials(
        _pem(voter.certificate), identity.private_key, identity.certificate
    )
    options = [
        *_KEEPALIVE,
        *_SIZES,
        ("grpc.ssl_target_name_override", voter.id.partition("/")[0]),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS_MIN),
        ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
    ]
    return grpc.aio.secure_channel(voter.address, credentials, options=options)


class Outbox:
    """Messages waiting for one peer, bounded; owned by the event loop."""

    def __init__(self) -> None:
        self.dropped = 0
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()

    def put(self, message: Message) -> None:
        """Queue it, or drop it if there is no room: an append is of use only behind those before
        it, of heartbeats the newest takes the place of the one that waits, and a commit notice says
        all that those before it said."""
        if isinstance(message, HeartbeatRequest | HeartbeatResponse) and self._supersede(message):
            return
        if isinstance(message, CommitNotice):
            self._forget_notice()
        size = wire.size_of(message)
        if len(self._messages) >= OUTBOX_MESSAGES or self._bytes + size > OUTBOX_BYTES:
            self.dropped += 1
            return
        self._messages.append(message)
        self._bytes += size
        self._filled.set()

    def clear(self) -> None:
        """Forget what waits: the stream it belonged to has ended, and what was on it is lost."""
        self._messages.clear()
        self._bytes = 0
        self._filled.clear()

    async def take(self) -> list[Message]:
        """Wait for messages, and take as many as fit into one frame."""
        await self._filled.wait()
        taken: list[Message] = []
        room = wire.FRAME_BYTES_MAX
        while self._messages:
            size = wire.size_of(self._messages[0])
            if taken and size > room:
                return taken
            room -= size
            self._bytes -= size
            taken.append(self._messages.popleft())
        self._filled.clear()
        return taken

    def _supersede(self, message: Message) -> bool:
        """Of heartbeats only the newest matters; behind a slow connection they would pile up. It
        takes the very place of the one that waits: behind all the appends that wait it might never
        get out."""
        for place, waiting in enumerate(self._messages):
            if type(waiting) is type(message):
                self._messages[place] = message
                return True
        return False

    def _forget_notice(self) -> None:
        """Of commit notices too only the newest matters, but behind the appends it speaks of."""
        for place, waiting in enumerate(self._messages):
            if isinstance(waiting, CommitNotice):
                del self._messages[place]
                self._bytes -= wire.size_of(waiting)
                return


class Peers:
    """The connections of one replica to all others it must be able to talk to
    (`raft.Raft.acquaintances`)."""

    def __init__(self, replica_id: str, identity: Identity) -> None:
        self.replica_id = replica_id
        self.identity = identity
        self.refused: Counter[str] = Counter()  # Why streams or messages were not let in.
        self._reasons_out = Reasons(_log, logging.INFO)
        self._reasons_in = Reasons(_log, logging.WARNING)
        self._heard: dict[str, asyncio.Event] = {}
        self._connected: set[Voter] = set()
        self._voters: dict[str, list[Voter]] = {}
        self._senders: dict[bytes, frozenset[str]] = {}
        self._outboxes: dict[Voter, Outbox] = {}
        self._tasks: dict[Voter, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._receive: Callable[[Sequence[Message]], None] | None = None

    async def run(self, receive: Callable[[Sequence[Message]], None]) -> NoReturn:
        """Connect to the others and hand over what they send, until cancelled."""
        self._receive = receive
        try:
            async with asyncio.TaskGroup() as self._group:
                self._connect()
                await asyncio.Event().wait()
        finally:
            self._group = self._receive = None
            self._tasks.clear()
        raise AssertionError("run ends only by cancellation")

    def configure(self, members: Sequence[Voter]) -> None:
        """Talk to exactly these replicas from now on. One that is named several times, with another
        address or certificate each, is talked to at each: which of them holds is not settled."""
        others = [voter for voter in members if voter.id != self.replica_id]
        self._voters = {}
        for voter in others:
            self._voters.setdefault(voter.id, []).append(voter)
        self._senders = {
            certificate: frozenset(v.id for v in members if v.certificate == certificate)
            for certificate in {v.certificate for v in members}
        }
        for voter in self._outboxes.keys() - set(others):
            del self._outboxes[voter]
            self._reasons_out.forget(voter)
        for voter in others:
            self._outboxes.setdefault(voter, Outbox())
            self._heard.setdefault(voter.id, asyncio.Event())
        for id_ in self._heard.keys() - self._voters.keys():
            del self._heard[id_]
        self._connect()

    @property
    def connected(self) -> frozenset[str]:
        """The replicas to which there is a connection."""
        return frozenset(voter.id for voter in self._connected)

    def certificates(self) -> tuple[bytes, ...]:
        """The certificates (DER) of these replicas, for `server_credentials`."""
        return tuple(self._senders)

    def channel(self, replica_id: str) -> grpc.aio.Channel:
        """A new pinned channel to that replica for other services; the caller closes it."""
        return secure_channel(self._voters[replica_id][0], self.identity)

    def send(self, messages: Iterable[Message]) -> None:
        """Queue for delivery. What is addressed to a stranger is dropped."""
        for message in messages:
            for voter in self._voters.get(message.recipient, ()):
                self._outboxes[voter].put(wire.cut(message))

    def handler(self) -> grpc.GenericRpcHandler:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(
            self._serve
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Send": method})

    # Outgoing.

    def _connect(self) -> None:
        """Give every outbox its task and stop the tasks of those that left."""
        if self._group is None:
            return
        for voter in self._tasks.keys() - self._outboxes.keys():
            self._tasks.pop(voter).cancel()
        for voter, outbox in self._outboxes.items():
            if voter not in self._tasks:
                self._tasks[voter] = self._group.create_task(self._keep_sending(voter, outbox))

    async def _keep_sending(self, voter: Voter, outbox: Outbox) -> None:
        heard, loop = self._heard[voter.id], asyncio.get_running_loop()
        pause_ms = 0.0
        async with secure_channel(voter, self.identity) as channel:
            while True:
                began = loop.time()
                try:
                    code, why = await self._send_stream(channel, voter, outbox)
                finally:
                    self._connected.discard(voter)
                    outbox.clear()
                if why != _NO_REASON:
                    self._reasons_out.note(voter, f"stream to {voter.id} ended: {why}")
                # While there is no connection gRPC backs off by itself; this is for a peer that
                # accepts connections and ends streams.
                short_ms = random.uniform(RECONNECT_MS_MIN, 2 * RECONNECT_MS_MIN)  # noqa: S311
                lasted_ms = 1000 * (loop.time() - began)
                refused = code is grpc.StatusCode.PERMISSION_DENIED or why == _NO_REASON
                if not refused or lasted_ms > REFUSED_MS_MAX:
                    pause_ms = 0.0
                pause_ms = min(max(REFUSED_FACTOR * pause_ms, short_ms), REFUSED_MS_MAX)
                heard.clear()
                await asyncio.sleep(short_ms / 1000)
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), (pause_ms - short_ms) / 1000)
                    pause_ms = 0.0

    async def _send_stream(
        self, channel: grpc.aio.Channel, voter: Voter, outbox: Outbox
    ) -> tuple[grpc.StatusCode, str]:
        """Until it ends; with which status and why."""
        call: grpc.aio.StreamUnaryCall[bytes, bytes] = channel.stream_unary(METHOD)(
            wait_for_ready=True
        )
        try:
            await call.wait_for_connection()
            self._connected.add(voter)
            while True:
                # Waits while the peer's window is full; meanwhile the outbox drops what is old.
                await call.write(wire.format_frame(await outbox.take()))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The second is all that is said to who writes when it has ended; the call knows more.
            code = await call.code()
            return code, await call.details() or code.name
        finally:
            call.cancel()

    # Incoming.

    async def _serve(
        self, frames: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]
    ) -> bytes:
        certificate = peer_certificate(context)
        if certificate not in self._senders:
            await self._refuse(context, "unknown certificate")
        async for frame in frames:
            try:
                messages = wire.parse_frame(frame)
            except wire.WireError as error:
                await self._refuse(context, "malformed frame", str(error))
            # Asked for every frame: the configuration may have changed since the last.
            senders = self._senders.get(certificate, frozenset())
            if any(message.sender not in senders for message in messages):
                await self._refuse(context, "sender is not of this certificate")
            for sender in {message.sender for message in messages} & self._heard.keys():
                self._heard[sender].set()
            if self._receive is not None:
                self._receive(messages)
        return b""

    async def _refuse(
        self, context: grpc.aio.ServicerContext[Any, Any], why: str, detail: str = ""
    ) -> NoReturn:
        self.refused[why] += 1
        certificate = peer_certificate(context)
        names = sorted(self._senders.get(certificate, ())) or [_subject(certificate)]
        reason = f"refused a stream from {', '.join(names)}: {why}"
        self._reasons_in.note(certificate, f"{reason}: {detail}" if detail else reason)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)
        raise AssertionError("abort raises")


def _is_readable(certificate: bytes) -> bool:
    """gRPC reads a list of roots only up to the first that is none, and the others would be shut
    out with it."""
    try:
        load_der_x509_certificate(certificate)
    except ValueError:
        return False
    return True


def _subject(certificate: bytes) -> str:
    """Whose it says it is, for people: nothing depends on it."""
    if not _is_readable(certificate):
        return "nobody"
    return load_der_x509_certificate(certificate).subject.rfc4514_string()


def _pem(certificate: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(certificate).encode()
