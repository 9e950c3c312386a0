"""A shop's product page as a rights holder saves it: the page, the requests, the screen."""

import hashlib
import json
from base64 import b64encode
from typing import Any

from devnet.exhibits.canvas import Canvas

URL = "https://shop.example.cn/item/100861.html"
TITLE = "工业温度传感器 TS-100 - 示例贸易旗舰店"
PRICE = "128.00"

FACTS = (
    ("测温范围", "-40℃ 至 125℃"),
    ("精度", "±0.3℃（0℃ 至 85℃）"),
    ("防护等级", "IP67"),
    ("输出", "RS-485 Modbus"),
    ("质保", "十二个月"),
    ("发货", "付款后 48 小时内"),
)

REVIEWS = (
    ("示**家", "2026-03-16", "收到 500 只，有一箱外包装破损，坏了 3 只。"),
    ("用**1", "2026-02-20", "精度不错，安装方便。"),
    ("用**7", "2026-01-09", "物流快，包装一般。"),
)

STYLE = (
    "body{font:14px/1.6 sans-serif;margin:0;color:#222}header{background:#c0302a;color:#fff;"
    "padding:8px 24px}main{padding:16px 24px}.price{color:#c0302a;font-size:24px}"
    "table{border-collapse:collapse}td{border:1px solid #ddd;padding:4px 12px}"
)

# Path, status, media type, bytes, milliseconds after the start, milliseconds taken.
REQUESTS = (
    ("/item/100861.html", 200, "text/html; charset=utf-8", 0, 0, 182),
    ("/static/style.9f31.css", 200, "text/css", 18233, 190, 41),
    ("/static/app.51c0.js", 200, "application/javascript", 90417, 192, 88),
    ("/img/100861-1.jpg", 200, "image/jpeg", 61502, 240, 97),
    ("/api/item/100861/price", 200, "application/json", 96, 301, 53),
    ("/api/item/100861/reviews?page=1", 200, "application/json", 1411, 303, 64),
    ("/img/favicon.ico", 404, "text/html", 153, 420, 22),
)


