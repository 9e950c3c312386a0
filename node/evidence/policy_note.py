"""Policy notes: how a policy comes onto the log (docs/proof-format.md, section 11).

    cunzheng/policy/v1
    origin cunzheng.test/devnet
    serial 1
    previous 0000000000000000000000000000000000000000000000000000000000000000
    policy 11
    ... the policy text
    members 2
    ... the members text

The first is trusted by its fingerprint alone. Every later one is a signed note: a quorum of the
members of the policy before it sign with their log keys. No origin, and so no checkpoint body,
begins with `cunzheng/`: a log signature on one kind of text can never be taken for the other.

This framing, with the first three lines of the policy text, is the same for every rules number. So
software that does not know a number can still check who signed it in, and stop in time. And so that
it takes and skips the same notes as software that does, a note that raises the number is judged by
its framing alone: what it says is read by whoever goes on under it (`check_known`).
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.digests import sha256
from node.evidence.ed25519 import SIGNATURE_SIZE
from node.evidence.keys import BadSignature, verify_raw
from node.evidence.malformed import Malformed
from node.evidence.members import Member, parse_members
from node.evidence.note import (
    SIGNATURES_MAX,
    Note,
    SignatureLine,
    format_line,
    lines_by,
    parse_line,
)
from node.evidence.policy import (
    POLICY_SIZE_MAX,
    Policy,
    check_rules,
    check_suites,
    parse_head,
    parse_policy,
)
from node.evidence.spelling import Lines, check_integer, check_origin

TAG = "cunzheng/policy/v1"
NO_PREVIOUS = bytes(32)
NOTE_SIZE_MAX = 2 * POLICY_SIZE_MAX
"""Policy, members and signatures; a larger one would fit no entry, whatever its rules number."""


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """A policy and members text, what they follow, and who signed the step."""

    origin: str
    serial: int
    previous: bytes
    policy_text: bytes
    members_text: bytes
    signatures: tuple[SignatureLine, ...] = ()

    def __post_init__(self) -> None:
        check_origin(self.origin, "policy note: origin")
        check_integer(self.serial, "policy note: serial", low=1)
        first = self.serial == 1
        if first != (not self.signatures) or (first and self.previous != NO_PREVIOUS):
            raise Malformed("policy note", "serial 1 exactly has no previous policy and no signer")
        if any(len(line.payload) != SIGNATURE_SIZE for line in self.signatures):
            raise Malformed("policy note", f"a signature is not {SIGNATURE_SIZE} bytes long")
        if self.rules == 0:
            raise Malformed("policy note", "there is no rules number 0")
        if self.rules == 1:  # Nothing can have raised it to that.
            check_known(self)

    @property
    def network(self) -> str:
        """`test` or `production`, whatever the rules number."""
        return parse_head(Lines("policy", self.policy_text))[0]

    @property
    def rules(self) -> int:
        """The rules number from the block after this policy's on."""
        return parse_head(Lines("policy", self.policy_text))[1]

    @property
    def is_known(self) -> bool:
        """Whether this version can go on under it."""
        try:
            check_known(self)
        except Malformed:
            return False
        return True

    @property
    def policy(self) -> Policy:
        """The policy; `Malformed` with `newer` if its rules number is not known here."""
        return parse_policy(self.policy_text)


def check_known(note: PolicyNote) -> None:
    """Raise `Malformed` unless this version knows the note's rules and its texts fit it."""
    check_rules(note.rules, "policy note")
    policy = parse_policy(note.policy_text)
    check_texts(policy, note.members_text)
    if (policy.origin, policy.serial) != (note.origin, note.serial):
        raise Malformed("policy note", "origin or serial is not that of its policy text")


def check_texts(policy: Policy, members_text: bytes) -> tuple[Member, ...]:
    """The members, once the text is the one the policy names and lists the same members."""
    members = parse_members(members_text)
    if sha256(members_text) != policy.members_hash:
        raise Malformed("members", "not the members text whose hash the policy names")
    if [each.name for each in members] != [each.member for each in policy.sealers]:
        raise Malformed("members", "not the members of the policy, in its order")
    keys = [key for each in members for key in each.keys]
    check_suites(policy.rules, *keys)
    if set(keys) & set(policy.authorities):
        raise Malformed("members", "a member's key is an authority's")
    return members


