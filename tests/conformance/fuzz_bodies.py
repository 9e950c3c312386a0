"""Good requests of the fuzzing: fields that go together, digests that are of something.

Only what no shape can say is changed; the rest stays as it was generated.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from node.accounts.consent import IN_FORCE
from node.accounts.signed_request import account_key_message
from node.evidence.keys import Signer, format_signature

DAY_MS = 24 * 3600 * 1000
WAITING = ("wait", "wait_ms")
PROFILE = {"system": "订单系统", "process": "下单", "operator": "某某公司", "clock_source": "NTP"}

FUZZER, VICTIM = "fuzzer", "victim"
"""Who asks; the second what could take away its own right to ask."""

Known = dict[str, list[str]]


def query_that_makes_sense(path: str, query: Any, known: Known, number: int) -> None:
    """What exists, spans of time that begin before they end, no page after one that is not."""
    if not query:
        return
    if path == "/v1/verify":  # What is said of a file goes with an upload, whole.
        query.clear()
    for name in query:
        if values := known.get(f"query.{name}"):
            query[name] = values[number % len(values)]
    query.pop("after", None)
    if "wait" in query:  # Most of the seals are waited for by the others.
        query["wait"] = ("none", "committed", "final")[number % 3]
    if path.startswith("/v1/anchors"):
        for name in [each for each in query if each not in WAITING]:
            del query[name]
    if path == "/v1/evidence":
        query["alg"] = "sha256"
    if path == "/v1/consistency":
        query["from"], query["to"] = 1 + number % 2, 3 + number % 3
    if path == "/v1/health/window":
        now_ms = time.time_ns() // 1_000_000
        query["from"], query["to"] = now_ms - 1 - number * 1000 % DAY_MS, now_ms


def make_sense(path: str, body: dict[str, Any], known: Known, number: int) -> None:
    """A body that only says what may be said together."""
    if path.startswith("/v1/anchors"):
        _deposit_something(body, number)
    elif path == "/v1/account/consents":
        body |= {"version": IN_FORCE.version, "digest": IN_FORCE.digest.hex()}
    elif path == "/v1/account/keys":
        body |= _signed_key(known["origin"][0])
    elif path.endswith("/erasures"):
        body["count"] = 1
    elif path.startswith("/v1/evidence/") and not path.endswith("/codes"):
        _say_something(path, body, known, number)
    elif path.startswith("/v1/verify"):
        _verify_something(body, known, number)
    elif path.endswith("/links"):
        body["exhibits"] = body["exhibits"][:1]
        body["exhibits"][0]["evidence_no"] = known["own"][number % 8]
        body["exhibits"][0] |= {"name": "合同", "source": "平台", "proof_object": "订立"}
    elif path.endswith("/receipts"):
        body.pop("exhibits", None)
    elif path == "/v1/webhooks":
        body["url"] = f"http://127.0.0.1:9/{number}"


def sample_body(path: str, known: Known, number: int) -> dict[str, Any]:
    """What a client would send to have something made."""
    exhibit = {
        "evidence_no": known["own"][number % 8],
        "litigation_role": "PLAINTIFF",
        "name": "合同",
        "source": "平台",
        "proof_object": "订立",
        "content": "条款",
    }
    return {
        "/v1/account/api-keys": {"scopes": ["read"]},
        "/v1/account/keys": _signed_key(known["origin"][0]),
        "/v1/cases/{case_no}/links": {"exhibits": [exhibit]},
        "/v1/cases/{case_no}/receipts": {"handler": "书记员"},
        "/v1/evidence/{number}/codes": {},
        "/v1/source-profiles": {**PROFILE, "system": f"订单系统 {number}"},
        "/v1/webhooks": {"url": f"http://127.0.0.1:9/made-{number}"},
    }[path]


def sample_deposit(number: int) -> dict[str, Any]:
    """One file, salted by the gateway."""
    return {"digests": {"sha256": f"{number:064x}"}, "size": 1 + number}


def _signed_key(origin: str) -> dict[str, Any]:
    """A new key, with its own signature that it is to be this account's."""
    signer, now_ms = Signer(secrets.token_bytes(32)), time.time_ns() // 1_000_000
    message = account_key_message(origin, VICTIM, signer.public, now_ms)
    signature = format_signature(signer.sign(message))
    return {"key": signer.public.text, "time": now_ms, "signature": signature}


def _deposit_something(body: dict[str, Any], number: int) -> None:
    """Digests there are, of files that are not empty, in no category that wants more said."""
    for name in ("profile", "series", "mode", "category", "contains_state_secret"):
        body.pop(name, None)
    if "phase" in body and not body.get("matter_id"):
        body["matter_id"] = "matter"
    for each in body.get("items", [body]):
        if isinstance(each, dict):
            each.pop("declared", None)
            each |= sample_deposit(number)
            each["details"] = {"file_name": f"{number}.pdf"}


def _say_something(path: str, body: dict[str, Any], known: Known, number: int) -> None:
    """What the gateway may attest of a deposit."""
    body.pop("opening", None)
    body["reason"] = body.get("reason") or "更正"
    body["details"] = {"title": f"补充协议 {number}"} if number % 2 else {}
    if path.endswith(("/supplements", "/renditions")) or body.get("see"):
        body["see"] = known["own"][(number + 1) % 8]


def _verify_something(body: dict[str, Any], known: Known, number: int) -> None:
    digests = known["query.digest"]
    for each in body.get("items", [body]):
        each |= {"digest": digests[number % len(digests)], "alg": "sha256"}
        each.pop("other_digest", None)
        if each.get("evidence_no"):
            each["evidence_no"] = known["own"][number % 8]
