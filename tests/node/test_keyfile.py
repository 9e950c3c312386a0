"""Key files: made once, read by their owner only, and understood by OpenSSL."""

import shutil
import subprocess
from pathlib import Path

import pytest

from node import keyfile
from node.errors import Misconfigured
from node.evidence.keys import verify


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keyfile.PASSWORD_VARIABLE, raising=False)


def test_a_new_key_is_the_one_read_back(tmp_path: Path) -> None:
    made = keyfile.create(tmp_path / "key.pem")
    read = keyfile.load_signer(tmp_path / "key.pem")
    verify(made.public, b"text", read.sign(b"text"))
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_made_over_another(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(FileExistsError):
        keyfile.create(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_bytes() == before


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        keyfile.load_signer(tmp_path / "key.pem")


def test_a_password_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keyfile.create(tmp_path / "key.pem", "密码 1")
    with pytest.raises(Misconfigured, match="CUNZHENG_KEY_PASSWORD"):
        keyfile.load_signer(tmp_path / "key.pem")
    monkeypatch.setenv(keyfile.PASSWORD_VARIABLE, "密码 1")
    assert keyfile.load_signer(tmp_path / "key.pem").public == made.public
    with pytest.raises(Misconfigured, match="another password"):
        keyfile.load_signer(tmp_path / "key.pem", "密码 2")


def test_a_password_that_is_not_needed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keyfile.create(tmp_path / "key.pem")
    monkeypatch.setenv(keyfile.PASSWORD_VARIABLE, "x")
    assert keyfile.load_signer(tmp_path / "key.pem").public == made.public


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "not a private key"), (b"-----BEGIN X-----", "not a private key")]
)
def test_what_is_no_key_is_said_to_be_none(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match=reason):
        keyfile.load_signer(path)
    with pytest.raises(Misconfigured, match="No such file"):
        keyfile.load_signer(tmp_path / "none.pem")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")
def test_openssl_writes_the_same_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    for algorithm in ("ed25519", "x25519"):
        path.unlink(missing_ok=True)
        command = ["openssl", "genpkey", "-algorithm", algorithm, "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        path.chmod(0o600)
        if algorithm == "ed25519":
            assert keyfile.load_signer(path).public.text.startswith("ed25519:")
        else:
            with pytest.raises(Misconfigured, match="not an Ed25519 key"):
                keyfile.load_signer(path)
