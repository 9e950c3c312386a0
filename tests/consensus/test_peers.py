"""Messages arrive from whom they say, or not at all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import grpc
import grpc.aio
import pytest

from consensus import peers, wire
from consensus.messages import (
    AppendRequest,
    CommitNotice,
    Configuration,
    Entry,
    EntryKind,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    PreVoteRequest,
    Voter,
)
from consensus.peers import (
    METHOD,
    OUTBOX_BYTES,
    OUTBOX_MESSAGES,
    SERVER_OPTIONS,
    Identity,
    Outbox,
    Peers,
    peer_certificate,
    secure_channel,
    server_credentials,
)
from tests.consensus.certificates import der, make_identity

A, B, C = "court/00000000000000aa", "notary/00000000000000bb", "forensic/00000000000000cc"
IDENTITIES = {replica: make_identity(replica.partition("/")[0]) for replica in (A, B, C)}

pytestmark = pytest.mark.anyio


class End:
    """One replica's end: its server, its Peers, and what it was sent."""

    def __init__(self, replica: str, guests: Sequence[Identity] = ()) -> None:
        self.peers = Peers(replica, IDENTITIES[replica])
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.guests = guests
        self.port = 0

    def voter(self) -> Voter:
        return Voter(self.peers.replica_id, f"localhost:{self.port}", der(self.peers.identity))

    def receive(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.inbox.put_nowait(message)

    def credentials(self) -> grpc.ServerCredentials:
        def trusted() -> list[bytes]:
            return [*self.peers.certificates(), *map(der, self.guests), der(self.peers.identity)]

        return server_credentials(self.peers.identity, trusted)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=SERVER_OPTIONS)
        server.add_generic_rpc_handlers((self.peers.handler(),))
        self.port = server.add_secure_port(f"localhost:{self.port}", self.credentials())
        await server.start()
        running = asyncio.create_task(self.peers.run(self.receive))
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await server.stop(None)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.inbox.get(), 10)


@asynccontextmanager
async def group(*ends: End) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for end in ends:
            await stack.enter_async_context(end.served())
        voters = tuple(sorted(end.voter() for end in ends))
        for end in ends:
            end.peers.configure(voters)
        yield


def question(sender: str, recipient: str, term: int = 1) -> PreVoteRequest:
    return PreVoteRequest(sender, recipient, term, 0, 0)


async def test_messages_arrive_in_order_both_ways() -> None:
    a, b = End(A), End(B)
    async with group(a, b):
        a.peers.send([question(A, B, term) for term in range(1, 200)])
        b.peers.send([question(B, A, 7)])
        assert [(await b.next()).term for _ in range(1, 200)] == list(range(1, 200))
        assert await a.next() == question(B, A, 7)
        assert a.peers.connected == {B}
        assert not a.peers.refused
        assert not b.peers.refused


async def test_the_largest_append_arrives() -> None:
    a, b = End(A), End(B)
    entries = tuple(
        Entry(n, 1, EntryKind.NORMAL, 0, "p" * 255, "v" * 255, bytes(256)) for n in range(1, 4097)
    )
    append = AppendRequest(A, B, 1, 0, 0, entries, 0)
    async with group(a, b):
        a.peers.send([append])
        assert await b.next() == append


async def test_a_peer_that_comes_back_is_found_again() -> None:
    a, b = End(A), End(B)
    async with group(a, b):
        a.peers.send([question(A, B)])
        await b.next()
        port = b.port
    a, b = End(A), End(B)
    b.port = port
    async with a.served():
        async with b.served():
            configuration = Configuration((a.voter(), b.voter()))
            a.peers.configure(tuple(configuration))
            b.peers.configure(tuple(configuration))
            a.peers.send([question(A, B)])
            await b.next()
        async with b.served():
            for term in range(2, 1000):  # Some are lost with the old stream.
                a.peers.send([question(A, B, term)])
                with suppress(TimeoutError):
                    await asyncio.wait_for(b.inbox.get(), 0.02)
                    break
            else:
                pytest.fail("never came back")


