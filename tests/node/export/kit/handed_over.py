"""Whole bundles as a court is handed them, with everything in them that can be verified, and what
the court had from elsewhere: for the programs of the verification kit.

    bag = handed_over(World.of())           files by path: original, tokens, signatures, certificate
    anchors(tmp_path / "trusted", world)    a folder with fingerprint and roots
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.evidence.policy import fingerprint
from node.export.bundle import layout
from node.export.bundle.core import Deposit, deposit_files
from node.export.kit.files import kit, kit_files
from node.export.signing.certificate import format_certificates
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import bundle, certificate_data, flat, sealed_again
from tests.node.export.bundle.test_bundle_outside import World

DECLARED = b'{"title":"x"}'


def whole_world(seed: str = "honest", content: bytes = forging.CONTENT) -> World:
    """A chain that went on after the deposit."""
    made = World.of(seed, content)
    made.chain.deposit([b"later"])
    return made


def handed_over(world: World, forgery: forging.Forgery | None = None) -> dict[str, bytes]:
    """The files of a bundle of its deposit, or of this forgery in its place. Whoever hands it over
    signs with the keys of this world."""
    honest = world.deposit()
    stamped = [world.stamped(world.deposited.leaf + 1), world.stamped()]
    more = kit_files()
    files = flat(bundle([honest], stamped=stamped, certificates=world.certificates(), more=more))
    del files[layout.EMPTY]
    data, original = forgery or (honest.proof_bytes, forging.CONTENT)
    own = (layout.PROOFS, layout.SIGNATURES + "EV", layout.RECORD)
    files = {path: each for path, each in files.items() if not path.startswith(own)}
    files |= deposit_files(Deposit(data, DECLARED))
    files[layout.original(1, honest.number)] = original
    return certified(world, files)


def certified(world: World, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same with manifests that fit, and a certificate that names and signs its contents."""
    again = sealed_again({k: v for k, v in files.items() if k not in _CERTIFICATE})
    return sealed_again({**again, **world.certificate(certificate_data(again))})


_CERTIFICATE = {
    layout.CERTIFICATE_PDF,
    layout.CERTIFICATE_JSON,
    layout.CERTIFICATE_CMS,
    layout.CERTIFICATE_SM2,
}


def anchors_given(world: World) -> tuple[str, list[tuple[str, bytes]]]:
    """What a court had from elsewhere: the fingerprint, and roots by the names of their files."""
    roots = {"tsa": world.tsa, "platform-p256": world.p256, "platform-sm2": world.sm2}
    pems = [(f"{name}.pem", format_certificates([e.certificate])) for name, e in roots.items()]
    return fingerprint(world.chain.policies[-1].policy_text), pems


def anchors(folder: Path, world: World) -> Path:
    """The same as files."""
    folder.mkdir()
    known, pems = anchors_given(world)
    text = f"# as published by the court\n{known.lower()}\n"
    (folder / "policy-fingerprint.txt").write_text(text)
    for name, pem in pems:
        (folder / name).write_bytes(pem)
    return folder


@dataclass(frozen=True)
class Said:
    """What a program printed, and its exit code."""

    code: int
    out: str
    err: str

    def steps(self, state: str) -> list[int]:
        """The steps whose line says so."""
        lines = [line.split(maxsplit=1) for line in self.out.splitlines() if line.strip()]
        return [int(each[0]) for each in lines if len(each) == 2 and each[1].startswith(state)]


def run(command: Sequence[str | Path], **environment: str) -> Said:
    """A program with nothing but this in its environment."""
    done = subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return Said(done.returncode, done.stdout, done.stderr)


def verify_sh(bag: Path, roots: Path | None, *more: str, shell: Sequence[str] = ("sh",)) -> Said:
    """verify.sh of this version, not the one that lies in the bundle."""
    script = bag.parent / "verify.sh"
    script.write_bytes(kit()["verify.sh"])
    given = {} if roots is None else {"ROOTS": str(roots)}
    return run([*shell, script, bag, *more], **given)


def verify_py(bag: Path, roots: Path | None, *more: str, python: str = sys.executable) -> Said:
    """verify.py of this version."""
    script = bag.parent / "verify.py"
    script.write_bytes(kit()["verify.py"])
    given = [] if roots is None else ["--anchors", roots]
    return run([python, "-I", script, bag, *given, *more])


def answer(said: Said) -> Any:
    """What verify.py said with --json."""
    value = json.loads(said.out)
    assert value.pop("exit_code") == said.code
    return value
