"""`cunzheng admin inspection`: it begins with two officers, and all that is shown names it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

Run = Any

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture
def admin(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`cunzheng admin` in the folder of a gateway whose vault and database were made."""
    monkeypatch.chdir(config.parent)
    assert run("admin", "vault", "make").exit_code == 0
    assert run("admin", "database", "upgrade").exit_code == 0
    return lambda *arguments: run("admin", *arguments)


@pytest.fixture
def asked() -> dict[str, Any]:
    """The document's inspection."""
    text = DOCUMENT.read_text("utf-8").partition("## An inspection by an authority")[2]
    found = re.search(r"^```json\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    value: dict[str, Any] = json.loads(found[1])
    return value


def opened(admin: Run, asked: dict[str, Any], tmp_path: Path) -> Any:
    path = tmp_path / "inspection.json"
    path.write_text(json.dumps(asked), "utf-8")
    return admin("inspection", "open", "--from", path, "--json")


def test_what_is_shown_is_recorded_under_it_and_exported(
    admin: Run, asked: dict[str, Any], tmp_path: Path
) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    done = opened(admin, asked, tmp_path)
    assert done.exit_code == 0, done.err
    identity = json.loads(done.out)["inspection"]
    shows = [("access", "list"), ("account", "list"), ("account", "show", "acme")]
    shows += [("key", "list", "acme"), ("registry", "list")]
    for each in shows:
        assert admin(*each, "--inspection", identity).exit_code == 0
    assert admin("account", "list").exit_code == 0  # Nobody inspects that.
    assert admin("inspection", "close", identity).exit_code == 0
    out = tmp_path / "record.json"
    done = admin("inspection", "export", identity, "--out", out, "--json")
    assert done.exit_code == 0, done.err
    data = out.read_bytes()
    assert json.loads(done.out)["sha256"] == hashlib.sha256(data).hexdigest()
    assert out.stat().st_mode & 0o077 == 0
    record = json.loads(data)
    assert {name: record[name] for name in asked} == asked
    assert [(each["action"], each["object"]) for each in record["shown"]] == [
        ("ACCESSES_READ", None),
        ("ACCOUNT_READ", None),
        ("ACCOUNT_READ", "acme"),
        ("ACCOUNT_READ", "acme"),
        ("REGISTRY_READ", None),
        ("INSPECTION_CLOSED", identity),
        ("INSPECTION_READ", identity),
    ]
    assert {each["inspection"] for each in record["shown"]} == {identity}
    assert record["opened_ms"] <= record["closed_ms"] <= record["exported_ms"]
    assert record["accesses_kept_days"] >= 184
    assert record["oldest_access_ms"] <= record["opened_ms"]


def test_with_one_officer_it_does_not_begin(
    admin: Run, asked: dict[str, Any], tmp_path: Path
) -> None:
    asked["officers"] = asked["officers"][:1]
    refused = opened(admin, asked, tmp_path)
    assert refused.exit_code != 0
    assert "not 2 to 20 officers" in refused.err
    assert json.loads(admin("inspection", "list", "--json").out)["inspections"] == []


def test_nothing_is_shown_in_an_inspection_that_has_ended(
    admin: Run, asked: dict[str, Any], tmp_path: Path
) -> None:
    identity = json.loads(opened(admin, asked, tmp_path).out)["inspection"]
    (listed,) = json.loads(admin("inspection", "list", "--json").out)["inspections"]
    assert (listed["inspection"], listed["closed_ms"]) == (identity, None)
    assert admin("inspection", "close", identity).exit_code == 0
    for arguments in (
        ("access", "list", "--inspection", identity),
        ("access", "list", "--inspection", "0" * 32),
        ("inspection", "close", identity),
        ("inspection", "export", "0" * 32, "--out", tmp_path / "none.json"),
    ):
        refused = admin(*arguments)
        assert refused.exit_code == 40, refused.err
        assert "admin inspection list" in refused.err
    assert not (tmp_path / "none.json").exists()


def test_names_stand_in_no_file_in_the_clear(
    admin: Run, asked: dict[str, Any], tmp_path: Path, config: Path
) -> None:
    assert opened(admin, asked, tmp_path).exit_code == 0
    for path in config.parent.glob("*.db*"):
        data = path.read_bytes()
        assert not [each for each in asked["officers"] if each["name"].encode() in data]
        assert asked["document_no"].encode() not in data
