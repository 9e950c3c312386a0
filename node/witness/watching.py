"""Which notes of which logs a witness accepts. PURE.

Every log on the public network has one key; a chain of ours has one for each member, and one
dishonest member must not have a witness cosign what the others never saw. So a log is given either
by its keys, of which one must have signed, or by a policy (c2sp.org/tlog-policy), whose quorum must
have cosigned besides. An origin may be given several ways, each of which suffices: while a chain
goes over to its next policy, by the old one and the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.checkpoint import verify_cosignature
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.note import (
    TYPE_COSIGNATURE,
    TYPE_ED25519,
    Note,
    SignatureLine,
    Vkey,
    lines_by,
    verified_signers,
)
from node.evidence.tlog_policy import TlogPolicy


@dataclass(frozen=True, slots=True)
class Watched:
    """One way in which the notes of a log are accepted."""

    origin: str
    keys: tuple[Vkey, ...]
    policy: TlogPolicy | None = None

    def __post_init__(self) -> None:
        if not self.keys:
            raise Malformed(f"log {self.origin}", "no key of it is given")
        if any(key.type != TYPE_ED25519 for key in self.keys):
            raise Malformed(f"log {self.origin}", "a key is not of type 01 (Ed25519)")

    def check(self, note: Note) -> tuple[SignatureLine, ...]:
        """The lines of the keys this log is known by, all of them valid and enough, or
        `BadSignature`; the lines of others say nothing."""
        signers = verified_signers(note, self.keys)
        lines = [line for vkey in signers for line in lines_by(note, vkey)]
        if self.policy is not None:
            cosigners = []
            for witness in self.policy.witnesses:
                if witness.vkey.type == TYPE_COSIGNATURE and (
                    found := lines_by(note, witness.vkey)
                ):
                    for line in found:
                        verify_cosignature(note.text, line, witness.vkey)
                    cosigners.append(witness.name)
                    lines += found
            if not self.policy.satisfied(cosigners):
                raise BadSignature("the cosignatures do not make the quorum of the policy")
        return tuple(lines)


def watched_by_policy(policy: TlogPolicy) -> list[Watched]:
    """All the logs of a policy: the key of a log is named like its origin."""
    origins = dict.fromkeys(log.vkey.name for log in policy.logs)
    return [
        Watched(origin, tuple(log.vkey for log in policy.logs if log.vkey.name == origin), policy)
        for origin in origins
    ]


def check_any(ways: list[Watched], note: Note) -> tuple[SignatureLine, ...]:
    """The lines by which one of these ways accepts a note; the first `BadSignature` if none."""
    refusals = []
    for way in ways:
        try:
            return way.check(note)
        except BadSignature as error:
            refusals.append(error)
    raise refusals[0]
