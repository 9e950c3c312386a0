"""Who is asking: the dependency of every route that is not for everyone."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from node.gateway.auth import Account
from node.gateway.gateway import gateway_of
from node.gateway.problems import Problem, ProblemError

# Only documents the scheme; what the header must be is decided in `auth`.
_bearer = HTTPBearer(auto_error=False, scheme_name="API key")


async def authenticated(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Account:
    """The account of this request; raises a problem without a good API key."""
    return gateway_of(request).api_keys.authenticate(request.headers.get("authorization"))


async def depositing(account: Annotated[Account, Depends(authenticated)]) -> Account:
    """The account of a request that deposits; an auditor's key only reads."""
    if account.auditor:
        raise ProblemError(Problem.API_KEY_SCOPE)
    return account


async def auditing(account: Annotated[Account, Depends(authenticated)]) -> Account:
    """The account of a request that reads what all depositors deposited."""
    if not account.auditor:
        raise ProblemError(Problem.API_KEY_SCOPE)
    return account
