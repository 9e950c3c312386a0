"""Documents as data: frozen dataclasses to canonical JSON (RFC 8785) and strictly back.

The certificate, the evidence list and the verification record are each printed for people and kept
as JSON for programs, and both come from one value. Its JSON has no second spelling:

    field          key of the same name; absent where it is None or has no entries, never null
    str, int, bool as JSON has them; text may hold any character but a lone surrogate
    bytes          lower-case hex
    an enum        its member's name
    tuple          array
    dataclass      object, and as the outermost one a key `format` with the tag

    >>> @dataclass(frozen=True, slots=True)
    ... class Note:
    ...     digest: bytes
    ...     title: str | None = None
    >>> format_document("example/v1", Note(b"\\x01\\xff"))
    b'{"digest":"01ff","format":"example/v1"}'
    >>> parse_document("example/v1", Note, b'{"digest":"01ff","format":"example/v1"}')
    Note(digest=b'\\x01\\xff', title=None)

Whatever is not spelled as the writer would have spelled it raises `Malformed`: repeated keys, other
spaces, another order, unknown fields, floats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from node.evidence.malformed import Malformed
from node.evidence.spelling import INTEGER_MAX

DOCUMENT_SIZE_MAX = 16 * 1024 * 1024
"""That of any JSON in a bundle: a thousand exhibits, each described at length."""
TEXT_LENGTH_MAX = 16_384
"""Of one value: all that a depositor declares of an item is at most 16 KiB."""

_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


def format_document(tag: str, value: object) -> bytes:
    """The canonical bytes; `value` is a dataclass."""
    written = _written(value)
    assert isinstance(written, dict)
    return _canonical({**written, "format": tag})


def parse_document(tag: str, kind: type[T], data: bytes) -> T:
    """The value these bytes are of; raises `Malformed` and nothing else."""
    found = _loaded(tag, data)
    if not isinstance(found, dict) or not isinstance(found.get("format"), str):
        raise Malformed(tag, "not an object that names its format")
    _check_format(tag, found.pop("format"))
    value = _read(kind, found, tag)
    assert isinstance(value, kind)
    if format_document(tag, value) != data:
        raise Malformed(tag, "not in canonical form")
    return value


def format_array(values: Sequence[object]) -> bytes:
    """Dataclasses of one kind as an array, which has no place for a tag."""
    return _canonical(_written(tuple(values)))


def parse_array(where: str, kind: type[T], data: bytes) -> tuple[T, ...]:
    """The values these bytes are of; raises `Malformed` and nothing else."""
    values: tuple[T, ...] = tuple(_read_array(kind, _loaded(where, data), where))
    if format_array(values) != data:
        raise Malformed(where, "not in canonical form")
    return values


def check_values(value: object) -> None:
    """What holds for the fields of every dataclass here; its `__post_init__` calls this first."""
    for each in fields(value):  # type: ignore[arg-type]
        where = f"{type(value).__name__}.{each.name}"
        held = getattr(value, each.name)
        if isinstance(held, str):
            if not 0 < len(held) <= TEXT_LENGTH_MAX:
                raise Malformed(where, f"not 1 to {TEXT_LENGTH_MAX} characters")
            if _SURROGATE.search(held):
                raise Malformed(where, "a lone surrogate is no character")
        elif isinstance(held, int) and not 0 <= held <= INTEGER_MAX:
            raise Malformed(where, f"not an integer from 0 to {INTEGER_MAX}")


def _canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode("utf-8")
    if len(data) > DOCUMENT_SIZE_MAX:
        raise Malformed("document", f"longer than {DOCUMENT_SIZE_MAX} bytes")
    return data


def _loaded(where: str, data: bytes) -> object:
    if len(data) > DOCUMENT_SIZE_MAX:
        raise Malformed(where, f"longer than {DOCUMENT_SIZE_MAX} bytes")
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(where, "not JSON") from error


def _check_format(tag: str, found: str) -> None:
    if found == tag:
        return
    newer = re.fullmatch(re.escape(tag[: tag.rindex("v") + 1]) + "[1-9][0-9]{0,9}", found)
    raise Malformed(tag, "is another format", newer=newer is not None)


def _written(value: object) -> object:
    if is_dataclass(value):
        held = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {name: _written(each) for name, each in held if each is not None and each != ()}
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    if isinstance(value, Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: Any
    needed: bool


@cache
def _fields_of(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Field(each.name, _without_none(hints[each.name]), each.default is MISSING)
        for each in fields(kind)
    )


def _without_none(kind: Any) -> Any:
    if get_origin(kind) is not UnionType:
        return kind
    (only,) = (each for each in get_args(kind) if each is not NoneType)
    return only


def _read(kind: Any, found: object, where: str) -> object:
    if get_origin(kind) is tuple:
        return tuple(_read_array(get_args(kind)[0], found, where))
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return _read_object(kind, found, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        if not isinstance(found, str) or found not in kind.__members__:
            raise Malformed(where, f"no {kind.__name__}")
        return kind[found]
    if kind is bytes:
        if not isinstance(found, str) or not _HEX.fullmatch(found):
            raise Malformed(where, "not lower-case hex digits")
        return bytes.fromhex(found)
    if type(found) is not kind:
        raise Malformed(where, f"not of the type {kind.__name__}")
    return found


def _read_array(kind: Any, found: object, where: str) -> Iterator[Any]:
    if not isinstance(found, list):
        raise Malformed(where, "not an array")
    yield from (_read(kind, each, where) for each in found)


def _read_object(kind: type, found: object, where: str) -> object:
    if not isinstance(found, dict):
        raise Malformed(where, "not an object")
    known = _fields_of(kind)
    if unknown := sorted(found.keys() - {each.name for each in known}):
        raise Malformed(where, f"unknown field: {unknown[0][:64]}")
    if missing := [each.name for each in known if each.needed and each.name not in found]:
        raise Malformed(where, f"field missing: {missing[0]}")
    return kind(
        **{
            each.name: _read(each.kind, found[each.name], f"{where}: {each.name}")
            for each in known
            if each.name in found
        }
    )
