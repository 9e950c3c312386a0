"""Each rule about checkpoints, policies and the proof's frame is broken once, alone.

The rows are those of test_stranger_refuses.py.
"""

from collections.abc import Callable
from typing import Any

import pytest

CHANGED = {"changes": 1}
TWICE = {"changes": 2}
LATER = {"later": 2}
SAME = {"later": -1}
ALL = {"changes": 1, "later": 2}
DIGEST = {"mode": "digest", "alg": "sha256"}
ZERO = "0" * 64
NO_ROOT = "A" * 43 + "="
SMALL = "ed25519:" + NO_ROOT
SECTION = r"(?:.+\n)*\n"
SEAL = r"— \S+/{} .*\n"
COURT, NOTARY, FORENSIC = (SEAL.format(name) for name in ("court", "notary", "forensic"))

SEALS = [
    ("V202", "policy's order", "seals", f"({COURT})({NOTARY})", r"\2\1"),
    ("V202", "policy's order", "seals", f"({NOTARY})({FORENSIC})", r"\2\1"),
    ("V202", "fewer", "seals", NOTARY + FORENSIC, ""),
    ("V200", "1 to 32", "seals", COURT + NOTARY + FORENSIC, ""),
    ("V200", "two lines", "seals", f"({COURT})", r"\1\1"),
    ("V202", "does not hold", "seals", "/notary", "/stranger"),
    ("V202", "does not hold", "seals", f"/notary(.*\n){FORENSIC}", r"/forensic\1"),
    ("V202", "does not hold", "seals", r"(/notary) ....", r"\1 AAAA"),
    ("V202", "does not hold", "seals", "(/notary .{16}).{8}", r"\1AAAAAAAA"),
    ("V200", "a cosignature of", "seals", "/notary", "notary"),
    ("V200", "a cosignature of", "seals", "cunzheng", "cunzhens"),
    ("V200", "a member's name", "seals", "/notary", "/Notary"),
    *(
        ("V200", "a member's name", "seals", "/notary", f"/{name}")
        for name in ("all", "any", "genesis", "members", "none", "-", "1a", "a" * 33)
    ),
    ("V200", "signature line", "seals", "^—", "-"),
    ("V200", "signature line", "seals", "^— ", "—  "),
    ("V200", "signature line", "seals", "$", " "),
    ("V200", "signature line", "seals", "$", "\n"),
    ("V200", "base64 of 76", "seals", r"(/notary) .{12}", r"\1 "),
    ("V200", "year 9999", "seals", "(/notary ......)A", r"\1/"),
    ("V202", "the log line", "log_line", r"(/\S+) ....", r"\1 AAAA"),
    ("V202", "the log line", "log_key", "court", "stranger"),
    ("V202", "the log line", "log_key", "log", "witness"),
    ("V200", "instead of", "log_line", "cunzheng", "cunzhens"),
    ("V200", "base64 of 68", "log_line", ".*\n", ""),
    ("V200", "base64 of 76", "log_line", "(.*\n)", r"\1\1"),
    ("V200", "base64", "log_line", r"=*\n", "AAAA\n"),
    ("V200", "instead of ''", "body", r"\Z", "extension\n"),
    ("V200", "not an integer", "body", r"^(\d+)$", r"0\1"),
    ("V200", "base64", "body", r"^\S+=$", "AAAA"),
    ("V200", "not an origin", "body", "^cunzheng", "Cunzheng"),
    ("V201", "entry's path", "body", r"^\S+=$", NO_ROOT),
    ("V201", "entry's path", "body", r"^\d+$", "9"),
    ("V201", "entry's path", "body", r"^\d+$", "0"),
    ("V201", "entry's path", "text", r"^(c2sp.*\nindex 9\n)\S+\n", r"\1"),
    ("V201", "entry's path", "text", r"^(c2sp.*\nindex 9\n)(\S+\n)", r"\1\2\2"),
    ("V201", "entry's path", "text", r"^(c2sp.*\nindex 9\n)(\S+\n)(\S+\n)", r"\1\3\2"),
    *(("V201", "entry's path", "text", "^index 9$", f"index {n}") for n in (8, 10, 12, 2**53 - 1)),
    ("V200", "63 hashes", "text", "^(index 9\n)", r"\1" + f"{NO_ROOT}\n" * 62),
    ("V200", "not an integer", "text", "^index 9$", "index 09"),
    ("V200", "base64", "text", "^(index 9\n)", rf"\g<1>{ZERO}\n"),
    ("V200", "instead of index", "text", "^(c2sp.*\n)index", r"\1extra AAAA\nindex"),
]

