"""`cunzheng admin database`: what an operator runs with every new version."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from node.offchain.revisions import newest

Run = Any


def execute(config: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(config.parent / "gateway.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_upgrades_once(run: Run, config: Path) -> None:
    first = run("admin", "database", "upgrade", "--config", config, "--json")
    assert (first.exit_code, first.json) == (
        0,
        {"before": None, "revision": newest(), "exit_code": 0},
    )
    second = run("admin", "database", "upgrade", "--config", config, "--json")
    assert second.json == {"before": newest(), "revision": newest(), "exit_code": 0}
    assert "nothing was changed" in run("admin", "database", "upgrade", "--config", config).out


def test_checks_that_it_is_this_versions(run: Run, config: Path) -> None:
    before = run("admin", "database", "check", "--config", config)
    assert before.exit_code == 2
    assert "run cunzheng admin database upgrade" in before.err
    run("admin", "database", "upgrade", "--config", config)
    after = run("admin", "database", "check", "--config", config, "--json")
    assert (after.exit_code, after.json) == (0, {"revision": newest(), "exit_code": 0})


def test_a_table_that_was_changed_by_hand_is_named(run: Run, config: Path) -> None:
    run("admin", "database", "upgrade", "--config", config)
    execute(config, "drop table roles")
    found = run("admin", "database", "check", "--config", config)
    assert found.exit_code == 2
    assert "roles" in found.err


@pytest.mark.parametrize("action", ["upgrade", "check"])
def test_a_database_that_cannot_be_opened_is_told(run: Run, config: Path, action: str) -> None:
    path = config.parent / "gateway.db"
    path.mkdir()
    assert "directory" in run("admin", "database", action, "--config", config).err
    path.rmdir()
    path.write_bytes(b"something else" * 100)
    found = run("admin", "database", action, "--config", config)
    assert (found.exit_code, "not a database" in found.err) == (80, True)
    assert path.read_bytes() == b"something else" * 100
