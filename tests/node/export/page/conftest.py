"""One browser for a file of tests of the page, and one page for those that only ask it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.node.export.page.browser import Opened, browser, opened


@pytest.fixture(scope="module")  # Its event loop runs for as long: no async test may come within.
def launched() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(launched: Browser) -> Iterator[Opened]:
    with opened(launched) as found:
        yield found
