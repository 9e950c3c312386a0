"""/v1/account: the account of the request, and what it has agreed to. /v1/consent: the text.

What is shown of a person is shortened, also to its owner: a key in wrong hands tells no number.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account, Missing
from node.accounts.action import Action
from node.accounts.consent import IN_FORCE, ConsentScope
from node.accounts.identity import mask_id_no, mask_name
from node.accounts.scopes import Scope
from node.accounts.vocabulary import Role, SubmitterType
from node.gateway.accounts.access import FORBIDDEN, Permit, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.accounts.schemas import (
    ACCOUNT_BODY_MAX,
    AccountAnswer,
    ConsentAnswer,
    ConsentRequest,
    ConsentsAnswer,
    ConsentTextAnswer,
    IdentityAnswer,
    OfficerAnswer,
    Word,
)
from node.gateway.deposits.answers import moment
from node.gateway.gateway import gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, once
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.offchain.accounts import AccountRecord, Consent
from node.words import Bilingual

router = APIRouter(tags=["accounts"])

Managing = Annotated[Account, Depends(Permit(Scope.ACCOUNT))]
Nothing = Annotated[NoQuery, Query()]

BODY_PROBLEMS = (
    Problem.MEDIA_TYPE,
    Problem.BODY_TOO_LARGE,
    Problem.BODY_NOT_JSON,
    Problem.FIELD_INVALID,
    Problem.FIELD_MISSING,
    Problem.FIELD_UNKNOWN,
    Problem.FIELD_REPEATED,
)
"""What a route that reads a small JSON body may answer."""

_MISSING = {
    Missing.IDENTITY: AccountProblem.REAL_NAME_REQUIRED,
    Missing.CONSENT: AccountProblem.CONSENT_REQUIRED,
}


@router.get(
    "/v1/account",
    summary="Whose account this is, what it may do and what it lacks",
    response_model=AccountAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def get_account(http: Request, account: Managing, _: Nothing) -> Response:
    """The account, its identity as far as it is shown, its roles and consents."""
    await recorded(http, account, Action.ACCOUNT_READ, account.id)
    record, language = await gateway_of(http).accounts.find(account.id), language_of(http)
    holder = record.holder
    value = AccountAnswer(
        account=account.id,
        submitter_type=word(holder.submitter_type, language),
        status=word(holder.status, language),
        roles=[word(role, language) for role in Role if role in holder.roles],
        courts=sorted(holder.courts),
        identity=_identity(record, language),
        consents=[_consent(each, language) for each in record.consents],
        missing=None if holder.missing is None else _MISSING[holder.missing].name,
        credential=account.credential,
        scopes=scope_names(account.scopes),
    )
    return answer(http, value)


@router.get(
    "/v1/consent",
    summary="The consent text in force",
    response_model=ConsentTextAnswer,
    responses=problems(Problem.FIELD_UNKNOWN),
)
async def get_consent_text(http: Request, _: Nothing) -> Response:
    """For everybody, in both languages; what is agreed to are exactly these bytes."""
    officer = gateway_of(http).data_protection_officer
    value = ConsentTextAnswer(
        version=IN_FORCE.version,
        digest=IN_FORCE.digest.hex(),
        scope=word(IN_FORCE.scope, language_of(http)),
        document=IN_FORCE.document.decode(),
        data_protection_officer=None
        if officer is None
        else OfficerAnswer(name=officer.name, contact=officer.contact),
    )
    return answer(http, value)


@router.post(
    "/v1/account/consents",
    summary="Agree to the consent text in force",
    response_model=ConsentsAnswer,
    status_code=201,
    responses={
        200: {"model": ConsentsAnswer},
        **problems(*FORBIDDEN, *BODY_PROBLEMS, *KEY_PROBLEMS, AccountProblem.CONSENT_OTHER_TEXT),
    },
    openapi_extra=json_body(ConsentRequest),
)
async def post_consent(http: Request, account: Managing, key: Key, _: Nothing) -> Response:
    """Agreeing twice is agreeing once; the first time counts. A retry undoes no withdrawal."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ACCOUNT_BODY_MAX)
    asked = bodies.parse_json(ConsentRequest, body)

    async def agree() -> Response:
        if (asked.version, asked.digest) != (IN_FORCE.version, IN_FORCE.digest.hex()):
            raise ProblemError(AccountProblem.CONSENT_OTHER_TEXT, version=IN_FORCE.version)
        await recorded(http, account, Action.CONSENT_GIVEN, account.id)
        await gateway.accounts.agree(account.id, IN_FORCE, gateway.clock())
        gateway.authenticator.forget(account.id)
        return await _consents(http, account, 201)

    return await once(http, account, key, body, agree)


@router.delete(
    "/v1/account/consents",
    summary="Withdraw every consent",
    response_model=ConsentsAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def delete_consents(http: Request, account: Managing, _: Nothing) -> Response:
    """From now on nothing new is deposited or exported; what was done before stays valid."""
    gateway = gateway_of(http)
    await recorded(http, account, Action.CONSENT_WITHDRAWN, account.id)
    await gateway.accounts.withdraw(account.id, gateway.clock())
    gateway.authenticator.forget(account.id)
    return await _consents(http, account, 200)


def word(term: Bilingual, language: Language) -> Word:
    """A word of ours, for programs and for people."""
    return Word(code=term.name, text=term.zh if language == "zh" else term.en)


def scope_names(scopes: frozenset[Scope]) -> list[str]:
    """Scopes as they are spelled in requests, in their order."""
    return [scope.text for scope in Scope if scope in scopes]


async def _consents(http: Request, account: Account, status: int) -> Response:
    record, language = await gateway_of(http).accounts.find(account.id), language_of(http)
    value = ConsentsAnswer(consents=[_consent(each, language) for each in record.consents])
    return answer(http, value, status)


def _consent(consent: Consent, language: Language) -> ConsentAnswer:
    withdrawn = consent.withdrawn_ms
    return ConsentAnswer(
        version=consent.text_version,
        digest=consent.text_digest.hex(),
        scope=word(ConsentScope[consent.scope], language),
        given_at=moment(consent.given_ms, "gateway"),
        withdrawn_at=None if withdrawn is None else moment(withdrawn, "gateway"),
        in_force=withdrawn is None and consent.text_digest == IN_FORCE.digest,
    )


def _identity(record: AccountRecord, language: Language) -> IdentityAnswer | None:
    if (identity := record.identity) is None:
        return None
    proof = record.proofs[0]
    person = record.holder.submitter_type is SubmitterType.NATURAL_PERSON
    return IdentityAnswer(
        name=mask_name(identity.name) if person else identity.name,
        id_type=word(identity.id_type, language),
        id_no=mask_id_no(identity.id_no),
        verified=proof.passed,
        method=word(proof.method, language),
        provider=proof.provider,
        verified_at=moment(proof.verified_ms, "gateway"),
    )
