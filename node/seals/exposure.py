"""Contradictions as files that others can check (docs/proof-format.md, section 17).

Every seal that differs from our own root is kept (`sealing`). From such a seal, our own tree and a
checkpoint of it of the same or a greater size this member alone makes a file that shows that both
cannot be true; of all such checkpoints it takes the one that names most members as signers of both,
and makes the file anew when a better one comes. Of two members on two histories, the one with the
greater tree can always do so; the other gets the file from it (`accept`).

A file in which both sides are sealed by a quorum says that this chain has two histories; one in
which a quorum sealed the side that is not of our tree, that this member is on a fork. Nothing it
could seal or serve then is worth its name, so it stops.

Owned by the thread that applies blocks; `files` is replaced as a whole, and any thread may read it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from node.chain.store import Store
from node.evidence.accusation import Accused, Sealed
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.contradiction import Side, format_contradiction, ordered
from node.evidence.malformed import Malformed
from node.evidence.sealed import Seal, parse_sealed
from node.evidence.steps import Anchor
from node.published.contradictions import Exposed, expose, name_of, place_of
from node.seals.cosigning import parse_cosigned, seals_of
from node.seals.sealing import Head, Sealing, Step
from node.seals.store import Seals

BODIES_MAX = 4
"""Foreign checkpoints of one member that are shown: one names it, and it may make thousands."""
NOTES_MAX = 8
"""Published checkpoints tried where none in memory will do: they are signed by much the same."""

_log = logging.getLogger(__name__)

_Body = bytes


class Exposure:
    """The contradiction files of one member, by name."""

    def __init__(self, sealing: Sealing, store: Store, seals: Seals) -> None:
        self._sealing = sealing
        self._store = store
        self._seals = seals
        (_, genesis), *_ = store.policies(0)
        self._anchor = Anchor(policy_text=genesis.policy_text)
        self.files: dict[str, Exposed] = {}
        # Foreign checkpoints with their signers, and whether the file about them can be better.
        self._made: dict[tuple[_Body, frozenset[str]], bool] = {}
        for name, data in seals.contradiction_files().items():
            exposed = self._exposed(data)
            if isinstance(exposed, Exposed):
                self.files[name] = exposed

    def after(self, step: Step) -> None:
        """Add to a step the files that it makes possible, or better than they were."""
        for body, seals in self._foreign() if step.contradictions or step.counted else ():
            signers = frozenset(seals)
            can_be_better = self._made.get((body, signers), True)
            if can_be_better or signers & step.counted:
                self._make(body, seals, step)

    def accept(self, files: Iterable[bytes], step: Step) -> None:
        """Others have these."""
        known = {each.data for each in self.files.values()}
        for data in files:
            if data not in known:
                self._take(data, step)

    # Inside.

    def _foreign(self) -> Iterator[tuple[_Body, dict[str, Seal]]]:
        """The checkpoints that differ from our tree, each with all seals on it."""
        found: dict[_Body, dict[str, Seal]] = {}
        shown: dict[str, int] = {}
        for each in self._sealing.contradictions:
            shown[each.member] = shown.get(each.member, 0) + 1
            if shown[each.member] <= BODIES_MAX:
                seal = parse_cosigned(each.seal.line, self._sealing.policy.origin).seal
                found.setdefault(each.seal.body, {})[each.member] = seal
        yield from found.items()

    def _make(self, body: _Body, seals: dict[str, Seal], step: Step) -> None:
        """The best file about this foreign checkpoint, if ours is sealed so far. It can be better
        as long as ours has no quorum; whoever signs ours later makes it better too."""
        foreign = _side(body, seals)
        size = foreign.checkpoint.size
        heads = [head for at, head in self._sealing.heads.items() if at >= size and head.seals]
        heads = heads or list(self._published(size))
        if not heads:
            return
        best = max(heads, key=lambda head: _worth(head, seals.keys()))
        own = _side(best.body, {name: each.seal for name, each in best.seals.items()})
        self._made[body, frozenset(seals)] = len(own.seals) < best.policy.quorum
        policies = [note for _, note in self._store.policies(own.checkpoint.size)]
        path = self._store.consistency_path(size, own.checkpoint.size)
        try:
            found = ordered(tuple(policies), foreign, own, self._store.root(size), path)
        except Malformed as error:  # A signer that is in no policy of ours any more.
            _log.warning("no file about the seals of %s: %s", ", ".join(seals), error)
            return
        self._take(format_contradiction(found), step)

    def _published(self, size: int) -> Iterator[Head]:
        """After a start no older checkpoint is in memory, but the notes are on disk, and what this
        member sealed last."""
        for note in self._seals.notes_from(size, NOTES_MAX):
            sealed = parse_sealed(note.data)
            policy = self._store.policies(note.size)[-1][1].policy
            yield Head(note.height, sealed.checkpoint, policy, (), seals_of(sealed))
        last, chain = self._sealing.last, self._store.chain
        if last is not None and size <= last.size <= chain.size:
            checkpoint = parse_checkpoint(last.body)
            if self._store.root(last.size) == checkpoint.root:
                own = {self._sealing.member: parse_cosigned(last.line, checkpoint.origin)}
                yield Head(chain.height, checkpoint, self._sealing.policy, (), own)

    def _take(self, data: bytes, step: Step) -> None:
        """Keep a file that holds, unless those that are there say as much."""
        exposed = self._exposed(data)
        if isinstance(exposed, str):
            _log.warning("a contradiction file does not hold: %s", exposed)
            self._halt_at_other_policies(data, step)
            return
        name = place_of(self.files, name_of(self._differing(exposed.accused)), exposed)
        if name is None:
            return
        self.files = self.files | {name: exposed}
        step.files[name] = data
        if self._stops(exposed):
            self._sealing.halt(exposed.said(name), step)

    def _halt_at_other_policies(self, data: bytes, step: Step) -> None:
        """Policies that are not this chain's may give anybody's name to any key, so nobody is named
        by them. But a quorum signed them, and two histories are two histories."""
        exposed = expose(data, self._anchor, ())
        if isinstance(exposed, Exposed) and self._stops(exposed):
            self._sealing.halt("a quorum signed other policies and another history", step)

    def _stops(self, exposed: Exposed) -> bool:
        """Whether a quorum of whom our own policy of that time asks to seal has sealed another
        history. Former members may be a quorum of their own policy for ever, a founder by itself:
        what they sign later is kept and shown, and must not stop those that go on without them."""
        accused = exposed.accused
        foreign = self._differing(accused)
        policy = self._store.policies(foreign.size)[-1][1].policy
        sealed = sum(each.witness in foreign.keys for each in policy.sealers)
        return sealed >= policy.quorum and (exposed.two_quorums or self._reaches(accused))

    def _reaches(self, accused: Accused) -> bool:
        """Whether our tree goes as far as the two are compared, so it is known which is ours."""
        return accused.first.size <= self._store.chain.size

    def _differing(self, accused: Accused) -> Sealed:
        """The side that is not of our tree, as far as it goes."""
        first = accused.first
        ours = self._reaches(accused) and self._store.root(first.size) == first.root
        return accused.second if ours else first

    def _exposed(self, data: bytes) -> Exposed | str:
        policies = [note for _, note in self._store.policies(self._store.chain.size + 1)]
        return expose(data, self._anchor, policies)


def _side(body: _Body, seals: dict[str, Seal]) -> Side:
    return Side(parse_checkpoint(body), tuple(seals[name] for name in sorted(seals)))


def _worth(head: Head, signers: Collection[str]) -> tuple[int, bool]:
    """Of our checkpoints, the better against these signers; of several the first is taken."""
    return len(head.seals.keys() & set(signers)), len(head.seals) >= head.policy.quorum
