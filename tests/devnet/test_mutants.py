"""The mutants: patches that still fit the source, small, said in a sentence; and that the simulator
notices some of them. All are tried by `python -m devnet.sim --mutants`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devnet.sim import mutation

MUTANTS = mutation.kept()
LINES_MAX = 12
"""Changed by one mutant, removed and added together: it breaks one thing."""
SEEDS_MAX = 400
"""More would not be tried by anybody."""
QUICK = (
    "ack_before_sync",
    "acknowledges_whole_log",
    "change_in_force_when_committed",
    "half_is_a_majority",
    "state_written_late",
)
"""Killed by one of their first few seeds."""


def diff_of(name: str) -> str:
    """A mutant without its heading."""
    text = (mutation.MUTANTS / f"{name}.patch").read_text()
    return text[text.index("--- a/") :]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_source_and_says_what_it_breaks(
    mutant: mutation.Mutant, tmp_path: Path
) -> None:
    """A patch that does not fit any more must be made anew, or it guards nothing."""
    mutation.plant(mutant, tmp_path)
    assert mutant.says.endswith((".", ")."))
    text = (mutation.MUTANTS / f"{mutant.name}.patch").read_text()
    assert f"\nSeeds: {mutant.seeds}\n\n--- " in text
    assert 0 < mutant.seeds <= SEEDS_MAX
    body = text.partition("\n--- ")[2].splitlines()[2:]
    assert 0 < sum(line[:1] in "+-" for line in body) <= LINES_MAX


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 26


def test_a_patch_that_does_not_fit_is_named(tmp_path: Path) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(
        "Nothing of this is here.\n\n--- a/consensus/raft.py\n+++ b/consensus/raft.py\n"
        "@@ -1,1 +1,1 @@\n-no such line\n+another\n"
    )
    with pytest.raises(mutation.Unusable, match=r"raft\.py"):
        mutation.plant(mutation.read(patch), tmp_path / "tree")


@pytest.mark.parametrize("seeds", ["none", "0", "-1", "3 or 4"])
def test_a_number_of_seeds_that_is_none(tmp_path: Path, seeds: str) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(f"A thing is broken.\nSeeds: {seeds}\n\n" + diff_of("half_is_a_majority"))
    with pytest.raises(mutation.Unusable, match="no number of seeds"):
        mutation.read(patch)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_mutant_is_killed(name: str) -> None:
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    assert mutant.seeds <= 10
    (fate,) = mutation.hunt([mutant], 2, lambda: None)
    assert isinstance(fate, mutation.Kill), fate
    assert fate.seed <= mutant.seeds


@pytest.mark.slow
def test_a_mutant_that_breaks_nothing_survives(tmp_path: Path) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(
        "A word of a docstring.\nSeeds: 2\n\n"
        "--- a/consensus/quorum.py\n+++ b/consensus/quorum.py\n@@ -1,1 +1,1 @@\n"
        '-"""Majorities. Everything that is decided by counting replicas is counted here."""\n'
        '+"""Majorities."""\n'
    )
    assert list(mutation.hunt([mutation.read(patch)], 1, lambda: None)) == [None]


@pytest.mark.slow
def test_a_stranger_may_bring_a_mutant(tmp_path: Path) -> None:
    """One that is found at once, without a word on how many seeds that takes."""
    patch = tmp_path / "mine.patch"
    patch.write_text(diff_of("ack_before_sync"))
    command = [sys.executable, "-m", "devnet.sim", "--mutant", patch, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    (fate,) = json.loads(done.stdout)["fates"]
    assert (fate["fate"], fate["seeds"]) == ("killed", mutation.SEEDS)
