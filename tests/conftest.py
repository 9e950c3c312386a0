"""Fixtures every test may use."""

from typing import Any

import pytest

from tests.loops import Loop


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": Loop}
