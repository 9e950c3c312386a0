"""/v1/account/api-keys and /v1/account/keys: what lets an account's own programs in.

Nobody gets more by these routes than came with the request: a new key's scopes are among those of
the key that asks for it, and it lives no longer. What a key is is told in answer to one request
and, sealed, kept a day for its retries; then only its keyed digest is left.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.api_key import SIZE, format_api_key
from node.accounts.scopes import Scope, format_scopes
from node.accounts.signed_request import TIME_TOLERANCE_MS, account_key_message
from node.accounts.vocabulary import KeyKind
from node.evidence.keys import BadSignature, PublicKey, parse_public_key, parse_signature, verify
from node.evidence.malformed import Malformed
from node.evidence.sm2 import Sm2Missing
from node.gateway.accounts.access import FORBIDDEN, Permit, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.accounts.routes import BODY_PROBLEMS, scope_names, word
from node.gateway.accounts.schemas import (
    ACCOUNT_BODY_MAX,
    AccountKeyAnswer,
    AccountKeyRequest,
    AccountKeysAnswer,
    ApiKeyAnswer,
    ApiKeyRequest,
    ApiKeysAnswer,
    NewApiKeyAnswer,
    RotationRequest,
)
from node.gateway.deposits.answers import moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, once
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import Moment, NoQuery
from node.offchain.credentials import LIVE_MAX, AccountKey, ApiKey, KeyKnown, TooMany

router = APIRouter(tags=["accounts"])

Managing = Annotated[Account, Depends(Permit(Scope.ACCOUNT))]
Nothing = Annotated[NoQuery, Query()]
KeyId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the list tells it.")]

DAY_MS = 24 * 3600 * 1000

_BY_ID = (*FORBIDDEN, Problem.FIELD_INVALID, AccountProblem.CREDENTIAL_UNKNOWN)


@router.get(
    "/v1/account/api-keys",
    summary="The account's API keys",
    response_model=ApiKeysAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def get_api_keys(http: Request, account: Managing, _: Nothing) -> Response:
    """All it ever had; none of them is told again."""
    gateway = gateway_of(http)
    await recorded(http, account, Action.ACCOUNT_READ, account.id)
    keys = await gateway.credentials.api_keys(account.id)
    return answer(http, ApiKeysAnswer(keys=[_api_key(gateway, each) for each in keys]))


@router.post(
    "/v1/account/api-keys",
    summary="Make a further API key, of some of this key's scopes",
    response_model=NewApiKeyAnswer,
    status_code=201,
    responses={
        200: {"model": NewApiKeyAnswer},
        **problems(
            *FORBIDDEN,
            *BODY_PROBLEMS,
            *KEY_PROBLEMS,
            AccountProblem.EXPIRY_BEYOND,
            AccountProblem.SCOPES_BEYOND,
            AccountProblem.CREDENTIALS_MAX,
        ),
    },
    openapi_extra=json_body(ApiKeyRequest),
)
async def post_api_key(http: Request, account: Managing, key: Key, _: Nothing) -> Response:
    """For a service that needs less, or only for a time: without `expires_in_days` for as long as
    the key that asks, and never longer. The key is told to this request only."""
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ACCOUNT_BODY_MAX)
    asked = bodies.parse_json(ApiKeyRequest, body)
    return await once(http, account, key, body, lambda: _made(http, account, asked))


async def _made(http: Request, account: Account, asked: ApiKeyRequest) -> Response:
    gateway = gateway_of(http)
    scopes = frozenset(scope for scope in Scope if scope.text in asked.scopes)
    _check_within(scopes, account)
    await recorded(http, account, Action.API_KEY_MADE, account.id)
    now = gateway.clock()
    expires_ms = _end(account, now, asked.expires_in_days)
    api_key = format_api_key(secrets.token_bytes(SIZE))
    try:
        made = await gateway.credentials.add_api_key(
            account.id,
            gateway.authenticator.digest(api_key),
            scopes,
            now,
            expires_ms,
        )
    except TooMany as error:
        raise ProblemError(AccountProblem.CREDENTIALS_MAX, limit=LIVE_MAX) from error
    return answer(http, _new_api_key(gateway, made, api_key), 201)


@router.post(
    "/v1/account/api-keys/{key_id}/rotate",
    summary="Put a new API key in place of one",
    response_model=NewApiKeyAnswer,
    status_code=201,
    responses={
        200: {"model": NewApiKeyAnswer},
        **problems(
            *_BY_ID,
            *BODY_PROBLEMS,
            *KEY_PROBLEMS,
            AccountProblem.SCOPES_BEYOND,
            AccountProblem.CREDENTIALS_MAX,
        ),
    },
    openapi_extra=json_body(RotationRequest),
)
async def rotate_api_key(
    http: Request, account: Managing, key_id: KeyId, key: Key, _: Nothing
) -> Response:
    """Same scopes, same time until it expires, but no longer than the key that asks; the old key
    works on for `overlap_s` at most."""
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ACCOUNT_BODY_MAX)
    asked = bodies.parse_json(RotationRequest, body)
    return await once(http, account, key, body, lambda: _rotated(http, account, key_id, asked))


async def _rotated(
    http: Request, account: Account, key_id: str, asked: RotationRequest
) -> Response:
    gateway = gateway_of(http)
    old = [each for each in await gateway.credentials.api_keys(account.id) if each.id == key_id]
    if old:
        _check_within(old[0].scopes, account)
    await recorded(http, account, Action.API_KEY_ROTATED, key_id)
    now, api_key = gateway.clock(), format_api_key(secrets.token_bytes(SIZE))
    digest = gateway.authenticator.digest(api_key)
    try:
        made = await gateway.credentials.rotate(
            account.id, key_id, digest, now, now + asked.overlap_s * 1000, account.expires_ms
        )
    except TooMany as error:
        raise ProblemError(AccountProblem.CREDENTIALS_MAX, limit=2 * LIVE_MAX) from error
    if made is None:
        raise ProblemError(AccountProblem.CREDENTIAL_UNKNOWN)
    gateway.authenticator.forget(account.id)
    return answer(http, _new_api_key(gateway, made, api_key), 201)


@router.delete(
    "/v1/account/api-keys/{key_id}",
    summary="Revoke an API key",
    status_code=204,
    responses=problems(*_BY_ID, Problem.FIELD_UNKNOWN),
)
async def delete_api_key(http: Request, account: Managing, key_id: KeyId, _: Nothing) -> Response:
    """Here at once, at other gateways within 5 seconds. Also this request's own."""
    gateway = gateway_of(http)
    await recorded(http, account, Action.API_KEY_REVOKED, key_id)
    if not await gateway.credentials.revoke_api_key(account.id, key_id, gateway.clock()):
        raise ProblemError(AccountProblem.CREDENTIAL_UNKNOWN)
    gateway.authenticator.forget(account.id)
    return Response(status_code=204)


