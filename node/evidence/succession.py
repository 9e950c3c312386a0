"""The policies of a chain in their order, and the next one on its way (docs/proof-format.md,
section 18).

**Policies file**: what leads from one policy to another, kept beside proofs. With it a proof sealed
under an old policy verifies for somebody who was told the newest fingerprint only, as a proof with
its policy entries does for somebody who was told the first:

    cunzheng/policies/v1
    policy-note N
    ... the N lines of a policy note, of any serial
    policy-note N
    ... the N lines of the next

**The next policy** is a policy note that one member makes and signs (`propose`), and that is handed
round until enough members of the policy in force have signed it (`sign`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from node.evidence.digests import sha256
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.note import SignatureLine, sign_ed25519
from node.evidence.policy_note import (
    PolicyNote,
    format_body,
    format_policy_note,
    parse_policy_note,
    signers,
    verify_succession,
    write_body,
)
from node.evidence.spelling import Lines

TAG = "cunzheng/policies/v1"
POLICIES_MAX = 1_000
"""As many as a proof may hold."""
POLICIES_SIZE_MAX = 16 << 20
"""A thousand policies of three members take 2 MiB; of 32 members, 12 MiB."""


@dataclass(frozen=True, slots=True)
class Succession:
    """Policy notes, each of which follows the one before it: serials, hashes and signatures."""

    notes: tuple[PolicyNote, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.notes) <= POLICIES_MAX:
            raise Malformed("policies", f"not 1 to {POLICIES_MAX} policy notes")
        for before, after in zip(self.notes, self.notes[1:], strict=False):
            try:
                verify_succession(before, after)
            except BadSignature as error:
                raise Malformed("policies", f"policy {after.serial}: {error}") from error


def format_policies(succession: Succession) -> bytes:
    """The policies file."""
    parts = [f"{TAG}\n".encode()]
    for note in succession.notes:
        text = format_policy_note(note)
        parts += [b"policy-note %d\n" % text.count(b"\n"), text]
    return b"".join(parts)


def parse_policies(data: bytes) -> Succession:
    """The policies of a file, once each follows the one before it."""
    lines = Lines("policies", data)
    lines.tag(TAG)
    if len(data) > POLICIES_SIZE_MAX:
        raise Malformed("policies", f"longer than {POLICIES_SIZE_MAX} bytes")
    notes: list[PolicyNote] = []
    while not notes or lines.starts("policy-note "):
        if len(notes) == POLICIES_MAX:
            raise Malformed("policies", f"more than {POLICIES_MAX} policy notes")
        notes.append(parse_policy_note(lines.lines(lines.integer("policy-note"))))
    lines.end()
    return Succession(tuple(notes))


# The next policy, on its way.


def propose(
    previous: PolicyNote, policy_text: bytes, members_text: bytes, log: Signer
) -> PolicyNote:
    """The next policy, signed by the first member: what is handed round among the others."""
    parts = (previous.origin, previous.serial + 1, sha256(previous.policy_text))
    body = write_body(*parts, policy_text, members_text)
    line = _line(previous, body, log)
    note = PolicyNote(*parts, policy_text, members_text, (line,))
    signers(previous, note)
    return note


def sign(previous: PolicyNote, note: PolicyNote, log: Signer) -> PolicyNote:
    """The next policy with the signature of one more member of the policy before it; raises if what
    is signed so far does not hold."""
    signers(previous, note)
    lines = {line.key_id: line for line in note.signatures}
    line = _line(previous, format_body(note), log)
    lines[line.key_id] = line
    policy = previous.policy
    order = [policy.log_vkey(each).key_id for each in policy.sealers]
    return replace(note, signatures=tuple(lines[each] for each in order if each in lines))


def _line(previous: PolicyNote, body: bytes, log: Signer) -> SignatureLine:
    if log.public not in [each.log for each in previous.policy.sealers]:
        raise BadSignature("this key is no log key of a member of the policy in force")
    return sign_ed25519(body, previous.origin, log)
