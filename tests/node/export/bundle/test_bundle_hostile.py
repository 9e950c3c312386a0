"""Whatever a hostile hand makes of a bundle has a name, in both languages, and raises nothing."""

import errno
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from node.export.bundle import layout
from node.export.bundle.archive import Archive
from node.export.bundle.checking import GRAVEST, CheckedBundle, check_bundle
from node.export.bundle.flaws import Broken, Flaw, Flaws, shown
from node.export.bundle.folder import Folder
from node.export.bundle.trust import Trust
from node.export.bundle.writing import write_directory, write_zip
from node.words import Answer, ResultCode
from tests.node.export.bundle.bundles import (
    anchor,
    example_bundle,
    flat,
    sealed_again,
    write,
    zipped,
)

NAME = "EVB"
NUMBER = "EV20261121000000000000-76"
SAMPLE = layout.original(1, NUMBER)
PROOF = layout.record(NUMBER, layout.PROOF)

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def good() -> Files:
    return flat(example_bundle())


def check(path: Path) -> CheckedBundle:
    return check_bundle(path, Trust(anchor()))


def check_bytes(tmp_path: Path, data: bytes) -> CheckedBundle:
    path = tmp_path / "bundle.zip"
    path.write_bytes(data)
    return check(path)


def flaws_of(checked: CheckedBundle) -> set[str]:
    """By name; and whatever is told of them is told in both languages."""
    told = list(checked.flaws.told())
    assert all(zh and en for _, zh, en in told)
    assert checked.package_code is not None
    assert GRAVEST.index(checked.code.answer) <= GRAVEST.index(Answer.COULD_NOT_CHECK)
    return {flaw.name for flaw, _, _ in told}


# Whole


def test_a_bundle_is_whole_as_a_directory_and_as_an_archive(tmp_path: Path) -> None:
    whole = example_bundle()
    for path in (write_directory(tmp_path, whole), write_zip(tmp_path, whole)):
        checked = check(path)
        assert (checked.code, checked.package_code) == (ResultCode.V001, None)
        assert checked.name == whole.name


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_common_tools_make_of_the_directory_is_taken(
    good: Files, tmp_path: Path, method: int
) -> None:
    """Deflated, with directory entries, in a folder of another name."""
    folders = {f"{path.rpartition('/')[0]}/" for path in good if "/" in path}
    data = zipped({**good, **dict.fromkeys(folders, b"")}, "卷宗".encode().hex(), method)
    assert check_bytes(tmp_path, data).code is ResultCode.V001


