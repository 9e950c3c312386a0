"""A document to be printed, as a value: what stands where, in both languages.

The certificate, the evidence list and the verification record are three of these, so they look
alike; `page` sets them. Everything that somebody typed is a plain string here and reaches the page
as data: no character of it is markup.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

Tone = Literal["good", "open", "bad", "unknown"]
"""How a result is coloured; it is always said in words too."""


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a row. Digits of a digest are set in one width and in groups."""

    text: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A field: its number if it has one, its name, its values, and who says so."""

    zh: str
    en: str
    values: tuple[Said, ...]
    number: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Fields under a heading."""

    zh: str
    en: str
    rows: tuple[Row, ...]
    kind: str = "rows"


@dataclass(frozen=True, slots=True)
class Lead:
    """Values that are compared by eye: large, over the whole width, without who says so."""

    zh: str
    en: str
    rows: tuple[Row, ...]
    kind: str = "lead"


@dataclass(frozen=True, slots=True)
class Break:
    """What follows begins a page."""

    kind: str = "break"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `Points`."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Points:
    """What has to be examined; `none` says that there is nothing."""

    zh: str
    en: str
    points: tuple[Listed, ...]
    none: str
    kind: str = "points"


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs to be read, Chinese first."""

    zh: str
    en: str
    paragraphs: tuple[Said, ...]
    kind: str = "prose"


@dataclass(frozen=True, slots=True)
class Signing:
    """Lines to write on by hand, each after what is to be written there."""

    zh: str
    en: str
    lines: tuple[str, ...]
    kind: str = "signing"


@dataclass(frozen=True, slots=True)
class Table:
    """A table under a heading; widths are shares of the page."""

    zh: str
    en: str
    head: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: str = "table"

    def __post_init__(self) -> None:
        assert {len(self.head)} | {len(row) for row in self.rows} == {len(self.widths)}


Block = Lead | Rows | Points | Prose | Signing | Table | Break


@dataclass(frozen=True, slots=True)
class Result:
    """The bottom line."""

    code: str
    zh: str
    en: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF. `source`: the page was made from it; `data`: what a verifier reads."""

    name: str
    data: bytes
    media_type: str
    relationship: Literal["source", "data", "supplement"]
    description: str


@dataclass(frozen=True, slots=True)
class Document:
    """Everything on the pages, in order."""

    zh: str
    en: str
    about: tuple[str, ...]
    """Small print under the title: numbers, dates."""
    first: tuple[Row, ...]
    """What stands beside the QR code."""
    blocks: tuple[Block, ...]
    footer: str
    made_s: int
    """The date of the file; no clock is read."""
    result: Result | None = None
    warning: str | None = None
    qr: str | None = None
    attachments: tuple[Attachment, ...] = field(default=())

    def page(self) -> dict[str, object]:
        """The pages as the template reads them, without what is attached."""
        return asdict(replace(self, attachments=()))


def digest_text(digest: bytes) -> Said:
    """64 digits in 8 groups of 8: to compare by eye, and to select."""
    digits = digest.hex()
    return Said(" ".join(digits[at : at + 8] for at in range(0, len(digits), 8)), fixed=True)