POLICY = [
    ("V502", "newer", "policy", "policy v1", "policy v2"),
    ("V502", "newer", "policy", "rules 1", "rules 3"),
    ("V502", "mldsa44", "policy", "^#cunzheng authority .*", "#cunzheng authority mldsa44:AAAA"),
    ("V200", "instead of", "policy", "policy v1", "policy v0"),
    ("V200", "instead of", "policy", "policy v1", "policy  v1"),
    ("V200", "instead of", "policy", "#cunzheng policy v1", "# cunzheng policy v1"),
    ("V200", "none of", "policy", "network test", "network testing"),
    ("V200", "instead of", "policy", "^#cunzheng network .*\n", ""),
    ("V200", "instead of", "policy", "^#cunzheng rules .*\n", ""),
    ("V200", "instead of", "policy", "^(#cunzheng rules .*\n)(.*\n)", r"\2\1"),
    ("V200", "not an integer", "policy", "rules 1", "rules one"),
    ("V200", "number 0", "policy", "rules 1", "rules 0"),
    ("V200", "number 0", "policy", "serial 1", "serial 0"),
    ("V200", "not an integer", "policy", "serial 1", "serial 01"),
    ("V200", "more than a minute", "policy", "skew-ms 2000", "skew-ms 60001"),
    ("V200", "not an integer", "policy", "skew-ms 2000", "skew-ms  2000"),
    ("V200", "not a digest", "policy", "members .{64}", "members " + "A" * 64),
    ("V200", "not its policy's", "policy", "members .{64}", f"members {ZERO}", CHANGED),
    ("V200", "not the policy's", "policy", "members .{64}", f"members {ZERO}"),
    ("V200", "ascending", "policy", r"^(#cunzheng auth.*\n)(.*\n)", r"\2\1"),
    ("V200", "ascending", "policy", r"^(#cunzheng auth.*\n)", r"\1\1"),
    ("V200", "ascending", "policy", r"^(#cunzheng auth.*\n)+", ""),
    ("V200", "small order", "policy", r"^(#cunzheng authority) .*\n.*", rf"\1 {SMALL}"),
    ("V200", "1 to 32", "policy", "^log", "\nlog"),
    ("V200", "instead of", "policy", "^witness", "# a comment\nwitness"),
    ("V200", "base64", "policy", "^(witness .*)$", r"\1 https"),
    ("V200", "base64", "policy", r"^(log .*)$", r"\1 https://log.example"),
    ("V200", "the policy's lines differ", "policy", "^log .*\n", ""),
    ("V200", "the policy's lines differ", "policy", "^witness .*\n", ""),
    ("V200", "1 to 32", "policy", "^(log .*\n)+", ""),
    ("V200", "stands twice", "policy", "^(log .*\n)", r"\1\1"),
    ("V200", "stands twice", "policy", "^(witness .*\n)", r"\1\1"),
    ("V200", "another type or id", "policy", r"^(log \S+)\+\w{8}\+", r"\1+00000000+"),
    ("V200", "another type or id", "policy", r"^(log \S+)\+A.", r"\1+BB"),
    ("V200", "another type or id", "policy", r"^(log cunzheng)", r"\1s"),
    ("V200", "not a verifier key", "policy", "^log .*", "log x"),
    ("V200", "another type or id", "policy", r"/court\+", "/notary+"),
    ("V200", "a member's name", "policy", "^witness court", "witness Court"),
    ("V200", "instead of", "policy", "^witness court", "witness notary"),
    ("V200", "lines differ", "policy", "2 court notary", "2 notary court"),
    ("V200", "lines differ", "policy", " forensic\n", "\n"),
    ("V200", "lines differ", "policy", " forensic\n", " forensic x\n"),
    ("V200", "lines differ", "policy", "2 court", "2  court"),
    ("V200", "cannot be", "policy", "members 2", "members 0"),
    ("V200", "cannot be", "policy", "members 2", "members 4"),
    *(("V200", "not an integer", "policy", "members 2", f"members {q}") for q in ("any", "02", "")),
    ("V200", "instead of group members", "policy", "^group members", "group others"),
    ("V200", "instead of 'quorum members'", "policy", "quorum members", "quorum none"),
    ("V200", "unexpected", "policy", "quorum members", "quorum members\n#"),
    ("V200", "no majority", "body", "$", "", {"network": "production", "quorum": 1, "members": 2}),
    ("V200", "no majority", "body", "$", "", {"network": "production", "quorum": 2, "members": 4}),
]

