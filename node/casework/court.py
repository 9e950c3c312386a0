"""Courts, certification authorities and interests as registries name them, and how files are read.

Nothing is invented: courts ship with the one code that a published judgment of our sources names,
authorities and interests with none. An operator loads the rest from a file, and what is in no
registry is printed as 未核对.

A registry file is CSV in UTF-8 with a line of column names, which say what it holds:

    court_code,name,level,parent_code,valid_from,valid_to,source
    浙0192,杭州互联网法院,BASIC,浙01,,,where this was read

    root_digest,name,kind,licence_no,cipher_licence_no,valid_from,valid_to,source
    ab...,某电子认证服务有限公司,PUBLIC,ECP...,,2020-01-01,2030-01-01,where this was read

    uscc,member,name,relation,source
    91350100M000100Y43,court,示例集团有限公司,OWNER,where this was read

`level` is SUPREME, HIGH, INTERMEDIATE, BASIC or SPECIALISED, `kind` is PUBLIC or GOVERNMENT, times
are dates (yyyy-mm-dd) in Beijing time, from the first day to the last. `level`, `parent_code` and a
court's dates may be empty, and so may `cipher_licence_no`. `member` is a member's name or
`PLATFORM`, `relation` one of `interest.Relation`. What has the same key is replaced.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from node.accounts.identity import parse_id_no
from node.accounts.vocabulary import IdType
from node.casework.case_number import PROVINCES, SUPREME
from node.casework.interest import PLATFORM, Interest, Relation
from node.evidence.malformed import Malformed
from node.evidence.spelling import check_member
from node.words import Bilingual

LINES_MAX = 20_000
"""Several times the courts there are."""
TEXT_LENGTH_MAX = 128


NOT_CHECKED = ("未核对", "not checked")
"""What is printed of a code that no registry names."""

_COURT_CODE = re.compile(rf"{SUPREME}|[{PROVINCES}](?:[0-9]{{2}}(?:[0-9]{{2}})?)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BEIJING = datetime.timezone(datetime.timedelta(hours=8))
_DAY_MS = 86_400_000

COURT_COLUMNS = ("court_code", "name", "level", "parent_code", "valid_from", "valid_to", "source")
AUTHORITY_COLUMNS = (
    "root_digest",
    "name",
    "kind",
    "licence_no",
    "cipher_licence_no",
    "valid_from",
    "valid_to",
    "source",
)


INTEREST_COLUMNS = ("uscc", "member", "name", "relation", "source")


class CourtLevel(Bilingual):
    """法院层级."""

    SUPREME = ("最高人民法院", "supreme")
    HIGH = ("高级人民法院", "high")
    INTERMEDIATE = ("中级人民法院", "intermediate")
    BASIC = ("基层人民法院", "basic")
    SPECIALISED = ("专门人民法院", "specialised")


class AuthorityKind(Bilingual):
    """电子认证服务的种类."""

    PUBLIC = ("面向公众", "for the public")
    GOVERNMENT = ("电子政务", "for government")


class _Reader(Protocol):
    """What `csv.reader` makes; that has no name of its own."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


