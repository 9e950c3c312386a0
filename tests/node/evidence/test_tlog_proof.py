"""The published proof file: its own test table, and bytes from someone who means harm."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.malformed import Malformed
from node.evidence.tlog_proof import (
    EXTRA_SIZE_MAX,
    PATH_MAX,
    PROOF_SIZE_MAX,
    TlogProof,
    format_tlog_proof,
    parse_tlog_proof,
)

HASH = bytes(range(32))
PROOF = TlogProof(5, (HASH, bytes(32)), "o\n6\n\n— o AAAA\n".encode())
GOOD = format_tlog_proof(PROOF)

quick = settings(derandomize=True, deadline=None, max_examples=300)


def test_proofs_by_transparency_dev(published_json: Callable[[str], Any]) -> None:
    cases = published_json("checkpoint-cases/tlog-proof.json")
    for case in cases["valid"]:
        proof = parse_tlog_proof(case["text"].encode())
        assert proof.index == case["index"]
        assert proof.path == tuple(base64.b64decode(each) for each in case["hashes"])
        assert proof.checkpoint == case["checkpoint"].encode()
        assert proof.extra == (case["extra"] and base64.b64decode(case["extra"]))
        assert format_tlog_proof(proof) == case["text"].encode()
    for name, text in cases["invalid"]:
        with pytest.raises(Malformed):
            pytest.fail(f"{name}: {parse_tlog_proof(text.encode())}")


@pytest.mark.parametrize("extra", [None, b"", b"\0", bytes(EXTRA_SIZE_MAX)])
def test_round_trip(extra: bytes | None) -> None:
    proof = TlogProof(0, (HASH,) * PATH_MAX, b"a\n\n\n\nb\n", extra)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


HEADER = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty line"),
        (HEADER + b"\nc\n", "no index"),
        (HEADER + b"index 0\n\n", "an empty line"),
        (HEADER + b"index 0\n\nc", "an empty line"),
        (HEADER.replace(b"v1", b"v2") + b"index 0\n\nc\n", "does not begin"),
        (HEADER.replace(b"\n", b"\r\n") + b"index 0\n\nc\n", "does not begin"),
        (HEADER + b"extra AA==\n\nc\n", "no index"),
        (HEADER + b"extra AA==\nextra AA==\nindex 0\n\nc\n", "no index"),
        (HEADER + b"extra AB==\nindex 0\n\nc\n", "spelling"),
        (HEADER + b"index 0\nextra AA==\n\nc\n", "base64"),
        (HEADER + b"index 00\n\nc\n", "plain decimal"),
        (HEADER + b"index  0\n\nc\n", "plain decimal"),
        (HEADER + "index \u0660\n\nc\n".encode(), "not ASCII"),
        (format_tlog_proof(TlogProof(0, (HASH,) * (PATH_MAX + 1), b"c\n")), "more than 63"),
        (format_tlog_proof(TlogProof(0, (HASH[1:],), b"c\n")), "31 bytes"),
        (format_tlog_proof(TlogProof(0, (), b"c\n", bytes(EXTRA_SIZE_MAX + 1))), "extra data"),
        (b"x" * (PROOF_SIZE_MAX + 1), "longer than"),
    ],
)
def test_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_tlog_proof(data)


def test_damaged_proofs_change_or_are_refused(
    damaged: Callable[[bytes], Iterator[bytes]],
) -> None:
    for data in damaged(GOOD):
        with suppress(Malformed):
            proof = parse_tlog_proof(data)
            assert format_tlog_proof(proof) == data
            assert proof != PROOF


@quick
@given(st.binary(max_size=120))
def test_hostile_bytes_raise_only_malformed(data: bytes) -> None:
    for hostile in (data, HEADER + data, HEADER + b"index 0\n" + data, GOOD + data):
        with suppress(Malformed):
            assert format_tlog_proof(parse_tlog_proof(hostile)) == hostile
