"""What the kit is made of: our own sources byte for byte, nothing foreign, the same every time."""

import ast
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from node.export.bundle import layout
from node.export.kit import generating
from node.export.kit.files import HOW_TO, VERIFY_SH, kit, kit_files
from node.export.kit.standin.shelf import IN_PLACE_OF, OLDEST, without_match
from node.words import Notice
from tests.node.export.bundle.test_bundle_outside import World

ROOT = Path(__file__).parents[4]
OTHERS = {"nacl", "cryptography"}


def embedded() -> dict[str, str]:
    """The strings of verify.py, as Python reads them."""
    found = {}
    for node in ast.parse(kit()["verify.py"]).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            found[ast.literal_eval(node.targets[0].slice)] = ast.literal_eval(node.value)
    return found


def test_every_source_is_the_repositorys_byte_for_byte() -> None:
    found = embedded()
    assert len(found) > 70
    for path, source in found.items():
        assert source == (ROOT / path).read_text("utf-8"), path
    head = kit()["verify.py"].decode().partition("\n\n\n# ---")[0]
    assert head.endswith((ROOT / "node/export/kit/standin/shelf.py").read_text("utf-8").rstrip())


def test_made_again_it_is_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "node.export.kit", tmp_path]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kit()


def test_every_bundle_has_the_same_kit(files: dict[str, bytes]) -> None:
    assert kit_files().items() <= files.items()
    assert all(layout.has_place(path) for path in kit_files())
    named = {path.rpartition("/")[2] for path in kit_files()}
    assert named == {
        "verify.py",
        "verify.sh",
        "verify.html",
        "HOW-TO-VERIFY.html",
        "trust-anchors.txt",
    }


def test_it_needs_the_standard_library_alone() -> None:
    """Whatever is imported is embedded, stood in for, or Python's own."""
    found = embedded()
    for source in found.values():
        for name in generating.imported(source):
            top = name.partition(".")[0]
            assert top in sys.stdlib_module_names | OTHERS | {"node"}, name
            if top in OTHERS:
                assert any(name.startswith(each) for each in IN_PLACE_OF), name
            if top == "node" and name not in IN_PLACE_OF and generating._path(name) is not None:
                assert generating._path(name) in found, name
    assert not any(path.startswith("node/evidence/sm2") for path in found)


def test_every_source_is_read_by_the_oldest_python() -> None:
    """As far as its grammar goes: `match` is spelled out for it, and nothing newer is used."""
    for path, source in embedded().items():
        ast.parse(without_match(source), path, feature_version=OLDEST)


def test_the_loader_takes_nothing_from_the_machine(tmp_path: Path) -> None:
    """Not even if the libraries are installed: with `-I` their folder is still searched."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import verify; verify.install();"
        "import nacl.signing, node.evidence.sm2, cryptography.hazmat.primitives.hashes as h;"
        "print(nacl.signing.__name__, node.evidence.sm2.__name__, h.__name__)"
    )
    (tmp_path / "verify.py").write_bytes(kit()["verify.py"])
    command = [sys.executable, "-I", "-c", code, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [each.split(".")[3] for each in done.stdout.split()] == ["standin"] * 3


def test_the_steps_by_hand_do_what_the_page_says(bag: Path, trusted: Path, world: World) -> None:
    """Every command of the page, in its order, in a bundle."""
    page = kit()[HOW_TO].decode()
    blocks = [
        html.unescape(each) for each in re.findall(r'<pre class="sh">(.*?)</pre>', page, re.S)
    ]
    assert len(blocks) == 11
    number = world.deposit().number
    done = subprocess.run(
        ["sh"],
        input="\n".join(f"echo '== {at}'\n{block}" for at, block in enumerate(blocks, -1)),
        capture_output=True,
        text=True,
        check=False,
        cwd=bag,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "NO": number,
            "FILE": layout.original(1, number),
            "ROOTS": str(trusted),
        },
    )
    steps = re.split(r"== -?\d\n", done.stdout)[2:]
    lines = [step.splitlines() for step in steps]
    assert lines[0] == [f"{lines[0][0][:64]}  {layout.CONTENTS}"]
    assert lines[1][-2].startswith(lines[1][-1])
    assert lines[2][0] == lines[2][1]
    assert lines[2][2] == lines[2][3]
    verified = "Signature Verified Successfully"
    assert (lines[3].count(verified), lines[5].count(verified)) == (4, 4)
    assert lines[4][0] == lines[4][1]
    assert len(lines[4]) == 2
    assert lines[5][1][:64] == lines[5][2]
    assert lines[6][0].startswith("联签时间")
    assert lines[7][0] == "Verification: OK"
    assert lines[8] == ["data/06-certificates/platform-sm2.pem: OK", "Verified OK"]
    assert lines[9] == ["1"]
    assert "CMS Verification successful" in done.stderr


def test_the_page_is_still_and_says_what_is_not_proven() -> None:
    page = kit()[HOW_TO].decode()
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=", page)
    assert "default-src 'none'" in page
    assert "@page { size: A4" in page
    for notice in (Notice.SCOPE, Notice.RESAVING):
        assert notice.zh in page
        assert notice.en in page
    assert [int(n) for n in re.findall(r"<h2><b>(\d)</b>", page)] == list(range(9))


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed here")
def test_verify_sh_is_clean(tmp_path: Path) -> None:
    script = tmp_path / VERIFY_SH
    script.write_bytes(kit()[VERIFY_SH])
    done = subprocess.run(["shellcheck", "-s", "sh", script], capture_output=True, text=True)
    assert done.stdout == ""
