"""The sample evidence is what its script makes, is well-formed, and names nobody real."""

import email
import hashlib
import json
import math
import re
import struct
import zlib
from base64 import b64decode
from collections.abc import Iterator
from email import policy
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.exhibits import canvas, jpeg, records
from devnet.make_samples import SAMPLES, make_samples

# The folder is part of the repository and of the package: it stays small.
TOTAL_MAX = 2_000_000


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in SAMPLES.iterdir()}


def test_script_makes_the_same_bytes(samples: dict[str, bytes]) -> None:
    assert make_samples() == samples


def test_sizes_and_names(samples: dict[str, bytes]) -> None:
    assert all(samples.values())
    assert sum(map(len, samples.values())) < TOTAL_MAX
    assert {name.rpartition(".")[2] for name in samples} == {
        *("pdf", "jpg", "eml", "json", "html", "har", "png", "log", "txt")
    }
    assert {"买卖合同.pdf", "聊天记录.json", "登录日志.log"} <= set(samples)


# Kinds of content


def test_pdf_cross_references_are_right(samples: dict[str, bytes]) -> None:
    pdf = samples["买卖合同.pdf"]
    assert pdf.startswith(b"%PDF-1.7\n")
    assert pdf.endswith(b"%%EOF\n")
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    lines = pdf[start:].split(b"\n")
    assert lines[0] == b"xref"
    count = int(lines[1].split()[1])
    assert lines[2] == b"0000000000 65535 f "
    for number, line in enumerate(lines[3 : 2 + count], 1):
        assert re.fullmatch(rb"\d{10} 00000 n ", line)
        assert pdf[int(line[:10]) :].startswith(b"%d 0 obj\n" % number)
    assert b"/Size %d/" % count in pdf[start:]
    # Nothing else calls itself an object: the table is complete.
    assert len(re.findall(rb"^\d+ 0 obj$", pdf, re.MULTILINE)) == count - 1