def test_data_descriptors_are_taken(good: Files, tmp_path: Path) -> None:
    """As written by a tool that cannot go back: sizes behind the data."""

    class Forward(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = Forward()
        with zipfile.ZipFile(out, "w", method) as archive:
            for path, data in good.items():
                archive.writestr(f"{NAME}/{path}", data)
        assert check_bytes(tmp_path, out.getvalue()).code is ResultCode.V001


def test_the_same_bundle_gives_the_same_archive(tmp_path: Path) -> None:
    first = write_zip(tmp_path, example_bundle())
    (tmp_path / "again").mkdir()
    second = write_zip(tmp_path / "again", example_bundle())
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
    assert [each.filename for each in infos] == sorted(each.filename for each in infos)
    assert {each.date_time for each in infos} == {(1980, 1, 1, 0, 0, 0)}


# Names


NAMES = {
    "../escape.txt": "OUTSIDE",
    "data/../../escape.txt": "OUTSIDE",
    "C:/escape.txt": "CHARACTERS",
    "data/06-certificates/C:x.pem": "CHARACTERS",
    "data\\06-certificates\\x.pem": "BACKSLASH",
    "data/06-certificates/..\\x.pem": "OUTSIDE",
    "data/06-certificates/a\nb.pem": "CONTROL",
    "data/06-certificates/a\x1b[2Jb.pem": "CONTROL",
    "data/06-certificates/\u202emep.exe": "DIRECTION",
    "data/06-certificates/x\u200b.pem": "DIRECTION",
    "data/06-certificates/证书.pem": "NOT_ASCII",
    "data/06-certificates/.hidden.pem": "NO_PLACE",
    "data/06-certificates/.DS_Store": "NO_PLACE",
    "data/..": "OUTSIDE",
    "data/06-certificates/a b.pem": "CHARACTERS",
    "data/06-certificates/./x.pem": "CHARACTERS",
    "data/06-certificates//x.pem": "CHARACTERS",
    "data/07-environment/a/b/c/d/e.txt": "TOO_DEEP",
    f"data/07-environment/{'x' * 250}": "TOO_DEEP",
    "data/06-certificates/x.exe": "NO_PLACE",
    "data/13-more/x.txt": "NO_PLACE",
    "fetch.txt": "NO_PLACE",
    "DATA/06-certificates/x.pem": "NO_PLACE",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_in_an_archive_is_named(good: Files, tmp_path: Path, name: str) -> None:
    checked = check_bytes(tmp_path, zipped({**good, name: b"x"}))
    assert NAMES[name] in flaws_of(checked)
    assert checked.code is ResultCode.V207
    # The deposits are what they were, and said to be.
    assert {each.verdict.code for each in checked.deposits} == {ResultCode.V001}


@pytest.mark.parametrize("name", ["/etc/passwd", "C:/x", "\\x\\y", "../x", "\u202e/x"])
def test_a_name_outside_of_the_top_folder_is_named(good: Files, tmp_path: Path, name: str) -> None:
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"x")
    assert {"OUTSIDE", "DIRECTION"} & flaws_of(check_bytes(tmp_path, out.getvalue()))


@pytest.mark.parametrize("name", ["data/06-certificates/a\nb.pem", "data/证书.pem", ".DS_Store"])
def test_a_hostile_name_in_a_directory_is_named(good: Files, tmp_path: Path, name: str) -> None:
    checked = check(write(tmp_path / NAME, {**good, name: b"x"}))
    assert flaws_of(checked) & {"CONTROL", "NOT_ASCII", "NO_PLACE"}


def test_names_that_differ_in_case_or_form_only_are_named(good: Files, tmp_path: Path) -> None:
    for pair in (("X.pem", "x.pem"), ("é.pem", "e\u0301.pem")):
        more = {f"data/06-certificates/{name}": b"x" for name in pair}
        assert "COLLIDING" in flaws_of(check(write(tmp_path / pair[0], {**good, **more})))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_named(good: Files, tmp_path: Path) -> None:
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(f"{NAME}/{PROOF}", b"another proof")
    assert "DUPLICATE" in flaws_of(check_bytes(tmp_path, out.getvalue()))


def test_a_file_that_is_a_folder_too_is_named(good: Files, tmp_path: Path) -> None:
    for more in ({f"{PROOF}/x": b"x"}, {f"{PROOF}/": b""}):
        assert "BOTH" in flaws_of(check_bytes(tmp_path, zipped({**good, **more})))


def test_what_is_no_file_is_named(good: Files, tmp_path: Path) -> None:
    bag = write(tmp_path / NAME, good)
    outside = tmp_path / "outside.txt"
    outside.write_bytes(good[PROOF])
    (bag / PROOF).unlink()
    (bag / PROOF).symlink_to(outside)
    (bag / "data/06-certificates").mkdir(exist_ok=True)
    os.mkfifo(bag / "data/06-certificates/pipe.pem")
    (bag / "data/07-environment").symlink_to(tmp_path)
    checked = check(bag)
    assert {"LINK", "SPECIAL", "MISSING"} <= flaws_of(checked)
    assert checked.code is ResultCode.V207


def test_a_link_in_an_archive_is_named(good: Files, tmp_path: Path) -> None:
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        for mode in (0o120777, 0o020666):
            info = zipfile.ZipInfo(f"{NAME}/data/06-certificates/{mode}.pem")
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, b"/etc/passwd")
    assert {"LINK", "SPECIAL"} <= flaws_of(check_bytes(tmp_path, out.getvalue()))


# The archive


def central(data: bytes) -> int:
    return int.from_bytes(data[-6:-2], "little")


