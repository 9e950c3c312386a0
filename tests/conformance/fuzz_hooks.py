"""What schemathesis cannot know from shapes, for its good requests: which fields go together.

Bad requests stay as they are.
"""

import json
import os
from typing import Any

import schemathesis
from schemathesis import GenerationMode

KNOWN_VARIABLE = "FUZZ_KNOWN"
OWN_STATEMENT = ("cunzheng-statement", "cunzheng-signature")
WAITING = ("wait", "wait_ms")

_known = json.loads(os.environ[KNOWN_VARIABLE])
_number = 0


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Nine of ten good requests are good in this too."""
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
    if isinstance(case.body, dict):
        _deposit_something(case)


def _name_what_exists(case: Any) -> None:
    of_receipts = "/receipts/" in case.path
    for name in case.path_parameters or ():
        kind = "receipts" if of_receipts and name == "number" else f"path.{name}"
        if values := _known.get(kind):
            case.path_parameters[name] = values[_number % len(values)]
    for name in case.query or ():
        if values := _known.get(f"query.{name}"):
            case.query[name] = values[_number % len(values)]


def _deposit_something(case: Any) -> None:
    """Digests there are, of files that are not empty, in no category that wants more said."""
    if not case.path.startswith("/v1/anchors"):
        return
    for name in [each for each in case.query or () if each not in WAITING]:
        del case.query[name]
    for each in case.body.get("items", [case.body]):
        if isinstance(each, dict):
            each["digests"] = {"sha256": f"{_number:064x}"}
            each["size"] = 1 + _number
            each["details"] = {"file_name": f"{_number}.pdf"}
