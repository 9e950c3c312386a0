"""Originals are put into a bundle by whoever has them, without whoever signed its certificate."""

from pathlib import Path

import pytest

from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof
from node.export.bundle import layout
from node.export.bundle.assembling import NotTheOriginal, completed
from node.export.bundle.checking import check_bundle
from node.export.bundle.core import Deposit
from node.export.bundle.package import open_bag, read_package
from node.export.bundle.trust import Trust
from node.export.bundle.writing import Changed, hash_all, write_directory, write_zip
from node.export.kit.files import kit_files
from node.words import ResultCode
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
)
from tests.node.export.bundle.completing import complete

DEPOSITS = [deposit_of("example/sample"), deposit_of("example/log")]
PATHS = {
    DEPOSITS[0].number: EXAMPLE / "sample.txt",
    DEPOSITS[1].number: EXAMPLE / "log.txt",
}


def certified(files: dict[str, bytes]) -> dict[str, bytes]:
    """With a certificate that names the list of contents."""
    return sealed_again({**files, layout.CERTIFICATE_JSON: certificate_data(files)})


def test_originals_leave_what_is_signed_as_it_is(tmp_path: Path) -> None:
    """Completed, a bundle is the one that was made with its originals from the start."""
    empty = write(tmp_path / "digest", certified(flat(example_bundle(full=False))))
    full = complete(empty, PATHS, tmp_path)
    assert {
        str(path.relative_to(full)): path.read_bytes() for path in full.rglob("*") if path.is_file()
    } == certified(flat(example_bundle()))
    checked = check_bundle(full, Trust(anchor()))
    assert (checked.code, checked.package_code) == (ResultCode.V001, None)
    assert all(each.digests is not None for each in checked.deposits)
    again = complete(full, {}, tmp_path / "again")
    assert check_bundle(again, Trust(anchor())).to_json() == checked.to_json()


def test_a_changed_original_fails_at_step_1_and_in_the_lists(tmp_path: Path) -> None:
    empty = write(tmp_path / "digest", certified(flat(example_bundle(full=False))))
    full = complete(empty, PATHS, tmp_path)
    number = DEPOSITS[0].number
    original = full / layout.original(1, number)
    original.write_bytes(original.read_bytes()[:-1] + b"?")
    checked = check_bundle(full, Trust(anchor()))
    assert checked.package_code is ResultCode.V207
    assert [each.verdict.code.name for each in checked.deposits] == ["V102", "V001"]


def test_only_what_was_deposited_goes_in(tmp_path: Path) -> None:
    empty = write_directory(tmp_path, example_bundle(full=False))
    first, second = (each.number for each in DEPOSITS)
    swapped = {first: PATHS[second], second: PATHS[first]}
    with pytest.raises(NotTheOriginal) as told:
        complete(empty, swapped, tmp_path / "out")
    assert (told.value.number, told.value.recorded) == (first, True)
    public = Deposit(format_proof(public_form(DEPOSITS[0].proof)))
    closed = write(tmp_path / "closed", flat(bundle([public])))
    with pytest.raises(NotTheOriginal) as untold:
        complete(closed, {first: PATHS[first]}, tmp_path / "out")
    assert not untold.value.recorded
    assert not list((tmp_path / "out").iterdir())


def test_a_bundle_that_changes_while_it_is_completed_is_not_written(tmp_path: Path) -> None:
    empty = write(tmp_path / "in", flat(example_bundle(full=False)))
    with open_bag(empty) as bag:
        whole = completed(read_package(bag), {})
        changed = empty / layout.record(DEPOSITS[0].number, layout.PROOF)
        changed.write_bytes(changed.read_bytes().replace(b"1", b"2"))
        with pytest.raises(Changed):
            write_zip(tmp_path, whole)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in"]


def test_every_bundle_has_the_kit() -> None:
    for full in (True, False):
        files = example_bundle(full=full).files
        assert kit_files().items() <= files.items()
    assert hash_all(kit_files()).keys() <= example_bundle().payload.keys()
