"""A gateway keeps to its own OpenAPI document, whatever it is sent: a minute of `sh scripts/fuzz`.

The gateway is a real one on a real port; its members are those of the gateway's own tests, so that
nothing has to be started but schemathesis. It is given less than it takes by itself: the random
phase alone, and only as many requests as the minute holds.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from node.gateway.app import create_app
from tests.conformance.fuzzing import (
    FUZZER,
    SCHEMATHESIS,
    Tally,
    admit_all,
    new_keys,
    run,
    seeded,
)
from tests.node.gateway.admitted import START_MS, VAULT_KEY

pytestmark = pytest.mark.anyio

EXAMPLES = 3
CASES_MIN = 200
"""Three an operation, less where there is nothing to vary; a third of them is good."""


@pytest.fixture
async def url(gateway: Any) -> AsyncIterator[str]:
    """Where the gateway listens."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(gateway), lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_fuzzed_from_its_own_document(
    world: Any, cluster: Any, gateway: Any, url: str, tmp_path: Path
) -> None:
    """No check fails, no answer is undocumented, none is a fault; good requests are answered."""
    if not SCHEMATHESIS.exists():
        pytest.skip("schemathesis is not installed")
    keys = new_keys()
    await admit_all(gateway.database, VAULT_KEY, keys, START_MS)
    cluster.apply([world.key("enrol", world.depositor.public, role="depositor")])
    policy, _ = world.policy_texts()
    known = await asyncio.to_thread(seeded, url, keys[FUZZER], policy, world.depositor, tmp_path)
    options = ("--phases", "fuzzing", "--max-examples", str(EXAMPLES), "--seed", "7")
    tally, report = Tally(), tmp_path / "fuzzed.ndjson"
    tally.why += await run(url, keys, known, report, options)
    tally.add(report, Counter())
    assert tally.why == []
    assert tally.server_errors == 0
    assert tally.cases > CASES_MIN
    assert tally.good > tally.cases / 4
