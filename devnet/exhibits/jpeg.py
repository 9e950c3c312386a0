"""A baseline JPEG (ITU-T T.81) with EXIF 2.3 of an RGB canvas, in integer arithmetic.

Colour is sampled 4:2:0. One Huffman table pair (Annex K.3, luminance) and one quantisation table
serve all components: a few percent larger than it could be, and half the tables to read.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

from devnet.exhibits.canvas import Canvas

ExifValue = str | bytes | int | Sequence[tuple[int, int]]

# Annex K.1 table for luminance, divided by this, is a quality that a phone would use.
QUANTISER_DIVISOR = 3
QUANTISER = [
    max(1, step // QUANTISER_DIVISOR)
    for step in (
        *(16, 11, 10, 16, 24, 40, 51, 61),
        *(12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56),
        *(14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77),
        *(24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101),
        *(72, 92, 95, 98, 112, 100, 103, 99),
    )
]

# Places of an 8 x 8 block by rising frequency: diagonals, walked in turns up and down.
ZIGZAG = sorted(
    range(64),
    key=lambda at: (at // 8 + at % 8, (at // 8) if (at // 8 + at % 8) % 2 else at % 8),
)

# Annex K.3: how many codes there are of 1, 2, ... 16 bits, and the symbols in that order.
DC_COUNTS = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0))
DC_SYMBOLS = bytes(range(12))
AC_COUNTS = bytes((0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D))
AC_SYMBOLS = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "2433627282090a161718191a25262728292a3435363738393a43444546474849"
    "4a535455565758595a636465666768696a737475767778797a83848586878889"
    "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa"
)

# cos(k pi / 16) / 2 in units of 2**-10, for k = 1 to 7.
C1, C2, C3, C4, C5, C6, C7 = 502, 473, 426, 362, 284, 196, 100

Plane = list[list[int]]


def encode(canvas: Canvas, exif: bytes) -> bytes:
    """The whole file: SOI, APP1 with the EXIF, tables, one scan, EOI."""
    size = struct.pack(">HH", canvas.height, canvas.width)
    components = bytes((3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0))
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xE1, b"Exif\0\0" + exif),
            segment(0xDB, b"\0" + bytes(QUANTISER[at] for at in ZIGZAG)),
            segment(0xC0, b"\x08" + size + components),
            segment(0xC4, b"\x00" + DC_COUNTS + DC_SYMBOLS),
            segment(0xC4, b"\x10" + AC_COUNTS + AC_SYMBOLS),
            segment(0xDA, bytes((3, 1, 0, 2, 0, 3, 0, 0, 63, 0))),
            scan(canvas),
            b"\xff\xd9",
        )
    )


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def scan(canvas: Canvas) -> bytes:
    """Entropy-coded data: per 16 x 16 pixels four blocks of Y, one of Cb, one of Cr."""
    luma, blue, red = planes(canvas)
    dc_codes = huffman_codes(DC_COUNTS, DC_SYMBOLS)
    ac_codes = huffman_codes(AC_COUNTS, AC_SYMBOLS)
    bits: list[str] = []
    previous = [0, 0, 0]
    for y in range(0, len(luma), 16):
        for x in range(0, len(luma[0]), 16):
            for component, block in unit(luma, blue, red, x, y):
                levels = quantised(block)
                bits += coded(levels, previous[component], dc_codes, ac_codes)
                previous[component] = levels[0]
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")


def unit(
    luma: Plane, blue: Plane, red: Plane, x: int, y: int
) -> Iterator[tuple[int, list[list[int]]]]:
    for top, left in ((y, x), (y, x + 8), (y + 8, x), (y + 8, x + 8)):
        yield 0, [row[left : left + 8] for row in luma[top : top + 8]]
    for component, plane in ((1, blue), (2, red)):
        yield component, [row[x // 2 : x // 2 + 8] for row in plane[y // 2 : y // 2 + 8]]


def planes(canvas: Canvas) -> tuple[Plane, Plane, Plane]:
    """Y, Cb and Cr about zero (JFIF matrix), edges repeated to multiples of 16, colour halved."""
    width, height = canvas.width + -canvas.width % 16, canvas.height + -canvas.height % 16
    luma: Plane = []
    blue: Plane = []
    red: Plane = []
    for y in range(height):
        start = min(y, canvas.height - 1) * canvas.width
        row = canvas.pixels[start : start + canvas.width]
        row += row[-1:] * (width - canvas.width)
        rgb = [(pixel >> 16, pixel >> 8 & 0xFF, pixel & 0xFF) for pixel in row]
        luma.append([(77 * r + 150 * g + 29 * b >> 8) - 128 for r, g, b in rgb])
        if y % 2 == 0:
            blue.append([-43 * r - 85 * g + 128 * b >> 8 for r, g, b in rgb[::2]])
            red.append([128 * r - 107 * g - 21 * b >> 8 for r, g, b in rgb[::2]])
    return luma, blue, red


def quantised(block: list[list[int]]) -> list[int]:
    """Transform and quantise one block; coefficients in zigzag order."""
    columns = zip(*[dct(row) for row in block], strict=True)
    transformed = [dct(column) for column in columns]  # transposed: [u][v]
    levels = []
    for at in ZIGZAG:
        value, step = transformed[at % 8][at // 8], QUANTISER[at] << 20
        half = step // 2
        levels.append((value + half) // step if value >= 0 else -((half - value) // step))
    return levels


def dct(x: Sequence[int]) -> list[int]:
    """Eight-point DCT-II by even and odd halves; the result is 2**10 times too large."""
    a0, a1, a2, a3 = x[0] + x[7], x[1] + x[6], x[2] + x[5], x[3] + x[4]
    b0, b1, b2, b3 = x[0] - x[7], x[1] - x[6], x[2] - x[5], x[3] - x[4]
    return [
        (a0 + a1 + a2 + a3) * C4,
        b0 * C1 + b1 * C3 + b2 * C5 + b3 * C7,
        (a0 - a3) * C2 + (a1 - a2) * C6,
        b0 * C3 - b1 * C7 - b2 * C1 - b3 * C5,
        (a0 - a1 - a2 + a3) * C4,
        b0 * C5 - b1 * C1 + b2 * C7 + b3 * C3,
        (a0 - a3) * C6 - (a1 - a2) * C2,
        b0 * C7 - b1 * C5 + b2 * C3 - b3 * C1,
    ]


def huffman_codes(counts: bytes, symbols: bytes) -> dict[int, str]:
    """Codes as strings of 0 and 1, by symbol (Annex C)."""
    codes = {}
    code = 0
    remaining = iter(symbols)
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[next(remaining)] = f"{code:0{length}b}"
            code += 1
        code <<= 1
    return codes


def coded(
    levels: list[int], previous: int, dc_codes: dict[int, str], ac_codes: dict[int, str]
) -> list[str]:
    """One block: the difference of its mean, then runs of zeros and what ends them (F.1.2)."""
    size, tail = magnitude(levels[0] - previous)
    out = [dc_codes[size], tail]
    zeros = 0
    for level in levels[1:]:
        if level == 0:
            zeros += 1
            continue
        out += [ac_codes[0xF0]] * (zeros // 16)
        size, tail = magnitude(level)
        out += [ac_codes[zeros % 16 << 4 | size], tail]
        zeros = 0
    return [*out, ac_codes[0]] if zeros else out


def magnitude(value: int) -> tuple[int, str]:
    """Number of bits and the bits; a negative number is written as one's complement."""
    if value == 0:
        return 0, ""
    size = abs(value).bit_length()
    return size, f"{value if value > 0 else value + (1 << size) - 1:0{size}b}"


