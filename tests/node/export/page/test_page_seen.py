"""verify.html as a judge uses it: files dropped, a fingerprint typed, one answer, on paper."""

import hashlib
import json
import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from node.export.kit.files import HOW_TO
from node.words import Answer, Notice, ResultCode
from tests.node.export.bundle.bundles import EXAMPLE, example_bundle, flat, zipped
from tests.node.export.page.browser import HTML, PROJECTOR, opened

FINGERPRINT = (EXAMPLE / "fingerprint.txt").read_text().split()[-1]
SAMPLE, PROOF = EXAMPLE / "sample.txt", EXAMPLE / "sample.proof.txt"
BIG = 50 << 20
BIG_S = 30
"""US-6: from the drop of 50 MB to the answer."""


def ask(page: Page, *files: Path, fingerprint: str | None = FINGERPRINT) -> None:
    """Choose these, type that, verify: all a judge does."""
    page.set_input_files("#files", list(files))
    expect(page.locator("#chosen li")).to_have_count(len(files))
    page.fill("#fingerprint", fingerprint or "")
    page.click("#go")


def banner(page: Page) -> tuple[str, str]:
    """(code, what it says); there is one banner, and its mark is no colour."""
    found = page.locator(".banner")
    expect(found).to_have_count(1, timeout=BIG_S * 1000)
    assert found.locator(".mark").inner_text().strip()
    return found.get_attribute("data-code") or "", found.locator("h2").text_content() or ""


def archive(tmp_path: Path, *, full: bool = True) -> Path:
    whole = example_bundle(full=full)
    path = tmp_path / f"{whole.name}.zip"
    path.write_bytes(zipped(flat(whole), whole.name))
    return path


def test_a_file_and_its_proof_on_a_projector(launched: Browser) -> None:
    """Three acts; the answer, what is not proven and the open points are seen without scrolling."""
    with opened(launched) as found:
        page = found.page
        ask(page, SAMPLE, PROOF, fingerprint=FINGERPRINT.lower().replace("-", " "))
        assert banner(page) == ("V001", Answer.CONSISTENT_OPEN_POINTS.zh)
        for selector in (".banner", ".not-proven", ".points", ".timeline"):
            box = page.locator(selector).bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= PROJECTOR["width"] - box["width"]
            assert 0 <= box["y"] <= PROJECTOR["height"] - box["height"], selector
        assert Notice.SCOPE.zh in page.locator(".not-proven").inner_text()
        rows = page.locator(".step")
        assert [row.get_attribute("data-step") for row in rows.all()] == list("0123456")
        assert all("通过" in row.inner_text() for row in rows.all())
        assert page.evaluate("document.documentElement.scrollWidth") <= PROJECTOR["width"]


def test_both_languages_say_the_same(launched: Browser) -> None:
    with opened(launched, "en-US") as found:
        page = found.page
        assert page.locator("h1").inner_text().startswith("Offline")
        ask(page, SAMPLE, PROOF)
        assert banner(page) == ("V001", Answer.CONSISTENT_OPEN_POINTS.en)
        assert "PASS" in page.locator(".step").first.inner_text()
        page.click("#language")
        assert banner(page) == ("V001", Answer.CONSISTENT_OPEN_POINTS.zh)
        assert page.get_attribute("html", "lang") == "zh-CN"
        assert page.locator(".repeat summary").first.inner_text() == "如何自行复核"


def test_answers_differ_in_text_mark_and_code(launched: Browser, tmp_path: Path) -> None:
    """The recorded file, a changed one, one nobody deposited, no fingerprint, a damaged proof."""
    changed, unknown = tmp_path / "changed.txt", tmp_path / "unknown.txt"
    changed.write_bytes(SAMPLE.read_bytes().replace(b"A", b"B"))
    unknown.write_bytes(b"never deposited")
    damaged = tmp_path / "damaged.proof.txt"
    damaged.write_bytes(PROOF.read_bytes().replace(b"size 27", b"size 28"))
    bundled = archive(tmp_path, full=False)
    cases = [
        ((SAMPLE, PROOF), FINGERPRINT, ResultCode.V001),
        ((changed, PROOF), FINGERPRINT, ResultCode.V102),
        ((bundled, unknown), FINGERPRINT, ResultCode.V101),
        ((bundled, SAMPLE), FINGERPRINT, ResultCode.V001),
        ((SAMPLE, PROOF), None, ResultCode.V204),
        ((SAMPLE, damaged), FINGERPRINT, ResultCode.V200),
    ]
    marks: dict[str, set[str]] = {}
    with opened(launched) as found:
        page = found.page
        for files, fingerprint, code in cases:
            ask(page, *files, fingerprint=fingerprint)
            assert banner(page) == (code.name, code.answer.zh)
            marks.setdefault(code.answer.zh, set()).add(page.locator(".mark").inner_text())
            page.click("#again")
    assert all(len(each) == 1 for each in marks.values())
    assert len(set.union(*marks.values())) == len(marks)


