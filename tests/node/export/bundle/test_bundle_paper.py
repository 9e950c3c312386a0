"""certificate.pdf in a bundle: it goes with certificate.json, and nothing of it is unsigned."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from node.evidence.verdict import Outcome
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.flaws import Flaw
from node.export.bundle.paper import NotCovered, of_certificate, signed_part
from node.export.bundle.trust import Trust
from node.export.bundle.verifiers import NotValid
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.vouching import vouching
from node.words import OpenPoint, ResultCode
from tests.node.export.bundle.bundles import sealed_again, zipped
from tests.node.export.bundle.pages import pages, signed_pages
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.certificate_samples import PASSWORD, issue
from tests.node.export.kit.handed_over import handed_over, whole_world
from tests.node.export.paper import holder

JSON = layout.CERTIFICATE_JSON
PDF = layout.CERTIFICATE_PDF


@pytest.fixture(scope="module")
def world() -> World:
    return whole_world()


@pytest.fixture(scope="module")
def files(world: World) -> dict[str, bytes]:
    return handed_over(world)


def check(tmp_path: Path, files: dict[str, bytes], trust: Trust) -> CheckedBundle:
    path = tmp_path / "EVB.zip"
    path.write_bytes(zipped(sealed_again(files)))
    return check_bundle(path, trust, verifiers=vouching(NOW_S))


def left_open(checked: CheckedBundle) -> bool:
    """Whether every deposit says that nobody vouches for the certificate; else none says it."""
    (found,) = {OpenPoint.O16 in each.verdict.open_points for each in checked.deposits}
    return found


def last(checked: CheckedBundle) -> tuple[Outcome, ResultCode | None]:
    """What is said of the PDF, which comes last."""
    finding = checked.findings[-1]
    assert finding.step == 8
    assert "PDF" in finding.zh
    assert "PDF" in finding.en
    return finding.outcome, finding.code


def test_a_line_is_found_without_a_list_of_all_lines() -> None:
    """Which would be a gigabyte for a gateway that is sent 64 MB of short lines."""
    for pdf, once in ((b"x\ny", 1), (b"x", 1), (b"\nx\n", 1), (b"x\nx", 0), (b"yx\nxy", 0)):
        assert of_certificate(pdf, b"x") is bool(once), pdf
    assert not of_certificate(b"x\ny", b"x\ny")
    assert not of_certificate(b"\n\n", b"")
    lines = b"ab\n" * (1 << 20)
    tracemalloc.start()
    try:
        assert not of_certificate(lines, b"cd")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(lines)
    finally:
        tracemalloc.stop()


def test_the_pages_of_these_tests_are_a_pdf(files: dict[str, bytes]) -> None:
    """As other readers see one, with the file attached that ours sees."""
    with pikepdf.open(io.BytesIO(files[PDF])) as opened:
        assert len(opened.pages) == 1
        assert opened.Root.AF[0].EF.F.read_bytes() == files[JSON]
    assert files[PDF].startswith(pages(files[JSON]))


def test_a_pdf_signed_by_the_platform_is_told_so(
    world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    checked = check(tmp_path, files, world.trust())
    assert last(checked) == (Outcome.PASSED, None)
    assert checked.code is ResultCode.V001
    assert not left_open(checked)
    signatures = {layout.CERTIFICATE_CMS, layout.CERTIFICATE_SM2}
    for path in signatures:
        one = {name: data for name, data in files.items() if name != path}
        assert not left_open(check(tmp_path, one, world.trust()))
    none = {name: data for name, data in files.items() if name not in signatures}
    assert left_open(check(tmp_path, none, world.trust()))


def test_what_pyhanko_signs_is_taken(files: dict[str, bytes]) -> None:
    """PAdES, with its own layout: the same bytes are found, and its CMS is one for our reader."""
    root = issue("root")
    key = PdfSigningKey(issue("platform", root).pkcs12(), PASSWORD)
    pdf = key.sign(pages(files[JSON]), "reason")
    part = signed_part(pdf)
    assert part is not None
    assert of_certificate(pdf, files[JSON])
    cms = vouching(NOW_S).cms
    assert cms is not None
    roots = [root.pem]
    signatory = cms(part.message, part.signature, enclosed=[], roots=roots, at_ms=NOW_S * 1000)
    assert "platform" in signatory.subject


def test_without_a_signature_its_pages_were_not_checked(
    world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    checked = check(tmp_path, files | {PDF: pages(files[JSON])}, world.trust())
    assert last(checked) == (Outcome.NOT_CHECKED, None)
    assert left_open(checked)
    assert checked.code is ResultCode.V001


def test_without_a_root_from_outside_nobody_vouches_for_it(
    world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    checked = check(tmp_path, files, Trust(world.trust().anchor))
    assert last(checked) == (Outcome.NOT_CHECKED, None)
    assert left_open(checked)
    forger = whole_world("forger")
    checked = check(tmp_path, files, forger.trust())
    assert last(checked) == (Outcome.FAILED, ResultCode.V304)


def test_it_holds_the_certificate_of_this_bundle(
    world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    """Signed by the platform itself, but for another bundle; twice; none; or there is no other."""
    other = files[JSON].replace(b"contents", b"contentz")
    signer = holder(world.p256)
    twice = files[JSON] + b"\nendstream\n" + files[JSON]
    for attached in (other, b" " + files[JSON], files[JSON] + b"\n\n" + files[JSON], twice):
        forged = files | {PDF: signed_pages(attached, signer, NOW_S)}
        checked = check(tmp_path, forged, world.trust())
        assert Flaw.PDF in checked.flaws
        assert checked.code is ResultCode.V207
    alone = {path: data for path, data in files.items() if not path.startswith(JSON)}
    assert Flaw.PDF in check(tmp_path, alone, world.trust()).flaws


def flipped(at: bytes) -> Callable[[bytes], bytes]:
    """One bit of the first byte of what is found there."""
    return lambda pdf: pdf.replace(at, bytes([at[0] ^ 1]) + at[1:])


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a byte appended": lambda pdf: pdf + b"\n",
    "another revision appended": lambda pdf: pdf + b"1 0 obj\n<<>>\nendobj\n%%EOF\n",
    "cut off": lambda pdf: pdf[:-1],
    "a byte in front": lambda pdf: b"\n" + pdf,
    "the range's name": flipped(b"/ByteRange"),
    "the range": flipped(b"[0 "),
    "the kind of signature": flipped(b"/ETSI.CAdES"),
    "a page": flipped(b"MediaBox"),
    "the gap in front": lambda pdf: pdf.replace(b"Contents <3082", b"Contents < 082"),
    "a digit's case": lambda pdf: pdf.replace(b"Contents <3082", b"Contents <3082A", 1),
    "the padding": lambda pdf: pdf.replace(b"00>>>", b"01>>>"),
    "another padding": lambda pdf: pdf.replace(b"00>>>", b"0g>>>"),
    "no padding left": lambda pdf: pdf.replace(b"<3082", b"<3082ffff0"),
    "a second signature": lambda pdf: pdf + b"%/ByteRange [0 1 2 3]\n",
    "a signature that says less": lambda pdf: pdf.replace(b"<3082", b"<3081"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_its_signature_does_not_cover_is_named(
    case: str, world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    forged = DAMAGE[case](files[PDF])
    assert forged != files[PDF]
    checked = check(tmp_path, files | {PDF: forged}, world.trust())
    assert last(checked) == (Outcome.FAILED, ResultCode.V304)
    assert checked.code is ResultCode.V304


def test_whoever_has_no_roots_sees_what_was_appended_too(
    world: World, files: dict[str, bytes], tmp_path: Path
) -> None:
    checked = check(tmp_path, files | {PDF: files[PDF] + b"\n"}, Trust(world.trust().anchor))
    assert last(checked) == (Outcome.FAILED, ResultCode.V304)


def test_every_bit_of_it_counts(world: World, files: dict[str, bytes]) -> None:
    """Each byte of a signed PDF flipped: it is not covered, or the signature does not hold."""
    pdf, root = files[PDF], world.trust().platform_roots
    for at in range(0, len(pdf), 13):
        forged = bytearray(pdf)
        forged[at] ^= 1 << at % 8
        with pytest.raises((NotCovered, NotValid)):
            accept(bytes(forged), root)
    accept(pdf, root)


def accept(pdf: bytes, roots: tuple[bytes, ...]) -> None:
    """The signature inside, taken for one and verified."""
    part, cms = signed_part(pdf), vouching(NOW_S).cms
    assert part is not None
    assert cms is not None
    cms(part.message, part.signature, enclosed=[], roots=roots, at_ms=NOW_S * 1000)