async def test_who_is_refused_asks_ever_more_rarely_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the other one sends something: then it may be let in, and finds out at once."""
    monkeypatch.setattr(peers, "REFUSED_FACTOR", 1)
    monkeypatch.setattr(peers, "REFUSED_MS_MAX", 600_000)
    caplog.set_level(logging.INFO)
    a, b = End(A), End(B)
    why = "sender is not of this certificate"
    ended = f"stream to {A} ended: {why}"
    note = b.peers._reasons_out.note

    def note_and_be_patient(about: Hashable, reason: str) -> None:
        # Not before it knows why: gRPC does not tell that to who writes at that moment.
        monkeypatch.setattr(peers, "REFUSED_FACTOR", 10_000 if reason == ended else 1)
        note(about, reason)

    monkeypatch.setattr(b.peers._reasons_out, "note", note_and_be_patient)
    async with a.served(), b.served():
        b.peers.configure((a.voter(), b.voter()))
        # It trusts this certificate, and takes nothing of b from it.
        a.peers.configure((a.voter(), replace(b.voter(), id="guild/00000000000000dd")))
        while a.peers.refused.total() < 2 or ended not in caplog.messages:
            b.peers.send([question(B, A)])
            await asyncio.sleep(0.01)
        told = [line for line in caplog.messages if why in line]
        assert sorted(told) == [f"refused a stream from guild/{0xDD:016x}: {why}", ended]
        # By now it is silent for minutes, unless it hears something.
        a.peers.configure((a.voter(), b.voter()))
        for term in range(2, 1000):  # Some are lost with the old stream.
            a.peers.send([question(A, B, term)])
            b.peers.send([question(B, A, term)])
            with suppress(TimeoutError):
                await asyncio.wait_for(a.inbox.get(), 0.02)
                break
        else:
            pytest.fail("never came back")


async def send_raw(identity: Identity, to: End, frame: bytes) -> grpc.StatusCode:
    """What somebody gets who speaks gRPC to us with this certificate."""
    async with secure_channel(to.voter(), identity) as channel:
        call = channel.stream_unary(METHOD)(iter([frame]), timeout=10)
        with suppress(grpc.aio.AioRpcError):
            await call
        return await call.code()


async def test_a_stranger_does_not_get_past_the_handshake() -> None:
    a, b = End(A), End(B)
    async with group(a, b):
        frame = wire.format_frame([question(B, A)])
        assert await send_raw(make_identity("notary"), a, frame) is grpc.StatusCode.UNAVAILABLE
        assert a.inbox.empty()


async def test_a_certificate_that_is_none_shuts_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gRPC stops at the first root it cannot read; those behind it must still come in."""
    a, b = End(A), End(B)
    known = a.peers.certificates
    monkeypatch.setattr(a.peers, "certificates", lambda: [b"no certificate", *known()])
    async with group(a, b):
        b.peers.send([question(B, A)])
        assert await a.next() == question(B, A)


async def test_a_guest_of_other_services_is_refused_here() -> None:
    guest = make_identity("gateway")
    a, b = End(A, guests=[guest]), End(B)
    async with group(a, b):
        frame = wire.format_frame([question(B, A)])
        assert await send_raw(guest, a, frame) is grpc.StatusCode.PERMISSION_DENIED
        assert a.peers.refused == {"unknown certificate": 1}
        assert a.inbox.empty()


async def test_nobody_speaks_for_another() -> None:
    a, b, c = End(A), End(B), End(C)
    async with group(a, b, c):
        frame = wire.format_frame([question(B, A), question(C, A)])
        assert await send_raw(IDENTITIES[B], a, frame) is grpc.StatusCode.PERMISSION_DENIED
        assert a.peers.refused == {"sender is not of this certificate": 1}
        assert a.inbox.empty()


async def test_a_malformed_frame_ends_the_stream() -> None:
    a, b = End(A), End(B)
    async with group(a, b):
        assert await send_raw(IDENTITIES[B], a, b"nonsense") is grpc.StatusCode.PERMISSION_DENIED
        assert a.peers.refused == {"malformed frame": 1}


async def test_a_server_with_another_certificate_is_sent_nothing() -> None:
    """The address is right and the name is right; the certificate is not the one we know."""
    a, b = End(A), End(B)
    async with a.served(), b.served():
        impostor = replace(b.voter(), certificate=der(make_identity("notary")))
        a.peers.configure((a.voter(), impostor))
        b.peers.configure((a.voter(), b.voter()))
        a.peers.send([question(A, B)])
        async with a.peers.channel(B) as channel:
            call = channel.stream_unary(METHOD)(iter([b""]), timeout=10)
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert not a.peers.connected
        assert b.inbox.empty()


async def test_the_configuration_decides_who_may_speak() -> None:
    """A replica joins, under certificates reloaded while the server runs, and leaves again."""
    a, b, c = End(A), End(B), End(C)
    async with group(a, b), c.served():
        everybody = Configuration(tuple(sorted(end.voter() for end in (a, b, c))))
        c.peers.configure(tuple(everybody))
        a.peers.configure(tuple(everybody))
        c.peers.send([question(C, A, 5)])
        assert (await a.next()).term == 5
        a.peers.send([question(A, C, 6)])
        assert (await c.next()).term == 6
        a.peers.configure((a.voter(), b.voter()))
        c.peers.send([question(C, A, 7)])
        b.peers.send([question(B, A, 8)])
        assert (await a.next()).term == 8
        while not a.peers.refused:
            c.peers.send([question(C, A, 9)])
            await asyncio.sleep(0.01)
        assert a.inbox.empty()


