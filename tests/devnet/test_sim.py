"""The simulator: many seeds, the kept ones, and that a seed is all there is to a run.

To see a failing seed again: `python -m devnet.sim --seed N --log`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consensus.journal import RolledBack
from consensus.leadership import Limits
from consensus.ready import Role
from devnet.sim import __main__ as command
from devnet.sim.cast import START_MS, statement
from devnet.sim.chance import Chance
from devnet.sim.faults import DAY_MS
from devnet.sim.joining import Wanted
from devnet.sim.liveness import Recovery
from devnet.sim.machine import Machine
from devnet.sim.network import CALM
from devnet.sim.run import Result, begin, build, run, shorten
from devnet.sim.schedule import MS, SECOND
from devnet.sim.setting import MEAN_US, Setting, draw
from devnet.sim.violation import Invariant, Violation
from devnet.sim.world import World

SEEDS = 200
"""Others each day, which nobody has run before: `first_of_today`."""

LEAST_PER_SEED = {
    "elections": 5,
    "crashes": 5,
    "partition": 2,
    "torn writes": 0.5,
    "membership": 0.5,
    "operations": 200,
}
"""What a thousand seeds must come to is a thousand times this."""


def simulate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devnet.sim", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def first_of_today() -> int:
    return datetime.now(UTC).toordinal() * 1000


@pytest.mark.timeout(900)
def test_many_seeds() -> None:
    """No seed finds anything, and together they did what they are there for. What one finds is kept
    in `kept_seeds.txt`."""
    first = first_of_today()
    done = simulate("--seeds", str(SEEDS), "--first-seed", str(first), "--json")
    found = json.loads(done.stdout)
    failing = [(each["seed"], each["steps"], each["failure"]["what"]) for each in found["failures"]]
    assert failing == [], f"of seeds {first} to {first + SEEDS - 1}: keep these (seed, steps, what)"
    assert done.returncode == 0
    counts = found["counts"]
    assert set(MEAN_US) <= set(counts)
    # Of so few seeds a kind may have somewhat less than its share.
    few = {
        name: counts[name]
        for name, least in LEAST_PER_SEED.items()
        if counts[name] < 0.7 * least * SEEDS
    }
    assert few == {}


def kept() -> Iterator[tuple[int, int]]:
    for line in Path(__file__).with_name("kept_seeds.txt").read_text().splitlines():
        if not line.startswith("#"):
            seed, steps, _ = line.split(maxsplit=2)
            yield int(seed), int(steps)


@pytest.mark.parametrize(("seed", "steps"), list(kept()))
def test_kept_seeds(seed: int, steps: int) -> None:
    assert run(seed, steps).failure is None
    assert run(seed).failure is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--seeds 0", "'0' is not a number from 1 on"),
        ("--seeds -3", "'-3' is not a number from 1 on"),
        ("--processes 0", "'0' is not a number from 1 on"),
        ("--steps x", "'x' is not a number from 1 on"),
        ("--log", "--log needs --seed"),
        ("--seeds 3 --log", "--log needs --seed"),
        ("--seed 7 --seeds 3", "not allowed with"),
        ("--seed 7 --mutants", "not allowed with"),
        ("--seed 7 --first-seed 3", "exclude each other"),
    ],
)
def test_what_cannot_be_done_is_refused(
    arguments: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments.split())
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nobody_goes_on_when_the_command_was_killed(how: signal.Signals) -> None:
    """What it began has its output open as long as it runs."""
    arguments = ["--seeds", "100000", "--processes", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "devnet.sim", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(children.read_text().split()) < 2:
            assert process.poll() is None
        process.send_signal(how)
        assert process.communicate(timeout=60)[0] == b""


def test_a_seed_is_all_there_is_to_a_run() -> None:
    """Twice in this process, and in two others in which sets and hashes have another order."""
    here = {run(7, 2_000).digest for _ in range(2)}
    elsewhere = {
        json.loads(
            simulate("--seed", "7", "--steps", "2000", "--json", PYTHONHASHSEED=salt).stdout
        )["digest"]
        for salt in ("1", "2")
    }
    assert len(here | elsewhere) == 1
    assert run(8, 2_000).digest not in here


def test_fewer_events_are_the_beginning_of_the_same_run() -> None:
    lines: list[list[str]] = [[], []]
    for steps, shown in zip((300, 900), lines, strict=True):
        run(4, steps, show=shown.append)
    short, long = lines
    healed = next(index for index, line in enumerate(short) if line.endswith("all is healed"))
    assert healed > 50
    assert short[:healed] == long[:healed]


# One thing at a time, without chance


def quiet(**changes: object) -> Setting:
    """Three members, and nothing goes wrong."""
    setting = replace(
        draw(Chance(0)),
        voters=("archive", "bank", "court"),
        spares=(),
        limits=Limits(),
        weather=CALM,
        clients=0,
        mean_us={},
    )
    return replace(setting, **changes)  # type: ignore[arg-type]


def pass_time(world: World, duration_us: int) -> None:
    until_us = world.schedule.now_us + duration_us
    while world.schedule.now_us < until_us:
        assert world.schedule.step()


def leader_of(world: World) -> Machine:
    leader = world.faults.leader()
    assert leader is not None
    return leader


def deposit(world: World, machine: Machine, number: int) -> None:
    """One block; its answer is not waited for."""
    world.history.begin(statement(number)[0], world.schedule.now_us)
    assert machine.member is not None
    machine.member.propose([statement(number)], lambda answer: None)


def off_ms(world: World, height: int) -> int:
    """By how much the time of a block is off the right one now."""
    return world.chain.chains[height].time_ms - START_MS - world.schedule.now_us // MS


def test_a_leader_whose_clock_is_a_day_ahead_makes_one_entry() -> None:
    """And no more: it hands over, and the next leader's blocks carry right times."""
    world = build(1, setting=quiet())
    begin(world)
    pass_time(world, 5 * SECOND)
    wrong = leader_of(world)
    before = len(world.chain.chains)
    wrong.clock_off_ms = DAY_MS
    deposit(world, wrong, 0)
    pass_time(world, 2 * SECOND)
    assert off_ms(world, before) > DAY_MS - 5_000
    right = leader_of(world)
    assert right is not wrong
    assert right.member is not None
    assert right.member.driver.raft.role is Role.LEADER
    for number in range(1, 4):
        deposit(world, right, number)
        pass_time(world, SECOND)
    made = range(before + 1, len(world.chain.chains))
    assert len(made) == 4  # What opens the new term, and three blocks.
    assert all(-10_000 < off_ms(world, height) < 2_000 for height in made)
    assert leader_of(world) is right
    Recovery(world).run()


