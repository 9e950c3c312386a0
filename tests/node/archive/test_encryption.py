"""Files for named auditors: they open for them, as they were written and where they were, only."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.archive.encryption import (
    CannotOpen,
    decrypt,
    encrypt,
    format_recipient,
    load_identity,
    make_identity,
    parse_recipient,
)
from node.errors import Misconfigured
from node.evidence.malformed import Malformed

PATH = "tile/entries/x001/000"
ONE, TWO, OTHER = (X25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


@pytest.mark.parametrize("content", [b"", b"entries", b"\n\n" * 10, bytes(300_000)])
def test_each_recipient_reads_it_and_nobody_else(content: bytes) -> None:
    data = encrypt(PATH, content, [ONE.public_key(), TWO.public_key()])
    assert data.startswith(f"cunzheng/encrypted/v1\npath {PATH}\nto x25519:".encode())
    assert decrypt(PATH, data, ONE) == decrypt(PATH, data, TWO) == content
    with pytest.raises(CannotOpen, match="not for this identity"):
        decrypt(PATH, data, OTHER)


def test_no_two_files_share_a_key() -> None:
    one, two = (encrypt(PATH, b"the same", [ONE.public_key()]) for _ in range(2))
    assert one[-24:] != two[-24:]


def test_any_flip_and_any_cut_is_found() -> None:
    data = encrypt(PATH, b"entries", [ONE.public_key(), TWO.public_key()])
    for at in range(len(data)):
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]):
            with pytest.raises(CannotOpen):
                decrypt(PATH, changed, ONE)
    with pytest.raises(CannotOpen):
        decrypt(PATH, data + b"\0", ONE)


def test_a_file_in_another_place_does_not_open() -> None:
    data = encrypt(PATH, b"entries", [ONE.public_key()])
    with pytest.raises(CannotOpen, match="path"):
        decrypt("tile/entries/000", data, ONE)
    with pytest.raises(CannotOpen, match="changed"):
        decrypt("tile/entries/000", data.replace(PATH.encode(), b"tile/entries/000"), ONE)


def test_recipients_have_one_spelling() -> None:
    text = format_recipient(ONE.public_key())
    assert format_recipient(parse_recipient(text)) == text
    for wrong in ("", text[:-1], text[7:], text + " ", "ed25519:" + text[7:], "x25519:AAAA"):
        with pytest.raises(Malformed):
            parse_recipient(wrong)


def test_an_identity_is_made_once_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "auditor.pem"
    recipient = make_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    data = encrypt(PATH, b"entries", [recipient])
    assert decrypt(PATH, data, load_identity(path)) == b"entries"
    with pytest.raises(FileExistsError):
        make_identity(path)
    os.chmod(path, 0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        load_identity(path)
    for text in ("", "-----BEGIN PRIVATE KEY-----\n"):
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(text)
        with pytest.raises(Misconfigured, match="PEM"):
            load_identity(path)
    with pytest.raises(Misconfigured):
        load_identity(tmp_path / "none")
