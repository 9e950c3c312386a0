"""verify.html as a judge opens it: from a file, in a browser without a network.

with opened() as page:
    page.verify(proof, fingerprint, content)            as `cunzheng verify --json`
"""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import node

HTML = Path(node.__file__).parent / "export" / "kit" / "verify.html"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
PROJECTOR = {"width": 1366, "height": 768}

Json = dict[str, Any]


@dataclass
class Opened:
    """The page, what it asked for, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def call(self, name: str, *arguments: object) -> Any:
        """A function the page has for programs."""
        script = f"(given) => cunzheng.{name}(...given)"
        return self.page.evaluate(script, list(arguments))

    def verify(self, proof: bytes, fingerprint: str | None, content: bytes | None) -> Json:
        given = None if content is None else b64(content)
        return cast(Json, self.call("verify", b64(proof), fingerprint, given))

    def verify_bundle(
        self,
        archive: bytes,
        fingerprint: str | None,
        roots: Sequence[tuple[str, bytes]] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> Json:
        pems = [{"name": name, "pem": b64(pem)} for name, pem in roots]
        brought = {number: b64(data) for number, data in (files or {}).items()}
        return cast(Json, self.call("verifyBundle", b64(archive), fingerprint, pems, brought))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Debian's chromium; a test that needs it is skipped where it is not installed."""
    if not shutil.which(CHROMIUM):
        pytest.skip("chromium is not installed: the page cannot be opened")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield launched
        finally:
            launched.close()


@contextlib.contextmanager
def opened(launched: Browser, locale: str = "zh-CN") -> Iterator[Opened]:
    """The page from `file://` in a fresh context that is offline; whatever it asks for is noted,
    and so is whatever its policy refuses."""
    context = launched.new_context(viewport=PROJECTOR, locale=locale, offline=True)  # type: ignore[arg-type]
    result = Opened(context.new_page())
    result.page.on("request", lambda request: result.requests.append(request.url))
    result.page.on("console", lambda message: result.complaints.append(message.text))
    result.page.on("pageerror", lambda error: result.complaints.append(str(error)))
    try:
        result.page.goto(f"file://{HTML}")
        yield result
        # The page itself, and never anything else; saving a result is no request.
        assert [each for each in result.requests if not each.startswith("blob:")] == [
            f"file://{HTML}"
        ]
        assert result.complaints == []
    finally:
        context.close()
