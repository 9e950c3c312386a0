"""The commands' way to a gateway: the client, and what a person is told about the connection."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import httpx

from node.cli.failure import Failure
from node.cli.files import read_limited
from node.cli.terminal import Terminal
from node.client.connection import Connection
from node.client.credentials import ApiKey
from node.client.errors import BadAddress, ClientError
from node.client.gateway import Gateway

API_KEY_SIZE_MAX = 1_024


def connect(urls: str | Sequence[str], terminal: Terminal, api_key: str | None = None) -> Gateway:
    """The gateways of these addresses, asked in their order until one answers; warns of an API key
    that others can read on the way."""
    urls = [urls] if isinstance(urls, str) else list(urls)

    def on_retry(error: ClientError) -> None:
        terminal.note(f"{error.zh} 正在重试……", f"{error.en} Trying again ...", "yellow")

    credential = None if api_key is None else ApiKey(api_key)
    try:
        connection = Connection(urls, credential, language=terminal.language, on_retry=on_retry)
    except BadAddress as error:
        raise Failure(f"--gateway {error.zh}", f"--gateway: {error.en}") from error
    plain = [parsed.host for parsed in map(httpx.URL, urls) if parsed.scheme == "http"]
    if api_key is not None and not all(map(_is_here, plain)):
        terminal.note(
            "警告：以 http 连接其他机器，API 密钥可被沿途读取；请使用 https。",
            "warning: over http to another machine, your API key can be read on the way; use "
            "https.",
            "bold yellow",
        )
    return Gateway(connection)


def read_api_key(path: Path | None, terminal: Terminal) -> str | None:
    """The key of a file with one line, `czk_...`; warns of one that others can read."""
    if path is None:
        return None
    text = read_limited(path, API_KEY_SIZE_MAX).decode("ascii", "replace").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Failure(
            f"{path} 不是 API 密钥文件：应只有一行，即网关运营方给出的密钥（czk_ 开头）。",
            f"{path} is no API key file: it holds one line, the key (czk_...) that the operator "
            "of the gateway gave you.",
        )
    # No refusal, as for a signing key: the operator can replace this key, and it signs nothing.
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        terminal.note(
            f"警告：API 密钥文件 {path} 可被他人读取；请运行 chmod 600 {path}。",
            f"warning: the API key file {path} can be read by others; run chmod 600 {path}.",
            "bold yellow",
        )
    return text


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
