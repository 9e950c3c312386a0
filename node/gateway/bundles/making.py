"""What goes into the bundle of a deposit, asked of the members and read out of the database.

Only of a deposit that is FINAL. All that is found out here is as it was at the export; what does
not change, the proof and what was kept of timestamps and signatures, is the core.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from node.errors import Absent
from node.evidence.malformed import Malformed
from node.evidence.proof_text import format_proof
from node.export.bundle.canonical import format_json
from node.export.bundle.core import Deposit
from node.gateway.bundles.surroundings import Surroundings, look_around
from node.gateway.events.history import History
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.lookups.finding import find_number, history_of, prove
from node.gateway.members.client import CannotCheck
from node.gateway.timestamps.material import Material, gather
from node.offchain.accounts import AccountRecord, NoSuchAccount


@dataclass(frozen=True)
class Collected:
    """A deposit with everything that is known of it here."""

    deposit: Deposit
    history: History
    material: Material
    depositor: AccountRecord | None
    block_hash: bytes
    surroundings: Surroundings


async def collect(gateway: Gateway, number: str) -> Collected:
    """Raises `ProblemError` if there is nothing to export, or it cannot be told."""
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    proof = (await prove(gateway, found, later=True)).proof
    if proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    statement = found.placed.statement
    identity, declared, depositor = statement.statement_id, None, None
    record = await gateway.deposits.by_id(identity)
    if record is not None:
        kept = await gateway.deposits.keepsake(identity, record.account, found.item_index, 1)
        if kept.openings:
            proof = replace(proof, opening=kept.openings[0])
        declared = await gateway.deposits.declared(identity)
        depositor = await _depositor(gateway, record.account)
    history = await history_of(gateway, statement)
    try:
        material = await gather(gateway.reaching, [proof])
        block = await gateway.log.block(proof.entry.height)
    except (Absent, CannotCheck) as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    around = await look_around(gateway, number, statement, proof, record)
    deposit = Deposit(format_proof(proof), _canonical(declared))
    return Collected(deposit, history, material, depositor, block.hash, around)


async def _depositor(gateway: Gateway, account: str) -> AccountRecord | None:
    try:
        return await gateway.accounts.find(account)
    except NoSuchAccount:
        return None


def _canonical(declared: bytes | None) -> bytes | None:
    """What was declared as a bundle spells it; numbers with a fraction as they were written."""
    if declared is None:
        return None
    value = json.loads(declared, parse_float=str)
    if not isinstance(value, dict):
        raise Malformed("declared", "not an object")
    return format_json(value)
