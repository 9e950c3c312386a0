"""A small chain out of the product's own writers, from fixed seeds: the same bytes every time.

    chain = Chain()                                 genesis: three members, two of them a quorum
    chain.enrol("gateway", "gateway")               one block each from here on
    chain.enrol("depositor", "depositor")
    deposited = chain.deposit([b"a file"])
    proof = chain.proof(deposited, 0)               a `Proof`; format_proof(proof) is the file

Every private key is the SHA-256 of the chain's seed and a name, every salt of the seed and a count.
What a test wants wrong it passes in: a statement field, a signature, a record, the cosigners. All
around the wrong thing is then made right, so that a verifier has to find just that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from node.evidence import merkle
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint, sign_further
from node.evidence.digests import new, sha256
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.entry import (
    BlockEntry,
    Entry,
    KeyEntry,
    PolicyEntry,
    StatementEntry,
    format_entry,
)
from node.evidence.item import Opening, format_details, items_root, page_hashes, page_items
from node.evidence.item import page_path as path_of_page
from node.evidence.keys import ED25519, Signature, Signer
from node.evidence.members import Member, format_members
from node.evidence.note import sign_ed25519
from node.evidence.policy import Policy, Sealer, format_policy
from node.evidence.policy_note import PolicyNote, first_note, format_body
from node.evidence.proof import Later, LeafProof, Proof
from node.evidence.receipt import Receipt, receipt_message
from node.evidence.record import (
    Genesis,
    KeyEnrolment,
    Record,
    StatementRecord,
    format_block,
    format_record,
)
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.statement import Deposit, Statement, format_statement, statement_id
from node.evidence.tlog_proof import TlogProof

ORIGIN = "cunzheng.test/example"
START_MS = 1_795_190_400_000
"""2026-11-21 00:00:00 in UTC+8."""
BLOCK_MS = 1_500
VERSION = "0.1.0"
KINDS = {"court": "court", "notary": "notary", "forensic": "forensic"}
ORGANISATIONS = {
    "court": "示例互联网法院",
    "notary": "示例公证处",
    "forensic": "示例司法鉴定所 Example Forensics",
}


@dataclass(frozen=True)
class Deposited:
    """A deposit on the chain, and what its depositor keeps."""

    leaf: int
    entry: StatementEntry
    statement: Deposit
    packed: bytes
    openings: tuple[Opening | None, ...]


@dataclass
class Chain:
    """Makes valid things; each argument that is given makes one of them another."""

    seed: str = "example"
    origin: str = ORIGIN
    network: str = "test"
    names: Sequence[str] = ("court", "notary", "forensic")
    quorum: int = 2
    skew_ms: int = 2_000
    rules: int = 1
    suites: Mapping[str, str] = field(default_factory=dict)
    """The suite of a key by its name, where it is not Ed25519."""
    further: Sequence[str] = ()
    """The suites in which, under rules 2, every member signs checkpoints besides."""
    leaves: list[bytes] = field(default_factory=list)
    policies: list[PolicyNote] = field(default_factory=list)
    policy_leaves: list[int] = field(default_factory=list)
    key_entries: list[tuple[int, KeyEntry]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time_ms = START_MS
        self.height = 0
        self._ordinal = 0
        self._salts = 0
        self._serials: dict[str, int] = {}
        self._times: dict[int, int] = {}
        note = first_note(*self.policy_texts(1))
        self.genesis = Genesis(self.time_ms, VERSION, note)
        self._append(self.genesis.entries())
        self.policies.append(note)
        self.policy_leaves.append(1)

    # Keys and salts

    def signer(self, name: str) -> Signer:
        """The private key of this name."""
        return Signer(sha256(f"{self.seed} {name}".encode()), self.suites.get(name, ED25519))

    def further_signers(self, name: str) -> list[Signer]:
        """The keys with which a member signs checkpoints besides."""
        return [Signer(sha256(f"{self.seed} {name} {s}".encode()), s) for s in self.further]

    def salt(self, size: int = 32) -> bytes:
        """Bytes used for nothing else."""
        self._salts += 1
        return sha256(f"{self.seed} salt {self._salts}".encode())[:size]

    # Policies

    def policy_texts(self, serial: int, **changes: Any) -> tuple[bytes, bytes]:
        """Policy text and members text."""
        names = changes.pop("names", self.names)
        besides = self.further_signers if changes.get("rules", self.rules) > 1 else lambda _: []
        members = [
            Member(
                name,
                KINDS.get(name, "other"),
                ORGANISATIONS.get(name, f"示例 {name}"),
                tuple(signer.public for signer in besides(name)),
            )
            for name in names
        ]
        members_text = format_members(members)
        sealers = tuple(
            Sealer(name, self.signer(f"{name} log").public, self.signer(f"{name} witness").public)
            for name in names
        )
        values: dict[str, Any] = {
            "origin": self.origin,
            "network": self.network,
            "rules": self.rules,
            "serial": serial,
            "skew_ms": self.skew_ms,
            "members_hash": sha256(members_text),
            "authorities": (self.signer("authority").public,),
            "sealers": sealers,
            "quorum": self.quorum,
        }
        return format_policy(Policy(**values | changes)), members_text

    def next_note(
        self,
        signers: Sequence[str] | None = None,
        previous: PolicyNote | None = None,
        texts: tuple[bytes, bytes] | None = None,
        **changes: Any,
    ) -> PolicyNote:
        """The note after `previous` (the last), signed by these of its members (a quorum)."""
        before = previous or self.policies[-1]
        serial = changes.pop("serial", before.serial + 1)
        texts = texts or self.policy_texts(serial, **changes)
        placeholder = sign_ed25519(b"", self.origin, self.signer("court log"))
        note = PolicyNote(
            self.origin, serial, sha256(before.policy_text), *texts, signatures=(placeholder,)
        )
        if signers is None:
            sealers = before.policy.sealers
            signers = [sealer.member for sealer in sealers][: before.policy.quorum]
        body = format_body(note)
        lines = tuple(
            sign_ed25519(body, self.origin, self.signer(f"{name} log")) for name in signers
        )
        return replace(note, signatures=lines)

    def change_policy(self, note: PolicyNote | None = None, **changes: Any) -> int:
        """A block with a policy change; its leaf."""
        note = note or self.next_note(**changes)
        (leaf,) = self.block([note])
        return leaf

    # Blocks

    def block(self, records: Sequence[Record], carries: str = "records") -> list[int]:
        """One block in which all these records are taken; the leaves of their entries."""
        self.height += 1
        self.time_ms += BLOCK_MS
        data = format_block([format_record(record) for record in records])
        block = BlockEntry(
            height=self.height,
            time_ms=self.time_ms,
            previous=self.block_hash,
            proposer=self.names[self.height % len(self.names)],
            term=1,
            version=VERSION,
            carries=carries,
            body=sha256(data),
            taken=len(records),
            skipped=0,
            rules=self.policies[-1].rules,
        )
        first = len(self.leaves) + 1
        entries = [self._entry(record, first + at) for at, record in enumerate(records)]
        self._append([format_entry(block), *(format_entry(entry) for entry in entries)])
        return list(range(first, len(self.leaves)))

    def _append(self, leaves: list[bytes]) -> None:
        self.leaves += leaves
        self.block_hash = sha256(leaves[0] + self.body(len(self.leaves)))
        self._times[len(self.leaves)] = self.time_ms

    def _entry(self, record: Record, leaf: int) -> Entry:
        match record:
            case StatementRecord():
                entry: Entry = StatementEntry(
                    self.height,
                    self.time_ms,
                    self._ordinal if record.items else None,
                    record.receipt,
                    record.signature,
                    record.statement_bytes,
                )
                self._ordinal += len(record.items) // 32
            case KeyEnrolment():
                key = KeyEntry(
                    self.height,
                    self.time_ms,
                    record.authority,
                    record.signature,
                    record.record_bytes,
                )
                self.key_entries.append((leaf, key))
                entry = key
            case PolicyNote():
                entry = PolicyEntry(self.height, self.time_ms, record)
                self.policies.append(record)
                self.policy_leaves.append(leaf)
        return entry

    # Key records

    def key_record(self, name: str, role: str, action: str = "enrol", **changes: Any) -> KeyRecord:
        """The next record about this key; `successor` is a name too."""
        self._serials[name] = self._serials.get(name, 0) + 1
        successor = changes.pop("successor", None)
        record = KeyRecord(
            origin=self.origin,
            action=action,
            effective=START_MS,
            key=self.signer(name).public,
            role=role,
            serial=self._serials[name],
            successor=self.signer(successor).public if successor else None,
        )
        return replace(record, **changes)

    def enrol(
        self,
        name: str,
        role: str,
        action: str = "enrol",
        *,
        authority: str = "authority",
        signature: Signature | None = None,
        **changes: Any,
    ) -> int:
        """A block with one key record; its leaf."""
        record = format_key_record(self.key_record(name, role, action, **changes))
        signer = self.signer(authority)
        signed = KeyEnrolment(signer.public, signature or signer.sign(record), record)
        (leaf,) = self.block([signed])
        return leaf

    # Statements

    def opening(self, content: bytes, alg: str, details: Mapping[str, Any] | None) -> Opening:
        """What opens the item of this content."""
        pairs = {key: (self.salt(16), value) for key, value in (details or {}).items()}
        return Opening(
            salt=self.salt(),
            digests=tuple((name, digest(name, content)) for name in alg.split("+")),
            size=len(content),
            details=format_details(pairs) if pairs else None,
        )

    def deposit(
        self,
        contents: Sequence[bytes] = (b"a file\n",),
        *,
        mode: str = "commitment",
        alg: str | None = None,
        page: int = 1,
        key: str = "depositor",
        gateway: str = "gateway",
        details: Mapping[str, Any] | None = None,
        openings: Sequence[Opening] | None = None,
        **changes: Any,
    ) -> Deposited:
        """A block with one deposit of these contents; `key` = `gateway` is an attested one."""
        alg = alg or ("sha256" if mode == "digest" else "sha256+sm3")
        kept: tuple[Opening | None, ...]
        if mode == "digest":
            kept = (None,) * len(contents)
            packed = b"".join(digest(alg, content) for content in contents)
        else:
            made = openings or [self.opening(content, alg, details) for content in contents]
            kept, packed = tuple(made), b"".join(opening.item() for opening in made)
        signature, receipt = changes.pop("signature", None), changes.pop("receipt", None)
        accepted_at = changes.pop("accepted_at", self.time_ms + BLOCK_MS - 200)
        statement = Deposit(
            origin=self.origin,
            key=self.signer(key).public,
            nonce=self.salt(16),
            claimed_at=self.time_ms,
            mode=mode,
            alg=alg,
            count=len(contents),
            page=page,
            items_root=items_root(packed, page),
            category="A14_4_ELECTRONIC_FILE",
            submitter=self.salt() if key == gateway else None,
        )
        statement = replace(statement, **changes)
        record = self.record(statement, key, packed, gateway, accepted_at, signature, receipt)
        (leaf,) = self.block([record])
        entry = StatementEntry(
            self.height,
            self.time_ms,
            self._ordinal - len(contents),
            record.receipt,
            record.signature,
            record.statement_bytes,
        )
        return Deposited(leaf, entry, statement, packed, kept)

    def record(
        self,
        statement: Statement,
        key: str,
        packed: bytes = b"",
        gateway: str = "gateway",
        accepted_at: int | None = None,
        signature: Signature | None = None,
        receipt: Signature | None = None,
    ) -> StatementRecord:
        """A signed statement with its receipt, on its way to the chain."""
        data = format_statement(statement)
        at = self.time_ms if accepted_at is None else accepted_at
        message = receipt_message(statement.origin, statement_id(data), at)
        signed = Receipt(
            self.signer(gateway).public, at, receipt or self.signer(gateway).sign(message)
        )
        return StatementRecord(signed, signature or self.signer(key).sign(data), data, packed)

    # Checkpoints and proofs

    def hashes(self, size: int | None = None) -> list[bytes]:
        """Leaf hashes of the tree of this size (the whole)."""
        return [merkle.leaf_hash(leaf) for leaf in self.leaves[:size]]

    def body(self, size: int | None = None) -> bytes:
        """The checkpoint body of the tree of this size."""
        hashes = self.hashes(size)
        return format_checkpoint(Checkpoint(self.origin, len(hashes), merkle.root(hashes)))

    def governing(self, size: int) -> PolicyNote:
        """The policy that governs checkpoints of this size."""
        places = zip(self.policy_leaves, self.policies, strict=True)
        return [note for leaf, note in places if leaf + 1 < size or leaf == 1][-1]

    def seal(
        self,
        size: int | None = None,
        sealers: Sequence[str] | None = None,
        *,
        body: bytes | None = None,
        publisher: str | None = None,
        delay_s: int = 1,
    ) -> bytes:
        """The signed note on the tree of this size, sealed one second apart by these members."""
        hashes = self.hashes(size)
        checkpoint = Checkpoint(self.origin, len(hashes), merkle.root(hashes))
        policy = self.governing(checkpoint.size).policy
        names = [sealer.member for sealer in policy.sealers] if sealers is None else sealers
        body = body or format_checkpoint(checkpoint)
        at_s = self._times.get(checkpoint.size, self.time_ms) // 1000 + delay_s
        seals = tuple(
            parse_seal(
                cosign(body, at_s + place, f"{self.origin}/{name}", self.signer(f"{name} witness")),
                self.origin,
            )
            for place, name in enumerate(names)
        )
        further = [
            sign_further(body, at_s + place, f"{self.origin}/{name}", signer)
            for place, name in enumerate(names)
            for signer in (self.further_signers(name) if policy.rules > 1 else ())
        ]
        publisher = publisher or policy.sealers[0].member
        log_line = sign_ed25519(body, self.origin, self.signer(f"{publisher} log"))
        return format_sealed(SealedCheckpoint(checkpoint, log_line, seals, tuple(further)))

    def leaf_proof(self, leaf: int, size: int | None = None) -> LeafProof:
        """A leaf and its way to the root of the tree of this size."""
        path = tuple(merkle.inclusion_path(leaf, self.hashes(size)))
        return LeafProof(leaf, path, self.leaves[leaf])

    def proof(
        self,
        deposited: Deposited,
        index: int = 0,
        *,
        size: int | None = None,
        later: bool | bytes = False,
        note: bytes | None = None,
        **changes: Any,
    ) -> Proof:
        """The proof of an item, in the tree of this size (the whole); `later` from the whole."""
        statement, hashes = deposited.statement, self.hashes(size)
        policy = self.governing(len(hashes))
        wanted = {statement.key, deposited.entry.receipt.gateway}
        ours = self.leaf_proof(deposited.leaf, size)
        values: dict[str, Any] = {
            "item_index": index,
            "page": page_items(deposited.packed, statement.page, index),
            "page_path": path_of_page(
                page_hashes(deposited.packed, statement.page), statement.page, index
            ),
            "entry_bytes": ours.entry_bytes,
            "policy_text": policy.policy_text,
            "members_text": policy.members_text,
            "tlog": TlogProof(ours.index, ours.path, note or self.seal(size)),
            "opening": deposited.openings[index],
            "keys": tuple(
                self.leaf_proof(leaf, size)
                for leaf, entry in self.key_entries
                if {entry.record.key, entry.record.successor} & wanted and leaf < deposited.leaf
            ),
            "policy_entries": tuple(
                self.leaf_proof(leaf, size)
                for leaf, each in zip(self.policy_leaves, self.policies, strict=True)
                if each.serial <= policy.serial > 1
            ),
        }
        if later:
            path = merkle.consistency_path(len(hashes), len(self.leaves), self.hashes())
            values["later"] = Later(tuple(path), later if later is not True else self.seal())
        return Proof(**values | changes)


def digest(alg: str, content: bytes) -> bytes:
    """Digest of a file's content."""
    running = new(alg)
    running.update(content)
    return running.digest()