class BadRegistry(ValueError):
    """Not a registry file: which line is wrong, counted from 1, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why


@dataclass(frozen=True, slots=True)
class Court:
    """A court by its code (法院代字). Times are UTC milliseconds, the second one not included."""

    court_code: str
    name: str
    level: CourtLevel | None
    parent_code: str | None
    valid_from_ms: int | None
    valid_to_ms: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Authority:
    """A licensed certification authority by its root certificate."""

    root_digest: bytes
    name: str
    kind: AuthorityKind
    licence_no: str
    cipher_licence_no: str | None
    valid_from_ms: int
    valid_to_ms: int
    source: str

    def is_licensed(self, time_ms: int) -> bool:
        """Whether its licence covers this time."""
        return self.valid_from_ms <= time_ms < self.valid_to_ms


SHIPPED_COURTS = (
    Court(
        court_code="浙0192",
        name="杭州互联网法院",
        level=None,
        parent_code=None,
        valid_from_ms=None,
        valid_to_ms=None,
        source="（2018）浙0192民初81号",
    ),
)


def parse_registry(data: bytes) -> list[Court] | list[Authority] | list[Interest]:
    """What a registry file names; raises `BadRegistry`."""
    try:
        lines = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise BadRegistry(1, "not UTF-8") from error
    reader = csv.reader(lines, strict=True)
    try:
        columns = tuple(next(reader, ()))
        if columns == COURT_COLUMNS:
            return [_court(fields, at) for fields, at in _rows(reader, len(columns))]
        if columns == AUTHORITY_COLUMNS:
            return [_authority(fields, at) for fields, at in _rows(reader, len(columns))]
        if columns == INTEREST_COLUMNS:
            return [_interest(fields, at) for fields, at in _rows(reader, len(columns), 2)]
    except csv.Error as error:
        raise BadRegistry(reader.line_num, str(error)) from error
    wanted = ",".join(COURT_COLUMNS)
    raise BadRegistry(1, f"the columns are not {wanted} (or those of authorities or interests)")


def _rows(reader: _Reader, width: int, key: int = 1) -> list[tuple[list[str], int]]:
    """The lines, whose first `key` fields no two have in common."""
    rows: list[tuple[list[str], int]] = []
    keys: set[tuple[str, ...]] = set()
    for fields in reader:
        at = reader.line_num
        if len(rows) >= LINES_MAX:
            raise BadRegistry(at, f"more than {LINES_MAX:,} lines")
        if len(fields) != width:
            raise BadRegistry(at, f"{len(fields)} columns, not {width}")
        if any(len(field) > TEXT_LENGTH_MAX for field in fields):
            raise BadRegistry(at, f"a field is longer than {TEXT_LENGTH_MAX} characters")
        if tuple(fields[:key]) in keys:
            raise BadRegistry(at, f"{' '.join(fields[:key])} stands twice")
        keys.add(tuple(fields[:key]))
        rows.append((fields, at))
    return rows


def _court(fields: list[str], at: int) -> Court:
    code, name, level, parent, start, end, source = fields
    for each in (code, parent) if parent else (code,):
        if not _COURT_CODE.fullmatch(each):
            raise BadRegistry(at, f"{each!r} is no court code")
    if level and level not in CourtLevel.__members__:
        raise BadRegistry(at, f"{level!r} is no level")
    return Court(
        court_code=code,
        name=_said(name, "name", at),
        level=CourtLevel[level] if level else None,
        parent_code=parent or None,
        valid_from_ms=_day(start, at) if start else None,
        valid_to_ms=_day(end, at) + _DAY_MS if end else None,
        source=_said(source, "source", at),
    )


def _authority(fields: list[str], at: int) -> Authority:
    digest, name, kind, licence, cipher, start, end, source = fields
    if not _DIGEST.fullmatch(digest):
        raise BadRegistry(at, "root_digest is not 64 lower-case hex digits")
    if kind not in AuthorityKind.__members__:
        raise BadRegistry(at, f"{kind!r} is neither PUBLIC nor GOVERNMENT")
    return Authority(
        root_digest=bytes.fromhex(digest),
        name=_said(name, "name", at),
        kind=AuthorityKind[kind],
        licence_no=_said(licence, "licence_no", at),
        cipher_licence_no=cipher or None,
        valid_from_ms=_day(start, at),
        valid_to_ms=_day(end, at) + _DAY_MS,
        source=_said(source, "source", at),
    )


def _interest(fields: list[str], at: int) -> Interest:
    uscc, member, name, relation, source = fields
    try:
        if parse_id_no(IdType.USCC, uscc) != uscc:
            raise Malformed("uscc", "has letters in lower case")
        if member != PLATFORM:
            check_member(member, "member")
    except Malformed as error:
        raise BadRegistry(at, str(error)) from error
    if relation not in Relation.__members__:
        raise BadRegistry(at, f"{relation!r} is none of {', '.join(Relation.__members__)}")
    return Interest(
        uscc, member, _said(name, "name", at), Relation[relation], _said(source, "source", at)
    )


def _said(text: str, name: str, at: int) -> str:
    if not text.strip():
        raise BadRegistry(at, f"{name} is empty")
    return text


def _day(text: str, at: int) -> int:
    """The first moment of a day in Beijing."""
    try:
        day = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=_BEIJING)
    except ValueError as error:
        raise BadRegistry(at, f"{text!r} is no date yyyy-mm-dd") from error
    return int(day.timestamp()) * 1000