def first_note(policy_text: bytes, members_text: bytes) -> PolicyNote:
    """The note of the genesis policy."""
    return PolicyNote(parse_policy(policy_text).origin, 1, NO_PREVIOUS, policy_text, members_text)


def format_body(note: PolicyNote) -> bytes:
    """What the previous policy's members sign."""
    return write_body(note.origin, note.serial, note.previous, note.policy_text, note.members_text)


def write_body(
    origin: str, serial: int, previous: bytes, policy_text: bytes, members_text: bytes
) -> bytes:
    """The same, of a note that nobody has signed yet."""
    head = f"{TAG}\norigin {origin}\nserial {serial}\nprevious {previous.hex()}\n"
    return b"".join(
        (
            head.encode(),
            b"policy %d\n" % policy_text.count(b"\n"),
            policy_text,
            b"members %d\n" % members_text.count(b"\n"),
            members_text,
        )
    )


def format_policy_note(note: PolicyNote) -> bytes:
    """The note as it stands in records, entries and the genesis file."""
    lines = b"".join(format_line(line) for line in note.signatures)
    return format_body(note) + (b"\n" + lines if lines else b"")


def parse_policy_note(data: bytes) -> PolicyNote:
    """The policy note these bytes are; its signatures are not checked here."""
    lines = Lines("policy note", data)
    lines.tag(TAG)
    if len(data) > NOTE_SIZE_MAX:
        raise Malformed("policy note", f"longer than {NOTE_SIZE_MAX} bytes")
    origin, serial = lines.value("origin"), lines.integer("serial")
    previous = lines.digest("previous")
    policy_text = lines.lines(lines.integer("policy"))
    members_text = lines.lines(lines.integer("members"))
    signatures = _parse_signatures(lines.rest())
    return PolicyNote(origin, serial, previous, policy_text, members_text, signatures)


def verify_succession(previous: PolicyNote, note: PolicyNote) -> None:
    """Raise unless `note` follows `previous`: next serial, its hash, a quorum of its log keys."""
    signed, quorum = signers(previous, note), previous.policy.quorum
    if len(signed) < quorum:
        raise BadSignature(f"{len(signed)} members signed, {quorum} are needed")


def signers(previous: PolicyNote, note: PolicyNote) -> tuple[str, ...]:
    """The members that signed a note which follows `previous`, enough of them or not; raises if it
    does not follow, or has other lines than theirs."""
    before = previous.policy
    if note.origin != before.origin or note.serial != before.serial + 1:
        raise Malformed("policy note", "not the next policy of this chain")
    if note.previous != sha256(previous.policy_text):
        raise Malformed("policy note", "follows another policy")
    if note.network != before.network or note.rules < before.rules:
        raise Malformed("policy note", "changes the network or lowers the rules number")
    if note.rules == before.rules:
        check_known(note)
    body = format_body(note)
    signed, expected, names = Note(body, note.signatures), [], []
    for sealer in before.sealers:
        for line in lines_by(signed, before.log_vkey(sealer))[:1]:
            verify_raw(sealer.log, body, line.payload)
            expected.append(line)
            names.append(sealer.member)
    if note.signatures != tuple(expected):
        raise BadSignature("a signature line out of order, repeated or by nobody of that policy")
    return tuple(names)


def _parse_signatures(data: bytes) -> tuple[SignatureLine, ...]:
    if not data:
        return ()
    if not data.startswith(b"\n") or not data.endswith(b"\n") or len(data) < 2:
        raise Malformed("policy note", "no empty line before the signatures")
    found = data[1:-1].split(b"\n")
    if len(found) > SIGNATURES_MAX:
        raise Malformed("policy note", f"more than {SIGNATURES_MAX} signatures")
    return tuple(parse_line(line + b"\n") for line in found)
