"""The mutants: patches that still fit the source, small, and said in a sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devnet.sim import mutation

MUTANTS = mutation.kept()
LINES_MAX = 12
"""Changed by one mutant, removed and added together: it breaks one thing."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_source_and_says_what_it_breaks(
    mutant: mutation.Mutant, tmp_path: Path
) -> None:
    """A patch that does not fit any more must be made anew, or it guards nothing."""
    mutation.plant(mutant, tmp_path)
    assert mutant.patch.heading.endswith((".", ")."))
    text = (mutation.MUTANTS / f"{mutant.name}.patch").read_text()
    body = text.partition("\n--- ")[2].splitlines()[2:]
    assert 0 < sum(line[:1] in "+-" for line in body) <= LINES_MAX


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 24


def test_a_patch_that_does_not_fit_is_named(tmp_path: Path) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(
        "Nothing of this is here.\n\n--- a/consensus/raft.py\n+++ b/consensus/raft.py\n"
        "@@ -1,1 +1,1 @@\n-no such line\n+another\n"
    )
    with pytest.raises(mutation.Unusable, match=r"raft\.py"):
        mutation.plant(mutation.read(patch), tmp_path / "tree")


@pytest.mark.slow
def test_a_stranger_may_bring_a_mutant(tmp_path: Path) -> None:
    """The one that is found at once: acknowledgements that do not wait for the disk."""
    patch = tmp_path / "mine.patch"
    patch.write_bytes((mutation.MUTANTS / "ack_before_sync.patch").read_bytes())
    command = [sys.executable, "-m", "devnet.sim", "--mutant", patch, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    (fate,) = json.loads(done.stdout)["fates"]
    assert fate["fate"] == "killed"
