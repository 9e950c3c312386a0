"""`cunzheng apikey`: the gateway lets in who holds the key, and keeps only its digest."""

from pathlib import Path

import pytest

from node.cli.main import main
from node.gateway.auth import parse_key_file


def test_the_key_opens_the_gateway_and_is_not_in_its_register(tmp_path: Path) -> None:
    register, out = tmp_path / "api-keys", tmp_path / "key"
    register.write_text("# depositors\n")
    arguments = ["--register", str(register), "--out", str(out)]
    assert main(["apikey", "acme.law", *arguments]) == 0
    key = out.read_text().strip()
    account = parse_key_file(register.read_text()).authenticate(f"Bearer {key}")
    assert account.id == "acme.law"
    assert key not in register.read_text()
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("scope", ["depositor", "auditor"])
def test_a_key_has_one_scope(scope: str, tmp_path: Path) -> None:
    register, out = tmp_path / "api-keys", tmp_path / "key"
    arguments = ["--register", str(register), "--out", str(out), "--scope", scope]
    assert main(["apikey", "office", *arguments]) == 0
    account = parse_key_file(register.read_text()).authenticate(f"Bearer {out.read_text().strip()}")
    assert account.auditor == (scope == "auditor")


def test_an_existing_key_file_is_left_alone(tmp_path: Path) -> None:
    register, out = tmp_path / "api-keys", tmp_path / "key"
    out.write_text("another key\n")
    assert main(["apikey", "acme", "--register", str(register), "--out", str(out)]) == 2
    assert out.read_text() == "another key\n"
    assert not register.exists()


@pytest.mark.parametrize("account", ["", "张三", "Acme", "a b", "x" * 65])
def test_account_ids_are_plain(account: str, tmp_path: Path) -> None:
    register, out = tmp_path / "api-keys", tmp_path / "key"
    assert main(["apikey", account, "--register", str(register), "--out", str(out)]) == 2
    assert not out.exists()
