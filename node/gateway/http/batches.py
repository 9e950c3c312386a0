"""What is wrong with the items of a batch beyond their shapes: every one that is bad is named.

A client with a thousand files mends all that is wrong with them at once, so the first problem does
not end the judging. Nothing is done with any item before all have been judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from node.gateway.http.invalid import ITEMS_TOLD_MAX
from node.gateway.http.problems import ProblemError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def each_item(items: Iterable[_Item], judge: Callable[[int, _Item], _Result]) -> list[_Result]:
    """What `judge` makes of each index and item. Where it raises problems the first of them is
    raised, with that of every bad item, up to `ITEMS_TOLD_MAX`."""
    results: list[_Result] = []
    bad: list[tuple[int, ProblemError]] = []
    for index, item in enumerate(items):
        try:
            results.append(judge(index, item))
        except ProblemError as error:
            bad.append((index, error))
    if bad:
        raise _together(bad)
    return results


def _together(bad: list[tuple[int, ProblemError]]) -> ProblemError:
    (_, first), told = bad[0], bad[:ITEMS_TOLD_MAX]
    values = dict(first.values)
    if "items" in values:  # Where the advice has a place for them.
        more = " …" if len(bad) > ITEMS_TOLD_MAX else ""
        values["items"] = f" (items {', '.join(str(index) for index, _ in told)}{more})"
    named = [(index, each.problem.name, each.values) for index, each in told]
    return ProblemError(first.problem, named, **values)
