"""Hostile archives before those who take archives: the program, verify.py and verify.html.

verify.sh takes a directory that somebody has unpacked, and names what it finds there.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from node.export.bundle import layout
from tests.node.export.bundle.bundles import write, zipped
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.four.rows import NOT_VALID
from tests.node.export.four.verifiers import Court, kit_html, kit_py, kit_sh, program
from tests.node.export.kit.handed_over import handed_over
from tests.node.export.page.browser import Opened

Files = dict[str, bytes]
TOP = "EVB"
SPOT = "data/06-certificates/"


def with_entry(files: Files, name: str, data: bytes = b"x", mode: int = 0o100644) -> bytes:
    """One entry more, of this very name."""
    out = io.BytesIO(zipped(files, TOP))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename, info.create_system, info.external_attr = name, 3, mode << 16
        archive.writestr(info, data)
    return out.getvalue()


def twice(files: Files) -> bytes:
    name = next(path for path in files if path.endswith(layout.PROOF))
    with pytest.warns(UserWarning, match="Duplicate name"):
        return with_entry(files, f"{TOP}/{name}", b"another proof")


def bomb(files: Files) -> bytes:
    """Sixteen MiB of nothing in sixteen KiB."""
    original = next(path for path in files if path.endswith(".bin"))
    return zipped({**files, original: bytes(16 << 20)}, TOP, zipfile.ZIP_DEFLATED)


ARCHIVES: Mapping[str, tuple[Callable[[Files], bytes], str]] = {
    "a bomb": (bomb, "EXPANDS"),
    "../": (lambda files: with_entry(files, f"{TOP}/../x"), "OUTSIDE"),
    "../ deep inside": (lambda files: with_entry(files, f"{TOP}/{SPOT}../../../../x"), "OUTSIDE"),
    "an absolute path": (lambda files: with_entry(files, "/etc/passwd"), "OUTSIDE"),
    "a drive letter": (lambda files: with_entry(files, "C:/x"), "OUTSIDE"),
    "a symbolic link": (
        lambda files: with_entry(files, f"{TOP}/{SPOT}x.pem", b"/etc/passwd", 0o120777),
        "LINK",
    ),
    "a device": (lambda files: with_entry(files, f"{TOP}/{SPOT}x.pem", b"", 0o020666), "SPECIAL"),
    "one entry twice": (twice, "DUPLICATE"),
    "a line feed in a name": (lambda files: with_entry(files, f"{TOP}/{SPOT}a\nb"), "CONTROL"),
    "an escape sequence in a name": (
        lambda files: with_entry(files, f"{TOP}/{SPOT}\x1b[2J"),
        "CONTROL",
    ),
    "a name that turns text around": (
        lambda files: with_entry(files, f"{TOP}/{SPOT}\u202emep.exe"),
        "DIRECTION",
    ),
    "bytes behind the archive": (lambda files: zipped(files, TOP) + b"x", "APPENDED"),
    "bytes in front of it": (lambda files: b"x" + zipped(files, TOP), "PREPENDED"),
    "half an archive": (lambda files: zipped(files, TOP)[:4000], "NOT_A_ZIP"),
    "an archive of no bytes": (lambda _: b"", "NOT_A_ZIP"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_three_name_what_is_wrong_with_it(
    name: str, world: World, page: Opened, tmp_path: Path
) -> None:
    make, flaw = ARCHIVES[name]
    data, court = make(handed_over(world)), Court.of(world, tmp_path / "anchors")
    archive = tmp_path / "EVB_x.zip"
    archive.write_bytes(data)
    told = program(archive, court), kit_py(archive, court), kit_html(data, court, page)
    for said in told:
        assert flaw in said.flaws
        assert said.word == NOT_VALID
        assert 0 in said.steps
        assert "\u202e" not in said.text
        assert "\x1b" not in said.text
    assert len({(each.code, each.steps, each.flaws) for each in told}) == 1


DIRECTORIES: Mapping[str, tuple[str, str]] = {
    "a line feed in a name": (f"{SPOT}a\nb.pem", "CONTROL"),
    "a name that turns text around": (f"{SPOT}\u202emep.exe", "DIRECTION"),
    "a name that is a command": (f"{SPOT}$(touch owned).pem", "CHARACTERS"),
    "a name that is an option": (f"{SPOT}-rf", "NO_PLACE"),
    "a file without a place": ("data/13-more/x", "NO_PLACE"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DIRECTORIES)
def test_the_same_unpacked(name: str, world: World, tmp_path: Path) -> None:
    path, flaw = DIRECTORIES[name]
    court = Court.of(world, tmp_path / "anchors")
    bag = write(tmp_path / "bag", {**handed_over(world), path: b"x"})
    for said in (program(bag, court), kit_py(bag, court)):
        assert said.word == NOT_VALID
        assert said.steps == {0}
        assert flaw in said.flaws
    said = kit_sh(bag, court)
    assert (said.word, said.steps) == (NOT_VALID, {0})
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.slow
def test_a_link_in_a_directory(world: World, tmp_path: Path) -> None:
    court = Court.of(world, tmp_path / "anchors")
    bag = write(tmp_path / "bag", handed_over(world))
    (bag / SPOT / "x.pem").symlink_to("/etc/passwd")
    for said in (program(bag, court), kit_py(bag, court)):
        assert (said.word, said.steps, said.flaws) == (NOT_VALID, {0}, {"LINK"})
    said = kit_sh(bag, court)
    assert (said.word, said.steps) == (NOT_VALID, {0})
