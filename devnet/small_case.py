"""A case for the bench: originals on the disk, and the proof of each, made without a network.

As in `long_log`, the keys and the genesis are those of a devnet that never ran, and the chain's own
`apply` makes the leaves. Contents and salts follow from their place, so nothing here is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devnet.long_log import GrowingChain, enrolled, sealed_by_all
from devnet.places import Places
from node import keyfile
from node.chain.apply import genesis
from node.client.hashing import hash_file
from node.evidence import merkle
from node.evidence.digests import sha256
from node.evidence.item import Opening, format_details, items_root
from node.evidence.keys import Signer
from node.evidence.proof import LeafProof, Proof
from node.evidence.proof_text import format_proof
from node.evidence.receipt import issue
from node.evidence.record import Genesis, StatementRecord, format_record, parse_genesis
from node.evidence.statement import Deposit, format_statement, statement_id
from node.evidence.tlog_proof import TlogProof

ALG = "sha256+sm3"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A deposited file and the proof its holder has."""

    original: Path
    proof: bytes


def make_case(places: Places, directory: Path, count: int, size: int) -> list[Exhibit]:
    """So many files of this size in `directory`, deposited one after the other."""
    first = parse_genesis(places.genesis.read_bytes())
    originals = [_original(directory, place, size) for place in range(count)]
    openings = [_opening(path, place) for place, path in enumerate(originals)]
    depositor = keyfile.load_signer(places.depositor_key)
    gateway = keyfile.load_signer(places.directory / next(iter(places.gateways)) / "key.pem")
    authority = keyfile.load_signer(places.authority_key)
    chain = GrowingChain(genesis(first))
    leaves = list(chain.applied.leaves)
    roles = {"gateway": gateway.public, "depositor": depositor.public}
    chain.take(enrolled(first, authority, role, key) for role, key in roles.items())
    leaves += chain.applied.leaves
    keys = range(len(leaves) - len(roles), len(leaves))
    indexes = []
    for opening in openings:
        chain.take([_deposited(first, depositor, gateway, opening)])
        leaves += chain.applied.leaves
        indexes.append(len(leaves) - 1)
    note = sealed_by_all(places, chain.applied.chain)
    paths = list(merkle.inclusion_paths([merkle.leaf_hash(leaf) for leaf in leaves]))
    enrolments = tuple(LeafProof(index, paths[index], leaves[index]) for index in keys)
    return [
        Exhibit(
            original,
            format_proof(
                Proof(
                    item_index=0,
                    page=(opening.item(),),
                    page_path=(),
                    entry_bytes=leaves[index],
                    policy_text=first.note.policy_text,
                    members_text=first.note.members_text,
                    tlog=TlogProof(index, paths[index], note),
                    opening=opening,
                    keys=enrolments,
                )
            ),
        )
        for original, opening, index in zip(originals, openings, indexes, strict=True)
    ]


def _original(directory: Path, place: int, size: int) -> Path:
    path = directory / f"exhibit-{place:03d}.bin"
    block = sha256(b"%d" % place)
    path.write_bytes((block * (size // len(block) + 1))[:size])
    return path


def _opening(path: Path, place: int) -> Opening:
    read = hash_file(path).digests
    details = {"file_name": (sha256(b"name %d" % place)[:16], path.name)}
    salt = sha256(b"salt %d" % place)
    return Opening(salt, tuple(read.digests.items()), read.size, format_details(dict(details)))


def _deposited(first: Genesis, depositor: Signer, gateway: Signer, opening: Opening) -> bytes:
    item, origin = opening.item(), first.note.origin
    deposit = Deposit(
        origin=origin,
        key=depositor.public,
        nonce=item[:16],
        claimed_at=first.time_ms,
        mode="commitment",
        alg=ALG,
        count=1,
        page=1,
        items_root=items_root(item, 1),
    )
    data = format_statement(deposit)
    receipt = issue(gateway, origin, statement_id(data), first.time_ms)
    return format_record(StatementRecord(receipt, depositor.sign(data), data, item))