@router.get(
    "/v1/account/keys",
    summary="The keys the account signs requests with",
    response_model=AccountKeysAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def get_account_keys(http: Request, account: Managing, _: Nothing) -> Response:
    """All it ever registered."""
    await recorded(http, account, Action.ACCOUNT_READ, account.id)
    keys, language = await gateway_of(http).credentials.account_keys(account.id), language_of(http)
    return answer(http, AccountKeysAnswer(keys=[_account_key(each, language) for each in keys]))


@router.post(
    "/v1/account/keys",
    summary="Register a key to sign requests with",
    response_model=AccountKeyAnswer,
    status_code=201,
    responses={
        200: {"model": AccountKeyAnswer},
        **problems(
            *FORBIDDEN,
            *BODY_PROBLEMS,
            *KEY_PROBLEMS,
            Problem.KEY_SPELLING,
            Problem.SIGNATURE_WRONG,
            Problem.CANNOT_CHECK,
            AccountProblem.TOO_SOON_OR_LATE,
            AccountProblem.ACCOUNT_KEY_KNOWN,
            AccountProblem.CREDENTIALS_MAX,
        ),
    },
    openapi_extra=json_body(AccountKeyRequest),
)
async def post_account_key(http: Request, account: Managing, key: Key, _: Nothing) -> Response:
    """With a signature by the key itself: nobody registers another's. It may do what the key of
    this request may do, as long as that; registered again, if it ends, what that key may. Nothing
    comes onto the chain; for that a key is enrolled (/v1/keys)."""
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ACCOUNT_BODY_MAX)
    asked = bodies.parse_json(AccountKeyRequest, body)
    return await once(http, account, key, body, lambda: _registered(http, account, asked))


