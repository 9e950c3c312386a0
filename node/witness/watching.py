"""Which notes of which logs a witness accepts. PURE.

Every log on the public network has one key; a chain of ours has one for each member, and one
dishonest member must not have a witness cosign what the others never saw. So a log is given either
by its keys, of which one must have signed, or by a policy (c2sp.org/tlog-policy), whose quorum must
have cosigned besides. An origin may be given several ways, each of which suffices: while a chain
goes over to its next policy, by the old one and the new one. Of a chain whose policies are followed
(`following`) the newest that accepts a note counts, and none before it any more: trees only grow,
and whoever sealed them before the change could otherwise go on sealing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
from node.evidence.policy import parse_policy
from node.evidence.tlog_policy import TlogPolicy
from node.evidence.tlog_policy import parse_policy as parse_tlog_policy


@dataclass(frozen=True, slots=True)
class Watched:
    """One way in which the notes of a log are accepted; `serial` is that of the policy, if it is of
    a chain whose policies are followed."""

    origin: str
    keys: tuple[Vkey, ...]
    policy: TlogPolicy | None = None
    serial: int = 0

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


@dataclass(frozen=True, slots=True)
class Followed:
    """A chain of ours that is followed from the policy it was given by to the later ones."""

    policy_text: bytes
    url: str
    """Of its published log (docs/published-log.md)."""

    def __post_init__(self) -> None:
        parse_policy(self.policy_text)

    @property
    def origin(self) -> str:
        """The name of the chain."""
        return parse_policy(self.policy_text).origin

    @property
    def serial(self) -> int:
        """Of the policy that was given."""
        return parse_policy(self.policy_text).serial


def watched_by_followed(policy_texts: Iterable[bytes]) -> list[Watched]:
    """By policies of one chain of ours in their order, the newest first."""
    ways: list[Watched] = []
    for text in policy_texts:
        serial = parse_policy(text).serial
        new = watched_by_policy(parse_tlog_policy(text))
        ways = [*(replace(each, serial=serial) for each in new), *ways]
    return ways


def still_watched(ways: Iterable[Watched], by: Watched) -> list[Watched]:
    """The ways in which notes are accepted after one was in this way."""
    return [each for each in ways if not 0 < each.serial < by.serial]


def check_any(ways: Sequence[Watched], note: Note) -> tuple[Watched, tuple[SignatureLine, ...]]:
    """The first of these ways that accepts a note, and the lines by which it does; the first
    `BadSignature` if none."""
    refusals = []
    for way in ways:
        try:
            return way, way.check(note)
        except BadSignature as error:
            refusals.append(error)
    raise refusals[0]
