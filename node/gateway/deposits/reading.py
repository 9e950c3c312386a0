"""Who may read more of a deposit than its number tells: one rule, for proofs and openings alike.

    owner    the account that deposited it here
    court    a clerk or judge of a court that has a case it is an exhibit of
    code     whoever sends the header `Extraction-Code` with a live code of its number
    auditor  proofs only, in public form: it reads the entries they are made of anyway

Proofs and openings are exported: owner and court need the scope `export` too, and an account whose
identity is verified (网络安全法 Art. 24). What is read is a line in the record of accesses before
it is answered, and so is a refusal, unless there is nobody to name.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Annotated

from fastapi import Depends, Header, Request

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.gateway.accounts.access import NOT_YET, anybody, exporting, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.deposits.problems import DepositProblem
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.problems import ProblemError
from node.vault.codes import parse_code

CODE_TEXT_MAX = 40
"""A code as people type it, with room for spaces and hyphens."""

REFUSALS = (
    *NOT_YET,
    DepositProblem.READING_REFUSED,
    DepositProblem.EXTRACTION_CODE_REFUSED,
)
"""What a route that asks `admit` may answer."""

CodeHeader = Annotated[
    str | None,
    Header(
        alias="Extraction-Code",
        max_length=CODE_TEXT_MAX,
        description="The depositor's extraction code (提取码) for this evidence number.",
    ),
]
Reader = Annotated[Account | None, Depends(anybody)]


class Right(Enum):
    """Why somebody may read a deposit."""

    OWNER = auto()
    COURT = auto()
    CODE = auto()
    AUDITOR = auto()


async def admit(
    http: Request,
    account: Account | None,
    code: str | None,
    statement_id: bytes,
    number: str,
    action: Action,
) -> Right:
    """By what right this request exports from the deposit of this number; recorded, or refused."""
    if account is not None:
        right = await account_right(gateway_of(http), account, statement_id, number, action)
        if right in (Right.OWNER, Right.COURT):
            exporting(account)
    right = await right_of(http, account, code, statement_id, number, action)
    if right is not None:
        return right
    if account is not None:
        await recorded(http, account, action, number, allowed=False)
    if code is not None:
        raise ProblemError(DepositProblem.EXTRACTION_CODE_REFUSED)
    if account is None:
        raise ProblemError(AccountProblem.API_KEY_MISSING)
    raise ProblemError(DepositProblem.READING_REFUSED)


async def right_of(
    http: Request,
    account: Account | None,
    code: str | None,
    statement_id: bytes,
    number: str,
    action: Action,
) -> Right | None:
    """The same, recorded, for what is told without any right too, and then says less."""
    gateway = gateway_of(http)
    if account is not None:
        right = await account_right(gateway, account, statement_id, number, action)
        if right is not None:
            await recorded(http, account, action, number)
            return right
    if code is not None and (code_id := await _opened(gateway, code, number)):
        await recorded(http, account, action, f"{number} code {code_id}")
        return Right.CODE
    return None


async def account_right(
    gateway: Gateway, account: Account, statement_id: bytes, number: str, action: Action
) -> Right | None:
    """The same for an account and without a line in the record, which who asks writes."""
    if Scope.READ in account.scopes:
        deposit = await gateway.deposits.by_id(statement_id)
        if deposit is not None and deposit.account == account.id:
            return Right.OWNER
    if Scope.AUDIT in account.scopes and action is Action.PROOF_READ:
        return Right.AUDITOR
    courts = account.holder.courts
    if Scope.CASES in account.scopes and courts and await gateway.readers.linked(number, courts):
        return Right.COURT
    return None


async def _opened(gateway: Gateway, text: str, number: str) -> str | None:
    code = parse_code(text)
    if code is None:
        return None
    blind = gateway.codes.stored(number, code)
    return await gateway.readers.opens(number, blind, gateway.clock())
