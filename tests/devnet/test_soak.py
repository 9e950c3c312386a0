"""The soak: its plans repeat, its figures are right, and it says when something was wrong."""

import json
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest

from devnet import simulating, soak
from devnet.faults import Kind, plan
from devnet.simulating import Batch
from devnet.soak import Tally, silence

ALL = tuple(Kind)
WRONG = ("lost", "duplicated", "non_linearizable", "other", "sim_failed")
"""What must be 0."""


def test_a_seed_is_a_plan() -> None:
    first, again, other = (list(islice(plan(seed, ALL, 5), 200)) for seed in (1, 1, 2))
    assert first == again != other
    assert {fault.kind for fault in first} == set(Kind)
    assert {fault.leaders for fault in first} == {0, 1}
    assert list(islice(plan(1, (Kind.KILL,), 3), 9))[-1].kind is Kind.KILL


@pytest.mark.parametrize(("members", "most"), [(1, 1), (3, 1), (5, 2), (7, 3)])
def test_a_majority_is_left_alone(members: int, most: int) -> None:
    met = {fault.leaders + fault.others for fault in islice(plan(3, ALL, members), 500)}
    assert (min(met), max(met)) == (1, most)


@pytest.mark.parametrize(
    ("answered_s", "longest"),
    [
        ([1.0, 1.9, 2.8, 2.9, 4.0], 0.9),  # From the last before to the first after.
        ([1.0, 1.9, 2.05, 2.1, 3.0, 9.0], 0.9),  # Two answers were on their way.
        ([1.0, 1.9, 2.0, 2.1, 2.2, 2.3, 9.0], 0.1),  # A later silence has another reason.
    ],
)
def test_silence(answered_s: list[float], longest: float) -> None:
    assert silence(answered_s, 2.0) == pytest.approx(longest)


def test_what_is_wrong_shows_in_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(options: object, tally: Tally, console: object) -> None:
        for name in wrong:
            setattr(tally, name, 1)
        tally.acknowledged = 1
        tally.fail_over_ms += [700.0, 900.0, 800.0]

    monkeypatch.setattr(soak, "_run", run)
    for wrong in ([], *([name] for name in WRONG)):
        assert soak.main(["1"]) == len(wrong)
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [report[name] for name in wrong] == [1] * len(wrong)
        assert report["fail_over_ms"] == {"count": 3, "p50": 800, "p90": 900, "max": 900}


def test_a_run_in_which_nothing_was_acknowledged_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(options: object, tally: Tally, console: object) -> None:
        tally.looked_up = 9

    monkeypatch.setattr(soak, "_run", run)
    assert soak.main(["1"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out.splitlines()[-1])["lost"] == 0
    assert "nothing was acknowledged" in told.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["1", "--faults", "kill,flood"], "no such fault: flood"),
        (["-1"], "-1 is no number above 0"),
        (["nan"], "nan is no number above 0"),
        (["inf"], "inf is no number above 0"),
        (["ten"], "ten is no number above 0"),
        (["1", "--every", "0"], "0 is no number above 0"),
        (["1", "--clients", "0"], "0 is no whole number above 0"),
        (["1", "--clients", "2.5"], "2.5 is no whole number above 0"),
        (["1", "--members", "1"], "invalid choice: 1"),
        (["1", "--members", "8"], "invalid choice: 8"),
    ],
)
def test_what_cannot_be_done_is_refused(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        soak.main(arguments)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_the_help_says_what_holds_unless_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        soak.main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for default in ("default: 3 and 5 in turn", "default: 5", "default: 8", "default: all"):
        assert default in told


async def batches(monkeypatch: pytest.MonkeyPatch, *outputs: object) -> list[Batch]:
    """What is made of these outputs of the simulator, the last of them broken."""
    asked = []

    async def run(seed: int, count: int) -> tuple[int, bytes]:
        asked.append((seed, count))
        return 1, f"{outputs[len(asked) - 1]}\n".encode()

    monkeypatch.setattr(simulating, "_run", run)
    found = [batch async for batch in simulating.simulated(10)]
    assert asked == [(10, 2), (12, 4), (16, 8)][: len(asked)]
    return found


@pytest.mark.anyio
async def test_batches_of_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every seed that failed is named, and a simulator that breaks is no clean run."""
    result = {"seed": 13, "steps": 99, "failure": {"what": "two leaders"}}
    clean = json.dumps({"failed": [], "failures": []})
    found = json.dumps({"failed": [13, 15], "failures": [result]})
    told = await batches(monkeypatch, clean, found, "Traceback")
    assert told == [
        Batch(2, ()),
        Batch(4, ("devnet.sim --seed 13 --steps 99: two leaders", "devnet.sim --seed 15")),
        Batch(0, ("devnet.sim --first-seed 16 --seeds 8 ended with 1",)),
    ]


def run_soak(*arguments: str) -> dict[str, Any]:
    """The last line of a run that found nothing."""
    command = (sys.executable, "-m", "devnet.soak", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for name in WRONG:
        assert report[name] == 0, report
    return report


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_five_members_whose_leaders_are_killed_and_paused() -> None:
    """Goal: fifty clients lose nothing, and it is told how long they waited for a new leader.

    Method: less than half a minute of what `README.md` tells of.
    """
    report = run_soak(
        *("0.4", "--members", "5", "--every", "6", "--clients", "50", "--seed", "1", "--no-sim"),
        *("--faults", "kill,pause"),
    )
    assert report["faults"] > 0
    assert report["acknowledged"] > 50
    assert report["fail_over_ms"]["count"] > 0
    assert report["fail_over_ms"]["p50"] > 0


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_every_fault_and_the_simulator() -> None:
    """Goal: whatever the first faults of a plan are, nothing is lost; meanwhile seeds are run."""
    report = run_soak("0.2", "--every", "2", "--seed", "2")
    assert report["faults"] > 0
    assert report["sim_seeds"] > 0
