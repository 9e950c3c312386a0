"""What schemathesis cannot know from shapes, for its good requests: what there is to ask about.

From the document it knows that an id is 32 hex digits, not which ones are a webhook's: all good
requests would be answered 404, and what lies behind the door would never be fuzzed. Therefore nine
of ten good requests are changed before they are sent:

- a parameter gets the value of something that exists: what the devnet was given before (`known`),
  or what the gateway itself answered to an earlier request (`things`: OpenAPI's links, followed);
- what a DELETE or an erasure is to take away is made first, and where an account may have only so
  many of a thing, the oldest is deleted before another is made;
- of fields that do not go together, which no shape says, one is left out (`fuzz_bodies`).

Every tenth good request and all bad ones stay as they were generated. No check is told anything.
"""

from __future__ import annotations

import json
import os
from collections import deque
from typing import Any

import httpx
import schemathesis
from schemathesis import GenerationMode

from tests.conformance.fuzz_bodies import (
    FUZZER,
    VICTIM,
    make_sense,
    query_that_makes_sense,
    sample_body,
    sample_deposit,
)

OWN_STATEMENT = ("cunzheng-statement", "cunzheng-signature")
CREATING = {
    "/v1/account/api-keys": ("/v1/account/api-keys/{key_id}", "key_id", "id"),
    "/v1/account/api-keys/{key_id}/rotate": ("/v1/account/api-keys/{key_id}", "key_id", "id"),
    "/v1/account/keys": ("/v1/account/keys/{key_id}", "key_id", "id"),
    "/v1/cases/{case_no}/links": ("/v1/cases/{case_no}/links/{exhibit_no}", "exhibit_no", None),
    "/v1/cases/{case_no}/receipts": (
        "/v1/cases/{case_no}/receipts/{receipt_id}",
        "receipt_id",
        "receipt_id",
    ),
    "/v1/evidence/{number}/codes": ("/v1/evidence/{number}/codes/{code_id}", "code_id", "id"),
    "/v1/source-profiles": ("/v1/source-profiles/{digest}", "digest", "digest"),
    "/v1/webhooks": ("/v1/webhooks/{webhook_id}", "webhook_id", "id"),
}
"""By the path to POST to: where the thing is from then on, and which parameter its answer fills."""
LISTED = {
    "/v1/account/api-keys": ("keys", 1),
    "/v1/account/keys": ("keys", 0),
    "/v1/webhooks": ("webhooks", 1),
}
"""Where what an earlier run left is listed, the oldest first, and how much of it is to stay."""
PACKED = {"alg": "sha256", "wait": "committed"}
AT_ONCE_MAX = 6
"""Things of a kind at once: an account may have 10 webhooks, 20 keys, 20 codes of a number."""

known: dict[str, list[str]] = json.loads(os.environ["FUZZ_KNOWN"])
things: dict[str, deque[dict[str, Any]]] = {where: deque() for where, _, _ in CREATING.values()}
"""By path, the parameters that lead to something; the oldest first."""
_made_here = httpx.Client(timeout=60, trust_env=False)
_number = 0


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Nine of ten good requests ask about what exists, and say what makes sense."""
    global _number
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    _number += 1
    if _number % 10 == 0:
        return
    for name in [each for each in case.headers or () if each.lower() in OWN_STATEMENT]:
        del case.headers[name]
    for name in [each for each in case.headers or () if each.lower() == "idempotency-key"]:
        case.headers[name] = f"good-{os.getpid()}-{_number}"  # Not the name of another request.
    _name_what_exists(case)
    query_that_makes_sense(case.path, case.query, known, _number)
    if isinstance(case.body, dict):
        make_sense(case.path, case.body, known, _number)
    elif case.path == "/v1/anchors:batch":
        case.body, case.query = bytes([1 + _number % 255]) * 32 * (1 + _number % 3), PACKED
    if case.method.upper() == "POST" and case.path in CREATING:
        _make_room(case)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """What the gateway tells of, later requests ask about."""
    if not 200 <= response.status_code < 300:
        return
    if case.method.upper() == "POST" and case.path in CREATING:
        _learn(case.path, case.path_parameters or {}, response.json())


def _learn(path: str, outer: dict[str, Any], told: dict[str, Any]) -> None:
    where, parameter, field = CREATING[path]
    if field is None:
        field, told = parameter, told["exhibits"][-1]
    found = {**outer, parameter: told[field]}
    if found not in things[where]:
        things[where].append(found)


def _name_what_exists(case: Any) -> None:
    """The path leads to something."""
    where = _thing_of(case.path)
    if where is not None and (there := things[where] or _made(case, where)):
        case.path_parameters.update(there[-1])
        if case.method.upper() == "DELETE":
            there.pop()
        return
    if case.path.endswith("/erasures"):
        case.path_parameters["number"] = _deposited(case)
        return
    if case.path == "/v1/cases/{case_no}/receipts":
        linked = "/v1/cases/{case_no}/links/{exhibit_no}"
        if there := things[linked] or _made(case, linked):
            case.path_parameters["case_no"] = there[-1]["case_no"]
            return
    signing = case.method.upper() == "POST" and case.path.startswith("/v1/evidence/{number}/")
    for name in case.path_parameters or ():
        # What is attested of a deposit, its depositor says; who signed it itself signs that too.
        for kind in ("own",) if signing else (f"{case.path} {name}", f"path.{name}"):
            if values := known.get(kind):
                case.path_parameters[name] = values[_number % len(values)]
                break


def _thing_of(path: str) -> str | None:
    """The path of the thing that this one is about."""
    return next((each for each in things if path == each or path.startswith(f"{each}/")), None)


def _made(case: Any, where: str) -> deque[dict[str, Any]]:
    """There is none, so one is made as a client would make it."""
    for path, (leads_to, _, _) in CREATING.items():
        if leads_to != where or path.startswith(where):
            continue
        outer = {
            name: known[f"path.{name}"][0]
            for name in ("number", "case_no")
            if f"{{{name}}}" in path
        }
        response = _ask(case, "POST", path.format(**outer), sample_body(path, known, _number))
        if response.is_success:
            _learn(path, outer, response.json())
    return things[where]


def _deposited(case: Any) -> str:
    """The number of a deposit of its own, for what cannot be done twice."""
    response = _ask(case, "POST", "/v1/anchors", sample_deposit(_number))
    number: str = response.raise_for_status().json()["evidence_no"]
    return number


def _make_room(case: Any) -> None:
    where, parameter, _ = CREATING[case.path]
    if listed := LISTED.pop(case.path, None):
        field, staying = listed
        found = _ask(case, "GET", case.path, None).raise_for_status().json()[field][staying:]
        there = [each["id"] for each in found if "revoked_at" not in each]
        things[where].extendleft({parameter: each} for each in reversed(there))
    while len(things[where]) >= AT_ONCE_MAX:
        _ask(case, "DELETE", where.format(**things[where].popleft()), None)


def _ask(case: Any, method: str, path: str, body: Any) -> httpx.Response:
    account = VICTIM if path.startswith("/v1/account/") else FUZZER  # As `configuration` has it.
    headers = {
        "Authorization": f"Bearer {known[account][0]}",
        "Idempotency-Key": f"made-{os.getpid()}-{_number}",
    }
    url = case.operation.base_url.rstrip("/") + path
    return _made_here.request(method, url, headers=headers, json=body)
