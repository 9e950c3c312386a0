"""What the vault seals only its key opens, only in its place, and never after erasure."""

import random

import pytest

from node.vault.codes import CodeKeeper, format_code, parse_code
from node.vault.finding import Finder
from node.vault.keys import BadVaultKey, Purpose, VaultKey, format_vault_key, parse_vault_key
from node.vault.sealing import Unreadable, Vault

KEY, OTHER = VaultKey(bytes(range(32))), VaultKey(bytes(32))


def test_a_key_file_has_one_spelling() -> None:
    assert parse_vault_key(format_vault_key(KEY)) == KEY
    for text in (b"", b"00" * 31, b"AB" * 32, b"00" * 32 + b"\r\n", b" " + b"00" * 32):
        with pytest.raises(BadVaultKey):
            parse_vault_key(text)


def test_every_purpose_has_its_own_key() -> None:
    keys = {key.derive(purpose) for key in (KEY, OTHER) for purpose in Purpose}
    assert len(keys) == 2 * len(Purpose)
    assert KEY.raw not in keys


def test_a_key_is_not_printed() -> None:
    drawn: list[bytes] = []

    def draw(count: int) -> bytes:
        drawn.append(random.Random(1).randbytes(count))
        return drawn[-1]

    row, _ = Vault(KEY).new_row("deposits", b"1", draw)
    assert KEY.raw.hex() not in repr(KEY)
    assert repr(KEY.raw) not in repr(KEY)
    assert not any(each.hex() in repr(row) or repr(each)[2:-1] in repr(row) for each in drawn)


def test_what_was_sealed_is_opened_in_its_place_only() -> None:
    chance = random.Random(2).randbytes
    row, stored_key = Vault(KEY).new_row("deposits", b"1", chance)
    stored = row.seal("declared", "张三".encode(), chance)
    assert "张三".encode() not in stored
    assert Vault(KEY).row("deposits", b"1", stored_key).open("declared", stored) == "张三".encode()
    with pytest.raises(Unreadable):
        row.open("submitter", stored)
    for vault, table, primary_key in (
        (OTHER, "deposits", b"1"),
        (KEY, "events", b"1"),
        (KEY, "deposits", b"2"),
    ):
        with pytest.raises(Unreadable):
            Vault(vault).row(table, primary_key, stored_key)


def test_no_byte_can_change_unnoticed() -> None:
    chance = random.Random(3).randbytes
    row, stored_key = Vault(KEY).new_row("deposits", b"1", chance)
    stored = row.seal("declared", b"value", chance)
    for at in range(len(stored)):
        with pytest.raises(Unreadable):
            row.open("declared", stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])
    for short in (b"", stored[:5], stored[:12], stored[:-1]):
        with pytest.raises(Unreadable):
            row.open("declared", short)
    with pytest.raises(Unreadable):
        Vault(KEY).row("deposits", b"1", stored_key[:-1])


def test_each_row_and_column_is_sealed_differently() -> None:
    chance = random.Random(4).randbytes
    rows = [Vault(KEY).new_row("deposits", bytes([n]), chance)[0] for n in range(4)]
    stored = {row.seal(column, b"same", chance) for row in rows for column in ("a", "b", "a")}
    assert len(stored) == 12


def test_digests_are_found_again_and_kinds_are_kept_apart() -> None:
    finder, digest = Finder(KEY), bytes(range(32))
    assert finder.digest("sha256", digest) == Finder(KEY).digest("sha256", digest)
    made = {
        finder.digest("sha256", digest),
        finder.digest("sm3", digest),
        Finder(OTHER).digest("sha256", digest),
        finder.id_no("USCC", "91350211M000100Y43"),
        finder.id_no("REG_NO", "91350211M000100Y43"),
    }
    assert len(made) == 5


def test_a_code_survives_what_people_do_to_it() -> None:
    chance = random.Random(5)
    for _ in range(200):
        code = format_code(chance.randbytes(8))
        assert parse_code(code) == code
        typed = code.lower().replace("-", " ").replace("1", chance.choice("1il"))
        assert parse_code(typed.replace("0", "o")) == code
    for wrong in (
        "",
        "ABCD-EFGH",
        "ABCD-EFGH-JKMU",
        "ABCD-EFGH-JKMN-P",
        "存存存存存存存存存存存存",
    ):
        assert parse_code(wrong) is None


def test_a_code_opens_one_deposit_of_one_vault() -> None:
    code = format_code(bytes(8))
    made = {
        CodeKeeper(KEY).stored("EV1", code),
        CodeKeeper(KEY).stored("EV2", code),
        CodeKeeper(OTHER).stored("EV1", code),
        CodeKeeper(KEY).stored("EV1", format_code(bytes(7) + b"\1")),
    }
    assert len(made) == 4
