"""`cunzheng member|gateway|witness CONFIG.toml`: one process each, until stopped; so is
`cunzheng timestamp serve CONFIG.toml` (`timestamp`).

SIGINT and SIGTERM stop it in good order, with exit code 0. What it has to say while it runs goes to
stderr as log lines in English, for whoever operates it: text on a terminal, elsewhere one JSON
object a line (`operating.logs`).
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Literal

from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.operating.logs import FORMATS, set_up

_Served = Literal["member", "gateway", "witness", "timestamp"]


class Serve:
    """One of these commands."""

    def __init__(self, what: _Served) -> None:
        self._what = what

    def configure(self, parser: argparse.ArgumentParser, language: Language) -> None:
        """The arguments of all of them."""
        parser.add_argument(
            "config",
            type=Path,
            metavar="CONFIG.toml",
            help=said(Text("设置文件", "the settings"), language),
        )
        parser.add_argument(
            "--log-level",
            choices=("debug", "info", "warning", "error"),
            default="info",
            help=said(Text("日志级别", "how much to log"), language),
        )

        parser.add_argument(
            "--log-format",
            choices=FORMATS,
            default="auto",
            help=said(
                Text(
                    "日志格式；auto：在终端上为文本，否则为 JSON",
                    "how to write it; auto: text on a terminal, else JSON",
                ),
                language,
            ),
        )

    def run(self, arguments: argparse.Namespace, terminal: Terminal) -> int:
        """Serve until a signal; errors that end the process are told like all others."""
        set_up(arguments.log_level, arguments.log_format)
        # Each request at INFO, answered or asked, would drown what matters.
        for name in ("uvicorn.access", "httpx"):
            logging.getLogger(name).setLevel(logging.WARNING)
        import uvloop

        # Not only for gateways: what a member does for a block is mostly small messages.
        uvloop.run(_SERVE[self._what](arguments.config))
        terminal.note("已停止。", "Stopped.")
        return 0


# Imported here: only a process that serves needs gRPC, LevelDB and FastAPI.


def _member(config: Path) -> Coroutine[None, None, None]:
    from node.config import load_member
    from node.member.process import run_member

    return run_member(load_member(config))


def _gateway(config: Path) -> Coroutine[None, None, None]:
    from node.config import load_gateway
    from node.gateway.server import run_gateway

    return run_gateway(load_gateway(config))


def _witness(config: Path) -> Coroutine[None, None, None]:
    from node.witness.server import run_witness
    from node.witness.settings import load_witness

    return run_witness(load_witness(config))


def _timestamp(config: Path) -> Coroutine[None, None, None]:
    from node.export.timestamps.server import run_timestamp_service
    from node.export.timestamps.settings import load_timestamp_service

    return run_timestamp_service(load_timestamp_service(config))


_SERVE: dict[_Served, Callable[[Path], Coroutine[None, None, None]]] = {
    "member": _member,
    "gateway": _gateway,
    "witness": _witness,
    "timestamp": _timestamp,
}
COMMANDS = {what: Serve(what) for what in _SERVE}
