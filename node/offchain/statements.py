"""Statements for thousands of rows: compiled once, then given to the driver with the rows.

SQLAlchemy keeps what it compiled too, but looks at every value of every row again, which costs more
than writing it. That is not needed here: all our columns hold text, whole numbers, bytes or truth
values, and the drivers of both databases take those as Python has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Update

Statement = Insert | Update | Delete
Values = Mapping[str, object]

KEPT = 128
"""Statements kept compiled: several times as many as this room has."""


def execute(connection: Connection, statement: Statement, rows: Sequence[Values]) -> None:
    """Carry a statement out with each of these rows, of which there are some. All of them have
    values of the same names."""
    compiled = _compile(connection.dialect, statement, tuple(rows[0]))
    if compiled.constants:
        rows = [{**compiled.constants, **row} for row in rows]
    connection.exec_driver_sql(compiled.sql, [compiled.in_order(row) for row in rows])


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in the words of one database, and how it wants the values of a row."""

    sql: str
    constants: Values
    """The values that the statement itself says."""
    in_order: Callable[[Values], tuple[object, ...]]


@lru_cache(KEPT)
def _compile(dialect: Dialect, statement: Statement, names: tuple[str, ...]) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    order: list[str] = compiled.positiontup
    constants = {name: compiled.params[name] for name in order if name not in names}
    return _Compiled(compiled.string, constants, _in_order(order))


def _in_order(names: Sequence[str]) -> Callable[[Values], tuple[object, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    (only,) = names  # Of one name `itemgetter` gives no tuple.
    return lambda row: (row[only],)
