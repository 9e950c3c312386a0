"""`verify --explain`: what it writes is repeated with sha256sum and openssl alone."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

Folder, Run = Any, Any


def commands(folder: Path) -> list[tuple[str, str]]:
    """The commands of README.txt and what each must print."""
    text = (folder / "README.txt").read_text("utf-8")
    return re.findall(r"^    (.+)\n    应为 must be: (.+)$", text, re.MULTILINE)


def repeat(folder: Path, command: str) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)  # noqa: S602
    return done.stdout.decode() + done.stderr.decode()


def test_every_step_is_repeated_by_stock_tools(folder: Folder, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "explained"
    outcome = run("verify", folder.file, "--policy", folder.policy, "--explain", out, "--json")
    assert outcome.exit_code == 10
    assert sorted(path.name for path in out.iterdir()) == sorted(outcome.json["exhibits"])
    shutil.copy(folder.file, out / "FILE")
    steps = commands(out)
    for command, expected in steps:
        assert expected in repeat(out, command), command
    assert sum("pkeyutl -verify" in command for command, _ in steps) >= 6
    assert sum("sha256sum" in command for command, _ in steps) >= 6


def test_a_step_that_does_not_hold_prints_something_else(
    folder: Folder, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "explained"
    run("verify", folder.file, "--policy", folder.policy, "--explain", out)
    statement = out / "03-statement.txt"
    statement.write_bytes(statement.read_bytes().replace(b"A14_0", b"A14_1"))
    (command,) = [each for each, _ in commands(out) if " 03-statement.txt" in each]
    assert "Verified Successfully" not in repeat(out, command)


def test_nothing_is_written_into_a_folder_in_use(folder: Folder, run: Run) -> None:
    before = sorted(folder.path.iterdir())
    outcome = run("verify", folder.file, "--policy", folder.policy, "--explain", folder.path)
    assert outcome.exit_code == 2
    assert outcome.out == ""
    assert sorted(folder.path.iterdir()) == before


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b""])
def test_a_proof_that_cannot_be_read_has_no_steps(
    folder: Folder, run: Run, tmp_path: Path, damage: Any
) -> None:
    folder.proof.write_bytes(damage(folder.proof.read_bytes()))
    out = tmp_path / "explained"
    outcome = run("verify", folder.file, "--policy", folder.policy, "--explain", out)
    assert outcome.exit_code == 30
    assert "no step to repeat" in outcome.err
    assert not out.exists()


def test_one_proof_at_a_time(folder: Folder, run: Run, tmp_path: Path) -> None:
    other = folder.path / "other.txt"
    other.write_bytes(b"x")
    (folder.path / "other.txt.proof.txt").write_bytes(folder.proof.read_bytes())
    outcome = run("verify", folder.path, "--policy", folder.policy, "--explain", tmp_path / "e")
    assert outcome.exit_code == 2
    assert "one proof at a time" in outcome.err
