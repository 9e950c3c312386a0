"""Whether the gateway lives, whether deposits can become final, and what a problem means."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from node import member_pb2 as pb
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.documents import BY_NAME, explain
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.members.client import STATUS_TIMEOUT_S, CannotCheck
from node.gateway.operating.schemas import (
    HealthSummary,
    MemberHealth,
    ReadyAnswer,
    WitnessHealth,
)
from node.operating.health import KINDS

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process answers")
async def healthz() -> dict[str, str]:
    """Says nothing about the members or the database."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Deposits can become final now",
    response_model=ReadyAnswer,
    responses={503: {"model": ReadyAnswer}},
)
async def readyz(http: Request, _: Annotated[NoQuery, Query()]) -> Response:
    """200 if the database answers, a leader is known and a quorum of members can be reached, until
    this gateway is told to stop.

    `enrolled` does not decide: key records, this gateway's own among them, come in through it.
    """
    gateway = gateway_of(http)
    await gateway.store.check()
    statuses = await gateway.members.statuses(STATUS_TIMEOUT_S)
    leaders = [name for name, status in statuses.items() if status.role == "leader"]
    # The newest term is right when a leader that was cut off has not noticed yet.
    leader = max(leaders, key=lambda name: statuses[name].term, default=None)
    quorum = leader is not None and 2 * len(statuses) > len(gateway.members.names)
    draining = gateway.draining.is_set()
    ready = quorum and not draining
    value = ReadyAnswer(
        ready=ready,
        draining=draining,
        enrolled=await _enrolled(gateway, quorum),
        alarms=gateway.alarms.now(),
        leader=leader,
        members=[
            MemberHealth(
                member=name,
                role=status.role,
                height=status.applied,
                sealed_height=status.sealed_height,
                alarms=list(status.alarms),
                witnesses=[
                    WitnessHealth(name=each.name, size=each.size, time_s=each.time_s)
                    for each in status.witnesses
                ],
                health=_health(status),
            )
            for name, status in statuses.items()
        ],
        unreachable=[name for name in gateway.members.names if name not in statuses],
    )
    return answer(http, value, 200 if ready else 503)


def _health(status: pb.StatusResponse) -> HealthSummary | None:
    if not status.HasField("health") or status.health.kind not in KINDS:
        return None
    note = status.health
    return HealthSummary(
        serial=note.serial,
        kind=note.kind,  # type: ignore[arg-type]
        to_ms=note.to_ms,
        alarms=list(note.alarms),
    )


async def _enrolled(gateway: Gateway, quorum: bool) -> bool | None:
    """None where nobody knows; without a quorum nobody is asked, it would only take its time."""
    if gateway.own_key.enrolled or not quorum:
        return gateway.own_key.enrolled or None
    try:
        return await gateway.own_key.check()
    except CannotCheck:
        return None


@router.get(
    "/problems/{code}",
    summary="What a problem means and what to do",
    responses=problems(Problem.NOT_FOUND),
)
async def problem(code: str) -> JSONResponse:
    """Where the `type` of every problem document leads, in both languages."""
    if code not in BY_NAME:
        raise ProblemError(Problem.NOT_FOUND)
    return JSONResponse(explain(BY_NAME[code]))
