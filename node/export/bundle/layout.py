"""Every name in a bundle, which names may stand where, and how large things may be.

docs/bundle-format.md, sections 2 and 3. Writing takes its names from here, and reading refuses what
is not here: a file nobody knows the meaning of has no place in what a court is handed.

    >>> number = "EV20261121000000000000-76"
    >>> original(1, number)
    'data/01-evidence/001_EV20261121000000000000-76.bin'
    >>> record(number, PROOF)
    'data/02-record/EV20261121000000000000-76/proof.txt'
    >>> has_place("data/06-certificates/tsa-example.pem"), has_place("data/13-more/x")
    (True, False)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

VERSION = 1

DEPOSITS_MAX = 999
"""Three digits of an exhibit's place; a larger case is several bundles."""
ENTRIES_MAX = 150_000
"""999 deposits of a hundred files each, and room."""
DIRECTORY_SIZE_MAX = 48 << 20
"""The central directory of an archive of so many entries."""
PATH_LENGTH_MAX = 255
PARTS_MAX = 6
ORIGINAL_SIZE_MAX = 1 << 44
"""Originals are streamed: what a file system of our day takes in one file."""
FILE_SIZE_MAX = 64 << 20
JSON_SIZE_MAX = 4 << 20
"""What a text of JSON becomes in memory is many times its size."""
CERTIFICATE_SIZE_MAX = 64 << 10
CERTIFICATES_MAX = 64
"""Three signers, their issuers, their roots: a dozen. Each is read again for every signature."""
BODIES_MAX = 1_000
"""Stamped checkpoints: no more than there can be deposits."""
PROOF_FILE_SIZE_MAX = 4 << 20
"""A proof, and every file that follows from it, is no longer than the longest proof."""
TOTAL_SIZE_MAX = 1 << 30
"""All files but the originals."""
RATIO_MAX = 200
RATIO_FREE_SIZE = 1 << 20
"""Below it a ratio does no harm: a manifest of many alike lines shrinks well."""

# Beside data/
BAGIT = "bagit.txt"
BAG_INFO = "bag-info.txt"
MANIFEST_SHA256 = "manifest-sha256.txt"
MANIFEST_SM3 = "manifest-sm3.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
MANIFESTS = {"sha256": MANIFEST_SHA256, "sm3": MANIFEST_SM3}
TAG_FILES = (BAG_INFO, BAGIT, MANIFEST_SHA256, MANIFEST_SM3)
"""What the tag manifest lists, in its order."""
PAYLOAD = "data/"

CERTIFICATE = "data/00-certificate/"
EVIDENCE = "data/01-evidence/"
RECORD = "data/02-record/"
PROOFS = "data/03-proof/"
SIGNATURES = "data/04-signatures/"
TIMESTAMPS = "data/05-timestamps/"
CERTIFICATES = "data/06-certificates/"
ENVIRONMENT = "data/07-environment/"
CUSTODY = "data/08-custody/"
STATEMENTS = "data/09-statements/"
DOSSIER = "data/10-dossier-17/"
OPEN_ISSUES = "data/11-open-issues/"
VERIFY = "data/12-verify/"
PLATFORM = f"{SIGNATURES}platform/"

CORE = (RECORD, PROOFS, SIGNATURES, TIMESTAMPS, CERTIFICATES)
"""Byte-identical whenever they are made again."""
FREE = (ENVIRONMENT, CUSTODY, STATEMENTS, DOSSIER, OPEN_ISSUES, VERIFY)
"""Whatever their files are called: shown, not verified."""

CONTENTS = f"{CERTIFICATE}contents-sha256.txt"
EVIDENCE_LIST = f"{CERTIFICATE}evidence-list.json"
CERTIFICATE_PDF = f"{CERTIFICATE}certificate.pdf"
CERTIFICATE_JSON = f"{CERTIFICATE}certificate.json"
CERTIFICATE_CMS = f"{CERTIFICATE_JSON}.p7s"
CERTIFICATE_SM2 = f"{CERTIFICATE_JSON}.sm2.sig"
_OF_CERTIFICATE = f"{CERTIFICATE}certificate."
EMPTY = f"{EVIDENCE}EMPTY.txt"
TSA_INFO = f"{TIMESTAMPS}tsa-info.json"
SIX_ITEMS = f"{CERTIFICATES}six-items.txt"
EVENTS = f"{CUSTODY}events.jsonl"

# In data/02-record/NO/
PROOF = "proof.txt"
DETAILS = "details.json"
DECLARED = "declared.json"

