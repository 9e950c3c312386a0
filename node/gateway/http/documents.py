"""Problem documents (RFC 9457): how every request that fails is answered.

In the language the client prefers; `type` is an address of this gateway that explains the problem.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route

from node.accounts.signed_request import SCHEME
from node.gateway.accounts.problems import AccountProblem
from node.gateway.bundles.problems import BundleProblem
from node.gateway.cases.problems import CaseProblem
from node.gateway.deposits.declared_problems import DeclaredProblem
from node.gateway.deposits.problems import DepositProblem
from node.gateway.events.problems import EventProblem
from node.gateway.http.invalid import describe
from node.gateway.http.language import language_of
from node.gateway.http.limit_problems import OperatingProblem
from node.gateway.http.problems import AnyProblem, Problem, ProblemError
from node.gateway.lookups.problems import VerifyProblem
from node.gateway.webhooks.problems import WebhookProblem
from node.offchain.engine import StoreFailed

AREAS: tuple[type[AnyProblem], ...] = (
    Problem,
    AccountProblem,
    DeclaredProblem,
    EventProblem,
    CaseProblem,
    DepositProblem,
    BundleProblem,
    OperatingProblem,
    VerifyProblem,
    WebhookProblem,
)
BY_NAME: Mapping[str, AnyProblem] = {each.name: each for area in AREAS for each in area}
"""Every problem; a name is one problem's alone, because clients know it by that."""
assert len(BY_NAME) == sum(len(area) for area in AREAS)

Refusal = Callable[[Request, AnyProblem], Awaitable[None]]

RETRY_AFTER_S = 1
"""A new leader is elected well within a second; asking sooner only adds load."""


def problem_response(
    request: Request,
    problem: AnyProblem,
    values: Mapping[str, object] | None = None,
    items: Sequence[tuple[int, str, Mapping[str, object]]] = (),
) -> Response:
    """The problem document, which is counted."""
    request.state.gateway.metrics.problem(problem.name)
    language = language_of(request)
    document: dict[str, object] = {
        "type": f"/problems/{problem.name}",
        "title": problem.title[language],
        "status": problem.status,
        "detail": problem.advice[language].format_map(values or {}),
        "code": problem.name,
    }
    if identity := getattr(request.state, "request_id", None):
        document["request_id"] = identity
    if problem.result is not None:
        document["result_code"] = problem.result.name
    if items:
        document["items"] = [
            {"index": index, "code": name, "detail": BY_NAME[name].advice[language].format_map(own)}
            for index, name, own in items
        ]
    headers = {
        "content-language": language,
        "vary": "accept-language",
        "cache-control": "no-store",  # What is not there now may be in a moment.
    }
    if problem.status == 401:
        headers["www-authenticate"] = f"Bearer, {SCHEME}"
    if problem.status == 503:
        headers["retry-after"] = str(RETRY_AFTER_S)
    if values and problem.status == 429:
        headers["retry-after"] = str(values["wait_s"])
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, problem.status, headers, media_type="application/problem+json")


def explain(problem: AnyProblem) -> dict[str, object]:
    """What `type` leads to: the problem in both languages, its placeholders unfilled."""
    return {
        "code": problem.name,
        "status": problem.status,
        "title": problem.title,
        "advice": problem.advice,
    }


def _allowed(request: Request, routers: Iterable[APIRouter]) -> str:
    """Every method of this address, whichever of its routes was asked first."""
    methods: set[str] = set()
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


def install(app: FastAPI, routers: Iterable[APIRouter], refusal: Refusal) -> None:
    """Let every way a request can fail end in a problem document; `refusal` hears of each 401 and
    403 before it is answered."""
    routers = tuple(routers)

    async def on_http(request: Request, error: Exception) -> Response:
        if isinstance(error, ProblemError):
            if error.problem.status in (401, 403):
                try:
                    await refusal(request, error.problem)
                except StoreFailed as failure:  # What is not recorded is not answered.
                    return await on_store(request, failure)
            return problem_response(request, error.problem, error.values, error.bad_items)
        status = error.status_code if isinstance(error, HTTPException) else 500
        by_status = {404: Problem.NOT_FOUND, 405: Problem.METHOD}
        response = problem_response(request, by_status.get(status, Problem.INTERNAL))
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        if status == 405 and (allowed := _allowed(request, routers)):
            response.headers["allow"] = allowed
        return response

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        name, values = describe(error.errors())
        return problem_response(request, Problem[name], values)

    async def on_gone(request: Request, _: Exception) -> Response:
        # Nobody reads this answer, but without it every client that hangs up would be logged.
        return problem_response(request, Problem.BODY_NOT_JSON, {"why": "the client hung up"})

    async def on_store(request: Request, _: Exception) -> Response:
        # What failed is in the log: the writer of the database wrote it there.
        return problem_response(request, Problem.DATABASE_UNAVAILABLE)

    async def on_bug(request: Request, _: Exception) -> Response:
        return problem_response(request, Problem.INTERNAL)

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(ClientDisconnect, on_gone)
    app.add_exception_handler(StoreFailed, on_store)
    app.add_exception_handler(Exception, on_bug)
