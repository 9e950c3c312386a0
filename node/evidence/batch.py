"""The depositor's batch file: the openings of one statement (docs/proof-format.md, section 15).

    cunzheng/batch/v1
    statement cunzheng/statement/v1 {...}
    signature ed25519:...
    item {"path":"合同.pdf","salt":"00...","sha256":"00...","size":13469,"sm3":"00..."}

One line `item` per item, in order, in RFC 8785 form. It is never sent. With it and the proof of any
item of the statement, the depositor derives the proofs of all the others without asking anyone.

In mode `digest` an item is its digest alone, `{"path":"a.log","sha256":"00..."}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from node.evidence import item, merkle
from node.evidence.digests import ALGS
from node.evidence.item import ITEMS_MAX, Opening
from node.evidence.keys import Signature, format_signature, parse_signature
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof
from node.evidence.spelling import (
    Lines,
    check_hex,
    check_integer,
    check_text,
    fields,
    load_canonical,
)
from node.evidence.statement import Deposit, parse_statement

TAG = "cunzheng/batch/v1"
BATCH_SIZE_MAX = 67_108_864
"""16,384 items with 4 kB of details each."""

_OPENING = frozenset({"salt", "size"})


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One item: what opens it (none in mode `digest`), and where the depositor keeps the file."""

    item: bytes
    opening: Opening | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        if self.opening is not None and self.opening.item() != self.item:
            raise Malformed("batch item", "its opening opens another item")
        if self.path is not None and (not self.path or item.printable(self.path) != self.path):
            raise Malformed("batch item", "a path with characters that draw lines or hide text")


@dataclass(frozen=True)
class Batch:
    """A statement with its signature and all its items. Born whole: they fit each other."""

    statement_bytes: bytes
    signature: Signature
    items: tuple[BatchItem, ...]

    def __post_init__(self) -> None:
        deposit = self.deposit
        if len(self.items) != deposit.count:
            raise Malformed("batch", "not as many items as its statement counts")
        salted = deposit.mode == "commitment"
        if any((each.opening is not None) != salted for each in self.items):
            raise Malformed("batch", "an item is not of the mode of its statement")
        if any(each.opening and each.opening.alg != deposit.alg for each in self.items):
            raise Malformed("batch", "an item is not of the algorithms of its statement")
        if item.items_root(self.packed, deposit.page) != deposit.items_root:
            raise Malformed("batch", "its items are not those of its statement")

    @cached_property
    def deposit(self) -> Deposit:
        """The statement, which is a deposit."""
        statement = parse_statement(self.statement_bytes)
        if not isinstance(statement, Deposit):
            raise Malformed("batch", "its statement is not a deposit")
        return statement

    @cached_property
    def packed(self) -> bytes:
        """All items, concatenated: what is sent."""
        return b"".join(each.item for each in self.items)


def format_batch(batch: Batch) -> bytes:
    """The batch file."""
    alg = batch.deposit.alg
    lines = [
        f"{TAG}\nstatement ".encode(),
        batch.statement_bytes,
        f"\nsignature {format_signature(batch.signature)}\n".encode(),
        *(b"item %s\n" % _canonical(_item_value(each, alg)) for each in batch.items),
    ]
    data = b"".join(lines)
    if len(data) > BATCH_SIZE_MAX:
        raise Malformed("batch", f"longer than {BATCH_SIZE_MAX} bytes: shorten the details")
    return data


def parse_batch(data: bytes) -> Batch:
    """The batch these bytes are; its signature is not checked here."""
    if len(data) > BATCH_SIZE_MAX:
        raise Malformed("batch", f"longer than {BATCH_SIZE_MAX} bytes")
    lines = Lines("batch", data)
    lines.tag(TAG)
    statement = lines.value("statement").encode()
    signature = parse_signature(lines.value("signature"))
    items = tuple(parse_item(text.encode()) for text in lines.values("item", ITEMS_MAX))
    lines.end()
    batch = Batch(statement, signature, items)
    if format_batch(batch) != data:
        raise Malformed("batch", "not spelled as this version writes it")
    return batch


def parse_item(data: bytes) -> BatchItem:
    """The item that one line of a batch file is."""
    raw = load_canonical(data, "batch item")
    optional = frozenset({"path", *ALGS})
    path = check_text(raw["path"], "batch item: path") if "path" in raw else None
    digests = tuple((alg, check_hex(raw[alg], f"batch item: {alg}")) for alg in ALGS if alg in raw)
    if "salt" not in raw:
        fields(raw, "batch item", frozenset(), optional)
        if len(digests) != 1:
            raise Malformed("batch item", "not exactly one digest and no salt")
        return BatchItem(digests[0][1], None, path)
    value = fields(raw, "batch item", _OPENING, optional | {"details"})
    opening = Opening(
        salt=check_hex(value["salt"], "batch item: salt"),
        digests=digests,
        size=check_integer(value["size"], "batch item: size"),
        details=_canonical(value["details"]) if "details" in value else None,
    )
    return BatchItem(opening.item(), opening, path)


def derive_all(proof: Proof, batch: Batch) -> Iterator[Proof]:
    """The holder's proofs of all items, in order, from the proof of any of them.

    The proof has been verified by the caller; only the parts that differ from item to item are
    made here, from items whose root is the one that was signed.
    """
    if proof.entry.statement_bytes != batch.statement_bytes:
        raise Malformed("batch", "the proof is of another statement")
    page = batch.deposit.page
    paths = merkle.inclusion_paths(item.page_hashes(batch.packed, page))
    on_page, path = proof.page, proof.page_path
    for index, each in enumerate(batch.items):
        if index % page == 0:  # Neighbours share a page and its path.
            on_page = item.page_items(batch.packed, page, index)
            path = next(paths)
        yield replace(proof, item_index=index, page=on_page, page_path=path, opening=each.opening)


def _item_value(each: BatchItem, alg: str) -> dict[str, object]:
    value: dict[str, object] = {} if each.path is None else {"path": each.path}
    if each.opening is None:
        return value | {alg: each.item.hex()}
    value |= {"salt": each.opening.salt.hex(), "size": each.opening.size}
    value |= {alg: digest.hex() for alg, digest in each.opening.digests}
    if each.opening.details is not None:
        value["details"] = json.loads(each.opening.details)
    return value


def _canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("batch item", "a lone surrogate is no character") from error
