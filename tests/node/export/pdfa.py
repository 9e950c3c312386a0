"""What PDF/A-3a and PDF/UA-1 ask for and can be seen without veraPDF, by pikepdf.

veraPDF itself judges in tests/conformance/test_pdfa.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pikepdf


def failures(pdf: bytes) -> list[str]:
    """What is against them, in words."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return list(_failures(opened, pdf))


def _failures(opened: pikepdf.Pdf, pdf: bytes) -> Iterator[str]:
    root = opened.Root
    with opened.open_metadata() as metadata:
        if (metadata.get("pdfaid:part"), metadata.get("pdfaid:conformance")) != ("3", "A"):
            yield "XMP does not say PDF/A-3a"
        if metadata.get("pdfuaid:part") != "1":
            yield "XMP does not say PDF/UA-1"
    intents = [each for each in root.get("/OutputIntents", []) if each.S == "/GTS_PDFA1"]
    if not intents or "/DestOutputProfile" not in intents[0]:
        yield "no OutputIntent with a profile"
    if opened.is_encrypted:
        yield "encrypted"
    if not pdf.endswith(b"%%EOF\n"):
        yield "does not end with %%EOF and a line feed"
    if "/MarkInfo" not in root or "/StructTreeRoot" not in root or "/Lang" not in root:
        yield "not tagged, or in no language"
    associated = list(root.get("/AF", []))
    for each in associated:
        if "/AFRelationship" not in each or "/Subtype" not in each.EF.F or "/UF" not in each:
            yield "an attached file without relationship, type or name"
    for each in opened.objects:
        if isinstance(each, pikepdf.Dictionary | pikepdf.Stream):
            yield from _of_object(each)


def _of_object(each: pikepdf.Object) -> Iterator[str]:
    if each.get("/S") in ("/JavaScript", "/Launch", "/Movie", "/Sound") or "/JS" in each:
        yield "JavaScript or another action"
    if each.get("/Type") == "/FontDescriptor" and not (
        {"/FontFile", "/FontFile2", "/FontFile3"} & set(each.keys())
    ):
        yield f"font {each.get('/FontName')} is not embedded"
    if each.get("/Type") == "/Font" and "/ToUnicode" not in each and "/DescendantFonts" in each:
        yield f"font {each.get('/BaseFont')} cannot be copied as text"
