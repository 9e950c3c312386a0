"""A bundle verified, in the numbered steps of docs/bundle-format.md, section 11.

    (0) the package                 here and in `package`
    (1) to (6)                      of every deposit: `node.evidence.verify`, unchanged
    (7) the timestamp               a token over a checkpoint that contains the deposit's
    (8) the platform's signatures   over such a checkpoint, and over the certificate

Every deposit has its own verdict, the package its own findings, and the bundle's answer is the
gravest of them. Nothing that came in the bundle is trusted: see `trust`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from node.evidence.doubts import Doubts
from node.evidence.malformed import Malformed
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.steps import FileDigests, steps
from node.evidence.verdict import Finding, Outcome, Verdict
from node.evidence.verify import NO_DOUBTS, verify
from node.export.bundle import layout
from node.export.bundle.canonical import parse_json_lines
from node.export.bundle.core import Deposit, deposit_files
from node.export.bundle.derived import recorded_digests
from node.export.bundle.flaws import Broken, Flaw, Flaws
from node.export.bundle.manifest import Hashed, hash_chunks
from node.export.bundle.outside import Outside, Told
from node.export.bundle.package import Package, open_bag, read_package
from node.export.bundle.trust import Trust
from node.export.bundle.verifiers import Verifiers
from node.words import Answer, OpenPoint, ResultCode

GRAVEST = (
    Answer.NOT_DEPOSITED_BYTES,
    Answer.PROOF_NOT_VALID,
    Answer.COULD_NOT_CHECK,
    Answer.CONSISTENT_OPEN_POINTS,
    Answer.CONSISTENT,
)
"""The answers a verification can give: what speaks against a file first."""
NO_VERIFIERS = Verifiers()
_COULD_NOT = frozenset({Flaw.UNREADABLE, Flaw.NEWER})
_LATER = {"correction": OpenPoint.O10, "invalidation": OpenPoint.O11}
_NOT_HELD = (ResultCode.V401, ResultCode.V304, ResultCode.V301, ResultCode.V302)


def _gravest(codes: Iterable[ResultCode]) -> ResultCode:
    """The first of those with the gravest answer."""
    return min(codes, key=lambda code: GRAVEST.index(code.answer))


@dataclass(frozen=True, slots=True)
class CheckedDeposit:
    """One deposit of a bundle and what came out; `digests` are those of the file compared,
    `recorded` those that the proof has."""

    number: str
    verdict: Verdict
    digests: FileDigests | None
    recorded: tuple[tuple[str, bytes], ...] = ()

    def records(self, file: FileDigests | None) -> bool:
        """Whether this file has the digests recorded here."""
        if file is None or not self.recorded:
            return False
        return all(file.digests[alg] == digest for alg, digest in self.recorded)

    def to_json(self) -> dict[str, object]:
        """For programs."""
        value: dict[str, object] = {"evidence_no": self.number}
        if self.digests is not None:
            value["size"] = self.digests.size
            value |= {alg: digest.hex() for alg, digest in self.digests.digests.items()}
        return value | {"verdict": self.verdict.to_json()}


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """The result of a whole bundle; never reduced to yes or no."""

    name: str | None
    flaws: Flaws
    findings: tuple[Finding, ...]
    """Of the package: step 0, and step 8 of its certificate."""
    deposits: tuple[CheckedDeposit, ...]
    contents: bytes | None
    """SHA-256 of contents-sha256.txt, which the certificate prints."""

    @property
    def package_code(self) -> ResultCode | None:
        """What speaks against the package; None if nothing does."""
        codes = [each.code for each in self.findings if each.code is not None]
        return _gravest(codes) if codes else None

    @property
    def code(self) -> ResultCode:
        """The gravest of all."""
        codes = [each.verdict.code for each in self.deposits]
        codes += [] if self.package_code is None else [self.package_code]
        return _gravest(codes)

    def to_json(self) -> dict[str, object]:
        """For programs."""
        flaws = [{"key": flaw.name, "zh": zh, "en": en} for flaw, zh, en in self.flaws.told()]
        package = self.package_code
        return {
            "bundle": self.name,
            "code": self.code.name,
            "answer": self.code.answer.en,
            "contents_sha256": None if self.contents is None else self.contents.hex(),
            "package": {
                "code": None if package is None else package.name,
                "findings": [each.to_json() for each in self.findings],
                "flaws": flaws,
            },
            "deposits": [each.to_json() for each in self.deposits],
        }


def check_bundle(
    path: Path,
    trust: Trust,
    *,
    files: Mapping[str, FileDigests] | None = None,
    verifiers: Verifiers = NO_VERIFIERS,
    doubts: Doubts = NO_DOUBTS,
) -> CheckedBundle:
    """The result for a directory or archive; every input gives one, none raises.

    `files` are those brought along, by evidence number: then the answer speaks of them, and the
    original enclosed is compared besides. Without `verifiers` steps 7 and 8 are not checked.
    """
    try:
        with open_bag(path) as bag:
            package = read_package(bag)
            outside = Outside(package, trust, verifiers)
            return _check(package, outside, files or {}, doubts)
    except Broken as broken:
        flaws = Flaws()
        flaws.add(broken.flaw, broken.place)
        return CheckedBundle(None, flaws, tuple(_package_findings(flaws)), (), None)


def _check(
    package: Package, outside: Outside, files: Mapping[str, FileDigests], doubts: Doubts
) -> CheckedBundle:
    if not package.numbers:
        package.flaws.add(Flaw.MISSING, layout.RECORD)
    originals = {
        parsed[1]: _digests(hashed)
        for path, hashed in package.hashed.items()
        if (parsed := layout.parse_original(path)) is not None
    }
    events = _event_points(package)
    certificate = Told((), ())
    if package.info is not None:
        certificate = outside.of_certificate(layout.issued_at_ms(package.info.name))
    deposits = [
        _check_deposit(
            outside,
            each,
            Files(files.get(each), originals.get(each)),
            doubts,
            {*events.get(each, ()), *certificate.points},
        )
        for each in package.numbers
    ]
    findings = [*_package_findings(package.flaws), *certificate.findings]
    contents = package.hashed.get(layout.CONTENTS)
    return CheckedBundle(
        None if package.info is None else package.info.name,
        package.flaws,
        tuple(findings),
        tuple(_told_apart(each, deposits) for each in deposits),
        None if contents is None else contents.sha256,
    )


def _package_findings(flaws: Flaws) -> Iterator[Finding]:
    """Step 0 of the package: every flaw, or that there is none."""
    for flaw, zh, en in flaws.told():
        code = ResultCode.V502 if flaw in _COULD_NOT else ResultCode.V207
        yield Finding(0, Outcome.FAILED, zh, en, code)
    if not flaws:
        zh = "证据包完整，各文件与清单一致"
        en = "the package is whole, and every file is the one its manifests list"
        yield Finding(0, Outcome.PASSED, zh, en)


def _digests(hashed: Hashed) -> FileDigests:
    return FileDigests(hashed.size, {"sha256": hashed.sha256, "sm3": hashed.sm3})


# One deposit


@dataclass(frozen=True, slots=True)
class Files:
    """What is compared with a deposit: the file in hand, the original enclosed, both or neither."""

    in_hand: FileDigests | None
    enclosed: FileDigests | None

    @property
    def compared(self) -> FileDigests | None:
        """What the answer speaks of."""
        return self.in_hand or self.enclosed


def _check_deposit(
    outside: Outside, number: str, files: Files, doubts: Doubts, more: set[OpenPoint]
) -> CheckedDeposit:
    package = outside.package
    data = package.read(layout.record(number, layout.PROOF))
    if data is None:
        zh, en = "证据包中没有此编号的证明文件", "the bundle has no proof of this number"
        finding = Finding(0, Outcome.FAILED, zh, en, ResultCode.V207)
        return CheckedDeposit(number, Verdict(ResultCode.V207, (finding,)), files.compared)
    verdict = verify(data, outside.trust.anchor, files.compared, doubts)
    try:
        proof = parse_proof(data)
    except Malformed:
        return CheckedDeposit(number, verdict, files.compared)
    flaws = _deposit_flaws(package, number, Deposit(data))
    for each in package.certified.get(number, ()):
        if not each.agrees(proof):
            flaws.add(Flaw.CERTIFICATE, each.path)
    told = outside.of(proof)
    points = (*told.points, *more, *verdict.open_points)
    findings = [*_deposit_findings(flaws), *verdict.findings, *told.findings]
    if files.in_hand is not None and files.enclosed is not None:
        findings += _enclosed_findings(proof, files.enclosed)
        findings.sort(key=lambda each: each.step)
    recorded = tuple(recorded_digests(proof))
    concluded = _concluded(verdict, tuple(findings), points)
    return CheckedDeposit(number, concluded, files.compared, recorded)


def _enclosed_findings(proof: Proof, enclosed: FileDigests) -> Iterator[Finding]:
    """The original enclosed, where another file was in hand: it must not pass for the deposited."""
    for each in steps(proof, None, enclosed):
        if each.step == 1:
            zh, en = f"证据包所附原件：{each.zh}", f"the original enclosed: {each.en}"
            yield Finding(1, each.outcome, zh, en, each.code)


def _told_apart(deposit: CheckedDeposit, all_: Sequence[CheckedDeposit]) -> CheckedDeposit:
    """A file that is not what was deposited under this number, but under another of the bundle:
    most often two were taken for each other."""
    verdict = deposit.verdict
    if verdict.code is not ResultCode.V102 or deposit.records(deposit.digests):
        return deposit
    others = [each.number for each in all_ if each.records(deposit.digests)]
    if not others:
        return deposit
    zh = f"该文件与本证据包内编号 {others[0]} 的记录一致，而非本编号"
    en = f"it is the file recorded under {others[0]}, another number of this bundle"
    finding = Finding(1, Outcome.FAILED, zh, en, ResultCode.V103)
    findings = sorted([*verdict.findings, finding], key=lambda each: each.step)
    changed = replace(verdict, code=ResultCode.V103, findings=tuple(findings))
    return replace(deposit, verdict=changed)


def _concluded(
    verdict: Verdict, findings: tuple[Finding, ...], points: tuple[OpenPoint, ...]
) -> Verdict:
    """The verdict of the proof, with what the bundle adds to it; what speaks against the proof or
    the file stays first."""
    code = verdict.code
    if verdict.consistent:
        codes = {each.code for each in findings}
        order = (ResultCode.V102, ResultCode.V106, ResultCode.V207, *_NOT_HELD)
        first = next((each for each in order if each in codes), None)
        code = first or (ResultCode.V001 if points else ResultCode.V000)
    ordered = tuple(sorted(set(points), key=lambda point: point.name))
    return replace(verdict, code=code, findings=findings, open_points=ordered)


def _deposit_flaws(package: Package, number: str, deposit: Deposit) -> Flaws:
    """What its folders have that does not follow from its proof."""
    flaws = Flaws()
    if deposit.number != number:
        flaws.add(Flaw.NUMBER, number)
        return flaws
    expected = {path: hash_chunks([data]) for path, data in deposit_files(deposit).items()}
    found = dict(package.folders[number])
    found.pop(layout.record(number, layout.DECLARED), None)
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            flaws.add(Flaw.MISSING, path)
        elif path not in expected or expected[path] != found[path]:
            flaws.add(Flaw.DERIVED, path)
    return flaws


def _deposit_findings(flaws: Flaws) -> Iterator[Finding]:
    for _, zh, en in flaws.told():
        yield Finding(0, Outcome.FAILED, zh, en, ResultCode.V207)
    if not flaws:
        zh = "供通用工具使用的文件均由证明文件得出"
        en = "all files for stock tools follow from the proof"
        yield Finding(0, Outcome.PASSED, zh, en)


def _event_points(package: Package) -> dict[str, set[OpenPoint]]:
    """What was registered on the numbers since, by the platform's word."""
    found: dict[str, set[OpenPoint]] = {}
    with contextlib.suppress(Malformed):  # Told in step 0.
        for event in parse_json_lines(package.read(layout.EVENTS) or b"", layout.EVENTS):
            number, kind = event.get("evidence_no"), event.get("type")
            if isinstance(number, str) and isinstance(kind, str) and kind in _LATER:
                found.setdefault(number, set()).add(_LATER[kind])
    return found
