"""Programs in Go, built once into the user's cache with what the Go module proxy has. Where that
cannot be done the tests that want them are skipped, and say why."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.cached import place, version_of

BUILD_S = 800


@dataclass(frozen=True, slots=True)
class Go:
    """The toolchain, run in one directory; `program` is what it is to build."""

    toolchain: str
    directory: Path
    program: Path

    def run(self, *arguments: str) -> None:
        """Run it, or skip the test."""
        try:
            subprocess.run(
                [self.toolchain, *arguments],
                cwd=self.directory,
                check=True,
                capture_output=True,
                encoding="utf-8",
                timeout=BUILD_S,
            )
        except subprocess.CalledProcessError as error:
            pytest.skip(f"go {arguments[0]}: {error.stderr[-300:]}")
        except subprocess.TimeoutExpired:
            pytest.skip(f"go {arguments[0]} takes longer than {BUILD_S} s here")

    def build(self, package: str, *options: str) -> None:
        """Build the program, which is there when it is whole."""
        new = self.program.with_suffix(".new")
        # No version control in it: git may not be there, or not trust who owns the files.
        self.run("build", "-buildvcs=false", *options, "-o", str(new), package)
        new.rename(self.program)


def built(name: str, version: str, build: Callable[[Go], None], source: Path | None = None) -> Path:
    """The program of this name and version, from the cache or built into it by `build`, which runs
    in `source`, or else in the directory of the cache."""
    directory = place(name, version)
    program = directory / name
    if program.exists():
        return program
    toolchain = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(toolchain).exists():
        pytest.skip("there is no Go toolchain")
    directory.mkdir(parents=True, exist_ok=True)
    build(Go(toolchain, source or directory, program))
    return program


def built_from(name: str, package: str) -> Path:
    """The package as the module beside this file, `go_NAME`, pins or contains it."""
    source = Path(__file__).with_name(f"go_{name}")
    version = version_of(source.iterdir())
    return built(name, version, lambda go: go.build(package, "-mod=readonly"), source)
