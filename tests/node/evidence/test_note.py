"""Signed notes: Go's verdicts, C2SP's rules, and bytes from someone who means harm."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.note import (
    NAME_LENGTH_MAX,
    NOTE_SIZE_MAX,
    SIGNATURES_MAX,
    TYPE_COSIGNATURE,
    TYPE_ED25519,
    TYPE_ML_DSA_44,
    TYPE_OTHER,
    VKEY_LENGTH_MAX,
    Note,
    SignatureLine,
    Vkey,
    ed25519_vkey,
    format_line,
    format_note,
    format_vkey,
    key_id,
    parse_line,
    parse_note,
    parse_vkey,
    sign_ed25519,
    verified_signers,
    verify_ed25519,
)

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(32))
VKEY = ed25519_vkey("example.com/log", SIGNER.public)
TEXT = "中文 text\n\nwith an empty line\n".encode()
LINE = sign_ed25519(TEXT, VKEY.name, SIGNER)
GOOD = format_note(Note(TEXT, (LINE,)))

quick = settings(derandomize=True, deadline=None, max_examples=300)


def test_notes_by_go(published_json: Callable[[str], Any]) -> None:
    """x/mod's own verdict on each; the invalid UTF-8 of one was lost in JSON and is put back."""
    vectors = published_json("go-reference/notes.json")
    known = [parse_vkey(vectors["vkey"])]
    for good in vectors["good"]:
        note = parse_note(good["note"].encode())
        assert note.text == good["text"].encode()
        assert verified_signers(note, known) == tuple(known)
        assert format_note(note) == good["note"].encode()
    for case in vectors["cases"]:
        data = case["note"].encode().replace("\ufffd".encode(), b"\xff")
        verdict = "accept"
        try:
            verified_signers(parse_note(data), known)
        except Malformed:
            verdict = "reject: malformed note"
        except BadSignature as error:
            verdict = f"reject: {error}"
        if case["goResult"] in ("accept", "reject: malformed note"):
            assert verdict == case["goResult"], case["desc"]
        else:
            assert verdict.startswith("reject: "), case["desc"]
            assert verdict != "reject: malformed note", case["desc"]


def test_notes_by_tessera(published: Callable[[str], Path]) -> None:
    vkey = parse_vkey(
        "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    )
    for size in range(16):
        data = (published("tessera-testlog/log") / f"checkpoint.{size}").read_bytes()
        verify_ed25519(parse_note(data), vkey)
        assert format_note(parse_note(data)) == data


def test_the_text_ends_at_the_last_empty_line() -> None:
    assert parse_note(GOOD) == Note(TEXT, (LINE,))
    assert parse_note(b"\n\n" + format_line(LINE)).text == b"\n"


def test_open_semantics() -> None:
    stranger = SignatureLine(VKEY.name, b"\0\0\0\0", b"whatever")
    twice = Note(TEXT, (stranger, LINE, LINE))
    assert verified_signers(twice, [ed25519_vkey("other", OTHER.public), VKEY]) == (VKEY,)
    with pytest.raises(BadSignature, match="no known key"):
        verified_signers(Note(TEXT, (stranger,)), [VKEY])
    with pytest.raises(BadSignature, match=r"example\.com/log did not sign"):
        verify_ed25519(Note(TEXT, (stranger,)), VKEY)
    wrong = SignatureLine(VKEY.name, VKEY.key_id, bytes(64))
    for lines in ((wrong, LINE), (LINE, wrong)):
        with pytest.raises(BadSignature):
            verified_signers(Note(TEXT, lines), [VKEY])
    short = SignatureLine(VKEY.name, VKEY.key_id, b"1")
    with pytest.raises(BadSignature, match="1 bytes"):
        verify_ed25519(Note(TEXT, (short,)), VKEY)


def test_all_signers_are_named_in_the_order_asked() -> None:
    other = ed25519_vkey("a.example", OTHER.public)
    note = Note(TEXT, (LINE, sign_ed25519(TEXT, "a.example", OTHER)))
    assert verified_signers(note, [other, VKEY]) == (other, VKEY)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a text"),
        (TEXT, "signature line"),
        (TEXT + b"\n", "not a text"),
        (GOOD + b"\n", "not a text"),
        (GOOD[:-1], "not a text"),
        (GOOD.replace(b"text", b"te\rt"), "control character"),
        (GOOD.replace(b"text", b"te\xffxt"), "UTF-8"),
        (GOOD.replace(b"text", b"te\xed\xa0\x80xt"), "UTF-8"),
        (TEXT + b"\n" + format_line(LINE) * (SIGNATURES_MAX + 1), "more than 100"),
        (b"x" * (NOTE_SIZE_MAX + 1), "longer than"),
    ],
)
def test_note_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_note(data)


