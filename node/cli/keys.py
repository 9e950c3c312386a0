"""Private keys as the commands use them: from a file, with a password if it has one."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from node import keyfile
from node.cli.failure import Failure
from node.cli.terminal import Terminal
from node.errors import Misconfigured
from node.evidence.keys import Signer

_PRIVATE = b"PRIVATE KEY-----"
"""In the first line of every private key in PEM, with a password or without."""


def load_key(path: Path, terminal: Terminal) -> Signer:
    """The key of a file; a person at the terminal is asked for its password."""
    _check_kind(path)
    password = None
    if _needs_password(path) and sys.stdin.isatty():
        password = getpass.getpass(
            terminal.pick(f"{path.name} 的口令：", f"password of {path.name}: ")
        )
    try:
        return keyfile.load_signer(path, password)
    except Misconfigured as error:
        raise Failure(
            f"签名密钥不可用：{error.told_zh}。", f"the signing key cannot be used: {error}."
        ) from error


def new_password(terminal: Terminal) -> str:
    """A password typed twice."""
    if not sys.stdin.isatty():
        raise Failure(
            f"没有终端可供输入口令；请改设环境变量 {keyfile.PASSWORD_VARIABLE}。",
            f"there is no terminal to type a password; set {keyfile.PASSWORD_VARIABLE} instead.",
        )
    password = getpass.getpass(terminal.pick("口令：", "password: "))
    if not password or password != getpass.getpass(terminal.pick("再输一次：", "again: ")):
        raise Failure(
            "口令为空或两次输入不一致，没有生成密钥；请重试。",
            "the password is empty or was typed differently; no key was made, try again.",
        )
    return password


def _check_kind(path: Path) -> None:
    """What was named by mistake is no key: said before anything about who may read it."""
    try:
        with path.open("rb") as file:
            data = file.read(keyfile.SIZE_MAX)
    except OSError:
        return  # `load_signer` says why.
    if _PRIVATE not in data:
        raise Failure(
            f"{path} 不是签名密钥文件（PEM 格式的私钥）；请给出 cunzheng keygen 生成的文件。",
            f"{path} is not a private key in PEM; name the file that cunzheng keygen made.",
        )


def _needs_password(path: Path) -> bool:
    if os.environ.get(keyfile.PASSWORD_VARIABLE):
        return False
    try:
        with path.open("rb") as file:
            return b"ENCRYPTED" in file.read(keyfile.SIZE_MAX)
    except OSError:
        return False
