"""Key files: made once, read by their owner only, and understood by OpenSSL."""

import shutil
import subprocess
from pathlib import Path

import pytest

from node import keyfile, sm2_file
from node.errors import Misconfigured
from node.evidence import sm2
from node.evidence.keys import ALGORITHMS, SM2, verify


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keyfile.PASSWORD_VARIABLE, raising=False)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_is_the_one_read_back(tmp_path: Path, algorithm: str) -> None:
    made = keyfile.create(tmp_path / "key.pem", algorithm=algorithm)
    assert made.public.algorithm == algorithm
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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_password_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    made = keyfile.create(tmp_path / "key.pem", "密码 1", algorithm)
    with pytest.raises(Misconfigured, match="CUNZHENG_KEY_PASSWORD"):
        keyfile.load_signer(tmp_path / "key.pem")
    monkeypatch.setenv(keyfile.PASSWORD_VARIABLE, "密码 1")
    assert keyfile.load_signer(tmp_path / "key.pem").public == made.public
    with pytest.raises(Misconfigured, match="another password"):
        keyfile.load_signer(tmp_path / "key.pem", "密码 2")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_password_that_is_not_needed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    made = keyfile.create(tmp_path / "key.pem", algorithm=algorithm)
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
    for options, prefix in (
        ("-algorithm ed25519", "ed25519:"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "p256:"),
        ("-algorithm SM2", "sm2:"),
        ("-algorithm x25519", None),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", None),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", None),
    ):
        path.unlink(missing_ok=True)
        command = ["openssl", "genpkey", *options.split(), "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        path.chmod(0o600)
        if prefix:
            assert keyfile.load_signer(path).public.text.startswith(prefix)
        else:
            with pytest.raises(Misconfigured, match="not a key of Ed25519, P-256 or SM2"):
                keyfile.load_signer(path)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("password", [None, "密码 1"])
def test_openssl_reads_what_is_made_here(
    tmp_path: Path, algorithm: str, password: str | None
) -> None:
    path = tmp_path / "key.pem"
    public = keyfile.create(path, password, algorithm).public
    given = ["-passin", f"pass:{password}"] if password else []
    command = ["openssl", "pkey", "-in", str(path), *given, "-pubout", "-outform", "DER"]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    assert made.endswith(public.raw)


def test_a_machine_without_sm2_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfile.create(tmp_path / "there.pem", algorithm=SM2)
    monkeypatch.setattr(sm2, "LIBRARIES", ("libcrypto.so.0",))
    sm2.library.cache_clear()
    sm2_file._library.cache_clear()
    try:
        for act in (
            lambda: keyfile.create(tmp_path / "new.pem", algorithm=SM2),
            lambda: keyfile.load_signer(tmp_path / "there.pem"),
        ):
            with pytest.raises(Misconfigured, match="OpenSSL 3 with SM2"):
                act()
        assert not (tmp_path / "new.pem").exists()
    finally:
        sm2.library.cache_clear()
        sm2_file._library.cache_clear()