async def test_who_moved_is_reached_wherever_it_turns_out_to_be() -> None:
    """A change of address that may never be committed must not cut anybody off."""
    a, b = End(A), End(B)
    async with group(a, b):
        nowhere = replace(b.voter(), address="localhost:1")
        a.peers.configure((a.voter(), nowhere, b.voter()))
        a.peers.send([question(A, B, 3)])
        assert (await b.next()).term == 3
        assert a.peers.connected == {B}
        a.peers.configure((a.voter(), b.voter()))
        a.peers.send([question(A, B, 4)])
        assert (await b.next()).term == 4


async def test_other_services_use_the_same_pinned_connection_and_learn_who_calls() -> None:
    a, b = End(A), End(B)
    callers: list[bytes] = []

    async def echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        callers.append(peer_certificate(context))
        return request

    server = grpc.aio.server(options=SERVER_OPTIONS)
    method = grpc.unary_unary_rpc_method_handler(echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", {"E": method}),))
    b.port = server.add_secure_port(
        "localhost:0", server_credentials(IDENTITIES[B], lambda: [der(IDENTITIES[A])])
    )
    await server.start()
    a.peers.configure((replace(b.voter(), id=A), b.voter()))
    async with a.peers.channel(B) as channel:
        assert await channel.unary_unary("/t.T/E")(b"hello", timeout=10) == b"hello"
    await server.stop(None)
    assert callers == [der(IDENTITIES[A])]


class TestOutbox:
    async def test_the_newest_heartbeat_takes_the_place_of_the_one_that_waits(self) -> None:
        outbox = Outbox()
        for n in range(5):
            outbox.put(HeartbeatRequest(A, B, 1, n, n, 0, 0, 0))
            outbox.put(HeartbeatResponse(A, B, 1, n, 0, n))
        taken = await outbox.take()
        assert taken == [
            HeartbeatRequest(A, B, 1, 4, 4, 0, 0, 0),
            HeartbeatResponse(A, B, 1, 4, 0, 4),
        ]

    async def test_a_backlog_of_appends_does_not_starve_heartbeats(self) -> None:
        """However fast new ones come: with each it would otherwise go back to the end."""
        outbox = Outbox()
        block = Entry(1, 1, EntryKind.NORMAL, 0, "", "", bytes(1 << 20))
        for n in range(20):
            outbox.put(AppendRequest(A, B, 1, 0, 0, (block,), 0))
            outbox.put(HeartbeatRequest(A, B, 1, n, n, 0, 0, 0))
        assert HeartbeatRequest(A, B, 1, 19, 19, 0, 0, 0) in await outbox.take()

    async def test_the_newest_commit_notice_goes_behind_the_appends_it_speaks_of(self) -> None:
        """A slow connection would otherwise carry one for every block committed meanwhile."""
        outbox = Outbox()
        appends = [AppendRequest(A, B, 1, n, 1, (), 0) for n in range(5)]
        for append in appends:
            outbox.put(append)
            outbox.put(CommitNotice(A, B, 1, append.prev_index, 1))
        assert await outbox.take() == [*appends, CommitNotice(A, B, 1, 4, 1)]
        outbox.put(CommitNotice(A, B, 1, 5, 1))
        assert await outbox.take() == [CommitNotice(A, B, 1, 5, 1)]

    async def test_is_bounded_in_messages_and_bytes(self) -> None:
        outbox = Outbox()
        for term in range(OUTBOX_MESSAGES + 5):
            outbox.put(question(A, B, term))
        assert outbox.dropped == 5
        outbox.clear()
        block = Entry(1, 1, EntryKind.NORMAL, 0, "", "", bytes(1 << 20))
        for _ in range(50):
            outbox.put(AppendRequest(A, B, 1, 0, 0, (block,), 0))
        assert outbox.dropped - 5 == 50 - OUTBOX_BYTES // ((1 << 20) + 1000)

    async def test_frames_stay_within_their_limit(self) -> None:
        outbox = Outbox()
        block = Entry(1, 1, EntryKind.NORMAL, 0, "", "", bytes(1 << 20))
        for _ in range(10):
            outbox.put(AppendRequest(A, B, 1, 0, 0, (block,), 0))
        taken = [await outbox.take() for _ in range(4)]
        assert [len(messages) for messages in taken] == [3, 3, 3, 1]
        assert all(len(wire.format_frame(messages)) <= wire.FRAME_BYTES_MAX for messages in taken)
