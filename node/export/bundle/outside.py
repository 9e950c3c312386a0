"""Steps 7 and 8: what others than the chain's members vouch for (docs/bundle-format.md, section 7).

A token or a signature stands over a checkpoint body. It says something of a deposit only if that
checkpoint is the deposit's own or a later one that contains its tree, and only if it leads to a
root that came another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from node.evidence.checkpoint import Checkpoint, parse_checkpoint
from node.evidence.head import format_milliseconds
from node.evidence.malformed import Malformed
from node.evidence.merkle import BadPath, verify_consistency
from node.evidence.proof import Proof
from node.evidence.verdict import Finding, Outcome
from node.export.bundle import layout
from node.export.bundle.package import Package
from node.export.bundle.paper import NotCovered, signed_part
from node.export.bundle.paths import parse_consistency
from node.export.bundle.trust import Trust
from node.export.bundle.verifiers import NotValid, Signatory, SignatureVerifier, Stamp, Verifiers
from node.words import OpenPoint, ResultCode

_ROOT_COPY = f"{layout.CERTIFICATES}root-copy-"
_NO_TOKEN = Finding(
    7, Outcome.NOT_CHECKED, "未附可信时间戳", "no trusted timestamp reaches this deposit"
)
_NO_ROOT = Finding(
    7,
    Outcome.NOT_CHECKED,
    "附有可信时间戳，但未提供时间戳机构的外部根证书",
    "a timestamp is enclosed, but no root of its authority was given from outside",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the two steps add to a deposit's verdict, or step 8 of the certificate to all."""

    findings: tuple[Finding, ...]
    points: tuple[OpenPoint, ...]


