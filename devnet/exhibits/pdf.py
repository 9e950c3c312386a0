"""A minimal PDF 1.7: A4 pages of Chinese text, lines and circles.

The font is STSong-Light with the encoding UniGB-UCS2-H, one of the fonts for Chinese that ISO
32000-1 (9.7.5) lets a file name without carrying it: every viewer with Chinese support brings one.
That keeps the file small and its text searchable. Nothing is compressed, so a text editor shows
what the page says.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

PAGE_WIDTH, PAGE_HEIGHT = 595, 842


def text(x: float, y: float, size: float, words: str) -> str:
    """Drawing operators for one line whose baseline begins at x, y (points, from below left).

    Latin letters and digits come from Times-Roman, whose digits are half an em wide too.
    """
    out = f"BT {x:g} {y:g} Td"
    for latin, chinese in re.findall(r"([ -~]+)|([^ -~]+)", words):
        font, code = ("/F2", latin.encode()) if latin else ("/F1", chinese.encode("utf-16-be"))
        out += f" {font} {size:g} Tf <{code.hex()}> Tj"
    return out + " ET\n"


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"{x1:g} {y1:g} m {x2:g} {y2:g} l S\n"


def width(words: str, size: float) -> float:
    """Chinese characters are a full em wide, others taken as half."""
    return size * sum(1.0 if ord(character) >= 0x2000 else 0.5 for character in words)


def wrap(words: str, size: float, room: float) -> list[str]:
    """Break between any two characters, but begin no line with a closing punctuation mark."""
    lines = [""]
    for character in words:
        full = width(lines[-1] + character, size) > room
        if full and character not in "，。、；：？！）》」℃":
            lines.append(character)
        else:
            lines[-1] += character
    return lines


def document(pages: Sequence[str], info: Mapping[str, str], created: str) -> bytes:
    """The whole file: objects in order of their numbers, cross-reference table, trailer.

    Objects: 1 catalog, 2 page tree, 3 to 5 the font, 6 information, 7 the Latin font, then
    per page itself and its content.
    """
    first = 8
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    facts = "".join(
        f"/{key} <feff{value.encode('utf-16-be').hex()}>" for key, value in info.items()
    )
    objects = [
        "<</Type/Catalog/Pages 2 0 R/Lang(zh-CN)/ViewerPreferences<</DisplayDocTitle true>>>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light-UniGB-UCS2-H/Encoding/UniGB-UCS2-H"
        "/DescendantFonts[4 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo"
        "<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>/FontDescriptor 5 0 R"
        "/DW 1000/W[1 95 500]>>",
        "<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]"
        "/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93>>",
        f"<<{facts}/CreationDate({created})>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>",
    ]
    for at, content in enumerate(pages):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]"
            f"/Resources<</Font<</F1 3 0 R/F2 7 0 R>>>>/Contents {first + 2 * at + 1} 0 R>>"
        )
        objects.append(f"<</Length {len(content)}>>\nstream\n{content}endstream")
    return _file([item.encode("ascii") for item in objects])


def _file(objects: Sequence[bytes]) -> bytes:
    # The second line of bytes above 127 tells file transfer programs that this is not text.
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    identity = hashlib.sha256(out).hexdigest()[:32].encode()
    out += b"trailer\n<</Size %d/Root 1 0 R/Info 6 0 R/ID[<%b><%b>]>>\n" % (
        len(objects) + 1,
        identity,
        identity,
    )
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)
