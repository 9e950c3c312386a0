"""The one spelling of every value (docs/proof-format.md, section 1), and two ways to lay them out.

*Tagged JSON* is one line without a line feed: a tag, a space, a canonical JSON object (RFC 8785
restricted to printable ASCII without quote and backslash, integers up to 2^53 - 1, no null and no
floats), for example

    >>> format_tagged("cunzheng/example/v1", {"b": "text", "a": 7})
    b'cunzheng/example/v1 {"a":7,"b":"text"}'
    >>> parse_tagged("cunzheng/example/v1", b'cunzheng/example/v1 {"a":7,"b":"text"}', 4096)
    {'a': 7, 'b': 'text'}

*Lines* are `keyword value`, each ended by one LF, read in a fixed order by `Lines`.

Whatever is not spelled as the writer would have spelled it raises `Malformed`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NoReturn

from node.evidence.atoms import read_decimal
from node.evidence.malformed import Malformed

INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8785, I-JSON)."""

TIME_MS_END = 253_402_272_000_000
"""The year 10000 in UTC+8: later times have no four-digit year to print."""

ORIGIN_LENGTH_MAX = 128
"""An origin stands in every signed line; long enough for a host name and a path."""

_ORIGIN = re.compile(r"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
# First lines of other signed texts: no checkpoint body may begin like one of them.
_NO_ORIGIN = ("cunzheng/", "cosignature/", "c2sp.org/")
_RESERVED = frozenset({"all", "any", "genesis", "members", "none"})
_MEMBER = re.compile(r"[a-z][a-z0-9-]{0,31}")
_VERSION = re.compile(r"[A-Za-z0-9.+_-]{1,64}")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_TAG = re.compile(rb"(cunzheng/[a-z]+/v|#cunzheng policy v)([1-9][0-9]{0,15})")

Json = Mapping[str, object]

_write_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode

_DEPTH_MAX = 3
"""An item, its details, a pair: nothing of ours nests deeper, and a hostile text must not reach the
depth at which whoever walks through it runs out of stack."""


def parse_integer(text: str, where: str) -> int:
    """Decimal, no sign, no leading zero, at most 2^53 - 1."""
    return check_integer(read_decimal(where, text), where)


def check_integer(value: object, where: str, *, low: int = 0, high: int = INTEGER_MAX) -> int:
    """An integer already parsed by JSON; `True` is not one."""
    if type(value) is not int or not low <= value <= high:
        raise Malformed(where, f"not an integer from {low} to {high}")
    return value


def check_time(value: object, where: str) -> int:
    """Milliseconds since 1970 UTC, before the year 10000."""
    return check_integer(value, where, high=TIME_MS_END - 1)


def parse_hex(text: str, where: str, size: int = 32) -> bytes:
    """Exactly `size` bytes in lower-case hex."""
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        raise Malformed(where, f"not {2 * size} lower-case hex digits")
    return bytes.fromhex(text)


def check_hex(value: object, where: str, size: int = 32) -> bytes:
    """The bytes of a JSON string of exactly `size` bytes in lower-case hex."""
    return parse_hex(check_text(value, where), where, size)


def check_text(value: object, where: str) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise Malformed(where, "not a string")
    return value


def check_choice(value: object, choices: Collection[str], where: str) -> str:
    """A JSON string that is one of these words."""
    if not isinstance(value, str) or value not in choices:
        raise Malformed(where, f"is none of {', '.join(choices)}")
    return value


def check_origin(text: object, where: str) -> str:
    """The name of one chain."""
    if not isinstance(text, str) or len(text) > ORIGIN_LENGTH_MAX or not _ORIGIN.fullmatch(text):
        raise Malformed(where, "not an origin such as `example.org/chain`")
    if text.startswith(_NO_ORIGIN):
        raise Malformed(where, "begins like another kind of signed text")
    return text


def check_member(text: object, where: str) -> str:
    """The name of one member."""
    if not isinstance(text, str) or not _MEMBER.fullmatch(text):
        raise Malformed(where, "not a member name: a-z, then a-z 0-9 -, at most 32 characters")
    if text in _RESERVED:
        raise Malformed(where, f"`{text}` means something else in a policy or a block")
    return text


def check_version(text: object, where: str) -> str:
    """The version of the software that made a block."""
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise Malformed(where, "not a version: 1 to 64 of A-Z a-z 0-9 . + - _")
    return text


def format_tagged(tag: str, value: Json) -> bytes:
    """Tag, one space, canonical JSON: the bytes that are hashed and signed."""
    return f"{tag} {_write_canonical(value)}".encode("ascii")


def parse_tagged(tag: str, data: bytes, size_max: int) -> dict[str, object]:
    """The object of a tagged line; refuses whatever `format_tagged` would not have written."""
    found, _, body = data.partition(b" ")
    check_tag(tag, found)
    if len(data) > size_max:
        raise Malformed(tag, f"longer than {size_max} bytes")
    value = load_canonical(body, tag)
    _check_plain(value, tag)
    if format_tagged(tag, value) != data:
        raise Malformed(tag, "not in canonical form")
    return value


def check_tag(tag: str, found: bytes) -> None:
    """What was found is `tag`; another version of the same thing is newer than this reader."""
    match = _TAG.fullmatch(found)
    name = tag[: tag.rindex("v") + 1].encode()
    if match is None or match.group(1) != name:
        raise Malformed(tag, f"does not begin with `{tag}`")
    if found != tag.encode():
        raise Malformed(tag, f"is version {match.group(2).decode()} of this format", newer=True)


def load_canonical(data: bytes, where: str) -> dict[str, object]:
    """A JSON object without repeated keys, floats, constants or negative numbers."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=lambda pairs: _unique(pairs, where),
            parse_int=lambda text: parse_integer(text, where),
            parse_float=lambda _: _refuse(where, "a number that is not an integer"),
            parse_constant=lambda _: _refuse(where, "a constant that JSON does not have"),
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Malformed(where, "not JSON") from error
    if not isinstance(value, dict):
        raise Malformed(where, "not a JSON object")
    level: list[object] = [value]
    for _ in range(_DEPTH_MAX):
        level = [inner for outer in level for inner in _inside(outer)]
    if any(isinstance(each, dict | list) for each in level):
        raise Malformed(where, f"nests deeper than {_DEPTH_MAX}")
    return value


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def fields(
    value: object, where: str, required: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, object]:
    """The object itself, once it has all the required fields and none that is unknown."""
    if not isinstance(value, dict):
        raise Malformed(where, "not an object")
    missing = required - value.keys()
    if missing:
        raise Malformed(where, f"field missing: {min(missing)}")
    unknown = value.keys() - required - optional
    if unknown:
        raise Malformed(where, f"unknown field: {min(unknown)}")
    return value


def _unique(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed(where, "a key stands twice")
    return value


def _refuse(where: str, why: str) -> NoReturn:
    raise Malformed(where, why)


def _check_plain(value: object, where: str) -> None:
    """Keys and strings are printable ASCII without quote and backslash; nothing is null."""
    if isinstance(value, str):
        if not _PLAIN.fullmatch(value):
            raise Malformed(where, "a character outside printable ASCII, a quote or a backslash")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_plain(key, where)
            _check_plain(inner, where)
    elif type(value) is not int:
        raise Malformed(where, "only objects, strings and integers are allowed")


class Lines:
    """A cursor over `keyword value` lines; methods raise `Malformed` at the first surprise."""

    def __init__(self, where: str, data: bytes) -> None:
        self.where = where
        self._data = data
        self._at = 0

    def line(self) -> bytes:
        """The next line without its LF."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self._broken_off()
        line = self._data[self._at : end]
        self._at = end + 1
        return line

    def lines(self, count: int) -> bytes:
        """The next `count` lines verbatim, each with its LF."""
        start, end = self._at, self._at
        for _ in range(count):
            end = self._data.find(b"\n", end) + 1
            if not end:
                raise self._broken_off()
        self._at = end
        return self._data[start:end]

    def tag(self, tag: str) -> None:
        """The next line is this tag; `Malformed` is `newer` if it is a later version of it."""
        check_tag(tag, self.line())

    def expect(self, text: str) -> None:
        """The next line is exactly this."""
        if self.line() != text.encode():
            raise Malformed(self.where, f"line `{text}` expected")

    def value(self, keyword: str) -> str:
        """The value of the next line, which must have this keyword."""
        value = self.value_if(keyword)
        if value is None:
            raise Malformed(self.where, f"line `{keyword} ...` expected")
        return value

    def value_if(self, keyword: str) -> str | None:
        """The value of the next line if it has this keyword; otherwise nothing is consumed."""
        prefix = keyword.encode() + b" "
        if not self._data.startswith(prefix, self._at):
            return None
        line = self.line()
        try:
            return line[len(prefix) :].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(self.where, f"value of `{keyword}` is not UTF-8") from error

    def values(self, keyword: str, count_max: int) -> list[str]:
        """The values of all the next lines with this keyword."""
        found: list[str] = []
        while (value := self.value_if(keyword)) is not None:
            if len(found) == count_max:
                raise Malformed(self.where, f"more than {count_max} lines `{keyword}`")
            found.append(value)
        return found

    def integer(self, keyword: str, *, high: int = INTEGER_MAX) -> int:
        """The next line's value as an integer."""
        number = parse_integer(self.value(keyword), f"{self.where}: {keyword}")
        return check_integer(number, f"{self.where}: {keyword}", high=high)

    def time(self, keyword: str) -> int:
        """The next line's value as a time in milliseconds."""
        return self.integer(keyword, high=TIME_MS_END - 1)

    def digest(self, keyword: str) -> bytes:
        """The next line's value as 32 bytes."""
        return parse_hex(self.value(keyword), f"{self.where}: {keyword}")

    def digests(self, keyword: str, count_max: int) -> tuple[bytes, ...]:
        """All the next lines with this keyword, 32 bytes each."""
        where = f"{self.where}: {keyword}"
        return tuple(parse_hex(value, where) for value in self.values(keyword, count_max))

    def starts(self, text: str) -> bool:
        """Whether the rest begins with this."""
        return self._data.startswith(text.encode(), self._at)

    def rest(self) -> bytes:
        """Everything not yet read."""
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest

    def end(self) -> None:
        """Nothing is left."""
        if self._at != len(self._data):
            raise Malformed(self.where, "goes on where it should end")

    def _broken_off(self) -> Malformed:
        return Malformed(self.where, "ends in the middle of a line")
