"""The lines with which one member seals: its cosignature, and under rules 2 further signatures of
other suites beside it (docs/proof-format.md, section 10). PURE.

They are made together, for one time, and stay together: sent, stored and shown as one piece of text
of one to three lines. Only the first counts for a quorum. A further signature stands in no note of
ours unless it verifies, for one that does not would spoil the note for every verifier; so what
comes from others is kept with all of them, if all hold, or with the cosignature alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from node.evidence.checkpoint import (
    Checkpoint,
    cosign,
    further_vkey,
    sign_further,
    verify_cosignature,
    verify_further,
)
from node.evidence.keys import BadSignature, PublicKey, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import KEY_ALGORITHMS, Member
from node.evidence.note import SignatureLine, Vkey, format_line, parse_line
from node.evidence.policy import Policy, Sealer
from node.evidence.sealed import Seal, SealedCheckpoint, parse_seal
from node.evidence.sm2 import Sm2Missing

LINES_MAX = 1 + len(KEY_ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One member's seal on a checkpoint, with what it signed besides."""

    seal: Seal
    further: tuple[SignatureLine, ...] = ()

    @property
    def data(self) -> bytes:
        """The lines, each ended."""
        return b"".join(format_line(line) for line in (self.seal.line, *self.further))


def parse_cosigned(data: bytes, origin: str) -> Cosigned:
    """The lines of one member; no signature is checked here."""
    if data.count(b"\n") > LINES_MAX:
        raise Malformed("seal", f"more than {LINES_MAX} lines")
    first, *further = (parse_line(line) for line in data.splitlines(keepends=True) or [b""])
    if any(line.name != first.name for line in further):
        raise Malformed("seal", "its lines bear several names")
    return Cosigned(parse_seal(first, origin), tuple(further))


class Cosigner:
    """The keys with which a member seals."""

    def __init__(self, witness: Signer, further: Iterable[Signer] = ()) -> None:
        self.public = witness.public
        self._witness = witness
        self._further: Mapping[PublicKey, Signer] = {each.public: each for each in further}

    def cosign(
        self, body: bytes, time_s: int, policy: Policy, sealer: Sealer, members: Sequence[Member]
    ) -> Cosigned:
        """The caller has checked that `body` is what it computed and dares to sign. Signed besides
        is with those keys of this member that the members text lists and that are here."""
        name = policy.witness_vkey(sealer).name
        keys = next((each.keys for each in members if each.name == sealer.member), ())
        seal = parse_seal(cosign(body, time_s, name, self._witness), policy.origin)
        signers = [self._further[key] for key in keys if key in self._further]
        return Cosigned(seal, tuple(sign_further(body, time_s, name, each) for each in signers))


def checked(body: bytes, cosigned: Cosigned, vkey: Vkey, members: Sequence[Member]) -> Cosigned:
    """What of these lines may be kept; `BadSignature` if not even the cosignature holds."""
    verify_cosignature(body, cosigned.seal.line, vkey)
    try:
        _check_further(body, cosigned, members)
    except (BadSignature, Sm2Missing):
        return Cosigned(cosigned.seal)
    return cosigned


def _check_further(body: bytes, cosigned: Cosigned, members: Sequence[Member]) -> None:
    """Each by another key that the members text lists, in its order."""
    seal = cosigned.seal
    keys = iter(next((each.keys for each in members if each.name == seal.member), ()))
    for line in cosigned.further:
        known = (key for key in keys if further_vkey(seal.line.name, key).key_id == line.key_id)
        key = next(known, None)
        if key is None:
            raise BadSignature("a further signature by no key of the members text, or out of order")
        verify_further(body, line, key, seal.time_s)


def note_of(
    checkpoint: Checkpoint, log_line: SignatureLine, cosigned: Sequence[Cosigned]
) -> SealedCheckpoint:
    """The note of these seals, in this order, which is the policy's; further signatures follow."""
    seals = tuple(each.seal for each in cosigned)
    further = tuple(line for each in cosigned for line in each.further)
    return SealedCheckpoint(checkpoint, log_line, seals, further)


def seals_of(sealed: SealedCheckpoint) -> dict[str, Cosigned]:
    """The lines of each member in a note."""
    return {
        seal.member: Cosigned(
            seal, tuple(line for line in sealed.further if line.name == seal.line.name)
        )
        for seal in sealed.seals
    }
