"""The bad network by itself: two ends in this process speak through the proxy of one of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from devnet.network import Network

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

SILENCE_S = 0.1
"""Long enough for anything to arrive here, if it arrives at all."""


@dataclass
class Ends:
    """A connection from `near` to `far`, both of its ends, and the network between them."""

    network: Network
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, asyncio.Queue[Any]]]:
    """An address, and the connections that are made to it."""
    accepted: asyncio.Queue[Any] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await accepted.put((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"{host}:{port}", accepted
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def connect(network: Network, address: str) -> Any:
    """What gRPC does with its proxy."""
    host, _, port = network.environment("near")["grpc_proxy"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    return reader, writer


@pytest.fixture
async def ends(anyio_backend: str) -> AsyncIterator[Ends]:
    async with listening() as (address, accepted), Network({"far": address}) as network:
        await network.start(["near"])
        reader, writer = await connect(network, address)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        made = Ends(network, (reader, writer), await accepted.get())
        yield made
        writer.close()


async def arrives(reader: asyncio.StreamReader, size: int) -> bytes | None:
    """None if nothing comes for a while."""
    try:
        return await asyncio.wait_for(reader.readexactly(size), SILENCE_S)
    except TimeoutError:
        return None


async def test_all_bytes_pass_both_ways(ends: Ends) -> None:
    sent = bytes(range(256)) * 4_096
    for (_, writer), (reader, _) in ((ends.near, ends.far), (ends.far, ends.near)):
        receiving = asyncio.create_task(reader.readexactly(len(sent)))
        writer.write(sent)
        await writer.drain()
        assert await receiving == sent


@pytest.mark.parametrize("deaf", ["far", "near"])
async def test_one_direction_is_cut_and_nothing_is_lost(ends: Ends, deaf: str) -> None:
    """The connection stands, its other direction works, and what waits comes when it is healed."""
    heard, unheard = (ends.far, ends.near) if deaf == "far" else (ends.near, ends.far)
    ends.network.cut("near" if deaf == "far" else "far", deaf)
    unheard[1].write(b"lost?")
    assert await arrives(heard[0], 5) is None
    heard[1].write(b"hello")
    assert await arrives(unheard[0], 5) == b"hello"
    ends.network.heal()
    assert await heard[0].readexactly(5) == b"lost?"


async def test_an_end_behind_a_cut_is_not_missed(ends: Ends) -> None:
    """A FIN is a packet too."""
    ends.network.part(["near"], ["far"])
    ends.near[1].close()
    assert await arrives(ends.far[0], 1) is None
    ends.network.heal()
    assert await ends.far[0].read() == b""


async def test_an_end_is_told_to_the_other(ends: Ends) -> None:
    ends.far[1].write(b"last words")
    ends.far[1].close()
    assert await ends.near[0].read() == b"last words"


async def test_what_is_slow_comes_later_and_in_order(ends: Ends) -> None:
    loop = asyncio.get_running_loop()
    ends.network.slow("near", "far", 2 * SILENCE_S)
    start = loop.time()
    for part in (b"one ", b"two ", b"three"):
        ends.near[1].write(part)
        await ends.near[1].drain()
    assert await ends.far[0].readexactly(13) == b"one two three"
    assert loop.time() - start >= 2 * SILENCE_S
    ends.far[1].write(b"soon")
    assert await arrives(ends.near[0], 4) == b"soon"


@pytest.mark.parametrize("way", [("near", "far"), ("far", "near")])
async def test_no_connection_is_made_through_a_cut(
    way: tuple[str, str], anyio_backend: str
) -> None:
    async with listening() as (address, accepted), Network({"far": address}) as network:
        await network.start(["near"])
        network.cut(*way)
        reader, writer = await connect(network, address)
        assert await arrives(reader, 1) is None
        assert accepted.empty()
        network.heal()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_nobody_there_is_a_connection_that_ends(anyio_backend: str) -> None:
    async with listening() as (address, _):
        pass  # Now nobody listens there.
    async with Network({"far": address}) as network:
        await network.start(["near"])
        reader, writer = await connect(network, address)
        assert await reader.read() == b""
        writer.close()
