"""`cunzheng apikey ACCOUNT --register FILE --out KEYFILE`: let a depositor, or an auditor, in at a
gateway."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import write_whole
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.gateway.auth import ACCOUNT, format_key_line, new_key

DEPOSITOR, AUDITOR = "depositor", "auditor"


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `apikey`."""
    parser.add_argument(
        "account",
        metavar="ACCOUNT",
        help=said(
            Text(
                "账户标识（a-z 0-9 . _ -），不得含个人信息",
                "id of the account (a-z 0-9 . _ -); nothing about a person",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--register",
        type=Path,
        required=True,
        metavar="FILE",
        help=said(
            Text(
                "网关设置 api_keys 所指的文件，追加一行",
                "the gateway's `api_keys` file; adds a line",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--scope",
        choices=(DEPOSITOR, AUDITOR),
        default=DEPOSITOR,
        help=said(
            Text(
                "depositor 存证（默认）；auditor 只读取已公布的全部记录与区块数据",
                "depositor (default), or auditor: reads all entries and bodies, deposits nothing",
            ),
            language,
        ),
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="KEYFILE",
        help=said(
            Text("新密钥写入此文件，交给使用者", "the new key goes here, for whoever uses it"),
            language,
        ),
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make the key, then add its digest; a key that is in no register opens no door."""
    if not ACCOUNT.fullmatch(arguments.account):
        raise Failure(
            "账户标识须为 1 至 64 个字符：a-z 0-9 . _ -，以字母或数字开头。",
            "an account id is 1 to 64 characters of a-z 0-9 . _ -, first a letter or digit",
        )
    key = new_key()
    write_whole(arguments.out, f"{key}\n".encode(), replace=False, private=True)
    line = format_key_line(arguments.account, key, auditor=arguments.scope == AUDITOR).encode()
    with open(arguments.register, "ab") as register:
        register.write(line)
        register.flush()
        os.fsync(register.fileno())
    terminal.json(
        {
            "account": arguments.account,
            "scope": arguments.scope,
            "file": str(arguments.out),
            "exit_code": 0,
        },
    )
    terminal.note(
        f"密钥已写入 {arguments.out}，请经安全途径交给 {arguments.account}；"
        "网关只保存其摘要，重启后生效。",
        f"The key is in {arguments.out}: hand it to {arguments.account} safely. The gateway keeps "
        "only its digest and knows it from its next start on.",
    )
    return 0
