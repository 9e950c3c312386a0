"""What all routes of bundles share: who may have one, what is told of it, how it is fetched.

A right is asked for anew for every request, and recorded: a right that was taken away takes away
the bundle too. The id of a bundle follows from who asks, what for, and the Idempotency-Key, so that
a retry finds the bundle that was asked for before.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from node.accounts.account import Account
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof
from node.gateway.bundles.making import opened
from node.gateway.bundles.problems import BundleProblem
from node.gateway.bundles.schemas import BundleAnswer
from node.gateway.deposits.answers import moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.language import language_of
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.lookups.finding import find_number, prove
from node.gateway.members.answers import Found
from node.offchain.bundles import (
    WAITING_MAX,
    BundleRecord,
    BundleState,
    TooManyWaiting,
    Wanted,
)

ID_LENGTH = 32
WAIT_S = 10
"""Until some of what waits is made, and more can be asked for."""


async def found_number(gateway: Gateway, number: str) -> Found:
    """The deposit of this number."""
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    return found


async def final(gateway: Gateway, found: Found) -> Proof:
    """Its proof, once it is FINAL."""
    proof = (await prove(gateway, found)).proof
    if proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    return proof


def wanted(place: int, found: Found, proof: Proof, openings: Mapping[str, str]) -> Wanted:
    """The deposit under this exhibit number, with the opening that was sent for it, if any."""
    number, identity = proof.number, found.placed.statement.statement_id
    sent = openings.get(number)
    if sent is None:
        return Wanted(place, number, identity)
    opening = sent.encode()
    try:
        opened(proof, opening)
    except Malformed as error:
        raise ProblemError(BundleProblem.BUNDLE_OPENING_OTHER, number=number) from error
    return Wanted(place, number, identity, opening)


def check_openings(openings: Iterable[str], numbers: Sequence[str]) -> None:
    """None of them is of a deposit that was not asked for."""
    for number in sorted(set(openings) - set(numbers)):
        raise ProblemError(BundleProblem.BUNDLE_OPENING_OTHER, number=number)


def account_digest(account: Account) -> bytes:
    """Who asks, for `bundle_id`."""
    return f"account {account.id}".encode()


def bundle_id(by: bytes, what: str, key: str) -> str:
    """The id of what is asked for under this key; of a code, `by` is a keyed digest."""
    digest = hashlib.sha256()
    for part in (by, what.encode(), key.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()[:ID_LENGTH]


async def ask(
    gateway: Gateway,
    bundle_id: str,
    account: str | None,
    wanted: Sequence[Wanted],
    case_no: str | None = None,
) -> BundleRecord:
    """The bundle of this id, which waits to be made if it is new."""
    now_ms = gateway.clock()
    try:
        return await gateway.bundles.ask(bundle_id, account, wanted, now_ms, case_no)
    except TooManyWaiting as error:
        raise ProblemError(
            BundleProblem.BUNDLES_WAITING, limit=WAITING_MAX, wait_s=WAIT_S
        ) from error


def told(http: Request, record: BundleRecord, path: str) -> BundleAnswer:
    """How far it has come; `path` is where it is asked for."""
    language = language_of(http)
    return BundleAnswer(
        bundle_id=record.id,
        evidence_no=record.evidence_no,
        case_no=record.case_no,
        deposits=len(record.deposits),
        collected=record.collected,
        state=record.state.name,  # type: ignore[arg-type]
        state_text=getattr(record.state, language),
        problem=record.why,
        name=record.name,
        size=record.size,
        asked_at=moment(record.asked_ms, "gateway"),
        expires_at=moment(record.expires_ms, "gateway"),
        download=f"{path}/archive" if record.state is BundleState.READY else None,
    )


def archive_of(http: Request, record: BundleRecord) -> Response:
    """Its bytes, which never are in memory whole."""
    if record.state is not BundleState.READY:
        raise ProblemError(BundleProblem.BUNDLE_NOT_READY)
    return StreamingResponse(
        _parts(gateway_of(http), record),
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{record.name}.zip"',
            "content-length": str(record.size),
        },
        media_type="application/zip",
    )


async def _parts(gateway: Gateway, record: BundleRecord) -> AsyncIterator[bytes]:
    place = 0
    while (part := await gateway.bundles.part(record, place)) is not None:
        yield part
        place += 1
