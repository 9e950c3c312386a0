"""`cunzheng verify`: every bad input gets its own answer, exit code and sentence."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.cli import verify as command
from node.evidence.note import format_note, parse_note
from node.evidence.policy import fingerprint
from node.evidence.proof import LeafProof, public_form
from node.evidence.proof_text import format_proof, parse_proof
from node.words import Answer, Notice, OpenPoint

Folder, Run, Chain = Any, Any, Any

HOSTILE = "a\nV000 一致\x1b[2K\u202e.pdf"


def code(outcome: Any) -> str:
    """The result code of the one result."""
    (result,) = outcome.json["results"]
    name: str = result["verdict"]["code"]
    return name


@pytest.fixture
def judge(folder: Folder, run: Run) -> Callable[..., tuple[int, str]]:
    """Verifies the folder's file with these proof bytes; gives exit code and result code."""

    def call(data: bytes | None = None, *arguments: object) -> tuple[int, str]:
        if data is not None:
            folder.proof.write_bytes(data)
        outcome = run("verify", folder.file, "--policy", folder.policy, "--json", *arguments)
        return outcome.exit_code, code(outcome)

    return call


# What is good.


def test_a_good_proof_is_consistent_with_open_points(folder: Folder, run: Run) -> None:
    outcome = run("verify", folder.file, "--policy", folder.policy)
    assert outcome.exit_code == Answer.CONSISTENT_OPEN_POINTS.exit_code == 10
    lines = outcome.out.splitlines()
    assert lines[0] == "Verification result  V001  consistent, with open points"
    assert lines[1].startswith("  no later than")
    assert lines[2].startswith("  evidence number  EV")
    assert "  depositor says   file_name = evidence" in lines
    for text in (Notice.SCOPE.en, Notice.NO_LATER_THAN.en, OpenPoint.O02.en, OpenPoint.O05.en):
        assert text in outcome.out
    assert all(f"\n  {step} ✓ passed" in outcome.out for step in range(7))


def test_the_result_is_in_chinese_where_the_locale_is(
    folder: Folder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    out = run("verify", folder.file, "--policy", folder.policy).out
    assert out.startswith("核验结果  V001  一致，有待审查事项\n  不晚于 ")
    assert Notice.SCOPE.zh in out
    assert "已登记（存证主体）" in out
    english = run("verify", folder.file, "--policy", folder.policy, "--lang", "en").out
    assert english.startswith("Verification result")


@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.lower,
        lambda text: text.replace("-", " "),
        lambda text: text.replace("-", ""),
        lambda text: f"  {text.replace('-', ' - ')} ",
        lambda text: "".join(chr(ord(c) + 0xFEE0) if c != "-" else "－" for c in text),
    ],
)
def test_a_fingerprint_may_be_typed_as_people_type(
    folder: Folder, run: Run, spell: Callable[[str], str]
) -> None:
    typed = spell(folder.fingerprint)
    assert run("verify", folder.file, "--policy-fingerprint", typed).exit_code == 10


@pytest.mark.parametrize("typed", ["", "KVI6", "0" * 32, "KVI6-ECYN-FEXE-3OVD-HITF-4MWH-LGBT-34I1"])
def test_a_misspelled_fingerprint_is_wrong_usage(folder: Folder, run: Run, typed: str) -> None:
    outcome = run("verify", folder.file, "--policy-fingerprint", typed)
    assert outcome.exit_code == 2
    assert "character by character" in outcome.err
    assert outcome.out == ""


def test_the_genesis_file_is_as_good_as_the_policy(folder: Folder, run: Run) -> None:
    genesis = folder.path / "genesis.txt"
    assert run("verify", folder.file, "--policy", genesis).exit_code == 10


def test_a_proof_without_its_file_says_that_no_file_was_compared(folder: Folder, run: Run) -> None:
    for arguments in (["--proof", folder.proof], [folder.proof]):
        outcome = run("verify", *arguments, "--policy", folder.policy, "--json")
        (result,) = outcome.json["results"]
        assert outcome.exit_code == 10
        assert "O09" in [point["key"] for point in result["verdict"]["open_points"]]


