"""What the simulator does at the worst moments: ambushes, schisms and the paper's figure 8, with
nothing else wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from consensus import raft
from consensus.leadership import Leadership, Limits
from consensus.membership import check_change
from consensus.quorum import agreed
from devnet.sim.ambush import MET
from devnet.sim.cast import START_MS
from devnet.sim.chance import Chance
from devnet.sim.liveness import Recovery
from devnet.sim.moments import Moment
from devnet.sim.network import CALM
from devnet.sim.run import begin, build
from devnet.sim.schedule import MS, SECOND
from devnet.sim.setting import Setting, draw
from devnet.sim.violation import Invariant, Violation
from devnet.sim.world import World
from node.seals.sealing import REFRESH_S, time_of

NAMES = ("archive", "bank", "court", "escrow")
DURATION_US = 10 * SECOND


def calm(*kinds: str) -> Setting:
    """Four members and one more, to which only these things happen."""
    return replace(
        draw(Chance(0)),
        voters=NAMES,
        spares=("forensic",),
        limits=Limits(),
        weather=CALM,
        clients=2,
        split_votes=0,
        mean_us=dict.fromkeys(kinds, SECOND),
    )


def play(world: World, until_us: int = DURATION_US) -> None:
    begin(world)
    while world.schedule.now_us < until_us:
        assert world.schedule.step()


def test_an_ambush_meets_every_kind_of_moment() -> None:
    shown: list[str] = []
    for seed in range(6):
        world = build(seed, setting=calm("ambush", "kill"), show=shown.append)
        play(world)
        Recovery(world).run()
    for moment in (*MET, Moment.REUNION):
        faults = (f"fault: {name} {moment.value}" for name in NAMES)
        assert any(fault in line for fault in faults for line in shown), moment


def test_a_schism_is_played_to_its_end() -> None:
    """The old leader is asked to go, keeps a majority of its own, and nothing is lost by it."""
    shown: list[str] = []
    world = build(0, setting=calm("schism"), show=shown.append)
    play(world)
    assert any("is to be the fifth voter" in line for line in shown)
    assert any("is to leave" in line for line in shown)
    assert world.watch.elections >= 3
    Recovery(world).run()


def test_a_schism_finds_what_the_rule_of_2015_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(new: object, log: object, _: bool, *rest: object) -> None:
        check: Callable[..., None] = check_change
        check(new, log, True, *rest)

    monkeypatch.setattr(raft, "check_change", careless)
    with pytest.raises(Violation) as caught:
        play(build(0, setting=calm("schism")))
    assert caught.value.invariant is Invariant.COMPLETENESS


def three(kind: str) -> Setting:
    return replace(calm(kind), voters=NAMES[:3], spares=())


@pytest.mark.parametrize("seed", range(3))
def test_figure_8_is_played_to_its_end(seed: int) -> None:
    """Who was elected in between is elected again, by one that had the longer log."""
    shown: list[str] = []
    world = build(seed, setting=three("figure 8"), show=shown.append)
    play(world)
    for what in ("keeps something to itself", "the disk of", "outvotes"):
        assert any("fault: figure 8" in line and what in line for line in shown), what
    Recovery(world).run()


def test_figure_8_ends_when_a_machine_is_protected() -> None:
    """What protects it relies on others that hear it."""
    shown: list[str] = []
    world = build(0, setting=three("figure 8"), show=shown.append)
    begin(world)
    while not world.faults.figure8.is_under_way:
        assert world.schedule.step()
    world.faults.protected.add(NAMES[0])
    elections = world.watch.elections
    while world.watch.elections == elections:
        assert world.schedule.step()
    assert world.schedule.step()
    assert not world.faults.figure8.is_under_way
    assert not any(world.network.is_cut(one, other) for one in NAMES for other in NAMES)


def test_figure_8_finds_what_only_own_terms_are_counted_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(self: Leadership) -> None:
        log = self._log
        voters = [voter.id for voter in log.configuration.voters]
        held = (log.durable if id_ == self.id else self._progress[id_].match for id_ in voters)
        log.commit_to(max(log.commit, agreed(held)))

    monkeypatch.setattr(Leadership, "advance_commit", careless)
    with pytest.raises(Violation) as caught:
        play(build(0, setting=three("figure 8"), outside_only=True))
    assert caught.value.invariant is Invariant.COMPLETENESS


def test_seals_are_renewed_while_nothing_comes() -> None:
    """And the others get the new ones: so nobody counts as silent."""
    world = build(0, setting=calm())
    world.clients.are_open = False
    play(world, (2 * REFRESH_S + 10) * SECOND)
    now_s = (START_MS + world.schedule.now_us // MS) // 1000
    for name in NAMES:
        member = world.machines[name].member
        assert member is not None
        sealing = member.ledger.sealing
        assert set(sealing.newest) == {*NAMES} - {name}
        for seal in (sealing.last, *sealing.newest.values()):
            assert seal is not None
            assert seal.size == member.store.chain.size
            assert 0 <= now_s - time_of(seal) <= REFRESH_S + 5
