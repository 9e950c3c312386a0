"""Which answer the second verifier gives where several could be given, and its open points."""

import itertools
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

BLOCK = 6000  # the deposit's block time, after the genesis'
GATEWAY = ("enrol", "gateway", "gateway")
OWNER = "signed by key"
RECEIVER = "received by key"
NOT_SIGNED = "the depositor did not sign"

# Records (action, key, role, effective, successor); the answer; a piece of an open point or reason.
STANDINGS: list[tuple[list[tuple[Any, ...]], str, str]] = [
    ([GATEWAY, ("enrol", "depositor", "depositor", BLOCK)], "V001", ""),
    ([GATEWAY, ("enrol", "depositor", "depositor", BLOCK + 1)], "V001", OWNER),
    ([GATEWAY], "V001", OWNER),
    ([("enrol", "depositor", "depositor")], "V001", RECEIVER),
    ([("enrol", "gateway", "depositor"), ("enrol", "depositor", "court")], "V001", RECEIVER),
    ([GATEWAY, ("enrol", "depositor", "member")], "V001", OWNER),
    ([GATEWAY, ("enrol", "depositor", "court")], "V001", ""),
    ([GATEWAY, ("enrol", "depositor", "gateway")], "V001", NOT_SIGNED),
    (
        [
            GATEWAY,
            ("enrol", "old", "depositor"),
            ("rotate", "old", "depositor", BLOCK, "depositor"),
        ],
        "V001",
        "",
    ),
    (
        [
            GATEWAY,
            ("enrol", "old", "depositor"),
            ("rotate", "old", "depositor", BLOCK + 1, "depositor"),
        ],
        "V001",
        OWNER,
    ),
    *(
        (
            [
                GATEWAY,
                ("enrol", "depositor", "depositor"),
                (action, "depositor", "depositor", *rest),
            ],
            code,
            why,
        )
        for action, *rest, code, why in (
            ("revoke", 0, "V302", "statement's key"),
            ("revoke", BLOCK, "V302", "statement's key"),
            ("revoke", BLOCK + 1, "V001", ""),
            ("rotate", BLOCK, "next", "V302", "statement's key"),
            ("rotate", BLOCK + 1, "next", "V001", ""),
        )
    ),
    ([GATEWAY, ("revoke", "gateway", "gateway")], "V302", "receipt's key"),
    ([GATEWAY, ("enrol", "gateway", "gateway")], "V001", OWNER),
    ([GATEWAY, (*GATEWAY, 0, "", False, None, "stranger")], "V205", "not an authority"),
    ([(*GATEWAY, 0, "", False, False), ("revoke", "gateway", "gateway")], "V200", "serials"),
    ([GATEWAY, ("revoke", "depositor", "depositor", 0, "", True, True)], "V200", "behind"),
    ([GATEWAY, ("enrol", "other", "depositor", 0, "", False, True)], "V200", "another key"),
]


@pytest.mark.parametrize("n", range(len(STANDINGS)))
def test_standing_of_the_keys(stranger: ModuleType, maker: ModuleType, n: int) -> None:
    records, code, why = STANDINGS[n]
    made = maker.make(records=[maker.Record(*record) for record in records])
    answer = stranger.verify(made.proof, made.policy, None, made.file)
    assert answer["code"] == code, answer
    if code == "V001":
        about = [text for text in answer["open"] if text.startswith((OWNER, RECEIVER, NOT_SIGNED))]
        assert why in " ".join(about)
        assert bool(about) == bool(why)
    else:
        assert any(why in finding["text"] for finding in answer["findings"])


def without(key: str) -> Callable[[bytes], bytes]:
    """A policy without this authority."""
    return lambda text: re.sub(rf"#cunzheng authority {re.escape(key)}\n".encode(), b"", text)


def test_a_key_record_needs_an_authority_of_its_own_time(
    stranger: ModuleType, maker: ModuleType
) -> None:
    key = maker.Chain(maker.Plan()).key("authority 0").text
    for which, code in (("policy2", "V001"), ("policy", "V205")):
        made = maker.make(changes=1, hooks={which: without(key)})
        assert stranger.verify(made.proof, made.policy)["code"] == code
    made = maker.make(hooks={"policy": without(key)})
    assert stranger.verify(made.proof, made.policy)["code"] == "V205"


