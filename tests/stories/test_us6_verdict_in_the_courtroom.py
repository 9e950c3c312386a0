"""US-6, a judge gives a verdict in the courtroom: "I scan the QR on the exhibit and drop the
party's file." Told here is what needs no network: the page of the bundle, opened from a disk.

On a projector, at most three clicks after opening: one banner with its code, a row for every step,
and what is not proven seen without scrolling; a byte changed is one answer, a file that nobody
deposited another; and not a byte of the file leaves the page, nor is anything asked of a network.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from node.client.hashing import hash_file
from node.evidence.item import Opening
from node.evidence.policy import fingerprint
from node.evidence.proof_text import format_proof
from node.export.bundle.core import Deposit
from node.words import Answer, Notice, ResultCode
from tests.node.export.bundle.bundles import bundle, flat, zipped
from tests.node.export.page.browser import HTML, PROJECTOR, opened
from tests.node.export.page.conftest import launched
from tests.vectors.example_chain import Chain

__all__ = ["launched"]

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20
SIZE = 50 * MEGABYTE
CLICKS_MAX = 3
PATIENCE_MS = 100_000
"""A busy machine's; that it takes at most 30 s is measured where nothing else is."""


class Exhibits:
    """A party's recording, an exhibit beside it, and the bundles a court was handed of them."""

    def __init__(self, folder: Path) -> None:
        self.recording = folder / "recording.mp4"
        self.recording.write_bytes(os.urandom(MEGABYTE) * (SIZE // MEGABYTE))
        read = hash_file(self.recording).digests
        chain = Chain(seed="courtroom")
        chain.enrol("gateway", "gateway")
        chain.enrol("depositor", "depositor")
        opening = Opening(chain.salt(), tuple(read.digests.items()), read.size, None)
        made = chain.deposit([b""], openings=[opening]), chain.deposit([b"minutes\n"])
        proofs = [chain.proof(each, size=each.leaf + 1) for each in made]
        deposits = [Deposit(format_proof(each)) for each in proofs]
        self.fingerprint = fingerprint(chain.policies[-1].policy_text)
        self.own = self._handed_over(folder, deposits[:1])
        self.case = self._handed_over(folder, deposits)

    def _handed_over(self, folder: Path, deposits: list[Deposit]) -> Path:
        whole = bundle(deposits)
        path = folder / f"{whole.name}-{len(deposits)}.zip"
        path.write_bytes(zipped(flat(whole), whole.name))
        return path


class Courtroom:
    """What the judge does, and how many clicks it takes."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.clicks += 1

    def verdict(self, code: ResultCode) -> tuple[str, str, str]:
        """The one banner: its words, its mark and its code."""
        banner = self.page.locator(".banner")
        expect(banner).to_have_count(1, timeout=PATIENCE_MS)
        assert banner.get_attribute("data-code") == code.name
        words = banner.locator("h2").text_content() or ""
        assert words == code.answer.zh
        return words, banner.locator(".mark").inner_text().strip(), code.name

    def ask(self, fingerprint: str, *files: Path) -> None:
        """One click chooses the files, the fingerprint is typed from the notice, one verifies."""
        self.clicks = 0
        with self.page.expect_file_chooser() as chooser:
            self.click("label[for=files], #files")
        chooser.value.set_files(list(files))
        expect(self.page.locator("#chosen li")).to_have_count(len(files))
        self.page.fill("#fingerprint", fingerprint)
        self.click("#go")


@pytest.mark.timeout(400)
def test_the_partys_file_is_judged_without_a_network(launched: Browser, tmp_path: Path) -> None:
    exhibits = Exhibits(tmp_path)
    with opened(launched) as found:  # Offline, a fresh cache; and whatever is asked for is noted.
        court, page = Courtroom(found.page), found.page

        # The file of 50 MB is the deposited one.
        court.ask(exhibits.fingerprint, exhibits.own, exhibits.recording)
        same = court.verdict(ResultCode.V001)
        assert court.clicks <= CLICKS_MAX
        for selector in (".banner", ".not-proven"):
            box = page.locator(selector).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= PROJECTOR["height"], selector
        assert Notice.SCOPE.zh in page.locator(".not-proven").inner_text()
        rows = page.locator("details.part").first.locator(".step")
        assert [row.get_attribute("data-step") for row in rows.all()] == list("012345678")
        assert {row.get_attribute("data-outcome") for row in rows.all()[:7]} == {"passed"}

        # One byte of it is another.
        with exhibits.recording.open("r+b") as file:
            file.seek(SIZE // 2)
            (byte,) = file.read(1)
            file.seek(SIZE // 2)
            file.write(bytes([byte ^ 1]))
        page.click("#again")
        court.ask(exhibits.fingerprint, exhibits.own, exhibits.recording)
        changed = court.verdict(ResultCode.V102)
        assert court.clicks <= CLICKS_MAX
        assert Notice.RESAVING.zh in page.locator(".banner").inner_text()

        # Nobody deposited this one, under no number of the case.
        unknown = tmp_path / "unknown.bin"
        unknown.write_bytes(b"never deposited")
        page.click("#again")
        court.ask(exhibits.fingerprint, exhibits.case, unknown)
        nobody = court.verdict(ResultCode.V101)
        assert nobody[0] == Answer.NOT_FOUND.zh

        # Three screens that differ in text, mark and code; and nothing left this one.
        assert all(len(set(each)) == 3 for each in zip(same, changed, nobody, strict=True))
        assert found.requests == [f"file://{HTML}"]
