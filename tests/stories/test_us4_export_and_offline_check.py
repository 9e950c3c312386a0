"""US-4, a law firm: "as counsel I download the full bundle, and my opponent's expert verifies it
with stock tools only, offline."

From the deposit to the expert's table: the gateway's bundle, the original put into it at counsel's
desk, and then nothing of ours but what lies in the bundle: verify.sh with coreutils, grep, sed,
xxd, sh and OpenSSL, and verify.py with Python alone. Anchors come from elsewhere.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from node.cli.main import main
from node.evidence.keys import SM2
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof, parse_proof
from node.export.bundle import layout
from node.export.bundle.core import Deposit, deposit_files
from node.export.signing.certificate import format_certificates
from node.gateway.bundles import bundling
from node.gateway.timestamps import stamping
from node.gateway.timestamps.stamping import ForCourts
from tests.node.export.bundle.bundles import sealed_again, write
from tests.node.export.certificate_samples import text_of, without_spaces
from tests.node.export.kit.handed_over import Said
from tests.node.export.kit.test_kit_verify_sh import TOOLS
from tests.node.export.paper import root
from tests.node.gateway.test_gateway_court_bundles import (
    PLATFORM,
    Authority,
    Court,
    authority,
    court,
    pdf_key,
    pdf_root,
)

__all__ = ["authority", "court"]

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(400)]

CHAT = "甲：9月1日交货。\n乙：好。\n".encode()
FORGED = "甲：9月2日交货。\n乙：好。\n".encode()
ALL_STEPS = [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
"""One line for every step of the deposit, and two of the package."""


@pytest.fixture
async def gateway(make_gateway: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Any:
    """It signs for courts, and has every checkpoint stamped as soon as there is one: the clock of
    a story stands still."""
    for each in (bundling, stamping):
        monkeypatch.setattr(each, "LOOK_EVERY_S", 0.01)
    return await make_gateway(for_courts=ForCourts(PLATFORM, (authority.asked,), 0, pdf_key()))


def digests_of(data: bytes) -> dict[str, str]:
    return {alg: hashlib.new(alg, data).hexdigest() for alg in ("sha256", "sm3")}


def publish(folder: Path, policy: bytes, seed: str = "") -> Path:
    """What courts and authorities publish; of another seed, that of others by the same names."""
    folder.mkdir()
    p256, sm2 = root(f"{seed}root"), root(f"{seed}sm2 root", SM2)
    platform = [] if seed else [pdf_root().pem]
    files = {
        "policy-fingerprint.txt": fingerprint(policy).encode(),
        "tsa.pem": format_certificates([p256.certificate]),
        "platform.pem": b"".join([format_certificates([p256.certificate]), *platform]),
        "platform-sm2.pem": format_certificates([sm2.certificate]),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@dataclass
class Expert:
    """A table with a bundle, stock tools and no network where that can be had."""

    folder: Path

    def __post_init__(self) -> None:
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        for name in TOOLS:
            if (found := shutil.which(name)) is not None:
                (self.tools / name).symlink_to(found)
        cut_off = [shutil.which("unshare") or "unshare", "--map-root-user", "--net"]
        tried = shutil.which("unshare") and not subprocess.run([*cut_off, "true"]).returncode
        self.cut_off = cut_off if tried else []

    def sh(self, bag: Path, anchors: Path) -> Said:
        """`ROOTS=/trusted sh verify.sh`, where it lies."""
        return self._run(bag, [self.tools / "sh", "verify.sh"], ROOTS=str(anchors))

    def py(self, bag: Path, anchors: Path) -> Said:
        """`python3 -I verify.py --anchors /trusted`."""
        command = [sys.executable, "-I", "verify.py", "--anchors", anchors]
        return self._run(bag, command)

    def _run(self, bag: Path, command: list[Any], **environment: str) -> Said:
        done = subprocess.run(
            [str(each) for each in [*self.cut_off, *command]],
            cwd=bag / layout.VERIFY,
            env={"PATH": str(self.tools), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return Said(done.returncode, done.stdout, done.stderr)


def files_of(bag: Path) -> dict[str, bytes]:
    found = (each for each in bag.rglob("*") if each.is_file())
    return {str(each.relative_to(bag)): each.read_bytes() for each in found}


def rewritten(files: Mapping[str, bytes], number: str) -> dict[str, bytes]:
    """T2: original, opening and item agree with each other. No certificate that would tell."""
    proof: Proof = parse_proof(files[layout.record(number, layout.PROOF)])
    assert proof.opening is not None
    digests = {alg: bytes.fromhex(digest) for alg, digest in digests_of(FORGED).items()}
    told = tuple((alg, digests[alg]) for alg, _ in proof.opening.digests)
    opening = replace(proof.opening, digests=told, size=len(FORGED))
    forged = format_proof(replace(proof, opening=opening, page=(opening.item(),)))
    kept = {path: data for path, data in files.items() if "/certificate." not in path}
    kept |= deposit_files(Deposit(forged)) | {layout.original(1, number): FORGED}
    return sealed_again(kept)


async def full_bundle(court: Court, policy: Path, folder: Path) -> tuple[str, Path]:
    """Deposited, stamped, exported, and completed with the original where that lies."""
    original = folder / "聊天记录.txt"
    original.write_bytes(CHAT)
    body = {"digests": digests_of(CHAT), "size": len(CHAT), "details": {"file_name": original.name}}
    number: str = (await court.client.anchor(body)).json()["evidence_no"]
    await court.stamped(number)
    archive = await court.bundle(number)
    line = ["export", "--bundle", str(archive), "--with", f"{number}={original}"]
    line += ["--format", "directory", "--out", str(folder / "full"), "--policy", str(policy)]
    assert await anyio.to_thread.run_sync(main, line) == 0
    (bag,) = (folder / "full").iterdir()
    return number, bag


async def test_an_opponents_expert_verifies_offline(
    court: Court, cluster: Any, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_bytes(cluster.policy_text)
    number, bag = await full_bundle(court, policy, tmp_path)
    trusted = publish(tmp_path / "trusted", cluster.policy_text)
    expert = Expert(tmp_path)
    assert os.listdir(bag / layout.EVIDENCE) == [f"001_{number}.bin"]

    # Every step passes, by two programs that share no line.
    said = await anyio.to_thread.run_sync(expert.sh, bag, trusted)
    assert said.code == 0, said.out
    assert sorted(said.steps("PASS")) == ALL_STEPS
    assert said.steps("FAIL") == said.steps("NOT CHECKED") == []
    said = await anyio.to_thread.run_sync(expert.py, bag, trusted)
    assert said.code == 10, said.out
    assert set(said.steps("PASS")) == set(range(9))
    assert said.steps("FAIL") == said.steps("NOT CHECKED") == []

    # What is printed as the digest of the list of contents is that of the file in the bag.
    files = files_of(bag)
    digest = hashlib.sha256(files[layout.CONTENTS]).hexdigest()
    assert digest in without_spaces(text_of(files[layout.CERTIFICATE_PDF]))
    assert digest in (await anyio.to_thread.run_sync(expert.sh, bag, trusted)).out

    # T1, a byte of the original; T2, with opening and item; T3, all of it by other keys.
    other = publish(tmp_path / "others", cluster.policy_text + b"#", seed="another ")
    changed = sealed_again({**files, layout.original(1, number): FORGED})
    for name, forged, anchors, code, steps in (
        ("T1", changed, trusted, 20, {1}),
        ("T2", rewritten(files, number), trusted, 30, {2}),
        ("T3", files, other, 30, {5, 7, 8}),
    ):
        place = write(tmp_path / name, forged)
        for program in (expert.sh, expert.py):
            said = await anyio.to_thread.run_sync(program, place, anchors)
            assert (said.code, set(said.steps("FAIL"))) == (code, steps), (name, said.out)
