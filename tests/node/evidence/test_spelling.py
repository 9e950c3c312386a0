"""One spelling of every value; everything else is refused with one exception."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.malformed import Malformed
from node.evidence.spelling import (
    INTEGER_MAX,
    TIME_MS_END,
    Lines,
    check_choice,
    check_hex,
    check_integer,
    check_member,
    check_origin,
    check_tag,
    check_text,
    check_time,
    check_version,
    fields,
    format_tagged,
    load_canonical,
    parse_hex,
    parse_integer,
    parse_tagged,
)

TAG = "cunzheng/example/v1"


@pytest.mark.parametrize("value", [0, 1, 10, INTEGER_MAX])
def test_integers(value: int) -> None:
    assert parse_integer(str(value), "n") == value
    assert check_integer(value, "n") == value


@pytest.mark.parametrize(
    "text",
    ["", "-0", "-1", "+1", "01", " 1", "1 ", "1.0", "1e2", "٣", "1_0", str(2**53), "9" * 400],
)
def test_integers_have_one_spelling(text: str) -> None:
    with pytest.raises(Malformed):
        parse_integer(text, "n")


@pytest.mark.parametrize("value", [-1, 2**53, True, 1.0, "1", None])
def test_json_integers_are_integers(value: object) -> None:
    with pytest.raises(Malformed):
        check_integer(value, "n")


def test_times_end_with_the_year_9999_of_beijing() -> None:
    assert check_time(TIME_MS_END - 1, "t") == TIME_MS_END - 1
    with pytest.raises(Malformed):
        check_time(TIME_MS_END, "t")


@pytest.mark.parametrize(
    "text", ["", "0", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "٠" * 64, " " * 64]
)
def test_hex_is_lower_case_and_whole(text: str) -> None:
    assert parse_hex("ab" * 32, "h") == b"\xab" * 32
    with pytest.raises(Malformed):
        parse_hex(text, "h")


@pytest.mark.parametrize(
    "check", [check_hex, check_text, check_origin, check_member, check_version]
)
@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_a_string_is_a_string(check: Callable[[Any, str], Any], value: object) -> None:
    with pytest.raises(Malformed):
        check(value, "s")


def test_choices() -> None:
    assert check_choice("a", ("a", "b"), "c") == "a"
    for value in ("c", "", 1, ["a"], {"a": 1}):
        with pytest.raises(Malformed):
            check_choice(value, ("a", "b"), "c")


@pytest.mark.parametrize(
    "text", ["a", "0.b-c/d_e/f", "a" * 128, "cunzheng.test/devnet-7f3a", "cunzheng"]
)
def test_origins(text: str) -> None:
    assert check_origin(text, "origin") == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "a b", "/a", "a/", "a//b", "-a", ".a", "a/.b", "a_b", "a\n", "a" * 129, "链"),
        *("cunzheng/statement", "cosignature/v1", "c2sp.org/tlog"),
    ],
)
def test_origins_that_are_none(text: str) -> None:
    with pytest.raises(Malformed):
        check_origin(text, "origin")


def test_member_names() -> None:
    for text in ("a", "court", "b-9", "a" * 32):
        assert check_member(text, "member") == text
    for text in (
        "",
        "9a",
        "-a",
        "A",
        "a_b",
        "a" * 33,
        "a\n",
        "all",
        "any",
        "genesis",
        "members",
        "none",
    ):
        with pytest.raises(Malformed):
            check_member(text, "member")


def test_versions() -> None:
    for text in ("0.1.0", "1.0-rc.1+build_7", "a" * 64):
        assert check_version(text, "version") == text
    for text in ("", "1 0", "a" * 65, "1/2", "版"):
        with pytest.raises(Malformed):
            check_version(text, "version")


def test_a_later_version_of_a_tag_is_newer_and_anything_else_is_not() -> None:
    check_tag(TAG, TAG.encode())
    for found, newer in [
        (b"cunzheng/example/v2", True),
        (b"cunzheng/example/v9007199254740991", True),
        (b"cunzheng/example/v0", False),
        (b"cunzheng/example/v01", False),
        (b"cunzheng/example/v", False),
        (b"cunzheng/example/v2 ", False),
        (b"cunzheng/other/v2", False),
        (b"CUNZHENG/example/v2", False),
        (b"", False),
    ]:
        with pytest.raises(Malformed) as caught:
            check_tag(TAG, found)
        assert caught.value.newer is newer, found


def test_tagged_json() -> None:
    value = {"b": {"y": "~ [] #!", "x": 0}, "a": INTEGER_MAX}
    data = format_tagged(TAG, value)
    assert data == b'cunzheng/example/v1 {"a":9007199254740991,"b":{"x":0,"y":"~ [] #!"}}'
    assert parse_tagged(TAG, data, 4096) == value


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"1", b'"a"', b"null", b"{", b'{"a":1}x', b'{"a":1}\n', b' {"a":1}'),
        *(b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a":"\\u0041"}'),
        *(b'{"a":1.0}', b'{"a":1e2}', b'{"a":-1}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}'),
        *(b'{"a":null}', b'{"a":true}', b'{"a":[]}', b'{"a":9007199254740992}', b'{"a":"\\""}'),
        *(b'{"a":"\\\\"}', b'{"a":"\x7f"}', '{"a":"é"}'.encode(), b'{"a":"\xff"}', b'{"a":"\t"}'),
        *('{"é":1}'.encode(), b'{"a":{"b":{"c":{"d":1}}}}', b'{"a":"' + b"x" * 4096 + b'"}'),
        *(b'\xef\xbb\xbf{"a":1}', b'{"a":' + b"9" * 4000 + b"}", b"[" * 4000),
    ],
)
def test_tagged_json_has_one_spelling(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_tagged(TAG, TAG.encode() + b" " + body, 4096)
    assert not caught.value.newer


def test_a_newer_tag_is_newer_before_its_length_is_judged() -> None:
    with pytest.raises(Malformed) as caught:
        parse_tagged(TAG, b"cunzheng/example/v2 " + b"x" * 9999, 4096)
    assert caught.value.newer


@pytest.mark.parametrize("depth", [4, 100, 700, 810])
def test_deep_nesting_is_refused_wherever_the_stack_stands(depth: int) -> None:
    """The parser of a server runs under a stack of its own, so no depth may come near the limit."""
    hostile = TAG.encode() + b' {"a":' * depth + b"1" + b"}" * depth

    def under(frames: int) -> None:
        if frames:
            under(frames - 1)
        else:
            with pytest.raises(Malformed):
                parse_tagged(TAG, hostile.replace(b' {"a"', b'{"a"').replace(b"v1{", b"v1 {"), 8192)

    for frames in (0, 300, sys.getrecursionlimit() - 400):
        under(frames)


def test_canonical_json_knows_no_float_and_no_constant() -> None:
    assert load_canonical(b'{"a":[true,"\xc3\xa9"]}', "j") == {"a": [True, "é"]}
    for data in (b'{"a":1.5}', b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":-0}', b"\xff"):
        with pytest.raises(Malformed):
            load_canonical(data, "j")


def test_fields_are_all_there_and_no_other() -> None:
    required, optional = frozenset({"a", "b"}), frozenset({"c"})
    for good in ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}):
        assert fields(good, "f", required, optional) == good
    for bad in ({"a": 1}, {"a": 1, "b": 2, "d": 3}, [], None, "a"):
        with pytest.raises(Malformed):
            fields(bad, "f", required, optional)


def test_lines_are_read_in_order() -> None:
    lines = Lines("t", b"first\nn 7\nt 9\nk a\nk b\nverbatim\n\nrest")
    lines.expect("first")
    assert (lines.integer("n"), lines.time("t")) == (7, 9)
    assert lines.value_if("x") is None
    assert lines.values("k", 2) == ["a", "b"]
    assert lines.lines(1) == b"verbatim\n"
    assert lines.starts("\nre")
    lines.expect("")
    assert lines.rest() == b"rest"
    lines.end()


def test_only_line_feeds_end_lines() -> None:
    text = "a\x85b\u2028c\x0bd\re"
    assert Lines("t", f"k {text}\n".encode()).value("k") == text


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"k v", lambda lines: lines.value("k")),
        (b"k \xff\n", lambda lines: lines.value("k")),
        (b"j v\n", lambda lines: lines.value("k")),
        (b"k v\n", lambda lines: lines.expect("k")),
        (b"k 1\nk 2\n", lambda lines: lines.values("k", 1)),
        (b"k 2\n", lambda lines: lines.integer("k", high=1)),
        (b"k 253402272000000\n", lambda lines: lines.time("k")),
        (b"k 00\n", lambda lines: lines.digest("k")),
        (b"k 00\n", lambda lines: lines.digests("k", 9)),
        (b"a\n", lambda lines: lines.lines(2)),
        (b"a\n", lambda lines: lines.end()),
        (b"cunzheng/example/v2\n", lambda lines: lines.tag(TAG)),
    ],
)
def test_lines_raise_at_the_first_surprise(data: bytes, read: Callable[[Lines], Any]) -> None:
    with pytest.raises(Malformed):
        read(Lines("t", data))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_whatever_is_accepted_is_written_the_same_way(value: dict[str, object]) -> None:
    data = format_tagged(TAG, value)
    try:
        parsed = parse_tagged(TAG, data, 4096)
    except Malformed:
        return
    assert format_tagged(TAG, parsed) == data
