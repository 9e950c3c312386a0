"""Programs in Python, installed once into a virtual environment of their own in the user's cache,
with what pip finds. Where that cannot be done the tests that want them are skipped, and say why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.cached import place, version_of

INSTALL_S = 300
QUICKLY = ("--retries=1", "--timeout=15", "--only-binary=:all:")
"""No long wait where there is no network, and nothing compiled."""


def installed(name: str) -> Path:
    """The interpreter that has exactly what `py_NAME/requirements.txt`, beside this file, pins."""
    wanted = Path(__file__).with_name(f"py_{name}") / "requirements.txt"
    directory = place(name, version_of([wanted]))
    program = directory / "bin" / "python"
    if not program.exists():
        new = directory.with_suffix(".new")
        _run(sys.executable, "-m", "venv", "--clear", new)
        arguments = ("install", "--quiet", *QUICKLY, "--require-hashes")
        pip = (new / "bin" / "python", "-m", "pip")
        _run(*pip, *arguments, "--requirement", wanted)
        shutil.rmtree(directory, ignore_errors=True)  # Its interpreter is not there any more.
        new.rename(directory)
    return program


def _run(*line: object) -> None:
    """Run it, or skip the test."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        subprocess.run(
            [str(each) for each in line],
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=INSTALL_S,
            env=environment,
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{line[2]}: {(error.stderr or error.stdout)[-300:]}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{line[2]} takes longer than {INSTALL_S} s here")