def test_a_hundred_signatures_are_accepted() -> None:
    data = TEXT + b"\n" + format_line(LINE) * SIGNATURES_MAX
    assert len(parse_note(data).signatures) == SIGNATURES_MAX


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("- name AAAAAAA=\n", "em dash"),
        ("—\u00a0name AAAAAAA=\n", "em dash"),
        ("— name AAAAAAA=", "does not end"),
        ("— name\n", "no signature after the name"),
        ("—  AAAAAAA=\n", "a name"),
        ("— na+me AAAAAAA=\n", "a name"),
        ("— na\u3000me AAAAAAA=\n", "a name"),
        ("— na\tme AAAAAAA=\n", "a name"),
        ("— name AAAAAAA= \n", "base64"),
        ("— name  AAAAAAA=\n", "base64"),
        ("— name AAAAAAB=\n", "spelling"),
        ("— name AAAAAA==\n", "no signature after the key id"),
        ("— " + "n" * (NAME_LENGTH_MAX + 1) + " AAAAAAA=\n", "longer than 255"),
    ],
)
def test_line_refused(line: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_line(line.encode())


def test_line_round_trip() -> None:
    assert parse_line(format_line(LINE)) == LINE
    with pytest.raises(Malformed, match="not UTF-8"):
        parse_line(b"\xff\n")


def test_vkeys_of_the_specifications() -> None:
    for text, kind in (
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", TYPE_ED25519),
        (
            "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN",
            TYPE_COSIGNATURE,
        ),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", TYPE_ED25519),
    ):
        vkey = parse_vkey(text)
        assert vkey.type == kind
        assert format_vkey(vkey) == text


def test_a_type_with_a_longer_identifier() -> None:
    """Such as our SM2 lines: ff, an identifier, the key; other tools ignore them as unknown."""
    vkey = Vkey("court.example", TYPE_OTHER, b"cunzheng/sm2/v1" + bytes(91))
    assert vkey.key_id == key_id("court.example", b"\xffcunzheng/sm2/v1" + bytes(91))
    assert parse_vkey(format_vkey(vkey)) == vkey


def test_one_key_has_another_id_for_each_type_and_name() -> None:
    vkeys = [
        ed25519_vkey(name, SIGNER.public, type=kind)
        for name in ("a", "b")
        for kind in (TYPE_ED25519, TYPE_COSIGNATURE)
    ]
    assert len({vkey.key_id for vkey in vkeys}) == 4


def vkey_text(name: str, typed_key: bytes) -> str:
    return format_vkey(Vkey(name, typed_key[0], typed_key[1:]))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a name"),
        ("name", "no key"),
        ("name+00000000", "no key"),
        ("name+0fb5d1a5+AQ==", "no key"),
        (format_vkey(VKEY) + "+", "base64"),
        (format_vkey(VKEY).replace("example", "exemple"), "key id"),
        (format_vkey(VKEY).replace("d455c521", "D455C521"), "key id"),
        (vkey_text("na me", b"\x01" + SIGNER.public.raw), "a name"),
        (vkey_text("", b"\x01" + SIGNER.public.raw), "a name"),
        ("\udcff+00000000+AQ==", "a name"),
        (vkey_text("name", b"\x01" + bytes(31)), "31 bytes are no key of type 01"),
        (vkey_text("name", bytes([TYPE_ML_DSA_44]) + bytes(32)), "no key of type 06"),
        (vkey_text("name", b"\x01" + bytes(32)), "small order"),
        (vkey_text("name", b"\x04" + b"\xff" * 32), "canonical"),
        ("n" * (VKEY_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_vkey_refused(text: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_vkey(text)


def test_damaged_notes_raise_only_malformed_and_never_verify(
    damaged: Callable[[bytes], Iterator[bytes]],
) -> None:
    """A changed name or key id is still a note, but its line is no longer by our key."""
    for data in damaged(GOOD):
        try:
            note = parse_note(data)
        except Malformed:
            continue
        assert format_note(note) == data
        with pytest.raises(BadSignature):
            verified_signers(note, [VKEY])


@quick
@given(st.binary(max_size=200), st.text(max_size=80))
def test_hostile_bytes_raise_only_malformed(data: bytes, text: str) -> None:
    for hostile in (data, text.encode("utf-8", "surrogatepass"), TEXT + b"\n" + data, GOOD + data):
        with suppress(Malformed):
            assert format_note(parse_note(hostile)) == hostile
        with suppress(Malformed):
            assert format_line(parse_line(hostile)) == hostile
    with suppress(Malformed):
        assert format_vkey(parse_vkey(text)) == text
