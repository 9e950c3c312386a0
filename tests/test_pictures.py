"""The pictures that the documents show are there, small, and those that the command makes."""

import io
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import FOLDER, NAMES, SIZE_MAX, pictures, small

ROOT = Path(__file__).parent.parent
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
PICTURE = re.compile(r"!\[[^\]]+\]\((?:docs/)?images/([^)]+)\)")


def shown(document: Path) -> list[str]:
    return PICTURE.findall(document.read_text("utf-8"))


def test_every_picture_is_shown_and_every_one_shown_is_there() -> None:
    documents = (*READMES, *(ROOT / "docs").glob("*.md"))
    assert {name for each in documents for name in shown(each)} == set(NAMES)
    assert {each.name for each in FOLDER.iterdir()} == set(NAMES)
    assert [name for name in NAMES if (FOLDER / name).stat().st_size >= SIZE_MAX] == []


def test_both_read_mes_show_a_certificate_and_the_page_in_their_language() -> None:
    assert shown(READMES[0]) == ["certificate-1.png", "verify-page-en.png"]
    assert shown(READMES[1]) == ["certificate-1.png", "verify-page.png"]


@pytest.mark.slow
def test_they_can_be_made_again() -> None:
    """As many pages, as large: what they say changes with every word of the product."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("poppler-utils is not installed")
    made = {name: small(picture) for name, picture in pictures()}
    assert tuple(made) == NAMES
    for name, picture in made.items():
        with Image.open(io.BytesIO(picture)) as new, Image.open(FOLDER / name) as old:
            assert new.size == old.size, "run sh scripts/pictures"
