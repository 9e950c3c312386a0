"""A bundle verified: the attacks fail where the document says, and answers are never merged."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from node.evidence.doubts import Doubts
from node.evidence.malformed import Malformed
from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Outcome, Verdict
from node.export.bundle import layout
from node.export.bundle.assembling import NotTheOriginal
from node.export.bundle.canonical import format_json
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.core import Deposit, Stamped, deposit_files
from node.export.bundle.flaws import Flaw
from node.export.bundle.trust import Trust
from node.export.bundle.writing import Changed, write_directory, write_zip
from node.words import Answer, OpenPoint, ResultCode
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import (
    EXAMPLE,
    anchor,
    bundle,
    certificate_data,
    deposit_of,
    example_bundle,
    flat,
    sealed_again,
    write,
    zipped,
)
from tests.vectors.example_chain import Chain, digest

SAMPLE_NO = "EV20261121000000000000-76"
LOG_NO = "EV20261121000000000003-67"
SLOW = (pytest.mark.slow, pytest.mark.timeout(900))
CONSISTENT = {Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS}


def trust() -> Trust:
    """The honest chain's policy, from outside."""
    return Trust(Anchor(policy_text=forging.chain()[0].policies[-1].policy_text))


def failed(verdict: Verdict) -> list[tuple[int, str]]:
    found = [each for each in verdict.findings if each.code is not None]
    return [(each.step, each.code.name) for each in found if each.code]


def digests(content: bytes) -> FileDigests:
    return FileDigests(len(content), {alg: digest(alg, content) for alg in ("sha256", "sm3")})


def forged_bundle(data: bytes, original: bytes) -> dict[str, bytes]:
    """The honest bundle with another proof and original, all else made right again."""
    honest = Deposit(forging.t0()[0])
    files = flat(bundle([honest]))
    files = {k: v for k, v in files.items() if honest.number not in k and k != layout.EMPTY}
    try:
        forged = deposit_files(Deposit(data))
    except Malformed:
        # A proof that cannot be read: what an attacker can rewrite by hand is rewritten.
        forged = deposit_files(honest)
        forged[layout.record(honest.number, layout.PROOF)] = data
    files |= forged | {layout.original(1, honest.number): original}
    return sealed_again(files)


# The attacks