def test_a_bundle_has_nine_steps_for_each_deposit(launched: Browser, tmp_path: Path) -> None:
    with opened(launched) as found:
        page = found.page
        ask(page, archive(tmp_path))
        assert banner(page)[0] == "V001"
        parts = page.locator("details.part")
        expect(parts).to_have_count(3)
        steps = [row.get_attribute("data-step") for row in parts.first.locator(".step").all()]
        assert steps == list("012345678")
        outcomes = [row.get_attribute("data-outcome") for row in parts.first.locator(".step").all()]
        assert outcomes == ["passed"] * 7 + ["not checked"] * 2
        commands = parts.first.locator(".repeat pre")
        expect(commands).to_have_count(9)
        with page.expect_download() as saved:
            page.click("#save")
        assert json.loads(saved.value.path().read_text("utf-8"))["code"] == "V001"


def test_an_unpacked_bundle_is_taken(launched: Browser, tmp_path: Path) -> None:
    whole = example_bundle()
    folder = tmp_path / whole.name
    for path, data in flat(whole).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with opened(launched) as found:
        found.page.set_input_files("#folder", folder)
        found.page.fill("#fingerprint", FINGERPRINT)
        found.page.click("#go")
        assert banner(found.page)[0] == "V001"


def test_anchors_are_taken_from_a_folder_or_one_by_one(launched: Browser, tmp_path: Path) -> None:
    """As `--anchors` takes them; remarks are passed over."""
    folder = tmp_path / "anchors"
    folder.mkdir()
    (folder / "policy-fingerprint.txt").write_text(f"# as published\n{FINGERPRINT}\n")
    (folder / "tsa-root.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with opened(launched) as found:
        page = found.page
        page.set_input_files("#folder", folder)
        expect(page.locator("#chosen li.root")).to_have_count(1)
        expect(page.locator("#fingerprint")).to_have_value(FINGERPRINT)
        page.set_input_files("#files", [SAMPLE, PROOF])
        expect(page.locator("#chosen li")).to_have_count(3)
        page.click("#go")
        assert banner(page)[0] == "V001"


def test_what_does_not_hold_is_not_shown_as_proven(launched: Browser) -> None:
    """A forger's policy: its times are marked so, and the scope of a proof is not said."""
    with opened(launched) as found:
        page = found.page
        ask(page, SAMPLE, PROOF, fingerprint="AAAA-" * 7 + "AAAA")
        assert banner(page) == ("V206", Answer.PROOF_NOT_VALID.zh)
        assert "未核验成立" in page.locator(".times").inner_text()
        assert Notice.SCOPE.zh not in page.inner_text("body")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(None, ("V204", Answer.COULD_NOT_CHECK.zh)), ("A" * 32, ("V206", Answer.PROOF_NOT_VALID.zh))],
)
def test_who_forgot_the_fingerprint_or_mistyped_it_goes_back(
    launched: Browser, typed: str | None, answer: tuple[str, str]
) -> None:
    """What was chosen is still there; and nothing is said of a time that was not shown to hold."""
    with opened(launched) as found:
        page = found.page
        ask(page, SAMPLE, PROOF, fingerprint=typed)
        assert banner(page) == answer
        assert Notice.NO_LATER_THAN.zh not in page.inner_text("body")
        page.click("#back")
        expect(page.locator("#fingerprint")).to_be_focused()
        expect(page.locator("#chosen li")).to_have_count(2)
        page.keyboard.press("Control+A")
        page.keyboard.type(FINGERPRINT)
        page.keyboard.press("Enter")
        assert banner(page)[0] == "V001"
        expect(page.locator("#back")).to_have_count(0)


def test_steps_at_a_glance_and_aloud(launched: Browser, tmp_path: Path) -> None:
    """A part that is closed says which of its steps passed, to eyes and to screen readers."""
    changed = tmp_path / "changed.txt"
    changed.write_bytes(b"changed")
    with opened(launched) as found:
        page = found.page
        ask(page, changed, PROOF)
        banner(page)
        glance = page.locator("details.part > summary .glance")
        assert glance.text_content() == "0✓1✕2✓3✓4✓5✓6✓"
        assert "1 未通过, 2 通过" in (glance.get_attribute("aria-label") or "")


def test_a_digest_is_grouped_and_copied_whole(launched: Browser) -> None:
    with opened(launched) as found:
        ask(found.page, SAMPLE, PROOF)
        banner(found.page)
        shown = found.page.locator(".digest").first
        expect(shown.locator("i")).to_have_count(8)
        assert shown.text_content() == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()


