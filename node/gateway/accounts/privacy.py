"""GET /v1/privacy/fields: what is kept off the chain, what for, and for how long."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field
from starlette.responses import Response

from node.gateway.http.language import language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.offchain.schema import published_fields

router = APIRouter(tags=["privacy"])


class FieldAnswer(BaseModel):
    """One field that is stored."""

    table: str
    field: str
    data_class: str = Field(
        description="L1 public, L2 internal, L3 personal (encrypted), L4 secret (encrypted)."
    )
    purpose: str
    retention: str = Field(
        description="SHORT 24 hours after settling or asking, LOG 400 days, ACCOUNT as long as the "
        "account and five years, DEPOSIT as long as the deposit is kept for its owner or until "
        "erased, PERMANENT."
    )


class FieldsAnswer(BaseModel):
    """Every field of the off-chain database; the chain holds digests and salted digests only."""

    fields: list[FieldAnswer]


@router.get(
    "/v1/privacy/fields",
    summary="Every stored field: its class, purpose and retention",
    response_model=FieldsAnswer,
    responses=problems(Problem.FIELD_UNKNOWN),
)
async def list_fields(http: HttpRequest, _: Annotated[NoQuery, Query()]) -> Response:
    """For everybody (个人信息保护法 Art. 17); it is made from the tables themselves."""
    language = language_of(http)
    fields = [
        FieldAnswer(
            table=each.table,
            field=each.name,
            data_class=each.facts.data_class.value,
            purpose=getattr(each.facts.purpose, language),
            retention=each.facts.retention.value,
        )
        for each in published_fields()
    ]
    return answer(http, FieldsAnswer(fields=fields))
