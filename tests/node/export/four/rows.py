"""What a verifier must not be taken in by, one row each: what is handed over, and what is said.

Rows of packages (archives, names) are for those who take archives; verify.sh takes a directory that
somebody has unpacked. `steps` are those that fail, the same for all of them; where verify.sh sees
the same thing at another step, because it reads on where a strict reader stops, `sh` says so.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devnet.certificates import Validity, make_revocations
from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof, parse_proof
from node.export.bundle import layout
from node.export.bundle.canonical import format_json
from node.export.signing.certificate import format_pem
from tests.node.export.bundle import forging, test_bundle_outside
from tests.node.export.bundle.bundles import (
    ISSUED_MS,
    certificate_data,
    example_bundle,
    exhibits_of,
    flat,
    sealed_again,
)
from tests.node.export.bundle.pages import pages
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.kit.handed_over import certified, handed_over, whole_world
from tests.node.export.paper import NOW_S as PAPER_S
from tests.node.export.paper import YEAR_S, holder, stamper
from tests.vectors.example_chain import START_MS, Chain

Files = Mapping[str, bytes]

CONSISTENT, ANOTHER_FILE = "consistent", "not the deposited bytes"
NOT_VALID, COULD_NOT = "proof not valid or damaged", "could not check"


@dataclass(frozen=True)
class Handed:
    """A bundle's files, and the world whose anchors the court has; `more` lies among them."""

    files: Files
    world: World | None
    more: Files = field(default_factory=dict)
    fingerprint: Path | None = None
    """Of a stored example, in place of the world's."""


@dataclass(frozen=True)
class Row:
    """`flaw`, `point` and `told`: one of those there must be, for the three that name them."""

    make: Callable[[World], Handed]
    word: str
    code: str
    steps: tuple[int, ...] = ()
    flaw: str | None = None
    point: str | None = None
    told: str = ""
    sh: tuple[int, ...] | None = None


def of_proof(data: bytes, original: bytes = forging.CONTENT) -> Callable[[World], Handed]:
    """The honest bundle with another proof, and all made again that follows from it."""
    return lambda world: Handed(handed_over(world, (data, original)), world)


def by_hand(change: Callable[[bytes], bytes]) -> Callable[[World], Handed]:
    """The same where nothing can be made of the proof any more."""

    def make(world: World) -> Handed:
        files, path = handed_over(world), layout.record(world.deposit().number, layout.PROOF)
        assert change(files[path]) != files[path]
        return Handed(certified(world, {**files, path: change(files[path])}), world)

    return make


def tampered(path: str, change: Callable[[bytes], bytes]) -> Callable[[World], Handed]:
    """One file of the bundle changed, by somebody without the platform's keys."""

    def make(world: World) -> Handed:
        files = handed_over(world)
        assert change(files.get(path, b"")) != files.get(path, b"")
        return Handed(sealed_again({**files, path: change(files.get(path, b""))}), world)

    return make


def added(path: str, data: bytes) -> Callable[[World], Handed]:
    """One file more, by the platform itself."""
    return lambda world: Handed(certified(world, {**handed_over(world), path: data}), world)


# Rows


def swapped(world: World) -> Handed:
    files = flat(example_bundle())
    one, two = (path for path in sorted(files) if path.startswith(layout.EVIDENCE))
    files[one], files[two] = files[two], files[one]
    policy = Path(__file__).parents[3] / "vectors/example/policy.txt"
    return Handed(sealed_again(files), None, fingerprint=policy)


def other_chain() -> bytes:
    made = Chain(seed="honest", origin="cunzheng.test/other")
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    deposited = made.deposit([forging.CONTENT, b"second\n", b"third\n"], details=forging.DETAILS)
    return format_proof(made.proof(deposited, 0))


def minority() -> bytes:
    """Another block of the same height that one member went on with alone."""
    made, deposited = forging.chain("honest", forging.FORGED)
    return format_proof(made.proof(deposited, 0, note=made.seal(sealers=("court",))))


def one_short() -> bytes:
    made, deposited = forging.chain()
    return format_proof(made.proof(deposited, 0, note=made.seal(sealers=("court",))))


def seal_twice(data: bytes) -> bytes:
    """The one seal of a quorum of two, once more."""
    (line,) = [each for each in one_short().splitlines(True) if b"/court " in each]
    return one_short() + line


def without_salt() -> bytes:
    return format_proof(public_form(parse_proof(forging.t0()[0])))


