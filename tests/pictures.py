"""The pictures of the documents, made anew: `python -m tests.pictures [FOLDER]`.

One deposit of a sample, with all that can be known of it: its certificate and a verification record
as pages, and the offline page as it answers, on a projector and on paper. They follow from seeds
and one time, so that the same programs and fonts make the same pictures, but for the digits that
chance puts into signatures of P-256 and SM2. They are drawn by poppler and chromium.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from devnet.certificates import Issuer, Names, make_root
from node.accounts.vocabulary import IdType, ProofMethod
from node.evidence.keys import P256, SM2
from node.evidence.merkle import consistency_path
from node.evidence.policy import fingerprint
from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Verdict
from node.evidence.verify import verify
from node.export.bundle.core import Certificates, Deposit, Stamped
from node.export.bundle.manifest import hash_chunks
from node.export.certificate.drawing_up import Known, draw_up
from node.export.certificate.page import Typesetter
from node.export.certificate.parts import Case, Health, Platform, Versions, masked_depositor
from node.export.certificate.record import (
    Given,
    Record,
    Tool,
    verification_record,
    verified,
)
from node.export.certificate.rows import certificate
from node.export.certificate.vouched import certified, roots, stamp
from node.export.signing.algorithms import SHA256
from node.export.signing.certificate import format_certificates
from node.export.signing.chain import Anchors
from node.export.signing.credential import Credential
from node.export.signing.dual import Platform as SigningPlatform
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.export.timestamps.verifying import verify_response
from tests.node.export.bundle.bundles import bundle, flat, zipped
from tests.node.export.page.browser import HTML, PROJECTOR, browser
from tests.node.export.paper import AROUND, signer
from tests.vectors.example_chain import START_MS, Chain

FOLDER: Final = Path(__file__).parents[1] / "docs" / "images"
SAMPLE: Final = Path(__file__).parents[1] / "devnet" / "samples" / "买卖合同.pdf"
NAMES: Final = (
    *(f"certificate-{number}.png" for number in range(1, 6)),
    "verification-record-1.png",
    "verify-page.png",
    "verify-page-en.png",
    "verify-page-differs.png",
    "verify-page-a4.png",
)
SIZE_MAX: Final = 300_000
"""Bytes of one picture: they are kept in the repository."""
STAMPED_S = START_MS // 1000 + 60
ISSUED_MS = START_MS + 100_000
SEEN_S = START_MS // 1000 + 89_000
DPI = 80
DETAILS = {
    "title": "买卖合同（𠮷龘㐂）",
    "file_name": SAMPLE.name,
    "media_type": "application/pdf",
    "created_at": "2026-11-18T15:20:00+08:00",
    "collected_at": "2026-11-20T09:05:00+08:00",
    "collection_method": "SELF_CAPTURE",
    "original_status": "ORIGINAL",
    "document_nature": "ORDINARY",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is looked at: certificate and record as PDF, a bundle with its anchors from outside."""

    certificate: bytes
    record: bytes
    archive: bytes
    name: str
    fingerprint: str
    roots: tuple[tuple[str, bytes], ...]


def shown() -> Shown:
    """All of it, of one deposit."""
    content = SAMPLE.read_bytes()
    chain = Chain(seed="pictures")
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    deposited = chain.deposit([content], details=DETAILS)
    first, block_hash = deposited.leaf + 1, chain.block_hash
    chain.deposit([b"later"])
    length, body = len(chain.leaves), chain.body(None)
    stamps, p256, sm2 = (_root(each) for each in ("时间戳根", "签名根", "SM2 签名根"))
    platform = SigningPlatform(_credential(p256), _credential(sm2))
    request = format_request(TimestampRequest(Imprint.of(body, SHA256)))
    answer = TimestampService(_credential(stamps)).answer(request, STAMPED_S * 1000, 1)
    signed = platform.sign(body, STAMPED_S)
    path = consistency_path(first, length, chain.hashes(length))
    vouched = Stamped(body, request, answer, signed.p7s, signed.sm2, {first: path})
    issuers = {"platform-p256": p256, "platform-sm2": sm2, "tsa-example": stamps}
    enclosed = {k: format_certificates(_credential(each).chain) for k, each in issuers.items()}
    proof = chain.proof(deposited, 0, size=first)
    written = format_proof(proof)
    whole = bundle([Deposit(written)], stamped=[vouched], certificates=Certificates(enclosed))
    found = verify_response(answer, body, Anchors((stamps.certificate,)), STAMPED_S)
    known = Known(
        case=Case("（2026）浙0192民初1234号", "浙0192", "杭州互联网法院"),
        depositor=masked_depositor(
            "𠮷小明",
            IdType.ID_CARD,
            "11010519491231002X",
            ProofMethod.DOCUMENT_COMPARISON,
            ISSUED_MS - 90_000_000,
        ),
        channel="HTTP 接口",
        block_hash=block_hash,
        certificates=tuple(
            certified(_credential(each).leaf, "平台签名 platform's signature")
            for each in (p256, sm2)
        ),
        stamps=(stamp(found, "北斗授时"),),
        health=Health(ISSUED_MS - 600_000, ISSUED_MS, "全部成员在线", "all members up"),
        roots=roots([stamps.certificate, p256.certificate, sm2.certificate]),
        published_at="https://court.example.test/notice",
        platform=Platform("示例存证平台", "91350100M000100Y43", "示例备字001号"),
        versions=Versions("cunzheng 0.1.0", sha256(b"configuration").digest(), 1),
        url="https://verify.example.test/v",
        contents=sha256(b"contents").digest(),
    )
    policy = chain.policies[-1].policy_text
    verdict = verify(written, Anchor(policy_text=policy), _digests(content))
    facts = draw_up(proof, verdict, "CZ-20261121-0001", ISSUED_MS, known)
    typesetter = Typesetter()
    return Shown(
        typesetter.set(certificate(facts, written, policy)),
        typesetter.set(verification_record(_record(verdict, content, policy))),
        zipped(flat(whole), whole.name),
        whole.name,
        fingerprint(policy),
        tuple(
            (name, format_certificates([each.certificate]))
            for name, each in (("tsa.pem", stamps), ("platform.pem", p256), ("sm2.pem", sm2))
        ),
    )


