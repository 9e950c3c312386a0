"""What gRPC says too late harms no other test."""

import asyncio
import weakref
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.loops import Loop


def watched(
    kind: type[asyncio.SelectorEventLoop], late: asyncio.Event
) -> asyncio.AbstractEventLoop:
    """A loop of this kind that says when something is handed to it once it is closed."""

    class Watched(kind):  # type: ignore[misc, valid-type]
        def call_soon_threadsafe(self, callback: Any, *args: Any, **more: Any) -> asyncio.Handle:
            if self.is_closed():
                late.set()
            handle: asyncio.Handle = super().call_soon_threadsafe(callback, *args, **more)
            return handle

    return Watched()


async def channel_somebody_waits_at() -> grpc.aio.Channel:
    channel = grpc.aio.insecure_channel("localhost:1")
    waiting = asyncio.ensure_future(channel.wait_for_state_change(grpc.ChannelConnectivity.IDLE))
    await asyncio.sleep(0)
    waiting.cancel()
    return channel


@pytest.mark.parametrize(
    ("kind", "harm"),
    [(Loop, []), (asyncio.SelectorEventLoop, ["Event loop is closed"])],
    ids=["ours", "plain"],
)
def test_what_comes_late_is_dropped(kind: type[asyncio.SelectorEventLoop], harm: list[str]) -> None:
    """A channel is watched in one loop and connects in the next, which has to tell the first."""
    late = asyncio.Event()
    harmed: list[str] = []
    with asyncio.Runner(loop_factory=lambda: watched(kind, late)) as runner:
        channel = runner.run(channel_somebody_waits_at())

    async def connect() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: harmed.append(str(context["exception"]))
        )
        # With a channel of its own this loop is among those that look into the queue.
        async with channel, grpc.aio.insecure_channel("localhost:1"):
            channel.get_state(try_to_connect=True)
            await late.wait()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(connect())
    assert harmed == harm


def test_a_closed_loop_takes_nothing_else() -> None:
    loop = Loop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(print)


def test_a_closed_loop_keeps_nothing_of_its_test() -> None:
    """gRPC keeps the loop itself: once, all gateways of all tests stayed until the end."""

    class Fixtures:
        def trouble(self, _: asyncio.AbstractEventLoop, __: dict[str, Any]) -> None: ...

    loop, fixtures = Loop(), Fixtures()
    loop.set_exception_handler(fixtures.trouble)
    kept = weakref.ref(fixtures)
    del fixtures
    loop.close()
    assert kept() is None
