"""verify.html is what its sources give, and says the words of the product."""

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import node.export.page
from node.export.page import words
from tests.node.export.page.browser import HTML

SOURCES = Path(node.export.page.__path__[0])
OFFLINE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENOTCACHED|network")
HTML_SIZE_MAX = 256 * 1024
FILE_LINES_MAX = 450


def test_the_words_are_those_of_the_product() -> None:
    assert words.FILE.read_text("utf-8") == words.text(), "run python -m node.export.page.words"


def test_script_and_style_are_the_ones_its_policy_names() -> None:
    page = HTML.read_text("utf-8")
    assert len(page.encode()) < HTML_SIZE_MAX
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page
    assert not re.search(r'(src|href)="|url\(|@import|\bimport\(', page.partition("<script>")[0])


def test_sources_are_short_and_none_is_left_out() -> None:
    files = [each for each in (SOURCES / "src").rglob("*.ts")]
    assert len(files) > 30
    assert all(each.read_text("utf-8").count("\n") <= FILE_LINES_MAX for each in files)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with their locked packages beside them."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed: the page cannot be built")
    copy = tmp_path_factory.mktemp("page") / "page"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    command = ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip("the package registry cannot be reached: the page cannot be built")
    assert done.returncode == 0, done.stderr
    return copy


@pytest.mark.slow
def test_the_page_is_what_its_sources_give(installed: Path) -> None:
    target = installed / "verify.html"
    subprocess.run(["node", "build.mjs", str(target)], cwd=installed, check=True)
    assert target.read_bytes() == HTML.read_bytes(), "run node build.mjs in node/export/page"


@pytest.mark.slow
def test_the_types_hold(installed: Path) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", "check"],
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