# The contrast of every text with what it stands on, as WCAG counts it.
PALE = """() => {
  const parsed = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parsed(color).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (each) => {
    const color = getComputedStyle(each).backgroundColor;
    return parsed(color)[3] === 0 && each.parentElement ? ground(each.parentElement) : color;
  };
  const said = (each) => [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && said(e))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className, e.textContent];
    }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("fingerprint", [FINGERPRINT, None, "AAAA-" * 7 + "AAAA"])
def test_every_text_stands_out(launched: Browser, fingerprint: str | None) -> None:
    with opened(launched) as found:
        assert found.page.evaluate(PALE) == []
        ask(found.page, SAMPLE, PROOF, fingerprint=fingerprint)
        banner(found.page)
        assert found.page.evaluate(PALE) == []
        found.page.evaluate("document.querySelector('.code').style.color = '#888'")
        assert found.page.evaluate(PALE) != []


def test_the_instructions_beside_it_are_as_legible(launched: Browser) -> None:
    page = launched.new_page(viewport={"width": 360, "height": 740})
    page.goto(f"file://{HTML.with_name(HOW_TO)}")
    assert page.evaluate(PALE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


@pytest.mark.parametrize("width", [360, 800, 1366, 1920])
def test_nothing_is_cut_off(launched: Browser, tmp_path: Path, width: int) -> None:
    with opened(launched) as found:
        page = found.page
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ask(page, archive(tmp_path))
        banner(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_projector_is_read_from_afar(launched: Browser) -> None:
    """The answer's letters are a twentieth of a screen high; text is larger on a larger screen."""
    with opened(launched) as found:
        page = found.page
        ask(page, SAMPLE, PROOF)
        banner(page)
        size = "parseFloat(getComputedStyle(document.querySelector('#answer')).fontSize)"
        assert page.evaluate(size) >= PROJECTOR["height"] / 20
        page.set_viewport_size({"width": 1920, "height": 1080})
        assert page.evaluate(size) >= 1080 / 25


def test_a_wrong_fingerprint_is_refused_in_words(launched: Browser) -> None:
    with opened(launched) as found:
        page = found.page
        page.click("#go")
        assert "证据包" in page.locator("#problem").inner_text()
        ask(page, PROOF, fingerprint="GERA-0000")
        assert "8 组" in page.locator("#problem").inner_text()
        assert page.get_attribute("#fingerprint", "aria-invalid") == "true"
        expect(page.locator("#fingerprint")).to_be_focused()
        expect(page.locator(".banner")).to_have_count(0)


def test_by_keyboard_alone(launched: Browser) -> None:
    """Every control is reached by Tab in reading order, shows that it has the focus, and works."""
    with opened(launched) as found:
        page = found.page
        page.set_input_files("#files", [SAMPLE, PROOF])
        expect(page.locator("#chosen li")).to_have_count(2)
        order = []
        for _ in range(7):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.id || 'remove'"))
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            around = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
            assert "none" not in (page.evaluate(outline),) or page.evaluate(around) != "none"
        assert order == ["language", "files", "folder", "remove", "remove", "fingerprint", "go"]
        page.focus("#fingerprint")
        page.keyboard.type(FINGERPRINT)
        page.keyboard.press("Enter")
        assert banner(page)[0] == "V001"
        expect(page.locator("#answer")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        summary = page.locator(".repeat summary").first
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".repeat pre").first).to_be_visible()


def test_printed_on_a4(launched: Browser) -> None:
    """All steps, the typed fingerprint and the scope are on paper; nothing is cut off there."""
    with opened(launched) as found:
        page = found.page
        ask(page, SAMPLE, PROOF)
        banner(page)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 960})  # A4 less its margins.
        assert page.evaluate("document.documentElement.scrollWidth") <= 680
        expect(page.locator(".record")).to_be_visible()
        expect(page.locator("#print")).to_be_hidden()
        assert FINGERPRINT in page.locator(".given").inner_text()
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_names_are_text_and_never_markup(launched: Browser, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>\u202etxt.exe"
    hostile.write_bytes(SAMPLE.read_bytes())
    with opened(launched) as found:
        ask(found.page, hostile, PROOF)
        assert banner(found.page)[0] == "V001"
        assert found.page.locator("img").count() == 0
        assert "<img" in found.page.locator(".given").inner_text()


@pytest.mark.slow
def test_fifty_megabytes(launched: Browser, tmp_path: Path) -> None:
    """Hashed within the time a courtroom waits, and no byte of them leaves the page."""
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(1 << 20) * (BIG >> 20))
    with opened(launched) as found:
        start = time.monotonic()
        ask(found.page, big, PROOF)
        assert banner(found.page)[0] == "V102"
        assert time.monotonic() - start < BIG_S


def test_its_policy_lets_nothing_out(launched: Browser) -> None:
    """What a script in the page could try is refused by the page's own policy."""
    with opened(launched) as found:
        page = found.page
        policy = page.get_attribute("meta[http-equiv]", "content") or ""
        assert re.fullmatch(
            r"default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; "
            r"base-uri 'none'; form-action 'none'",
            policy,
        )
        tried = page.evaluate("fetch('https://example.com/').then(() => 'out', () => 'refused')")
        assert tried == "refused"
        assert any("Content Security Policy" in each for each in found.complaints)
        found.complaints.clear()
        found.requests[1:] = []