def saved_page() -> bytes:
    """商品页面.html, as the server sent it."""
    facts = "\n".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in FACTS)
    reviews = "\n".join(f"<li><b>{who}</b> {day} {words}</li>" for who, day, words in REVIEWS)
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<title>{TITLE}</title>
<link rel="canonical" href="{URL}">
<style>{STYLE}</style>
</head>
<body>
<header>示例商城 · 示例贸易旗舰店</header>
<main>
<h1>工业温度传感器 TS-100</h1>
<p class="price">¥{PRICE}</p>
<table>
{facts}
</table>
<h2>商品评价</h2>
<ul>
{reviews}
</ul>
</main>
<footer>示例贸易有限公司 · 示例ICP备00000000号</footer>
</body>
</html>
""".encode()


def request_log() -> bytes:
    """商品页面.har: HTTP Archive 1.2 of the visit; its first answer holds the saved page."""
    entries = [entry(*request) for request in REQUESTS]
    page = saved_page()
    entries[0]["response"]["content"].update(
        size=len(page), text=b64encode(page).decode(), encoding="base64"
    )
    log = {
        "version": "1.2",
        "creator": {"name": "example-capture", "version": "3.1.0"},
        "browser": {"name": "ExampleBrowser", "version": "131.0"},
        "pages": [
            {
                "id": "page_1",
                "title": TITLE,
                "startedDateTime": moment(0),
                "pageTimings": {"onContentLoad": 402, "onLoad": 655},
                "comment": f"saved page SHA-256 {hashlib.sha256(page).hexdigest()}",
            }
        ],
        "entries": entries,
    }
    return json.dumps({"log": log}, ensure_ascii=False, indent=1).encode() + b"\n"


def moment(milliseconds: int) -> str:
    return f"2026-03-18T10:05:{31 + milliseconds // 1000:02}.{milliseconds % 1000:03}+08:00"


def entry(path: str, status: int, kind: str, size: int, start: int, taken: int) -> dict[str, Any]:
    url = "https://shop.example.cn" + path
    name, _, value = path.partition("?")[2].partition("=")
    return {
        "pageref": "page_1",
        "startedDateTime": moment(start),
        "time": taken,
        "request": {
            "method": "GET",
            "url": url,
            "httpVersion": "HTTP/2",
            "cookies": [],
            "headers": [
                {"name": "Host", "value": "shop.example.cn"},
                {"name": "User-Agent", "value": "Mozilla/5.0 ExampleBrowser/131.0"},
                {"name": "Accept-Language", "value": "zh-CN,zh;q=0.9"},
            ],
            "queryString": [{"name": name, "value": value}] if name else [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": "OK" if status == 200 else "Not Found",
            "httpVersion": "HTTP/2",
            "cookies": [],
            "headers": [
                {"name": "Content-Type", "value": kind},
                {"name": "Date", "value": "Wed, 18 Mar 2026 02:05:31 GMT"},
                {"name": "Server", "value": "example"},
            ],
            "content": {"size": size, "mimeType": kind},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": size,
        },
        "cache": {},
        "timings": {"send": 1, "wait": taken - 9, "receive": 8},
        "serverIPAddress": "192.0.2.80",
    }


def screenshot() -> bytes:
    """商品页面-截图.png: the same page in a browser window, with the capture's clock below."""
    canvas = Canvas(960, 620)
    canvas.rectangle(0, 0, 960, 36, 0xDEE1E6)
    canvas.rectangle(8, 6, 330, 30, 0xFFFFFF)
    canvas.text(20, 13, "工业温度传感器 TS-100 - 示例贸易旗舰店", 0x333333)
    canvas.rectangle(0, 36, 960, 36, 0xFFFFFF)
    canvas.rectangle(90, 41, 780, 26, 0xF1F3F4)
    canvas.text(24, 46, "<  >", 0x555555)
    canvas.text(104, 46, URL, 0x333333)
    canvas.rectangle(0, 72, 960, 40, 0xC0302A)
    canvas.text(24, 84, "示例商城 · 示例贸易旗舰店", 0xFFFFFF)
    sensor(canvas, 32, 136)
    canvas.text(330, 136, "工业温度传感器 TS-100", 0x222222, 2)
    canvas.text(330, 184, f"¥{PRICE}", 0xC0302A, 2)
    for row, (name, value) in enumerate(FACTS):
        y = 232 + 26 * row
        canvas.rectangle(330, y, 580, 26, 0xDDDDDD)
        canvas.rectangle(331, y + 1, 118, 24, 0xF7F7F7)
        canvas.rectangle(450, y + 1, 459, 24, 0xFFFFFF)
        canvas.text(341, y + 5, name, 0x555555)
        canvas.text(460, y + 5, value, 0x222222)
    canvas.text(32, 420, "商品评价", 0x222222, 2)
    for row, (who, day, words) in enumerate(REVIEWS):
        canvas.text(32, 470 + 28 * row, f"{who}  {day}  {words}", 0x444444)
    canvas.rectangle(0, 568, 960, 1, 0xDDDDDD)
    canvas.text(24, 576, "示例贸易有限公司 · 示例ICP备00000000号", 0x888888)
    canvas.rectangle(0, 596, 960, 24, 0x202124)
    canvas.text(692, 600, "2026-03-18 10:05:32 UTC+8", 0xE8EAED)
    return canvas.png()


def sensor(canvas: Canvas, x: int, y: int) -> None:
    """The shop's picture of the goods."""
    canvas.rectangle(x, y, 260, 260, 0xF2F3F5)
    canvas.rectangle(x + 60, y + 60, 140, 90, 0x4A5560)
    canvas.rectangle(x + 66, y + 66, 128, 78, 0x5D6A77)
    canvas.rectangle(x + 80, y + 80, 76, 34, 0xCFE3CF)
    canvas.text(x + 86, y + 81, "23.5", 0x21362A, 2)
    canvas.text(x + 80, y + 120, "TS-100", 0xFFFFFF)
    canvas.rectangle(x + 122, y + 150, 16, 60, 0xB9BDC1)
    canvas.polygon([(x + 122, y + 210), (x + 138, y + 210), (x + 130, y + 226)], 0x9A9EA2)
    canvas.rectangle(x + 200, y + 96, 44, 8, 0x2B2B2B)
