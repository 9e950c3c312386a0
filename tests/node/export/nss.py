"""A certificate store of NSS, which poppler's `pdfsig` trusts roots from; `certutil` makes one too.

    python tests/node/export/nss.py DIRECTORY ROOT.pem

A process of its own, because NSS keeps its state in whoever loads it. Exit code 3: not installed.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

MISSING = 3
TRUST = b"CT,C,C"


class _Trust(ctypes.Structure):
    _fields_ = (
        ("tls", ctypes.c_uint),
        ("mail", ctypes.c_uint),
        ("objects", ctypes.c_uint),
    )


def make(directory: Path, root: Path) -> int:
    """The store, with one root that is trusted; the exit code."""
    try:
        nss, smime = ctypes.CDLL("libnss3.so"), ctypes.CDLL("libsmime3.so")
    except OSError:
        return MISSING
    pointer = ctypes.c_void_p
    for function in (nss.PK11_GetInternalKeySlot, nss.CERT_GetDefaultCertDB):
        function.restype = pointer
    smime.CERT_DecodeCertFromPackage.restype = pointer
    pem, trust = root.read_bytes(), _Trust()
    failed = nss.NSS_InitReadWrite(f"sql:{directory}".encode())
    slot = pointer(nss.PK11_GetInternalKeySlot())
    failed |= nss.PK11_InitPin(slot, None, b"")
    certificate = pointer(smime.CERT_DecodeCertFromPackage(pem, len(pem)))
    failed |= nss.PK11_ImportCert(slot, certificate, ctypes.c_ulong(0), b"root", 0)
    failed |= nss.CERT_DecodeTrustString(ctypes.byref(trust), TRUST)
    store = pointer(nss.CERT_GetDefaultCertDB())
    failed |= nss.CERT_ChangeCertTrust(store, certificate, ctypes.byref(trust))
    nss.NSS_Shutdown()
    return 1 if failed else 0


def pdfsig_trusting(root: bytes, pdf: Path, folder: Path) -> str:
    """What `pdfsig` says of a signature, trusting this root alone; skips the test where poppler or
    NSS is not installed."""
    store, file = folder / "nss", folder / "root.pem"
    store.mkdir()
    file.write_bytes(root)
    done = subprocess.run([sys.executable, __file__, str(store), str(file)], check=False)
    if done.returncode == MISSING:
        pytest.skip("NSS is not installed")
    assert done.returncode == 0
    try:
        said = subprocess.run(
            ["pdfsig", "-nssdir", str(store), str(pdf)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("poppler-utils is not installed")
    return said.stdout


if __name__ == "__main__":
    sys.exit(make(Path(sys.argv[1]), Path(sys.argv[2])))