def test_a_policy_governs_the_checkpoints_behind_its_block(
    stranger: ModuleType, maker: ModuleType
) -> None:
    made = maker.make(late_changes=1)
    assert stranger.verify(made.proof, made.policy)["code"] == "V206"
    made = maker.make(late_changes=2, later=1)
    texts = [f["text"] for f in stranger.verify(made.proof, made.policy)["findings"]]
    assert texts == ["the policy was not yet in force"]


def test_two_log_keys_of_one_key_id(stranger: ModuleType, maker: ModuleType) -> None:
    """Four bytes collide among some 80,000 keys; such a policy could not name its signer."""
    origin = maker.Chain(maker.Plan()).origin
    seen: dict[bytes, bytes] = {}
    for n in itertools.count():
        key = maker.sha256(b"%d" % n)[:31] + b"\0"
        identity = maker.key_id(origin, 1, key)
        if identity in seen:
            break
        seen[identity] = key
    two = "".join(f"log {maker.vkey(origin, 1, k)}\n" for k in (key, seen[identity])).encode()
    made = maker.make(hooks={"policy": edit(rb"^log .*\nlog .*\n", two)})
    answer = stranger.verify(made.proof, made.policy)
    assert answer["findings"][0]["text"] == "two log keys of one key id"


# ---- Order ---------------------------------------------------------------------------------------


def edit(pattern: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda text: re.sub(pattern, new, text, count=1, flags=re.M)


# Each fault alone gives its code; of two the one further up does. First the hook or what it is.
FAULTS: dict[str, tuple[str, Any]] = {
    "V200": ("text", edit(rb"^page$", b"Page")),
    "V204": ("trust", None),
    "V104": ("statement", lambda value: {**value, "origin": "other.example"}),
    "V201": ("body", edit(rb"^\d+$", b"2")),
    "V205": ("deposit_entry", edit(rb"^receipt .*", b"receipt ed25519:" + b"A" * 86 + b"==")),
    "V206": ("trust", b"another policy"),
    "V202": ("seals", lambda lines: lines[:1]),
    "V203": ("later_body", edit(rb"^\d+$", b"78")),
    "V302": (
        "records",
        [GATEWAY, ("enrol", "depositor", "court"), ("revoke", "depositor", "court")],
    ),
    "V102": ("file", b"another file"),
    "V502": ("opening", False),
}
PAIRS = list(itertools.combinations_with_replacement(FAULTS, 2))
PAIRS.remove(("V102", "V502"))  # without the opening no file is compared


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_first_answer_that_applies(
    stranger: ModuleType, maker: ModuleType, first: str, second: str
) -> None:
    faults = dict([FAULTS[second], FAULTS[first]])
    records = [maker.Record(*r) for r in faults.pop("records", [])] or maker.ENROLLED
    opening, file = faults.pop("opening", True), faults.pop("file", b"a file\n")
    trusted = "trust" not in faults
    trust = faults.pop("trust", None)
    made = maker.make(later=2, records=records, opening=opening, hooks=faults)
    answer = stranger.verify(made.proof, made.policy if trusted else trust, None, file)
    assert answer["code"] == first, answer


def test_sections_of_two_chains(stranger: ModuleType, maker: ModuleType) -> None:
    one, other = maker.make(seed=1), maker.make(seed=2)
    for names in (["note", "tlog"], ["policy", "members"], ["note", "tlog", "policy", "members"]):
        parts = maker.make(seed=1).parts
        for name in names:
            setattr(parts, name, getattr(other.parts, name))
        for policy in (one.policy, other.policy):
            answer = stranger.verify(parts.render(), policy)
            assert answer["code"] == "V104"


# ---- The file ------------------------------------------------------------------------------------


def test_answers_about_the_file(stranger: ModuleType, maker: ModuleType) -> None:
    def answer(file: bytes, made: Any) -> str:
        return str(stranger.verify(made.proof, made.policy, None, file)["code"])

    def longer(opening: dict[str, Any]) -> dict[str, Any]:
        return {**opening, "size": opening["size"] + 1}

    def half(opening: dict[str, Any]) -> dict[str, Any]:
        return {**opening, "digests": {**opening["digests"], "sm3": bytes(32)}}

    assert answer(b"other", maker.make()) == "V102"
    assert answer(b"b file\n", maker.make()) == "V102"  # of the same size
    assert answer(b"a file\n", maker.make(hooks={"opening": longer})) == "V106"
    assert answer(b"a file\n", maker.make(hooks={"opening": half})) == "V106"
    assert answer(b"other", maker.make(hooks={"opening": half})) == "V102"
    for alg in ("sha256", "sm3"):
        made = maker.make(mode="digest", alg=alg)
        assert answer(made.file, made) == "V001"
        assert answer(b"", made) == "V102"
    assert answer(b"a file\n", maker.make(opening=False)) == "V502"


# ---- Times and trust -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "point"),
    [
        ({"seal_delay": 2}, ""),  # the second of three seals is one second later
        ({"seal_delay": 3}, "4000 ms apart"),
        ({"seal_delay": -4}, ""),
        ({"seal_delay": -5}, "4000 ms apart"),
        ({"seal_delay": 3, "quorum": 1}, ""),
        ({"seal_delay": 3, "skew": 3000}, ""),
        ({"seal_delay": 1, "skew": 0}, "2000 ms apart"),
        ({"accepted": 2000}, ""),
        ({"accepted": 2001}, "accepted by the gateway after"),
        ({"accepted": -(10**9)}, ""),
    ],
)
def test_times_that_do_not_agree_are_open_points(
    stranger: ModuleType, maker: ModuleType, plan: dict[str, Any], point: str
) -> None:
    made = maker.make(network="production", members=1 if "quorum" in plan else 3, **plan)
    answer = stranger.verify(made.proof, made.policy, None, made.file)
    assert answer["code"] == "V001"
    assert len(answer["open"]) == (2 if point else 1)
    assert point in answer["open"][0]


