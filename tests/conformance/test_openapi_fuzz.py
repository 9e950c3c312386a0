"""The gateway keeps to its own OpenAPI document, whatever it is sent: a short `sh scripts/fuzz`."""

import asyncio
from pathlib import Path

import pytest

from tests.conformance.fuzzing import SCHEMATHESIS, fuzz


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fuzzed_from_its_own_document(tmp_path: Path) -> None:
    """No check fails, no answer is undocumented, none is a fault; good requests are answered."""
    if not SCHEMATHESIS.exists():
        pytest.skip("schemathesis is not installed")
    tally = asyncio.run(fuzz(tmp_path, examples=3, seed=7))
    assert tally.why == []
    assert tally.server_errors == 0
    assert tally.cases > 1_000
    assert tally.good > tally.cases / 10
