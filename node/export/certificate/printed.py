"""Values as they are printed: what is absent says so, a digest has its name above it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from node.export.certificate.document import Row, Said, digest_text
from node.export.certificate.fields import Field
from node.words import Bilingual

NOT_PROVIDED = "未提供 not provided"
NOT_CHECKED = "未核对 not checked"
SHORT_LENGTH = 72
"""Characters of a title on page 1."""


def row(field: Field, *values: Said) -> Row:
    return Row(field.zh, field.en, values, str(field.number), field.by)


def or_absent(text: str | None) -> Said:
    return Said(text or NOT_PROVIDED)


def short(text: str | None) -> Said:
    """On page 1 nothing that somebody typed pushes the open points to page 2."""
    if text is None:
        return or_absent(text)
    # What draws nothing is spelled out: `[U+202E]`.
    widths = accumulate(1 if each.isprintable() else 8 for each in text)
    length = sum(width <= SHORT_LENGTH for width in widths)
    return Said(text if length == len(text) else f"{text[:length]}……（全文见后 in full below）")


def named(name: str, text: str | None) -> Said:
    return Said(f"{name}: {text or NOT_PROVIDED}")


def digest_or_none(value: bytes | None) -> Said:
    return digest_text(value) if value else Said(NOT_PROVIDED)


def digest(name: str, value: bytes | None) -> Iterator[Said]:
    if value is None:
        yield named(name, None)
        return
    yield Said(name)
    yield digest_text(value)


def both(word: Bilingual) -> str:
    return f"{word.zh} {word.en}"
