"""Reads settings: TOML files, strictly, once at start.

Paths are relative to the file they stand in. A setting that is unknown, missing or of the wrong
kind is refused with its name, because a misspelled setting that is ignored is worse than none.
Secrets stand in files of their own, never here.
"""

from __future__ import annotations

import re
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from node.errors import Misconfigured, zh_reason
from node.evidence.malformed import Malformed
from node.evidence.spelling import check_member

_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_SQLITE = re.compile(r"(sqlite\+aiosqlite:///)(?!/)(.+)")


def read_file(path: Path) -> bytes:
    """A file that a setting names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}", f"{path}：{zh_reason(error)}") from error


def read_certificate(path: Path) -> bytes:
    """The DER of a certificate file, which holds exactly one."""
    text = read_file(path).decode(errors="replace").strip()
    try:
        if text.count("-----BEGIN") != 1:
            raise ValueError("not exactly one certificate in PEM")
        return ssl.PEM_cert_to_DER_cert(text)
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


def read_chain(path: Path) -> list[bytes]:
    """The DER of each certificate in a file: whose it is first, and those above it."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    parts = read_file(path).decode(errors="replace").split(begin)[1:]
    try:
        return [
            ssl.PEM_cert_to_DER_cert(f"{begin}{part.partition(end)[0]}{end}\n") for part in parts
        ]
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


class Table:
    """A TOML table with settings of the names that the fields of `known` have, and no others."""

    def __init__(self, path: Path, known: type, values: Mapping[str, object] | None = None) -> None:
        self._path = path
        if values is None:
            try:
                values = tomllib.loads(read_file(path).decode())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise Misconfigured(
                    f"{path}: not TOML: {error}", f"{path} 不是 TOML 格式：{error}"
                ) from error
        # A misspelled setting is missing too: better named as it was written.
        if unknown := values.keys() - {field.name for field in fields(known)}:
            unknown_one = min(unknown)
            raise Misconfigured(
                f"{path}: unknown setting `{unknown_one}`", f"{path}：未知的设置 `{unknown_one}`"
            )
        self._values = dict(values)

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "is not a text", "不是文本")
        return value

    def member(self, name: str) -> str:
        try:
            return check_member(self.text(name), name)
        except Malformed as error:
            raise self._wrong(name, error.why, error.why) from error

    def address(self, name: str) -> str:
        text = self.text(name)
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match["port"]) < 65_536:
            raise self._wrong(name, "is not HOST:PORT", "不是 HOST:PORT")
        return text

    def path(self, name: str) -> Path:
        return self._resolve(self.text(name))

    def paths(self, name: str) -> list[Path]:
        return [self._resolve(each) for each in self.texts(name, "paths")]

    def texts(self, name: str, what: str = "texts") -> list[str]:
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(name, f"is not a list of {what}", "不是文本的列表")
        return value

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        try:
            return tuple(ip_network(each) for each in self.texts(name, "networks"))
        except ValueError as error:
            raise self._wrong(name, str(error), f"不是网络地址：{error}") from error

    def integer(self, name: str) -> int:
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "is not a number", "不是数字")
        return value

    def tables(self, name: str, known: type) -> list[Table]:
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            en, zh = f"is not a list of tables `[[{name}]]`", f"不是 `[[{name}]]` 表的列表"
            raise self._wrong(name, en, zh)
        return [Table(self._path, known, each) for each in value]

    def table(self, name: str, known: type) -> Table:
        value = self._take(name)
        if not isinstance(value, dict):
            raise self._wrong(name, f"is not a table `[{name}]`", f"不是 `[{name}]` 表")
        return Table(self._path, known, value)

    def choice(self, name: str, choices: Sequence[str]) -> str:
        text = self.text(name)
        if text not in choices:
            en, zh = f"is none of {', '.join(choices)}", f"须为 {'、'.join(choices)} 之一"
            raise self._wrong(name, en, zh)
        return text

    def database(self, name: str) -> str:
        """A URL; a relative SQLite path in it is resolved like every other path."""
        text = self.text(name)
        match = _SQLITE.fullmatch(text)
        return f"{match[1]}{self._resolve(match[2])}" if match else text

    def _resolve(self, text: str) -> Path:
        return self._path.absolute().parent / text

    def _take(self, name: str) -> object:
        try:
            return self._values[name]
        except KeyError:
            raise self._wrong(name, "is missing", "缺失") from None

    def _wrong(self, name: str, en: str, zh: str) -> Misconfigured:
        return Misconfigured(
            f"{self._path}: setting `{name}` {en}", f"{self._path}：设置 `{name}` {zh}"
        )
