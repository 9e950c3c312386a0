"""Chains of two histories: a contradiction file about one, and the directory of a member that was
given the other."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from consensus.messages import Entry, EntryKind
from node.config import MemberConfig
from node.evidence.checkpoint import cosign, format_checkpoint
from node.evidence.contradiction import (
    Side,
    format_contradiction,
    ordered,
    parse_contradiction,
)
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.sealed import parse_seal
from node.keyfile import load_signer
from node.member.directory import open_directory
from node.member.ledger import Ledger
from node.member.participant import VERSION
from node.member.process import read_genesis


def contradiction_file(world: Any, first: tuple[str, ...], second: tuple[str, ...]) -> bytes:
    """Of sizes 4 and 6; `first` sealed the one, `second` the other."""
    one, other = world.memory(), world.memory()
    one.apply(world.block(1, world.deposited(1)))
    other.apply(world.block(1, world.deposited(2)))
    other.apply(world.block(2, world.deposited(3)))
    sides = []
    for memory, names in ((one, first), (other, second)):
        body, origin = format_checkpoint(memory.chain.checkpoint), world.origin
        lines = (cosign(body, 1, f"{origin}/{name}", world.witness(name)) for name in sorted(names))
        seals = tuple(parse_seal(line, origin) for line in lines)
        sides.append(Side(memory.chain.checkpoint, seals))
    hashes = [leaf_hash(leaf) for leaf in other.leaves]
    old = len(one.leaves)
    path = consistency_path(old, len(hashes), hashes)
    return format_contradiction(ordered((world.note(),), *sides, root(hashes[:old]), path))


def named_after(data: bytes, *, number: int = 1, second: bool = False) -> str:
    """What a file about one of its checkpoints is called; the first of several, or a later one."""
    found = parse_contradiction(data)
    checkpoint = (found.second if second else found.first).checkpoint
    suffix = "" if number == 1 else f"-{number}"
    return f"{checkpoint.size}-{checkpoint.root[:8].hex()}{suffix}.txt"


def forge(config: MemberConfig, blocks: Iterable[bytes], now_ms: int) -> int:
    """Write these blocks into the directory of a member that does not run, apply and seal them, as
    whoever has its disk and its keys can; the size of its tree."""
    with closing(open_directory(config, read_genesis(config))) as directory:
        journal, height = directory.journal, directory.store.chain.height
        log, witness = load_signer(config.log_key), load_signer(config.witness_key)
        ledger = Ledger(config.member, log, witness, journal, directory.store, directory.seals)
        term = journal.hard_state.term
        made = [
            Entry(at, term, EntryKind.NORMAL, now_ms, config.member, VERSION, data)
            for at, data in enumerate(blocks, height + 1)
        ]
        journal.append(None, made)
        ledger.apply(made, now_ms // 1000)
        assert ledger.start_sealing(now_ms // 1000).own
        return int(ledger.store.chain.size)
