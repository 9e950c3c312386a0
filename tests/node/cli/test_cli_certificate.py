"""`cunzheng verify CERTIFICATE.pdf`, and `--record` of any verification."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.export.bundle.writing import write_directory, write_zip
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.certificate.record import Outcome, parse_verification
from node.words import Answer
from tests.node.export.bundle.bundles import example_bundle
from tests.node.export.certificate_samples import (
    EVERYTHING,
    EXAMPLE,
    FILE,
    FINGERPRINT,
    PASSWORD,
    PROOF,
    issue,
    page_of,
    text_of,
    without_spaces,
)
from tests.node.export.pdfa import failures

Run = Any


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A signed certificate, the file, and anchors from elsewhere."""
    top = issue("示例根 root")
    key = PdfSigningKey(issue("示例存证平台", top).pkcs12(), PASSWORD)
    (tmp_path / "certificate.pdf").write_bytes(key.sign(page_of(EVERYTHING), "reason"))
    (tmp_path / "sample.txt").write_bytes(FILE)
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    (anchors / "platform.pem").write_bytes(top.pem)
    shutil.copy(EXAMPLE / "fingerprint.txt", anchors / "policy-fingerprint.txt")
    return tmp_path


def test_the_pdf_is_all_that_is_needed(desk: Path, run: Run) -> None:
    pdf, anchors = desk / "certificate.pdf", desk / "anchors"
    outcome = run("verify", pdf, "--anchors", anchors)
    assert outcome.exit_code == Answer.CONSISTENT_OPEN_POINTS.exit_code
    assert "8 ✓ passed  the PDF was signed by CN=示例存证平台" in outcome.out
    assert "the certificate says what the proof inside says" in outcome.out
    assert run("verify", pdf, "--policy-fingerprint", FINGERPRINT).exit_code == 10
    assert run("verify", pdf).exit_code == Answer.COULD_NOT_CHECK.exit_code


def test_the_file_is_compared_in_either_spelling(desk: Path, run: Run) -> None:
    pdf, file, anchors = desk / "certificate.pdf", desk / "sample.txt", desk / "anchors"
    for line in ((pdf, "--file", file), (file, "--proof", pdf)):
        assert run("verify", *line, "--anchors", anchors).exit_code == 10
        file.write_bytes(FILE + b"x")
        outcome = run("verify", *line, "--anchors", anchors, "--json")
        assert outcome.exit_code == Answer.NOT_DEPOSITED_BYTES.exit_code
        assert outcome.json["verdict"]["code"] == "V102"
        file.write_bytes(FILE)


def test_a_certificate_with_bytes_behind_it_is_refused(desk: Path, run: Run) -> None:
    pdf = desk / "certificate.pdf"
    pdf.write_bytes(pdf.read_bytes() + b"\n")
    outcome = run("verify", pdf, "--anchors", desk / "anchors", "--json")
    assert outcome.exit_code == Answer.PROOF_NOT_VALID.exit_code
    assert outcome.json["verdict"]["code"] == "V304"


def test_a_pdf_that_is_evidence_is_no_certificate(desk: Path, run: Run) -> None:
    """A deposited certificate with its own proof beside it is a file like any other."""
    pdf = desk / "certificate.pdf"
    shutil.copy(EXAMPLE / "sample.proof.txt", desk / "certificate.pdf.proof.txt")
    outcome = run("verify", pdf, "--anchors", desk / "anchors", "--json")
    assert outcome.json["results"][0]["verdict"]["code"] == "V102"
    other = desk / "other.pdf"
    other.write_bytes(b"%PDF-1.7\n")
    assert "no other.pdf.proof.txt" in run("verify", other).err