ATTACKS: Mapping[str, tuple[list[tuple[int, str]], str]] = {
    "T0": ([], "V001"),
    "T1": ([(1, "V102")], "V102"),
    "T1b": ([(0, "V200")], "V200"),
    "T2": ([(2, "V201")], "V201"),
    "T2b": ([(3, "V205"), (4, "V201")], "V201"),
    "T3": ([(5, "V206")], "V206"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_fails_where_the_document_says(attack: str, tmp_path: Path) -> None:
    """Every manifest is right: only the numbered steps can find it."""
    files = forged_bundle(*forging.FORGERIES[attack]())
    checked = check_bundle(write(tmp_path / "bag", files), trust())
    steps, code = ATTACKS[attack]
    (deposit,) = checked.deposits
    assert checked.package_code is None
    assert (failed(deposit.verdict), deposit.verdict.code.name) == (steps, code)
    assert checked.code.name == code
    document = (Path(__file__).parents[4] / "docs/bundle-format.md").read_text("utf-8")
    row = next((line for line in document.splitlines() if line.startswith(f"| {attack}:")), "")
    for step, name in steps:
        assert f"{step}, {name}" in row


@pytest.mark.parametrize("attack", ATTACKS)
def test_without_an_anchor_from_outside_nothing_is_consistent(attack: str, tmp_path: Path) -> None:
    """Not even if everything was forged anew, which with the enclosed policy would pass."""
    files = forged_bundle(*forging.FORGERIES[attack]())
    checked = check_bundle(write(tmp_path / "bag", files), Trust())
    assert checked.code.answer not in CONSISTENT
    if attack in ("T0", "T3"):
        assert checked.code is ResultCode.V204


def test_what_was_forged_anew_passes_with_its_own_anchor(tmp_path: Path) -> None:
    """So the test above finds the anchor, not a blunder of the forger."""
    theirs, _ = forging.chain("forger", forging.FORGED)
    files = forged_bundle(*forging.t3())
    own = Trust(Anchor(policy_text=theirs.policies[-1].policy_text))
    assert check_bundle(write(tmp_path / "bag", files), own).code is ResultCode.V001


def test_files_for_stock_tools_say_no_more_than_the_proof(tmp_path: Path) -> None:
    """Each of 02 to 04 changed, removed, and one added, the proof left alone."""
    good = forged_bundle(*forging.t0())
    number = Deposit(forging.t0()[0]).number
    folders = tuple(each(number, "") for each in (layout.proof, layout.signature))
    paths = [path for path in good if path.startswith(folders)]
    paths.append(layout.record(number, layout.DETAILS))
    assert len(paths) > 35
    for path in paths:
        for files in ({**good, path: good[path] + b"x"}, {k: good[k] for k in good if k != path}):
            checked = check_bundle(_archive(tmp_path, sealed_again(files)), trust())
            (deposit,) = checked.deposits
            assert failed(deposit.verdict) == [(0, "V207")], path
            assert checked.code is ResultCode.V207
            # The package itself is whole, as far as JSON is still JSON.
            assert checked.package_code is None or path.endswith(".json"), path
    more = {**good, layout.proof(number, "more.txt"): b"x"}
    checked = check_bundle(_archive(tmp_path, sealed_again(more)), trust())
    assert checked.code is ResultCode.V207


def _archive(tmp_path: Path, files: Mapping[str, bytes]) -> Path:
    path = tmp_path / "EVB.zip"
    path.write_bytes(zipped(files))
    return path


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=SLOW)])
def test_flips_of_single_bytes_are_all_found(count: int, tmp_path: Path) -> None:
    """Anywhere in originals, proofs and what follows from them; the attacker makes all lists right
    and there is no certificate that would name them."""
    files = flat(example_bundle())
    outside = Trust(anchor())
    assert check_bundle(_archive(tmp_path, files), outside).code is ResultCode.V001
    dice = random.Random(20261122)
    folders = (layout.EVIDENCE, layout.RECORD, layout.PROOFS, layout.SIGNATURES)
    core = sorted(path for path in files if path.startswith(folders) and files[path])
    for path in dice.choices(core, [len(files[path]) for path in core], k=count):
        at, bit = dice.randrange(len(files[path])), 1 << dice.randrange(8)
        data = bytearray(files[path])
        data[at] ^= bit
        forged = sealed_again({**files, path: bytes(data)})
        checked = check_bundle(_archive(tmp_path, forged), outside)
        codes = {each.verdict.answer for each in checked.deposits}
        assert not codes <= CONSISTENT, (path, at, bit)
        assert checked.code.answer not in CONSISTENT


def test_what_no_proof_binds_is_bound_by_the_certificate(tmp_path: Path) -> None:
    """The register's word, certificates, environment: the certificate names the list of contents,
    and is signed by the platform itself."""
    deposit = deposit_of("example/sample", b'{"title":"x"}')
    more = {f"{layout.CERTIFICATES}x.pem": b"pem", layout.SIX_ITEMS: b"x", layout.EVENTS: b"{}\n"}
    files = flat(bundle([deposit], more=more))
    files = sealed_again({**files, layout.CERTIFICATE_JSON: certificate_data(files)})
    assert check_bundle(_archive(tmp_path, files), Trust(anchor())).code is ResultCode.V001
    for path in (*more, layout.record(SAMPLE_NO, layout.DECLARED)):
        forged = sealed_again({**files, path: files[path].replace(b"x", b"y") + b"\n"})
        checked = check_bundle(_archive(tmp_path, forged), Trust(anchor()))
        assert Flaw.CERTIFICATE in checked.flaws
        assert checked.code is ResultCode.V207, path


# Answers beside each other


def test_each_deposit_has_its_own_answer(tmp_path: Path) -> None:
    files = flat(example_bundle())
    files[layout.original(2, LOG_NO)] += b"x"
    checked = check_bundle(write(tmp_path / "bag", sealed_again(files)), Trust(anchor()))
    answers = {each.number: each.verdict.code for each in checked.deposits}
    assert answers == {SAMPLE_NO: ResultCode.V001, LOG_NO: ResultCode.V102}
    assert checked.code is ResultCode.V102
    told = checked.to_json()
    assert told["code"] == "V102"
    assert told["package"] == {
        "code": None,
        "findings": [each.to_json() for each in checked.findings],
        "flaws": [],
    }


def test_a_bundle_without_originals_takes_the_files_in_hand(tmp_path: Path) -> None:
    path = write_zip(tmp_path, example_bundle(full=False))
    content = (EXAMPLE / "sample.txt").read_bytes()
    nothing = check_bundle(path, Trust(anchor()))
    assert all(OpenPoint.O09 in each.verdict.open_points for each in nothing.deposits)
    given = check_bundle(path, Trust(anchor()), files={SAMPLE_NO: digests(content)})
    points = {each.number: OpenPoint.O09 in each.verdict.open_points for each in given.deposits}
    assert points == {SAMPLE_NO: False, LOG_NO: True}
    other = check_bundle(path, Trust(anchor()), files={SAMPLE_NO: digests(content + b"\n")})
    assert [each.verdict.code.name for each in other.deposits] == ["V102", "V001"]