def test_pdf_streams_have_their_length_and_chinese_text(samples: dict[str, bytes]) -> None:
    pdf = samples["买卖合同.pdf"]
    streams = re.findall(rb"<</Length (\d+)>>\nstream\n(.*?)endstream", pdf, re.DOTALL)
    assert len(streams) == pdf.count(b"/Type/Page/") == 2
    text = ""
    for length, stream in streams:
        assert int(length) == len(stream)
        for font, code in re.findall(
            rb"/(F\d) [\d.]+ Tf(?: [-\d. ]+ Tm)?[^<]*<([0-9a-f]+)>", stream
        ):
            content = bytes.fromhex(code.decode())
            text += content.decode("utf-16-be" if font == b"F1" else "ascii")
    for words in ("买 卖 合 同", "示例科技有限公司", "TS-100", "67,000.00", "第十条", "合同专用章"):
        assert words in text


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each JPEG segment up to and with SOS, then the scan as marker 0."""
    assert data.startswith(b"\xff\xd8")
    place, marker = 2, 0
    while marker != 0xDA:
        assert data[place] == 0xFF
        marker, length = struct.unpack_from(">BH", data, place + 1)
        yield marker, data[place + 4 : place + 2 + length]
        place += 2 + length
    assert data.endswith(b"\xff\xd9")
    yield 0, data[place:-2]


def huffman_table(content: bytes) -> dict[str, int]:
    codes, code, symbols = {}, 0, iter(content[17:])
    for length, count in enumerate(content[1:17], 1):
        for _ in range(count):
            codes[f"{code:0{length}b}"] = next(symbols)
            code += 1
        code <<= 1
    return codes


def test_jpeg_scan_holds_exactly_its_blocks(samples: dict[str, bytes]) -> None:
    """Read the Huffman codes back: 25 x 19 units of six blocks, then only ones as padding."""
    parts = dict(segments(samples[records.PHOTO_NAME]))
    tables = {
        content[0]: huffman_table(content)
        for marker, content in segments(samples[records.PHOTO_NAME])
        if marker == 0xC4
    }
    height, width = struct.unpack_from(">HH", parts[0xC0], 1)
    assert (width, height) == (400, 300)
    assert not re.search(rb"\xff[^\0]", parts[0])
    bits = "".join(f"{byte:08b}" for byte in parts[0].replace(b"\xff\0", b"\xff"))
    place = 0

    def symbol(table: dict[str, int]) -> int:
        nonlocal place
        for end in range(place + 1, place + 17):
            if bits[place:end] in table:
                found = table[bits[place:end]]
                place = end
                return found
        raise AssertionError("no such code")

    for _ in range(-(-width // 16) * -(-height // 16) * 6):
        size = symbol(tables[0x00])
        place += size
        filled = 1
        while filled < 64 and (code := symbol(tables[0x10])) != 0:
            filled += code // 16 + 1
            place += code % 16
        assert filled <= 64
    assert set(bits[place:]) <= {"1"}
    assert len(bits) - place < 8


def exif_entries(tiff: bytes, at: int) -> dict[int, bytes]:
    """Values of one IFD by tag, read as TIFF 6.0 says."""
    sizes = {2: 1, 4: 4, 5: 8, 7: 1}
    found = {}
    for number in range(struct.unpack_from(">H", tiff, at)[0]):
        tag, kind, count, value_at = struct.unpack_from(">HHII", tiff, at + 2 + 12 * number)
        size = sizes[kind] * count
        start = value_at if size > 4 else at + 2 + 12 * number + 8
        found[tag] = tiff[start : start + size]
    return found


def test_jpeg_exif_has_camera_time_and_place(samples: dict[str, bytes]) -> None:
    app1 = dict(segments(samples[records.PHOTO_NAME]))[0xE1]
    assert app1.startswith(b"Exif\0\0MM\0*")
    tiff = app1[6:]
    image = exif_entries(tiff, 8)
    photo = exif_entries(tiff, int.from_bytes(image[0x8769], "big"))
    gps = exif_entries(tiff, int.from_bytes(image[0x8825], "big"))
    assert image[0x010F] == b"ExampleCam\0"
    assert photo[0x9003] == b"2026:03:15 14:22:08\0"
    assert (gps[1], gps[3]) == (b"N\0", b"E\0")
    assert struct.unpack(">6I", gps[2]) == (30, 1, 0, 1, 0, 1)


def test_png_is_whole(samples: dict[str, bytes]) -> None:
    png = samples["商品页面-截图.png"]
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        name, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert zlib.crc32(name + data) == int.from_bytes(png[place + 8 + length :][:4], "big")
        chunks[name] = data
        place += length + 12
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    assert len(zlib.decompress(chunks[b"IDAT"])) == (width + 1) * height


def test_mail_reads_as_mime(samples: dict[str, bytes]) -> None:
    raw = samples["对账邮件.eml"]
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = email.message_from_bytes(raw, policy=policy.default)
    assert message["Subject"] == "关于 TS-100 到货破损的通知及对账单（SL-2026-0302）"
    assert message["From"].addresses[0].display_name == "李四"
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == records.MAIL_BODY
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "对账单.csv"
    assert "46516.00" in attachment.get_content()
    assert not [part.defects for part in message.walk() if part.defects]


def test_chat_names_the_photo_by_digest(samples: dict[str, bytes]) -> None:
    messages = json.loads(samples["聊天记录.json"])["messages"]
    assert [m["time"] for m in messages] == sorted(m["time"] for m in messages)
    (image,) = [m for m in messages if m["type"] == "image"]
    assert image["sha256"] == hashlib.sha256(samples[image["file"]]).hexdigest()


def test_request_log_holds_the_saved_page(samples: dict[str, bytes]) -> None:
    log = json.loads(samples["商品页面.har"])["log"]
    assert log["version"] == "1.2"
    first = log["entries"][0]["response"]["content"]
    assert b64decode(first["text"]) == samples["商品页面.html"]
    assert all(entry["pageref"] == log["pages"][0]["id"] for entry in log["entries"])
    assert samples["商品页面.html"].startswith(b"<!DOCTYPE html>")


def test_login_log_is_long_and_in_order(samples: dict[str, bytes]) -> None:
    lines = samples["登录日志.log"].decode().splitlines()[1:]
    assert len(lines) >= 300
    assert lines == sorted(lines)
    assert {"result=OK", "result=FAIL"} == {re.findall(r"result=\w+", line)[0] for line in lines}


# Nobody real


def texts(samples: dict[str, bytes]) -> Iterator[str]:
    for name, content in samples.items():
        if name.endswith((".json", ".html", ".har", ".log", ".txt")):
            yield content.decode()
    yield records.MAIL_BODY + records.ACCOUNTS_CSV
    yield samples["对账邮件.eml"].decode()


def test_hosts_addresses_and_telephones_are_reserved(samples: dict[str, bytes]) -> None:
    documentation = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    for text in texts(samples):
        for address in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text):
            assert any(ip_address(address) in network for network in documentation), address
        for host in re.findall(r"(?:@|https?://)([\w.-]+)", text):
            assert host.endswith(("example.com", "example.cn")), host
        assert set(re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)) <= {"13800000000"}


# The writers against others


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 700)), max_size=12))
def test_deflate_is_read_by_zlib(runs: list[tuple[int, int]]) -> None:
    data = bytearray().join(bytes([value]) * count for value, count in runs)
    assert zlib.decompress(canvas.deflate_runs(data), -15) == data


@given(st.lists(st.integers(-128, 127), min_size=8, max_size=8))
def test_dct_is_the_textbook_sum(samples: list[int]) -> None:
    """Within the error of coefficients rounded to 2**-10."""
    for k, ours in enumerate(jpeg.dct(samples)):
        scale = math.sqrt(0.125) if k == 0 else 0.5
        terms = (x * math.cos((2 * n + 1) * k * math.pi / 16) for n, x in enumerate(samples))
        assert abs(ours / 1024 - scale * sum(terms)) < 0.6


def test_zigzag_walks_the_diagonals() -> None:
    assert jpeg.ZIGZAG[:12] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]
    assert jpeg.ZIGZAG[-3:] == [55, 62, 63]
    assert sorted(jpeg.ZIGZAG) == list(range(64))
