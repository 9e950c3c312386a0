"""Each rule about items, statements, entries and key records is broken once, alone.

A row: the answer, a piece of its reason (so that no row passes for the reason of another), where in
the making something is wrong, what there (a field or a regular expression), what
replaces it, and what is different in the plan.
"""

from collections.abc import Callable
from typing import Any

import pytest

DIGEST = {"mode": "digest", "alg": "sha256"}
PAGES = {"page": 16, "count": 40, "index": 21}
ATTESTED = {"attested": True}
SERIES = {"series": True}
ZERO = "0" * 64
SALT = "0" * 32
SMALL = "ed25519:" + "A" * 43 + "="  # y = 0, a point of order 4
ORDER_8 = "ed25519:JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU="
TOO_BIG = "ed25519:7v" + "/" * 39 + "38="  # y = p + 1
UNSIGNED = "ed25519:" + "A" * 86 + "=="

FIELDS = [
    "alg",
    "category",
    "claimed_at",
    "count",
    "items_root",
    "key",
    "mode",
    "nonce",
    "origin",
    "page",
    "type",
]
ORIGINS = ["", "A.example", "a b", "a//b", "a/", "/a", "a_b", ".a", "a/.b", "a+b", "a" * 129]
ORIGINS += ["cunzheng/x", "cosignature/v1", "c2sp.org/x"]

STATEMENT = [
    *(("V200", "missing", "statement", name, ...) for name in FIELDS),
    ("V200", "unknown field", "statement", "size", 1),
    ("V200", "unknown field", "statement", "details", ZERO),
    ("V200", "none of", "statement", "alg", "sha512"),
    ("V200", "none of", "statement", "alg", "sm3+sha256"),
    ("V200", "none of", "statement", "alg", 1),
    ("V200", "none of", "statement", "category", "A14_6"),
    ("V200", "none of", "statement", "mode", "both"),
    ("V200", "none of", "statement", "type", "correction"),
    ("V200", "go with mode", "statement", "mode", "digest"),
    ("V200", "go with mode", "statement", "alg", "sha256+sm3", DIGEST),
    ("V200", "go with mode", "statement", "page", 16, DIGEST),
    *(("V200", "go with mode", "statement", "page", page) for page in (0, 2, 15, 17)),
    *(("V200", "not an integer from", "statement", "page", page) for page in (True, "1")),
    *(("V200", "not an integer from", "statement", "count", n) for n in (0, 16385, "5", None)),
    *(
        ("V200", "not an integer from", "statement", "claimed_at", time)
        for time in (-1, 253402272000000, "5", True, None, 2**53)
    ),
    *(("V200", "not an integer", "statement", "claimed_at", n) for n in (1.5, 1e30, float("nan"))),
    ("V200", "not a digest", "statement", "items_root", "A" * 64),
    ("V200", "not a digest", "statement", "items_root", "a" * 63),
    ("V200", "not a string", "statement", "items_root", 5),
    ("V200", "not 32 hex", "statement", "nonce", "a" * 64),
    ("V200", "not 32 hex", "statement", "nonce", "A" * 32),
    *(("V200", "not an origin", "statement", "origin", text) for text in ORIGINS),
    *(("V200", "small order", "statement", "key", key) for key in (SMALL, ORDER_8, TOO_BIG)),
    ("V200", "not a key", "statement", "key", "rsa:AAAA"),
    ("V200", "not the base64", "statement", "key", "ed25519:AAAA"),
    ("V502", "mldsa44", "statement", "key", "mldsa44:AAAA"),
    ("V200", "not a digest", "statement", "profile", ""),
    ("V200", "not a digest", "statement", "submitter", ""),
    ("V200", "not an object", "statement", "series", ""),
    ("V200", "missing", "statement", "series", {}),
    ("V200", "prev is there", "statement", "series", {"id": ZERO, "seq": 3}),
    ("V200", "prev is there", "statement", "series", {"id": ZERO, "seq": 0, "prev": ZERO}),
    ("V200", "unknown field", "statement", "series", {"id": ZERO, "seq": 0, "x": 1}),
    ("V200", "not an integer", "statement", "series", {"id": ZERO, "seq": -1}),
    ("V200", "without submitter", "statement", "submitter", ..., ATTESTED),
    ("V200", "more than 4096", "statement", "x", "x" * 4096),
    ("V200", "printable ASCII", "statement", "origin", "é"),
    ("V200", "printable ASCII", "statement", "origin", "a\x7f"),
    ("V200", "printable ASCII", "statement", "origin", 'a"'),
    ("V200", "printable ASCII", "statement", "origin", "a\\"),
    ("V200", "another spelling", "statement_line", "{", "{ "),
    ("V200", "another spelling", "statement_line", " {", "  {"),
    ("V200", "another spelling", "statement_line", '","', '", "'),
    ("V200", "another spelling", "statement_line", "{(.*?),(.*?),", r"{\2,\1,"),
    ("V200", "another spelling", "statement_line", '"page":1', '"page":1,"page":1'),
    ("V200", "another spelling", "statement_line", '"alg"', r'"\\u0061lg"'),
    ("V200", "another spelling", "statement_line", '"count":5', '"count":-0'),
    ("V200", "another spelling", "statement_line", "{.*}", "[]"),
    ("V200", "not JSON", "statement_line", '"count":5', '"count":05'),
    ("V200", "not JSON", "statement_line", "}$", "},"),
    ("V200", "not JSON", "statement_line", "{.*}", "[" * 4000),
    ("V200", "not JSON", "statement_line", " {.*}", ""),
    ("V200", "not an integer", "statement_line", '"count":5', '"count":5.0'),
    ("V200", "not an integer", "statement_line", '"count":5', '"count":5e0'),
    ("V502", "newer", "statement_line", "statement/v1", "statement/v2"),
    *(
        ("V200", "instead of cunzheng/statement", "statement_line", "statement/v1", tag)
        for tag in ("statement/v0", "statement/v01", "statement/v", "statement/V1", "receipt/v1")
    ),
]

