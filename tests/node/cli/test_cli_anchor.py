"""`cunzheng anchor`: files through a real gateway, proofs beside them, nothing lost."""

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.cli import delivering
from node.cli.files import evidence_files
from node.client import preparing
from node.client.gateway import Gateway
from node.client.values import Part
from node.evidence.batch import parse_batch
from node.evidence.digests import sha256
from node.evidence.item import parse_details
from node.evidence.keys import parse_public_key, parse_signature, verify
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.record import StatementRecord, parse_record
from node.evidence.statement import statement_id
from node.words import State

Live, Run = Any, Any

HOSTILE = "a\nV000 fine\x1b[2K\u202etxt.exe"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A folder with three files, one name in Chinese, one in a folder inside."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "买卖合同.pdf").write_bytes(b"%PDF-1.7 price 4,711")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 not a picture")
    (tmp_path / "inner" / "login.log").write_bytes(b"2026-11-21 10:00:00 in\n")
    return tmp_path


def proof_of(file: Path) -> Proof:
    return parse_proof(file.with_name(f"{file.name}.proof.txt").read_bytes())


def batches(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.batch.txt"))


def statements(live: Live) -> list[StatementRecord]:
    """Every statement record that was proposed to the members."""
    records = [parse_record(each) for proposal in live.cluster.proposals for each in proposal]
    return [each for each in records if isinstance(each, StatementRecord)]


# What is good.


def test_a_file_gets_its_proof_beside_it(live: Live, run: Run, box: Path) -> None:
    file = box / "买卖合同.pdf"
    done = run("anchor", file, *live.access)
    assert done.exit_code == 0, done.err
    proof = proof_of(file)
    assert proof.number in done.out
    assert proof.opening is not None
    details = parse_details(proof.opening.details or b"")
    told = {key: value for key, (_, value) in details.items()}
    assert told == {"file_name": "买卖合同.pdf", "media_type": "application/pdf"}
    assert proof.deposit.key == live.cluster.world.depositor.public
    assert run("verify", file, "--policy", live.policy).exit_code == 10


def test_a_directory_is_one_statement(live: Live, run: Run, box: Path) -> None:
    done = run("anchor", box, *live.access, "--json")
    assert done.exit_code == 0, done.err
    assert len(statements(live)) == 1
    deposits = done.json["deposits"]
    assert [Path(each["file"]).name for each in deposits] == [
        "photo.jpg",
        "买卖合同.pdf",
        "login.log",
    ]
    assert all(each["verified"] == "V001" for each in deposits)
    ordinals = [int(each["evidence_no"][10:22]) for each in deposits]
    assert ordinals == [ordinals[0], ordinals[0] + 1, ordinals[0] + 2]
    assert run("verify", box, "--policy", live.policy).exit_code == 10
    again = run("anchor", box, *live.access)
    assert again.exit_code == 2
    assert "has a proof already" in again.err


def test_content_never_leaves_the_machine(live: Live, run: Run, box: Path) -> None:
    run("anchor", box, *live.access)
    sent = b"".join(record for proposal in live.cluster.proposals for record in proposal)
    for secret in (b"4,711", b"not a picture", b"10:00:00", "买卖合同".encode(), b"login"):
        assert secret not in sent
    for file in (box / "photo.jpg", box / "买卖合同.pdf"):
        assert sha256(file.read_bytes()) not in sent


def test_the_batch_file_opens_everything_and_is_private(live: Live, run: Run, box: Path) -> None:
    run("anchor", box, *live.access)
    (path,) = batches(box)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    batch = parse_batch(path.read_bytes())
    (record,) = statements(live)
    assert (record.statement_bytes, record.items) == (batch.statement_bytes, batch.packed)
    assert [each.path for each in batch.items] == ["photo.jpg", "买卖合同.pdf", "inner/login.log"]
    salts = {each.opening.salt for each in batch.items if each.opening}
    assert len(salts) == 3


def test_many_files_share_pages_of_16(live: Live, run: Run, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.log").write_text(f"line {number}")
    assert run("anchor", tmp_path, *live.access).exit_code == 0
    (record,) = statements(live)
    assert proof_of(tmp_path / "39.log").deposit.page == 16
    assert len(record.items) == 40 * 32
    outcome = run("verify", tmp_path, "--policy", live.policy)
    assert "40 in all: 40 consistent, 0 not" in outcome.out


def test_more_files_than_a_statement_holds_are_several(
    live: Live, run: Run, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "ITEMS_MAX", 2)
    done = run("anchor", box, *live.access, "--idempotency-key", "mine")
    assert done.exit_code == 0, done.err
    assert len(statements(live)) == len(batches(box)) == 2
    assert run("verify", box, "--policy", live.policy).exit_code == 10


def register_profile(live: Live) -> str:
    said = {"system": "相机", "process": "拍照", "operator": "甲", "clock_source": "NTP"}
    key = live.api_key.read_text().strip()
    headers = {"authorization": f"Bearer {key}", "idempotency-key": "camera"}
    response = httpx.post(f"{live.url}/v1/source-profiles", json=said, headers=headers)
    digest: str = response.json()["digest"]
    return digest


def test_details_and_category_are_what_the_depositor_says(live: Live, run: Run, box: Path) -> None:
    file = box / "photo.jpg"
    extra = ("--name", "现场.jpg", "--detail", "case=(2026)京0491民初1号", "--alg", "sm3")
    category = ("--category", "A14_4_ELECTRONIC_FILE")
    refused = run("anchor", file, *live.access, *extra, *category)
    assert refused.exit_code != 0
    assert "/v1/source-profiles" in refused.err
    profile = register_profile(live)
    done = run("anchor", file, *live.access, *extra, *category, "--profile", profile)
    assert done.exit_code == 0, done.err
    proof = proof_of(file)
    assert proof.opening is not None
    details = parse_details(proof.opening.details or b"")
    assert details["file_name"][1] == "现场.jpg"
    assert details["case"][1] == "(2026)京0491民初1号"
    assert proof.deposit.category == "A14_4_ELECTRONIC_FILE"
    assert proof.deposit.profile is not None
    assert proof.deposit.profile.hex() == profile
    assert proof.deposit.alg == "sm3"


def test_without_a_policy_the_gateways_own_is_used_and_named(
    live: Live, run: Run, box: Path
) -> None:
    access = live.access[:-2]
    done = run("anchor", box / "photo.jpg", *access)
    assert done.exit_code == 0
    assert re.search("fingerprint [A-Z2-7-]{39}; compare it", done.err)


# Names.


def test_hostile_file_names_are_deposited_and_forge_nothing(
    live: Live, run: Run, tmp_path: Path
) -> None:
    names = [os.fsencode(HOSTILE), b"latin-\xe9\xff.txt"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(name)
    done = run("anchor", tmp_path, *live.access)
    assert done.exit_code == 0, done.err
    for text in (done.out, done.err):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not any(line.startswith("V000") for line in text.splitlines())
    for name in names:
        proof = proof_of(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
        assert proof.opening is not None
        assert "\ufffd" in str(parse_details(proof.opening.details or b"")["file_name"][1])
    (path,) = batches(tmp_path)
    assert [each.path for each in parse_batch(path.read_bytes()).items] == [None, None]
    assert run("verify", tmp_path, "--policy", live.policy).exit_code == 10


def test_a_link_counts_if_it_is_named_itself(live: Live, run: Run, box: Path) -> None:
    outside, folder = box / "photo.jpg", box / "links"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(outside)
    refused = run("anchor", folder, *live.access)
    assert refused.exit_code == 2
    assert "no file to deposit" in refused.err
    assert run("anchor", folder / "link.jpg", *live.access).exit_code == 0
    assert proof_of(folder / "link.jpg").number


# One test per kind of bad input: a clear answer, and nothing has changed.


@pytest.fixture
def refused(live: Live, run: Run, box: Path) -> Callable[..., str]:
    """Runs a deposit that must be refused; gives its sentence."""

    def call(exit_code: int, *arguments: object) -> str:
        before = sorted(box.rglob("*"))
        outcome = run("anchor", *arguments)
        assert outcome.exit_code == exit_code, outcome.err
        assert not live.cluster.statements
        assert [
            p for p in sorted(box.rglob("*")) if p not in before and "batch" not in p.name
        ] == []
        assert outcome.out == ""
        assert "Traceback" not in outcome.err
        message: str = outcome.err
        return message

    return call


def test_an_empty_file(live: Live, run: Run, box: Path, refused: Any) -> None:
    (box / "empty.txt").touch()
    message = refused(2, box, *live.access)
    assert "empty.txt is empty (0 bytes), and the digest of nothing proves nothing" in message
    assert batches(box) == []
    done = run("anchor", box, *live.access, "--skip")
    assert done.exit_code == 0
    assert "Left out: " in done.err
    assert len(statements(live)[0].items) == 3 * 32


def test_files_that_cannot_be_read_are_named(live: Live, box: Path, refused: Any) -> None:
    (box / "dangling").symlink_to(box / "nowhere")
    os.mkfifo(box / "pipe")
    message = refused(2, box / "dangling", box / "pipe", box / "absent", *live.access)
    for name in ("dangling cannot be read", "pipe is not a regular file", "absent cannot be read"):
        assert name in message


def test_a_long_list_of_refused_files_is_cut(live: Live, box: Path, refused: Any) -> None:
    for number in range(30):
        (box / f"{number}.empty").touch()
    assert "and 20 more files" in refused(2, box, *live.access)


def test_a_directory_without_files(live: Live, box: Path, refused: Any) -> None:
    (box / "hollow").mkdir()
    assert "no file to deposit" in refused(2, box / "hollow", *live.access)


def test_a_plain_digest_without_the_declaration(
    live: Live, run: Run, box: Path, refused: Any
) -> None:
    file = box / "photo.jpg"
    assert "--declare-not-personal" in refused(2, file, *live.access, "--plain")
    assert "one digest" in refused(
        2, file, *live.access, "--plain", "--declare-not-personal", "--alg", "sha256+sm3"
    )
    done = run("anchor", file, *live.access, "--plain", "--declare-not-personal")
    assert done.exit_code == 0, done.err
    assert proof_of(file).item == sha256(file.read_bytes())
    assert run("verify", file, "--policy", live.policy).exit_code == 10


def test_a_wrong_or_missing_api_key(
    live: Live, box: Path, refused: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrong = tmp_path_factory.mktemp("wrong") / "api.key"
    wrong.write_text("czk_" + "00" * 32)
    access = [each if each != live.api_key else wrong for each in live.access]
    assert "API key" in refused(70, box, *access)
    assert "API key" in refused(70, box, "--gateway", live.url, *live.access[4:])
    wrong.write_text("two words")
    assert "holds one line" in refused(2, box, *access)


def test_a_wrong_or_missing_signing_key(
    live: Live, box: Path, refused: Any, key_file: Callable[[str], Path]
) -> None:
    access = list(live.access)
    at = access.index(live.key)
    assert "--key" in refused(2, box, *access[: at - 1], *access[at + 1 :])
    live.key.chmod(0o644)
    assert "chmod 600" in refused(2, box, *live.access)


def test_an_api_key_file_that_others_can_read_gives_a_warning(
    live: Live, run: Run, box: Path
) -> None:
    warning = f"the API key file {live.api_key} can be read by others"
    assert warning not in run("anchor", box / "photo.jpg", *live.access).err
    live.api_key.chmod(0o640)
    done = run("anchor", box / "inner", *live.access)
    assert done.exit_code == 0
    assert warning in done.err


def test_a_document_given_as_key_is_called_no_key(live: Live, box: Path, refused: Any) -> None:
    access, document = list(live.access), box / "买卖合同.pdf"
    access[access.index(live.key)] = document
    for mode in (0o644, 0o600):
        document.chmod(mode)
        message = refused(2, box / "inner", *access)
        assert f"{document} is not a private key" in message
        assert "chmod" not in message


def test_a_key_that_is_not_enrolled(
    live: Live, run: Run, box: Path, refused: Any, key_file: Callable[[str], Path]
) -> None:
    access = [each if each != live.key else key_file("nobody") for each in live.access]
    assert "not, or no longer, enrolled" in refused(70, box / "inner", *access)
    outcome = run("anchor", box / "photo.jpg", *access, "--json")
    assert outcome.json["error"]["code"] == "KEY_NOT_ENROLLED"


def test_a_statement_for_another_chain(
    live: Live, box: Path, refused: Any, world: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    policy = tmp_path_factory.mktemp("other") / "policy.txt"
    policy.write_bytes(type(world)(origin="cunzheng.test/other").policy_texts()[0])
    message = refused(2, box, *live.access[:-1], policy)
    assert "of the chain cunzheng.test/rooms, the policy given of cunzheng.test/other" in message
    assert batches(box) == []


def test_a_fingerprint_is_compared_before_anything_is_signed(
    live: Live, run: Run, box: Path, refused: Any, world: Any
) -> None:
    other = fingerprint(type(world)(origin="cunzheng.test/other").policy_texts()[0])
    message = refused(2, box, *live.access[:-2], "--policy-fingerprint", other)
    assert f"not {other} as given; nothing was signed" in message
    assert batches(box) == []
    right = fingerprint(live.policy.read_bytes())
    assert run("anchor", box, *live.access[:-2], "--policy-fingerprint", right).exit_code == 0


def test_an_idempotency_key_of_another_request(live: Live, run: Run, box: Path) -> None:
    assert run("anchor", box / "photo.jpg", *live.access, "--idempotency-key", "a").exit_code == 0
    outcome = run("anchor", box / "inner", *live.access, "--idempotency-key", "a", "--json")
    assert outcome.exit_code == 2
    assert outcome.json["error"]["code"] == "IDEMPOTENCY_MISMATCH"


def test_details_that_cannot_be_written(live: Live, box: Path, refused: Any) -> None:
    for detail in ("no-equals", "UPPER=x", f"long={'x' * 20_000}"):
        refused(2, box, *live.access, "--detail", detail)
    refused(2, box, *live.access, "--name", "one.txt")


# Stops on the way, and going on.


def test_pending_goes_on_with_the_same_bytes(live: Live, run: Run, box: Path) -> None:
    live.do(live.cluster.sealing.clear)
    stopped = run("anchor", box, *live.access, "--patience", "0.3")
    assert stopped.exit_code == 50
    (path,) = batches(box)
    assert f"--resume {path}" in stopped.err
    assert list(box.rglob("*.proof.txt")) == []
    live.do(live.cluster.sealing.set)
    resumed = run("anchor", "--resume", path, *live.access)
    assert resumed.exit_code == 0, resumed.err
    assert len(live.cluster.statements) == 1
    assert run("verify", box, "--policy", live.policy).exit_code == 10
    assert run("anchor", "--resume", path, *live.access).exit_code == 0
    assert len(live.cluster.statements) == 1


def test_while_it_is_pending_the_signed_receipt_is_kept(live: Live, run: Run, box: Path) -> None:
    live.do(live.cluster.sealing.clear)
    stopped = run("anchor", box, *live.access, "--patience", "0.1")
    (batch,) = batches(box)
    path = batch.with_name(batch.name.replace(".batch.txt", ".receipt.txt"))
    assert f"signed by the gateway is in {path}" in stopped.err
    before = path.read_bytes()
    signed, gateway, signature = before.decode().splitlines()
    identity = statement_id(parse_batch(batch.read_bytes()).statement_bytes)
    assert identity.hex() in signed
    key = parse_public_key(gateway.removeprefix("gateway "))
    assert key == live.cluster.world.gateway.public
    verify(key, signed.encode(), parse_signature(signature.removeprefix("signature ")))
    assert run("anchor", "--resume", batch, *live.access, "--patience", "0.1").exit_code == 50
    (own := box / "shop.receipt.txt").write_text("5 apples")
    assert set(evidence_files([box])) == {own, *box.glob("*.pdf"), *box.rglob("*.[jl]*g")}
    live.do(live.cluster.sealing.set)
    assert run("anchor", "--resume", batch, *live.access).exit_code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("field", ["signed", "gateway", "signature"])
def test_a_receipt_that_does_not_hold_is_not_kept(
    live: Live, run: Run, box: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    live.do(live.cluster.sealing.clear)
    honest = Gateway.deposit

    def lying(*arguments: Any, **options: Any) -> Part:
        part = honest(*arguments, **options)
        assert part.receipt is not None
        text = part.receipt[field]
        return replace(part, receipt={**part.receipt, field: text[:20] + "0" + text[21:]})

    monkeypatch.setattr(Gateway, "deposit", lying)
    stopped = run("anchor", box, *live.access, "--patience", "0.1")
    assert stopped.exit_code == 50
    assert "receipt does not hold" in stopped.err
    assert list(box.glob("*.receipt.txt")) == []


def test_an_unreachable_gateway_loses_nothing(live: Live, run: Run, box: Path) -> None:
    access = ["http://127.0.0.1:1" if each == live.url else each for each in live.access]
    stopped = run("anchor", box, *access, "--patience", "0")
    assert stopped.exit_code == 80
    assert "does not answer" in stopped.err
    (path,) = batches(box)
    assert run("anchor", "--resume", path, *live.access).exit_code == 0


def test_ctrl_c_after_the_batch_is_written_loses_nothing(
    live: Live, run: Run, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Part:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Gateway, "deposit", interrupted)
        assert run("anchor", box, *live.access).exit_code == 130
    (path,) = batches(box)
    assert run("anchor", "--resume", path, *live.access).exit_code == 0


def test_typed_again_after_ctrl_c_the_batch_to_resume_is_named(
    live: Live, run: Run, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = delivering.write_whole, []

    def interrupted(path: Path, *arguments: Any, **options: Any) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "write_whole", interrupted)
        assert run("anchor", box, *live.access).exit_code == 130
    (path,) = batches(box)
    again = run("anchor", box, *live.access)
    assert again.exit_code == 2
    assert f"cunzheng anchor --resume {path}" in again.err
    assert run("anchor", "--resume", path, *live.access).exit_code == 0
    assert len(live.cluster.statements) == 1
    assert "--resume" not in run("anchor", box, *live.access).err


def test_a_refused_deposit_leaves_no_batch_file(
    live: Live, run: Run, box: Path, key_file: Callable[[str], Path]
) -> None:
    access = [each if each != live.key else key_file("nobody") for each in live.access]
    refused = run("anchor", box, *access)
    assert refused.exit_code == 70
    assert "is removed again" in refused.err
    assert batches(box) == []
    live.do(live.cluster.sealing.clear)
    run("anchor", box, *live.access, "--patience", "0.1")
    (path,) = batches(box)
    live.api_key.write_text("czk_" + "00" * 32)
    assert run("anchor", "--resume", path, *live.access).exit_code == 70
    assert path.exists()


def test_a_file_changed_meanwhile_does_not_get_the_proof_beside_it(
    live: Live, run: Run, box: Path
) -> None:
    live.do(live.cluster.sealing.clear)
    run("anchor", box, *live.access, "--patience", "0.1")
    live.do(live.cluster.sealing.set)
    (box / "photo.jpg").write_bytes(b"another picture")
    (path,) = batches(box)
    resumed = run("anchor", "--resume", path, *live.access)
    assert resumed.exit_code == 0
    assert "photo.jpg was changed after it was hashed" in resumed.err
    assert not (box / "photo.jpg.proof.txt").exists()
    assert len(list(box.glob("EV*.proof.txt"))) == 1


def test_a_path_in_a_batch_file_to_something_larger_is_not_read(
    live: Live, run: Run, box: Path
) -> None:
    """A batch file may come from others; /proc/kcore would be read for years."""
    run("anchor", box, *live.access)
    (path,) = batches(box)
    data = path.read_bytes()
    path.write_bytes(re.sub(rb'"path":"[^"]*"', b'"path":"huge"', data, count=1))
    with (path.parent / "huge").open("wb") as file:
        file.truncate(1 << 42)
    outcome = run("anchor", "--resume", path, *live.access)
    assert outcome.exit_code == 0
    assert "was changed after it was hashed" in outcome.err


def test_a_proof_that_is_there_is_overwritten_only_by_force(
    live: Live, run: Run, box: Path
) -> None:
    file = box / "photo.jpg"
    run("anchor", file, *live.access)
    first = proof_of(file).number
    assert run("anchor", file, *live.access).exit_code == 2
    assert proof_of(file).number == first
    assert run("anchor", file, *live.access, "--force").exit_code == 0
    assert proof_of(file).number != first


@pytest.mark.parametrize(
    ("change", "exit_code"),
    [
        (lambda proof: proof[:-2] + b"A\n", 30),
        (lambda proof: proof.replace(b"EV2026", b"EV2016"), 30),
        (lambda proof: b"", 30),
        (lambda proof: proof.replace(b"proof/v1", b"proof/v9", 1), 80),
    ],
)
def test_a_gateway_that_gives_a_bad_proof_is_found_out(
    live: Live,
    run: Run,
    box: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
    exit_code: int,
) -> None:
    honest = Gateway.deposit

    def lying(*arguments: Any, **options: Any) -> Part:
        part = honest(*arguments, **options)
        return Part(State.FINAL, change(part.proof or b""), "")

    monkeypatch.setattr(Gateway, "deposit", lying)
    outcome = run("anchor", box, *live.access)
    assert outcome.exit_code == exit_code
    assert list(box.rglob("*.proof.txt")) == []


def test_a_gateway_that_gives_the_proof_of_another_statement(
    live: Live, run: Run, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, honest = box / "other" / "first.txt", Gateway.deposit
    first.parent.mkdir()
    first.write_bytes(b"another deposit")
    assert run("anchor", first, *live.access).exit_code == 0
    good = (first.parent / "first.txt.proof.txt").read_bytes()

    def lying(*arguments: Any, **options: Any) -> Part:
        honest(*arguments, **options)
        return Part(State.FINAL, good, "")

    monkeypatch.setattr(Gateway, "deposit", lying)
    second = first.with_name("second.txt")
    second.write_bytes(b"this deposit")
    outcome = run("anchor", second, *live.access)
    assert outcome.exit_code == 80
    assert "of another statement" in outcome.err
    assert not (first.parent / "second.txt.proof.txt").exists()


def test_a_damaged_batch_file(live: Live, run: Run, box: Path) -> None:
    run("anchor", box, *live.access)
    (path,) = batches(box)
    data = path.read_bytes()
    for damaged in (b"", data[:-1], data.replace(b'"size":', b'"Size":'), data + b"\n"):
        path.write_bytes(damaged)
        outcome = run("anchor", "--resume", path, *live.access)
        assert outcome.exit_code == 2
        assert "no batch file, or damaged" in outcome.err


def test_json_says_where_everything_is(live: Live, run: Run, box: Path) -> None:
    value = json.loads(run("anchor", box, *live.access, "--json").out)
    assert value["state"] == "FINAL"
    assert value["batches"] == [str(each) for each in batches(box)]
    for each in value["deposits"]:
        assert parse_proof(Path(each["proof"]).read_bytes()).number == each["evidence_no"]