OTHERS = "\t\x7f\xa0\xad\xb6\u0250\u2000\u200b\u2028\u202e\u3000\u3012\ufeff\ue000\ufffd\U0001f600"

MEMBERS = [
    ("V502", "newer", "members", "members/v1", "members/v2"),
    ("V502", "newer", "members", r"\Z", "key court mldsa44:AAAA\n"),
    ("V200", "instead of", "members", "members/v1", "members/v0"),
    ("V200", "none of", "members", "notary other", "notary bank"),
    ("V200", "none of", "members", "^member notary .*", "member notary"),
    ("V200", "empty", "members", "^member notary .*", "member notary other"),
    ("V200", "empty", "members", "^member notary .*", "member notary other "),
    ("V200", "too long", "members", "No. 2", "x" * 100),
    ("V200", "a space", "members", "No. 2", "No.  2"),
    ("V200", "a space", "members", "示例机构 No. 2", " No. 2"),
    ("V200", "a space", "members", "No. 2", "No. 2 "),
    ("V200", "two members", "members", "No. 2", "No. 1"),
    ("V200", "a member's name", "members", "^member notary", "member none"),
    ("V200", "not the policy's", "members", "^member notary", "member other"),
    ("V200", "not the policy's", "members", "^(member court .*\n)(.*\n)", r"\2\1"),
    ("V200", "not the policy's", "members", "^member notary .*\n", ""),
    ("V200", "1 to 32", "members", "^(member .*\n)+", ""),
    ("V200", "1 to 32", "members", "^member notary", "member court"),
    ("V200", "unexpected", "members", "^member notary", "Member notary"),
    ("V200", "not the policy's", "text", "No. 2", "No. 9"),
    *(("V200", "other characters", "members", "No. 2", f"No.{c}2") for c in OTHERS),
]

CHANGE = [
    ("V206", "not signed", "note2_text", r"^— .*\n\Z", ""),
    ("V206", "not signed", "note2_text", r"^(— .*\n)(— .*\n)", r"\2\1"),
    ("V206", "not signed", "note2_text", r"^(— .*\n)(— .*\n)", r"\1\2\1"),
    ("V206", "not signed", "note2_text", r"^(— \S+) ....", r"\1 AAAA"),
    ("V206", "not signed", "note2_text", "^— cunzheng", "— cunzhens"),
    ("V200", "without signatures", "note2_text", r"^(— .*\n)+", ""),
    ("V200", "breaks off", "note2_text", r"^\n(— .*\n)+", ""),
    ("V200", "signature line", "note2_text", r"^\n", "\n\n"),
    ("V206", "another previous", "note2", "previous .*", f"previous {ZERO}"),
    ("V206", "another network", "policy2", "network test", "network production"),
    ("V200", "another serial or origin", "note2", "^serial 2", "serial 3"),
    ("V200", "another serial or origin", "note2", "^origin .*", "origin a.example"),
    ("V200", "another serial or origin", "policy2", "serial 2", "serial 3"),
    ("V200", "not an origin", "note2", "^origin .*", "origin c2sp.org/x"),
    ("V200", "not its policy's", "note2", "No. 2", "No. 9"),
    ("V200", "instead of members", "note2", r"^members (\d+)$", r"\nmembers \1"),
    ("V502", "newer", "note2", "policy/v1", "policy/v2"),
    ("V502", "newer", "policy2", "rules 1", "rules 3"),
    ("V502", "newer", "policy_entry", "entry/v1", "entry/v2"),
    ("V200", "has a previous", "note", "previous 0", "previous 1"),
    ("V200", "unexpected", "note", r"\Z", "\nx\n"),
    ("V200", "serial says", "text", f"^(policy-entry\n{SECTION})", ""),
    ("V200", "serial says", "text", f"^(policy-entry\n{SECTION})", "", TWICE),
    ("V200", "serial says", "text", "^(policy-entry(.*\n)*)(?=c2sp)", ""),
    ("V200", "run from leaf 1", "text", "^(policy-entry\nindex) 1", r"\1 0"),
    ("V206", "not yet in force", "body", "$", "", {"late_changes": 1}),
    ("V201", "policy entry 1", "text", "^(policy-entry\nindex 1\n)path .*\n", r"\1"),
    ("V201", "policy entry 1", "text", "^(policy-entry\nindex 1\n)path .*", rf"\1path {ZERO}"),
    ("V201", "policy entry 9", "text", "^(policy-entry\nindex) 8", r"\1 9"),
    ("V200", "the policy of the proof", "text", "skew-ms 2000", "skew-ms 2001"),
]

