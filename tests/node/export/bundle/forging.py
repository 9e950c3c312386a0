"""What an attacker makes of a deposit: the tamper experiments T1 to T3.

Each gives proof bytes and original; a bundle made of them has every manifest right and folders 03
and 04 made again, as far as the forged proof can still be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from node.evidence.entry import format_entry
from node.evidence.item import items_root
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof
from node.evidence.statement import format_statement
from tests.vectors.example_chain import Chain, Deposited, digest

CONTENT = "合同 contract\n".encode()
FORGED = "合同 c0ntract\n".encode()
DETAILS = {"file_name": "合同.pdf"}

Forgery = tuple[bytes, bytes]
"""Proof bytes, and the original that goes with them."""


def chain(seed: str = "honest", content: bytes = CONTENT) -> tuple[Chain, Deposited]:
    """A chain with one deposit of three files, of which the first is meant."""
    made = Chain(seed=seed)
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    return made, made.deposit([content, b"second\n", b"third\n"], page=1, details=DETAILS)


def honest() -> Proof:
    """The proof of the honest deposit."""
    made, deposited = chain()
    return made.proof(deposited, 0)


def t0() -> Forgery:
    """Nothing."""
    return format_proof(honest()), CONTENT


def t1() -> Forgery:
    """One byte of the original."""
    return format_proof(honest()), FORGED


def t1b() -> Forgery:
    """And the digests in the proof's opening and head."""
    data, _ = t0()
    for alg in ("sha256", "sm3"):
        old, new = digest(alg, CONTENT).hex().encode(), digest(alg, FORGED).hex().encode()
        assert data.count(old) == 2
        data = data.replace(old, new)
    return data, FORGED


def _with_item(proof: Proof) -> Proof:
    """Opening and item agree with the forged original."""
    assert proof.opening is not None
    digests = tuple((alg, digest(alg, FORGED)) for alg, _ in proof.opening.digests)
    opening = replace(proof.opening, digests=digests, size=len(FORGED))
    return replace(proof, opening=opening, page=(opening.item(),))


def t2() -> Forgery:
    """And the item."""
    return format_proof(_with_item(honest())), FORGED


def t2b() -> Forgery:
    """And the statement's items_root, so that the item is in the statement."""
    made, deposited = chain()
    forged = _with_item(made.proof(deposited, 0))
    packed = forged.item + deposited.packed[32:]
    statement = replace(deposited.statement, items_root=items_root(packed, 1))
    entry = replace(deposited.entry, statement_bytes=format_statement(statement))
    return format_proof(replace(forged, entry_bytes=format_entry(entry))), FORGED


def t3() -> Forgery:
    """Everything anew: a chain of the same name, members and times, with keys of their own."""
    made, deposited = chain("forger", FORGED)
    return format_proof(made.proof(deposited, 0)), FORGED


FORGERIES: dict[str, Callable[[], Forgery]] = {
    "T0": t0,
    "T1": t1,
    "T1b": t1b,
    "T2": t2,
    "T2b": t2b,
    "T3": t3,
}