def test_a_good_file_in_hand_does_not_hide_a_forged_original(tmp_path: Path) -> None:
    files = flat(example_bundle())
    content = files[layout.original(1, SAMPLE_NO)]
    files[layout.original(1, SAMPLE_NO)] = b"forged"
    path = _archive(tmp_path, sealed_again(files))
    checked = check_bundle(path, Trust(anchor()), files={SAMPLE_NO: digests(content)})
    first = checked.deposits[0].verdict
    outcomes = [each.outcome for each in first.findings if each.step == 1]
    assert outcomes == [Outcome.PASSED, Outcome.FAILED]
    assert (first.code, checked.code) == (ResultCode.V102, ResultCode.V102)


def test_the_answer_speaks_of_the_file_in_hand(tmp_path: Path) -> None:
    path = write_directory(tmp_path, example_bundle())
    checked = check_bundle(path, Trust(anchor()), files={SAMPLE_NO: digests(b"other")})
    assert [each.verdict.code.name for each in checked.deposits] == ["V102", "V001"]


def test_files_taken_for_each_other_are_told_apart(tmp_path: Path) -> None:
    """V103: deposited, but under another number."""
    files = flat(example_bundle())
    one, two = layout.original(1, SAMPLE_NO), layout.original(2, LOG_NO)
    files[one], files[two] = files[two], files[one]
    checked = check_bundle(_archive(tmp_path, sealed_again(files)), Trust(anchor()))
    for deposit, other in zip(checked.deposits, (LOG_NO, SAMPLE_NO), strict=True):
        assert deposit.verdict.code is ResultCode.V103
        assert failed(deposit.verdict) == [(1, "V102"), (1, "V103")]
        assert any(other in each.en for each in deposit.verdict.findings)


def test_a_proof_without_its_opening_cannot_be_compared(tmp_path: Path) -> None:
    public = Deposit(format_proof(public_form(parse_proof(forging.t0()[0]))))
    path = write_zip(tmp_path, bundle([public]))
    assert check_bundle(path, trust()).code is ResultCode.V001
    given = check_bundle(path, trust(), files={public.number: digests(forging.CONTENT)})
    assert given.code is ResultCode.V502


def test_a_proof_in_the_folder_of_another_number_is_named(tmp_path: Path) -> None:
    files = flat(example_bundle())
    swap = {SAMPLE_NO: LOG_NO, LOG_NO: SAMPLE_NO}

    def renamed(path: str) -> str:
        if not path.startswith((layout.RECORD, layout.PROOFS, layout.SIGNATURES)):
            return path
        number = next(each for each in swap if each in path)
        return path.replace(number, swap[number])

    swapped = sealed_again({renamed(path): data for path, data in files.items()})
    checked = check_bundle(write(tmp_path / "bag", swapped), Trust(anchor()))
    assert all((0, "V207") in failed(each.verdict) for each in checked.deposits)
    # And each file is not what was deposited under the number that the proof gives.
    assert {each.verdict.code for each in checked.deposits} == {ResultCode.V103}


def test_a_folder_without_a_proof_is_named(tmp_path: Path) -> None:
    files = flat(example_bundle())
    del files[layout.record(LOG_NO, layout.PROOF)]
    checked = check_bundle(write(tmp_path / "bag", sealed_again(files)), Trust(anchor()))
    assert [each.verdict.code.name for each in checked.deposits] == ["V001", "V207"]


def test_later_events_are_open_points_of_their_deposit(tmp_path: Path) -> None:
    events = [
        {"evidence_no": SAMPLE_NO, "type": "correction"},
        {"evidence_no": LOG_NO, "type": "invalidation"},
        {"evidence_no": LOG_NO, "type": "custody"},
        {"evidence_no": 7, "type": ["correction"]},
    ]
    text = b"".join(format_json(each) + b"\n" for each in events)
    deposits = [deposit_of("example/sample"), deposit_of("example/log")]
    path = write_zip(tmp_path, bundle(deposits, more={layout.EVENTS: text}))
    checked = check_bundle(path, Trust(anchor()))
    shown = [set(each.verdict.open_points) for each in checked.deposits]
    assert OpenPoint.O10 in shown[0] - shown[1]
    assert OpenPoint.O11 in shown[1] - shown[0]
    assert {each.verdict.code for each in checked.deposits} == {ResultCode.V001}


