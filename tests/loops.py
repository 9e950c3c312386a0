"""The event loop of the tests, which gRPC may outlive."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

LATE = "_handle_callback_wrapper"
"""How gRPC hands what has happened to the loop it happened for."""


class Loop(asyncio.SelectorEventLoop):
    """A loop that ends as one of ours does, with its process.

    Whoever cancels a call of `grpc.aio` cannot wait until gRPC is done with it, nor does closing
    the channel wait. What comes after the loop has been closed nobody waits for. But all loops of a
    process share one queue: the loop of the next test takes it from there, tries to hand it over,
    and it would be that test that fails because this loop is closed.
    """

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed() and getattr(callback, "__name__", "") == LATE:
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon_threadsafe(callback, *args, context=context)

    def close(self) -> None:
        super().close()
        self.set_exception_handler(None)
