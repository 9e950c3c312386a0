"""Turns what pydantic says about a bad request into one of our problems, by name.

Only the first error is told: the client mends one thing at a time. Of a batch each item that is
wrong is named, up to a hundred of them: thousands of copies of one mistake help nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ITEMS_TOLD_MAX = 100

Errors = Sequence[Mapping[str, object]]


def describe(errors: Errors) -> tuple[str, dict[str, object]]:
    """The name of the problem, and the values that fill its advice."""
    error = errors[0]
    kind, raw = str(error["type"]), error["loc"]
    assert isinstance(raw, tuple)
    # pydantic names where in the request it looked first; a client calls that the field's name.
    path = [str(part) for part in raw if part not in ("body", "query", "header", "path")]
    field = ".".join(path) or "body"
    if kind == "json_invalid":
        return "BODY_NOT_JSON", {"why": error["msg"]}
    if raw[:1] == ("header",) and field.lower() == "idempotency-key":
        name = "MISSING" if kind == "missing" else "SPELLING"
        return f"IDEMPOTENCY_KEY_{name}", {}
    if "digests" in path[:-1]:
        return _describe_digest(kind, path[-1], field)
    if path[-1:] == ["digest"] and kind == "string_pattern_mismatch":
        return "DIGEST_SPELLING", {"field": field}
    if path[-1:] == ["alg"] and kind == "literal_error":
        return "DIGEST_ALGORITHM", {"alg": short(error["input"])}
    if path == ["items"] and kind == "too_short":
        return "BATCH_EMPTY", {}
    if path == ["items"] and kind == "too_long":
        return "BATCH_TOO_LARGE", {"limit": _limit(error)}
    if kind == "missing":
        return "FIELD_MISSING", {"field": field}
    if kind == "extra_forbidden":
        return "FIELD_UNKNOWN", {"field": short(field)}
    return "FIELD_INVALID", {"field": short(field), "why": error["msg"]}


def describe_items(errors: Errors) -> list[tuple[int, str, dict[str, object]]]:
    """Of each bad item of a batch its index and its first problem, by name and values; no more than
    `ITEMS_TOLD_MAX` of them."""
    told: dict[int, tuple[str, dict[str, object]]] = {}
    for error in errors:
        where = error["loc"]
        assert isinstance(where, tuple)
        if where[:1] == ("items",) and len(where) > 1 and where[1] not in told:
            told[where[1]] = describe([error])
            if len(told) == ITEMS_TOLD_MAX:
                break
    return [(index, *told[index]) for index in sorted(told)]


def _describe_digest(kind: str, alg: str, field: str) -> tuple[str, dict[str, object]]:
    if kind == "extra_forbidden":
        return "DIGEST_ALGORITHM", {"alg": short(alg)}
    return "DIGEST_SPELLING", {"field": field}


def _limit(error: Mapping[str, object]) -> object:
    context = error.get("ctx")
    return f"{context['max_length']:,}" if isinstance(context, dict) else "?"


def short(value: object) -> str:
    """What the client sent, cut so that the answer stays short whatever it was."""
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"
