"""The evidence bundle of the demo: what a court is handed, and what it makes of it by itself.

Each verifier runs in a folder with the bundle and the anchors, which came another way, and has
nothing else: `cunzheng verify`, and the two programs that lie in the bundle.
"""

import asyncio
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from devnet.cluster import READY_S, Cluster
from devnet.outside import Failed, Outside
from node.export.bundle import layout
from node.export.kit.files import VERIFY_HTML, VERIFY_PY, VERIFY_SH

POLL_S = 0.2
CONSISTENT, OPEN_POINTS = 0, 10
REFUSED = (20, 30)
"""Not the deposited bytes; and what verify.sh says if the package is not whole either."""
STOCK_TOOLS = ("openssl", "xxd")
"""What verify.sh needs that not every machine has."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one verifier ended, and what it was."""

    program: str
    exit_code: int


async def stamped(cluster: Cluster, number: str) -> None:
    """Wait until a timestamp reaches this deposit, and so all that came before it."""
    until_s = time.monotonic() + READY_S
    async with httpx.AsyncClient(base_url=cluster.gateway_url(), trust_env=False) as http:
        while time.monotonic() < until_s:
            told = (await http.get(f"/v1/evidence/{number}/timestamp")).json()
            if told.get("timestamped"):
                return
            await asyncio.sleep(POLL_S)
    raise Failed(f"no timestamp reaches {number}")


class HandedOver:
    """A bundle and the anchors in a folder of the court's."""

    def __init__(self, folder: Path, bundle: Path, anchors: Path, outside: Outside) -> None:
        self._folder = folder
        self._outside = outside
        folder.mkdir()
        self._archive = Path(shutil.copy(bundle, folder))
        self._anchors = Path(shutil.copytree(anchors, folder / "anchors"))
        with zipfile.ZipFile(self._archive) as archive:
            archive.extractall(folder)
        self._bag = folder / bundle.stem

    async def verify(self) -> list[Answer]:
        """What each verifier says of it; raises `Failed` if one of them does not take it."""
        return [
            await self._ask(self._archive, (OPEN_POINTS,)),
            *await self._kit((CONSISTENT, OPEN_POINTS)),
        ]

    async def verify_other_original(self) -> list[Answer]:
        """The same with one byte of the first original changed: nobody takes it."""
        original = sorted((self._bag / layout.EVIDENCE).iterdir())[0]
        data = original.read_bytes()
        original.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        try:
            return [await self._ask(self._bag, REFUSED), *await self._kit(REFUSED)]
        finally:
            original.write_bytes(data)

    async def _ask(self, bundle: Path, expected: tuple[int, ...]) -> Answer:
        line = ("verify", bundle.name, "--anchors", self._anchors.name)
        finished = await self._outside.run(self._folder, *line)
        if finished.exit_code not in expected:
            raise Failed(f"`{finished.line}` ended with {finished.exit_code}: {finished.value}")
        return Answer("cunzheng verify", finished.exit_code)

    async def _kit(self, expected: tuple[int, ...]) -> list[Answer]:
        kit, anchors = self._bag / layout.VERIFY, str(self._anchors)
        bag, python = str(self._bag), (sys.executable, "-I")
        lines = {VERIFY_PY: [*python, str(kit / VERIFY_PY), bag, "--anchors", anchors]}
        if all(map(shutil.which, STOCK_TOOLS)):
            lines[VERIFY_SH] = ["sh", str(kit / VERIFY_SH), bag]
        answers = []
        for name, line in lines.items():
            environment = {"PATH": os.environ["PATH"], "ROOTS": anchors}
            code, text = await self._outside.program(self._folder, line, environment)
            if code not in expected:
                raise Failed(f"{name} ended with {code}: {text}")
            answers.append(Answer(name, code))
        return answers


def how_to_verify(bundle: Path, anchors: Path) -> Iterator[str]:
    """The lines that anybody can repeat."""
    kit = f"{bundle.stem}/{layout.VERIFY}"
    yield f"cunzheng verify {bundle} --anchors {anchors}"
    yield f"unzip {bundle}"
    yield f"ROOTS={anchors} sh {kit}{VERIFY_SH}"
    yield f"python3 -I {kit}{VERIFY_PY} {bundle} --anchors {anchors}"
    yield f"xdg-open {kit}{VERIFY_HTML}"
