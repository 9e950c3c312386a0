"""A busy machine is late with everything; only what a test silences is ever given up.

The gateway's time-outs are about members and clients that are away. In a test every member that is
not `paused` answers in the end, and the client is there: without this, any of those time-outs could
pass on a machine that does much else, and the answer would be another, rightly.
"""

from typing import Any

import pytest

from node.gateway.deposits import depositing
from node.gateway.deposits.depositing import Waiting
from node.gateway.http import room
from node.gateway.http.schemas import WAIT_MS_MAX, WaitQuery
from node.gateway.lookups import marking
from node.gateway.members import links
from node.gateway.members.links import Link

EVENTUALLY_S = 60.0
"""Only what hangs takes so long."""

_CONNECTING = "grpc.min_reconnect_backoff_ms"
"""How long gRPC lets one attempt take."""


def wait_for_all(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all gateways that the test makes."""
    ask, begin = Link.call, Waiting.__init__

    async def call(link: Link, method: str, request: Any, timeout_s: float) -> Any:
        if not cluster.members[link.name].paused:
            timeout_s = EVENTUALLY_S
        else:
            cluster.given_s.append(timeout_s)
        return await ask(link, method, request, timeout_s)

    def wait(waiting: Waiting, query: WaitQuery) -> None:
        """What a client does not say is as long as a client may say."""
        unsaid = "wait_ms" not in query.model_fields_set
        begin(waiting, query.model_copy(update={"wait_ms": WAIT_MS_MAX}) if unsaid else query)

    monkeypatch.setattr(Link, "call", call)
    monkeypatch.setattr(Waiting, "__init__", wait)
    # An answer to a ping may be late as well.
    patient = dict(links._OPTIONS) | {_CONNECTING: 1_000 * int(EVENTUALLY_S)}
    options = [each for each in patient.items() if not each[0].startswith("grpc.keepalive")]
    monkeypatch.setattr(links, "_OPTIONS", options)
    for module, name in (
        (depositing, "OWN_KEY_WAIT_S"),
        (marking, "WAIT_S"),
        (room, "WAIT_S"),
    ):
        monkeypatch.setattr(module, name, EVENTUALLY_S)
