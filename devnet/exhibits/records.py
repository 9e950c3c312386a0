"""An e-mail with an attachment, a chat export and a log-in log, all about one delivery."""

import hashlib
import json
import struct
from base64 import b64encode
from datetime import datetime, timedelta, timezone

from devnet.exhibits.photo import photo

BEIJING = timezone(timedelta(hours=8))

PHOTO_NAME = "IMG_20260315_142208.jpg"

ACCOUNTS_CSV = """日期，单号，项目，数量，单价，金额
2026-03-04,SL-2026-0302,首付款（30%）,,,20100.00
2026-03-15,CK-0315,工业温度传感器 TS-100,500,128.00,64000.00
2026-03-15,CK-0315,安装支架 ZJ-20,500,6.00,3000.00
2026-03-15,TH-0315,破损待更换 TS-100,-3,128.00,-384.00
,,应付余额，，，46516.00
"""

MAIL_BODY = """张三您好：

贵司 3 月 15 日送达的 500 只 TS-100 已清点。其中一箱外包装破损，箱内 3 只传感器外壳开裂，
无法使用，照片已于当日通过即时通信发送。

依合同第四条、第六条，请在 3 月 25 日前更换上述 3 只；更换前我司先按对账单（见附件）
扣除相应价款 384.00 元。

此致
示例科技有限公司 采购部 李四
电话 13800000000
"""

BUYER, SELLER = "李四（示例科技）", "张三（示例贸易）"

CHAT = (
    ("2026-03-01 09:12:05", BUYER, "张经理好，TS-100 现在 500 只什么价？"),
    ("2026-03-01 09:15:40", SELLER, "500 只的话 128 一只，含税含运费，支架 6 块一套。"),
    ("2026-03-01 09:16:22", BUYER, "精度能到 ±0.3 吗？我们用在冷库，零下 30 度左右。"),
    ("2026-03-01 09:18:01", SELLER, "0 到 85 度是 ±0.3,零下会大一点，±0.5 以内，规格书我发您。"),
    ("2026-03-01 09:18:30", SELLER, "[文件] TS-100规格书.pdf"),
    ("2026-03-01 10:02:11", BUYER, "好，今天走流程，合同按上次的模板。"),
    ("2026-03-02 10:20:47", BUYER, "合同已签，扫描件发您邮箱了，编号 SL-2026-0302。"),
    ("2026-03-02 10:41:03", SELLER, "收到，我们这边也签好了，回传给您。"),
    ("2026-03-04 15:30:19", BUYER, "首付款 20100 已转，请查收。"),
    ("2026-03-04 16:02:55", SELLER, "到账了，谢谢。预计 14 号发货。"),
    ("2026-03-14 17:45:36", SELLER, "今天发出，明天下午到，司机电话 13800000000。"),
    ("2026-03-15 14:10:02", BUYER, "货到了，正在卸。"),
    ("2026-03-15 14:24:31", BUYER, "有一箱外包装破了，您看一下。"),
    ("2026-03-15 14:24:40", BUYER, f"[图片] {PHOTO_NAME}"),
    ("2026-03-15 14:31:17", SELLER, "看到了，是物流压的吧？里面怎么样？"),
    ("2026-03-15 14:52:48", BUYER, "开箱点过了，3 只外壳裂了，其他外观没问题，要通电再测。"),
    ("2026-03-15 14:55:09", SELLER, "好的，这 3 只我们换，您发个邮件走一下流程。"),
    ("2026-03-16 11:08:26", BUYER, "邮件已发，附了对账单。"),
    ("2026-03-20 09:30:12", BUYER, "通电测完了，除那 3 只外都合格。"),
    ("2026-03-25 16:47:58", BUYER, "今天到期了，换货还没收到？"),
    ("2026-03-26 09:05:33", SELLER, "仓库说不是我们包装的问题，要找物流赔，换货要再商量。"),
    (
        "2026-03-26 09:07:20",
        BUYER,
        "合同第三条写了交付前的风险是您那边的，卸货时就是破的，有照片。",
    ),
    ("2026-03-26 09:40:51", SELLER, "我再和领导说一下。"),
)


