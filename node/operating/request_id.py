"""Request ids: one name for a request in answers, problems and log lines, across processes.

A client may bring its own (`X-Request-Id`), so that its logs can be laid beside ours. What is
not well formed gets a new one, because an id goes into logs as it is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars, get_contextvars

HEADER = "x-request-id"
METADATA = "cunzheng-request-id"
"""In gRPC, from gateways to members."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_NAME = "request_id"


def request_id(offered: str | None) -> str:
    """The one that was offered, if it is well formed; otherwise a new one of 32 hex digits."""
    if offered is not None and _WELL_FORMED.fullmatch(offered):
        return offered
    return secrets.token_hex(16)


def current() -> str | None:
    """The id of the request that is being worked on."""
    found = get_contextvars().get(_NAME)
    return found if isinstance(found, str) else None


@contextmanager
def working_on(identity: str) -> Iterator[None]:
    """Log lines in here, and in tasks begun in here, tell this id."""
    with bound_contextvars(**{_NAME: identity}):
        yield
