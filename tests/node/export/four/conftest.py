"""One honest world for all of these tests, and the browser of those of the page."""

import pytest

from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.kit.handed_over import whole_world
from tests.node.export.page.conftest import launched, page

__all__ = ["launched", "page"]


@pytest.fixture(scope="session")
def world() -> World:
    return whole_world()