def test_a_replica_that_has_forgotten_is_not_started_again() -> None:
    """Not even if its member is to leave and makes no other, and when all is healed."""
    world = build(0, setting=quiet())
    begin(world)
    pass_time(world, SECOND)
    machine = next(iter(world.machines.values()))
    assert machine.member is not None
    machine.joining.want(Wanted.OUT)
    machine.disk_is_lost()
    machine.member.ledger.journal.give_up("it is what others say")
    machine.failed(RolledBack("it is what others say"))
    world.faults.heal()
    assert machine.member is None
    machine.joining.want(Wanted.VOTER)
    pass_time(world, 10 * SECOND)
    assert machine.member is not None
    assert machine.joining.is_done


def test_a_quiet_group_keeps_its_leader() -> None:
    world = build(2, setting=quiet())
    begin(world)
    pass_time(world, 20 * SECOND)
    assert world.watch.elections == 1
    assert leader_of(world).name in world.machines
    Recovery(world).run()


# What must hold at the end can fail


@pytest.fixture
def world() -> World:
    world = build(3, setting=quiet())
    begin(world)
    pass_time(world, 5 * SECOND)
    return world


def test_a_leader_that_is_disturbed(world: World) -> None:
    leader = leader_of(world).member
    assert leader is not None
    world.schedule.after(100 * MS, leader.driver.hand_over)
    with pytest.raises(Violation) as caught:
        Recovery(world).check_calm()
    assert caught.value.invariant is Invariant.STABILITY


def test_a_time_that_is_wrong(world: World) -> None:
    leader_of(world).clock_off_ms = DAY_MS
    deposit(world, leader_of(world), 0)
    pass_time(world, SECOND // 10)
    with pytest.raises(Violation) as caught:
        Recovery(world).check_times()
    assert caught.value.invariant is Invariant.TIME


def test_a_member_that_does_not_find_what_is_there(world: World) -> None:
    deposit(world, leader_of(world), 0)
    pass_time(world, SECOND)
    Recovery(world).check_views()
    for machine in world.machines.values():
        assert machine.member is not None
        machine.member.find = lambda identity: None  # type: ignore[method-assign]
    with pytest.raises(Violation) as caught:
        Recovery(world).check_views()
    assert caught.value.invariant is Invariant.CLIENT_TRUTH


def test_a_group_that_never_settles(world: World) -> None:
    """One that is cut off, and one that is kept busy."""
    names = list(world.machines)
    cut_off = Recovery(world)
    world.faults.heal()
    world.network.cut([(name, names[0]) for name in names[1:]])
    pass_time(world, 3 * SECOND)
    with pytest.raises(Violation) as caught:
        cut_off.until_settled("with one cut off")
    assert caught.value.invariant is Invariant.LIVENESS

    def again() -> None:
        world.schedule.after(1, again)

    again()
    with pytest.raises(Violation, match="busy for nothing"):
        Recovery(world).until_settled("with an event every microsecond")


# What is found is shown


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that forgets its votes when it is asked again."""
    monkeypatch.setattr("consensus.log.Log.is_up_to_date", lambda *_: True)


@pytest.mark.usefixtures("careless")
def test_a_failure_is_made_short() -> None:
    failed = next(r for r in map(run, range(40)) if r.failure is not None)
    assert failed.failure is not None
    short = shorten(failed)
    assert short.failure is not None
    assert short.failure.invariant == failed.failure.invariant
    assert short.steps <= failed.steps
    assert short.failure.last
    again = run(short.seed, short.steps)
    assert (again.failure, again.digest) == (short.failure, short.digest)


def test_an_error_of_a_replica_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not where only what can be seen from outside counts: there it has crashed."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("consensus.log.Log.commit_to", fails)
    inside = run(0, 100).failure
    outside = run(0, 100, outside_only=True).failure
    assert inside is not None
    assert outside is not None
    assert inside.invariant == Invariant.NO_CRASH.name
    assert "ZeroDivisionError" in inside.what
    assert outside.invariant == Invariant.LIVENESS.name


def test_the_command_tells_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results: list[Result] = []

    def broken(seed: int, steps: int, **_: object) -> Result:
        with monkeypatch.context() as patch:
            patch.setattr("consensus.log.Log.commit_to", lambda *_: None)
            results.append(run(seed, steps))
        return results[-1]

    monkeypatch.setattr(command, "run", broken)
    assert command.main(["--seed", "3", "--steps", "50", "--as-found"]) == 1
    shown = capsys.readouterr().out
    assert "seed 3: 21" in shown
    assert "python -m devnet.sim --seed 3 --steps 50 --log" in shown
    assert command.main(["--seed", "3", "--steps", "50", "--as-found", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == [3]
    monkeypatch.undo()
    assert command.main(["--seed", "3", "--steps", "50"]) == 0
