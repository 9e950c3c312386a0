"""A checkpoint as this chain's members publish it (docs/proof-format.md, section 10).

    cunzheng.test/devnet
    6
    <base64 of the root>

    — cunzheng.test/devnet <log signature of the member that publishes>
    — cunzheng.test/devnet/court <cosignature>
    — cunzheng.test/devnet/notary <cosignature>

One log line, then 1 to 32 cosignature lines named origin/member, no member twice. Lines that name a
member again are further signatures (`checkpoint`), with keys that the members text lists. Reading
says who claims to have sealed; `verify_seals` says whether the policy's members did, and
`verify_further_lines` whether they also signed besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from node.evidence.checkpoint import (
    FURTHER_SIZES,
    Checkpoint,
    cosignature_time,
    format_checkpoint,
    further_vkey,
    parse_checkpoint,
    verify_cosignature,
    verify_further,
)
from node.evidence.keys import BadSignature, PublicKey
from node.evidence.malformed import Malformed
from node.evidence.members import KEY_ALGORITHMS, MEMBERS_MAX, Member
from node.evidence.note import Note, SignatureLine, format_note, parse_note, verify_ed25519
from node.evidence.number import TIME_S_END
from node.evidence.policy import Policy, Sealer
from node.evidence.spelling import check_integer, check_member, check_origin

LOG_PAYLOAD_SIZE = 64
FURTHER_MAX = MEMBERS_MAX * len(KEY_ALGORITHMS)
KEPT = 64
"""Checkpoints kept as read, and as verified: all proofs out of one block have the same."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One member's cosignature line and the time it gives, in seconds."""

    member: str
    time_s: int
    line: SignatureLine


@dataclass(frozen=True, slots=True)
class SealedCheckpoint:
    """A checkpoint, the line of the member that published it, and the seals on it."""

    checkpoint: Checkpoint
    log_line: SignatureLine
    seals: tuple[Seal, ...]
    further: tuple[SignatureLine, ...] = ()

    @property
    def body(self) -> bytes:
        """The three lines that are signed."""
        return format_checkpoint(self.checkpoint)

    def time_s(self, quorum: int) -> int | None:
        """The time by which a quorum had sealed: the q-th smallest, or None with fewer seals."""
        times = sorted(seal.time_s for seal in self.seals)
        return times[quorum - 1] if quorum <= len(times) else None


def parse_seal(line: SignatureLine, origin: str) -> Seal:
    """A cosignature line as a seal of the member it names."""
    prefix = f"{origin}/"
    if not line.name.startswith(prefix):
        raise Malformed("seal", "its name is not the origin, a slash and a member")
    member = check_member(line.name.removeprefix(prefix), "seal")
    time_s = cosignature_time(line)
    check_integer(time_s, "seal: time", high=TIME_S_END - 1)
    return Seal(member, time_s, line)


def format_sealed(sealed: SealedCheckpoint) -> bytes:
    """The signed note."""
    lines = (sealed.log_line, *(seal.line for seal in sealed.seals), *sealed.further)
    return format_note(Note(sealed.body, lines))


@lru_cache(KEPT)
def parse_sealed(data: bytes) -> SealedCheckpoint:
    """The sealed checkpoint this note is; no signature is checked here."""
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    check_origin(checkpoint.origin, "checkpoint")
    check_integer(checkpoint.size, "checkpoint: size")
    log_line, *lines = note.signatures
    if log_line.name != checkpoint.origin or len(log_line.payload) != LOG_PAYLOAD_SIZE:
        raise Malformed("checkpoint", "its first line is not a log signature")
    names = list(dict.fromkeys(line.name for line in lines))
    seals = tuple(parse_seal(line, checkpoint.origin) for line in lines[: len(names)])
    if not 0 < len(seals) <= MEMBERS_MAX:
        raise Malformed("checkpoint", f"not 1 to {MEMBERS_MAX} cosignatures")
    if len({seal.member for seal in seals}) != len(seals):
        raise Malformed("checkpoint", "a member's second line before another's first")
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise Malformed("checkpoint", "two lines by one key")
    further = tuple(lines[len(names) :])
    if len(further) > FURTHER_MAX or any(len(x.payload) not in FURTHER_SIZES for x in further):
        raise Malformed("checkpoint", "a member's second line is no further signature")
    sealed = SealedCheckpoint(checkpoint, log_line, seals, further)
    if format_sealed(sealed) != data:
        raise Malformed("checkpoint", "not spelled as this version writes it")
    return sealed


def publisher(sealed: SealedCheckpoint, policy: Policy) -> Sealer:
    """The member whose log key signed, verified."""
    for sealer in policy.sealers:
        vkey = policy.log_vkey(sealer)
        if vkey.key_id == sealed.log_line.key_id:
            verify_ed25519(Note(sealed.body, (sealed.log_line,)), vkey)
            return sealer
    raise BadSignature("the log signature is by no member of the policy")


@lru_cache(KEPT)
def verify_seals(sealed: SealedCheckpoint, policy: Policy) -> None:
    """Raise `BadSignature` unless log line and seals are members', in order, valid, and enough."""
    publisher(sealed, policy)
    names = [sealer.member for sealer in policy.sealers]
    order = [names.index(seal.member) for seal in sealed.seals if seal.member in names]
    if len(order) != len(sealed.seals) or order != sorted(order):
        raise BadSignature("a cosignature is by nobody of the policy, or out of its order")
    for place, seal in zip(order, sealed.seals, strict=True):
        vkey = policy.witness_vkey(policy.sealers[place])
        verify_cosignature(sealed.body, seal.line, vkey)
    if len(order) < policy.quorum:
        raise BadSignature(f"{len(order)} members sealed, {policy.quorum} are needed")


def verify_further_lines(sealed: SealedCheckpoint, members: Sequence[Member]) -> None:
    """Raise `BadSignature` unless all further signatures are members', in order, and valid."""
    for seal, key, line in further_signatures(sealed, members):
        verify_further(sealed.body, line, key, seal.time_s)


def further_signatures(
    sealed: SealedCheckpoint, members: Sequence[Member]
) -> Iterator[tuple[Seal, PublicKey, SignatureLine]]:
    """Every further signature with the key it claims and the seal it stands beside, in the order of
    the members text; `BadSignature` at a line that has no place in it."""
    seals = {seal.member: seal for seal in sealed.seals}
    keys = [(seals[m.name], key) for m in members if m.name in seals for key in m.keys]
    places = iter(keys)
    for line in sealed.further:
        for seal, key in places:
            vkey = further_vkey(seal.line.name, key)
            if (line.name, line.key_id) == (vkey.name, vkey.key_id):
                yield seal, key, line
                break
        else:
            raise BadSignature("a further signature by no key of the members text, or out of order")
