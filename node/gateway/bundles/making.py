"""What goes into the bundle of some deposits, asked of the members and read out of the database.

Only of deposits that are FINAL. All that is found out here is as it was at the export; what does
not change, the proofs and what was kept of timestamps and signatures, is the core.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace

from node.casework.case_number import parse_case_number
from node.errors import Absent
from node.evidence.malformed import Malformed
from node.evidence.opening import format_opening, parse_opening
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof
from node.evidence.spelling import Lines
from node.export.bundle.canonical import format_json
from node.export.bundle.core import Deposit
from node.export.certificate.exhibits import Exhibit, linked
from node.export.certificate.parts import Case
from node.gateway.bundles.interests import Interests
from node.gateway.bundles.surroundings import Surroundings, look_around
from node.gateway.cases.access import court_of
from node.gateway.cases.parties import interests_of
from node.gateway.events.history import History
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.lookups.finding import find_number, history_of, prove
from node.gateway.members.client import CannotCheck
from node.gateway.timestamps.material import Material, gather
from node.offchain.accounts import AccountRecord, NoSuchAccount
from node.offchain.bundles import Attempt, Wanted

AT_ONCE = 8
"""Deposits that are collected at the same time: each asks the members three things."""


@dataclass(frozen=True)
class CollectedDeposit:
    """A deposit with everything that is known of it here."""

    exhibit: Exhibit
    deposit: Deposit
    history: History
    depositor: AccountRecord | None
    block_hash: bytes
    surroundings: Surroundings


@dataclass(frozen=True)
class Collected:
    """The deposits of one bundle, in the order of the evidence list."""

    deposits: tuple[CollectedDeposit, ...]
    material: Material
    case: Case | None
    interests: Interests | None = None
    """Where parties of the case were named."""


async def collect(gateway: Gateway, attempt: Attempt) -> Collected:
    """Raises `ProblemError` if there is nothing to export, or it cannot be told."""
    exhibits, case = await _of_case(gateway, attempt.case_no)
    found: list[CollectedDeposit] = []
    for start in range(0, len(attempt.deposits), AT_ONCE):
        some = attempt.deposits[start : start + AT_ONCE]
        found += await asyncio.gather(*(_collect(gateway, each, exhibits) for each in some))
        await attempt.alive(gateway.clock(), len(found))
    try:
        proofs = [each.deposit.proof for each in found]
        material = await gather(gateway.reaching, proofs, gateway.for_courts.platform)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    return Collected(tuple(found), material, case, await _interests(gateway, attempt.case_no))


def opened(proof: Proof, opening: bytes) -> Proof:
    """The proof with an opening that was sent; raises `Malformed` if it opens something else."""
    found = parse_opening(Lines("opening", opening))
    if format_opening(found) != opening:
        raise Malformed("opening", "more than an opening, or spelled otherwise")
    return replace(proof, opening=found)


async def _of_case(gateway: Gateway, case_no: str | None) -> tuple[dict[int, Exhibit], Case | None]:
    """What stands on the case's evidence list now, by exhibit number, and how a certificate names
    the case."""
    if case_no is None:
        return {}, None
    number = parse_case_number(case_no)
    court = await court_of(gateway, number)
    listed = [linked(each) for each in await gateway.cases.exhibits(case_no)]
    case = Case(case_no, court.value.court_code, court.value.name)
    return {each.exhibit_no: each for each in listed}, case


async def _interests(gateway: Gateway, case_no: str | None) -> Interests | None:
    """Of the parties to the case, if somebody named any."""
    parties = () if case_no is None else await gateway.cases.parties(case_no)
    if case_no is None or not parties:
        return None
    return Interests(
        case_no, tuple(parties), await interests_of(gateway, parse_case_number(case_no))
    )


async def _collect(
    gateway: Gateway, wanted: Wanted, exhibits: dict[int, Exhibit]
) -> CollectedDeposit:
    found, search = await find_number(gateway, wanted.evidence_no)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    proof = (await prove(gateway, found, later=True)).proof
    if proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    if wanted.opening is not None:
        proof = opened(proof, wanted.opening)
    statement = found.placed.statement
    identity, declared, depositor = statement.statement_id, None, None
    record = await gateway.deposits.by_id(identity)
    if record is not None:
        for_court = wanted.place in exhibits  # Of its own case: also what is restricted.
        kept = await gateway.deposits.keepsake(
            identity, record.account, found.item_index, 1, for_court=for_court
        )
        if kept.openings:
            proof = replace(proof, opening=kept.openings[0])
        declared = await gateway.deposits.declared(identity, for_court=for_court)
        depositor = await _depositor(gateway, record.account)
    history = await history_of(gateway, statement)
    try:
        block = await gateway.log.block(proof.entry.height)
    except (Absent, CannotCheck) as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    around = await look_around(gateway, wanted.evidence_no, statement, proof, record)
    deposit = Deposit(format_proof(proof), _canonical(declared))
    exhibit = exhibits.get(wanted.place, Exhibit(wanted.place, wanted.evidence_no))
    return CollectedDeposit(exhibit, deposit, history, depositor, block.hash, around)


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