async def _registered(http: Request, account: Account, asked: AccountKeyRequest) -> Response:
    gateway = gateway_of(http)
    key = _possessed(gateway, account, asked)
    await recorded(http, account, Action.ACCOUNT_KEY_REGISTERED, account.id)
    try:
        made = await gateway.credentials.add_account_key(
            account.id,
            KeyKind.SIGNATURE,
            key.text,
            account.scopes,
            gateway.clock(),
            account.expires_ms,
        )
    except TooMany as error:
        raise ProblemError(AccountProblem.CREDENTIALS_MAX, limit=LIVE_MAX) from error
    except KeyKnown as error:
        raise ProblemError(AccountProblem.ACCOUNT_KEY_KNOWN) from error
    gateway.authenticator.forget(account.id)
    return answer(http, _account_key(made, language_of(http)), 201)


@router.delete(
    "/v1/account/keys/{key_id}",
    summary="Withdraw a key requests were signed with",
    status_code=204,
    responses=problems(*_BY_ID, Problem.FIELD_UNKNOWN),
)
async def delete_account_key(
    http: Request, account: Managing, key_id: KeyId, _: Nothing
) -> Response:
    """For good: a key once withdrawn is never registered again."""
    gateway = gateway_of(http)
    await recorded(http, account, Action.ACCOUNT_KEY_WITHDRAWN, key_id)
    if not await gateway.credentials.revoke_account_key(account.id, key_id, gateway.clock()):
        raise ProblemError(AccountProblem.CREDENTIAL_UNKNOWN)
    gateway.authenticator.forget(account.id)
    return Response(status_code=204)


def _possessed(gateway: Gateway, account: Account, asked: AccountKeyRequest) -> PublicKey:
    """The key, if whoever asks has it."""
    try:
        key, signature = parse_public_key(asked.key), parse_signature(asked.signature)
    except Malformed as error:
        raise ProblemError(Problem.KEY_SPELLING, why=error) from error
    now = gateway.clock()
    if abs(asked.time - now) > TIME_TOLERANCE_MS:
        raise ProblemError(AccountProblem.TOO_SOON_OR_LATE, now=now)
    try:
        verify(key, account_key_message(gateway.origin, account.id, key, asked.time), signature)
    except BadSignature as error:
        raise ProblemError(Problem.SIGNATURE_WRONG, why=error) from error
    except Sm2Missing as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    return key


def _check_within(scopes: frozenset[Scope], account: Account) -> None:
    if not scopes <= account.scopes:
        may = format_scopes(account.scopes)
        raise ProblemError(AccountProblem.SCOPES_BEYOND, scopes=may)


def _end(account: Account, now_ms: int, days: int | None) -> int | None:
    """When a key that this one makes ends."""
    if days is None:
        return account.expires_ms
    wanted = now_ms + days * DAY_MS
    if account.expires_ms is not None and wanted > account.expires_ms:
        raise ProblemError(AccountProblem.EXPIRY_BEYOND, ends=account.expires_ms)
    return wanted


def _moment(time_ms: int | None) -> Moment | None:
    return None if time_ms is None else moment(time_ms, "gateway")


def _api_key_values(gateway: Gateway, key: ApiKey) -> dict[str, object]:
    now, ends = gateway.clock(), (key.expires_ms, key.revoked_ms)
    return {
        "id": key.id,
        "scopes": scope_names(key.scopes),
        "created_at": moment(key.created_ms, "gateway"),
        "expires_at": _moment(key.expires_ms),
        "revoked_at": _moment(key.revoked_ms),
        "live": all(end is None or now < end for end in ends),
    }


def _api_key(gateway: Gateway, key: ApiKey) -> ApiKeyAnswer:
    return ApiKeyAnswer.model_validate(_api_key_values(gateway, key))


def _new_api_key(gateway: Gateway, key: ApiKey, text: str) -> NewApiKeyAnswer:
    return NewApiKeyAnswer.model_validate({**_api_key_values(gateway, key), "key": text})


def _account_key(key: AccountKey, language: Language) -> AccountKeyAnswer:
    return AccountKeyAnswer(
        id=key.id,
        kind=word(key.kind, language),
        key=key.value,
        scopes=scope_names(key.scopes),
        created_at=moment(key.created_ms, "gateway"),
        expires_at=_moment(key.expires_ms),
        revoked_at=_moment(key.revoked_ms),
    )
