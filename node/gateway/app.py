"""The web application of a gateway: its routes, its problems, its OpenAPI document.

The app owns nothing: whoever makes a `Gateway` runs it (`server.run_gateway`, or a test) for as
long as the app is served, so that a task that fails ends the process instead of a request. Routes
know of no gateway before a request brings one, so they are made once in a process.
"""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Receive, Scope, Send

from node.gateway.accounts import accesses, privacy
from node.gateway.accounts import keys as account_keys
from node.gateway.accounts import routes as accounts
from node.gateway.accounts.access import refusal
from node.gateway.bundles import routes as bundles
from node.gateway.bundles import several
from node.gateway.cases import court_receipts, parties
from node.gateway.cases import routes as cases
from node.gateway.deposits import anchors, courses, extraction, source_profiles
from node.gateway.deposits import listing as deposits
from node.gateway.events import erasing
from node.gateway.events import routes as events
from node.gateway.gateway import Gateway
from node.gateway.http import documents, openapi
from node.gateway.http.door import Door
from node.gateway.log import blocks, enrolments, policy_changes, tilelog
from node.gateway.lookups import numbers as lookups
from node.gateway.lookups import searching, verifying
from node.gateway.operating import health, health_windows
from node.gateway.timestamps import routes as timestamps
from node.gateway.webhooks import routes as webhooks

_ROUTED = (
    anchors,
    events,
    erasing,
    deposits,
    extraction,
    searching,
    verifying,
    enrolments,
    policy_changes,
    lookups,
    timestamps,
    bundles,
    several,
    blocks,
    tilelog,
    health,
    health_windows,
    accounts,
    account_keys,
    accesses,
    courses,
    source_profiles,
    cases,
    parties,
    court_receipts,
    privacy,
    webhooks,
)

API_VERSION = "1.0.0"
"""Of the interface, not of the software: raised when a client would have to change."""


def create_app(gateway: Gateway) -> ASGIApp:
    """The application that serves this gateway."""
    served = routes()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["gateway"] = gateway
        await served(scope, receive, send)

    return serve


@cache
def routes() -> FastAPI:
    """What is the same for every gateway: where what is answered, and the document about it."""
    # The page at /docs comes with its scripts: courts' networks reach no content network.
    app = FastAPIOffline(
        title="cunzheng 存证 gateway",
        summary="Deposit digests of electronic evidence, look deposits up, fetch their proofs.",
        version=API_VERSION,
        redoc_url=None,
        static_url="/docs/static",
        redirect_slashes=False,
    )
    for module in _ROUTED:
        app.include_router(module.router)
    documents.install(app, (module.router for module in _ROUTED), refusal)
    openapi.install(app)
    app.add_middleware(Door)
    return app
