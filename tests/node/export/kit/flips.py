"""Single bytes of a bundle changed at random, manifests made right again: nobody may accept one.

    python -m tests.node.export.kit.flips 1000        all four verifiers; a test does a few

Two attackers take turns. One leaves the certificate away and changes what a proof binds (folders 01
to 04); the other leaves it there, which binds all the rest of the core, and cannot sign a new one.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.kit.files import kit
from node.export.vouching import vouching
from node.words import Answer
from tests.node.export.bundle.bundles import sealed_again, write, zipped
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.kit.handed_over import (
    anchors,
    anchors_given,
    handed_over,
    verify_sh,
    whole_world,
)
from tests.node.export.page.browser import Opened, browser, opened

ACCEPTED = {Answer.CONSISTENT.exit_code, Answer.CONSISTENT_OPEN_POINTS.exit_code}
AT_ONCE = 2
"""Shells beside each other: each is some hundred short processes."""
BATCH = 20
PROVEN = (layout.EVIDENCE, layout.PROOFS, layout.SIGNATURES + "EV")
_DRIVER = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib, verify
verify.install()
command = importlib.import_module("node.export.kit.standin.command")
for line in sys.stdin:
    command.main([line.strip(), "--anchors", sys.argv[2], "--json"], verify.__file__)
"""


def flipped(
    files: Mapping[str, bytes], count: int, seed: int
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What was changed, and the bundle with it."""
    dice = random.Random(seed)
    bare = {path: data for path, data in files.items() if "/certificate." not in path}
    record = layout.PROOF, layout.DETAILS
    for turn in range(count):
        whole = bare if turn % 2 else files
        paths = sorted(
            path
            for path in whole
            if whole[path]
            and (
                path.startswith((*PROVEN,))
                or path.endswith(record)
                or (whole is files and path.startswith(layout.CORE))
            )
        )
        (path,) = dice.choices(paths, [len(whole[each]) for each in paths])
        at, bit = dice.randrange(len(whole[path])), 1 << dice.randrange(8)
        data = bytearray(whole[path])
        data[at] ^= bit
        yield f"{path} byte {at} bit {bit}", sealed_again({**whole, path: bytes(data)})


def exit_codes(
    world: World,
    folder: Path,
    bundles: Mapping[str, Mapping[str, bytes]],
    *,
    page: Opened | None = None,
    shell_every: int = 1,
) -> dict[str, dict[str, int]]:
    """What each verifier says of these bundles by their names; without a page, the browser not."""
    roots = anchors(folder / "trusted", world)
    bags = {
        name: write(folder / f"bag-{at}" / "EVB", files)
        for at, (name, files) in enumerate(bundles.items())
    }
    some = list(bags)[::shell_every]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shells = pool.map(lambda name: verify_sh(bags[name], roots).code, some)
        python = pool.submit(_verify_py, folder, bags.values(), roots)
        return {
            "cunzheng verify": {name: _program(bag, world) for name, bag in bags.items()},
            "verify.html": {} if page is None else _verify_html(page, world, bundles),
            "verify.sh": dict(zip(some, shells, strict=True)),
            "verify.py": dict(zip(bags, python.result(), strict=True)),
        }


def accepted(
    world: World,
    folder: Path,
    count: int,
    *,
    page: Opened | None = None,
    seed: int = 20261122,
    shell_every: int = 1,
) -> list[str]:
    """Who accepted what; nothing, if all is well."""
    bundles = dict(flipped(handed_over(world), count, seed))
    answers = exit_codes(world, folder, bundles, page=page, shell_every=shell_every)
    return [
        f"{who}: {what}"
        for who, codes in answers.items()
        for what, code in codes.items()
        if code in ACCEPTED
    ]


def honest_accepted(world: World, folder: Path, page: Opened | None) -> bool:
    """Whether all take the bundle as it was: or else nobody would have found anything."""
    answers = exit_codes(world, folder, {"nothing": handed_over(world)}, page=page)
    return all(set(codes.values()) <= ACCEPTED for codes in answers.values())


def _program(bag: Path, world: World) -> int:
    return check_bundle(bag, world.trust(), verifiers=vouching(NOW_S)).code.answer.exit_code


def _verify_html(
    page: Opened, world: World, bundles: Mapping[str, Mapping[str, bytes]]
) -> dict[str, int]:
    known, pems = anchors_given(world)
    return {
        name: page.verify_bundle(zipped(files), known, pems)["exit_code"]
        for name, files in bundles.items()
    }


def _verify_py(folder: Path, bags: Iterable[Path], roots: Path) -> list[int]:
    """All of them in one process: each would load the program anew."""
    (folder / "verify.py").write_bytes(kit()["verify.py"])
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DRIVER, str(folder), str(roots)],
        input="".join(f"{bag}\n" for bag in bags),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line)["exit_code"] for line in done.stdout.splitlines()]


def main(count: int, seed: int) -> int:
    """The command: so many changes, told as they are tried."""
    world, done, all_found = whole_world(), 0, 0
    with browser() as launched, opened(launched) as page:
        with tempfile.TemporaryDirectory() as folder:
            assert honest_accepted(world, Path(folder), page)
        while done < count:
            batch = min(BATCH, count - done)
            with tempfile.TemporaryDirectory() as folder:
                found = accepted(world, Path(folder), batch, page=page, seed=seed + done)
            done, all_found = done + batch, all_found + len(found)
            for each in found:
                sys.stdout.write(f"accepted by {each}\n")
            sys.stdout.write(f"{done} single-byte changes, {all_found} accepted\n")
            sys.stdout.flush()
    return 1 if all_found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20261122))