@pytest.mark.parametrize(
    "line",
    [
        ("certificate.pdf", "sample.txt"),
        ("certificate.pdf", "--file", "sample.txt", "--file", "sample.txt"),
        ("sample.txt", "sample.txt", "--proof", "certificate.pdf"),
        ("certificate.pdf", "--explain", "steps"),
        ("certificate.pdf", "--file", "missing.txt"),
        ("certificate.pdf", "--operator", "somebody"),
    ],
)
def test_a_certificate_is_verified_alone(
    desk: Path, run: Run, line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    outcome = run("verify", *line, "--policy-fingerprint", FINGERPRINT)
    assert outcome.exit_code == 2
    assert outcome.err


def test_a_verification_is_recorded_once(desk: Path, run: Run) -> None:
    """What went in, with what it was held, every step, tools, operator, time; never replaced."""
    line = ("verify", desk / "certificate.pdf", "--file", desk / "sample.txt")
    line = (*line, "--anchors", desk / "anchors", "--record", desk / "out")
    outcome = run(*line, "--operator", "书记员 张某\u202e")
    assert outcome.exit_code == 10
    record = parse_verification((desk / "out.json").read_bytes())
    (result,) = record.results
    assert record.operator == "书记员 张某\ufffd"
    assert record.policy_fingerprint == FINGERPRINT
    assert len(record.roots) == 1
    assert {each.name for each in record.tools} == {"cunzheng", "Python", "OpenSSL", "OS"}
    assert [each.name for each in result.given] == ["sample.txt", "certificate.pdf"]
    assert {each.outcome for each in result.steps} == {Outcome.PASSED}
    pdf = (desk / "out.pdf").read_bytes()
    text = without_spaces(text_of(pdf))
    assert failures(pdf) == []
    for each in result.given:
        assert each.sha256.hex() in text
    for said in (record.record_no, "技术核验记录（可附卷）", "V001", "书记员张某", FINGERPRINT):
        assert said in text
    again = run(*line)
    assert again.exit_code == 2
    assert "exists" in again.err
    assert (desk / "out.pdf").read_bytes() == pdf


def test_files_beside_their_proofs_are_recorded_too(desk: Path, run: Run) -> None:
    """Several results in one record, each with its own."""
    for name, data in (("good.txt", FILE), ("other.txt", b"other")):
        (desk / name).write_bytes(data)
        (desk / f"{name}.proof.txt").write_bytes(PROOF)
    files = (desk / "good.txt", desk / "other.txt")
    fingerprint = ("--policy-fingerprint", FINGERPRINT)
    outcome = run("verify", *files, *fingerprint, "--record", desk / "both")
    assert outcome.exit_code == Answer.NOT_DEPOSITED_BYTES.exit_code
    record = parse_verification((desk / "both.json").read_bytes())
    assert [each.code.name for each in record.results] == ["V001", "V102"]
    assert [each.sealed_s is None for each in record.results] == [False, True]
    text = text_of((desk / "both.pdf").read_bytes())
    assert "不一致不等于被篡改" in without_spaces(text)


def test_a_bundle_is_recorded_with_its_package(tmp_path: Path, run: Run) -> None:
    """The package first, as an archive or as a folder (by its tag manifest), then each deposit."""
    fingerprint = ("--policy-fingerprint", FINGERPRINT)
    whole = example_bundle()
    for name, path in (
        ("zip", write_zip(tmp_path, whole)),
        ("folder", write_directory(tmp_path, whole)),
    ):
        outcome = run("verify", path, *fingerprint, "--record", tmp_path / name)
        assert outcome.exit_code == 10
        package, *deposits = parse_verification((tmp_path / f"{name}.json").read_bytes()).results
        listed = path / "tagmanifest-sha256.txt" if path.is_dir() else path
        assert package.given[0].sha256 == sha256(listed.read_bytes())
        assert package.evidence_no is None
        assert {each.step for each in package.steps} >= {0}
        assert len({each.evidence_no for each in deposits}) == 2
        assert {each.code.name for each in deposits} == {"V001"}
        assert failures((tmp_path / f"{name}.pdf").read_bytes()) == []
