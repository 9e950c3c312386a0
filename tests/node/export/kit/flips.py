"""Single bytes of a bundle changed at random, manifests made right again: nobody may accept one.

    python -m tests.node.export.kit.flips 1000        all of it; a test does a few

Two attackers take turns. One leaves the certificate away and changes what a proof binds (folders 01
to 04); the other leaves it there, which binds all the rest of the core, and cannot sign a new one.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.kit.files import kit
from node.export.vouching import vouching
from tests.node.export.bundle.bundles import sealed_again, write
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.kit.handed_over import anchors, handed_over, verify_sh, whole_world

ACCEPTED = {0, 10}
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


def accepted(
    world: World, folder: Path, count: int, *, seed: int = 20261122, shell_every: int = 1
) -> list[str]:
    """Who accepted what; nothing, if all is well."""
    roots, found = anchors(folder / "trusted", world), []
    made: dict[str, Path] = {}
    for number, (what, files) in enumerate(flipped(handed_over(world), count, seed)):
        made[what] = write(folder / f"bag-{number}", files)
        checked = check_bundle(made[what], world.trust(), verifiers=vouching(NOW_S))
        if checked.code.answer.exit_code in ACCEPTED:
            found.append(f"cunzheng verify: {what}")
        if number % shell_every == 0 and verify_sh(made[what], roots).code in ACCEPTED:
            found.append(f"verify.sh: {what}")
    (folder / "verify.py").write_bytes(kit()["verify.py"])
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DRIVER, str(folder), str(roots)],
        input="".join(f"{path}\n" for path in made.values()),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line)["exit_code"] for line in done.stdout.splitlines()]
    for what, code in zip(made, answers, strict=True):
        if code in ACCEPTED:
            found.append(f"verify.py: {what}")
    return found


def main(count: int, seed: int) -> int:
    """The command: so many changes, told as they are tried."""
    world, done, all_found = whole_world(), 0, 0
    while done < count:
        batch = min(BATCH, count - done)
        with tempfile.TemporaryDirectory() as folder:
            found = accepted(world, Path(folder), batch, seed=seed + done)
        done, all_found = done + batch, all_found + len(found)
        for each in found:
            sys.stdout.write(f"accepted by {each}\n")
        sys.stdout.write(f"{done} single-byte changes, {all_found} accepted\n")
        sys.stdout.flush()
    return 1 if all_found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20261122))