def test_a_doubt_about_a_member_is_asked_of_every_deposit(tmp_path: Path) -> None:
    path = write_zip(tmp_path, example_bundle())
    doubts = Doubts(without=("court", "notary"))
    checked = check_bundle(path, Trust(anchor()), doubts=doubts)
    assert [each.verdict.code.name for each in checked.deposits] == ["V202", "V202"]


def test_too_few_seals_and_another_chain_are_told_apart(tmp_path: Path) -> None:
    made, deposited = forging.chain()
    few = made.proof(deposited, 0, note=made.seal(sealers=("court",)))
    (checked,) = check_bundle(
        write_zip(tmp_path, bundle([Deposit(format_proof(few))])), trust()
    ).deposits
    assert checked.verdict.code is ResultCode.V202
    other = Chain(origin="cunzheng.test/other")
    other.enrol("gateway", "gateway")
    other.enrol("depositor", "depositor")
    proof = other.proof(other.deposit([b"x"]))
    (tmp_path / "other").mkdir()
    path = write_zip(tmp_path / "other", bundle([Deposit(format_proof(proof))]))
    assert check_bundle(path, trust()).code is ResultCode.V206


# Making


def test_an_empty_original_and_a_hostile_name_are_nothing_special(tmp_path: Path) -> None:
    """The true name stands in the details alone; the file's name in a bundle is ours."""
    made = Chain()
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    deposited = made.deposit([b""], details={"file_name": "a\ufffd\ufffdfdp.exe"})
    deposit = Deposit(format_proof(made.proof(deposited)))
    (tmp_path / "\u202efdp.exe").write_bytes(b"")
    whole = bundle([deposit], {deposit.number: tmp_path / "\u202efdp.exe"})
    own = Trust(Anchor(policy_text=made.policies[-1].policy_text))
    for path in (write_zip(tmp_path, whole), write_directory(tmp_path, whole)):
        assert check_bundle(path, own).code is ResultCode.V001


def test_another_file_is_not_exported_as_the_original(tmp_path: Path) -> None:
    deposit = deposit_of("example/sample")
    with pytest.raises(NotTheOriginal, match=r"log\.txt is not what was deposited"):
        bundle([deposit], {deposit.number: EXAMPLE / "log.txt"})


def test_an_original_that_changes_leaves_nothing_behind(tmp_path: Path) -> None:
    original = tmp_path / "sample.txt"
    original.write_bytes((EXAMPLE / "sample.txt").read_bytes())
    deposit = deposit_of("example/sample")
    whole = bundle([deposit], {deposit.number: original})
    original.write_bytes(b"another")
    (tmp_path / "out").mkdir()
    for write_it in (write_zip, write_directory):
        with pytest.raises(Changed):
            write_it(tmp_path / "out", whole)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_bundle_is_never_written_over(tmp_path: Path) -> None:
    for write_it in (write_zip, write_directory):
        write_it(tmp_path, example_bundle())
        with pytest.raises(FileExistsError):
            write_it(tmp_path, example_bundle())


def test_the_core_is_the_same_in_every_bundle(tmp_path: Path) -> None:
    made, _ = forging.chain()
    size = len(made.leaves)
    stamped = Stamped(made.body(), b"tsq", b"tsr", b"cms", b"sm2")
    deposit = Deposit(forging.t0()[0])
    one = flat(bundle([deposit], stamped=[stamped]))
    two = flat(bundle([deposit], stamped=[replace(stamped)], more={layout.EVENTS: b""}))
    for files in (one, two):
        assert layout.body(size) in files
    core = [path for path in one if path.startswith(layout.CORE)]
    assert core == [path for path in two if path.startswith(layout.CORE)]
    assert all(one[path] == two[path] for path in core)


def test_a_certificate_of_another_bundle_is_named(tmp_path: Path) -> None:
    files = flat(example_bundle())
    for named in ({"contents": "00" * 32}, {}, []):
        forged = sealed_again({**files, layout.CERTIFICATE_JSON: format_json(named)})
        checked: CheckedBundle = check_bundle(_archive(tmp_path, forged), Trust(anchor()))
        assert Flaw.CERTIFICATE in checked.flaws
        assert checked.code is ResultCode.V207
        assert [each.outcome for each in checked.findings if each.step == 8] == [
            Outcome.NOT_CHECKED
        ] * 2