def _record(verdict: Verdict, content: bytes, policy: bytes) -> Record:
    """Of whoever verified the sample."""
    given = Given("文件 file", SAMPLE.name, len(content), sha256(content).digest())
    return Record(
        "VR-20261122-0001",
        SEEN_S * 1000,
        (Tool("cunzheng", "0.1.0"), Tool("OpenSSL", "3.0")),
        (verified(verdict, (given,)),),
        "书记员 示例",
        fingerprint(policy),
    )


def pictures() -> Iterator[tuple[str, bytes]]:
    """Every picture and its name."""
    made = shown()
    for number, page in enumerate(_drawn(made.certificate), start=1):
        yield f"certificate-{number}.png", page
    yield "verification-record-1.png", next(_drawn(made.record))
    with tempfile.TemporaryDirectory() as folder, browser() as launched:
        right, other = Path(folder) / SAMPLE.name, Path(folder) / "买卖合同 (1).pdf"
        right.write_bytes(SAMPLE.read_bytes())
        other.write_bytes(SAMPLE.read_bytes() + b"\n")
        yield "verify-page.png", _answered(launched, made, right).screenshot()
        yield "verify-page-en.png", _answered(launched, made, right, "en-US").screenshot()
        yield "verify-page-differs.png", _answered(launched, made, other).screenshot()
        printed = _answered(launched, made, right).pdf(prefer_css_page_size=True)
        yield "verify-page-a4.png", next(_drawn(printed))


def _answered(launched: Browser, made: Shown, file: Path, locale: str = "zh-CN") -> Page:
    """The offline page with its answer about the bundle and this file."""
    context = launched.new_context(
        viewport={"width": PROJECTOR["width"], "height": PROJECTOR["height"]},
        locale=locale,
        offline=True,
    )
    page = context.new_page()
    page.clock.set_fixed_time(SEEN_S)
    page.goto(f"file://{HTML}")
    archive = file.with_name(f"{made.name}.zip")
    archive.write_bytes(made.archive)
    chosen = [archive, file]
    for name, pem in made.roots:
        chosen.append(file.with_name(name))
        chosen[-1].write_bytes(pem)
    page.set_input_files("#files", chosen)
    expect(page.locator("#chosen li")).to_have_count(len(chosen))
    page.fill("#fingerprint", made.fingerprint)
    page.click("#go")
    expect(page.locator(".banner")).to_have_count(1)
    return page


def _drawn(pdf: bytes) -> Iterator[bytes]:
    """Its pages."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["pdftoppm", "-r", str(DPI), "-png", "-", str(Path(folder) / "page")]
        subprocess.run(command, input=pdf, check=True)
        yield from (page.read_bytes() for page in sorted(Path(folder).iterdir()))


def small(picture: bytes) -> bytes:
    """The same in 256 colours, which is all there are but for the edges of letters."""
    with Image.open(io.BytesIO(picture)) as opened:
        few = opened.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def _digests(content: bytes) -> FileDigests:
    hashed = hash_chunks([content])
    return FileDigests(hashed.size, {"sha256": hashed.sha256, "sm3": hashed.sm3})


def _root(name: str) -> Issuer:
    key = signer(f"pictures {name}", SM2 if "SM2" in name else P256)
    return make_root(key, Names(f"示例{name}", "示例电子认证服务机构"), AROUND, 1)


def _credential(issuer: Issuer) -> Credential:
    """What the platform signs or stamps with."""
    subject = issuer.certificate.subject_text
    key = signer(f"{subject} leaf", issuer.signer.public.algorithm)
    stamps = "时间戳" in subject
    name = Names("示例时间戳" if stamps else "示例存证平台签名", "示例存证平台")
    if stamps:
        return Credential(key, (issuer.issue_timestamping(key.public, name, AROUND, 7),))
    return Credential(key, (issuer.issue(key.public, name, AROUND, 7),))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: small(picture) for name, picture in pictures()}
    assert tuple(made) == NAMES
    for name, picture in made.items():
        assert len(picture) < SIZE_MAX, name
        (folder / name).write_bytes(picture)
        print(f"{len(picture):>9,} bytes  {folder / name}")


if __name__ == "__main__":
    main()
