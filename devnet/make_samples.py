"""Write the sample evidence: `python -m devnet.make_samples [FOLDER]`.

One made-up dispute, as Chinese courts see it every day: a sale, goods that arrive damaged, a chat
and an e-mail about them, the seller's shop page, the platform's log. Persons, companies, numbers
and places do not exist (example domains, documentation addresses). The same program writes the
same bytes on every machine, so a changed sample is a changed program.
"""

import sys
from pathlib import Path

from devnet.exhibits import contract, page, photo, records

SAMPLES = Path(__file__).parent / "samples"


def make_samples() -> dict[str, bytes]:
    """Every sample by its file name."""
    return {
        "买卖合同.pdf": contract.contract(),
        records.PHOTO_NAME: photo.photo(),
        "对账邮件.eml": records.mail(),
        "聊天记录.json": records.chat(),
        "商品页面.html": page.saved_page(),
        "商品页面.har": page.request_log(),
        "商品页面-截图.png": page.screenshot(),
        "登录日志.log": records.login_log(),
        "取证说明.txt": records.note(),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in make_samples().items():
        (folder / name).write_bytes(content)
        print(f"{len(content):>9,} bytes  {folder / name}")


if __name__ == "__main__":
    main()