HIDDEN = "\x7f\x85\xad\u034f\u061c\u115f\u1160\u17b5\u180b\u180f\u200b\u200f\u2028\u202e\u2060"
HIDDEN += "\u206f\u3164\ufeff\uffa0\ufff9\ufffb\U000e0000\U000e0fff"

OPENING = [
    ("V200", "give the item", "text", "^salt .*", f"salt {ZERO}"),
    ("V200", "give the item", "text", "^sha256 .*", f"sha256 {ZERO}"),
    ("V200", "give the item", "text", "^sm3 .*", f"sm3 {ZERO}"),
    ("V200", "give the item", "text", "^size 7$", "size 8"),
    ("V200", "give the item", "text", "^details .*\n", ""),
    ("V200", "give the item", "text", ",12]", ",13]"),
    ("V200", "go with mode", "text", "^sm3 .*\n", ""),
    ("V200", "go with mode", "text", "^sha256 .*\n", ""),
    ("V200", "go with mode", "text", "^size", f"sm3 {ZERO}\nsize", {"alg": "sha256"}),
    ("V200", "go with mode", "text", r"\A", f"opening\nsalt {ZERO}\nsize 7\n\n", DIGEST),
    ("V200", "instead of size", "text", "^(sha256 .*\n)(sm3 .*\n)", r"\2\1"),
    ("V200", "instead of size", "text", "^(sm3 .*\n)", r"\1\1"),
    ("V200", "instead of salt", "text", "^salt .*\n", ""),
    ("V200", "not a digest", "text", "^salt .*", f"salt {SALT}"),
    ("V200", "not an integer", "text", "^size 7", "size 07"),
    ("V200", "not an integer", "text", "^size 7", "size 9007199254740992"),
    ("V200", "instead of 'page'", "text", r"\A", "\n"),
    ("V200", "without keys", "details", ".+", "{}"),
    ("V200", "not JSON", "details", ".+", "{"),
    ("V200", "another spelling", "details", ".+", "[]"),
    ("V200", "another spelling", "details", ",", ", "),
    ("V200", "another spelling", "details", "{(.*]),(.*])}", r"{\2,\1}"),
    ("V200", "another spelling", "details", "é", r"\\u00e9"),
    ("V200", "another spelling", "details", "é", r"\\/"),
    ("V200", "not JSON", "details", "é", r"\\ud800"),
    ("V200", "not a key", "details", "pages", "p-ges"),
    ("V200", "not a key", "details", "pages", "p" * 65),
    ("V200", "not a key", "details", "file_name", "1"),
    ("V200", "not 32 hex", "details", '"[0-9a-f]{32}"', f'"{ZERO}"'),
    ("V200", "not a string", "details", '"[0-9a-f]{32}"', "0"),
    ("V200", "not [salt", "details", r"\[.*?\]", "1"),
    ("V200", "not [salt", "details", ",12]", "]"),
    ("V200", "not [salt", "details", ",12]", ",12,12]"),
    ("V200", "not an integer from", "details", ",12]", ",null]"),
    ("V200", "not an integer from", "details", ",12]", ",-1]"),
    ("V200", "not an integer from", "details", ",12]", ",[]]"),
    ("V200", "not an integer from", "details", ",12]", ",{}]"),
    ("V200", "not an integer", "details", ",12]", ",1.5]"),
    ("V200", "too many bytes", "details", "é", "é" * 8192),
    *(("V200", "hides", "details", "é", c) for c in HIDDEN),
    *(("V200", "hides", "details", "é", c) for c in (r"\\n", r"\\u0000", r"\\u001f")),
]

