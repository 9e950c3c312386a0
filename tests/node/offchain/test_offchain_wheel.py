"""What is installed can upgrade a database: the steps are in the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import node

ROOT = Path(node.__file__).parent.parent


@pytest.mark.slow
def test_the_steps_are_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    migrations = "node/offchain/migrations"
    there = {str(each.relative_to(ROOT)) for each in (ROOT / migrations).rglob("*.py")}
    assert f"{migrations}/env.py" in there
    assert there <= set(zipfile.ZipFile(wheel).namelist())
