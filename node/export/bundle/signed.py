"""Every signature in a proof, as one list (docs/bundle-format.md, section 6).

Who signed, what, with which key, and which text has to list that key for the signature to count.
Nothing is verified here: this is what others verify with `openssl pkeyutl`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from node.evidence.checkpoint import cosignature_message
from node.evidence.entry import PolicyEntry
from node.evidence.keys import ED25519, BadSignature, PublicKey
from node.evidence.policy_note import format_body
from node.evidence.proof import Proof
from node.evidence.receipt import receipt_message
from node.evidence.sealed import SealedCheckpoint, further_signatures

LOG_TYPE, SEAL_TYPE = 0x01, 0x04
POLICY = "policy.txt"
MEMBERS = "members.txt"
STATEMENT = "statement.txt"
ENTRY = "entry.txt"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature; its key has to stand in the text `listed`, after the byte `type`."""

    step: int
    name: str
    key: PublicKey
    message: bytes
    signature: bytes
    listed: str
    type: int | None = None

    def line(self) -> str:
        """Its line in signatures.txt."""
        kind = "-" if self.type is None else f"{self.type:02x}"
        return f"{self.step} {self.name} {self.key.algorithm} {kind} {self.listed}\n"


def older_policy(serial: int) -> str:
    """The file of a policy before the one in force."""
    return f"policy-{serial}.txt"


def signatures(proof: Proof) -> Iterator[Signed]:
    """All of them, in the order of the steps."""
    entry, receipt = proof.entry, proof.entry.receipt
    statement = entry.statement_bytes
    yield Signed(3, "statement", proof.deposit.key, statement, entry.signature.raw, STATEMENT)
    message = receipt_message(proof.deposit.origin, entry.statement_id, receipt.accepted_at)
    yield Signed(3, "receipt", receipt.gateway, message, receipt.signature.raw, ENTRY)
    for place, (leaf, key) in enumerate(zip(proof.keys, proof.key_entries, strict=True), 1):
        listed = _in_force(proof, leaf.index)
        signature = key.signature.raw
        yield Signed(3, f"key-{place}", key.authority, key.record_bytes, signature, listed)
    for before, after in zip(proof.policies, proof.policies[1:], strict=False):
        yield from _policy_change(before, after)
    yield from _seals("", proof.sealed, proof)
    if proof.later is not None:
        yield from _seals("later-", proof.later.sealed, proof)


def _in_force(proof: Proof, index: int) -> str:
    """The file of the policy in force when this leaf was made."""
    places = zip(proof.policy_entries, proof.policies, strict=True)
    serials = [entry.note.serial for leaf, entry in places if leaf.index < index]
    if not serials or serials[-1] == proof.policy.serial:
        return POLICY
    return older_policy(serials[-1])


def _policy_change(before: PolicyEntry, after: PolicyEntry) -> Iterator[Signed]:
    body, listed = format_body(after.note), older_policy(before.note.serial)
    for sealer in before.note.policy.sealers:
        key_id = before.note.policy.log_vkey(sealer).key_id
        for line in [each for each in after.note.signatures if each.key_id == key_id][:1]:
            name = f"policy-{after.note.serial}-{sealer.member}"
            yield Signed(5, name, sealer.log, body, line.payload, listed, LOG_TYPE)


def _seals(stem: str, sealed: SealedCheckpoint, proof: Proof) -> Iterator[Signed]:
    """The publisher's signature, the seals, and what members signed besides, as far as their keys
    stand in policy and members text."""
    body, policy = sealed.body, proof.policy
    for sealer in policy.sealers:
        if policy.log_vkey(sealer).key_id == sealed.log_line.key_id:
            name = f"{stem}published-{sealer.member}"
            yield Signed(5, name, sealer.log, body, sealed.log_line.payload, POLICY, LOG_TYPE)
    keys = {each.member: PublicKey(ED25519, each.witness.raw) for each in policy.sealers}
    for seal in sealed.seals:
        if seal.member in keys:
            name, signature = f"{stem}seal-{seal.member}", seal.line.payload[8:]
            message = cosignature_message(body, seal.time_s)
            yield Signed(5, name, keys[seal.member], message, signature, POLICY, SEAL_TYPE)
    try:
        for seal, key, line in further_signatures(sealed, proof.members):
            name = f"{stem}{key.algorithm}-{seal.member}"
            message = cosignature_message(body, seal.time_s)
            yield Signed(5, name, key, message, line.payload[8:], MEMBERS)
    except BadSignature:
        return
