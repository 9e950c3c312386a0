"""What a witness cosigned, it never forgets: power cuts, races, two processes, damage."""

import random
from pathlib import Path
from typing import Any

import pytest

from devnet.sim.disk import SimDisk
from devnet.sim.medium import PowerCut
from node.errors import Corrupt, DiskFailed, Misconfigured
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.note import parse_vkey
from node.witness.cosigning import Witness
from node.witness.state import DATABASE, LOCK, State
from node.witness.watching import Watched

NOW_S = 1_790_000_000
STATE = Path("/state")


def opened(log: Any, disk: SimDisk) -> Witness:
    watched = Watched(log.origin, (parse_vkey(log.vkey),))
    return Witness("witness.example/w", Signer(bytes([3]) * 32), [watched], State(STATE, disk))


def size_of(witness: Witness, log: Any) -> int:
    last = witness.state.last(log.origin)
    return last.size if last else 0


def test_a_restart_remembers(log: Any) -> None:
    disk = SimDisk()
    State.create(STATE, disk)
    witness = opened(log, disk)
    assert witness.add_checkpoint(log.request(0, 7), NOW_S).status == 200
    witness.state.close()
    witness = opened(log, disk)
    assert witness.add_checkpoint(log.request(0, 5), NOW_S).body == b"7\n"
    assert witness.add_checkpoint(log.fork(3).request(7, 9), NOW_S).status == 422
    assert witness.add_checkpoint(log.request(7, 9), NOW_S).status == 200


@pytest.mark.parametrize("seed", range(40))
def test_what_was_answered_survives_a_power_cut(log: Any, seed: int) -> None:
    """Wherever the power fails: a cosignature that left is remembered, so no fork of it follows."""
    chance = random.Random(seed)
    disk = SimDisk()
    State.create(STATE, disk)
    acknowledged, tried = 0, 0
    for _ in range(6):
        witness = opened(log, disk)
        assert acknowledged <= size_of(witness, log) <= tried
        size = size_of(witness, log)
        disk.cut_power_after(chance.randrange(5))
        try:
            for _ in range(4):
                tried = size + chance.randrange(1, 9)
                assert witness.add_checkpoint(log.request(size, tried), NOW_S).status == 200
                size = acknowledged = tried
        except PowerCut:
            disk.crash(chance, whole=[STATE / DATABASE])
        else:
            disk.cut_power_after(None)
            disk.kill()
    witness = opened(log, disk)
    size = size_of(witness, log)
    assert size >= acknowledged
    if size:
        assert witness.add_checkpoint(log.fork(size - 1).request(size, 200), NOW_S).status == 422


def test_of_two_requests_that_race_one_is_told_so(log: Any) -> None:
    """Both were made when the witness had seen 5: the second is judged by what the first left."""
    disk = SimDisk()
    State.create(STATE, disk)
    witness = opened(log, disk)
    witness.add_checkpoint(log.request(0, 5), NOW_S)
    first, second = log.request(5, 12), log.request(5, 9)
    assert witness.add_checkpoint(first, NOW_S).status == 200
    assert witness.add_checkpoint(second, NOW_S).body == b"12\n"
    assert size_of(witness, log) == 12


def test_a_disk_that_refuses_gives_no_cosignature(log: Any) -> None:
    disk = SimDisk()
    State.create(STATE, disk)
    witness = opened(log, disk)
    disk.fail_sync()
    with pytest.raises(DiskFailed):
        witness.add_checkpoint(log.request(0, 5), NOW_S)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    State.create(tmp_path / "state")
    first = State(tmp_path / "state")
    with pytest.raises(Misconfigured, match="in use by another process"):
        State(tmp_path / "state")
    first.close()
    State(tmp_path / "state").close()


def test_a_state_that_is_damaged_is_not_begun_anew(tmp_path: Path) -> None:
    for missing in (LOCK, DATABASE):
        directory = tmp_path / missing
        State.create(directory)
        (directory / missing).rename(directory / "aside")
        with pytest.raises(Corrupt):
            State(directory)


def test_an_attempt_to_make_it_that_stopped_half_way_is_swept_up() -> None:
    for operations in range(6):
        disk = SimDisk()
        disk.cut_power_after(operations)
        try:
            State.create(STATE, disk)
        except PowerCut:
            disk.crash(random.Random(operations))
            if not disk.names(STATE):
                State.create(STATE, disk)
        State(STATE, disk).close()


def test_the_note_that_contradicts_is_kept(log: Any, tmp_path: Path) -> None:
    """Once, and only where both roots are signed: a path that does not hold proves nothing."""
    State.create(tmp_path / "state")
    watched = Watched(log.origin, (parse_vkey(log.vkey),))
    state = State(tmp_path / "state")
    witness = Witness("witness.example/w", Signer(bytes([3]) * 32), [watched], state)
    witness.add_checkpoint(log.request(0, 7), NOW_S)
    kept = tmp_path / "state" / f"{sha256(log.origin.encode()).hex()}.contradiction"
    fork = log.fork(3)
    assert witness.add_checkpoint(fork.request(7, 9), NOW_S).status == 422
    assert not kept.exists()
    # Whatever size it claims to continue from.
    assert witness.add_checkpoint(fork.request(5, 7), NOW_S).status == 409
    assert kept.read_bytes() == fork.note(7)
    assert witness.add_checkpoint(log.fork(2).request(7, 7), NOW_S).status == 422
    assert kept.read_bytes() == fork.note(7)
    assert witness.add_checkpoint(log.request(7, 9), NOW_S).status == 200
    state.close()
