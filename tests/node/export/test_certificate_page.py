"""Certificates as PDF: everything is there, as text, and nothing typed is ever markup."""

import hashlib
import io
import re
from dataclasses import replace

import pikepdf
import pytest
import segno

from node.export.certificate import fields
from node.export.certificate.document import digest_text
from node.export.certificate.enclosed import take_out
from node.export.certificate.facts import Facts, format_facts
from node.export.certificate.fields import FIELDS
from node.export.certificate.page import INSTALLED, Typesetter
from node.export.certificate.parts import Moment, Point, point
from node.export.certificate.rows import NAME_EN, NAME_ZH, qr_text
from node.words import Notice, OpenPoint
from tests.node.export.certificate_samples import (
    EVERYTHING,
    NOTHING,
    PROOF,
    document_of,
    example,
    facts_of,
    page_of,
    poppler,
    text_of,
    typesetter,
    without_spaces,
)
from tests.node.export.pdfa import failures


def set_page(facts: Facts) -> bytes:
    return typesetter().set(document_of(facts))


def pages_of(pdf: bytes) -> list[str]:
    return text_of(pdf).split("\f")[:-1]


def test_the_first_page_has_what_decides() -> None:
    """Result, time, digests, open points and scope, before anybody turns a page."""
    facts = facts_of()
    first = without_spaces(pages_of(page_of(EVERYTHING))[0])
    assert facts.digests is not None
    assert facts.digests.sha256 is not None
    assert facts.digests.sm3 is not None
    said = [
        "测试链，不得作为证据",
        NAME_ZH,
        NAME_EN,
        facts.evidence_no,
        facts.result.name,
        facts.result.zh,
        facts.result.en,
        "2026-11-2100:00:06北京时间UTC+8(2026-11-2016:00:06UTC)",
        facts.digests.sha256.hex(),
        facts.digests.sm3.hex(),
        Notice.CERTIFICATE_SCOPE.zh,
        Notice.CERTIFICATE_SCOPE.en,
        *(text for each in facts.open_points for text in (each.code, each.zh, each.en)),
    ]
    assert [text for text in said if without_spaces(text) not in first] == []


def test_all_points_there_are_leave_the_scope_on_page_1() -> None:
    # O16 is of a whole bundle, and found by whoever verifies it.
    points = [each for each in OpenPoint if each is not OpenPoint.O16]
    facts = replace(facts_of(), open_points=tuple(map(point, points)))
    first = without_spaces(pages_of(set_page(facts))[0])
    assert all(without_spaces(each.zh) in first for each in points)
    assert without_spaces(Notice.CERTIFICATE_SCOPE.en) in first


def test_long_names_and_many_timestamps_leave_the_points_on_page_1() -> None:
    long = "某某时间戳服务机构有限责任公司" * 20
    stamps = tuple(replace(EVERYTHING.stamps[0], authority=long, time_ms=n) for n in range(9))
    facts = replace(facts_of(), title=long, depositor=None, stamps=stamps)
    first, *others = pages_of(set_page(facts))
    assert all(each.code in first for each in facts.open_points)
    assert "另有 8 个" in first
    assert without_spaces("".join(others)).count(long) == len(stamps) + 1


def test_where_the_fingerprint_is_printed_it_says_that_it_does_not_count() -> None:
    second = without_spaces(pages_of(page_of(EVERYTHING))[1])
    assert facts_of().trust.policy_fingerprint in second
    assert "不得以本证书所载为准" in second


def test_the_block_is_known_by_its_hash_or_its_root() -> None:
    assert "区块以其检查点的树根标识" in without_spaces(text_of(page_of(NOTHING)))
    assert "区块以其检查点的树根标识" not in without_spaces(text_of(page_of(EVERYTHING)))


def test_without_an_opening_page_1_has_what_is_on_the_chain() -> None:
    facts = replace(facts_of(), digests=None, file=None)
    assert facts.item.value.hex() in without_spaces(pages_of(set_page(facts))[0])


