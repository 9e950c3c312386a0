"""Contradiction files (docs/proof-format.md, section 17): two checkpoints of one chain that cannot
both be true, and who sealed them.

    cunzheng/contradiction/v1
    ... the head: both checkpoints, who sealed which and who both, computed from what follows

    policy-note N       whose seals they are; after a change, every policy from the first on
    first N             a checkpoint and seals on it
    second              a checkpoint of the same or a greater size, and seals on it; with
    root BASE64         the root of its own first leaves, as many as the first has, and
    path HASH           the way from that root to its own
    note N

The tree of the second begins with other leaves than the first has: at least one leaf of the first
is another one there, whatever the sizes. Whoever sealed both has signed that both are true. The way
in the greater tree is enough to show it, so the member that has that tree can write the file alone.

This module is the file as a value, written and read; `accusation` says whether it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.evidence.atoms import read_base64, write_base64
from node.evidence.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from node.evidence.head import COMPUTED, TEST
from node.evidence.keys import PublicKey
from node.evidence.malformed import Malformed
from node.evidence.members import MEMBERS_MAX, Member, parse_members
from node.evidence.merkle import HASH_SIZE
from node.evidence.note import Note, format_note, parse_note
from node.evidence.policy import Policy, fingerprint
from node.evidence.policy_note import PolicyNote, format_policy_note, parse_policy_note
from node.evidence.sealed import Seal, parse_seal
from node.evidence.spelling import Lines, check_integer, check_origin, check_tag
from node.evidence.tlog_proof import PATH_MAX

TAG = "cunzheng/contradiction/v1"
CONTRADICTION_SIZE_MAX = 4_194_304
"""As large as a proof may be, for the same reason: hundreds of policy changes."""
POLICIES_MAX = 1_000

_NOBODY = "无 nobody"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a policy gives a witness key: the member, as the members text of that policy has it."""

    member: Member
    key: PublicKey

    def is_one_with(self, other: Holder) -> bool:
        """Whether both are one. A name alone does not say so: a later policy may give it to another
        organisation, which must not be named for what the one before it signed."""
        return self.key == other.key or self.member.organisation == other.member.organisation


