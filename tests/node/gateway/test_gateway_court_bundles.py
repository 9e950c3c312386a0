"""Bundles of a gateway that signs for courts and has its checkpoints stamped: what of it a court
counts, with roots that came another way, and what it does not count without them."""

import asyncio
import http.server
import re
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from node.evidence.keys import SM2
from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor
from node.evidence.verdict import Finding, Outcome
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.trust import Trust
from node.export.certificate.facts import parse_facts
from node.export.certificate.issuing import IssuingPoint
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.certificate.validation import judge_signatures
from node.export.signing.certificate import format_certificates
from node.export.signing.chain import Anchors
from node.export.signing.dual import Platform
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.client import Asked
from node.export.timestamps.response import REPLY_TYPE
from node.export.vouching import vouching
from node.gateway.bundles import bundling
from node.gateway.timestamps import stamping
from node.gateway.timestamps.stamping import ForCourts
from node.words import OpenPoint, ResultCode
from tests.node.export.certificate_samples import (
    PASSWORD,
    Issued,
    issue,
    poppler,
    text_of,
    without_spaces,
)
from tests.node.export.paper import holder, openssl, root, stamper

pytestmark = pytest.mark.anyio

DEPOSIT = {"digests": {"sha256": "ab" * 32}, "size": 23}
EVERY_S = 60
UNSIGNED = IssuingPoint.PDF_NOT_SIGNED
PLATFORM = Platform(holder(root()), holder(root("sm2 root", SM2), seed="sm2 leaf"))


@cache
def pdf_root() -> Issued:
    return issue("示例根 root")


@cache
def pdf_key() -> PdfSigningKey:
    return PdfSigningKey(issue("示例存证平台", pdf_root()).pkcs12(), PASSWORD)


@dataclass
class Authority:
    """The platform's own timestamp service behind real HTTP, by the clock of the test."""

    clock: Callable[[], int]
    down: bool = False
    serials: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000)))
    url: str = ""

    def answer(self, request: bytes) -> bytes:
        return TimestampService(stamper(root())).answer(request, self.clock(), next(self.serials))

    @property
    def asked(self) -> Asked:
        return Asked("one", self.url, Anchors((root().certificate,)))


@pytest.fixture
def authority(clock: Any) -> Iterator[Authority]:
    """Listens until the test is over."""
    made = Authority(clock)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["content-length"]))
            content = b"" if made.down else made.answer(request)
            self.send_response(503 if made.down else 200)
            self.send_header("content-type", REPLY_TYPE)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture
def signs_pdf() -> bool:
    """Whether the settings name a key for PDFs."""
    return True