def test_trust_comes_from_elsewhere(stranger: ModuleType, maker: ModuleType) -> None:
    made = maker.make(changes=1)
    fingerprint = maker.fingerprint(made.policies[0])
    assert re.fullmatch("([A-Z2-7]{4}-){7}[A-Z2-7]{4}", fingerprint)
    assert stranger.verify(made.proof, None, fingerprint)["code"] == "V001"
    for wrong in (fingerprint.lower(), fingerprint.replace("-", ""), fingerprint + "\n", ""):
        assert stranger.verify(made.proof, None, wrong)["code"] == "V206"
    for text in (b"", made.policy[:-1], maker.make(seed=2).policy):
        assert stranger.verify(made.proof, text)["code"] == "V206"
    assert stranger.verify(made.proof)["code"] == "V204"


# ---- The head ------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [{}, {"attested": True}, {"mode": "digest", "alg": "sm3"}])
def test_every_line_of_the_head_is_compared(
    stranger: ModuleType, maker: ModuleType, plan: dict[str, Any]
) -> None:
    made = maker.make(**plan)
    head, body = made.proof.split(b"\n\n", 1)
    lines = head.split(b"\n")
    for i in range(1, len(lines)):
        swapped = [*lines[: i - 1], lines[i], lines[i - 1], *lines[i + 1 :]]
        changed = lines[i][:-1] + bytes([lines[i][-1] ^ 1])
        for other in (
            [*lines[:i], *lines[i + 1 :]],
            [*lines[:i], lines[i], *lines[i:]],
            [*lines[:i], changed, *lines[i + 1 :]],
            [*lines[:i], lines[i] + b" ", *lines[i + 1 :]],
            swapped if i > 1 else [],
        ):
            proof = b"\n".join(other) + b"\n\n" + body
            assert stranger.verify(proof, made.policy)["code"] == "V200"
    for tag, code in ((b"v2", "V502"), (b"v0", "V200"), (b"v01", "V200"), (b"v1 ", "V200")):
        proof = made.proof.replace(b"cunzheng/proof/v1", b"cunzheng/proof/" + tag, 1)
        assert stranger.verify(proof, made.policy)["code"] == code


def test_the_head_without_enough_seals(stranger: ModuleType, maker: ModuleType) -> None:
    made = maker.make(sealers=[1])
    answer = stranger.verify(made.proof, made.policy)
    assert answer["code"] == "V202"
    assert "联签时间 Sealed no later than: 联签不足 not enough cosignatures" in answer["head"]
