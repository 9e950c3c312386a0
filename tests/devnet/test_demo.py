"""The demo runs as people run it, and says so if anything does not hold."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from devnet import demo
from devnet.court import _flipped
from devnet.demo import Demo, Tally
from devnet.handing_over import STOCK_TOOLS
from devnet.make_samples import SAMPLES
from devnet.outside import Failed, Outside
from node.words import Answer

GOOD = Tally(9, 9, 18, 18, True, 0, bundle_verified=3, bundle_rejected=3)


@pytest.mark.parametrize(
    "change",
    [
        {"anchored": 0, "final": 0, "verified": 0, "tampered_rejected": 0},
        {"final": 8},
        {"verified": 17},
        {"tampered_rejected": 17},
        {"leader_killed": False},
        {"lost": 1},
        {"bundle_verified": 0, "bundle_rejected": 0},
        {"bundle_rejected": 2},
    ],
)
def test_a_demo_holds_only_if_everything_does(change: dict[str, int]) -> None:
    assert GOOD.holds
    assert not dataclasses.replace(GOOD, **change).holds


def test_what_does_not_hold_is_told_and_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def fail(self: Demo) -> None:
        self.tally.anchored = 3
        raise ExceptionGroup("tasks", [Failed("a member does not have EV1")])

    monkeypatch.setattr(Demo, "run", fail)
    assert demo.main(["--keep", str(tmp_path / "kept")]) == 1
    printed = capsys.readouterr()
    assert printed.err == "demo: a member does not have EV1\n"
    assert json.loads(printed.out.splitlines()[-1])["anchored"] == 3


def test_one_bit_is_flipped() -> None:
    for data in (b"a", b"ab", SAMPLES.joinpath("取证说明.txt").read_bytes()):
        flipped = _flipped(data)
        assert (int.from_bytes(flipped, "big") ^ int.from_bytes(data, "big")).bit_count() == 1


@pytest.mark.anyio
async def test_commands_run_outside_get_nothing_but_their_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong call ends with its exit code and says why; the environment does not reach it."""
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    finished = await Outside("en").run(tmp_path, "verify", "missing.pdf")
    assert finished.exit_code == 2
    assert "missing.pdf" in finished.errors
    with pytest.raises(Failed, match="ended with 2"):
        finished.expect(Answer.CONSISTENT.exit_code)


@pytest.mark.slow
def test_the_whole_walk(tmp_path: Path) -> None:
    """Exit code 0, every number as it should be in the last line, and nothing left behind."""
    done = subprocess.run(
        [sys.executable, "-m", "devnet.demo"],
        env={**os.environ, "LC_ALL": "zh_CN.UTF-8", "TMPDIR": str(tmp_path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    count, verifiers = len(list(SAMPLES.iterdir())), 3 if all(map(which, STOCK_TOOLS)) else 2
    assert json.loads(lines[-1]) == {
        "anchored": count,
        "final": count,
        "verified": 2 * count,
        "tampered_rejected": 2 * count,
        "leader_killed": True,
        "lost": 0,
        "bundle_verified": verifiers,
        "bundle_rejected": verifiers,
    }
    assert "verify.html" in done.stdout
    assert "主节点" in done.stdout
    assert list(tmp_path.iterdir()) == []