def test_a_proof_elsewhere_is_named_with_proof(folder: Folder, run: Run, tmp_path: Path) -> None:
    away = shutil.move(folder.proof, tmp_path / "p.txt")
    assert run("verify", folder.file, "--policy", folder.policy).exit_code == 2
    outcome = run("verify", folder.file, "--proof", away, "--policy", folder.policy)
    assert outcome.exit_code == 10


# One test per kind of bad input.


def test_another_files_proof(folder: Folder, run: Run) -> None:
    other = folder.path / "other.txt"
    other.write_bytes(b"something else")
    outcome = run("verify", other, "--proof", folder.proof, "--policy", folder.policy)
    assert outcome.exit_code == Answer.NOT_DEPOSITED_BYTES.exit_code == 20
    assert outcome.out.startswith("Verification result  V102")
    assert Notice.RESAVING.en in outcome.out
    assert Notice.SCOPE.en not in outcome.out


def test_not_the_deposited_bytes_says_which_name_was_recorded(folder: Folder, run: Run) -> None:
    other = folder.path / "other.txt"
    other.write_bytes(b"something else")
    proof = ("--proof", folder.proof, "--policy", folder.policy)
    label = "  recorded name, stated by the depositor  evidence"
    assert label in run("verify", other, *proof).out.splitlines()
    assert "recorded name" not in run("verify", folder.file, *proof).out
    assert "所记文件名（存证主体所称）" in run("verify", other, *proof, "--lang", "zh").out


def test_one_flipped_byte_of_the_file(folder: Folder, judge: Any) -> None:
    data = folder.file.read_bytes()
    folder.file.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert judge() == (20, "V102")


