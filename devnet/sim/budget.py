"""What may be destroyed: never so much that losing something would be right.

Raft keeps what is on the disks of a majority, so at any time, of every configuration in force
anywhere, only a minority of the voters may have lost its disk, until others have taken their
places. Within that, and whatever else happens, everything lost is a bug.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import TYPE_CHECKING

from consensus.messages import ReplicaId
from devnet.sim.cast import member_of
from devnet.sim.joining import Wanted

if TYPE_CHECKING:
    from devnet.sim.machine import Machine
    from devnet.sim.world import World


def may_lose(world: "World", machine: "Machine") -> bool:
    """Whether this machine's disk may be destroyed now."""
    replica = machine.replica_on_disk
    if replica is None or machine.in_doubt or world.watch.is_destroyed(replica):
        return False
    return all(
        _lost(world, voters) + 1 <= (len(voters) - 1) // 2
        for voters in _groups(world, to_come=[replica])
        if replica in voters
    )


def may_leave(world: "World", machine: "Machine") -> bool:
    """Whether the others can do without this member."""
    return all(
        _lost(world, voters) <= (len(voters) - 1) // 2
        for voters in _groups(world, leaving=machine.name)
        if voters
    )


def _groups(
    world: "World", *, leaving: str = "", to_come: Sequence[ReplicaId] = ()
) -> Iterator[list[ReplicaId]]:
    """The voters of every configuration in force, without any of those who are about to leave, in
    whatever order they do, and with those to come: who runs from a damaged disk without having
    noticed may be made a voter before it does."""
    machines = list(world.machines.values())
    going = {each.name for each in machines if each.joining.wanted is Wanted.OUT}
    going |= {leaving} - {""}
    on_disks = [each.replica_on_disk for each in machines if each.replica_on_disk is not None]
    damaged = [each for each in on_disks if world.watch.is_destroyed(each)]
    for configuration in world.watch.configurations():
        now = [voter.id for voter in configuration.voters]
        then = list(dict.fromkeys([*now, *damaged, *to_come]))
        for voters in (now, then):
            here = sorted(going & {member_of(each) for each in voters})
            for gone in chain.from_iterable(combinations(here, n) for n in range(len(here) + 1)):
                yield [each for each in voters if member_of(each) not in gone]


def _lost(world: "World", voters: list[ReplicaId]) -> int:
    doubted = [each.replica_on_disk for each in world.machines.values() if each.in_doubt]
    return sum(each in doubted or world.watch.is_destroyed(each) for each in voters)
