"""买卖合同.pdf: a sale of temperature sensors, signed and sealed, on two pages."""

from math import cos, pi, sin

from devnet.exhibits import pdf

SIZE = 11
LEADING = 18.5
LEFT, RIGHT, TOP = 72, 523, 770

PARTIES = (
    "甲方（买受人）：示例科技有限公司",
    "统一社会信用代码：91330000EXAMPLE01X    住所：示例省示例市示例路1号",
    "联系人：李四    电话：13800000000    电子邮箱：lisi@example.com",
    "",
    "乙方（出卖人）：示例贸易有限公司",
    "统一社会信用代码：91330000EXAMPLE02Y    住所：示例省示例市样品街2号",
    "联系人：张三    电话：13800000000    电子邮箱：zhangsan@example.cn",
)

GOODS = (
    ("名称", "型号", "数量", "单价（元）", "金额（元）"),
    ("工业温度传感器", "TS-100", "500 只", "128.00", "64,000.00"),
    ("安装支架", "ZJ-20", "500 套", "6.00", "3,000.00"),
    ("合计", "", "", "", "67,000.00"),
)
COLUMNS = (72, 200, 280, 350, 430, 523)

ARTICLES = (
    "根据《中华人民共和国民法典》及有关法律规定，甲乙双方经协商一致，就甲方向乙方购买工业温度传"
    "感器一事，订立本合同。",
    "第一条 标的物。乙方向甲方出售的标的物名称、型号、数量及价款见下表，价款为含税价。",
    "第二条 质量标准。标的物测温范围为-40℃至125℃，在0℃至85℃范围内误差不超过±0.3℃，防护等级"
    "为IP67。乙方随货提供出厂检验报告。",
    "第三条 交付。乙方于2026年3月15日前将标的物运至甲方仓库（示例市示例路1号），运费由乙方负担"
    "。标的物毁损、灭失的风险自交付时起由甲方承担。",
    "第四条 检验。甲方自收货之日起十日内检验；发现数量或者质量不符合约定的，应当在该期限内以书"
    "面形式或者电子邮件通知乙方，并附照片。",
    "第五条 价款支付。本合同订立后三日内，甲方支付价款的30%（20,100.00元）；检验合格后十日内支"
    "付其余46,900.00元。",
    "第六条 质量保证期。质量保证期为十二个月，自检验合格之日起计算。期内非因甲方使用不当发生的"
    "故障，乙方负责更换。",
    "第七条 违约责任。乙方逾期交付的，每逾期一日按逾期部分价款的千分之一支付违约金；交付的标的"
    "物不符合约定的，甲方可以要求更换、减少价款或者退货，并要求赔偿损失。",
    "第八条 通知与电子数据。双方以本合同所列电子邮箱及即时通信账号往来；双方同意就本合同的订立"
    "和履行采用数据电文，并可将有关电子数据存证。",
    "第九条 争议解决。因本合同发生的争议，双方协商解决；协商不成的，向甲方住所地人民法院提起诉讼。",
    "第十条 其他。本合同一式两份，双方各执一份，自双方签名之日起生效。",
)


def contract() -> bytes:
    """The PDF, dated 2 March 2026."""
    return pdf.document(
        [first_page(), second_page()],
        {"Title": "买卖合同", "Author": "示例科技有限公司", "Producer": "cunzheng devnet samples"},
        "D:20260302101500+08'00'",
    )


def first_page() -> str:
    out = pdf.text(235, TOP, 22, "买 卖 合 同")
    out += pdf.text(LEFT, TOP - 36, SIZE, "合同编号：SL-2026-0302")
    out += pdf.text(380, TOP - 36, SIZE, "签订日期：2026年3月2日")
    y: float = TOP - 64
    for words in PARTIES:
        out += pdf.text(LEFT, y, SIZE, words)
        y -= LEADING
    drawn, y = paragraphs(ARTICLES[:2], y - 6)
    out += drawn
    drawn, y = goods(y)
    out += drawn
    drawn, y = paragraphs(ARTICLES[2:7], y - 10)
    return out + drawn + foot(1)


def second_page() -> str:
    out, y = paragraphs(ARTICLES[7:], TOP)
    y -= 40
    for x, party, person in (
        (LEFT, "甲方：示例科技有限公司", "李四"),
        (310, "乙方：示例贸易有限公司", "张三"),
    ):
        out += pdf.text(x, y, SIZE, party)
        out += pdf.text(x, y - 30, SIZE, "授权代表（签名）：")
        out += pdf.text(x + 98, y - 32, 18, person)
        out += pdf.line(x + 92, y - 36, x + 170, y - 36)
        out += pdf.text(x, y - 60, SIZE, "日期：2026年3月2日")
    out += round_seal(228, y - 36, "示例科技有限公司")
    out += round_seal(466, y - 36, "示例贸易有限公司")
    return out + foot(2)


def paragraphs(articles: tuple[str, ...], y: float) -> tuple[str, float]:
    """Lines indented by two characters at the first, and where the next would stand."""
    out = ""
    for article in articles:
        for words in pdf.wrap("\u3000\u3000" + article, SIZE, RIGHT - LEFT):
            out += pdf.text(LEFT, y, SIZE, words)
            y -= LEADING
    return out, y


def goods(y: float) -> tuple[str, float]:
    """The ruled table, and where the text goes on."""
    out = "0.6 w\n"
    top = y + 6
    for number, row in enumerate(GOODS):
        bottom = top - 22 * (number + 1)
        for left, cell in zip(COLUMNS, row, strict=False):
            out += pdf.text(left + 6, bottom + 7, SIZE, cell)
    for number in range(len(GOODS) + 1):
        out += pdf.line(COLUMNS[0], top - 22 * number, COLUMNS[-1], top - 22 * number)
    for x in COLUMNS:
        out += pdf.line(x, top, x, top - 22 * len(GOODS))
    return out, top - 22 * len(GOODS) - LEADING


def foot(page: int) -> str:
    return pdf.text(240, 40, 9, f"合同编号 SL-2026-0302  第{page}页 共2页")


def round_seal(x: float, y: float, name: str) -> str:
    """A company's red seal: ring, star, its name along the upper arc."""
    radius = 42.0
    ring = [(x + radius * cos(at * pi / 36), y + radius * sin(at * pi / 36)) for at in range(72)]
    star = [(x + 13 * sin(at * 4 * pi / 5), y + 13 * cos(at * 4 * pi / 5)) for at in range(5)]
    out = "q 0.8 0.1 0.1 RG 0.8 0.1 0.1 rg 2 w\n"
    out += path(ring) + " h S\n" + path(star) + " h f\n"
    for place, character in enumerate(name):
        turn = (len(name) - 1 - 2 * place) * pi / 11
        right, up = cos(turn), sin(turn)
        left, base = x - 30 * up - 5 * right, y + 30 * right - 5 * up
        out += (
            f"BT /F1 10 Tf {right:.3f} {up:.3f} {-up:.3f} {right:.3f} {left:.3f} {base:.3f} Tm "
            f"<{character.encode('utf-16-be').hex()}> Tj ET\n"
        )
    return out + pdf.text(x - 20, y - 28, 8, "合同专用章") + "Q\n"


def path(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    return f"{x:.2f} {y:.2f} m" + "".join(f" {a:.2f} {b:.2f} l" for a, b in rest)
