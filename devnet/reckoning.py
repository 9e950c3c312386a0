"""Whether answers, chain and webhook come out even: what each has, to the last one.

A chain is read as it lies on a member's disk, leaf by leaf and past every index of it, so that no
deposit can stand there unseen. All deposits of the chain must be those of the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from devnet.cluster import Cluster
from devnet.told import Message
from node.chain.store import Store
from node.config import load_member
from node.evidence.entry import StatementEntry, parse_entry
from node.evidence.merkle import leaf_hash
from node.evidence.record import parse_genesis
from node.evidence.statement import Deposit

WHY_MAX = 20
"""Lines about one kind of thing that is wrong: the first few tell the story."""
FINAL = "deposit.final"


@dataclass(frozen=True, slots=True)
class Answered:
    """A deposit as its client was told of it; texts are as in the answer."""

    name: str
    number: str
    statement_id: str
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A deposit as it stands on the chain."""

    number: str
    statement_id: str
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How many deposits were answered, are on every member's chain, how many numbers those have,
    of how many the webhook was told; and all that is wrong."""

    answered: int
    on_chain: int
    numbers: int
    told: int
    why: tuple[str, ...] = ()


def read_chain(cluster: Cluster, member: str) -> list[Standing]:
    """Every deposited item on the disk of a member that does not run, in log order."""
    genesis = parse_genesis(cluster.places.genesis.read_bytes())
    store = Store(load_member(cluster.places.settings(member)).data / "views", genesis)
    found = []
    try:
        for leaf_index in range(store.chain.size):
            data = store.entry(leaf_index)
            entry = parse_entry(data)
            if not isinstance(entry, StatementEntry) or not isinstance(entry.statement, Deposit):
                continue
            identity, entry_hash = entry.statement_id.hex(), leaf_hash(data).hex()
            found += [
                Standing(entry.number(index), identity, entry_hash)
                for index in range(entry.statement.count)
            ]
    finally:
        store.close()
    return found


def reckon(
    answered: Sequence[Answered],
    chains: Mapping[str, Sequence[Standing]],
    messages: Collection[Message],
) -> Reckoning:
    """Compare them; each deposit here is one item, so it has one statement and one number."""
    given = {(each.number, each.statement_id, each.entry_hash) for each in answered}
    why = _twice("answered number", [each.number for each in answered])
    for member, chain in chains.items():
        there = {(each.number, each.statement_id, each.entry_hash) for each in chain}
        for field in ("number", "statement_id"):
            values = [getattr(each, field) for each in chain]
            why += _twice(f"{field.replace('_', ' ')} at {member}", values)
        why += _some(f"answered, but not at {member}", sorted(given - there))
        why += _some(f"answered to nobody, but at {member}", sorted(there - given))
    final = [each for each in messages if each.event == FINAL]
    told = {(each.number, each.statement_id) for each in final}
    numbered = {(each.number, each.statement_id) for each in answered}
    why += _some("answered, but the webhook was not told", sorted(numbered - told))
    why += _some("told to the webhook, but answered to nobody", sorted(map(str, told - numbered)))
    why += _some("told as what it is not", sorted(str(each) for each in {*messages} - {*final}))
    why += _twice("message about one deposit", [each.statement_id for each in final])
    if not answered:
        why.append("nothing was answered, so nothing was shown")
    counts = {len(chain) for chain in chains.values()}
    return Reckoning(
        answered=len(answered),
        on_chain=max(counts, default=0),
        numbers=len({each.number for chain in chains.values() for each in chain}),
        told=len(told),
        why=tuple(why),
    )


def _twice(what: str, values: Sequence[str]) -> list[str]:
    counts = Counter(values)
    return _some(f"more than one {what}", sorted(each for each in counts if counts[each] > 1))


def _some(what: str, values: Sequence[object]) -> list[str]:
    more = [f"{what}: and {len(values) - WHY_MAX} more"] if len(values) > WHY_MAX else []
    return [f"{what}: {each}" for each in values[:WHY_MAX]] + more
