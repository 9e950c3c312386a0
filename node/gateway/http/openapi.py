"""The OpenAPI document: what FastAPI cannot know because the routes read bodies themselves."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from node.gateway.http.limit_problems import OperatingProblem
from node.gateway.http.problems import AnyProblem

_REFERENCE = "#/components/schemas/{model}"

_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`zh` or `en`, as RFC 9110 has it: what is said to people is in this language.",
}
_LANGUAGE_REFERENCE = f"#/components/parameters/{_LANGUAGE['name']}"

_bodies: dict[str, type[BaseModel]] = {}
"""The shapes of bodies by name, as the routes named them while they were imported."""


class ItemProblem(BaseModel):
    """What is wrong with one item of a batch."""

    index: int
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is for programs, `title` and `detail` are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = Field(None, description="As in X-Request-Id, for who operates this.")
    result_code: str | None = Field(None, description="A result code that says the same.")
    items: list[ItemProblem] | None = Field(
        None, description="Every bad item of a batch, up to a hundred; nothing was done with any."
    )


def problems(*documented: AnyProblem) -> dict[int | str, dict[str, Any]]:
    """Documented problems by status, for a route's `responses`."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for problem in documented:
        known = by_status.setdefault(problem.status, {"description": "", "content": {}})
        line = f"`{problem.name}` {problem.title['en']} {problem.title['zh']}"
        known["description"] += f"\n- {line}" if known["description"] else f"- {line}"
        known["content"] = {
            "application/problem+json": {"schema": {"$ref": _reference(ProblemDocument)}}
        }
    return by_status


ALSO_ANONYMOUS: dict[str, Any] = {"security": [{}]}
"""Beside the credential that a route's dependency documents: none is as good."""


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON body of this shape."""
    return _body({"application/json": {"schema": {"$ref": _shape(model)}}})


def packed_body(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON body of this shape, or packed items of 32 bytes."""
    packed = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    json = {"schema": {"$ref": _shape(model)}}
    return _body({"application/json": json, "application/octet-stream": packed})


def verified_body(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON body of this shape, a proof file, or an evidence bundle."""
    proof = {"schema": {"type": "string"}}
    bundle = {"schema": {"type": "string", "contentMediaType": "application/zip"}}
    json = {"schema": {"$ref": _shape(model)}}
    return _body({"application/json": json, "text/plain": proof, "application/zip": bundle})


def install(app: FastAPI) -> None:
    """Let the app's document contain the shapes of bodies and problems too."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            shapes: list[type[BaseModel]] = [ProblemDocument, *_bodies.values()]
            _, definitions = models_json_schema(
                [(model, "validation") for model in shapes], ref_template=_REFERENCE
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(definitions["$defs"])
            limited = problems(OperatingProblem.RATE_LIMITED)  # Any operation may answer so.
            anywhere = {str(status): told for status, told in limited.items()}
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["responses"] |= anywhere
                    operation.setdefault("parameters", []).append({"$ref": _LANGUAGE_REFERENCE})
            document["components"]["parameters"] = {_LANGUAGE["name"]: _LANGUAGE}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _shape(model: type[BaseModel]) -> str:
    """A reference to the shape of a body, which the document will contain."""
    assert _bodies.setdefault(model.__name__, model) is model, "two bodies of one name"
    return _reference(model)


def _reference(model: type[BaseModel]) -> str:
    return _REFERENCE.format(model=model.__name__)


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
