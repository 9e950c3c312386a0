"""Hostile bundles before all four verifiers: each is named, at its step, by each of them."""

from pathlib import Path

import pytest

from node.evidence.policy import fingerprint
from tests.node.export.bundle.bundles import write, zipped
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.four.rows import ROWS, Handed, Row
from tests.node.export.four.verifiers import Court, Said, kit_html, kit_py, kit_sh, program
from tests.node.export.page.browser import Opened


def court_of(handed: Handed, folder: Path) -> Court:
    if handed.world is not None:
        return Court.of(handed.world, folder, handed.more)
    if handed.fingerprint is None:
        return Court(None)
    folder.mkdir()
    text = fingerprint(handed.fingerprint.read_bytes())
    (folder / "policy-fingerprint.txt").write_text(f"{text}\n")
    return Court(folder)


def judge(said: Said, row: Row) -> None:
    """One of the three that name all they find."""
    assert (said.word, said.steps, said.code) == (row.word, frozenset(row.steps), row.code)
    assert row.flaw is None or row.flaw in said.flaws
    assert row.point is None or row.point in said.points


@pytest.mark.parametrize("name", ROWS)
def test_program_and_page(name: str, world: World, page: Opened, tmp_path: Path) -> None:
    row = ROWS[name]
    handed = row.make(world)
    court = court_of(handed, tmp_path / "anchors")
    bag = write(tmp_path / "bag", handed.files)
    for said in (program(bag, court), kit_html(zipped(handed.files), court, page)):
        judge(said, row)
        assert row.told in said.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_kit(name: str, world: World, tmp_path: Path) -> None:
    row = ROWS[name]
    handed = row.make(world)
    court = court_of(handed, tmp_path / "anchors")
    bag = write(tmp_path / "bag", handed.files)
    judge(kit_py(bag, court), row)
    said = kit_sh(bag, court)
    steps = frozenset(row.steps if row.sh is None else row.sh)
    assert (said.word, said.steps) == (row.word, steps), said.text
    assert row.point is None or row.point in said.points
