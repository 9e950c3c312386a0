"""What every action of `cunzheng admin` has: its place in a group, the settings, the database."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from node.cli.arguments import common
from node.cli.failure import Failure
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.words import Answer

if TYPE_CHECKING:
    from node.offchain.database import Database

Act = Callable[[argparse.Namespace, Terminal], int]
Actions = argparse._SubParsersAction  # Its only name.

_Result = TypeVar("_Result")

_CONFIG = Text(
    "网关的设置文件（默认为当前目录的 gateway.toml）",
    "the gateway's settings (default: gateway.toml in this folder)",
)


def add_action(
    actions: Actions[argparse.ArgumentParser],
    name: str,
    summary: Text,
    act: Act,
    language: Language,
) -> argparse.ArgumentParser:
    """One action of a group; `act` carries it out. The caller adds what is the action's own."""
    text = said(summary, language)
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, allow_abbrev=False, parents=[common(language)]
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("gateway.toml"),
        metavar="GATEWAY.toml",
        help=said(_CONFIG, language),
    )
    parser.set_defaults(act=act)
    return parser


def with_database(url: str, work: Callable[[Database], Awaitable[_Result]]) -> _Result:
    """What `work` returns, given the gateway's database, whose schema must be this version's."""
    # Imported here, like all that only some actions need.
    from node.offchain.database import Database

    async def opened() -> _Result:
        async with Database(url) as database:
            return await work(database)

    return waited_for(opened)


def waited_for(work: Callable[[], Awaitable[_Result]]) -> _Result:
    """What `work` returns; a database that refuses ends the command."""
    from node.offchain.engine import StoreFailed

    async def run() -> _Result:
        return await work()

    try:
        return asyncio.run(run())
    except StoreFailed as error:
        raise Failure(
            f"数据库未完成操作：{error}；请检查数据库是否运行、设置是否正确，然后重试。",
            f"the database did not do it: {error}. Check that it runs and is the one in the "
            "settings, then try again.",
            Answer.COULD_NOT_CHECK,
        ) from error
