"""`cunzheng audit`: what it prints and with which exit code, of a directory and of an address."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devnet.static_files import served
from node.archive.encryption import encrypt, make_identity
from node.archive.files import Files, encrypted
from node.cli.main import main


@pytest.fixture
def address(published: Any) -> Iterator[str]:
    with served(published.directory) as address:
        yield address


@pytest.fixture
def policy(published: Any, tmp_path: Path) -> Path:
    (tmp_path / "policy.txt").write_bytes(published.world.note().policy_text)
    return tmp_path / "policy.txt"


def audit(capsys: Any, *arguments: object) -> tuple[int, dict[str, Any]]:
    code = main(["audit", "--json", *map(str, arguments)])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("depth", ["", "--entries", "--signatures", "--bodies"])
def test_a_directory(capsys: Any, published: Any, policy: Path, tmp_path: Path, depth: str) -> None:
    arguments = [published.directory, "--state", tmp_path / "state", "--policy", policy]
    arguments += [depth] if depth else []
    code, told = audit(capsys, *arguments)
    assert (code, told["exit_code"], told["difference"]) == (0, 0, None)
    assert told["size"] == len(published.chain.leaves)
    assert told["sealed_by"] == ["court", "notary"]
    assert main(["audit", *map(str, arguments)]) == 0
    assert "0 more than at the last visit" in capsys.readouterr().out


def test_an_address(capsys: Any, address: str, policy: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    code, told = audit(capsys, address, "--state", state, "--policy", policy, "--entries")
    assert (code, told["depth"]) == (0, "entries")


def test_the_first_difference_is_named(
    capsys: Any, published: Any, policy: Path, tmp_path: Path
) -> None:
    published.flip("tile/entries/000", 70_000)
    arguments = [published.directory, "--state", tmp_path / "state", "--policy", policy]
    assert audit(capsys, *arguments)[0] == 0
    code, told = audit(capsys, *arguments, "--entries")
    assert (code, told["exit_code"]) == (30, 30)
    assert told["difference"]["leaf"] > 0
    assert main(["audit", *map(str, arguments), "--entries", "--lang", "en"]) == 30
    assert "the entry is not the leaf that is sealed" in capsys.readouterr().out


def test_what_cannot_be_read_is_no_verdict(
    capsys: Any, published: Any, policy: Path, tmp_path: Path
) -> None:
    arguments = ["--state", tmp_path / "state", "--policy", policy]
    (published.directory / "checkpoint").unlink()
    assert audit(capsys, published.directory, *arguments)[0] == 80
    assert audit(capsys, tmp_path / "none", *arguments)[0] == 2


@pytest.mark.parametrize("served", [False, True])
def test_an_encrypted_archive_is_read_with_the_auditors_key(
    capsys: Any, published: Any, policy: Path, tmp_path: Path, address: str, served: bool
) -> None:
    """As a directory and from a web server, which has no key; without it the way on is told."""
    recipient = make_identity(tmp_path / "auditor.pem")
    for path in list(Files(published.directory).paths()):
        if path.startswith(("bodies/", "tile/entries/")):
            part = published.directory / path
            secret = encrypt(path, part.read_bytes(), [recipient])
            Files(published.directory).write(encrypted(path), secret)
            part.unlink()
    source = address if served else published.directory
    arguments = [source, "--policy", policy, "--bodies", "--state", tmp_path / "state"]
    assert main(["audit", *map(str, arguments)]) == 80
    told = capsys.readouterr().err
    assert "give --identity" in told
    assert "member" not in told
    code, found = audit(capsys, *arguments, "--identity", tmp_path / "auditor.pem")
    assert (code, found["depth"]) == (0, "bodies")
    make_identity(tmp_path / "other.pem")
    assert audit(capsys, *arguments, "--identity", tmp_path / "other.pem")[0] == 80


def test_a_second_history_is_named_with_its_file(
    capsys: Any, published: Any, policy: Path, tmp_path: Path
) -> None:
    arguments = [published.directory, "--policy", policy, "--state", tmp_path / "state"]
    assert audit(capsys, *arguments)[0] == 0
    other = type(published)(published.world, published.directory)
    while len(other.chain.leaves) < len(published.chain.leaves):
        other.block()
    other.publish()
    code, told = audit(capsys, *arguments)
    assert (code, told["contradiction"]) == (30, str(tmp_path / "state.contradiction"))
    assert main(["audit", *map(str, arguments), "--lang", "zh"]) == 30
    printed = capsys.readouterr()
    assert "court、notary 对两者均联签" in printed.out
    assert f"cunzheng verify {told['contradiction']} --policy" in printed.err
    assert main(["verify", told["contradiction"], "--policy", str(policy)]) == 0


def test_a_fingerprint_of_nobody_is_compared_before_anybody_is_accused(
    capsys: Any, published: Any, tmp_path: Path
) -> None:
    other = "-".join(["ABCD"] * 8)
    arguments = [published.directory, "--state", tmp_path / "s", "--policy-fingerprint", other]
    assert main(["audit", *map(str, arguments)]) == 30
    assert "Compare the fingerprint" in capsys.readouterr().err


def test_without_a_policy_there_is_nothing_to_trust(
    capsys: Any, published: Any, tmp_path: Path
) -> None:
    assert audit(capsys, published.directory, "--state", tmp_path / "state")[0] == 2
