"""`cunzheng fsck`: what it prints and returns; the first difference, and what repairs it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from node.cli.main import main
from node.evidence.record import format_genesis

BLOCKS = 12


@pytest.fixture
def genesis(kept: Any) -> Path:
    path: Path = kept.data.parent / "genesis.txt"
    path.write_bytes(format_genesis(kept.world.genesis()))
    return path


def test_what_is_whole(kept: Any, genesis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.write(BLOCKS)
    arguments = ["fsck", "--data", str(kept.data), "--genesis", str(genesis)]
    assert main([*arguments, "--lang", "en"]) == 0
    shown = capsys.readouterr().out
    assert f"court: {BLOCKS} blocks in the journal" in shown
    assert "blocks/s" in shown
    assert "everything is as it must be" in shown
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["height"], told["differences"], told["exit_code"]) == (BLOCKS, [], 0)


def test_the_first_difference_and_what_repairs_it(
    kept: Any, genesis: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.write(BLOCKS)
    shutil.rmtree(kept.data / "views")
    arguments = ["fsck", "--data", str(kept.data), "--genesis", str(genesis)]
    assert main([*arguments, "--lang", "en"]) == 30
    told = capsys.readouterr()
    assert "views: is missing" in told.out
    assert "computes it again from the journal" in told.err
    assert main([*arguments, "--json"]) == 30
    (difference,) = json.loads(capsys.readouterr().out)["differences"]
    assert (difference["part"], difference["height"]) == ("views", None)
    assert set(difference["repair"]) == {"zh", "en"}


def test_it_is_called_with_settings_or_with_both(
    kept: Any, genesis: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([], ["--data", "data"], ["member.toml", "--genesis", str(genesis)]):
        assert main(["fsck", *arguments, "--lang", "en"]) == 2
        assert "both --data and --genesis" in capsys.readouterr().err