@dataclass(frozen=True, slots=True)
class Side:
    """A checkpoint and seals on it, by name of the member."""

    checkpoint: Checkpoint
    seals: tuple[Seal, ...]

    def __post_init__(self) -> None:
        check_origin(self.checkpoint.origin, "contradiction: checkpoint")
        check_integer(self.checkpoint.size, "contradiction: size", low=1)
        names = [seal.member for seal in self.seals]
        if not 0 < len(names) <= MEMBERS_MAX or names != sorted(set(names)):
            raise Malformed("contradiction", f"not 1 to {MEMBERS_MAX} members' seals, by name")

    @property
    def members(self) -> tuple[str, ...]:
        """Whose names the seals bear."""
        return tuple(seal.member for seal in self.seals)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a contradiction file says. Born whole: the two are of one chain and differ.

    `root` is what the tree of `second` has at the size of `first`, and `path` leads from there to
    the root of `second`.
    """

    policies: tuple[PolicyNote, ...]
    first: Side
    second: Side
    root: bytes
    path: tuple[bytes, ...] = ()
    _holders: Mapping[tuple[str, bytes], tuple[Holder, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_holders", _holders(self.policies))
        serials = [note.serial for note in self.policies]
        if not serials or serials != list(range(1, len(serials) + 1)):
            raise Malformed("contradiction", "not every policy from the first on")
        origins = {note.policy.origin for note in self.policies}
        sealed = {*self.first.members, *self.second.members}
        if sealed - self.organisations.keys():
            raise Malformed("contradiction", "a seal by nobody of these policies")
        first, second = self.first.checkpoint, self.second.checkpoint
        if origins != {first.origin} or first.origin != second.origin:
            raise Malformed("contradiction", "its parts belong to different chains")
        if first.size > second.size:
            raise Malformed("contradiction", "the greater tree does not come second")
        if self.root == first.root:
            raise Malformed("contradiction", "the two do not contradict each other")
        if first.size == second.size and not first.root < second.root == self.root:
            raise Malformed("contradiction", "of one size: not in the order of their roots")

    @property
    def policy(self) -> Policy:
        """The newest one enclosed."""
        return self.policies[-1].policy

    @property
    def both(self) -> tuple[str, ...]:
        """The members whose seals are on both, by what the seals say of their keys."""
        other = {seal.member: seal for seal in self.second.seals}
        return tuple(
            seal.member
            for seal in self.first.seals
            if seal.member in other
            and any(
                one.is_one_with(another)
                for one in self.holders(seal)
                for another in self.holders(other[seal.member])
            )
        )

    def holders(self, seal: Seal) -> tuple[Holder, ...]:
        """Whose key the seal says it is by, by the newest policy first. Mostly it is one, but a key
        id has four bytes only, and whoever takes its time finds another key that has the same."""
        return self._holders.get((seal.member, seal.line.key_id), ())

    @property
    def organisations(self) -> dict[str, Member]:
        """The members by name, each as the newest policy says that knows it."""
        texts = (note.members_text for note in self.policies)
        return {each.name: each for text in texts for each in parse_members(text)}


def _holders(
    policies: Sequence[PolicyNote],
) -> dict[tuple[str, bytes], tuple[Holder, ...]]:
    """By name and key id."""
    found: dict[tuple[str, bytes], dict[PublicKey, Holder]] = {}
    for note in reversed(policies):
        policy = note.policy
        members = {each.name: each for each in parse_members(note.members_text)}
        for sealer in policy.sealers:
            if sealer.member in members:  # Of a note that nobody may have signed.
                held = found.setdefault((sealer.member, policy.witness_vkey(sealer).key_id), {})
                holder = Holder(members[sealer.member], sealer.witness)
                held.setdefault(sealer.witness, holder)
    return {name: tuple(holders.values()) for name, holders in found.items()}


def ordered(
    policies: tuple[PolicyNote, ...], one: Side, other: Side, root: bytes, path: Sequence[bytes]
) -> Contradiction:
    """The contradiction of a checkpoint and another of the same or a greater size, whose tree has
    `root` there; of one size, either may be the first."""
    if one.checkpoint.size == other.checkpoint.size and one.checkpoint.root > root:
        one, other, root = other, one, one.checkpoint.root
    return Contradiction(policies, one, other, root, tuple(path))


def format_contradiction(found: Contradiction) -> bytes:
    """The contradiction file."""
    second = [
        "second",
        f"root {write_base64(found.root)}",
        *(f"path {each.hex()}" for each in found.path),
    ]
    sections = [
        _head(found),
        *(_verbatim("policy-note", format_policy_note(note)) for note in found.policies),
        _verbatim("first", _format_side(found.first)),
        "".join(f"{line}\n" for line in second).encode()
        + _verbatim("note", _format_side(found.second)),
    ]
    return b"\n".join(sections)


def parse_contradiction(data: bytes) -> Contradiction:
    """The contradiction these bytes tell of; no signature and no path is checked here."""
    check_tag(TAG, data.partition(b"\n")[0])
    if len(data) > CONTRADICTION_SIZE_MAX:
        raise Malformed("contradiction", f"longer than {CONTRADICTION_SIZE_MAX} bytes")
    head, blank, rest = data.partition(b"\n\n")
    if not blank:
        raise Malformed("contradiction", "has no sections")
    lines = Lines("contradiction", rest)
    policies: list[PolicyNote] = []
    while lines.starts("policy-note "):
        if len(policies) == POLICIES_MAX:
            raise Malformed("contradiction", f"more than {POLICIES_MAX} policies")
        policies.append(parse_policy_note(lines.lines(lines.integer("policy-note"))))
        lines.expect("")
    first = _parse_side(lines.lines(lines.integer("first")))
    lines.expect("")
    lines.expect("second")
    root = read_base64("contradiction: root", lines.value("root"), HASH_SIZE)
    path = lines.digests("path", PATH_MAX)
    second = _parse_side(lines.lines(lines.integer("note")))
    lines.end()
    found = Contradiction(tuple(policies), first, second, root, path)
    if _head(found) != head + b"\n":
        raise Malformed("contradiction head", "is not what the file itself gives")
    if format_contradiction(found) != data:
        raise Malformed("contradiction", "not spelled as this version writes it")
    return found


def _head(found: Contradiction) -> bytes:
    origin, size = found.policy.origin, found.first.checkpoint.size
    lines = [
        TAG,
        COMPUTED,
        f"链 Chain: {origin}",
        f"检查点一 First checkpoint: {_described(found.first)}",
        f"检查点二 Second checkpoint: {_described(found.second)}",
        f"检查点二的树在大小 {size} 处的树根 Root of the second's tree at size {size}: "
        f"{write_base64(found.root)}",
        f"两者均联签 Cosigned both: {', '.join(found.both) or _NOBODY}",
        f"策略指纹 Policy fingerprint: {fingerprint(found.policies[-1].policy_text)}",
        *([TEST] if found.policy.network == "test" else []),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _described(side: Side) -> str:
    checkpoint = side.checkpoint
    root = write_base64(checkpoint.root)
    return f"size {checkpoint.size}, root {root}, cosigned by {', '.join(side.members)}"


def _verbatim(keyword: str, text: bytes) -> bytes:
    return b"%s %d\n" % (keyword.encode(), text.count(b"\n")) + text


def _format_side(side: Side) -> bytes:
    body = format_checkpoint(side.checkpoint)
    return format_note(Note(body, tuple(seal.line for seal in side.seals)))


def _parse_side(data: bytes) -> Side:
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    return Side(checkpoint, tuple(parse_seal(line, checkpoint.origin) for line in note.signatures))