def test_every_digest_is_selectable_text() -> None:
    """64 digits in groups of 8, each found by pdftotext."""
    facts = facts_of()
    assert facts.digests is not None
    text = without_spaces(text_of(page_of(EVERYTHING)))
    digests = [
        *(facts.digests.sha256, facts.digests.sm3, facts.item.value, facts.place.entry_hash),
        *(facts.place.root, facts.place.block_hash, facts.contents, facts.trust.roots[0].sha256),
        *(facts.certificates[0].sha256, facts.certificates[0].public_key),
        facts.certificates[0].issuer_signature,
        hashlib.sha256(format_facts(facts)).digest(),
    ]
    assert [each.hex() for each in digests if each is None or each.hex() not in text] == []
    grouped = digest_text(facts.item.value).text
    assert re.fullmatch(r"[0-9a-f]{8}( [0-9a-f]{8}){7}", grouped)
    assert grouped in text_of(page_of(EVERYTHING))


@pytest.mark.parametrize("known", [EVERYTHING, NOTHING])
def test_every_field_stands_on_the_pages(known: object) -> None:
    """Its name and who asserts it, in both languages."""
    text = without_spaces(text_of(set_page(facts_of(known))))  # type: ignore[arg-type]
    said = [word for field in FIELDS if field is not fields.TIMES for word in (field.zh, field.en)]
    said += [word for moment in Moment for word in (moment.zh, moment.en)]
    said += [word for field in FIELDS for each in field.asserters for word in (each.zh, each.en)]
    assert [word for word in said if without_spaces(word) not in text] == []
    if known is NOTHING:
        assert text.count("未提供notprovided") > 20


def test_every_page_has_its_footer() -> None:
    facts, pages = facts_of(), pages_of(page_of(EVERYTHING))
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        last = page.replace("\n", " ")[-120:]
        assert facts.evidence_no in last
        assert f"digest {facts.main_digest.hex()[:16]}" in last
        assert f"{number}/{len(pages)}" in without_spaces(last)


HOSTILE = (
    '*x* _y_ #panic("no") $a^2$ `c` <l> @r \\ // [b] = h',
    "left\u202eright\u2066\u200b",
    "one\ntwo\r\ttab\x00",
    "Z" + "\u0301" * 300,
    "\U0010ffff\ufeff\ue000\U000e0041",
    "العربية עברית ไทย 😀👨‍👩‍👧",
)


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_data(title: str) -> None:
    """It stands there as it was typed, what cannot be shown as its code point, on its own line."""
    pdf = set_page(replace(facts_of(), title=title))
    text = without_spaces(text_of(pdf))
    drawn = "".join(
        each if each.isascii() and each.isprintable() else f"[U+{ord(each):04X}]" for each in title
    )
    assert without_spaces(drawn) in text
    assert failures(pdf) == []


@pytest.mark.parametrize("char", ["A", "字", "\u202e"])
def test_a_long_title_is_whole_and_leaves_page_1_alone(char: str) -> None:
    facts = replace(facts_of(), title=char * 2000)
    first, *others = pages_of(set_page(facts))
    assert all(each.code in first for each in facts.open_points)
    assert without_spaces(Notice.CERTIFICATE_SCOPE.zh) in without_spaces(first)
    shown = char if char.isprintable() else "[U+202E]"
    assert without_spaces("".join(others)).count(shown) >= 2000


def test_rare_characters_are_never_lost() -> None:
    """From the bundled font, from one that is installed, or spelled; never a box."""
    facts = replace(facts_of(), title="龘㐂 𠮷 𪚥")
    alone = Typesetter(()).set(document_of(facts))
    assert "龘㐂 [U+20BB7] [U+2A6A5]" in text_of(alone)
    assert failures(alone) == []
    if all(font.file.is_file() for font in INSTALLED):
        assert "龘㐂 𠮷 [U+2A6A5]" in text_of(set_page(facts))


@pytest.mark.slow
def test_all_that_the_fonts_have_can_be_set() -> None:
    """The engine refuses a glyph that is missing: it must agree with what we read in the fonts."""
    setter = Typesetter(())
    drawn = sorted(setter._drawn)
    assert len(drawn) > 30_000
    for at in range(0, len(drawn), 8000):
        text = "".join(drawn[at : at + 8000])
        points = tuple(
            Point("X", text[start : start + 4000], "x") for start in range(0, len(text), 4000)
        )
        facts = facts_of(NOTHING)
        setter.set(document_of(replace(facts, open_points=(*facts.open_points, *points))))


