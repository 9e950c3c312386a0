"""A small RGB canvas with polygons and bitmap text, and the PNG that shows it.

Everything is integer arithmetic, and the deflate stream is written here instead of by zlib, whose
versions compress differently: the same program gives the same bytes on every machine.

Text uses `glyphs.hex`, the characters needed here out of GNU Unifont 15.0.01 (SIL Open Font
License 1.1); one line per character: code point, colon, 16 rows of 8 or 16 pixels in hex.
"""

import struct
import zlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

GLYPH_ROWS = 16

# A deflate match is at most this long (RFC 1951 section 3.2.5).
MATCH_MAX = 258


@cache
def glyphs() -> dict[str, tuple[int, list[int]]]:
    """Width in pixels and 16 rows of bits, most significant bit left, by character."""
    text = resources.files(__package__).joinpath("glyphs.hex").read_text("ascii")
    found = {}
    for line in text.splitlines():
        code, _, bits = line.partition(":")
        digits = len(bits) // GLYPH_ROWS
        rows = [int(bits[i : i + digits], 16) for i in range(0, len(bits), digits)]
        found[chr(int(code, 16))] = (digits * 4, rows)
    return found


class Canvas:
    """Pixels as a flat list of 0xRRGGBB, row by row."""

    def __init__(self, width: int, height: int, color: int = 0xFFFFFF) -> None:
        self.width = width
        self.height = height
        self.pixels = [color] * (width * height)

    def rectangle(self, x: int, y: int, width: int, height: int, color: int) -> None:
        for row in range(max(y, 0), min(y + height, self.height)):
            start = row * self.width + x
            self.pixels[start : start + width] = [color] * width

    def polygon(self, corners: Sequence[tuple[int, int]], color: int) -> None:
        """Fill by the even-odd rule, pixel centres on half coordinates."""
        edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
        lows = [y for _, y in corners]
        for row in range(max(min(lows), 0), min(max(lows), self.height)):
            cuts = sorted(
                x1 + (2 * row + 1 - 2 * y1) * (x2 - x1) // (2 * (y2 - y1))
                for (x1, y1), (x2, y2) in edges
                if min(y1, y2) <= row < max(y1, y2)
            )
            for left, right in zip(cuts[::2], cuts[1::2], strict=True):
                left, right = max(left, 0), min(right, self.width)
                if left < right:
                    start = row * self.width
                    self.pixels[start + left : start + right] = [color] * (right - left)

    def text(self, x: int, y: int, text: str, color: int, scale: int = 1) -> int:
        """Write one line with its top left corner at x, y; return where the next would start."""
        for character in text:
            width, rows = glyphs()[character]
            for down, bits in enumerate(rows):
                for right in range(width):
                    if bits >> (width - 1 - right) & 1:
                        self.rectangle(x + right * scale, y + down * scale, scale, scale, color)
            x += width * scale
        return x

    def png(self) -> bytes:
        """PNG (ISO 15948) with a palette of at most 256 colours and the row filter Up.

        With that filter a row equal to the one above is all zeros, so runs are all the
        compression that is needed.
        """
        palette = sorted(set(self.pixels))
        index = {color: place for place, color in enumerate(palette)}
        filtered = bytearray()
        above = bytes(self.width)
        for start in range(0, len(self.pixels), self.width):
            row = self.pixels[start : start + self.width]
            line = bytes(map(index.__getitem__, row))
            filtered.append(2)
            filtered += bytes((new - old) & 0xFF for new, old in zip(line, above, strict=True))
            above = line
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        colors = b"".join(color.to_bytes(3, "big") for color in palette)
        stream = b"\x78\x01" + deflate_runs(filtered) + zlib.adler32(filtered).to_bytes(4, "big")
        chunks = ((b"IHDR", header), (b"PLTE", colors), (b"IDAT", stream), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def png_chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return len(data).to_bytes(4, "big") + name + data + check.to_bytes(4, "big")


def deflate_runs(data: bytearray) -> bytes:
    """RFC 1951 with one block of fixed codes whose matches all repeat the byte before."""
    bits = _Bits()
    bits.add(0b011, 3)  # last block, fixed codes
    place = 0
    while place < len(data):
        bits.code(*fixed_code(data[place]))
        end = place + 1
        while end < len(data) and data[end] == data[place]:
            end += 1
        left = end - place - 1
        while left >= 3:
            length = min(left, MATCH_MAX)
            symbol, extra_bits, extra = length_symbol(length)
            bits.code(*fixed_code(symbol))
            bits.add(extra, extra_bits)
            bits.code(0, 5)  # distance 1
            left -= length
        place = end - left
    bits.code(*fixed_code(256))
    return bits.finish()


def fixed_code(symbol: int) -> tuple[int, int]:
    """Code and its number of bits for a literal or length symbol (RFC 1951 section 3.2.6)."""
    if symbol < 144:
        return 0x30 + symbol, 8
    if symbol < 256:
        return 0x190 + symbol - 144, 9
    if symbol < 280:
        return symbol - 256, 7
    return 0xC0 + symbol - 280, 8


@cache
def length_symbol(length: int) -> tuple[int, int, int]:
    """Symbol, number of extra bits and their value for a match length (section 3.2.5)."""
    if length == MATCH_MAX:
        return 285, 0, 0
    if length <= 10:
        return 254 + length, 0, 0
    extra_bits = (length - 3).bit_length() - 3
    quarter, extra = divmod(length - 3 - (4 << extra_bits), 1 << extra_bits)
    return 261 + 4 * extra_bits + quarter, extra_bits, extra


class _Bits:
    """Bits packed from the least significant end, as deflate wants them."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._held = 0
        self._count = 0

    def add(self, value: int, count: int) -> None:
        self._held |= value << self._count
        self._count += count
        while self._count >= 8:
            self._out.append(self._held & 0xFF)
            self._held >>= 8
            self._count -= 8

    def code(self, code: int, count: int) -> None:
        """Huffman codes alone go most significant bit first."""
        self.add(int(f"{code:0{count}b}"[::-1], 2), count)

    def finish(self) -> bytes:
        if self._count:
            self._out.append(self._held & 0xFF)
        return bytes(self._out)
