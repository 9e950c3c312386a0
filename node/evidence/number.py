"""Evidence numbers (存证编号): `EV`, date, ordinal, check (docs/proof-format.md, section 8).

The date is the block's in UTC+8, the ordinal the item's place in the whole chain, the check digits
ISO 7064 MOD 97-10 with E = 14 and V = 31. Nothing is looked up: a verifier computes the number
again from the entry.

    >>> format_number(1795190400000, 42)
    'EV20261121000000000042-47'
    >>> parse_number("EV20261121000000000042-47")
    ('20261121', 42)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from node.evidence.malformed import Malformed

ORDINAL_MAX = 10**12 - 1
"""Twelve digits: at two million deposits a day, a chain of over a thousand years."""

TIME_S_END = 253_402_272_000
"""The year 10000 in UTC+8, in seconds: no date beyond it can be printed."""

KEPT = 64
"""Dates kept as spelled: all numbers out of one block have the same."""

BEIJING = timezone(timedelta(hours=8))
"""Legal time of the courts: UTC+8 without summer time."""

_NUMBER = re.compile(r"(EV)([0-9]{8})([0-9]{12})-([0-9]{2})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_time(time_ms: int) -> datetime:
    """A time in milliseconds as a datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def beijing_time(time_ms: int) -> datetime:
    """A time in milliseconds as a datetime in UTC+8."""
    return utc_time(time_ms).astimezone(BEIJING)


def format_number(block_time_ms: int, ordinal: int) -> str:
    """The evidence number of the item with this ordinal in a block of this time."""
    assert 0 <= ordinal <= ORDINAL_MAX, "ordinal outside twelve digits"
    return _with_check(f"{_date(block_time_ms)}{ordinal:012d}")


@lru_cache(KEPT)
def _date(block_time_ms: int) -> str:
    return f"{beijing_time(block_time_ms):%Y%m%d}"


def parse_number(text: object, where: str = "evidence number") -> tuple[str, int]:
    """The date digits and the ordinal; raises `Malformed` unless the check digits are right."""
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Malformed(where, "not EV, 20 digits, a hyphen and 2 check digits")
    date, ordinal = match.group(2), match.group(3)
    if _with_check(date + ordinal) != text:
        raise Malformed(where, "check digits are wrong: a digit was misread or changed")
    return date, int(ordinal)


def _with_check(digits: str) -> str:
    check = 98 - int(f"1431{digits}") * 100 % 97
    return f"EV{digits}-{check:02d}"
