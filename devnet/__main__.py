"""`python -m devnet up`: a network on this machine, until Ctrl-C; other commands reach into it.

    python -m devnet up [--members 3] [--gateways 1] [--dir .devnet] [--fresh]
    python -m devnet kill|pause|resume|restart|status NAME [--dir .devnet]

`up` in a directory that holds a devnet continues its chain; `--fresh` deletes it first.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.live import Live

from devnet.ceremony import GATEWAYS_MAX, ORGANISATIONS, destroy
from devnet.cluster import Cluster, ClusterError
from devnet.control import COMMANDS, ask, serve_control
from devnet.enrolment import NotEnrolled
from devnet.places import InUse, NotADevnet, read_places
from devnet.table import table
from node.cli.language import Language, choose

REFRESH_S = 0.25

_HELP = {
    "up": "start a network here and show it until Ctrl-C",
    "kill": "SIGKILL a member or gateway",
    "pause": "SIGSTOP it: it keeps its connections and says nothing",
    "resume": "SIGCONT",
    "restart": "start it again on its own data, and wait until it is ready",
    "status": "what a member says about itself, as JSON",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 if it was done, 1 with a sentence on stderr if not."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "up":
            return asyncio.run(_up(arguments, choose([], os.environ)))
        print(asyncio.run(ask(read_places(arguments.dir), arguments.command, arguments.name)))
    except (ClusterError, InUse, NotADevnet, NotEnrolled, OSError, ValueError) as error:
        print(f"devnet: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devnet", description="A network to try.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _HELP.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--dir", type=Path, default=Path(".devnet"), help="its directory (default: .devnet)"
        )
        if name in COMMANDS:
            command.add_argument("name", metavar="NAME", help="a member or gateway, such as court")
            continue
        command.add_argument(
            "--members", type=int, help=f"1 to {len(ORGANISATIONS)} (a new devnet has 3)"
        )
        command.add_argument(
            "--gateways", type=int, help=f"0 to {GATEWAYS_MAX} (a new devnet has 1)"
        )
        command.add_argument(
            "--fresh", action="store_true", help="delete what is there and begin a new chain"
        )
    return parser


async def _up(arguments: argparse.Namespace, language: Language) -> int:
    if arguments.fresh:
        destroy(arguments.dir)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    cluster = Cluster(arguments.dir, arguments.members, arguments.gateways)
    console = Console()
    console.print(_starting(cluster, language), highlight=False, soft_wrap=True)
    starting = asyncio.create_task(cluster.start())
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            return 0
        await starting
        async with serve_control(cluster):
            await _show(cluster, console, language, stopping)
    finally:
        for task in (starting, stopped):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await cluster.stop()
    return 0


async def _show(
    cluster: Cluster, console: Console, language: Language, stopping: asyncio.Event
) -> None:
    """Keep the table fresh; where nobody watches, say once that all are ready."""
    if not console.is_terminal:
        console.print(table(cluster, await cluster.statuses(), language))
        await stopping.wait()
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not stopping.is_set():
            live.update(table(cluster, await cluster.statuses(), language), refresh=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), REFRESH_S)


def _starting(cluster: Cluster, language: Language) -> str:
    """What to type in another terminal."""
    places, python = cluster.places, os.path.relpath(sys.executable)
    if language == "zh":
        lines = ["正在启动；按 Ctrl-C 停止，数据保留。", "策略指纹", "接入网关", "核验用的信任锚"]
        lines += ["另开终端，先执行", "此后可执行 cunzheng，以及"]
    else:
        lines = ["starting; Ctrl-C stops it and keeps its data.", "policy fingerprint", "gateway"]
        lines += ["anchors to verify with", "in another terminal, first", "then cunzheng, and"]
    texts = [f"{places.directory}: {lines[0]}", f"  {lines[1]}: {cluster.fingerprint}"]
    texts += [f"  {lines[2]}: {cluster.gateway_url(n)}" for n in range(len(cluster.gateways))]
    texts.append(f"  {lines[3]}: {places.anchors}")
    texts.append(f"  {lines[4]}: . {places.environment}")
    texts.append(f"  {lines[5]}: {python} -m devnet kill|pause|resume|restart|status NAME")
    return "\n".join(texts)


if __name__ == "__main__":
    sys.exit(main())
