"""The growing tree against the plain one, at every size, and from every size on."""

from node.audit.growth import Growth
from node.evidence.merkle import leaf_hash, root
from node.evidence.tiles import Frontier

LEAVES = [leaf_hash(b"%d" % number) for number in range(70)]


def test_every_root_is_that_of_the_leaves() -> None:
    growth = Growth(Frontier())
    for size in range(len(LEAVES) + 1):
        assert (growth.size, growth.root()) == (size, root(LEAVES[:size]))
        assert growth.frontier == Frontier().append(LEAVES[:size])[0]
        growth.push(LEAVES[size : size + 1])


def test_it_goes_on_from_what_is_remembered() -> None:
    for size in range(len(LEAVES)):
        frontier, _ = Frontier().append(LEAVES[:size])
        growth = Growth(frontier)
        growth.push(LEAVES[size:])
        assert growth.root() == root(LEAVES)