GROWN = [
    ("V202", "later checkpoint: fewer", "later_seals", NOTARY + FORENSIC, ""),
    ("V202", "later checkpoint: cosig", "later_seals", f"({COURT})({NOTARY})", r"\2\1"),
    ("V202", "later checkpoint: a cosig", "later_seals", "/notary", "/stranger"),
    ("V200", "1 to 32", "later_seals", r"(.*\n)+", ""),
    ("V202", "later checkpoint: the log", "later_log_line", r"(/\S+) ....", r"\1 AAAA"),
    ("V203", "consistency", "later_body", r"^\S+=$", NO_ROOT),
    ("V203", "consistency", "later_body", r"^\d+$", "40"),
    ("V203", "consistency", "text", r"^(later\n)path .*\n", r"\1"),
    ("V203", "consistency", "text", r"^(later\n)(path .*\n)", r"\1\2\2"),
    ("V203", "consistency", "text", r"^(later\n)path .*", rf"\1path {ZERO}"),
    ("V203", "consistency", "text", r"^later\n(path .*\n)+", "later\n"),
    ("V200", "chain or smaller", "later_body", r"^\d+$", "11"),
    ("V203", "consistency", "text", r"^later\n", f"later\npath {ZERO}\n", SAME),
    ("V203", "consistency", "later_body", r"^\S+=$", NO_ROOT, SAME),
    ("V200", "63 hashes", "text", r"^later\n", "later\n" + f"path {ZERO}\n" * 63),
    ("V200", "breaks off", "text", r"^note \d+", "note 99999"),
    ("V200", "instead of ''", "text", r"^note \d+", "note 7"),
]

SECTIONS = ["opening", "page", "entry", "key", "policy", "members", "policy-entry", "later"]

FRAME = [
    ("V200", "instead of 'page'", "text", "^opening$", "Opening"),
    *(("V200", "", "text", rf"\n\n({name}\b)", r"\n\1") for name in SECTIONS[1:]),
    *(("V200", "", "text", rf"\n\n({name}\b)", r"\n\n\n\1") for name in SECTIONS[1:]),
    *(("V200", "", "text", rf"^{name}\b", f"{name} ") for name in SECTIONS),
    *(
        ("V200", "", "text", rf"^({name}) (\d+)$", r"\1 0")
        for name in ("entry", "policy", "members")
    ),
    *(
        ("V200", "", "text", rf"^({name}) (\d+)$", r"\1 0\2")
        for name in ("entry", "policy", "members", "note")
    ),
    *(
        ("V200", "", "text", rf"^({name}) \d+$", rf"\1 {n}")
        for name, right in (("entry", 10), ("policy", 16), ("members", 4), ("note", 8))
        for n in (right - 1, right + 1, right + 2)
    ),
    ("V200", "", "text", rf"(^opening\n{SECTION})(page\n{SECTION})", r"\2\1"),
    ("V200", "", "text", rf"(^page\n{SECTION})", r"\1\1"),
    ("V200", "", "text", r"(^later\n(?:.*\n)*)(?=c2sp)", r"\1\1"),
    ("V200", "instead of 'c2sp.org/tlog-proof@v1'", "text", "tlog-proof@v1", "tlog-proof@v2"),
    ("V200", "too many bytes", "text", "^opening", "x" * 4_194_304 + "opening"),
]


ROWS: list[Any] = [
    (*row[:5], row[5] if len(row) > 5 else plan)
    for rows, plan in (
        (SEALS, {}),
        (POLICY, {}),
        (MEMBERS, {}),
        (CHANGE, CHANGED),
        (GROWN, LATER),
        (FRAME, ALL),
    )
    for row in rows
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[2]}-{row[1]}-{row[0]}")
def test_breaks_one_rule(refuses: Callable[[Any], None], row: Any) -> None:
    refuses(row)