def mail() -> bytes:
    """对账邮件.eml: RFC 5322 and MIME written out by hand, CR LF line ends.

    Python's own writer folds long Chinese headers differently from version to version.
    """
    mark = "=_example_0316_1"
    name = "%E5%AF%B9%E8%B4%A6%E5%8D%95.csv"  # 对账单.csv
    lines = [
        "Return-Path: <lisi@example.com>",
        "Received: from mail.example.com (mail.example.com [192.0.2.25])",
        "\tby mx.example.cn (Postfix) with ESMTPS id 4XEXAMPLE1z",
        "\tfor <zhangsan@example.cn>; Mon, 16 Mar 2026 11:06:43 +0800 (CST)",
        f"From: {word('李四')} <lisi@example.com>",
        f"To: {word('张三')} <zhangsan@example.cn>",
        f"Subject: {word('关于 TS-100 到货破损的通知')}",
        f" {word('及对账单（SL-2026-0302）')}",
        "Date: Mon, 16 Mar 2026 11:06:41 +0800",
        "Message-ID: <20260316030641.1A2B3C@mail.example.com>",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{mark}"',
        "",
        f"--{mark}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *folded(MAIL_BODY.replace("\n", "\r\n").encode()),
        f"--{mark}",
        f"Content-Type: text/csv; charset=utf-8; name*=UTF-8''{name}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: attachment; filename*=UTF-8''{name}",
        "",
        *folded(b"\xef\xbb\xbf" + ACCOUNTS_CSV.replace("\n", "\r\n").encode()),
        f"--{mark}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def word(text: str) -> str:
    """An encoded word of RFC 2047; the caller keeps it under 75 characters."""
    return f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="


def folded(content: bytes) -> list[str]:
    text = b64encode(content).decode()
    return [text[at : at + 76] for at in range(0, len(text), 76)]


def chat() -> bytes:
    """聊天记录.json: who said what when, and the digest of every file that was sent."""
    picture = hashlib.sha256(photo()).hexdigest()
    messages = []
    for number, (time, sender, text) in enumerate(CHAT, 1):
        message: dict[str, str | int] = {"id": number, "time": f"{time}+08:00".replace(" ", "T")}
        message |= {"sender": sender, "type": "text", "text": text}
        if text.startswith("[图片]"):
            message |= {"type": "image", "file": PHOTO_NAME, "sha256": picture}
        elif text.startswith("[文件]"):
            message |= {"type": "file"}
        messages.append(message)
    export = {
        "application": "示例即时通信",
        "version": "8.0.1",
        "exported_at": "2026-03-27T09:00:00+08:00",
        "conversation": "李四、张三",
        "participants": [
            {"name": BUYER, "account": "example_lisi"},
            {"name": SELLER, "account": "example_zhangsan"},
        ],
        "messages": messages,
    }
    return json.dumps(export, ensure_ascii=False, indent=1).encode() + b"\n"


def login_log() -> bytes:
    """登录日志.log: 480 log-ins to the shop's supplier portal over five days."""
    lines = ["# 示例商城供应商平台 登录日志 2026-03-12 至 2026-03-16 时间为北京时间（UTC+8）"]
    time = datetime(2026, 3, 12, 0, 3, 11, 204_000, BEIJING)
    for number in range(1, 481):
        digest = hashlib.sha256(b"login-log %d" % number).digest()
        pause, user, network, outcome = struct.unpack(">4H", digest[:8])
        time += timedelta(milliseconds=60_000 + pause * 26)
        failed = outcome % 19 == 0
        fields = (
            time.isoformat(timespec="milliseconds"),
            "WARN " if failed else "INFO ",
            f"seq={number:06}",
            f"user=u{1001 + user % 37}",
            "phone=138****0000",
            f"ip={('192.0.2', '198.51.100', '203.0.113')[network % 3]}.{network // 3 % 254 + 1}",
            f"method={('password', 'sms', 'qrcode')[outcome % 3]}",
            "result=" + ("FAIL reason=" + ("密码错误", "验证码过期")[user % 2] if failed else "OK"),
            f"session={digest[16:24].hex()}",
        )
        lines.append(" ".join(fields))
    return "\n".join(lines).encode() + b"\n"


def note() -> bytes:
    """取证说明.txt: what the set is."""
    return """取证说明

本目录为演示用电子数据：买卖合同、收货照片、对账邮件、聊天记录、商品页面（含请求记录与截图）、登录日志。
全部人物、公司、号码、网址、坐标均为虚构；文件由程序生成，逐字节可重现。
""".encode()
