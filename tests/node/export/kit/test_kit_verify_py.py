"""verify.py against the program it is made of, on the bundles of attackers too."""

import os
import shutil
from pathlib import Path

import pytest

from node.evidence.proof_text import parse_proof
from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.bundle.core import Deposit
from node.export.bundle.trust import Trust
from node.export.vouching import vouching
from node.words import WRONG_USAGE_EXIT_CODE, Answer
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import bundle, example_bundle, flat, write, zipped
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.kit.handed_over import (
    DECLARED,
    answer,
    certified,
    handed_over,
    verify_py,
    whole_world,
)

ATTACKS = {
    "T0": ("V001", []),
    "T1": ("V102", [1]),
    "T1b": ("V200", [0]),
    "T2": ("V201", [2]),
    "T2b": ("V201", [3, 4]),
    "T3": ("V206", [5, 7, 8]),
}


def forged(world: World, attack: str) -> dict[str, bytes]:
    """The bundle an attacker hands over, with all made right again that can be."""
    if attack == "T3":
        theirs = whole_world("forger", forging.FORGED)
        return handed_over(theirs, (theirs.deposit().proof_bytes, forging.FORGED))
    if attack == "T0":
        return handed_over(world)
    data, original = forging.FORGERIES[attack]()
    if attack != "T1b":
        return handed_over(world, (data, original))
    files, number = handed_over(world), world.deposit().number
    files[layout.record(number, layout.PROOF)] = data
    files[layout.original(1, number)] = original
    return certified(world, files)


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_says_what_the_program_says(
    attack: str, world: World, trusted: Path, tmp_path: Path
) -> None:
    bag = write(tmp_path / "bag", forged(world, attack))
    found = answer(verify_py(bag, trusted, "--json"))
    checked = check_bundle(bag, world.trust(), verifiers=vouching(NOW_S))
    code, steps = ATTACKS[attack]
    assert found["code"] == checked.code.name == code
    (deposit,) = found["deposits"]
    failed = {each["step"] for each in deposit["verdict"]["findings"] if each["code"]}
    assert sorted(failed) == steps
    assert without_words(found) == without_words(checked.to_json())


def without_words(value: object) -> object:
    """The same without sentences: they tell what has expired by the clock of the day."""
    if isinstance(value, dict):
        return {k: without_words(v) for k, v in value.items() if k not in ("zh", "en")}
    return [without_words(each) for each in value] if isinstance(value, list) else value


def test_people_are_told_every_step(bag: Path, trusted: Path) -> None:
    said = verify_py(bag, trusted)
    assert said.code == Answer.CONSISTENT_OPEN_POINTS.exit_code
    assert set(said.steps("PASS")) == set(range(9))
    assert said.steps("FAIL") == said.steps("NOT CHECKED") == []
    assert "V001  一致，有待审查事项" in said.out
    archive = bag.parent / "EVB.zip"
    archive.write_bytes(zipped({"data/x": b""}))
    assert verify_py(archive, trusted).code == Answer.PROOF_NOT_VALID.exit_code


def test_without_anchors_nothing_is_consistent(bag: Path) -> None:
    said = verify_py(bag, None)
    assert said.code == Answer.COULD_NOT_CHECK.exit_code
    assert "V204" in said.out


def test_wrong_usage_is_no_answer(bag: Path, trusted: Path, tmp_path: Path) -> None:
    inside = bag / "data" / "06-certificates"
    other = tmp_path / "anchors"
    other.mkdir()
    (other / "policy-fingerprint.txt").write_text("# nothing\n")
    for roots, more in (
        (inside, []),
        (other, []),
        (trusted / "tsa.pem", []),
        (trusted, ["--file", str(tmp_path / "none")]),
    ):
        said = verify_py(bag, roots, *more)
        assert said.code == WRONG_USAGE_EXIT_CODE, said
        assert "Traceback" not in said.err
        assert said.out == ""


def test_files_in_hand_are_compared(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", flat(example_bundle(full=False)))
    sample = tmp_path / "sample"
    sample.write_bytes(b"another")
    assert verify_py(bag, None, "--file", str(sample)).code == WRONG_USAGE_EXIT_CODE
    number = "EV20261121000000000000-76"
    found = answer(verify_py(bag, None, "--file", f"{number}={sample}", "--json"))
    findings = [each["verdict"]["findings"] for each in found["deposits"]]
    assert [[f["outcome"] for f in each if f["step"] == 1] for each in findings] == [
        ["failed"],
        ["not checked"],
    ]


def pythons() -> list[str]:
    """Other Pythons of this machine, from the oldest that is taken on."""
    named = [shutil.which(f"python3.{minor}") for minor in range(9, 16)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = sorted(str(each) for each in pyenv.glob("3.*/bin/python3") if _minor(each) >= 9)
    return kept or [each for each in named if each is not None]


def _minor(python: Path) -> int:
    return int(python.parents[1].name.split(".")[1])


@pytest.mark.slow
@pytest.mark.parametrize("python", pythons())
def test_every_python_says_the_same(
    python: str, world: World, trusted: Path, tmp_path: Path
) -> None:
    bag = write(tmp_path / "bag", handed_over(world))
    assert verify_py(bag, trusted, "--json", python=python).out == (
        verify_py(bag, trusted, "--json").out
    )


def test_the_honest_bundle_has_all_there_is(world: World, files: dict[str, bytes]) -> None:
    """So the tests above do not pass for want of something to check."""
    number = world.deposit().number
    assert files[layout.record(number, layout.DECLARED)] == DECLARED
    assert parse_proof(files[layout.record(number, layout.PROOF)]).number == number
    for path in (layout.CERTIFICATE_CMS, layout.CERTIFICATE_SM2, layout.original(1, number)):
        assert path in files
    own = Deposit(files[layout.record(number, layout.PROOF)])
    assert bundle([own]).name.startswith(f"EVB_{number}_")
    assert check_bundle(Path("/nonexistent"), Trust()).code.answer is Answer.COULD_NOT_CHECK
