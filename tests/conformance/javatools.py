"""Programs in Java, which Maven fetches once into the user's cache. Where that cannot be done the
tests that want them are skipped, and say why."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.cached import place, version_of

FETCH_S = 600
QUICKLY = ("-Dmaven.wagon.http.retryHandler.count=1", "-Dmaven.wagon.rto=15000")
"""No long wait where there is no network."""


@dataclass(frozen=True, slots=True)
class Java:
    """The one source file of a program and the directory with what it needs."""

    java: str
    source: Path
    jars: Path

    def run(self, *arguments: object) -> str:
        """What it prints; it ends well."""
        line = [self.java, "-cp", f"{self.jars}/*", str(self.source), *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


def fetched(name: str) -> Java:
    """The program in `java_NAME`, beside this file, with exactly what `jars.sha256` lists."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None or shutil.which("javac") is None:
        pytest.skip("there is no Java development kit with Maven")
    room = Path(__file__).with_name(f"java_{name}")
    (source,) = room.glob("*.java")
    listed = room / "jars.sha256"
    jars = place(name, version_of([room / "pom.xml", listed]))
    if not jars.exists():
        new = jars.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        _fetch(maven, room / "pom.xml", new)
        assert _digests(new) == listed.read_text(), "others than those listed"
        new.rename(jars)
    return Java(java, source, jars)


def _fetch(maven: str, project: Path, target: Path) -> None:
    """All that the project depends on, or skip the test."""
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={target}")
    line = [maven, "-B", "-q", "-ntp", *QUICKLY, "-f", str(project), *goal]
    try:
        subprocess.run(line, check=True, capture_output=True, encoding="utf-8", timeout=FETCH_S)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"mvn: {(error.stdout or error.stderr)[-300:]}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"mvn takes longer than {FETCH_S} s here")


def _digests(folder: Path) -> str:
    """As sha256sum writes them."""
    files = sorted(folder.iterdir())
    return "".join(
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files
    )
