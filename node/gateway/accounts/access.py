"""Who is asking, and whether it may: the dependencies of every route that is not for everyone.

    authenticated       any account
    anybody             any account, or none
    Permit(scope)       an account whose credential has this scope
    Depositing, ...     the same, for what many routes ask for; they also judge what is missing

Every 401 and 403 to an account that is known is a line in the record of accesses (`refusal`), and
so is every access to what is not public, which a route says with `recorded` before it answers: what
is not recorded is not answered. Requests without a credential that counts are not recorded, there
is nobody to name and no end to them; they are counted (`metrics`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from node.accounts.account import Account, Missing
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.accounts.signed_request import EMPTY_BODY, SCHEME
from node.gateway.accounts.auth import Refused
from node.gateway.accounts.problems import AccountProblem
from node.gateway.gateway import gateway_of
from node.gateway.http.limits import rate_limited
from node.gateway.http.problems import AnyProblem, Problem, ProblemError
from node.offchain.accesses import Access
from node.offchain.columns import REFERENCE_LENGTH_MAX

UNAUTHENTICATED = (
    AccountProblem.API_KEY_MISSING,
    AccountProblem.API_KEY_UNKNOWN,
    AccountProblem.CERTIFICATE_NOT_REGISTERED,
    AccountProblem.KEY_NOT_REGISTERED,
    AccountProblem.SIGNED_BODY_DIFFERS,
    AccountProblem.SIGNED_REQUEST_INVALID,
    AccountProblem.SIGNED_REQUEST_REPEATED,
    AccountProblem.SIGNED_REQUEST_UNTIMELY,
    AccountProblem.ACCOUNT_NOT_ACTIVE,
    Problem.DATABASE_UNAVAILABLE,
)
"""What a route that asks for an account may answer."""
FORBIDDEN = (*UNAUTHENTICATED, AccountProblem.SCOPE_MISSING)
"""What a route that asks for a scope may answer."""
NOT_YET = (*FORBIDDEN, AccountProblem.REAL_NAME_REQUIRED, AccountProblem.CONSENT_REQUIRED)
"""What a route may answer that also asks for a verified account."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_REFUSALS: Mapping[AnyProblem, Action] = {
    AccountProblem.SCOPE_MISSING: Action.SCOPE_REFUSED,
    AccountProblem.REAL_NAME_REQUIRED: Action.NOT_YET_REFUSED,
    AccountProblem.CONSENT_REQUIRED: Action.NOT_YET_REFUSED,
}


class _Documented(SecurityBase):
    """What FastAPI documents of a dependency that asks for a credential; what the header must be is
    decided here. None of them depends on another: that would cost more than the question."""

    model = HTTPBearer()
    scheme_name = "API key"


class Authenticated(_Documented):
    """The account of a request; raises a problem without a good credential, or if it has asked too
    often."""

    async def __call__(self, request: Request) -> Account:
        return await _authenticate(request)


async def _authenticate(request: Request) -> Account:
    """Once for each request, whatever asks: it is one of the account's rate, and a signature works
    once."""
    before: Account | None = getattr(request.state, "authenticated", None)
    if before is not None:
        return before
    account, limits = await _known(_identify(request), request), gateway_of(request).limits
    request.state.account = account.id
    limits.give_back("" if request.client is None else request.client.host)
    if wait_s := limits.take_for_account(account.id):
        raise rate_limited(limits, "account", wait_s)
    request.state.authenticated = account
    return account


async def _known(identifying: Awaitable[Account], request: Request) -> Account:
    """The account; of one that is refused it is noted who it is, for `refusal`."""
    try:
        return await identifying
    except Refused as error:
        request.state.refused = error.account
        raise


async def _identify(request: Request) -> Account:
    authenticator = gateway_of(request).authenticator
    header = request.headers.get("authorization", "")
    scheme, _, api_key = header.partition(" ")
    if scheme.lower() == SCHEME.lower():
        signed = await authenticator.by_signature(
            header, request.method, _target(request), request.headers.get("idempotency-key")
        )
        if not _has_body(request) and signed.body != EMPTY_BODY:
            raise Refused(signed.account.id, AccountProblem.SIGNED_BODY_DIFFERS)
        request.state.signed_body = signed.body  # `bodies` compares it with what comes.
        return signed.account
    if not header and (shown := _shown(request)) is not None:
        return await authenticator.by_certificate(shown)
    if scheme.lower() != "bearer" or not api_key:
        raise ProblemError(AccountProblem.API_KEY_MISSING)
    return await authenticator.by_api_key(api_key)


