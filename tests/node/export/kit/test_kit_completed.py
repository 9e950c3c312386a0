"""A bundle made without its original and completed later: the kit's programs take it as it is, and
not with another file in its place (T1)."""

from pathlib import Path

import pytest

from node.export.bundle import layout
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import sealed_again, write
from tests.node.export.bundle.completing import complete
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.kit.handed_over import answer, certified, handed_over, verify_py, verify_sh


@pytest.fixture
def full(world: World, tmp_path: Path) -> Path:
    """Handed over without the original, with the certificate signed; completed by its holder."""
    number = world.deposit().number
    files = handed_over(world)
    del files[layout.original(1, number)]
    files = certified(world, {**files, layout.EMPTY: b"with its holder\n"})
    empty = write(tmp_path / "empty", files)
    original = tmp_path / "original"
    original.write_bytes(forging.CONTENT)
    return complete(empty, {number: original}, tmp_path)


def test_all_steps_pass(full: Path, trusted: Path) -> None:
    said = verify_sh(full, trusted)
    assert (said.code, said.steps("FAIL"), said.err) == (0, [], "")
    value = answer(verify_py(full, trusted, "--json"))
    assert (value["package"]["code"], value["package"]["flaws"]) == (None, [])
    assert value["deposits"][0]["size"] == len(forging.CONTENT)


def test_a_changed_original_fails_at_step_1(
    full: Path, world: World, trusted: Path, tmp_path: Path
) -> None:
    """With manifests that fit it, as an attacker would: they are in no list that is signed."""
    found = {str(each.relative_to(full)): each for each in full.rglob("*") if each.is_file()}
    files = {path: each.read_bytes() for path, each in found.items()}
    contents = files[layout.CONTENTS]
    files = sealed_again({**files, layout.original(1, world.deposit().number): b"changed"})
    assert files[layout.CONTENTS] == contents
    bag = write(tmp_path / "bag", files)
    said = verify_sh(bag, trusted)
    assert (said.code, said.steps("FAIL")) == (20, [1])
    value = answer(verify_py(bag, trusted, "--json"))
    assert (value["package"]["code"], value["deposits"][0]["verdict"]["code"]) == (None, "V102")