def test_the_same_certificate_has_the_same_bytes() -> None:
    again = Typesetter()
    assert again.set(document_of(facts_of())) == page_of(EVERYTHING)
    assert again.set(document_of(facts_of())) == page_of(EVERYTHING)


@pytest.mark.parametrize("known", [EVERYTHING, NOTHING])
def test_it_is_pdf_a_3(known: object) -> None:
    pdf = page_of(known)  # type: ignore[arg-type]
    assert failures(pdf) == []


def test_the_check_of_pdf_a_bites() -> None:
    """Without its associated files, its intent or its line feed it is none any more."""
    with pikepdf.open(io.BytesIO(page_of(NOTHING))) as opened:
        del opened.Root.OutputIntents
        del opened.Root.AF[0].AFRelationship
        saved = io.BytesIO()
        opened.save(saved)
    assert len(failures(saved.getvalue())) == 2
    assert failures(page_of(NOTHING)[:-1]) != []


def test_what_is_attached_is_attached_byte_for_byte() -> None:
    with pikepdf.open(io.BytesIO(page_of(EVERYTHING))) as opened:
        held = {
            name: (bytes(each.get_file().read_bytes()), str(each.relationship))
            for name, each in opened.attachments.items()
        }
    assert held == {
        "certificate.json": (format_facts(facts_of()), "/Source"),
        "proof.txt": (PROOF, "/Data"),
        "policy.txt": (example().policy_text, "/Supplement"),
    }


def test_the_qr_code_says_nothing_about_anybody() -> None:
    facts = facts_of()
    written = format_facts(facts)
    digest = hashlib.sha256(written).hexdigest()
    text = qr_text(facts, written)
    assert text == f"https://verify.example.test/v?no={facts.evidence_no}&certificate={digest}"
    assert int(segno.make(text, error="m", micro=False).version) <= 10
    alone = qr_text(replace(facts, url=None), written)
    assert alone == f"{facts.evidence_no} certificate {digest}"


def test_the_qr_code_is_drawn_module_by_module() -> None:
    """Rendered, it is the code it should be: nothing covers or clips it."""
    facts = facts_of()
    text = qr_text(facts, format_facts(facts))
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    drawn = poppler("pdftoppm", page_of(EVERYTHING), "-r", "200", "-gray", "-l", "1", "-")
    _, size, _, pixels = drawn.split(b"\n", 3)
    width, height = map(int, size.split())
    rows = [pixels[at : at + width] for at in range(0, width * height, width)]
    # Below the result, in the right quarter, there is nothing dark but the code.
    box = [
        (x, y) for y in range(height // 5, height * 2 // 5) for x in range(width * 3 // 4, width)
    ]
    dark = [(x, y) for x, y in box if rows[y][x] < 60]
    left, right, top = min(x for x, _ in dark), max(x for x, _ in dark), min(y for _, y in dark)
    step = (right - left + 1) / len(matrix)
    for i, line in enumerate(matrix):
        for j, module in enumerate(line):
            x, y = left + int((j + 0.5) * step), top + int((i + 0.5) * step)
            assert (rows[y][x] < 60) == bool(module)


def test_many_open_points_are_all_printed() -> None:
    facts = facts_of()
    more = tuple(Point(f"X{at:02}", f"事项{at:02}，", f"point {at:02}") for at in range(60))
    text = text_of(set_page(replace(facts, open_points=(*facts.open_points, *more))))
    assert all(f"X{at:02}" in text for at in range(60))


def test_attached_files_are_lines_of_the_pdf() -> None:
    """Whoever has `grep` and no reader of PDF sees them; and readers of PDF see the same."""
    pdf, facts = page_of(EVERYTHING), facts_of()
    enclosed = take_out(pdf)
    assert (enclosed.facts, enclosed.proof) == (format_facts(facts), PROOF)
    assert pdf.split(b"\n").count(enclosed.facts) == 1
    assert b"\nstream\n" + PROOF + b"\nendstream\n" in pdf
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert opened.check_pdf_syntax() == []
        assert len(opened.Root.AF) == 3
        for each in opened.Root.AF:
            assert "/Filter" not in each.EF.F
            assert int(each.EF.F.Params.Size) == len(each.EF.F.read_bytes())
