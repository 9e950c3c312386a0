"""Tessera's `fsck`, which knows nothing of us, finds our archive whole, and every byte of it that
was changed.

It makes the tree anew from the entry bundles, compares it with every hash tile and the root with
the signed checkpoint. The version is the one `go_tessera` pins.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from node.evidence.tiles import format_bundle_path, format_tile_path, tiles
from tests.conformance.archived import SIZE, Archived
from tests.conformance.gotools import BUILD_S, built_from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_S + 100)]

FSCK = "github.com/transparency-dev/tessera/cmd/fsck"
WORKERS = 8
"""More than the log has tiles: with fewer, v1.0.4 hangs once its workers stopped at errors."""
HASH_TILES = [format_tile_path(tile) for tile in tiles(0, SIZE)]
BUNDLES = [format_bundle_path(tile) for tile in tiles(0, SIZE) if tile.level == 0]


@pytest.fixture(scope="module")
def program() -> Path:
    return built_from("tessera", FSCK)


@pytest.fixture
def log(archived: Archived, tmp_path: Path) -> Path:
    """A copy of the archive that a test may change."""
    return Path(shutil.copytree(archived.directory, tmp_path / "log"))


Check = Callable[[Path], str]


@pytest.fixture
def check(program: Path, archived: Archived, tmp_path: Path) -> Check:
    """What it says of a log; its status is 0 whatever it found."""
    vkey = tmp_path / "vkey"
    vkey.write_text(archived.vkeys[0])
    options = [f"--public_key={vkey}", "--ui=false", f"--N={WORKERS}"]

    def run(log: Path) -> str:
        done = subprocess.run(
            [program, *options, f"--storage_url=file://{log}"],
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=60,
        )
        assert ("fsck failed: " in done.stderr) != ("Successfully fsck'd" in done.stderr)
        return done.stderr

    return run


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_the_archive_is_whole(check: Check, log: Path) -> None:
    assert f"Successfully fsck'd log with size {SIZE} " in check(log)


@pytest.mark.parametrize("path", HASH_TILES)
def test_a_tile_with_a_byte_changed_is_found(check: Check, log: Path, path: str) -> None:
    part = log / path
    flip(part, Random(path).randrange(part.stat().st_size))
    assert f"fsck failed: failed: {path}: log has:" in check(log)


@pytest.mark.parametrize("path", BUNDLES)
def test_an_entry_with_a_byte_changed_is_found(check: Check, log: Path, path: str) -> None:
    """The tile above it says otherwise."""
    part = log / path
    first = int.from_bytes(part.read_bytes()[:2], "big")
    flip(part, 2 + Random(path).randrange(first))
    assert "log has:" in check(log)


@pytest.mark.parametrize("path", BUNDLES)
def test_a_length_with_a_byte_changed_is_found(check: Check, log: Path, path: str) -> None:
    flip(log / path, 1)
    assert "fsck failed: " in check(log)


@pytest.mark.parametrize("path", [HASH_TILES[0], BUNDLES[-1], "checkpoint"])
def test_what_is_missing_is_found(check: Check, log: Path, path: str) -> None:
    (log / path).unlink()
    assert "no such file" in check(log)


def test_a_checkpoint_with_a_byte_changed_is_found(check: Check, log: Path) -> None:
    flip(log / "checkpoint", 40)
    assert "failed to fetch and verify checkpoint" in check(log)
