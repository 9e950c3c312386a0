"""/v1/source-profiles: where a system's records come from, registered once and named by digest."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.casework.source_profile import SourceProfile
from node.gateway.accounts.access import FORBIDDEN, NOT_YET, Permit, depositing, recorded
from node.gateway.deposits.answers import moment
from node.gateway.deposits.declared import Text
from node.gateway.deposits.declared_problems import DeclaredProblem
from node.gateway.gateway import gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import KEY_PROBLEMS, Key, once
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import Hex64, Moment, NoQuery
from node.offchain.source_profiles import PROFILES_MAX, RegisteredProfile, TooManyProfiles

BODY_MAX = 65_536

router = APIRouter(tags=["source profiles"])

Depositor = Annotated[Account, Depends(depositing)]
Reader = Annotated[Account, Depends(Permit(Scope.READ))]
Nothing = Annotated[NoQuery, Query()]
Digest = Annotated[Hex64, PathParameter()]


class SourceProfileRequest(BaseModel):
    """What the depositor states of a system and its records. A salt is added."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    system: Text = Field(description="The system of record.")
    process: Text = Field(description="The business process in which the records arise.")
    operator: Text = Field(description="Who runs the system.")
    clock_source: Text = Field(description="Whose clock the records follow.")
    business_course: Text | None = Field(
        None, description="How such records arise in the normal course of business."
    )
    retention: Text | None = Field(None, description="How long the system keeps them.")


class SourceProfileAnswer(BaseModel):
    """A registered profile; `digest` is what deposits name in `profile`."""

    digest: str
    fields: dict[str, str] | None = Field(
        None, description="With their salt. Absent once they were erased."
    )
    registered_at: Moment
    withdrawn_at: Moment | None = None


class SourceProfilesAnswer(BaseModel):
    """All profiles of the account, the oldest first."""

    profiles: list[SourceProfileAnswer]


@router.post(
    "/v1/source-profiles",
    summary="Register a source profile",
    response_model=SourceProfileAnswer,
    status_code=201,
    responses={
        200: {"model": SourceProfileAnswer},
        **problems(
            *NOT_YET,
            Problem.MEDIA_TYPE,
            Problem.BODY_TOO_LARGE,
            Problem.BODY_NOT_JSON,
            Problem.FIELD_INVALID,
            Problem.FIELD_MISSING,
            Problem.FIELD_UNKNOWN,
            Problem.FIELD_REPEATED,
            *KEY_PROBLEMS,
            DeclaredProblem.PROFILES_MAX,
        ),
    },
    openapi_extra=json_body(SourceProfileRequest),
)
async def register_profile(http: HttpRequest, account: Depositor, key: Key, _: Nothing) -> Response:
    """201, or 200 for a retry or if the account registered the same under another key."""
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, BODY_MAX)
    asked = bodies.parse_json(SourceProfileRequest, body)
    profile = SourceProfile(**asked.model_dump())
    return await once(http, account, key, body, lambda: _registered(http, account, profile))


async def _registered(http: HttpRequest, account: Account, profile: SourceProfile) -> Response:
    gateway = gateway_of(http)
    try:
        digest, new = await gateway.profiles.register(account.id, profile, gateway.clock())
    except TooManyProfiles as error:
        limit = f"{PROFILES_MAX:,}"
        raise ProblemError(DeclaredProblem.PROFILES_MAX, limit=limit) from error
    await recorded(http, account, Action.SOURCE_PROFILE_REGISTERED, digest.hex())
    for each in await gateway.profiles.listed(account.id):
        if each.digest == digest:
            return answer(http, _value(each), 201 if new else 200)
    raise AssertionError("profiles are never deleted")


@router.get(
    "/v1/source-profiles",
    summary="The account's source profiles",
    response_model=SourceProfilesAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def list_profiles(http: HttpRequest, account: Reader, _: Nothing) -> Response:
    """All of them, the withdrawn ones too: statements that name them stand."""
    found = await gateway_of(http).profiles.listed(account.id)
    return answer(http, SourceProfilesAnswer(profiles=[_value(each) for each in found]))


@router.delete(
    "/v1/source-profiles/{digest}",
    summary="Withdraw a source profile",
    status_code=204,
    responses=problems(*FORBIDDEN, Problem.FIELD_INVALID, DeclaredProblem.PROFILE_NOT_FOUND),
)
async def withdraw_profile(
    http: HttpRequest,
    account: Annotated[Account, Depends(Permit(Scope.DEPOSIT))],
    digest: Digest,
    _: Nothing,
) -> Response:
    """New deposits cannot name it any more; registering it again brings it back."""
    gateway = gateway_of(http)
    if not await gateway.profiles.withdraw(account.id, bytes.fromhex(digest), gateway.clock()):
        raise ProblemError(DeclaredProblem.PROFILE_NOT_FOUND)
    await recorded(http, account, Action.SOURCE_PROFILE_WITHDRAWN, digest)
    return Response(status_code=204)


def _value(profile: RegisteredProfile) -> SourceProfileAnswer:
    more: dict[str, Any] = {}
    if profile.withdrawn_ms is not None:
        more["withdrawn_at"] = moment(profile.withdrawn_ms, "gateway")
    return SourceProfileAnswer(
        digest=profile.digest.hex(),
        fields=profile.fields,
        registered_at=moment(profile.registered_ms, "gateway"),
        **more,
    )
