"""Documents become PDF/A-3a: typst sets them, segno draws the QR code, the fonts are embedded.

The same document gives the same bytes with the same fonts and the same typst: no clock is read, no
package fetched, no font of the machine used unless a character needs it. Characters that even those
lack are printed as their code points (`glyphs`). A `Typesetter` is made once and sets many; it is
used by one thread at a time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import pylopdf_fonts_zh_cn as noto
import segno
import typst

from node.export.certificate.document import Document
from node.export.certificate.glyphs import coverage, drawable, missing, spelled
from node.export.certificate.verbatim import written_out

STANDARDS: list[typst.PDFStandard] = ["a-3a", "ua-1"]
"""PDF/A-3 for the archive, with files attached; PDF/UA so that it can be read aloud."""
TEMPLATE = Path(__file__).with_name("document.typ")
BUNDLED = ("Noto Serif SC", "Noto Sans SC")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InstalledFont:
    """A font of this machine that has characters which the bundled ones lack."""

    family: str
    file: Path


INSTALLED = (
    InstalledFont(
        "Noto Serif CJK SC", Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc")
    ),
)
"""Where Debian's fonts-noto-cjk is; machines without it spell what it would show."""


class Typesetter:
    """Sets documents. The template is read once, the fonts are loaded once."""

    def __init__(self, installed: Sequence[InstalledFont] = INSTALLED) -> None:
        self._installed = [font for font in installed if font.file.is_file()]
        self._bundled = coverage(noto.serif_path()), coverage(noto.sans_path())
        self._drawn = drawable(*self._bundled)
        self._compiler = self._compiler_with([])

    def set(self, document: Document) -> bytes:
        """The PDF, ended by a line feed: what is appended to it by a signature stays PDF/A."""
        page = document.page()
        rare = self._installed and missing("".join(_strings(page)), self._drawn)
        compiler = self._rare_compiler if rare else self._compiler
        page = _spelled(page, self._rarely_drawn if rare else self._drawn)
        made = compiler.compile(
            sys_inputs=_inputs(page | {"families": self._families}, document),
            pdf_standards=STANDARDS,
            timestamp=document.made_s,
        )
        assert isinstance(made, bytes)
        return written_out(made, len(document.attachments))

    @cached_property
    def _rarely_drawn(self) -> frozenset[str]:
        return drawable(*self._bundled, *(coverage(font.file) for font in self._installed))

    @cached_property
    def _rare_compiler(self) -> typst.Compiler:
        return self._compiler_with([str(font.file.parent) for font in self._installed])

    @property
    def _families(self) -> list[str]:
        return [*BUNDLED, *(font.family for font in self._installed)]

    def _compiler_with(self, folders: list[str]) -> typst.Compiler:
        bundled = str(noto.serif_path().parent)
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[bundled, *folders])
        return typst.Compiler(
            input=TEMPLATE, root=TEMPLATE.parent, font_paths=fonts, ignore_system_fonts=True
        )


def _inputs(page: dict[str, object], document: Document) -> dict[str, str]:
    """What the template reads: the page as JSON, each file to attach as its text."""
    attached = [
        {
            "name": each.name,
            "media_type": each.media_type,
            "relationship": each.relationship,
            "description": each.description,
        }
        for each in document.attachments
    ]
    qr = None if document.qr is None else _qr(document.qr)
    files = {f"file-{at}": each.data.decode() for at, each in enumerate(document.attachments)}
    return {"page": json.dumps(page | {"attached": attached, "qr": qr}), **files}


def _strings(value: object) -> Iterator[str]:
    """All text of a page."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _spelled(value: T, drawn: frozenset[str]) -> T:
    """The same with every text spelled."""
    if isinstance(value, str):
        return cast(T, spelled(value, drawn))
    if isinstance(value, dict):
        return cast(T, {name: _spelled(each, drawn) for name, each in value.items()})
    if isinstance(value, list | tuple):
        return cast(T, [_spelled(each, drawn) for each in value])
    return value


def _qr(text: str) -> str:
    """The code as SVG; some of it may be soiled or stamped over."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False, boost_error=False).save(
        drawn, kind="svg", xmldecl=False, border=4
    )
    return drawn.getvalue().decode()
