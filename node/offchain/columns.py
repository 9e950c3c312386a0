"""What every column must say of itself: which class of data it holds, why, and for how long.

The classes follow 网络安全法 Art. 23(四) (data is classified, what matters is backed up and
encrypted) and the retention times the longest of what several statutes ask for. A column without
them cannot be made, so that what `GET /v1/privacy/fields` publishes is complete by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String


class DataClass(Enum):
    """How sensitive a column is, and what follows from it."""

    L1 = "L1"
    """Public: what anybody may read on the chain or in a registry."""
    L2 = "L2"
    """Internal: digests, salted digests, identifiers and states that name nobody by themselves."""
    L3 = "L3"
    """Personal data: only as ciphertext, under a key that can be destroyed."""
    L4 = "L4"
    """Secrets and what opens deposits: only as ciphertext or as a keyed digest."""


class Retention(Enum):
    """When a value is deleted."""

    SHORT = "SHORT"
    """24 hours after the deposit is settled, or the request came."""
    LOG = "LOG"
    """400 days; the law asks for six months at least (网络安全法 Art. 23)."""
    ACCOUNT = "ACCOUNT"
    """As long as the account, then five years (电子签名法 Art. 24)."""
    DEPOSIT = "DEPOSIT"
    """As long as the deposit is kept for its owner, or until it is erased at its owner's wish."""
    PERMANENT = "PERMANENT"
    """The life of the system: what the chain says publicly anyway."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a column is for, in one sentence each."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What is published of a column."""

    data_class: DataClass
    retention: Retention
    purpose: Purpose


ACCOUNT_LENGTH_MAX = 64
CODE_LENGTH_MAX = 64
"""Of a word of our own vocabulary, such as a role or a state."""
REFERENCE_LENGTH_MAX = 128
"""Of what a client calls its own things."""
EVIDENCE_NO_LENGTH_MAX = 25
USCC_LENGTH = 18

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables; a constraint's name is made the same way in every database."""

_KEY = "facts"


def kept(
    data_class: DataClass, retention: Retention, zh: str, en: str, *arguments: Any, **options: Any
) -> Column[Any]:
    """A column that says what it is for; `arguments` and `options` are SQLAlchemy's."""
    facts = FieldFacts(data_class, retention, Purpose(zh, en))
    return Column(*arguments, info={_KEY: facts}, **options)


def facts_of(column: Column[Any]) -> FieldFacts:
    """What `kept` was told; a column made otherwise is a bug."""
    facts = column.info.get(_KEY)
    assert isinstance(facts, FieldFacts), f"{column}: no data class"
    return facts


# Columns that many tables have.


def account(
    retention: Retention, *arguments: Any, name: str = "account", **options: Any
) -> Column[Any]:
    """The id of an account."""
    return kept(
        DataClass.L2,
        retention,
        "账户编号",
        "The account's id",
        name,
        String(ACCOUNT_LENGTH_MAX),
        *arguments,
        **options,
    )


def statement_id(
    retention: Retention, *arguments: Any, name: str = "statement_id", **options: Any
) -> Column[Any]:
    """The id of a statement, 32 bytes."""
    return kept(
        DataClass.L2,
        retention,
        "存证单编号",
        "The statement's id",
        name,
        LargeBinary(32),
        *arguments,
        **options,
    )


def identifier(retention: Retention) -> Column[Any]:
    """16 random bytes as 32 hex digits: a row's own id, told to clients."""
    return kept(
        DataClass.L2,
        retention,
        "记录编号",
        "The record's own random id",
        "id",
        String(32),
        primary_key=True,
    )


def time(name: str, retention: Retention, zh: str, en: str, **options: Any) -> Column[Any]:
    """A time, UTC milliseconds."""
    return kept(DataClass.L2, retention, zh, en, name, BigInteger, **options)


def code(
    name: str, retention: Retention, zh: str, en: str, *arguments: Any, **options: Any
) -> Column[Any]:
    """A word of our own vocabulary."""
    return kept(
        DataClass.L2, retention, zh, en, name, String(CODE_LENGTH_MAX), *arguments, **options
    )


def personal(name: str, retention: Retention, zh: str, en: str, **options: Any) -> Column[Any]:
    """Personal data: ciphertext of `node.vault`."""
    return kept(DataClass.L3, retention, zh, en, name, LargeBinary, nullable=True, **options)


def blind(name: str, retention: Retention, zh: str, en: str, **options: Any) -> Column[Any]:
    """A keyed digest of `node.vault`, by which something can be found and not read."""
    return kept(DataClass.L4, retention, zh, en, name, LargeBinary(32), **options)


def data_key(retention: Retention) -> Column[Any]:
    """The key of a row's ciphertext, itself encrypted; without it the row cannot be read again."""
    return kept(
        DataClass.L4,
        retention,
        "数据密钥(密文),销毁后本行密文不可恢复",
        "The row's data key, encrypted; once destroyed the row cannot be read",
        "data_key",
        LargeBinary,
        nullable=True,
    )