class Anybody(_Documented):
    """The account of a request if it brings a credential at all, which then must be good. A
    certificate that is not registered is none here: browsers show what they have."""

    async def __call__(self, request: Request) -> Account | None:
        if "authorization" not in request.headers and _shown(request) is None:
            return None
        try:
            return await _authenticate(request)
        except ProblemError as error:
            if error.problem is AccountProblem.CERTIFICATE_NOT_REGISTERED:
                return None
            raise


class Permit(_Documented):
    """The account of a request whose credential has this scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Account:
        account = await _authenticate(request)
        if self._scope not in account.scopes:
            raise ProblemError(AccountProblem.SCOPE_MISSING, scope=self._scope.text)
        return account


class Depositing(Permit):
    """The account of a request that deposits."""

    async def __call__(self, request: Request) -> Account:
        return verified(await super().__call__(request))


class Auditing(Permit):
    """The account of a request that reads what all depositors deposited; it is recorded."""

    async def __call__(self, request: Request) -> Account:
        account = await super().__call__(request)
        await recorded(request, account, Action.LOG_READ, _line(request))
        return account


authenticated, anybody = Authenticated(), Anybody()
depositing, auditing = Depositing(Scope.DEPOSIT), Auditing(Scope.AUDIT)


def permitted(account: Account | None, scope: Scope) -> Account:
    """The account of a request that only who has this scope may make, where others may make it for
    something else."""
    if account is None:
        raise ProblemError(AccountProblem.API_KEY_MISSING)
    if scope not in account.scopes:
        raise ProblemError(AccountProblem.SCOPE_MISSING, scope=scope.text)
    return account


def exporting(account: Account) -> Account:
    """The account of a request that takes away what proves or opens a deposit."""
    if Scope.EXPORT not in account.scopes:
        raise ProblemError(AccountProblem.SCOPE_MISSING, scope=Scope.EXPORT.text)
    return verified(account)


def verified(account: Account) -> Account:
    """The account, if its identity is verified and it has agreed to the text in force."""
    match account.holder.missing:
        case Missing.IDENTITY:
            raise ProblemError(AccountProblem.REAL_NAME_REQUIRED)
        case Missing.CONSENT:
            raise ProblemError(AccountProblem.CONSENT_REQUIRED)
    return account


async def recorded(
    request: Request,
    account: Account | None,
    action: Action,
    about: str | None = None,
    *,
    allowed: bool = True,
) -> None:
    """Write a line of the record of accesses; returns once it is on disk."""
    if not allowed:
        request.state.refusal_recorded = True
    named = None if account is None else account.id
    await _record(request, named, action, about, allowed=allowed)


async def refusal(request: Request, problem: AnyProblem) -> None:
    """Write the line of a request that was refused, unless its route has written a better one, or
    nobody is known whom it could name."""
    account = getattr(request.state, "account", None) or getattr(request.state, "refused", None)
    if account is None or getattr(request.state, "refusal_recorded", False):
        return
    action, about = _REFUSALS.get(problem), _line(request)
    if action is None:
        action, about = Action.REQUEST_REFUSED, f"{problem.name} {about}"
    await _record(request, account, action, about[:REFERENCE_LENGTH_MAX], allowed=False)


async def _record(
    request: Request, account: str | None, action: Action, about: str | None, *, allowed: bool
) -> None:
    gateway, client = gateway_of(request), request.client
    access = Access(
        at_ms=gateway.clock(),
        account=account,
        action=action,
        object=about,
        allowed=allowed,
        request_id=getattr(request.state, "request_id", None),
        origin=None if client is None else f"{client.host} {client.port}",
    )
    await gateway.accesses.add(access)


def _shown(request: Request) -> str | None:
    """SHA-256 of the certificate that the client has shown, as `connections` says."""
    shown: str | None = getattr(request.state, "client_certificate", None)
    return shown


def _line(request: Request) -> str:
    """What was asked for, as the record of accesses tells it. A path may hold anything, also what
    a database would refuse."""
    path = _CONTROL.sub("\ufffd", request.scope["path"])
    return f"{request.method} {path}"[:REFERENCE_LENGTH_MAX]


def _target(request: Request) -> str:
    """Path and query as they stand in the request line."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