PAGE = [
    ("V200", "not the items", "text", "^item .*\n", ""),
    ("V200", "not the items", "text", "^item .*\n", "", PAGES),
    ("V200", "not the items", "text", "^(item .*\n)", r"\1\1"),
    ("V200", "not the items", "text", "^(item .*\n)", r"\1\1", PAGES),
    ("V200", "not the items", "text", "^item-index 2$", "item-index 5"),
    ("V200", "not the items", "statement", "count", 2),
    ("V200", "not the items", "statement", "count", 31, PAGES),
    ("V201", "page's path", "statement", "count", 9),
    ("V201", "page's path", "statement", "items_root", ZERO),
    ("V201", "page's path", "text", "^item-index 2$", "item-index 3"),
    ("V201", "page's path", "text", "^(item .*\n)(item .*\n)", r"\2\1", PAGES),
    ("V201", "page's path", "text", "^path .*\n", ""),
    ("V201", "page's path", "text", "^(path .*\n)", r"\1\1"),
    ("V201", "page's path", "text", "^(path .*\n)(path .*\n)", r"\2\1"),
    ("V201", "page's path", "text", "^path .*", f"path {ZERO}"),
    ("V200", "give the item", "text", "^item .*", f"item {ZERO}"),
    ("V201", "page's path", "text", "^item .*", f"item {ZERO}", {"opening": False}),
    ("V200", "not a digest", "text", "^path .*", f"path {SALT}"),
    ("V200", "63 hashes", "text", "^path", f"path {ZERO}\n" * 63 + "path"),
    ("V200", "not an integer", "text", "^item-index 2", "item-index 02"),
    ("V200", "instead of item-index", "text", "^item-index 2", "item 2"),
    ("V200", "empty content", "text", "^page", "page", DIGEST | {"file": b""}),
    (
        "V200",
        "empty content",
        "text",
        "^page",
        "page",
        {"mode": "digest", "alg": "sm3", "file": b""},
    ),
]

ENTRY_LINES = [
    "kind",
    "height",
    "time",
    "first-item",
    "gateway",
    "accepted-at",
    "receipt",
    "signature",
]
INTEGERS = ["", "-1", "+1", "01", "1.0", " 1", "1 ", "1e3", "٣", "9007199254740992", "0x1"]
BASE64 = ["", "A" * 86, "A" * 86 + "=", "A" * 85 + "B==", "A" * 88, "-" * 86 + "=="]
BASE64 += ["A" * 40 + " " + "A" * 45 + "==", "A" * 84 + "====", "é" * 86 + "=="]

ENTRY = [
    ("V205", "the receipt", "receipt", '"accepted_at":1', '"accepted_at":2'),
    ("V205", "the receipt", "receipt", "receipt/v1", "statement/v1"),
    ("V205", "the receipt", "receipt", "cunzheng.test", "cunzheng.tesu"),
    ("V205", "the receipt", "receipt", '"statement":"....', '"statement":"0000'),
    ("V205", "the receipt", "deposit_entry", "^accepted-at 1", "accepted-at 2"),
    ("V205", "the receipt", "deposit_entry", "^receipt .*", f"receipt {UNSIGNED}"),
    ("V205", "the statement", "deposit_entry", "^signature .*", f"signature {UNSIGNED}"),
    ("V205", "the statement", "deposit_entry", '"claimed_at":1', '"claimed_at":2'),
    ("V502", "newer", "deposit_entry", "entry/v1", "entry/v2"),
    ("V200", "instead of cunzheng/entry", "deposit_entry", "entry/v1", "entry/v0"),
    ("V200", "instead of 'kind statement'", "deposit_entry", "kind statement", "kind key"),
    *(("V200", "instead of", "deposit_entry", f"^{name} .*\n", "") for name in ENTRY_LINES),
    *(("V200", "", "deposit_entry", f"^({name} .*\n)", r"\1\1") for name in ENTRY_LINES),
    *(
        ("V200", "not an integer", "deposit_entry", f"^{name} .*", f"{name} {text}")
        for name in ("height", "time", "first-item", "accepted-at")
        for text in INTEGERS
    ),
    ("V200", "not a time", "deposit_entry", "^time .*", "time 253402272000000"),
    ("V200", "not a time", "deposit_entry", "^accepted-at .*", "accepted-at 253402272000000"),
    ("V200", "12 digits", "deposit_entry", "^first-item .*", "first-item 999999999996"),
    ("V200", "small order", "deposit_entry", "^gateway .*", f"gateway {SMALL}"),
    ("V502", "mldsa44", "deposit_entry", "^gateway .*", "gateway mldsa44:AAAA"),
    ("V502", "mldsa44", "deposit_entry", "^receipt .*", "receipt mldsa44:AAAA"),
    ("V502", "mldsa44", "deposit_entry", "^signature .*", "signature mldsa44:AAAA"),
    *(
        ("V200", "base64", "deposit_entry", "^signature .*", f"signature ed25519:{text}")
        for text in BASE64
    ),
    ("V200", "unexpected", "deposit_entry", r"\Z", "x\n"),
    ("V200", "too many bytes", "deposit_entry", "^accepted-at", "x" * 65536 + "\naccepted-at"),
]