def test_a_truncated_proof(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    for size in (0, 1, len(data) // 2, len(data) - 1):
        assert judge(data[:size]) == (30, "V200")


def test_one_flipped_byte_of_the_proof(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    for at in range(3, len(data), len(data) // 20):
        exit_code, _ = judge(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert exit_code in (30, 80), at


def test_a_forged_head(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    assert judge(data.replace(b"Sealed no later than: 2026", b"Sealed no later than: 2016")) == (
        30,
        "V200",
    )


def test_an_opening_of_another_item(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    forged = data.replace(b"salt " + b"00" * 32, b"salt " + b"01" * 32)
    assert forged != data
    assert judge(forged) == (30, "V200")


def test_digests_of_two_different_files(folder: Folder, run: Run, judge: Any) -> None:
    """SHA-256 of this file, SM3 of another: an honest item never is, a forger's may be."""
    proof = parse_proof(folder.proof.read_bytes())
    assert proof.opening is not None
    (sha256, digest), (sm3, _) = proof.opening.digests
    opening = replace(proof.opening, digests=((sha256, digest), (sm3, bytes(32))))
    world = folder.chain.world
    statement = world.deposit(opening.item(), number=77, alg="sha256+sm3")
    leaf = folder.chain.take(world.record(statement, opening.item()))
    forged = folder.chain.prove(leaf, opening.item(), opening=opening)
    assert judge(format_proof(forged)) == (20, "V106")


def test_seals_short_by_one(folder: Folder, judge: Any) -> None:
    assert judge(format_proof(folder.deposit(folder.file, by=("court",)))) == (30, "V202")


def test_the_same_members_seal_twice(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    lines = data.splitlines(keepends=True)
    assert judge(data.removesuffix(lines[-1]) + lines[-2]) == (30, "V200")


def test_a_policy_without_quorum(folder: Folder, run: Run) -> None:
    text = folder.policy.read_bytes().replace(b"group members 2 ", b"group members 0 ")
    folder.policy.write_bytes(text)
    outcome = run("verify", folder.file, "--policy", folder.policy)
    assert outcome.exit_code == 2
    assert "not a valid policy" in outcome.err
    assert outcome.out == ""


def test_another_policy_than_the_one_from_outside(folder: Folder, run: Run) -> None:
    text, _ = folder.chain.world.policy_texts(quorum=3)
    outcome = run("verify", folder.file, "--policy-fingerprint", fingerprint(text), "--json")
    assert (outcome.exit_code, code(outcome)) == (30, "V206")
    told = run("verify", folder.file, "--policy-fingerprint", fingerprint(text)).err
    assert "--policies policies.txt (cunzheng policy history" in told


def test_no_trust_anchor_from_outside(folder: Folder, run: Run) -> None:
    outcome = run("verify", folder.file)
    assert outcome.exit_code == Answer.COULD_NOT_CHECK.exit_code == 80
    assert outcome.out.startswith("Verification result  V204")
    assert "not verified" in outcome.out
    assert "--policy-fingerprint" in outcome.out


def test_a_file_that_is_not_there_is_named(folder: Folder, run: Run) -> None:
    outcome = run("verify", folder.path / "none.pdf", "--policy", folder.policy)
    assert outcome.exit_code == 2
    assert f"there is no file {folder.path / 'none.pdf'};" in outcome.err


def test_a_proof_with_cr_lf_or_bom_added(folder: Folder, run: Run) -> None:
    good = folder.proof.read_bytes()
    for damaged in (good.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + good):
        folder.proof.write_bytes(damaged)
        outcome = run("verify", folder.file, "--policy", folder.policy)
        assert outcome.exit_code == 30
        assert outcome.out.startswith("Verification result  V200")
        assert "for information only" in outcome.out
        assert "  V001  consistent" in outcome.out
        assert folder.proof.read_bytes() == damaged


def test_a_proof_of_another_chain(folder: Folder, judge: Any) -> None:
    """A key record of another chain in the proof: its parts do not belong together."""
    proof = parse_proof(folder.proof.read_bytes())
    key = proof.keys[-1]
    other = key.entry_bytes.replace(
        b'"origin":"cunzheng.test/rooms"', b'"origin":"cunzheng.test/zooms"'
    )
    assert other != key.entry_bytes
    forged = replace(proof, keys=(*proof.keys[:-1], LeafProof(key.index, key.path, other)))
    assert judge(format_proof(forged)) == (30, "V104")


def test_a_key_that_is_not_enrolled_is_an_open_point(folder: Folder, run: Run) -> None:
    proof = parse_proof(folder.proof.read_bytes())
    folder.proof.write_bytes(format_proof(replace(proof, keys=proof.keys[:1])))
    outcome = run("verify", folder.file, "--policy", folder.policy)
    assert outcome.exit_code == 10
    assert OpenPoint.O06.en in outcome.out
    assert f"signed by key {proof.deposit.key.text}, owner not checked" in outcome.out


def test_a_revoked_key(folder: Folder, judge: Any) -> None:
    world = folder.chain.world
    record = world.key("revoke", world.depositor.public, serial=2)
    folder.chain.keys.append((folder.chain.take(record), world.depositor))
    assert judge(format_proof(folder.deposit(folder.file))) == (30, "V302")


def test_a_newer_format(folder: Folder, judge: Any) -> None:
    data = folder.proof.read_bytes()
    assert judge(data.replace(b"cunzheng/proof/v1", b"cunzheng/proof/v2", 1)) == (80, "V502")


def test_a_newer_rules_number(folder: Folder, run: Run, judge: Any) -> None:
    data = folder.proof.read_bytes()
    assert judge(data.replace(b"#cunzheng rules 1", b"#cunzheng rules 3")) == (80, "V502")
    policy = folder.policy.read_bytes()
    folder.policy.write_bytes(policy.replace(b"#cunzheng rules 1", b"#cunzheng rules 3"))
    outcome = run("verify", folder.file, "--policy", folder.policy)
    assert outcome.exit_code == 80
    assert "newer" in outcome.err


def test_the_public_form_cannot_be_compared_with_a_file(folder: Folder, judge: Any) -> None:
    proof = public_form(parse_proof(folder.proof.read_bytes()))
    assert judge(format_proof(proof)) == (80, "V502")


def test_a_note_with_a_line_by_nobody(folder: Folder, judge: Any) -> None:
    proof = parse_proof(folder.proof.read_bytes())
    note = parse_note(proof.tlog.checkpoint)
    line = replace(note.signatures[-1], name=f"{proof.deposit.origin}/stranger")
    tlog = replace(
        proof.tlog, checkpoint=format_note(replace(note, signatures=(*note.signatures, line)))
    )
    assert judge(format_proof(replace(proof, tlog=tlog))) == (30, "V202")


# Files that are not there, not files, or more than one.


def test_missing_things_are_wrong_usage(folder: Folder, run: Run) -> None:
    absent = folder.path / "absent"
    for arguments in (
        [absent],
        [folder.file, "--proof", absent],
        [folder.file, "--policy", absent],
        [absent, "--proof", folder.proof],
        [],
        [folder.file, "--policy", folder.policy, "--policy-fingerprint", folder.fingerprint],
        [folder.file, folder.file, "--proof", folder.proof],
        [folder.file, "--unknown"],
    ):
        outcome = run("verify", *arguments)
        assert outcome.exit_code == 2, arguments
        assert outcome.out == ""
        assert outcome.err.startswith("error: ")
        assert "Traceback" not in outcome.err


def test_something_that_is_not_a_file_could_not_be_checked(folder: Folder, run: Run) -> None:
    pipe = folder.path / "pipe"
    os.mkfifo(pipe)
    outcome = run("verify", pipe, "--proof", folder.proof, "--policy", folder.policy)
    assert outcome.exit_code == 80
    assert "is not a regular file" in outcome.out


def test_a_directory_is_verified_pair_by_pair(folder: Folder, run: Run) -> None:
    second, third = folder.path / "second.log", folder.path / "sub" / "third.log"
    third.parent.mkdir()
    for file in (second, third):
        file.write_text(file.name)
        proof = file.with_name(f"{file.name}.proof.txt")
        proof.write_bytes(format_proof(folder.deposit(file)))
    outcome = run("verify", folder.path, "--policy", folder.policy)
    assert outcome.exit_code == 10
    assert "3 in all: 3 consistent, 0 not" in outcome.out
    assert outcome.out.count(Notice.SCOPE.en) == 1
    second.write_text("changed")
    outcome = run("verify", folder.path, "--policy", folder.policy)
    assert outcome.exit_code == 20
    assert Notice.RESAVING.en in outcome.out
    third.unlink()
    outcome = run("verify", folder.path, "--policy", folder.policy, "--json")
    alone = [each for each in outcome.json["results"] if each["file"] is None]
    assert [Path(each["proof"]).name for each in alone] == ["third.log.proof.txt"]


def test_the_gravest_answer_decides(folder: Folder) -> None:
    """The order speaks of every answer a verification has, and of no other twice."""
    assert len(set(command.GRAVEST)) == len(command.GRAVEST)
    assert command.GRAVEST[0] is Answer.NOT_DEPOSITED_BYTES
    assert command.GRAVEST[-1] is Answer.CONSISTENT


def test_no_file_name_forges_the_screen(folder: Folder, run: Run) -> None:
    hostile = folder.path / HOSTILE
    shutil.copy(folder.file, hostile)
    for arguments in ([hostile], [hostile, "--proof", folder.proof]):
        outcome = run("verify", *arguments, "--policy", folder.policy)
        for text in (outcome.out, outcome.err):
            assert "\x1b" not in text
            assert "\u202e" not in text
            assert not any(line.startswith("V000") for line in text.splitlines())


def test_no_proof_forges_the_screen(folder: Folder, run: Run) -> None:
    data = folder.proof.read_bytes().replace(b'"media', b'"media\x1b[2J')
    folder.proof.write_bytes(data.replace(b"details {", b'details {"\x1b[31m\xe2\x80\xae":1,'))
    outcome = run("verify", folder.file, "--policy", folder.policy)
    assert outcome.exit_code == 30
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out


def test_json_is_one_object_of_ascii(folder: Folder, run: Run) -> None:
    outcome = run("verify", folder.file, "--policy", folder.policy, "--json")
    assert outcome.out.isascii()
    assert outcome.json["exit_code"] == outcome.exit_code == 10
    failed = run("verify", folder.path / "absent", "--json")
    assert failed.json["exit_code"] == 2
    assert failed.json["error"]["en"]
