"""/v1/matters/{matter_id} and /v1/series/{series}: deposits in order, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.scopes import Scope
from node.casework.gaps import missing_numbers, missing_phases, repeated_numbers
from node.casework.vocabulary import Phase
from node.evidence.spelling import INTEGER_MAX
from node.evidence.statement import receipt_number
from node.gateway.accounts.access import FORBIDDEN, Permit
from node.gateway.deposits.answers import moment, state_words
from node.gateway.gateway import gateway_of
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem
from node.gateway.http.responses import answer
from node.gateway.http.schemas import Hex64, Moment, NoQuery, Reference, StateName
from node.offchain.courses import READ_MAX
from node.offchain.deposit_values import DepositRecord
from node.words import State

router = APIRouter(tags=["matters and series"])

Reader = Annotated[Account, Depends(Permit(Scope.READ))]
Nothing = Annotated[NoQuery, Query()]


class Step(BaseModel):
    """A deposit in its place."""

    statement_id: str
    receipt_no: str
    state: StateName
    state_text: str
    received_at: Moment
    first_evidence_no: str | None = None
    height: int | None = None
    count: int
    category: str
    client_ref: str | None = None
    phase: str | None = None
    phase_text: str | None = None
    seq: int | None = None


class MatterAnswer(BaseModel):
    """A matter (事务) of the account."""

    matter_id: str
    deposits: list[Step] = Field(description="The oldest first.")
    complete: bool = Field(description="False if there are more than could be listed.")
    missing_phases: list[str] = Field(
        description="Phases before the furthest one of which nothing is deposited."
    )


class Gap(BaseModel):
    """Numbers, from and to, of which there is no deposit."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: int = Field(serialization_alias="from")
    last: int = Field(serialization_alias="to")


class SeriesAnswer(BaseModel):
    """A series of the account, from one number on."""

    series: str
    deposits: list[Step] = Field(description="In the order of their numbers.")
    missing: list[Gap] = Field(description="Numbers missing among those listed.")
    repeated: list[int] = Field(description="Numbers under which there are several statements.")
    next: int | None = Field(None, description="Ask again from this number; absent at the end.")


class SeriesQuery(BaseModel):
    """From which number on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int = Field(0, alias="from", ge=0, le=INTEGER_MAX)


@router.get(
    "/v1/matters/{matter_id:path}",
    summary="The deposits of a matter, and the phases that are missing",
    response_model=MatterAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN),
)
async def get_matter(
    http: HttpRequest,
    account: Reader,
    matter_id: Annotated[Reference, PathParameter()],
    _: Nothing,
) -> Response:
    """Of the account alone; a matter nobody deposited anything under is empty."""
    records = await gateway_of(http).courses.matter(account.id, matter_id)
    standing = _standing(records)
    phases = {Phase[each.filing.phase] for each in standing if each.filing.phase is not None}
    value = MatterAnswer(
        matter_id=matter_id,
        deposits=_steps(records, language_of(http)),
        complete=len(records) < READ_MAX,
        missing_phases=[phase.name for phase in missing_phases(phases)],
    )
    return answer(http, value)


@router.get(
    "/v1/series/{series}",
    summary="The deposits of a series, and the numbers that are missing",
    response_model=SeriesAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN),
)
async def get_series(
    http: HttpRequest,
    account: Reader,
    series: Annotated[Hex64, PathParameter()],
    query: Annotated[SeriesQuery, Query()],
) -> Response:
    """Of the account alone. A number whose statement failed is missing until it is deposited."""
    courses = gateway_of(http).courses
    records = await courses.series(account.id, bytes.fromhex(series), query.first)
    numbers = [each.filing.series_seq or 0 for each in _standing(records)]
    full = len(records) == READ_MAX
    value = SeriesAnswer(
        series=series,
        deposits=_steps(records, language_of(http)),
        missing=[
            Gap(first=first, last=last) for first, last in missing_numbers(numbers, query.first)
        ],
        repeated=repeated_numbers(numbers),
        next=(records[-1].filing.series_seq or 0) + 1 if full else None,
    )
    return answer(http, value)


def _standing(records: Sequence[DepositRecord]) -> list[DepositRecord]:
    return [each for each in records if each.state is not State.FAILED]


def _steps(records: Sequence[DepositRecord], language: Language) -> list[Step]:
    return [
        Step(
            statement_id=each.statement_id.hex(),
            receipt_no=receipt_number(each.statement_id),
            **state_words(each.state, language),
            received_at=moment(each.received_ms, "gateway"),
            first_evidence_no=each.number(),
            height=None if each.standing is None else each.standing.height,
            count=each.count,
            category=each.category,
            client_ref=each.filing.client_ref,
            phase=each.filing.phase,
            phase_text=each.filing.phase and getattr(Phase[each.filing.phase], language),
            seq=each.filing.series_seq,
        )
        for each in records
    ]