@dataclass
class Outside:
    """The tokens and signatures of one package, each checked once."""

    package: Package
    trust: Trust
    verifiers: Verifiers
    _stamps: dict[int, Stamp | NotValid] = field(default_factory=dict)
    _signed: dict[tuple[str, int], Signatory | NotValid] = field(default_factory=dict)

    @cached_property
    def _bodies(self) -> dict[int, bytes]:
        """The checkpoint bodies by the sizes in their names, smallest first."""
        found = {
            size: self.package.read(path) or b""
            for path in self.package.hashed
            if (size := layout.parse_body(path)) is not None
        }
        return dict(sorted(found.items()))

    @cached_property
    def _heads(self) -> dict[int, Checkpoint | None]:
        """The checkpoints they are; None where one is not of the size in its name."""
        return {size: _head(body, size) for size, body in self._bodies.items()}

    def of(self, proof: Proof) -> Told:
        """Steps 7 and 8 of one deposit."""
        try:
            sizes = [size for size in self._bodies if self._reaches(size, proof)]
        except _Contradicts as contradiction:
            zh = f"所附检查点（树大小 {contradiction.size}）与本存证的检查点不相容"
            en = f"the checkpoint enclosed for {contradiction.size} does not contain this deposit's"
            return Told((Finding(7, Outcome.FAILED, zh, en, ResultCode.V401),), ())
        finding, points, stamp = self._timestamp(sizes, proof)
        seal_ms = 1000 * (proof.seal_time_s or 0)
        at_ms = seal_ms if stamp is None else max(seal_ms, stamp.time_ms)
        return Told((finding, *self._signatures(sizes, at_ms)), points)

    def of_certificate(self, issued_at_ms: int) -> Told:
        """Step 8 of the package: the platform's signatures over certificate.json, and the one in
        certificate.pdf. Where no signature of one of the two was checked, that stays open."""
        data: list[Finding] = []
        message = self.package.read(layout.CERTIFICATE_JSON)
        if message is not None:
            paths = (layout.CERTIFICATE_CMS, layout.CERTIFICATE_SM2)
            zh, en = "存证证书数据", "the certificate's data"
            data += self._both(message, paths, issued_at_ms, zh, en)
        pdf = self.package.read(layout.CERTIFICATE_PDF)
        pages = [] if pdf is None else [self._of_pdf(pdf, issued_at_ms)]
        unchecked = any(
            part and all(each.outcome is Outcome.NOT_CHECKED for each in part)
            for part in (data, pages)
        )
        return Told((*data, *pages), (OpenPoint.O16,) if unchecked else ())

    def _reaches(self, size: int, proof: Proof) -> bool:
        """Whether the body of this size contains the deposit's tree; `_Contradicts` if it is said
        to and does not."""
        head, later = proof.sealed.checkpoint, self._heads[size]
        if later is None:
            raise _Contradicts(size)
        if size < head.size or later.origin != head.origin:
            return False
        if size == head.size:
            if later != head:
                raise _Contradicts(size)
            return True
        return self._extends(head, later)

    def _extends(self, head: Checkpoint, later: Checkpoint) -> bool:
        text = self.package.read(layout.consistency(head.size, later.size))
        if text is None:
            return False
        try:
            path = parse_consistency(text, head.size, head.root, later.size)
            verify_consistency(head.size, head.root, later.size, later.root, path)
        except (BadPath, Malformed) as error:
            raise _Contradicts(later.size) from error
        return True

    # (7)

    def _timestamp(
        self, sizes: list[int], proof: Proof
    ) -> tuple[Finding, tuple[OpenPoint, ...], Stamp | None]:
        stamped = [size for size in sizes if layout.token(size) in self.package.hashed]
        if not stamped:
            return _NO_TOKEN, (OpenPoint.O08,), None
        if not self.trust.tsa_roots:
            return _NO_ROOT, (OpenPoint.O14,), None
        stamp = self._stamp(stamped[0])
        if stamp is None:
            zh, en = "本机无法核验时间戳", "this machine cannot check timestamps"
            return Finding(7, Outcome.NOT_CHECKED, zh, en), (OpenPoint.O14,), None
        if isinstance(stamp, NotValid):
            zh, en = f"时间戳不成立：{stamp.zh}", f"the timestamp does not hold: {stamp.en}"
            return Finding(7, Outcome.FAILED, zh, en, stamp.code), (), None
        points = [] if stamp.independent else [OpenPoint.O03]
        if stamp.time_ms + stamp.accuracy_ms + proof.policy.skew_ms < proof.entry.time_ms:
            points.append(OpenPoint.O15)
        time = format_milliseconds(stamp.time_ms)
        zh = f"时间戳有效，证书链止于外部根证书：{time}，{stamp.authority}"
        en = f"the timestamp holds and leads to a root from outside: {time}, {stamp.authority}"
        return Finding(7, Outcome.PASSED, zh, en), tuple(points), stamp

    def _stamp(self, size: int) -> Stamp | NotValid | None:
        verifier = self.verifiers.token
        if verifier is None:
            return None
        if size not in self._stamps:
            body = self._bodies[size]
            token = self.package.read(layout.token(size)) or b""
            try:
                self._stamps[size] = verifier(
                    body, token, enclosed=self._enclosed, roots=self.trust.tsa_roots
                )
            except NotValid as error:
                self._stamps[size] = error
        return self._stamps[size]

    # (8)

    def _signatures(self, sizes: list[int], at_ms: int) -> tuple[Finding, ...]:
        for size in sizes:
            paths = (layout.body_cms(size), layout.body_sm2(size))
            if not any(path in self.package.hashed for path in paths):
                continue
            body = self._bodies[size]
            zh, en = f"检查点（树大小 {size}）", f"the checkpoint of {size}"
            return tuple(self._both(body, paths, at_ms, zh, en))
        zh, en = "未附平台对检查点的签名", "no signature of the platform over a checkpoint"
        return (Finding(8, Outcome.NOT_CHECKED, zh, en),)

    def _both(
        self, message: bytes, paths: tuple[str, str], at_ms: int, zh: str, en: str
    ) -> Iterator[Finding]:
        """The signatures of both suites over one thing, as far as they are there."""
        suites = zip(paths, (self.verifiers.cms, self.verifiers.sm2), ("P-256", "SM2"), strict=True)
        for path, verifier, suite in suites:
            signature = self.package.read(path)
            what = (f"平台对{zh}的 {suite} 签名", f"the platform's {suite} signature of {en}")
            if signature is None:
                yield Finding(8, Outcome.NOT_CHECKED, f"未附{what[0]}", f"not enclosed: {what[1]}")
            elif verifier is None or not self.trust.platform_roots:
                yield _no_root(what)
            else:
                yield _finding(self._check(path, verifier, message, signature, at_ms), what)

    def _of_pdf(self, pdf: bytes, at_ms: int) -> Finding:
        """The signature inside the certificate: whether it covers all of it, and whose it is."""
        what = ("平台在存证证书 PDF 内的签名", "the platform's signature in the certificate PDF")
        try:
            part = signed_part(pdf)
        except NotCovered as error:
            zh, en = f"不成立：{what[0]}（{error.zh}）", f"does not hold: {what[1]} ({error.en})"
            return Finding(8, Outcome.FAILED, zh, en, ResultCode.V304)
        verifier = self.verifiers.cms
        if part is None:
            zh = "存证证书 PDF 未签名，页面文字未核验"
            en = "the certificate PDF is not signed: what its pages say was not checked"
            return Finding(8, Outcome.NOT_CHECKED, zh, en)
        if verifier is None or not self.trust.platform_roots:
            return _no_root(what)
        path, message = layout.CERTIFICATE_PDF, part.message
        return _finding(self._check(path, verifier, message, part.signature, at_ms), what)

    def _check(
        self, path: str, verifier: SignatureVerifier, message: bytes, signature: bytes, at_ms: int
    ) -> Signatory | NotValid:
        """A signature over this message, as it was made at this time."""
        key = path, at_ms
        if key not in self._signed:
            roots = self.trust.platform_roots
            try:
                self._signed[key] = verifier(
                    message, signature, enclosed=self._enclosed, roots=roots, at_ms=at_ms
                )
            except NotValid as error:
                self._signed[key] = error
        return self._signed[key]

    @cached_property
    def _enclosed(self) -> tuple[bytes, ...]:
        """The certificates to build chains with; a copy of a root is only there to be looked at."""
        paths = [
            path
            for path in sorted(self.package.hashed)
            if path.startswith(layout.CERTIFICATES)
            and path.endswith(".pem")
            and not path.startswith(_ROOT_COPY)
        ]
        return tuple(self.package.read(path) or b"" for path in paths)


def _head(body: bytes, size: int) -> Checkpoint | None:
    try:
        head = parse_checkpoint(body)
    except Malformed:
        return None
    return head if head.size == size else None


def _no_root(what: tuple[str, str]) -> Finding:
    return Finding(
        8,
        Outcome.NOT_CHECKED,
        f"未提供平台证书的外部根证书，未核验：{what[0]}",
        f"no root of the platform was given from outside, not checked: {what[1]}",
    )


def _finding(found: Signatory | NotValid, what: tuple[str, str]) -> Finding:
    zh, en = what
    if isinstance(found, NotValid):
        zh, en = f"不成立：{zh}（{found.zh}）", f"does not hold: {en} ({found.en})"
        return Finding(8, Outcome.FAILED, zh, en, found.code)
    for note_zh, note_en in found.notes:
        zh, en = f"{zh}；{note_zh}", f"{en}; {note_en}"
    return Finding(8, Outcome.PASSED, f"{zh}，{found.subject}", f"{en}, {found.subject}")


class _Contradicts(Exception):
    """A checkpoint that is enclosed for this deposit, and does not go with it."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size
