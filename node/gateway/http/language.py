"""Chinese or English: which of the two a client prefers."""

from __future__ import annotations

from typing import Literal

from fastapi import Request

Language = Literal["zh", "en"]


def preferred_language(accept: str | None) -> Language:
    """zh or en, whichever `Accept-Language` weighs more; en if it says nothing about either."""
    weights = {"en": 0.0, "zh": 0.0}
    for part in (accept or "").split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary in weights:
            weights[primary] = max(weights[primary], _quality(parameter))
    return "zh" if weights["zh"] > weights["en"] else "en"


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(float(value), 1.0)
    except ValueError:
        return 0.0


def language_of(request: Request) -> Language:
    """The language this client prefers."""
    return preferred_language(request.headers.get("accept-language"))
