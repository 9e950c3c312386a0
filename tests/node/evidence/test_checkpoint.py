"""Checkpoint bodies and cosignatures: published cases, one real cosignature, hostile bytes."""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.checkpoint import (
    BODY_SIZE_MAX,
    TIME_MAX,
    Checkpoint,
    cosign,
    cosignature_message,
    cosignature_time,
    format_checkpoint,
    parse_checkpoint,
    parse_foreign_checkpoint,
    verify_cosignature,
)
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.note import (
    TYPE_COSIGNATURE,
    SignatureLine,
    ed25519_vkey,
    lines_by,
    parse_note,
    parse_vkey,
)

SIGNER = Signer(bytes(range(32)))
NAME = "example.com/log/court"
VKEY = ed25519_vkey(NAME, SIGNER.public, TYPE_COSIGNATURE)
CHECKPOINT = Checkpoint("example.com/log", 12, bytes(range(32)))
BODY = format_checkpoint(CHECKPOINT)
TIME = 1_790_000_000
LINE = cosign(BODY, TIME, NAME, SIGNER)

quick = settings(derandomize=True, deadline=None, max_examples=300)


def test_bodies_by_transparency_dev(published_json: Callable[[str], Any]) -> None:
    """The Go parser takes roots of any length and empty extension lines, which C2SP does not.

    With 32 bytes in the place of its roots the verdicts are the same but for the empty lines.
    """
    good_root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    for case in published_json("checkpoint-cases/checkpoint-body.json"):
        with pytest.raises(Malformed):
            parse_checkpoint(case["body"].encode())
        if case["wantErr"] or case["desc"] == "valid with trailing newlines":
            with pytest.raises(Malformed):
                parse_foreign_checkpoint(case["body"].encode())
            continue
        origin, size, _, *extensions = case["body"].split("\n")
        body = "\n".join([origin, size, good_root, *extensions]).encode()
        expected = Checkpoint(origin, int(size), bytes(32))
        assert parse_foreign_checkpoint(body) == (expected, tuple(extensions[:-1]))


def test_body_round_trip() -> None:
    assert parse_checkpoint(BODY) == CHECKPOINT
    empty = Checkpoint("o", 0, bytes(32))
    assert parse_checkpoint(format_checkpoint(empty)) == empty


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BODY + b"extension\n", "extension lines"),
        (BODY + b"\n", "non-empty"),
        (BODY[:-1], "non-empty"),
        (BODY.replace(b"12", b"012"), "plain decimal"),
        (BODY.replace(b"12", b"+12"), "plain decimal"),
        (BODY.replace(b"12", "\u0661\u0662".encode()), "plain decimal"),
        (BODY.replace(b"12", str(2**63).encode()), "plain decimal"),
        (BODY.replace(b"example", b"ex\tmple"), "control character"),
        (BODY.replace(b"example", b"ex\xffmple"), "UTF-8"),
        (BODY.replace(b"AAEC", b"AAE"), "base64"),
        (b"o\n1\nAAAA\n", "3 bytes instead of 32"),
        (b"o" * BODY_SIZE_MAX + BODY, "longer than"),
    ],
)
def test_body_refused(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_checkpoint(body)


def test_the_cosignature_message_of_the_specification() -> None:
    body = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    expected = b"cosignature/v1\ntime 1679315147\n" + body
    assert cosignature_message(body, 1679315147) == expected


def test_cosign_and_verify() -> None:
    assert len(LINE.payload) == 72
    assert cosignature_time(LINE) == TIME
    assert verify_cosignature(BODY, LINE, VKEY) == TIME
    last = cosign(BODY, TIME_MAX, NAME, SIGNER)
    assert verify_cosignature(BODY, last, VKEY) == TIME_MAX


def with_payload(payload: bytes) -> SignatureLine:
    return SignatureLine(LINE.name, LINE.key_id, payload)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (SignatureLine("other", LINE.key_id, LINE.payload), "not by"),
        (SignatureLine(LINE.name, b"\0\0\0\0", LINE.payload), "not by"),
        (with_payload(LINE.payload[:-1]), "71 bytes"),
        (with_payload(LINE.payload + b"\0"), "73 bytes"),
        (with_payload(struct.pack(">Q", TIME_MAX + 1) + LINE.payload[8:]), "a time beyond"),
        (with_payload(struct.pack(">Q", TIME + 1) + LINE.payload[8:]), "did not sign"),
        # A log key's signature over the body is not a seal, and a seal is no log signature.
        (with_payload(struct.pack(">Q", TIME) + SIGNER.sign(BODY).raw), "did not sign"),
    ],
)
def test_cosignature_refused(line: SignatureLine, why: str) -> None:
    with pytest.raises(BadSignature, match=why):
        verify_cosignature(BODY, line, VKEY)


def test_a_cosignature_is_for_one_body() -> None:
    other = format_checkpoint(Checkpoint(CHECKPOINT.origin, 13, CHECKPOINT.root))
    with pytest.raises(BadSignature):
        verify_cosignature(other, LINE, VKEY)


def test_the_time_of_a_line_that_is_no_cosignature() -> None:
    with pytest.raises(Malformed, match="3 bytes instead of 72"):
        cosignature_time(with_payload(b"abc"))


def test_a_cosignature_by_another_program() -> None:
    """Signed by sunlight's skylight, as its test data shows it (FiloSottile/sunlight @ f50dfb8).

    All else here checks us against ourselves.
    """
    vkey = parse_vkey("witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN")
    note = parse_note(
        "rome2026h1.example.org\n"
        "300\n"
        "lCkHUpkmVBEms2r2T1K6Og69+wUuuN3MIEW1/ezu2v0=\n"
        "\n"
        "— rome2026h1.example.org kVB1JgAAAZtxtEwABAMARzBFAiEAi+mTa2xjL1IdWpH82OeciGsGvwRAP+f1Wk"
        "fKaSZCfFECIHoNPZ/Q3y6UNzvKOO9cuLr6V16vPNfhwhle9f6r5H/Z\n"
        "— witness.example.org uKLPIAAAAABpVGeAhm2bOvKc3LaB9PFN1ruG19Y5yqslmcAAbhftnn1Zznmo0LXFZ"
        "q4LGvqKqLX8jWlwLKasxEGTLIqAVusneCBmBw==\n".encode()
    )
    assert parse_checkpoint(note.text).size == 300
    (line,) = lines_by(note, vkey)
    assert verify_cosignature(note.text, line, vkey) == cosignature_time(line) == 1767139200
    with pytest.raises(BadSignature):
        verify_cosignature(note.text.replace(b"300", b"301"), line, vkey)


def test_damaged_bodies_and_payloads(damaged: Callable[[bytes], Iterator[bytes]]) -> None:
    for body in damaged(BODY):
        with suppress(Malformed):
            assert format_checkpoint(parse_checkpoint(body)) == body
        with pytest.raises(BadSignature):
            verify_cosignature(body, LINE, VKEY)
    for payload in damaged(LINE.payload):
        with pytest.raises(BadSignature):
            verify_cosignature(BODY, with_payload(payload), VKEY)


@quick
@given(st.binary(max_size=120))
def test_hostile_bytes_raise_only_malformed(data: bytes) -> None:
    for hostile in (data, b"o\n" + data, b"o\n1\n" + data):
        with suppress(Malformed):
            assert format_checkpoint(parse_checkpoint(hostile)) == hostile
    with suppress(Malformed):
        assert 0 <= cosignature_time(with_payload(data)) <= TIME_MAX