@pytest.fixture
async def gateway(
    make_gateway: Any, authority: Authority, signs_pdf: bool, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Everything configured, and nobody waits to begin."""
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(stamping, "LOOK_EVERY_S", 0.01)
    key = pdf_key() if signs_pdf else None
    return await make_gateway(for_courts=ForCourts(PLATFORM, (authority.asked,), EVERY_S, key))


@dataclass
class Court:
    """Has bundles made and verifies them."""

    client: Any
    cluster: Any
    clock: Any
    eventually: Callable[..., Any]
    folder: Path

    async def deposit(self) -> str:
        response = await self.client.anchor(DEPOSIT)
        assert response.status_code == 201, response.text
        number: str = response.json()["evidence_no"]
        return number

    async def stamped(self, number: str) -> None:
        """Wait until a token reaches it."""

        async def over() -> bool:
            told = (await self.client.get(f"/v1/evidence/{number}/timestamp")).json()
            return bool(told.get("timestamped"))

        await self.eventually(over)

    async def bundle(self, number: str) -> Path:
        asked = (await self.client.post(f"/v1/evidence/{number}/bundles", {})).json()
        path, told = f"/v1/evidence/{number}/bundles/{asked['bundle_id']}", {}

        async def over() -> bool:
            told.update((await self.client.get(path)).json())
            return told["state"] in ("READY", "FAILED")

        await self.eventually(over)
        assert told["state"] == "READY", told
        archive = self.folder / f"{told['name']}.zip"
        archive.write_bytes((await self.client.get(told["download"])).content)
        return archive

    @property
    def anchor(self) -> Anchor:
        return Anchor(fingerprint=fingerprint(self.cluster.policy_text))

    @property
    def trust(self) -> Trust:
        roots = [
            format_certificates([each.certificate]) for each in (root(), root("sm2 root", SM2))
        ]
        return Trust(self.anchor, tsa_roots=(roots[0],), platform_roots=(*roots, pdf_root().pem))

    async def judge(self, pdf: bytes) -> tuple[Finding, ...]:
        """What the signatures inside a PDF are worth."""
        return await asyncio.to_thread(judge_signatures, pdf, self.trust, self.clock())

    def check(self, archive: Path, trust: Trust) -> CheckedBundle:
        return check_bundle(archive, trust, verifiers=vouching(self.clock() // 1000))


@pytest.fixture
def court(
    client: Any, cluster: Any, clock: Any, eventually: Callable[..., Any], tmp_path: Path
) -> Court:
    cluster.proofs_stay = True
    return Court(client, cluster, clock, eventually, tmp_path)


def files_of(archive: Path) -> dict[str, bytes]:
    opened = zipfile.ZipFile(archive)
    return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def of_step(findings: tuple[Finding, ...], step: int) -> set[Outcome]:
    found = {each.outcome for each in findings if each.step == step}
    assert found, findings
    return found


async def stamped_later(court: Court, authority: Authority) -> str:
    """A deposit that a token over a larger tree reaches."""
    authority.down = True
    number = await court.deposit()
    await court.deposit()
    court.clock.now += EVERY_S * 1000
    authority.down = False
    await court.stamped(number)
    return number


async def test_what_others_vouch_for_counts_with_roots_from_elsewhere(
    court: Court, authority: Authority
) -> None:
    """Token, path from the deposit's tree to the stamped one, both signatures of the body and of
    the certificate; steps 7 and 8 pass, and say whose timestamp it is."""
    number = await stamped_later(court, authority)
    archive = await court.bundle(number)
    files = files_of(archive)
    (body,) = [path for path in files if layout.parse_body(path) is not None]
    size = layout.parse_body(body)
    assert size is not None
    for path in (layout.token(size), layout.request(size), layout.body_cms(size)):
        assert files[path]
    assert files[layout.body_sm2(size)]
    assert files[layout.CERTIFICATE_CMS]
    assert files[layout.CERTIFICATE_SM2]
    (path,) = [each for each in files if each.startswith(f"{layout.TIMESTAMPS}consistency-")]
    assert path.endswith(f"-{size}.txt")
    checked = court.check(archive, court.trust)
    (one,) = checked.deposits
    assert checked.package_code is None, checked.findings
    assert one.verdict.consistent, checked.to_json()
    assert of_step(one.verdict.findings, 7) == {Outcome.PASSED}
    assert of_step(one.verdict.findings, 8) == {Outcome.PASSED}
    assert of_step(checked.findings, 8) == {Outcome.PASSED}
    assert OpenPoint.O03 in one.verdict.open_points
    assert not {OpenPoint.O08, OpenPoint.O14} & set(one.verdict.open_points)
    facts = parse_facts(files[layout.CERTIFICATE_JSON])
    assert [each.independent for each in facts.stamps] == [False]
    block = (await court.client.get(f"/v1/blocks/{facts.place.height}")).json()
    assert facts.place.block_hash == bytes.fromhex(block["block_hash"])


async def test_both_signatures_count_before_an_interval_reaches_the_deposit(
    court: Court, authority: Authority
) -> None:
    """A raw SM2 signature carries no certificate: the bundle encloses the platform's always."""
    await stamped_later(court, authority)
    archive = await court.bundle(await court.deposit())
    assert not [path for path in files_of(archive) if layout.parse_body(path) is not None]
    checked = court.check(archive, court.trust)
    assert of_step(checked.findings, 8) == {Outcome.PASSED}, checked.findings


async def test_nothing_enclosed_counts_without_them(court: Court, authority: Authority) -> None:
    """The same bytes: with the fingerprint alone both steps stay open, with nothing there is no
    answer, and with the roots of somebody else they fail."""
    archive = await court.bundle(await stamped_later(court, authority))
    alone = court.check(archive, Trust(court.anchor))
    (one,) = alone.deposits
    assert of_step(one.verdict.findings, 7) == {Outcome.NOT_CHECKED}
    assert of_step(one.verdict.findings, 8) == {Outcome.NOT_CHECKED}
    assert of_step(alone.findings, 8) == {Outcome.NOT_CHECKED}
    assert OpenPoint.O14 in one.verdict.open_points
    (nobody,) = court.check(archive, Trust()).deposits
    assert nobody.verdict.code is ResultCode.V204
    others = format_certificates([root("somebody else").certificate])
    (forged,) = court.check(archive, Trust(court.anchor, (others,), (others,))).deposits
    assert of_step(forged.verdict.findings, 7) == {Outcome.FAILED}
    assert of_step(forged.verdict.findings, 8) == {Outcome.FAILED}
    assert not forged.verdict.consistent


def pdfsig(folder: Path, *arguments: str) -> str:
    """What poppler says of a signature."""
    command = ["pdfsig", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def signed_part(pdf: bytes) -> bytes:
    """The bytes that the one signature is over."""
    (found,) = re.findall(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)\]", pdf)
    first, length, second, rest = map(int, found)
    return pdf[first : first + length] + pdf[second : second + rest]


async def test_the_certificate_is_signed_with_the_authoritys_time(court: Court) -> None:
    """PAdES B-T, by what others make of it: pyHanko, poppler, OpenSSL with the root alone."""
    pdf = files_of(await court.bundle(await court.deposit()))[layout.CERTIFICATE_PDF]
    found = await court.judge(pdf)
    assert [each.outcome for each in found] == [Outcome.PASSED] * 2, found
    assert without_spaces(UNSIGNED.zh) not in without_spaces(text_of(pdf))
    (court.folder / "certificate.pdf").write_bytes(pdf)
    (court.folder / "root.pem").write_bytes(pdf_root().pem)
    (court.folder / "signed").write_bytes(signed_part(pdf))
    if shutil.which("pdfsig") is None:
        pytest.skip("poppler-utils is not installed")
    said_by_poppler = pdfsig(court.folder, "-nocert", "certificate.pdf")
    assert "Signature is Valid" in said_by_poppler
    assert "Total document signed" in said_by_poppler
    pdfsig(court.folder, "-dump", "certificate.pdf")
    (dumped,) = court.folder.glob("certificate.pdf.sig*")
    said = openssl(
        court.folder,
        f"cms -verify -binary -inform DER -purpose any -in {dumped.name} -content signed"
        " -CAfile root.pem -out /dev/null -cades",
    )
    assert said.ok, said.text


async def test_an_authority_that_is_silent_holds_up_no_certificate(
    court: Court, authority: Authority
) -> None:
    """Signed all the same, by nobody's clock but the platform's."""
    authority.down = True
    pdf = files_of(await court.bundle(await court.deposit()))[layout.CERTIFICATE_PDF]
    assert [each.outcome for each in await court.judge(pdf)] == [Outcome.PASSED]


@pytest.mark.parametrize("signs_pdf", [False])
async def test_a_certificate_that_is_not_signed_says_so_on_page_1(court: Court) -> None:
    files = files_of(await court.bundle(await court.deposit()))
    facts = parse_facts(files[layout.CERTIFICATE_JSON])
    assert UNSIGNED.name in [each.code for each in facts.open_points]
    assert UNSIGNED.name.encode() in files[f"{layout.OPEN_ISSUES}open-issues.json"]
    pdf = files[layout.CERTIFICATE_PDF]
    first = poppler("pdftotext", pdf, "-raw", "-l", "1", "-", "-").decode()
    assert without_spaces(UNSIGNED.zh) in without_spaces(first)
    (judged,) = await court.judge(pdf)
    assert judged.outcome is Outcome.NOT_CHECKED
