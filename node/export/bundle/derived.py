"""What a proof gives for stock tools: folders 03 and 04 (docs/bundle-format.md, sections 5 and 6).

A pure function of the proof. Whoever writes a bundle puts these files in; whoever verifies one
makes them again and compares, so that no tool is ever shown other bytes than the proof's.
"""

from __future__ import annotations

from node.evidence.explain import public_key_pem
from node.evidence.item import page_count
from node.evidence.merkle import leaf_hash
from node.evidence.policy import fingerprint
from node.evidence.proof import LeafProof, Proof
from node.export.bundle.canonical import format_json
from node.export.bundle.paths import format_consistency, format_path
from node.export.bundle.signed import (
    ENTRY,
    MEMBERS,
    POLICY,
    STATEMENT,
    older_policy,
    signatures,
)

QUORUM = "quorum.json"
LISTING = "signatures.txt"


def proof_files(proof: Proof) -> dict[str, bytes]:
    """The files of data/03-proof/NO/."""
    entry, tlog, head = proof.entry, proof.tlog, proof.sealed.checkpoint
    files = {
        "item.txt": f"{proof.item.hex()}\n".encode(),
        "place.txt": _place(proof),
        **_opening(proof),
        **_page(proof),
        STATEMENT: entry.statement_bytes,
        ENTRY: proof.entry_bytes,
        "entry-path.txt": format_path(tlog.index, head.size, tlog.path),
        POLICY: proof.policy_text,
        MEMBERS: proof.members_text,
        "checkpoint.note": tlog.checkpoint,
        "checkpoint.txt": proof.sealed.body,
    }
    for place, leaf in enumerate(proof.keys, 1):
        files |= _leaf(f"key-{place}", proof, leaf)
    for leaf, policy in zip(proof.policy_entries, proof.policies, strict=True):
        files |= _leaf(f"policy-entry-{policy.note.serial}", proof, leaf)
    for policy in proof.policies[:-1]:
        files[older_policy(policy.note.serial)] = policy.note.policy_text
    return files | _later(proof)


def signature_files(proof: Proof) -> dict[str, bytes]:
    """The files of data/04-signatures/NO/."""
    signed = list(signatures(proof))
    files = {
        QUORUM: _quorum(proof),
        LISTING: "".join(each.line() for each in signed).encode(),
    }
    for each in signed:
        files[f"{each.name}.msg"] = each.message
        files[f"{each.name}.sig"] = each.signature
        files[f"{each.name}.pub.pem"] = public_key_pem(each.key)
    return files


def recorded_digests(proof: Proof) -> list[tuple[str, bytes]]:
    """What the proof says a file's digests are; nothing if only its opening could tell."""
    if proof.deposit.mode == "digest":
        return [(proof.deposit.alg, proof.item)]
    return list(proof.opening.digests) if proof.opening else []


def _opening(proof: Proof) -> dict[str, bytes]:
    recorded, opening = recorded_digests(proof), proof.opening
    if not recorded:
        return {}
    text = "".join(f"{alg} {digest.hex()}\n" for alg, digest in recorded)
    if opening is None:
        return {"recorded.txt": text.encode()}
    text += f"size {opening.size}\n"
    return {"recorded.txt": text.encode(), "opening.bin": opening.preimage()}


def _place(proof: Proof) -> bytes:
    deposit, head = proof.deposit, proof.sealed.checkpoint
    lines = [
        f"number {proof.number}",
        f"item-index {proof.item_index}",
        f"slot {proof.item_index % deposit.page}",
        f"items-root {deposit.items_root.hex()}",
        f"entry-index {proof.tlog.index}",
        f"entry-hash {leaf_hash(proof.entry_bytes).hex()}",
        f"tree-size {head.size}",
        f"root {head.root.hex()}",
        f"fingerprint {fingerprint(proof.policy_text)}",
        f"quorum {proof.policy.quorum}",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _page(proof: Proof) -> dict[str, bytes]:
    deposit = proof.deposit
    place, size = proof.item_index // deposit.page, page_count(deposit.count, deposit.page)
    return {
        "page.bin": b"".join(proof.page),
        "page-path.txt": format_path(place, size, proof.page_path),
    }


def _leaf(stem: str, proof: Proof, leaf: LeafProof) -> dict[str, bytes]:
    size = proof.sealed.checkpoint.size
    return {
        f"{stem}.txt": leaf.entry_bytes,
        f"{stem}-path.txt": format_path(leaf.index, size, leaf.path),
    }


def _later(proof: Proof) -> dict[str, bytes]:
    if proof.later is None:
        return {}
    later, first = proof.later.sealed, proof.sealed.checkpoint
    path = format_consistency(first.size, first.root, later.checkpoint.size, proof.later.path)
    return {
        "later.note": proof.later.note,
        "later.txt": later.body,
        "later-consistency.txt": path,
    }


def _quorum(proof: Proof) -> bytes:
    times = {seal.member: seal.time_s for seal in proof.sealed.seals}
    members = [
        each.to_json()
        | {"cosigned": each.name in times}
        | ({"time_s": times[each.name]} if each.name in times else {})
        for each in proof.members
    ]
    return format_json(
        {
            "fingerprint": fingerprint(proof.policy_text),
            "network": proof.policy.network,
            "quorum": proof.policy.quorum,
            "tree_size": proof.sealed.checkpoint.size,
            "members": members,
        }
    )
