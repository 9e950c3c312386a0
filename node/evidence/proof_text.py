"""Writing and reading a proof file (docs/proof-format.md, section 12).

Sections follow each other in a fixed order, one empty line between them; `KEYWORD N` before a text
says that its next N lines are that text. `parse_proof` computes the head again and compares it:
what it returns is spelled in the one right way, so no byte of a file can change unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from node.evidence import item
from node.evidence.entry import parse_entry
from node.evidence.head import TAG, Head, format_head
from node.evidence.malformed import Malformed
from node.evidence.members import parse_members
from node.evidence.opening import format_opening, parse_opening
from node.evidence.policy import parse_policy
from node.evidence.proof import Later, LeafProof, Proof
from node.evidence.sealed import parse_sealed
from node.evidence.spelling import Lines, check_tag
from node.evidence.tlog_proof import PATH_MAX, TlogProof, format_tlog_proof, parse_tlog_proof

PROOF_SIZE_MAX = 4_194_304
"""A proof after hundreds of policy changes; a judge's mail takes it."""
KEYS_MAX = 16
POLICY_ENTRIES_MAX = 1_000

Section = TypeVar("Section")


def format_proof(proof: Proof) -> bytes:
    """The proof file."""
    sections = [
        _head(proof),
        *([format_opening(proof.opening)] if proof.opening else []),
        _page(proof),
        _verbatim("entry", proof.entry_bytes),
        *(_leaf("key", leaf) for leaf in proof.keys),
        _verbatim("policy", proof.policy_text),
        _verbatim("members", proof.members_text),
        *(_leaf("policy-entry", leaf) for leaf in proof.policy_entries),
        *([_later(proof.later)] if proof.later else []),
        format_tlog_proof(proof.tlog),
    ]
    return b"\n".join(sections)


def _head(proof: Proof) -> bytes:
    deposit, opening = proof.deposit, proof.opening
    digests = opening.digests if opening else ()
    if deposit.mode == "digest":
        digests = ((deposit.alg, proof.item),)
    return format_head(
        Head(
            number=proof.number,
            seal_time_s=proof.seal_time_s,
            block_time_ms=proof.entry.time_ms,
            item=proof.item,
            digests=digests,
            cosigners=tuple(seal.member for seal in proof.sealed.seals),
            member_count=len(proof.policy.sealers),
            quorum=proof.policy.quorum,
            policy_text=proof.policy_text,
            origin=proof.sealed.checkpoint.origin,
            attested=proof.entry.attested,
            network=proof.policy.network,
        )
    )


def _page(proof: Proof) -> bytes:
    lines = [
        "page",
        f"item-index {proof.item_index}",
        *(f"item {each.hex()}" for each in proof.page),
        *(f"path {each.hex()}" for each in proof.page_path),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _leaf(keyword: str, leaf: LeafProof) -> bytes:
    lines = [keyword, f"index {leaf.index}", *(f"path {each.hex()}" for each in leaf.path)]
    return "".join(f"{line}\n" for line in lines).encode() + _verbatim("entry", leaf.entry_bytes)


def _later(later: Later) -> bytes:
    lines = ["later", *(f"path {each.hex()}" for each in later.path)]
    return "".join(f"{line}\n" for line in lines).encode() + _verbatim("note", later.note)


def _verbatim(keyword: str, text: bytes) -> bytes:
    return b"%s %d\n" % (keyword.encode(), text.count(b"\n")) + text


def parse_proof(data: bytes) -> Proof:
    """The proof these bytes are; raises `Malformed` at the first thing that cannot be read."""
    check_tag(TAG, data.partition(b"\n")[0])
    if len(data) > PROOF_SIZE_MAX:
        raise Malformed("proof", f"longer than {PROOF_SIZE_MAX} bytes")
    head, blank, rest = data.partition(b"\n\n")
    if not blank:
        raise Malformed("proof", "has no sections")
    lines = Lines("proof", rest)
    opening = None
    if lines.starts("opening\n"):
        opening = parse_opening(lines)
        lines.expect("")
    item_index, page, page_path = _parse_page(lines)
    entry = _parse_verbatim(lines, "entry", parse_entry)
    keys = _parse_sections(lines, "key", KEYS_MAX, _parse_leaf)
    policy = _parse_verbatim(lines, "policy", parse_policy)
    members = _parse_verbatim(lines, "members", parse_members)
    policies = _parse_sections(lines, "policy-entry", POLICY_ENTRIES_MAX, _parse_leaf)
    later = _parse_sections(lines, "later", 1, _parse_later)
    proof = Proof(
        item_index=item_index,
        page=page,
        page_path=page_path,
        entry_bytes=entry,
        policy_text=policy,
        members_text=members,
        tlog=_parse_tlog_proof(lines.rest()),
        opening=opening,
        keys=keys,
        policy_entries=policies,
        later=later[0] if later else None,
    )
    if format_proof(proof) != data:
        if _head(proof) != head + b"\n":
            raise Malformed("proof head", "is not what the file itself gives")
        raise Malformed("proof", "not spelled as this version writes it")
    return proof


def _parse_page(lines: Lines) -> tuple[int, tuple[bytes, ...], tuple[bytes, ...]]:
    lines.expect("page")
    index = lines.integer("item-index")
    items = lines.digests("item", max(item.PAGE_SIZES["commitment"]))
    path = lines.digests("path", PATH_MAX)
    lines.expect("")
    return index, items, path


def _parse_verbatim(lines: Lines, keyword: str, read: Callable[[bytes], object]) -> bytes:
    """A text inside the text; it is read before what follows, so the first fault decides."""
    text = lines.lines(lines.integer(keyword))
    read(text)
    lines.expect("")
    return text


def _parse_leaf(lines: Lines) -> LeafProof:
    leaf = LeafProof(
        index=lines.integer("index"),
        path=lines.digests("path", PATH_MAX),
        entry_bytes=lines.lines(lines.integer("entry")),
    )
    lines.expect("")
    return leaf


def _parse_later(lines: Lines) -> Later:
    return Later(lines.digests("path", PATH_MAX), _parse_verbatim(lines, "note", parse_sealed))


def _parse_tlog_proof(data: bytes) -> TlogProof:
    proof = parse_tlog_proof(data)
    parse_sealed(proof.checkpoint)
    return proof


def _parse_sections(
    lines: Lines, keyword: str, count_max: int, parse: Callable[[Lines], Section]
) -> tuple[Section, ...]:
    found: list[Section] = []
    while lines.starts(f"{keyword}\n"):
        if len(found) == count_max:
            raise Malformed("proof", f"more than {count_max} sections `{keyword}`")
        lines.expect(keyword)
        found.append(parse(lines))
    return tuple(found)