RECORD_FIELDS = ["action", "effective", "key", "origin", "role", "serial"]

KEYS = [
    *(("V200", "missing", "key_record", name, ...) for name in RECORD_FIELDS),
    ("V200", "unknown field", "key_record", "x", 1),
    ("V200", "unknown field", "key_record", "successor", SMALL),
    ("V200", "missing", "key_record", "action", "rotate"),
    ("V200", "none of", "key_record", "action", "renew"),
    ("V200", "none of", "key_record", "role", "judge"),
    ("V200", "not an integer from 1", "key_record", "serial", 0),
    ("V200", "not an integer from", "key_record", "effective", 253402272000000),
    ("V200", "serials", "key_record", "serial", 2),
    ("V200", "another key", "key_record", "key", "ed25519:" + "B" * 42 + "A="),
    ("V200", "more than 1024", "key_record", "x", "x" * 1024),
    ("V200", "small order", "key_record", "key", SMALL),
    ("V502", "mldsa44", "key_record", "key", "mldsa44:AAAA"),
    ("V104", "origins", "key_record", "origin", "other.example/x"),
    ("V502", "newer", "key_entry", "key/v1", "key/v2"),
    ("V502", "newer", "key_entry", "entry/v1", "entry/v2"),
    ("V502", "mldsa44", "key_entry", "^authority .*", "authority mldsa44:AAAA"),
    ("V200", "instead of", "key_entry", "^authority .*\n", ""),
    ("V200", "instead of 'kind key'", "key_entry", "kind key", "kind policy"),
    ("V200", "unexpected", "key_entry", r"\Z", "x\n"),
    ("V205", "the signature", "key_entry", "^signature .*", f"signature {UNSIGNED}"),
    ("V205", "the signature", "key_entry", '"effective":1', '"effective":2'),
    ("V200", "ascending", "text", r"(^key\n(?:.+\n)*\n)(^key\n(?:.+\n)*\n)", r"\2\1"),
    ("V200", "ascending", "text", r"(^key\n(?:.+\n)*\n)", r"\1\1"),
    ("V200", "instead of policy", "text", "^key$", "keys"),
    ("V200", "not an integer", "text", "^(key\nindex) 3", r"\1 03"),
    ("V201", "key entry 2", "text", "^(key\nindex) 3", r"\1 2"),
    ("V201", "key entry 3", "text", "^(key\nindex 3\n)path .*\n", r"\1"),
    ("V201", "key entry 3", "text", "^(key\nindex 3\n)(path .*\n)", r"\1\2\2"),
    ("V201", "key entry 3", "text", "^(key\nindex 3\n)path .*\n", rf"\1path {ZERO}\n"),
    ("V200", "63 hashes", "text", "^(key\nindex 3\n)", r"\1" + f"path {ZERO}\n" * 64),
    ("V200", "behind the entry", "text", "^(index) 9", r"\1 4"),
]

ROWS = [
    (*row[:5], row[5] if len(row) > 5 else {}) for row in STATEMENT + OPENING + PAGE + ENTRY + KEYS
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[2]}-{row[1]}-{row[0]}")
def test_breaks_one_rule(refuses: Callable[[Any], None], row: Any) -> None:
    refuses(row)
