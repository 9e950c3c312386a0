"""`cunzheng export`: a bundle is fetched, checked, completed and kept; a bad one is not."""

import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from node.client.gateway import Gateway
from node.evidence.proof_text import parse_proof
from node.export.bundle import layout
from node.export.certificate.exhibits import parse_exhibits

Live = Any
Run = Any


def deposit(live: Live, run: Run, file: Path, content: str) -> str:
    """Deposit a file with the depositor's own key and salt: only its proof has the opening."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    done = run("anchor", file, *live.access)
    assert done.exit_code == 0, done.err
    return parse_proof(file.with_name(f"{file.name}.proof.txt").read_bytes()).number


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "files" / "合同.txt"


@pytest.fixture
def number(live: Live, run: Run, file: Path) -> str:
    return deposit(live, run, file, "content")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def fetch(live: Live, out: Path) -> tuple[object, ...]:
    access = ("--gateway", live.url, "--api-key-file", live.api_key, "--policy", live.policy)
    return (*access, "--out", out)


def verified(run: Run, live: Live, bundle: Path, *more: object) -> Any:
    done = run("verify", bundle, "--policy", live.policy, "--json", *more)
    return done.json


def test_a_bundle_is_exported_and_verifies(
    live: Live, run: Run, number: str, fetch: tuple[object, ...], out: Path
) -> None:
    done = run("export", number, *fetch)
    assert done.exit_code == 0, done.err
    (bundle,) = out.iterdir()
    assert str(bundle) in done.out
    assert run("verify", bundle, "--policy", live.policy).exit_code == 10
    found = verified(run, live, bundle)
    assert found["deposits"][0].get("sha256") is None
    assert run("export", number, *fetch, "--json").json["evidence_nos"] == [number]


def test_a_bundle_that_does_not_verify_is_not_kept(
    run: Run,
    number: str,
    fetch: tuple[object, ...],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_archive(_gateway: Gateway, _wanted: object, file: BinaryIO, **_: object) -> str:
        file.write(b"no archive")
        return f"EVB_{number}_20261122T000000Z-00000000"

    monkeypatch.setattr(Gateway, "bundle", no_archive)
    assert run("export", number, *fetch).exit_code == 30
    assert not list(out.iterdir())


def test_a_bundle_of_something_else_is_not_kept(
    live: Live,
    run: Run,
    number: str,
    fetch: tuple[object, ...],
    file: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = deposit(live, run, file.with_name("other.txt"), "other")
    assert run("export", other, *fetch).exit_code == 0
    (bundle,) = out.iterdir()
    data = bundle.read_bytes()

    def another(_gateway: Gateway, _wanted: object, into: BinaryIO, **_: object) -> str:
        into.write(data)
        return bundle.stem

    monkeypatch.setattr(Gateway, "bundle", another)
    assert run("export", number, *fetch).exit_code == 30
    assert list(out.iterdir()) == [bundle]


def test_originals_are_in_the_bundle_under_plain_names(
    live: Live, run: Run, number: str, file: Path, fetch: tuple[object, ...], out: Path
) -> None:
    """The opening of a deposit that its depositor salted comes from the proof beside the file."""
    done = run("export", "--with", file, *fetch)
    assert done.exit_code == 0, done.err
    (bundle,) = out.iterdir()
    with zipfile.ZipFile(bundle) as archive:
        named = {name.partition("/")[2]: name for name in archive.namelist()}
        assert archive.read(named[layout.original(1, number)]) == b"content"
        assert layout.EMPTY not in named
        assert all(name.isascii() for name in named)
        assert "合同.txt" in archive.read(named[layout.CERTIFICATE_JSON]).decode()
        assert b"Profile: FULL" in archive.read(named[layout.BAG_INFO])
    found = verified(run, live, bundle)
    assert found["deposits"][0]["verdict"]["code"] == "V001", found
    assert found["deposits"][0]["size"] == 7
    said = run("verify", bundle, "--policy", live.policy).out
    assert "the original in the bundle" in said
    said = run("verify", bundle, "--policy", live.policy, "--file", file).out
    assert "the one given with --file" in said


def test_a_file_that_is_not_the_original_goes_into_no_bundle(
    live: Live, run: Run, number: str, file: Path, fetch: tuple[object, ...], out: Path
) -> None:
    """By the proof beside it, and by the proof in the bundle; and if nothing can tell."""
    other = file.with_name("other.txt")
    other.write_text("other")
    alone = run("export", number, "--with", other, *fetch)
    assert (alone.exit_code, "no opening" in alone.err) == (80, True), alone.err
    file.write_text("changed")
    assert run("export", number, "--with", file, *fetch).exit_code == 20
    file.write_text("content")
    assert run("export", number, "--with", file, *fetch).exit_code == 0
    (bundle,) = out.iterdir()
    again = ("--bundle", bundle, "--out", out, "--policy", live.policy)
    assert run("export", "--with", f"{number}={other}", *again).exit_code == 20
    assert list(out.iterdir()) == [bundle]


def test_a_bundle_in_hand_is_completed_and_written_as_a_directory(
    live: Live,
    run: Run,
    number: str,
    file: Path,
    fetch: tuple[object, ...],
    out: Path,
    tmp_path: Path,
) -> None:
    """Without the gateway; the certificate still names the contents."""
    assert run("export", number, "--with", file, *fetch).exit_code == 0
    (full,) = out.iterdir()
    as_folder = ("--bundle", full, "--policy", live.policy, "--format", "directory")
    done = run("export", *as_folder, "--out", tmp_path / "folders")
    assert done.exit_code == 0, done.err
    (folder,) = (tmp_path / "folders").iterdir()
    assert (folder / layout.original(1, number)).read_text() == "content"
    assert verified(run, live, folder)["package"]["code"] is None
    back = run("export", "--bundle", folder, "--out", tmp_path / "zips")
    assert back.exit_code == 0, back.err
    assert (tmp_path / "zips" / full.name).read_bytes() == full.read_bytes()
    assert run("export", *as_folder, "--out", tmp_path / "folders").exit_code == 2
    (folder / layout.original(1, number)).write_text("Content")
    changed = verified(run, live, folder)
    assert changed["deposits"][0]["verdict"]["code"] == "V102"
    (folder / "data" / "01-evidence" / "link").symlink_to(folder)
    flaws = {each["key"] for each in verified(run, live, folder)["package"]["flaws"]}
    assert {"LINK", "DIGEST"} <= flaws


def test_several_deposits_are_one_bundle(
    live: Live, run: Run, number: str, file: Path, fetch: tuple[object, ...], out: Path
) -> None:
    second = file.with_name("b.txt")
    other = deposit(live, run, second, "second")
    few = run("export", other, number, "--with", file, *fetch)
    assert (few.exit_code, other in few.err) == (2, True)
    done = run("export", other, number, "--with", file, "--with", second, *fetch, "--json")
    assert done.exit_code == 0, done.err
    assert done.json["evidence_nos"] == [other, number]
    found = verified(run, live, Path(done.json["bundle"]))
    assert [each["size"] for each in found["deposits"]] == [6, 7]
    assert {each["verdict"]["code"] for each in found["deposits"]} == {"V001"}
    with zipfile.ZipFile(done.json["bundle"]) as archive:
        (listed,) = (name for name in archive.namelist() if name.endswith(layout.EVIDENCE_LIST))
        exhibits = parse_exhibits(archive.read(listed))
    assert [each.name for each in exhibits] == ["b.txt", "合同.txt"]


@pytest.mark.parametrize(
    "asked",
    [
        ("EV20261121000000000000-00",),
        (),
        ("EV20261121000000000000-76", "EV20261121000000000000-76"),
        ("EV20261121000000000000-76", "--case", "（2026）浙0192民初1234号"),
        ("--case", "2026浙0192"),
        ("EV20261121000000000000-76", "--bundle", "x.zip"),
        ("EV20261121000000000000-76", "--with", "nothing-beside.txt", "--with", "NO=x"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    run: Run, fetch: tuple[object, ...], asked: tuple[str, ...]
) -> None:
    assert run("export", *asked, *fetch).exit_code == 2


def test_a_refusal_says_what_would_help(
    live: Live, run: Run, number: str, file: Path, fetch: tuple[object, ...], out: Path
) -> None:
    """No advice that was followed already, and none about gateways where none was asked."""
    other = file.with_name("other.txt")
    deposit(live, run, other, "other")
    strange = run("export", number, "--with", other, *fetch)
    assert (strange.exit_code, "of another deposit" in strange.err) == (80, True), strange.err
    done = run("export", number, *fetch)
    assert "DIGEST" in done.err
    (bundle,) = out.iterdir()
    in_hand = ("--policy", live.policy, "--out", out)
    late = run("export", "--bundle", bundle, "--with", file, *in_hand)
    assert (late.exit_code, "without --bundle" in late.err) == (80, True), late.err
    bundle.write_bytes(b"no archive")
    damaged = run("export", "--bundle", bundle, *in_hand)
    assert (damaged.exit_code, "gateway" in damaged.err) == (30, False), damaged.err
    nowhere = run("export", "--bundle", out / "nothing.zip", *in_hand)
    assert (nowhere.exit_code, "there is no bundle" in nowhere.err) == (2, True), nowhere.err
    assert list(out.iterdir()) == [bundle]
