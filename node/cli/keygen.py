"""`cunzheng keygen OUT.pem`: a new signing key, and its public text to have enrolled."""

from __future__ import annotations

import argparse
from pathlib import Path

from node import keyfile
from node.cli.failure import Failure
from node.cli.keys import load_key, new_password
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.errors import Misconfigured
from node.evidence.keys import ALGORITHMS, ED25519


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `keygen`."""
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT.pem",
        help=said(
            Text(
                "新密钥文件（PKCS#8 PEM，权限 0600），不得已存在；使用 --show 时为已有的密钥文件",
                "the new key file (PKCS#8 PEM, mode 0600); must not exist, unless with --show",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--algorithm",
        choices=ALGORITHMS,
        default=ED25519,
        help=said(
            Text(
                "签名算法；默认 ed25519。p256 与 sm2（商用密码 SM2/SM3）"
                "用于第 2 号规则的链和平台签名，成员的 log 和 witness 密钥只能是 ed25519",
                "the signature algorithm, ed25519 by default; p256 and sm2 are for chains under "
                "rules 2 and for the platform's signatures; a member's log and witness keys are "
                "always ed25519",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--show",
        action="store_true",
        help=said(
            Text(
                "不生成密钥，只再次显示该文件的公钥",
                "make no key: print the public key of the file once more",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--password",
        action="store_true",
        help=said(
            Text(
                f"以口令加密密钥文件（在终端输入；或用环境变量 {keyfile.PASSWORD_VARIABLE}）",
                "encrypt the file with a password typed at the terminal "
                f"(or set {keyfile.PASSWORD_VARIABLE})",
            ),
            language,
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make the key, never over another file; or look at one."""
    if arguments.show:
        public = load_key(arguments.out, terminal).public
        terminal.json({"public_key": public.text, "file": str(arguments.out), "exit_code": 0})
        terminal.line(public.text, "bold")
        return 0
    password = new_password(terminal) if arguments.password else None
    try:
        signer = keyfile.create(arguments.out, password, arguments.algorithm)
    except FileExistsError as error:
        raise Failure(
            f"{arguments.out} 已存在，未作改动；覆盖密钥等于丢失密钥，请换一个文件名。",
            f"{arguments.out} exists and was left alone: overwriting a key loses it. Choose "
            "another name.",
        ) from error
    except Misconfigured as error:
        raise Failure(f"没有生成密钥：{error.told_zh}。", f"no key was made: {error}.") from error
    terminal.json({"public_key": signer.public.text, "file": str(arguments.out), "exit_code": 0})
    terminal.line(signer.public.text, "bold")
    terminal.note(
        f"私钥保存在 {arguments.out}，请备份并勿交给任何人。"
        "以上公钥可以公开：存证方的由登记机构登记后方可用于存证，成员和登记机构的写入链的方案。",
        f"The private key is in {arguments.out}: keep a copy, give it to nobody. The public key "
        "above is no secret: a depositor has an enrolling authority enrol it before depositing, a "
        "member's and an authority's go into the plan of the chain.",
    )
    return 0
