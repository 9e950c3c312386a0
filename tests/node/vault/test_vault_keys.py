"""The vault key: its file, and subkeys that are those of RFC 5869."""

import hashlib
import hmac
from pathlib import Path

import pytest

from node import keyfile
from node.errors import Misconfigured
from node.vault.keys import Purpose, VaultKey


@pytest.mark.parametrize("purpose", Purpose)
def test_a_subkey_is_that_of_the_rfc(purpose: Purpose) -> None:
    """Extract and expand by hand: a block of 32 bytes needs one round."""
    raw = bytes(range(32))
    extracted = hmac.digest(bytes(32), raw, hashlib.sha256)
    expanded = hmac.digest(extracted, purpose.value.encode() + b"\x01", hashlib.sha256)
    assert VaultKey(raw).derive(purpose) == expanded


def test_a_new_vault_key_is_the_one_read_back(tmp_path: Path) -> None:
    made = keyfile.create_vault_key(tmp_path / "vault-key")
    assert keyfile.load_vault_key(tmp_path / "vault-key") == made
    assert (tmp_path / "vault-key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        keyfile.create_vault_key(tmp_path / "vault-key")


@pytest.mark.parametrize("data", [b"", b"01" * 31, b"01" * 33, b"AB" * 32, b"01" * 32 + b"\r\n"])
def test_what_is_no_vault_key(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "vault-key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match="64 lower-case hex digits"):
        keyfile.load_vault_key(path)


def test_a_vault_key_others_can_read_is_refused(tmp_path: Path) -> None:
    keyfile.create_vault_key(tmp_path / "vault-key")
    (tmp_path / "vault-key").chmod(0o604)
    with pytest.raises(Misconfigured, match="chmod 600"):
        keyfile.load_vault_key(tmp_path / "vault-key")
