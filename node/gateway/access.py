"""Who is asking: the dependency of every route that is not for everyone."""

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from node.gateway.auth import Account
from node.gateway.gateway import gateway_of

# Only documents the scheme; what the header must be is decided in `auth`.
_bearer = HTTPBearer(auto_error=False, scheme_name="API key")


async def authenticated(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Account:
    """The account of this request; raises a problem without a good API key."""
    return gateway_of(request).api_keys.authenticate(request.headers.get("authorization"))
