"""Fixtures for the verification kit: published vectors, and one bundle of everything."""

from pathlib import Path

import pytest

from tests.node.evidence.conftest import published, published_json
from tests.node.export.bundle.bundles import write
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.kit.handed_over import anchors, handed_over, whole_world

__all__ = ["published", "published_json"]


@pytest.fixture(scope="session")
def world() -> World:
    return whole_world()


@pytest.fixture(scope="session")
def files(world: World) -> dict[str, bytes]:
    return handed_over(world)


@pytest.fixture(scope="session")
def trusted(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the court had from elsewhere."""
    return anchors(tmp_path_factory.mktemp("court") / "trusted", world)


@pytest.fixture
def bag(files: dict[str, bytes], tmp_path: Path) -> Path:
    """The bundle as a directory of one's own."""
    return write(tmp_path / "bag", files)
