"""What a witness is sent and answers: read strictly, and every answer of c2sp.org/tlog-witness."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.sim.disk import SimDisk
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint, verify_cosignature
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.merkle import EMPTY_ROOT, consistency_path, leaf_hash, root
from node.evidence.note import (
    SIGNATURES_MAX,
    TYPE_COSIGNATURE,
    Note,
    SignatureLine,
    Vkey,
    ed25519_vkey,
    format_note,
    parse_line,
    parse_note,
    sign_ed25519,
)
from node.evidence.tlog_policy import parse_policy
from node.witness.cosigning import Witness
from node.witness.protocol import (
    PATH_LENGTH_MAX,
    REQUEST_SIZE_MAX,
    SIZE_TYPE,
    AddCheckpoint,
    Answer,
    Conflict,
    Refused,
    format_request,
    parse_conflict,
    parse_cosignatures,
    parse_request,
)
from node.witness.state import State
from node.witness.watching import Watched, watched_by_policy

ORIGIN = "log.example/one"
NAME = "witness.example/court"
NOW_S = 1_790_000_000
LOG, OTHER, WITNESS = (Signer(bytes([n]) * 32) for n in (1, 2, 3))
LEAVES = [leaf_hash(b"%d" % n) for n in range(40)]
FORKED = [*LEAVES[:5], leaf_hash(b"another"), *LEAVES[6:]]
STATE = Path("/state")


def note(size: int, leaves: list[bytes] = LEAVES, by: Signer = LOG, origin: str = ORIGIN) -> bytes:
    body = format_checkpoint(Checkpoint(origin, size, root(leaves[:size])))
    return format_note(Note(body, (sign_ed25519(body, origin, by),)))


def request(old: int, size: int, leaves: list[bytes] = LEAVES, **changes: Any) -> bytes:
    path = consistency_path(old, size, leaves) if 0 < old <= size else []
    values = {"old_size": old, "path": tuple(path), "note": note(size, leaves)} | changes
    return format_request(AddCheckpoint(**values))


@pytest.fixture
def witness() -> Iterator[Witness]:
    """One that watches `ORIGIN` and has cosigned nothing."""
    disk = SimDisk()
    State.create(STATE, disk)
    state = State(STATE, disk)
    watched = Watched(ORIGIN, (ed25519_vkey(ORIGIN, LOG.public),))
    yield Witness(NAME, WITNESS, [watched], state)
    state.close()


def vkey(witness: Witness) -> Vkey:
    return witness.vkey


def seen_size(witness: Witness) -> int:
    last = witness.state.last(ORIGIN)
    return last.size if last else 0


# What is sent.


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=PATH_LENGTH_MAX),
    st.binary(max_size=200),
)
def test_a_request_is_read_as_it_was_written(old: int, path: list[bytes], rest: bytes) -> None:
    request = AddCheckpoint(old, tuple(path), rest)
    assert parse_request(format_request(request)) == request


HASH = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no empty line"),
        (f"old 1\n{HASH}\n", "no empty line"),
        ("old 01\n\nx", "decimal"),
        ("old +1\n\nx", "decimal"),
        ("old\n\nx", "does not begin"),
        ("Old 1\n\nx", "does not begin"),
        ("old  1\n\nx", "decimal"),
        ("old 1\r\n\r\nx\n\n", "decimal"),
        (f"old 1\n{HASH[:-1]}\n\nx", "base64"),
        (f"old 1\n{HASH[:-2]}B=\n\nx", "base64"),
        (f"old 1\n{HASH} \n\nx", "base64"),
        ("old 1\nAAAA\n\nx", "3 bytes instead of 32"),
        ("old 1\n" + f"{HASH}\n" * (PATH_LENGTH_MAX + 1) + "\nx", "more than 63"),
        ("old 9223372036854775808\n\nx", "decimal"),
        ("öld 1\n\nx", "not ASCII"),
        ("old 1\n\n" + "x" * REQUEST_SIZE_MAX, "longer"),
    ],
)
def test_what_is_no_request_is_refused(text: str, why: str, witness: Witness) -> None:
    with pytest.raises(Malformed, match=why):
        parse_request(text.encode())
    assert witness.add_checkpoint(text.encode(), NOW_S).status == 400


@given(st.binary(max_size=300))
def test_hostile_bytes_have_one_exception(data: bytes) -> None:
    for read in (parse_request, parse_cosignatures):
        try:
            read(data)
        except Malformed:
            continue
    with pytest.raises(Malformed):
        parse_conflict(Answer(409, data, "text/plain"))


@pytest.mark.parametrize("body", [b"12", b"+1\n", b"01\n", b"1\n\n", b"\xff\n", b"\n", b"-1\n"])
def test_a_conflict_names_one_size(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_conflict(Answer(409, body, SIZE_TYPE))
    assert parse_conflict(Conflict(12).answer) == 12


# What is answered.


def test_a_tree_that_grows_is_cosigned(witness: Witness) -> None:
    for old, size in ((0, 1), (1, 5), (5, 5), (5, 40)):
        answer = witness.add_checkpoint(request(old, size), NOW_S + size)
        assert answer.status == 200
        (line,) = parse_cosignatures(answer.body)
        body = parse_note(note(size)).text
        assert verify_cosignature(body, line, vkey(witness)) == NOW_S + size
        kept = witness.state.note(sha256(ORIGIN.encode()))
        assert kept == note(size) + answer.body


@pytest.mark.parametrize(
    ("status", "old", "size", "changes"),
    [
        (400, 6, 5, {}),
        (400, 41, 40, {"path": (bytes(32),)}),
        (400, 5, 8, {"note": b"nonsense\n"}),
        (400, 5, 8, {"note": note(8)[:-1]}),
        (404, 5, 8, {"note": note(8, origin="log.example/two")}),
        (404, 9, 8, {"note": note(8, by=OTHER, origin="log.example/two")}),
        (403, 5, 8, {"note": note(8, by=OTHER)}),
        (403, 9, 8, {"note": note(8, by=OTHER)}),
        (409, 0, 8, {}),
        (409, 4, 8, {}),
        (409, 8, 8, {}),
        (422, 5, 8, {"path": ()}),
        (422, 5, 8, {"path": tuple(consistency_path(4, 8, LEAVES))}),
        (422, 5, 8, {"path": (*consistency_path(5, 8, LEAVES), bytes(32))}),
        (422, 5, 5, {"path": (bytes(32),)}),
    ],
)
def test_every_refusal(
    witness: Witness, status: int, old: int, size: int, changes: dict[str, Any]
) -> None:
    assert witness.add_checkpoint(request(0, 5), NOW_S).status == 200
    answer = witness.add_checkpoint(request(old, size, **changes), NOW_S)
    assert answer.status == status
    if status == 409:
        assert (answer.body, answer.content_type) == (b"5\n", "text/x.tlog.size")
    assert seen_size(witness) == 5


def test_a_fork_is_not_cosigned(witness: Witness) -> None:
    """Neither another tree of one size, nor one that grows from it, whatever path is sent."""
    assert witness.add_checkpoint(request(0, 8), NOW_S).status == 200
    assert witness.add_checkpoint(request(8, 8, FORKED), NOW_S).status == 422
    for size in (9, 16, 40):
        assert witness.add_checkpoint(request(8, size, FORKED), NOW_S).status == 422
        honest = tuple(consistency_path(8, size, LEAVES))
        assert witness.add_checkpoint(request(8, size, FORKED, path=honest), NOW_S).status == 422
    assert witness.add_checkpoint(request(8, 9), NOW_S).status == 200


def test_the_empty_tree(witness: Witness) -> None:
    body = format_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)))
    wrong = format_note(Note(body, (sign_ed25519(body, ORIGIN, LOG),)))
    assert root([]) == EMPTY_ROOT
    assert witness.add_checkpoint(request(0, 0, note=wrong), NOW_S).status == 422
    assert witness.add_checkpoint(request(0, 0, path=(bytes(32),)), NOW_S).status == 422
    assert witness.add_checkpoint(request(0, 0), NOW_S).status == 200
    assert witness.add_checkpoint(request(0, 3, path=(bytes(32),)), NOW_S).status == 422
    assert witness.add_checkpoint(request(0, 3), NOW_S).status == 200


def test_a_known_key_that_did_not_sign_spoils_the_note(witness: Witness) -> None:
    good = parse_note(note(8))
    bad = SignatureLine(good.signatures[0].name, good.signatures[0].key_id, bytes(64))
    both = format_note(Note(good.text, (*good.signatures, bad)))
    assert witness.add_checkpoint(request(0, 8, note=both), NOW_S).status == 403


def test_lines_by_unknown_keys_are_neither_judged_nor_kept(witness: Witness) -> None:
    good = parse_note(note(8))
    unknown = parse_line("— somebody.example AAAAAAAA\n".encode())
    both = format_note(Note(good.text, (unknown, *good.signatures)))
    answer = witness.add_checkpoint(request(0, 8, note=both), NOW_S)
    assert witness.state.note(sha256(ORIGIN.encode())) == note(8) + answer.body


def test_a_line_sent_many_times_is_kept_once(witness: Witness) -> None:
    """A note of as many lines as a note may have, and ours, would be one that nobody can read."""
    good = parse_note(note(8))
    many = format_note(Note(good.text, good.signatures * SIGNATURES_MAX))
    answer = witness.add_checkpoint(request(0, 8, note=many), NOW_S)
    assert witness.state.note(sha256(ORIGIN.encode())) == note(8) + answer.body
    assert witness.add_checkpoint(request(8, 9), NOW_S).status == 200


def test_extension_lines_of_a_foreign_log_are_cosigned_with_it(witness: Witness) -> None:
    body = format_checkpoint(Checkpoint(ORIGIN, 8, root(LEAVES[:8]))) + b"timestamp 1\n"
    extended = format_note(Note(body, (sign_ed25519(body, ORIGIN, LOG),)))
    answer = witness.add_checkpoint(request(0, 8, note=extended), NOW_S)
    (line,) = parse_cosignatures(answer.body)
    assert verify_cosignature(body, line, vkey(witness)) == NOW_S


# A log with a policy.


def quorum_note(size: int, *members: str, leaves: list[bytes] = LEAVES) -> bytes:
    plain = parse_note(note(size, leaves))
    lines = [
        cosign(plain.text, NOW_S, f"{ORIGIN}/{member}", Signer(sha256(member.encode())))
        for member in members
    ]
    return format_note(Note(plain.text, (*plain.signatures, *lines)))


def policy_text(*members: str, quorum: int = 2) -> bytes:
    def key(member: str) -> str:
        signer = Signer(sha256(member.encode()))
        found = ed25519_vkey(f"{ORIGIN}/{member}", signer.public, TYPE_COSIGNATURE)
        return (
            f"{found.name}+{found.key_id.hex()}+"
            + base64.b64encode(b"\x04" + found.public).decode()
        )

    log = ed25519_vkey(ORIGIN, LOG.public)
    lines = [
        f"log {log.name}+{log.key_id.hex()}+{base64.b64encode(bytes([1]) + log.public).decode()}",
        *(f"witness {member} {key(member)}" for member in members),
        f"group members {quorum} {' '.join(members)}",
        "quorum members",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def test_one_member_alone_gets_no_cosignature() -> None:
    """By a policy, the log's signature is not enough: the members' quorum must have cosigned."""
    disk = SimDisk()
    State.create(STATE, disk)
    old = watched_by_policy(parse_policy(policy_text("court", "notary", "lab")))
    new = watched_by_policy(parse_policy(policy_text("court", "guild")))
    witness = Witness(NAME, WITNESS, [*old, *new], State(STATE, disk))
    for members, status in (
        ((), 403),
        (("court",), 403),
        (("court", "stranger"), 403),
        (("court", "court"), 403),
        (("court", "lab"), 200),
    ):
        answer = witness.add_checkpoint(request(0, 8, note=quorum_note(8, *members)), NOW_S)
        assert answer.status == status, members
    # Under the next policy, too.
    path = tuple(consistency_path(8, 9, LEAVES))
    body = request(8, 9, path=path, note=quorum_note(9, "court", "guild"))
    assert witness.add_checkpoint(body, NOW_S).status == 200
    assert seen_size(witness) == 9


def test_a_log_without_keys_is_none() -> None:
    with pytest.raises(Malformed, match="no key"):
        Watched(ORIGIN, ())
    with pytest.raises(Malformed, match="type 01"):
        Watched(ORIGIN, (ed25519_vkey(ORIGIN, LOG.public, TYPE_COSIGNATURE),))


def test_refusals_say_why() -> None:
    assert Refused(403, "nobody signed").answer == Answer(403, b"nobody signed\n")