def expired(world: World) -> Handed:
    """Valid when everything was signed, and not much longer."""
    short = Validity(PAPER_S - YEAR_S, ISSUED_MS // 1000 + 60)
    with pytest.MonkeyPatch.context() as patched:
        for each in (holder, stamper):
            kept = functools.partial(each, validity=short)
            patched.setattr(test_bundle_outside, each.__name__, kept)
        return Handed(handed_over(world), world)


def revoked(world: World) -> Handed:
    made = make_revocations(world.p256, NOW_S + YEAR_S, [(77, NOW_S - YEAR_S // 2)])
    return Handed(handed_over(world), world, {"platform-crl.pem": format_pem("X509 CRL", made)})


def early(world: World) -> Handed:
    size = world.deposited.leaf + 1
    stamped = world.stamped(size, at_ms=START_MS - 60_000)
    files = {**handed_over(world), layout.token(size): stamped.response}
    return Handed(certified(world, files), world)


def event(kind: str) -> Callable[[World], Handed]:
    def make(world: World) -> Handed:
        line = format_json({"evidence_no": world.deposit().number, "type": kind}) + b"\n"
        return added(layout.EVENTS, line)(world)

    return make


def outside_path(world: World) -> Handed:
    files = handed_over(world)
    line = b"0" * 64 + b"  ../../outside.txt\n"
    return Handed({**files, layout.MANIFEST_SHA256: line + files[layout.MANIFEST_SHA256]}, world)


def all_their_own(world: World) -> Handed:
    """Forged from the first byte on, and whoever verifies takes the anchors out of it."""
    theirs = whole_world("forger", forging.FORGED)
    return Handed(handed_over(theirs, (theirs.deposit().proof_bytes, forging.FORGED)), None)


def emptied(world: World) -> Handed:
    """By the platform itself, so that nothing else is wrong with the package."""
    path = layout.original(1, world.deposit().number)
    return Handed(certified(world, {**handed_over(world), path: b""}), world)


def of_nothing(world: World) -> Handed:
    """A file without a byte that was deposited as one."""
    nothing = whole_world("empty", b"")
    files = handed_over(nothing, (nothing.deposit().proof_bytes, b""))
    return Handed(files, nothing)


def append_to_pdf(world: World) -> Handed:
    return tampered(layout.CERTIFICATE_PDF, lambda pdf: pdf + b"%%EOF\n")(world)


def other_pdf(world: World) -> Handed:
    """Signed by the platform, of another bundle of it."""
    other = certified(world, {**handed_over(world), layout.EVENTS: b""})[layout.CERTIFICATE_PDF]
    return tampered(layout.CERTIFICATE_PDF, lambda _: other)(world)


def unsigned(*changes: tuple[str, object]) -> Callable[[World], Handed]:
    """A certificate that nobody signed in place of the platform's, as forged as its paper."""

    def make(world: World) -> Handed:
        files = handed_over(world)
        data = {**json.loads(files[layout.CERTIFICATE_JSON]), **dict(changes)}
        forged = format_json(data)
        files |= {layout.CERTIFICATE_JSON: forged, layout.CERTIFICATE_PDF: pages(forged)}
        for signature in (layout.CERTIFICATE_CMS, layout.CERTIFICATE_SM2):
            del files[signature]
        return Handed(sealed_again(files), world)

    return make


def several(path: str, old: bytes = b"", new: bytes = b"") -> Callable[[World], Handed]:
    """A bundle of two deposits with unsigned certificates of each and of both, and this one forged;
    the lists are right again."""

    def make(world: World) -> Handed:
        files = flat(example_bundle())
        files |= exhibits_of(files)
        files[path] = files.get(path, b"").replace(old, new)
        files = sealed_again(files)
        data = certificate_data(files)
        assert old in data + files[path]
        if path == layout.CERTIFICATE_JSON:
            data = data.replace(old, new)
        policy = Path(__file__).parents[3] / "vectors/example/policy.txt"
        files = sealed_again(files | {layout.CERTIFICATE_JSON: data})
        return Handed(files, None, fingerprint=policy)

    return make


OTHER = 64 * "0"
CERTIFICATE = layout.CERTIFICATE_JSON
SECOND = layout.exhibit(2, "EV20261121000000000003-67", "json")
VERSIONS = "data/07-environment/versions.json"
LIST = layout.EVIDENCE_LIST

ROWS: Mapping[str, Row] = {
    "the right file under another evidence number": Row(swapped, ANOTHER_FILE, "V103", (1,)),
    "the right digests on another chain": Row(of_proof(other_chain()), NOT_VALID, "V206", (5,)),
    "a block of a minority": Row(of_proof(minority(), forging.FORGED), NOT_VALID, "V202", (5, 7)),
    "a quorum short by one": Row(of_proof(one_short()), NOT_VALID, "V202", (5,)),
    "one organisation seals twice": Row(by_hand(seal_twice), NOT_VALID, "V200", (0,), sh=(0, 5)),
    "a certificate expired today, valid at signing": Row(
        expired, CONSISTENT, "V001", told="has expired since"
    ),
    "a certificate revoked before signing": Row(revoked, NOT_VALID, "V302", (8,)),
    "a timestamp earlier than its block": Row(early, CONSISTENT, "V001", point="O15"),
    "a salt that is destroyed": Row(of_proof(without_salt()), COULD_NOT, "V502", (1,), sh=()),
    "a record corrected later": Row(event("correction"), CONSISTENT, "V001", point="O10"),
    "a record invalidated later": Row(event("invalidation"), CONSISTENT, "V001", point="O11"),
    "a path out of the bag in a manifest": Row(
        outside_path, NOT_VALID, "V207", (0,), flaw="OUTSIDE"
    ),
    "a JSON key twice in a statement": Row(
        by_hand(lambda data: data.replace(b',"page":1', b',"page":1,"page":1')),
        *(NOT_VALID, "V200", (0,)),
    ),
    "a JSON key twice in the package": Row(
        tampered(LIST, lambda data: data.replace(b',"place', b',"place":1,"place')),
        *(NOT_VALID, "V207", (0,)),
        flaw="JSON",
    ),
    "a statement in another spelling": Row(
        by_hand(lambda data: data.replace(b',"page":1', b', "page":1')),
        *(NOT_VALID, "V200", (0,)),
    ),
    "JSON in another spelling in the package": Row(
        tampered(LIST, lambda data: data.replace(b",", b", ")),
        *(NOT_VALID, "V207", (0,)),
        flaw="JSON",
    ),
    "nothing in the place of the file": Row(emptied, ANOTHER_FILE, "V102", (1,)),
    "a file of no bytes, deposited as such": Row(of_nothing, CONSISTENT, "V001"),
    "its own roots and policy, and nothing from outside": Row(
        all_their_own, COULD_NOT, "V204", (5,), sh=()
    ),
    "bytes appended after the PDF's signature": Row(append_to_pdf, NOT_VALID, "V304", (8,)),
    "the PDF of another bundle": Row(other_pdf, NOT_VALID, "V207", (0,), flaw="PDF"),
    "a certificate of another bundle": Row(
        tampered(layout.CERTIFICATE_JSON, lambda data: data.replace(b"contents", b"contentz")),
        *(NOT_VALID, "V207", (0, 8)),
        flaw="CERTIFICATE",
    ),
    "an unsigned certificate of another number": Row(
        unsigned(("evidence_no", "EV20261121000000000003-67")),
        *(NOT_VALID, "V207", (0,)),
        flaw="CERTIFICATE",
    ),
    "an unsigned certificate of another item": Row(
        unsigned(("item", {"value": OTHER})), NOT_VALID, "V207", (0,), told="certificate.json"
    ),
    "an unsigned certificate of another file": Row(
        unsigned(("digests", {"sha256": OTHER})), NOT_VALID, "V207", (0,), told="certificate.json"
    ),
    "an unsigned certificate of another depositor": Row(
        unsigned(("depositor", {"name": "王*"})), CONSISTENT, "V001", point="O16"
    ),
    "unsigned certificates of several": Row(several(CERTIFICATE), CONSISTENT, "V001", point="O16"),
    "an unsigned list of other deposits": Row(
        several(CERTIFICATE, b"03-67", b"04-64"), NOT_VALID, "V207", (0,), flaw="CERTIFICATE"
    ),
    "an unsigned list of another file": Row(
        several(CERTIFICATE, b"b5ecf3", b"000000"), NOT_VALID, "V207", (0,), told="certificate.json"
    ),
    "one of several certificates of another number": Row(
        several(SECOND, b"03-67", b"04-64"), NOT_VALID, "V207", (0,), flaw="CERTIFICATE"
    ),
    "one of several certificates of another file": Row(
        several(SECOND, b"b5ecf3", b"000000"), NOT_VALID, "V207", (0,), told=SECOND
    ),
    "a proof of no bytes": Row(by_hand(lambda _: b""), NOT_VALID, "V200", (0,)),
}
