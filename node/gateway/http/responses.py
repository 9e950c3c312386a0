"""Writes answers: JSON in the client's language, never kept by a cache."""

from __future__ import annotations

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from node.gateway.http.language import language_of


def answer(request: Request, value: BaseModel, status: int = 200) -> Response:
    """`value` as JSON; what is absent is left out."""
    return verbatim(value.model_dump_json(exclude_none=True).encode(), status, language_of(request))


def verbatim(body: bytes, status: int, language: str) -> Response:
    """JSON as it was written, now or before."""
    return Response(
        body,
        status,
        # An answer may hold an opening, and what a number's state is changes from second to second.
        {
            "content-language": language,
            "vary": "accept-language",
            "cache-control": "no-store",
        },
        media_type="application/json",
    )


def text(data: bytes, filename: str | None = None) -> Response:
    """Bytes that must arrive as they are: UTF-8 text, verbatim."""
    headers = {"cache-control": "no-store"}
    if filename is not None:
        headers["content-disposition"] = f'attachment; filename="{filename}"'
    return Response(data, 200, headers, media_type="text/plain; charset=utf-8")
