"""Keys and certificates for the tests of this folder; all of it follows from the seeds."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devnet.certificates import Issuer, Names, Validity, make_root
from node.evidence.keys import P256, Signer
from node.export.signing.certificate import Certificate
from node.export.signing.credential import Credential

NOW_S = 1_795_000_000
"""2026-11-18; certificates are valid a year before and after."""
YEAR_S = 365 * 86_400
AROUND = Validity(NOW_S - YEAR_S, NOW_S + YEAR_S)


def signer(seed: str, algorithm: str = P256) -> Signer:
    """A key that is nobody's."""
    return Signer(sha256(seed.encode()).digest(), algorithm)


def root(seed: str = "root", algorithm: str = P256, validity: Validity = AROUND) -> Issuer:
    """A root; those of other seeds have the same name."""
    return make_root(signer(seed, algorithm), Names("Test Root", "测试机构"), validity, 1)


def below(issuer: Issuer, seed: str = "middle", validity: Validity = AROUND) -> Issuer:
    """An authority below another."""
    key = signer(seed, issuer.signer.public.algorithm)
    return issuer.issue_authority(key, Names("Test Issuing CA", "测试机构"), validity, 2)


def holder(
    issuer: Issuer, *between: Certificate, seed: str = "leaf", validity: Validity = AROUND
) -> Credential:
    """Somebody who signs, of the issuer's suite."""
    key = signer(seed, issuer.signer.public.algorithm)
    leaf = issuer.issue(key.public, Names("Test Platform", "测试平台"), validity, 77)
    return Credential(key, (leaf, *between))


def stamper(
    issuer: Issuer, *between: Certificate, seed: str = "tsa", validity: Validity = AROUND
) -> Credential:
    """Somebody who stamps."""
    key = signer(seed)
    name = Names("Test TSA", "测试平台")
    leaf = issuer.issue_timestamping(key.public, name, validity, 78)
    return Credential(key, (leaf, *between))


@dataclass(frozen=True, slots=True)
class Said:
    """What a stock tool said."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.code == 0


def openssl(directory: Path, command: str) -> Said:
    """Run a command of the system's OpenSSL there."""
    done = subprocess.run(
        ["openssl", *command.split()], cwd=directory, capture_output=True, text=True, check=False
    )
    return Said(done.returncode, done.stdout + done.stderr)
