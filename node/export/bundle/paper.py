"""certificate.pdf in a bundle: whether it goes with certificate.json, and what its signature is
over (docs/bundle-format.md, section 7).

Nothing here reads PDF. Our writer attaches certificate.json as it is, so it is one line of the
file; and a signature that covers all of the file but its own place vouches for every byte that a
reader of PDF may come to see. What is signed in another way than that is refused.

    >>> of_certificate(b"%PDF-1.7\\nstream\\n{}\\nendstream\\n", b"{}")
    True
    >>> signed_part(b"%PDF-1.7\\n") is None
    True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BYTE_RANGE = b"/ByteRange"
SUBFILTER = b"/ETSI.CAdES.detached"
"""Both stand in every signature of ours: one damaged byte does not make a PDF an unsigned one."""
_RANGE = re.compile(rb"/ByteRange \[0 ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9})\]")
_GAP = re.compile(rb"<(3082(?:[0-9a-f]{2})+|3082(?:[0-9A-F]{2})+)>")
_LENGTH_AT = 2
_HEADER_SIZE = 4
"""A signature has 256 to 65,535 bytes: tag, 82 and two bytes of length stand before them."""


class NotCovered(Exception):
    """The PDF has or had a signature, which is not over all of it: why, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class SignedPart:
    """What was signed, and the CMS signature of it."""

    message: bytes
    signature: bytes


def of_certificate(pdf: bytes, data: bytes) -> bool:
    """Whether certificate.json lies in the PDF, byte for byte: one line of it, and only one."""
    if data == b"" or b"\n" in data:
        return False
    # Line by line, of which there may be millions, it would take a gigabyte.
    found, text = 0, b"\n" + pdf + b"\n"
    line, at = b"\n" + data + b"\n", -1
    while (at := text.find(line, at + 1)) >= 0:
        found += 1
    return found == 1


def signed_part(pdf: bytes) -> SignedPart | None:
    """What the one signature of the PDF is over; None if there is none. Raises `NotCovered`."""
    if BYTE_RANGE not in pdf and SUBFILTER not in pdf:
        return None
    found = list(_RANGE.finditer(pdf))
    if len(found) != 1 or pdf.count(BYTE_RANGE) != 1 or pdf.count(SUBFILTER) != 1:
        raise NotCovered(
            "PDF 签名损坏或不止一个", "the PDF's signature is damaged, or not its only one"
        )
    start, end, rest = (int(each) for each in found[0].groups())
    if end + rest != len(pdf):
        raise NotCovered(
            "PDF 签名未覆盖整个文件，其后可能有追加的数据",
            "the PDF's signature does not cover the whole file: something may have been appended",
        )
    gap = _GAP.fullmatch(pdf[start:end]) if start < end else None
    held = bytes.fromhex(gap[1].decode()) if gap else b""
    size = _HEADER_SIZE + int.from_bytes(held[_LENGTH_AT:_HEADER_SIZE], "big")
    if not held or size > len(held) or any(held[size:]):
        zh = "PDF 签名值的写法与签名程序所写不同，可能被改动"
        raise NotCovered(zh, "the signature in the PDF is not spelled as a signer writes it")
    return SignedPart(pdf[:start] + pdf[end:], held[:size])
