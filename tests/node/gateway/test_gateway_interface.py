"""What the interface says about itself: problems, languages, keys, the OpenAPI document."""

import re
import string
from typing import Any, get_args

import pytest

from node.evidence.statement import CATEGORIES
from node.gateway.http.language import preferred_language
from node.gateway.http.problems import Problem
from node.gateway.http.schemas import Category, StateName
from node.words import State


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_says_the_same_in_both_languages(problem: Problem) -> None:
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(problem.advice[language]) if name}
        for language in ("zh", "en")
    ]
    assert fields[0] == fields[1]
    assert all(problem.title.values())
    assert all(problem.advice.values())
    assert 400 <= problem.status < 600


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB, zh;q=0.9", "en"),
        ("zh;q=0.5, en;q=0.4", "zh"),
        ("fr, zh;q=0.1", "zh"),
        ("fr, *;q=0.5", "en"),
        ("zh;q=oops, en;q=0.1", "en"),
        ("zh;q=0", "en"),
    ],
)
def test_language_is_the_one_preferred(accept: str | None, language: str) -> None:
    assert preferred_language(accept) == language


def test_names_in_schemas_are_those_of_the_words() -> None:
    assert get_args(Category) == CATEGORIES
    assert set(get_args(StateName)) == {state.name for state in State}


@pytest.mark.anyio
async def test_problem_documents_in_chinese_and_their_types_resolve(client: Any) -> None:
    headers = {"accept-language": "zh"}
    response = await client.anchor({"digests": {}, "size": 1}, headers=headers)
    problem = response.json()
    assert problem["title"] == "缺少摘要"
    assert response.headers["content-language"] == "zh"
    explained = (await client.get(problem["type"])).json()
    assert explained["title"]["zh"] == problem["title"]
    assert (await client.get("/problems/NOTHING")).status_code == 404


@pytest.mark.anyio
async def test_openapi_document_is_whole(client: Any) -> None:
    """Version 3.1, every reference leads somewhere, every error is a problem document."""
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for each in value.values() for found in references(each)]
        if isinstance(value, list):
            return [found for each in value for found in references(each)]
        return []

    for reference in references(document):
        _, components, kind, name = reference.split("/")
        assert components == "components"
        assert name in document["components"][kind]
    for path in ("/v1/anchors", "/v1/anchors:batch", "/v1/keys"):
        operation = document["paths"][path]["post"]
        assert "application/json" in operation["requestBody"]["content"]
        for status, response in operation["responses"].items():
            problems = "application/problem+json" in response.get("content", {})
            assert problems == (int(status) >= 400), (path, status)
    page = await client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) >= 3
    for address in addresses:  # All its own: a court's network reaches no content network.
        assert (await client.get(address)).status_code == 200, address


@pytest.mark.anyio
async def test_answers_are_never_kept_by_a_cache(client: Any) -> None:
    response = await client.anchor({"digests": {"sha256": "01" * 32}, "size": 1})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "accept-language"
