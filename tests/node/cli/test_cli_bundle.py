"""`cunzheng verify BUNDLE`: the package's result, each deposit's own, and anchors in a folder."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.evidence.policy import fingerprint
from node.evidence.proof_text import format_proof
from node.evidence.succession import Succession, format_policies
from node.export.bundle import layout
from node.export.bundle.core import Deposit
from node.export.bundle.writing import write_directory, write_zip
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import (
    EXAMPLE,
    bundle,
    deposit_of,
    example_bundle,
    flat,
    sealed_again,
    write,
)

Run = Any

FINGERPRINT = (EXAMPLE / "fingerprint.txt").read_text().strip()
SAMPLE_NO = "EV20261121000000000000-76"


@pytest.fixture
def verify(run: Run) -> Callable[..., Any]:
    """With the fingerprint from outside."""
    return lambda *arguments: run("verify", *arguments, "--policy-fingerprint", FINGERPRINT)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path, example_bundle())


def test_a_bundle_is_known_in_every_form(verify: Callable[..., Any], tmp_path: Path) -> None:
    whole = example_bundle()
    directory, archive = write_directory(tmp_path, whole), write_zip(tmp_path, whole)
    renamed = shutil.copy(archive, tmp_path / "from the court.bin")
    nested = tmp_path / "unpacked"
    shutil.copytree(directory, nested / directory.name)
    for path in (directory, archive, renamed, nested):
        outcome = verify(path)
        assert outcome.exit_code == 10
        lines = outcome.out.splitlines()
        assert lines[0] == "Evidence bundle  V001  consistent, with open points"
        assert "  0 ✓ passed  the package is whole" in outcome.out
        assert "2 in all: 2 consistent, 0 not" in outcome.out


def test_a_hostile_directory_is_judged_as_the_bundle_it_calls_itself(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    """Links, pipes, names, and no bagit.txt: each by its name, and nothing outside is read."""
    good = flat(example_bundle())
    outside = tmp_path / "outside.txt"
    outside.write_bytes(good[layout.BAGIT])
    name, number = example_bundle().name, 0

    def flaws_of(change: Callable[[Path], object]) -> set[str]:
        nonlocal number
        number += 1
        folder = write(tmp_path / str(number) / name, good)
        change(folder)
        told = verify(folder, "--json")
        assert told.exit_code in (30, 80)
        return {each["key"] for each in told.json["package"]["flaws"]}

    def linked(folder: Path) -> None:
        (folder / layout.BAGIT).unlink()
        (folder / layout.BAGIT).symlink_to(outside)

    assert flaws_of(linked) == {"NOT_A_BUNDLE"}
    assert flaws_of(lambda folder: (folder / layout.BAGIT).unlink()) == {"NOT_A_BUNDLE"}
    assert "SPECIAL" in flaws_of(lambda folder: os.mkfifo(folder / layout.VERIFY / "pipe"))
    assert "LINK" in flaws_of(lambda folder: (folder / layout.VERIFY / "x").symlink_to("/"))
    assert "NO_PLACE" in flaws_of(lambda folder: (folder / "data" / "more").write_text("x"))
    hiding = "\u202etxt.exe"
    assert "DIRECTION" in flaws_of(lambda folder: (folder / hiding).write_text("x"))


def test_the_only_deposit_is_told_in_full(verify: Callable[..., Any], tmp_path: Path) -> None:
    path = write_zip(tmp_path, bundle([deposit_of("example/sample")]))
    out = verify(path).out
    assert all(f"\n  {step} ✓ passed" in out for step in (0, 2, 3, 4, 5, 6))
    assert all(f"\n  {step} – not checked" in out for step in (1, 7, 8))
    assert SAMPLE_NO in out
    given = verify(path, "--file", EXAMPLE / "sample.txt")
    assert "\n  1 ✓ passed" in given.out
    assert verify(path, "--file", EXAMPLE / "log.txt").exit_code == 20


def test_programs_get_every_answer(verify: Callable[..., Any], archive: Path) -> None:
    told = verify(archive, "--json").json
    assert (told["code"], told["exit_code"], told["path"]) == ("V001", 10, str(archive))
    assert told["package"]["code"] is None
    assert [each["verdict"]["code"] for each in told["deposits"]] == ["V001", "V001"]


def test_a_damaged_package_says_what_is_wrong_and_keeps_the_other_answers(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    files = flat(example_bundle())
    files["data/06-certificates/\u202ex\n.pem"] = b""
    outcome = verify(write(tmp_path / "bag", files), "--lang", "zh")
    assert outcome.exit_code == 30
    assert "V207" in outcome.out.splitlines()[0]
    assert "\\u202ex\\n.pem" in outcome.out
    assert "\u202e" not in outcome.out
    assert "共 2 份：一致 2，其他 0" in outcome.out


def test_nothing_raises_a_trace(verify: Callable[..., Any], tmp_path: Path) -> None:
    broken = tmp_path / "EVB_x.zip"
    for data in (b"", b"PK\3\4" + bytes(100), b"%PDF"):
        broken.write_bytes(data)
        outcome = verify(broken)
        assert (outcome.exit_code, outcome.err) == (30, "")
        assert "NOT_A_ZIP" in verify(broken, "--json").out


def test_without_an_anchor_from_outside_nothing_was_checked(run: Run, archive: Path) -> None:
    outcome = run("verify", archive)
    assert outcome.exit_code == 80
    assert "V204" in outcome.out


def test_anchors_come_in_a_folder(run: Run, archive: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    file = anchors / "policy-fingerprint.txt"
    assert run("verify", archive, "--anchors", anchors).exit_code == 2
    file.write_text(f"# from the court's notice\n{FINGERPRINT.lower()}\n\n")
    assert run("verify", archive, "--anchors", anchors).exit_code == 10
    proof = EXAMPLE / "sample.proof.txt"
    assert run("verify", "--proof", proof, "--anchors", anchors).exit_code == 10
    named = ("--policy", EXAMPLE / "policy.txt")
    assert run("verify", archive, "--anchors", anchors, *named).exit_code == 10
    other = "AAAA-" * 7 + "AAAA"
    outcome = run("verify", archive, "--anchors", anchors, "--policy-fingerprint", other)
    assert outcome.exit_code == 2
    assert "not that of policy-fingerprint.txt" in outcome.err
    file.write_text(f"{FINGERPRINT}\n{FINGERPRINT}\n")
    assert run("verify", archive, "--anchors", anchors).exit_code == 2
    assert run("verify", archive, "--anchors", file).exit_code == 2
    file.write_text(f"{other}\n")
    outcome = run("verify", archive, "--anchors", anchors)
    assert outcome.exit_code == 30
    assert "V206" in outcome.out
    assert "add --policies" in outcome.err
    file.write_bytes(b"\xef\xbb\xbf" + FINGERPRINT.encode() + b"\r\n")
    assert run("verify", archive, "--anchors", anchors).exit_code == 10


def test_policies_lead_from_the_anchors_to_what_the_proof_has(run: Run, tmp_path: Path) -> None:
    """The court has published a newer policy since."""
    chain, deposited = forging.chain()
    path = write_zip(tmp_path, bundle([Deposit(format_proof(chain.proof(deposited)))]))
    chain.change_policy(names=("court", "notary", "industry"))
    anchors, policies = tmp_path / "anchors", tmp_path / "policies.txt"
    anchors.mkdir()
    newest = fingerprint(chain.policies[-1].policy_text)
    (anchors / "policy-fingerprint.txt").write_text(newest)
    policies.write_bytes(format_policies(Succession(tuple(chain.policies))))
    assert run("verify", path, "--anchors", anchors).exit_code == 30
    assert run("verify", path, "--anchors", anchors, "--policies", policies).exit_code == 10


def test_files_in_hand_are_named_by_number(verify: Callable[..., Any], tmp_path: Path) -> None:
    path = write_zip(tmp_path, example_bundle(full=False))
    sample = EXAMPLE / "sample.txt"
    refused = verify(path, "--file", sample)
    assert refused.exit_code == 2
    assert "say --file NUMBER=" in refused.err
    told = verify(path, "--file", f"{SAMPLE_NO}={sample}", "--json").json
    findings = [each["verdict"]["findings"] for each in told["deposits"]]
    assert [[f["outcome"] for f in each if f["step"] == 1] for each in findings] == [
        ["passed"],
        ["not checked"],
    ]
    assert verify(path, "--file", f"{SAMPLE_NO}={tmp_path / 'none'}").exit_code == 2


def test_a_bundle_is_verified_alone(verify: Callable[..., Any], archive: Path) -> None:
    for more in (
        [EXAMPLE / "sample.txt"],
        ["--proof", EXAMPLE / "sample.proof.txt"],
        ["--explain", archive.parent / "steps"],
    ):
        assert verify(archive, *more).exit_code == 2
    assert verify(EXAMPLE / "sample.txt", "--file", EXAMPLE / "sample.txt").exit_code == 2


def test_without_counts_for_every_deposit(verify: Callable[..., Any], archive: Path) -> None:
    assert verify(archive, "--without", "court").exit_code == 10
    assert verify(archive, "--without", "court,notary").exit_code == 30


def test_a_forged_list_does_not_help(verify: Callable[..., Any], tmp_path: Path) -> None:
    files = flat(example_bundle())
    files[layout.original(1, SAMPLE_NO)] = b"another file"
    assert verify(write(tmp_path / "bag", sealed_again(files))).exit_code == 20
