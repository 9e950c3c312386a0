"""Folders of bundles that are being made hold what opens deposits: none outlives its maker."""

import os
from pathlib import Path

import pytest

from node.gateway.bundles.scratch import PREFIX, YOUNG_S, clear_left_behind, scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    os.utime(folder, (0, 0))
    return folder


def test_what_a_killed_gateway_left_is_cleared_away(temporary: Path) -> None:
    left = temporary / f"{PREFIX}left"
    left.mkdir()
    (left / "001.pdf").write_bytes(b"somebody's")
    aged(left)
    young, other = temporary / f"{PREFIX}young", temporary / "other"
    young.mkdir()
    other.mkdir()
    with scratch() as held:
        aged(held)
        assert clear_left_behind() == 1
        assert set(temporary.iterdir()) == {held, young, aged(other)}
    assert not held.exists()
    assert YOUNG_S > 0


def test_no_link_is_followed(temporary: Path) -> None:
    """Anybody may put names into a shared directory."""
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"")
    (temporary / f"{PREFIX}link").symlink_to(aged(elsewhere))
    (temporary / f"{PREFIX}file").write_bytes(b"")
    assert clear_left_behind() == 0
    assert (elsewhere / "kept").exists()
