"""The tamper experiments before all four verifiers, with anchors pinned outside the bundle.

Each attacker makes everything right again that can be: manifests, folders 03 and 04, certificate.
"""

from pathlib import Path

import pytest

from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import write, zipped
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.four.rows import ANOTHER_FILE, CONSISTENT, NOT_VALID
from tests.node.export.four.verifiers import Court, kit_html, kit_py, kit_sh, program
from tests.node.export.kit.handed_over import whole_world
from tests.node.export.kit.test_kit_verify_py import forged
from tests.node.export.page.browser import Opened

DOCUMENT = Path(__file__).parents[4] / "docs/bundle-format.md"
ATTACKS = {
    "T0": (CONSISTENT, set(), set()),
    "T1": (ANOTHER_FILE, {1}, set()),
    "T1b": (NOT_VALID, {0}, {1}),
    "T2": (NOT_VALID, {2}, set()),
    "T2b": (NOT_VALID, {3, 4}, set()),
    "T3": (NOT_VALID, {5, 7, 8}, set()),
}
"""Word, steps that fail, and those at which verify.sh finds more: it reads on after step 0."""


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_all_four_fail_at_the_stated_step(
    attack: str, world: World, page: Opened, tmp_path: Path
) -> None:
    word, steps, more = ATTACKS[attack]
    files = forged(world, attack)
    bag, court = write(tmp_path / "bag", files), Court.of(world, tmp_path / "anchors")
    for said in (program(bag, court), kit_py(bag, court), kit_html(zipped(files), court, page)):
        assert (said.word, said.steps) == (word, steps)
    said = kit_sh(bag, court)
    assert (said.word, said.steps) == (word, steps | more)
    document = DOCUMENT.read_text("utf-8").splitlines()
    for row in (line for line in document if line.startswith(f"| {attack}:")):
        assert all(f"{step}, V" in row for step in steps)


@pytest.mark.slow
def test_with_anchors_out_of_the_bundle_all_four_are_fooled(page: Opened, tmp_path: Path) -> None:
    """So it is the anchors that find T3, and nothing that its forger forgot."""
    theirs = whole_world("forger", forging.FORGED)
    files = forged(theirs, "T3")
    bag, court = write(tmp_path / "bag", files), Court.of(theirs, tmp_path / "anchors")
    archive = zipped(files)
    for said in (
        *(program(bag, court), kit_py(bag, court), kit_sh(bag, court)),
        kit_html(archive, court, page),
    ):
        assert (said.word, said.steps) == (CONSISTENT, set())
