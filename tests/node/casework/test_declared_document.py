"""docs/declared.md says what the rules are, category by category."""

from pathlib import Path

import pytest

from node.casework.declared import BY_CATEGORY
from node.words import Category

DOCUMENT = Path(__file__).parents[3] / "docs" / "declared.md"


@pytest.mark.parametrize("category", Category)
def test_the_document_names_what_a_category_asks_for(category: Category) -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| `{category.name}`"))
    names, law = BY_CATEGORY[category]
    for name in names:
        spelled = "source.url" if name == "source_url" else name
        assert f"`{spelled}`" in row
    assert not names or law.en in row