NUMBER = r"EV[0-9]{20}-[0-9]{2}"
"""An evidence number in a name; whether its check digits are right is for others to judge."""
_SIZE = r"(?:0|[1-9][0-9]{0,15})"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_BAG_NAME = re.compile(rf"EVB_{NUMBER}_[0-9]{{8}}T[0-9]{{6}}Z-[0-9a-f]{{8}}")
_SERIAL_ID_SIZE = 4
_ORIGINAL = re.compile(rf"{re.escape(EVIDENCE)}([0-9]{{3}})_({NUMBER})\.bin")
_EXHIBIT = re.compile(rf"{re.escape(CERTIFICATE)}([0-9]{{3}})_({NUMBER})\.(pdf|json)")
_BODY = re.compile(rf"{re.escape(TIMESTAMPS)}({_SIZE})\.body")
_CONSISTENCY = re.compile(rf"{re.escape(TIMESTAMPS)}consistency-({_SIZE})-({_SIZE})\.txt")
_KNOWN = re.compile(
    "|".join(
        [
            *(re.escape(name) for name in (*TAG_FILES, TAG_MANIFEST, CONTENTS, EVIDENCE_LIST)),
            *(re.escape(name) for name in (CERTIFICATE_PDF, CERTIFICATE_JSON, EMPTY)),
            *(re.escape(name) for name in (CERTIFICATE_CMS, CERTIFICATE_SM2)),
            _ORIGINAL.pattern,
            _EXHIBIT.pattern,
            rf"{RECORD}{NUMBER}/(?:proof\.txt|details\.json|declared\.json)",
            rf"(?:{PROOFS}|{SIGNATURES}){NUMBER}/{_NAME}",
            rf"{PLATFORM}{_SIZE}\.body\.(?:p7s|sm2\.sig)",
            rf"{TIMESTAMPS}(?:{_SIZE}\.(?:body|tsq|tsr)|tsa-info\.json)",
            _CONSISTENCY.pattern,
            rf"{CERTIFICATES}(?:{_NAME}\.pem|six-items\.txt)",
            rf"(?:{'|'.join(FREE)})(?:{_NAME}/){{0,3}}{_NAME}",
        ]
    )
)


def bag_name(number: str, issued_at_ms: int, chance: bytes) -> str:
    """The name of a bundle whose first evidence number this is."""
    assert len(chance) == _SERIAL_ID_SIZE
    issued = datetime.fromtimestamp(issued_at_ms // 1000, UTC)
    return f"EVB_{number}_{issued:%Y%m%dT%H%M%SZ}-{chance.hex()}"


def issued_at_ms(name: str) -> int:
    """When a bundle of this name says it was issued."""
    text = name.split("_")[2].partition("-")[0]
    try:
        issued = datetime.strptime(text, "%Y%m%dT%H%M%SZ")
    except ValueError:  # Digits of no day.
        return 0
    return 1000 * int(issued.replace(tzinfo=UTC).timestamp())


def is_bag_name(name: str) -> bool:
    """Whether a folder may be called so; whoever unpacks a bundle may call it otherwise."""
    return _BAG_NAME.fullmatch(name) is not None


def original(place: int, number: str) -> str:
    """An original, by its place in the evidence list, from 1, and its evidence number."""
    assert 0 < place <= DEPOSITS_MAX
    return f"{EVIDENCE}{place:03d}_{number}.bin"


def exhibit(place: int, number: str, suffix: str) -> str:
    """The certificate of one deposit in a bundle of several: `pdf`, or its data as `json`."""
    assert 0 < place <= DEPOSITS_MAX
    return f"{CERTIFICATE}{place:03d}_{number}.{suffix}"


def parse_exhibit(path: str) -> tuple[int, str] | None:
    """Place and number of the data of one certificate of several; None for another file."""
    match = _EXHIBIT.fullmatch(path)
    return None if match is None or match[3] != "json" else (int(match[1]), match[2])


def is_certificate(path: str) -> bool:
    """Whether this file is the data of a certificate."""
    return path == CERTIFICATE_JSON or parse_exhibit(path) is not None


def parse_original(path: str) -> tuple[int, str] | None:
    """Place and number of an original; None for another file."""
    match = _ORIGINAL.fullmatch(path)
    return None if match is None else (int(match[1]), match[2])


def record(number: str, name: str) -> str:
    """A file of data/02-record/NO/."""
    return f"{RECORD}{number}/{name}"


def proof(number: str, name: str) -> str:
    """A file of data/03-proof/NO/."""
    return f"{PROOFS}{number}/{name}"


def signature(number: str, name: str) -> str:
    """A file of data/04-signatures/NO/."""
    return f"{SIGNATURES}{number}/{name}"


def body(size: int) -> str:
    """A checkpoint body that was stamped or signed."""
    return f"{TIMESTAMPS}{size}.body"


def request(size: int) -> str:
    """What the timestamp authority was asked."""
    return f"{TIMESTAMPS}{size}.tsq"


def token(size: int) -> str:
    """What it answered."""
    return f"{TIMESTAMPS}{size}.tsr"


def consistency(old: int, new: int) -> str:
    """That the tree of one size is the beginning of another."""
    return f"{TIMESTAMPS}consistency-{old}-{new}.txt"


def body_cms(size: int) -> str:
    """The platform's P-256 signature of a checkpoint body."""
    return f"{PLATFORM}{size}.body.p7s"


def body_sm2(size: int) -> str:
    """Its SM2 signature."""
    return f"{PLATFORM}{size}.body.sm2.sig"


def parse_body(path: str) -> int | None:
    """The tree size of a checkpoint body; None for another file."""
    match = _BODY.fullmatch(path)
    return None if match is None else int(match[1])


def in_contents(path: str) -> bool:
    """Whether contents-sha256.txt lists this payload file: all but itself, the certificate, and
    folder 01. Originals are bound to the chain itself; whoever holds them can add them without
    whoever signed the certificate."""
    return path != CONTENTS and not path.startswith((_OF_CERTIFICATE, EVIDENCE))


def has_place(path: str) -> bool:
    """Whether a bundle has a place for a file of this name."""
    return _KNOWN.fullmatch(path) is not None


def size_max(path: str) -> int:
    """How large this file may be."""
    if path.startswith(EVIDENCE) and path != EMPTY:
        return ORIGINAL_SIZE_MAX
    if path.startswith(CERTIFICATES):
        return CERTIFICATE_SIZE_MAX
    if path.startswith(CORE):
        return PROOF_FILE_SIZE_MAX
    return JSON_SIZE_MAX if path.endswith(".json") else FILE_SIZE_MAX
