"""The four verifiers of a bundle beside each other: what each says in a word, and at which steps.

    court = Court.of(world, folder)         what it had from elsewhere
    program(bag, court), kit_sh(bag, court), ...        one `Said` each

The three that print JSON are one result in two implementations; verify.sh prints lines, and its
exit code is the word.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.cli.main import main
from node.words import Answer, OpenPoint
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.kit.handed_over import anchors, answer, verify_py, verify_sh
from tests.node.export.page.browser import Opened

CONSISTENT = "consistent"
WORDS = {each.exit_code: each.en for each in Answer} | {10: CONSISTENT}
"""By exit code; what is left to examine is no other word, as it is none for verify.sh."""


@dataclass(frozen=True)
class Said:
    """What one verifier says; codes, flaws and points are not for verify.sh to name."""

    word: str
    steps: frozenset[int]
    code: str | None = None
    flaws: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True)
class Court:
    """A folder of anchors that did not come with the bundle; None: it has none."""

    folder: Path | None

    @classmethod
    def of(cls, world: World, folder: Path, more: Mapping[str, bytes] | None = None) -> Court:
        """With all that this world has published, and some files more."""
        made = anchors(folder, world)
        for name, data in (more or {}).items():
            (made / name).write_bytes(data)
        return cls(made)

    @property
    def pems(self) -> Sequence[tuple[str, bytes]]:
        if self.folder is None:
            return []
        return [(each.name, each.read_bytes()) for each in sorted(self.folder.glob("*.pem"))]

    @property
    def fingerprint(self) -> str | None:
        if self.folder is None:
            return None
        lines = (self.folder / "policy-fingerprint.txt").read_text().splitlines()
        (found,) = (line for line in lines if not line.startswith("#"))
        return found.upper()


def of_json(value: Any, exit_code: int) -> Said:
    """Out of the object that three of them print."""
    verdicts = [each["verdict"] for each in value["deposits"]]
    findings = [*value["package"]["findings"], *(f for each in verdicts for f in each["findings"])]
    flaws = value["package"]["flaws"]
    return Said(
        word=WORDS[exit_code],
        steps=frozenset(each["step"] for each in findings if each["code"]),
        code=value["code"],
        flaws=frozenset(each if isinstance(each, str) else each["key"] for each in flaws),
        points=frozenset(point["key"] for each in verdicts for point in each["open_points"]),
        text="\n".join(each["en"] for each in findings),
    )


def program(bag: Path, court: Court) -> Said:
    """`cunzheng verify BUNDLE --anchors DIR --json`."""
    given = [] if court.folder is None else ["--anchors", str(court.folder)]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(["verify", str(bag), *given, "--json"])
    return of_json(json.loads(out.getvalue()), code)


def kit_py(bag: Path, court: Court) -> Said:
    """verify.py, in a Python of its own."""
    said = verify_py(bag, court.folder, "--json")
    assert said.err == ""
    return of_json(answer(said), said.code)


def kit_html(archive: bytes, court: Court, page: Opened) -> Said:
    """verify.html, in a browser."""
    value = page.verify_bundle(archive, court.fingerprint, court.pems)
    return of_json(value, value["exit_code"])


def kit_sh(bag: Path, court: Court) -> Said:
    """verify.sh, which takes a directory."""
    said = verify_sh(bag, court.folder)
    assert said.err == ""
    points = {
        word for line in said.out.splitlines() if "open points" in line for word in line.split()
    }
    known = {each.name for each in OpenPoint}
    return Said(
        WORDS[said.code],
        frozenset(said.steps("FAIL")),
        points=frozenset(points & known),
        text=said.out,
    )