def with_field(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def shifted(data: bytes, by: int) -> bytes:
    """The directory's offsets moved on, as a careful attacker does who puts bytes in front."""
    start, end = central(data), len(data) - 22
    out, at = bytearray(data), start
    while at < end:
        offset = int.from_bytes(out[at + 42 : at + 46], "little") + by
        out[at + 42 : at + 46] = offset.to_bytes(4, "little")
        at += 46 + sum(struct.unpack_from("<3H", out, at + 28))
    out[-6:-2] = (start + by).to_bytes(4, "little")
    return bytes(out)


ARCHIVES: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "prepended": (lambda data: b"#!/bin/sh\n" + data, "PREPENDED"),
    "prepended with care": (lambda data: b"MZ" * 50 + shifted(data, 100), "PREPENDED"),
    "appended": (lambda data: data + b"\n", "APPENDED"),
    "another archive appended": (lambda data: data + zipped({"x": b""}), "PREPENDED"),
    "a comment": (lambda data: data[:-2] + b"\x05\x00hello", "APPENDED"),
    "cut": (lambda data: data[:-30], "NOT_A_ZIP"),
    "nothing": (lambda _: b"", "NOT_A_ZIP"),
    "no archive": (lambda _: b"%PDF-1.7\n" * 100, "NOT_A_ZIP"),
    "an empty archive": (lambda data: data[-22:-14] + bytes(14), "NOT_A_BUNDLE"),
    "a directory that lies elsewhere": (
        lambda data: with_field(data, len(data) - 6, struct.pack("<I", len(data))),
        "NOT_A_ZIP",
    ),
    "fewer entries than there are": (
        lambda data: with_field(data, len(data) - 14, struct.pack("<2H", 3, 3)),
        "BETWEEN",
    ),
    "more entries than there are": (
        lambda data: with_field(data, len(data) - 14, struct.pack("<2H", 999, 999)),
        "NOT_A_ZIP",
    ),
    "too many entries": (
        lambda data: with_field(data, len(data) - 10, struct.pack("<I", 49 << 20)),
        "TOO_MANY",
    ),
    "two disks": (lambda data: with_field(data, len(data) - 18, b"\1\0"), "METHOD"),
    "another name before the data": (
        lambda data: with_field(data, 30, b"EVX"),
        "HEADERS",
    ),
    "another size before the data": (
        lambda data: with_field(data, 22, b"\1\0\0\0"),
        "HEADERS",
    ),
    "another method before the data": (lambda data: with_field(data, 8, b"\x08\0"), "HEADERS"),
    "encrypted": (
        lambda data: with_field(with_field(data, 6, b"\1\0"), central(data) + 8, b"\1\0"),
        "ENCRYPTED",
    ),
    "a method nobody knows": (
        lambda data: with_field(with_field(data, 8, b"\x5d\0"), central(data) + 10, b"\x5d\0"),
        "METHOD",
    ),
    "a wrong checksum": (
        lambda data: with_field(with_field(data, 14, b"abcd"), central(data) + 16, b"abcd"),
        "CORRUPT",
    ),
    "data changed": (lambda data: with_field(data, 60, b"\xff\xff"), "CORRUPT"),
    "two entries over the same data": (
        lambda data: with_field(
            data,
            central(data) + 46 + len(NAME) + 1 + len(layout.BAG_INFO) + 42,
            data[central(data) + 42 : central(data) + 46],
        ),
        "BETWEEN",
    ),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive_that_two_readers_may_see_differently_is_refused(
    good: Files, tmp_path: Path, case: str
) -> None:
    forge, flaw = ARCHIVES[case]
    data = zipped(dict(sorted(good.items())))
    assert flaw in flaws_of(check_bytes(tmp_path, forge(data)))


def test_a_gap_between_entries_is_named(good: Files, tmp_path: Path) -> None:
    """An entry that the directory does not list: only who reads from the front would see it."""
    data = zipped({**good, "zz.txt": b"hidden"})
    start, end = central(data), len(data) - 22
    at = last = start
    while at < end:
        last, at = at, at + 46 + sum(struct.unpack_from("<3H", data, at + 28))
    count = struct.pack("<2H", len(good), len(good))
    forged = data[:last] + data[end : end + 8] + count + struct.pack("<I", last - start)
    assert "BETWEEN" in flaws_of(check_bytes(tmp_path, forged + data[-6:]))


def test_a_second_name_in_an_extra_field_is_refused(good: Files, tmp_path: Path) -> None:
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo(f"{NAME}/data/06-certificates/x.pem")
        other = b"\x01" + struct.pack("<I", zlib.crc32(info.filename.encode())) + b"EVB/other"
        info.extra = struct.pack("<2H", 0x7075, len(other)) + other
        archive.writestr(info, b"x")
    assert "METHOD" in flaws_of(check_bytes(tmp_path, out.getvalue()))


def test_what_lies_beside_the_bundle_is_named(good: Files, tmp_path: Path) -> None:
    """As some tools add; the deposits keep their answers. Two bundles are none."""
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("__MACOSX/EVB/._data", b"")
        archive.writestr("beside.txt", b"")
    checked = check_bytes(tmp_path, out.getvalue())
    assert flaws_of(checked) == {"ROOTS"}
    assert {each.verdict.code for each in checked.deposits} == {ResultCode.V001}
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(f"other/{layout.BAGIT}", b"")
    checked = check_bytes(tmp_path, out.getvalue())
    assert flaws_of(checked) == {"ROOTS"}
    assert checked.deposits == ()
    without_folder = io.BytesIO()
    with zipfile.ZipFile(without_folder, "w") as archive:
        for path, data in good.items():
            archive.writestr(path, data)
    assert flaws_of(check_bytes(tmp_path, without_folder.getvalue())) == {"NOT_A_BUNDLE"}


# Bombs and limits


def test_a_bomb_is_refused_before_it_is_inflated(
    good: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that grows a thousand times, and one that is longer than it says."""
    bomb = zipped({**good, SAMPLE: bytes(8 << 20)}, method=zipfile.ZIP_DEFLATED)
    assert "EXPANDS" in flaws_of(check_bytes(tmp_path, bomb))
    lying = bytearray(zipped({**good, SAMPLE: bytes(1 << 20)}, method=zipfile.ZIP_DEFLATED))
    name = f"{NAME}/{SAMPLE}".encode()
    for at, size_at in ((lying.find(name) - 30, 22), (lying.rfind(name) - 46, 24)):
        lying[at + size_at : at + size_at + 4] = struct.pack("<I", 5)
    assert "CORRUPT" in flaws_of(check_bytes(tmp_path, bytes(lying)))
    monkeypatch.setattr(layout, "TOTAL_SIZE_MAX", 10_000)
    assert flaws_of(check_bytes(tmp_path, zipped(good))) == {"TOTAL"}


def test_deflated_data_with_a_tail_or_without_an_end_are_corrupt(
    good: Files, tmp_path: Path
) -> None:
    for change in (lambda data: data + b"\0", lambda data: data[:-1], lambda _: b"\xff\xff"):
        packing = zlib.compressobj(wbits=-15)
        packed = change(packing.compress(b"abc" * 100) + packing.flush())
        data, name = zipped({**good, SAMPLE: packed}), f"{NAME}/{SAMPLE}".encode()
        for at in (data.find(name) - 30, data.rfind(name) - 46):
            fields = 8 if data[at : at + 4] == b"PK\3\4" else 10
            data = with_field(data, at + fields, b"\x08\0")
            data = with_field(data, at + fields + 6, struct.pack("<I", zlib.crc32(b"abc" * 100)))
            data = with_field(data, at + fields + 14, struct.pack("<I", 300))
        assert "CORRUPT" in flaws_of(check_bytes(tmp_path, data))


def test_limits_hold(good: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PROOF_FILE_SIZE_MAX", 100)
    assert "TOO_LARGE" in flaws_of(check(write(tmp_path / "large", good)))
    monkeypatch.setattr(layout, "ENTRIES_MAX", 20)
    assert flaws_of(check(tmp_path / "large")) == {"TOO_MANY"}
    assert flaws_of(check_bytes(tmp_path, zipped(good))) == {"TOO_MANY"}


@pytest.mark.parametrize(
    ("folder", "limit"),
    [
        ("data/06-certificates/{}.pem", "CERTIFICATES_MAX"),
        ("data/05-timestamps/{}.body", "BODIES_MAX"),
        ("data/02-record/EV202611210000000000{:02}-00/proof.txt", "DEPOSITS_MAX"),
    ],
)
def test_what_costs_time_for_each_other_is_limited(
    good: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, limit: str
) -> None:
    monkeypatch.setattr(layout, limit, 5)
    files = {**good, **{folder.format(place): b"x" for place in range(6)}}
    assert flaws_of(check_bytes(tmp_path, zipped(files))) == {"TOO_MANY"}


def _fail(*_: object) -> NoReturn:
    raise OSError(errno.EIO, "a disk that fails")


def test_what_cannot_be_read_could_not_be_checked(
    good: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "nothing", tmp_path / "nothing.zip", tmp_path / "pipe.zip"):
        checked = check(path)
        assert flaws_of(checked) == {"UNREADABLE"}
        assert checked.code is ResultCode.V502
    with monkeypatch.context() as patched:
        patched.setattr(Archive, "chunks", _fail)
        patched.setattr(Folder, "chunks", _fail)
        for checked in (check_bytes(tmp_path, zipped(good)), check(write(tmp_path / NAME, good))):
            assert flaws_of(checked) == {"UNREADABLE"}
    assert flaws_of(check(write(tmp_path / "empty", {"x": b""}))) >= {"NOT_A_BUNDLE"}


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 100_000])
def test_a_file_that_changes_while_it_is_read_is_named(
    good: Files, tmp_path: Path, data: bytes
) -> None:
    """Between the look at the folder and the reading, it was cut off or grew."""
    bag = write(tmp_path / NAME, good)
    folder = Folder(bag)
    (bag / PROOF).write_bytes(data)
    with pytest.raises(Broken) as failure:
        list(folder.chunks(PROOF))
    assert (failure.value.flaw, failure.value.place) == (Flaw.UNREADABLE, PROOF)
    (bag / PROOF).unlink()
    (bag / PROOF).symlink_to("/etc/passwd")
    with pytest.raises(Broken):
        list(folder.chunks(PROOF))


# The bag


def without(path: str) -> Callable[[Files], Files]:
    return lambda files: {name: data for name, data in files.items() if name != path}


def changed(path: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: {**files, path: change(files.get(path, b""))}


BAGS: Mapping[str, tuple[Callable[[Files], Files], str]] = {
    "a file removed": (without(PROOF), "MISSING"),
    "a file added": (changed("data/06-certificates/x.pem", lambda _: b"x"), "UNLISTED"),
    "a file changed": (changed(SAMPLE, lambda data: data + b"x"), "DIGEST"),
    "no bagit.txt": (without(layout.BAGIT), "NOT_A_BUNDLE"),
    "another bagit.txt": (changed(layout.BAGIT, lambda data: data + b"\n"), "TAG"),
    "no bag-info.txt": (without(layout.BAG_INFO), "MISSING"),
    "no manifest": (without(layout.MANIFEST_SM3), "MISSING"),
    "no contents": (without(layout.CONTENTS), "MISSING"),
    "a newer version": (
        changed(layout.BAG_INFO, lambda data: data.replace(b"Version: 1", b"Version: 2")),
        "NEWER",
    ),
    "bag-info with more": (changed(layout.BAG_INFO, lambda data: data + b"More: 1\n"), "TAG"),
    "another count": (
        changed(layout.BAG_INFO, lambda data: data.replace(b"Oxum: ", b"Oxum: 4")),
        "COUNT",
    ),
    "a manifest unsorted": (
        changed(layout.MANIFEST_SHA256, lambda d: b"".join(d.splitlines(True)[::-1])),
        "TAG",
    ),
    "a manifest with CR LF": (
        changed(layout.MANIFEST_SM3, lambda data: data.replace(b"\n", b"\r\n")),
        "TAG",
    ),
    "a path out of the bag in a manifest": (
        changed(layout.MANIFEST_SHA256, lambda data: b"0" * 64 + b"  ../../etc/passwd\n" + data),
        "OUTSIDE",
    ),
    "a manifest line twice": (
        changed(layout.MANIFEST_SHA256, lambda data: data.splitlines(True)[0] + data),
        "TAG",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAGS)
def test_a_bag_that_is_not_whole_is_named(good: Files, tmp_path: Path, case: str) -> None:
    change, flaw = BAGS[case]
    checked = check(write(tmp_path / NAME, change(good)))
    assert flaw in flaws_of(checked)


SEALED: Mapping[str, tuple[Callable[[Files], Files], str]] = {
    "JSON with a key twice": (
        changed(layout.EVIDENCE_LIST, lambda data: data.replace(b',"place', b',"place":1,"place')),
        "JSON",
    ),
    "JSON with white space": (changed(layout.EVIDENCE_LIST, lambda data: data + b"\n"), "JSON"),
    "JSON nested deep": (
        changed("data/07-environment/versions.json", lambda _: b"[" * 100_000),
        "JSON",
    ),
    "JSON lines without an end": (changed(layout.EVENTS, lambda _: b'{"type":"custody"}'), "JSON"),
    "another order of the evidence list": (
        changed(layout.EVIDENCE_LIST, lambda data: data.replace(b"0-76", b"9-76")),
        "LIST",
    ),
    "an evidence list that is none": (changed(layout.EVIDENCE_LIST, lambda _: b"7"), "LIST"),
    "an original under another number": (
        lambda files: {
            (name if name != SAMPLE else SAMPLE.replace("001_", "003_")): data
            for name, data in files.items()
        },
        "PROFILE",
    ),
    "a note that the originals are elsewhere": (changed(layout.EMPTY, lambda _: b"x"), "PROFILE"),
}  # fmt: skip


@pytest.mark.parametrize("case", SEALED)
def test_a_bag_with_all_digests_right_and_still_wrong_is_named(
    good: Files, tmp_path: Path, case: str
) -> None:
    change, flaw = SEALED[case]
    checked = check(write(tmp_path / NAME, sealed_again(change(good))))
    assert flaws_of(checked) == {flaw}
    assert checked.code is ResultCode.V207


# What is told


def test_every_flaw_is_said_once_and_never_dangerously() -> None:
    assert len({flaw.zh for flaw in Flaw}) == len({flaw.en for flaw in Flaw}) == len(list(Flaw))
    assert shown("a\n\u202e\x1b[2J" + "x" * 500).isascii()
    assert len(shown("\u202e" * 500)) < 130
    flaws = Flaws()
    for place in range(8):
        flaws.add(Flaw.DIGEST, f"data/{place}")
    ((_, zh, en),) = flaws.told()
    assert zh.endswith("data/4，另有 3 处")
    assert en.endswith("data/4, and 3 more")


def test_the_document_lists_every_flaw_and_limit() -> None:
    """Keys and numbers that other verifiers copy from it."""
    text = (Path(__file__).parents[4] / "docs/bundle-format.md").read_text("utf-8")
    assert (
        ", ".join(f"`{flaw.name}`" for flaw in Flaw).split()
        == text.split("for ever: ")[1][:-2].split()
    )
    for number in (layout.DEPOSITS_MAX, layout.PARTS_MAX, layout.PATH_LENGTH_MAX):
        assert f"{number}" in text
    assert f"{layout.ENTRIES_MAX:,}" in text
    assert f"{layout.RATIO_MAX} : 1" in text
    for size in (layout.FILE_SIZE_MAX, layout.JSON_SIZE_MAX, layout.PROOF_FILE_SIZE_MAX):
        assert f"{size >> 20} MiB" in text
    assert f"{layout.DIRECTORY_SIZE_MAX >> 20} MiB" in text
    assert f"{layout.CERTIFICATE_SIZE_MAX >> 10} KiB" in text
    assert f"{layout.CERTIFICATES_MAX}; {layout.BODIES_MAX:,}" in text
