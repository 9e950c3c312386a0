"""Large originals: the kit reads them as a stream.

The program itself is measured in bundle/test_bundle_large.py; the page reads pieces of a megabyte.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.client.hashing import hash_file
from node.evidence.item import Opening
from node.evidence.policy import fingerprint
from node.evidence.proof_text import format_proof
from node.export.bundle.core import Deposit
from node.export.bundle.writing import write_directory
from node.export.kit.files import kit
from tests.node.export.bundle.bundles import bundle
from tests.vectors.example_chain import Chain

SMALL, LARGE = 1 << 20, 256 << 20
"""With 4 GiB + 1 nothing is different but the minutes that it takes."""
GROWTH_KIB_MAX = 16 * 1024
"""What a process may need more of for a file 256 times as large."""


def handed_over(folder: Path, size: int) -> tuple[Path, Path]:
    """A bundle with an original of this size, full of nothing; and anchors."""
    folder.mkdir()
    original = folder / "original.bin"
    with original.open("wb") as out:
        out.truncate(size)
    chain = Chain(seed="large")
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    read = hash_file(original).digests
    opening = Opening(chain.salt(), tuple(read.digests.items()), read.size, None)
    deposit = Deposit(format_proof(chain.proof(chain.deposit([b""], openings=[opening]))))
    bag = write_directory(folder, bundle([deposit], {deposit.number: original}))
    anchors = folder / "anchors"
    anchors.mkdir()
    known = fingerprint(chain.policies[-1].policy_text)
    (anchors / "policy-fingerprint.txt").write_text(known)
    return bag, anchors


def measured(program: str, bag: Path, anchors: Path) -> tuple[int, int]:
    """Exit code, and the most KiB that it or a tool it called had in memory."""
    script = bag.parent / program
    script.write_bytes(kit()[program])
    command = [sys.executable, "-I", script, bag, "--anchors", anchors]
    if program == "verify.sh":
        command = ["sh", script, bag]
    environment = {"PATH": os.environ["PATH"], "ROOTS": str(anchors)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


@pytest.mark.slow
def test_memory_does_not_grow_with_an_original(tmp_path: Path) -> None:
    small = handed_over(tmp_path / "small", SMALL)
    large = handed_over(tmp_path / "large", LARGE)
    for program in ("verify.py", "verify.sh"):
        code, kib = measured(program, *small)
        assert code == 10
        more = measured(program, *large)
        assert (more[0], more[1] < kib + GROWTH_KIB_MAX) == (code, True), (program, kib, more)
