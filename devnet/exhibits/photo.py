"""IMG_20260315_142208.jpg: a torn carton on a warehouse floor, as a phone would take it.

The place in its EXIF is a point in the open sea.
"""

from functools import cache

from devnet.exhibits import jpeg
from devnet.exhibits.canvas import Canvas

WIDTH, HEIGHT = 400, 300
FLOOR = 128  # the row where wall and floor meet


@cache
def photo() -> bytes:
    canvas = Canvas(WIDTH, HEIGHT)
    warehouse(canvas)
    carton(canvas)
    damage(canvas)
    label(canvas)
    canvas.pixels = grained(softened(canvas))
    return jpeg.encode(canvas, camera_facts())


def camera_facts() -> bytes:
    taken = "2026:03:15 14:22:08"
    return jpeg.exif(
        {0x010F: "ExampleCam", 0x0110: "EC-1", 0x0131: "ExampleOS 4.2", 0x0132: taken},
        {
            0x829A: [(1, 60)],
            0x829D: [(18, 10)],
            0x9000: b"0230",
            0x9003: taken,
            0x9004: taken,
            0x9011: "+08:00",
            0x920A: [(52, 10)],
            0xA002: WIDTH,
            0xA003: HEIGHT,
        },
        {
            0x0001: "N",
            0x0002: [(30, 1), (0, 1), (0, 1)],
            0x0003: "E",
            0x0004: [(125, 1), (0, 1), (0, 1)],
            0x001D: "2026:03:15",
        },
    )


def warehouse(canvas: Canvas) -> None:
    """A wall that darkens upwards, shelves, and a floor that brightens towards the viewer."""
    for y in range(HEIGHT):
        light = 120 + y // 3 if y < FLOOR else 105 + (y - FLOOR) // 3
        tint = (light, light - 2, light - 10) if y < FLOOR else (light, light - 4, light - 9)
        canvas.rectangle(0, y, WIDTH, 1, tint[0] << 16 | tint[1] << 8 | tint[2])
    for y in (18, 66):
        for x, color in ((8, 0x7A6444), (52, 0x8A7350), (104, 0x6F5B3E), (300, 0x84704F)):
            canvas.rectangle(x, y, 40, 34, color)
            canvas.rectangle(x + 17, y, 5, 34, 0xA59571)
        canvas.rectangle(0, y + 34, WIDTH, 6, 0x3E566E)
    for x in (0, 150, 290, 394):
        canvas.rectangle(x, 0, 6, FLOOR, 0x35495E)
    for near, far in ((-260, 60), (30, 150), (330, 250), (640, 340)):
        corners = [(near, HEIGHT), (near + 5, HEIGHT), (far + 1, FLOOR), (far, FLOOR)]
        canvas.polygon(corners, 0x77716A)
    canvas.rectangle(0, FLOOR, WIDTH, 3, 0x4C4A46)


def carton(canvas: Canvas) -> None:
    canvas.polygon([(88, 262), (300, 270), (366, 226), (340, 205), (100, 240)], 0x4E4B46)
    canvas.polygon([(92, 130), (276, 136), (276, 264), (96, 254)], 0xB08A57)
    canvas.polygon([(276, 136), (344, 104), (340, 222), (276, 264)], 0x8E6D42)
    canvas.polygon([(92, 130), (168, 100), (344, 104), (276, 136)], 0xC9A36C)
    canvas.polygon([(174, 133), (196, 134), (262, 102), (244, 102)], 0xD9C79A)
    canvas.polygon([(174, 133), (196, 134), (196, 172), (175, 171)], 0xCDB888)
    canvas.polygon([(92, 130), (276, 136), (276, 138), (92, 132)], 0x8A6A3F)
    for x in range(100, 276, 6):  # the flutes of the board, just visible
        canvas.polygon([(x, 133), (x + 1, 133), (x + 1, 255), (x, 255)], 0xAB8552)


def damage(canvas: Canvas) -> None:
    """A corner pushed in, foam showing through the tear, two sensors out of their tray."""
    canvas.polygon(
        [(214, 250), (228, 206), (262, 190), (296, 186), (318, 214), (276, 266)], 0x6B4F2E
    )
    canvas.polygon(
        [(224, 246), (236, 212), (266, 200), (296, 198), (306, 216), (276, 258)], 0x2E241A
    )
    canvas.polygon(
        [(232, 246), (244, 220), (270, 212), (292, 210), (298, 220), (274, 254)], 0xE9E8E2
    )
    canvas.polygon([(240, 244), (248, 226), (268, 220), (270, 250)], 0xD2D1CA)
    canvas.polygon([(226, 208), (206, 196), (216, 188), (262, 190)], 0xD4B683)
    canvas.polygon([(296, 186), (330, 176), (334, 190), (318, 214)], 0xA9854F)
    for x, y in ((250, 226), (214, 268), (182, 276)):
        canvas.polygon([(x, y), (x + 24, y + 4), (x + 22, y + 14), (x - 2, y + 10)], 0x35393D)
        canvas.polygon(
            [(x + 24, y + 6), (x + 40, y + 9), (x + 39, y + 12), (x + 23, y + 10)], 0xB9BDC1
        )
        canvas.rectangle(x + 4, y + 4, 10, 3, 0xD8DEE2)
    canvas.polygon(
        [(214, 272), (190, 262), (150, 270), (148, 267), (190, 258), (216, 269)], 0x2B2B2B
    )


def label(canvas: Canvas) -> None:
    canvas.polygon([(104, 168), (200, 172), (200, 240), (105, 235)], 0xEFEFEA)
    canvas.text(109, 172, "示例贸易", 0x222222)
    canvas.text(109, 188, "TS-100", 0x222222)
    canvas.text(163, 188, "20只", 0x222222)
    x = 110
    for digit in "314159265358979323":
        canvas.rectangle(x, 208, 1 + int(digit) % 3, 18, 0x222222)
        x += 3
    canvas.text(168, 208, "易碎", 0xC0302A)


def softened(canvas: Canvas) -> list[int]:
    """Each pixel mixed with its right and lower neighbour, like a small lens does."""
    pixels, width = canvas.pixels, canvas.width
    last = len(pixels) - 1
    out = []
    for at, here in enumerate(pixels):
        right, below = pixels[min(at + 1, last)], pixels[min(at + width, last)]
        if here == right == below:
            out.append(here)
            continue
        mixed = 0
        for shift in (16, 8, 0):
            total = 2 * (here >> shift & 0xFF) + (right >> shift & 0xFF) + (below >> shift & 0xFF)
            mixed |= total // 4 << shift
        out.append(mixed)
    return out


def grained(pixels: list[int]) -> list[int]:
    """Sensor noise of up to five levels, from a linear congruential generator (glibc's)."""
    state = 20260315
    out = []
    for pixel in pixels:
        state = (1103515245 * state + 12345) % (1 << 31)
        noise = (state >> 16) % 11 - 5
        # Nothing in the scene is so dark or bright that this would leave 0 to 255.
        out.append(pixel + noise * 0x010101)
    return out
