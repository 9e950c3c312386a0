"""JSON in a bundle: one spelling of every value, that of RFC 8785, and no floats.

What was hashed are bytes, so JSON that says the same in other bytes says nothing at all.

    >>> format_json({"b": [True, None], "a": "存证\\n"}).decode()
    '{"a":"存证\\\\n","b":[true,null]}'
    >>> parse_json(b'{"a":1, "a":2}', "example")
    Traceback (most recent call last):
    node.evidence.malformed.Malformed: example: a key stands twice

Certificates, evidence lists and registers are longer and deeper than what is signed on the chain
(`evidence.spelling`), and hold text of any language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from node.evidence.malformed import Malformed
from node.evidence.spelling import INTEGER_MAX

DEPTH_MAX = 16
"""A certificate, its fields, their parts: what nests deeper was not made to be read by people."""

_DIGITS_MAX = 17
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[]{}")
# Also one that does not end: looking for its end from every quote in it would take hours.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def format_json(value: object) -> bytes:
    """The canonical bytes, without a line end."""
    text = json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def parse_json(data: bytes, where: str) -> object:
    """The value these bytes are; raises `Malformed` on any other spelling of it."""
    _check_depth(data, where)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=lambda pairs: _unique(pairs, where),
            parse_int=lambda text: _integer(text, where),
            parse_float=lambda _: _refuse(where, "a number that is not an integer"),
            parse_constant=lambda _: _refuse(where, "a constant that JSON does not have"),
        )
        if format_json(value) != data:
            raise Malformed(where, "not in canonical form (RFC 8785)")
    except (UnicodeError, json.JSONDecodeError) as error:
        raise Malformed(where, "not JSON in UTF-8") from error
    return value


def parse_json_object(data: bytes, where: str) -> dict[str, object]:
    """The same for one object."""
    value = parse_json(data, where)
    if not isinstance(value, dict):
        raise Malformed(where, "not a JSON object")
    return value


def parse_json_lines(data: bytes, where: str) -> Iterator[dict[str, object]]:
    """One object a line, each line ended by LF; one after the other, as there may be many."""
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            raise Malformed(where, "ends in the middle of a line")
        yield parse_json_object(data[at:end], where)
        at = end + 1


def _sorted(value: object) -> object:
    """Keys in the order of RFC 8785: by their UTF-16 code units."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _sorted(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value


def _check_depth(data: bytes, where: str) -> None:
    """Before anything walks through it: brackets outside of strings, counted."""
    depth = 0
    for each in _STRING.sub(b"", data).translate(None, _NO_BRACKETS):
        depth += 1 if each in b"[{" else -1
        if depth > DEPTH_MAX:
            raise Malformed(where, f"nests deeper than {DEPTH_MAX}")


def _integer(text: str, where: str) -> int:
    if len(text) > _DIGITS_MAX or abs(int(text)) > INTEGER_MAX:
        raise Malformed(where, "an integer beyond 2^53 - 1")
    return int(text)


def _unique(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed(where, "a key stands twice")
    return value


def _refuse(where: str, why: str) -> NoReturn:
    raise Malformed(where, why)
