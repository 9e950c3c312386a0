"""What a court files away is PDF/A-3a, and PDF/UA-1 for whoever has it read aloud: so says veraPDF.

The checks in tests/node/export/pdfa.py are quick and always there; these are the judge of them.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from node.export.certificate.exhibits import EvidenceList, evidence_list
from node.export.certificate.record import verification_record
from tests.conformance.javatools import Java, fetched
from tests.node.export.certificate_samples import (
    EVERYTHING,
    ISSUED_MS,
    NOTHING,
    document_of,
    facts_of,
    page_of,
    typesetter,
)
from tests.node.export.test_certificate_pades import signed
from tests.node.export.test_certificate_page import HOSTILE
from tests.node.export.test_verification_record import exhibits, record

pytestmark = pytest.mark.slow
FLAVOURS = ("3a", "ua1")


@pytest.fixture(scope="module")
def verapdf() -> Java:
    return fetched("verapdf")


@pytest.fixture(scope="module")
def documents() -> Mapping[str, bytes]:
    """Everything that is ever set, from the emptiest to the most hostile."""
    hostile = document_of(replace(facts_of(), title="\n".join(HOSTILE)))
    listed = EvidenceList(exhibits(), ISSUED_MS, True)
    return {
        "full": page_of(EVERYTHING),
        "empty": page_of(NOTHING),
        "hostile": typesetter().set(hostile),
        "signed": signed(False),
        "stamped": signed(True),
        "list": typesetter().set(evidence_list(listed)),
        "record": typesetter().set(verification_record(record())),
    }


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_document_conforms(
    verapdf: Java, documents: Mapping[str, bytes], flavour: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.pdf" for name in documents]
    for file, data in zip(files, documents.values(), strict=True):
        file.write_bytes(data)
    assert verapdf.run(flavour, *files).splitlines() == [f"PASS {file}" for file in files]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_judge_bites(verapdf: Java, flavour: str, tmp_path: Path) -> None:
    """Without what says how it is written, the fonts, or what stands where."""
    files = [tmp_path / name for name in ("said.pdf", "fonts.pdf", "tagged.pdf")]
    whole = page_of(NOTHING)
    spoilt = (
        re.sub(rb"pdf(aid|uaid):part", rb"pdf\1:pert", whole),
        whole.replace(b"/FontFile", b"/FontFold"),
        whole.replace(b"/StructTreeRoot", b"/StructTreeRout"),
    )
    for file, data in zip(files, spoilt, strict=True):
        assert data != whole
        file.write_bytes(data)
    verdicts = [line.split()[0] for line in verapdf.run(flavour, *files).splitlines()]
    assert [each for each in verdicts if each in ("PASS", "FAIL")] == ["FAIL"] * 3