def exif(
    image: Mapping[int, ExifValue], photo: Mapping[int, ExifValue], gps: Mapping[int, ExifValue]
) -> bytes:
    """The TIFF structure of EXIF, big-endian: IFD0 with its pointers, the Exif IFD, the GPS IFD."""
    first = {**image, 0x8769: 0, 0x8825: 0}
    photo_at = 8 + len(directory(first, 8))
    gps_at = photo_at + len(directory(photo, photo_at))
    pointers = {0x8769: photo_at, 0x8825: gps_at}
    return b"".join(
        (
            struct.pack(">2sHI", b"MM", 42, 8),
            directory({**image, **pointers}, 8),
            directory(photo, photo_at),
            directory(gps, gps_at),
        )
    )


def directory(entries: Mapping[int, ExifValue], at: int) -> bytes:
    """One IFD that begins at offset `at`: 12 bytes per entry by rising tag, then longer values."""
    fields = b""
    values = b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, value in sorted(entries.items()):
        kind, count, content = exif_value(value)
        if len(content) > 4:
            fields += struct.pack(">HHII", tag, kind, count, values_at + len(values))
            values += content + b"\0" * (len(content) % 2)
        else:
            fields += struct.pack(">HHI4s", tag, kind, count, content)
    return struct.pack(">H", len(entries)) + fields + b"\0\0\0\0" + values


def exif_value(value: ExifValue) -> tuple[int, int, bytes]:
    """Type, count and bytes: ASCII, UNDEFINED, LONG or RATIONALs, which is all that is needed."""
    if isinstance(value, str):
        return 2, len(value) + 1, value.encode("ascii") + b"\0"
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, int):
        return 4, 1, struct.pack(">I", value)
    return 5, len(value), b"".join(struct.pack(">II", *ratio) for ratio in value)
