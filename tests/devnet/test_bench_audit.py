"""The log that the audit's bench makes is a log, and its figures are those of the commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devnet.bench_audit import Figure, main
from devnet.ceremony import hold_ceremony
from devnet.long_log import write_log
from node.archive.files import Files
from node.audit.memory import Memory
from node.audit.visit import Wanted, visit
from node.evidence.steps import Anchor
from node.evidence.tiles import format_bundle_path, format_tile_path, tiles

COMMANDS = ["audit", "audit --entries", "audit --signatures", "archive", "archive --entries"]


@pytest.mark.parametrize("entries", [5, 6, 255, 256, 257, 700])
def test_a_log_of_any_length_holds(tmp_path: Path, entries: int) -> None:
    """As an auditor sees it who makes all of it again."""
    places, files = hold_ceremony(tmp_path / "devnet", 3, 1), Files(tmp_path / "log")
    told: list[int] = []
    write_log(places, files, entries, told.append)
    assert sum(told) == entries - 2  # The genesis is there from the start.
    memory = Memory(tmp_path / "state")
    anchor = Anchor(policy_text=places.policy.read_bytes())
    report = visit(files.read, anchor, memory, Wanted("bodies"))
    memory.close()
    assert (report.size, report.entries) == (entries, entries)
    assert len(report.sealed.seals) == 3
    parts = {format_tile_path(each) for each in tiles(0, entries)}
    parts |= {format_bundle_path(each) for each in tiles(0, entries) if each.level == 0}
    assert {path for path in files.paths() if path.startswith("tile/")} == parts


@pytest.mark.slow
def test_the_bench_reads_the_log_that_is_there(tmp_path: Path) -> None:
    for wanted in (600, 5):
        options = ["--json", "--entries", str(wanted), "--directory", str(tmp_path / "kept")]
        # In a process of its own: a child's peak is at least the memory of whoever started it.
        command = [sys.executable, "-m", "devnet.bench_audit", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert told["entries"] == 600
        assert [each["command"] for each in told["figures"]] == COMMANDS
        for each in told["figures"]:
            assert each["entries"] == 600
            assert each["is_within"]
            assert each["seconds"] > 0.1
            assert 0.1 < each["processor_seconds"] < 60
            assert 20 < each["peak_mb"] < 200


@pytest.mark.slow
def test_what_fails_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_log(hold_ceremony(tmp_path / "devnet", 3, 1), Files(tmp_path / "log"), 5, lambda _: None)
    tile = tmp_path / "log" / format_tile_path(next(iter(tiles(0, 5))))
    tile.write_bytes(bytes(5 * 32))
    assert main(["--directory", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "bench-audit: `cunzheng audit` ended with 30" in said


@pytest.mark.parametrize(
    ("entries", "processor_seconds", "peak_mb", "is_within"),
    [
        (1_000, 59.0, 199.0, True),
        (1_000, 61.0, 199.0, False),
        (2_000_000, 119.0, 199.0, True),
        (2_000_000, 121.0, 199.0, False),
        (2_000_000, 119.0, 201.0, False),
    ],
)
def test_a_limit_is_a_limit(
    entries: int, processor_seconds: float, peak_mb: float, is_within: bool
) -> None:
    figure = Figure(
        "audit --entries", entries, 1.0, processor_seconds, peak_mb, "SHA-256", 1_000_000.0
    )
    assert figure.is_within is is_within
    assert figure.ratio == pytest.approx(1_000_000 * processor_seconds / entries)
