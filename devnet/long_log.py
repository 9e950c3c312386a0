"""A long log as files, made without a network: what `devnet.bench_audit` audits.

The keys and the genesis are those of a devnet that never ran. Its depositor signs one deposit after
the other, its gateway a receipt for each, and the chain's own `apply` makes of them what members
would; the last checkpoint has the seals of all of them. Nothing of it is kept in memory, so a log
may be as long as the disk is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from consensus.messages import Entry, EntryKind
from devnet.places import Places
from node import keyfile
from node.archive.files import Files
from node.chain.apply import Applied, Chain, KeyState, apply, genesis
from node.evidence.checkpoint import cosign, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.item import items_root
from node.evidence.keys import PublicKey, Signer
from node.evidence.merkle import leaf_hash, root
from node.evidence.note import sign_ed25519
from node.evidence.receipt import issue
from node.evidence.record import (
    Genesis,
    KeyEnrolment,
    StatementRecord,
    format_block,
    format_record,
    parse_genesis,
)
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.statement import Deposit, format_statement, statement_id
from node.evidence.tiles import WIDTH, Tile, format_bundle_path, format_tile_path
from node.published.layout import (
    CHECKPOINT,
    PolicyLeaf,
    body_path,
    format_policy_leaf,
    join_bundle,
    policy_path,
)

RECORDS = 250
"""In a block: what a busy devnet has in one."""
VERSION = "bench"


def write_log(places: Places, files: Files, entries: int, tell: Callable[[int], None]) -> None:
    """Publish a log of so many entries; `tell` hears of each block how many it has."""
    first = parse_genesis(places.genesis.read_bytes())
    parts, chain = _Parts(files), GrowingChain(genesis(first))
    files.write(body_path(0), first.data())
    files.write(policy_path(1), format_policy_leaf(PolicyLeaf(1, chain.applied.leaves[1])))
    parts.add(chain.applied.leaves)
    for records in _blocks(places, first, entries - len(chain.applied.leaves)):
        block = chain.take(records)
        files.write(body_path(block.index), block.data)
        parts.add(chain.applied.leaves)
        tell(len(chain.applied.leaves))
    parts.end()
    files.write(CHECKPOINT, sealed_by_all(places, chain.applied.chain))


def _blocks(places: Places, first: Genesis, left: int) -> Iterator[list[bytes]]:
    """Records for so many more entries, that of each block among them."""
    depositor = keyfile.load_signer(places.depositor_key)
    gateway = keyfile.load_signer(places.directory / next(iter(places.gateways)) / "key.pem")
    authority = keyfile.load_signer(places.authority_key)
    roles = {"depositor": depositor.public, "gateway": gateway.public}
    yield [enrolled(first, authority, role, key) for role, key in roles.items()]
    left, number = left - 1 - len(roles), 0
    while left > 0:  # The last block may be empty.
        count = min(RECORDS, left - 1)
        numbers = range(number, number + count)
        yield [_deposited(first, depositor, gateway, each) for each in numbers]
        left, number = left - 1 - count, number + count


def enrolled(first: Genesis, authority: Signer, role: str, key: PublicKey) -> bytes:
    origin = first.note.origin
    record = KeyRecord(
        origin=origin, action="enrol", effective=first.time_ms, key=key, role=role, serial=1
    )
    data = format_key_record(record)
    return format_record(KeyEnrolment(authority.public, authority.sign(data), data))


def _deposited(first: Genesis, depositor: Signer, gateway: Signer, number: int) -> bytes:
    """One file, whose digest nobody else has."""
    origin, item = first.note.origin, sha256(b"%d" % number)
    deposit = Deposit(
        origin=origin,
        key=depositor.public,
        nonce=number.to_bytes(16, "big"),
        claimed_at=first.time_ms,
        mode="commitment",
        alg="sha256",
        count=1,
        page=1,
        items_root=items_root(item, 1),
    )
    data = format_statement(deposit)
    receipt = issue(gateway, origin, statement_id(data), first.time_ms)
    return format_record(StatementRecord(receipt, depositor.sign(data), data, item))


class GrowingChain:
    """Grows by blocks, and is the past that they ask for: no statement comes twice, as no number
    does."""

    def __init__(self, first: Applied) -> None:
        self.applied = first
        self._keys: dict[PublicKey, KeyState] = {}

    def take(self, records: Iterable[bytes]) -> Entry:
        """Agree on these records."""
        chain = self.applied.chain
        block = Entry(
            index=chain.height + 1,
            term=1,
            kind=EntryKind.NORMAL,
            time_ms=chain.time_ms + 1,
            proposer=chain.policy.sealers[0].member,
            version=VERSION,
            data=format_block(records),
        )
        self.applied = apply(chain, block, self)
        assert not self.applied.block.skipped, "every record holds"
        self._keys |= self.applied.key_states
        return block

    def has_statement(self, _: bytes) -> bool:
        return False

    def key_state(self, key: PublicKey) -> KeyState | None:
        return self._keys.get(key)


class _Parts:
    """Bundles and hash tiles, each written when it is full."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._entries: list[bytes] = []
        self._levels: list[list[bytes]] = []
        self._written: list[int] = []

    def add(self, leaves: Iterable[bytes]) -> None:
        """More entries."""
        for leaf in leaves:
            self._entries.append(leaf)
            self._push(0, leaf_hash(leaf))

    def end(self) -> None:
        """The tiles at the right edge, and the last bundle."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._write(level)

    def _push(self, level: int, hash_: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._written.append(0)
        hashes = self._levels[level]
        hashes.append(hash_)
        if len(hashes) == WIDTH:
            self._push(level + 1, root(hashes))
            self._write(level)
            self._written[level] += 1
            hashes.clear()

    def _write(self, level: int) -> None:
        hashes = self._levels[level]
        tile = Tile(level, self._written[level], len(hashes))
        self._files.write(format_tile_path(tile), b"".join(hashes))
        if level == 0:
            self._files.write(format_bundle_path(tile), join_bundle(self._entries))
            self._entries.clear()


def sealed_by_all(places: Places, chain: Chain) -> bytes:
    """The checkpoint, with the seals of all members."""
    origin, body = chain.origin, format_checkpoint(chain.checkpoint)
    publisher = keyfile.load_signer(places.log_key(next(iter(places.members))))
    lines = (
        cosign(
            body,
            chain.time_ms // 1000 + 1,
            f"{origin}/{member}",
            keyfile.load_signer(places.witness_key(member)),
        )
        for member in places.members
    )
    seals = tuple(parse_seal(line, origin) for line in lines)
    log_line = sign_ed25519(body, origin, publisher)
    return format_sealed(SealedCheckpoint(chain.checkpoint, log_line, seals))
