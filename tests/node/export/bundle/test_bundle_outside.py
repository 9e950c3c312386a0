"""Steps 7 and 8 in a bundle, with real tokens and signatures: what counts, and for whom."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from devnet.certificates import Issuer
from node.evidence.keys import P256, SM2
from node.evidence.merkle import consistency_path
from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, CheckedDeposit, check_bundle
from node.export.bundle.core import Certificates, Deposit, Stamped
from node.export.bundle.trust import Trust, trust_of
from node.export.signing.algorithms import SHA256
from node.export.signing.certificate import format_certificates
from node.export.signing.dual import Platform
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.export.vouching import vouching
from node.words import OpenPoint, ResultCode
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import (
    bundle,
    certificate_data,
    flat,
    sealed_again,
    write,
    zipped,
)
from tests.node.export.bundle.pages import signed_pages
from tests.node.export.paper import YEAR_S, holder, root, stamper
from tests.vectors.example_chain import START_MS, Chain, Deposited

STAMPED_MS = START_MS + 60_000
NOW_S = STAMPED_MS // 1000 + 3_600


@dataclass(frozen=True)
class World:
    """A chain, and the authorities that vouch for it; a forger's have the same names."""

    chain: Chain
    deposited: Deposited
    tsa: Issuer
    p256: Issuer
    sm2: Issuer

    @classmethod
    def of(cls, seed: str = "honest", content: bytes = forging.CONTENT) -> "World":
        issuers = [root(f"{seed} {who}", suite) for who, suite in WHO]
        made, deposited = forging.chain(seed, content)
        return cls(made, deposited, *issuers)

    def stamped(self, size: int | None = None, at_ms: int = STAMPED_MS) -> Stamped:
        """The body of the tree of this size with token, signatures, and the way from the deposit's
        own tree."""
        body, length = self.chain.body(size), size or len(self.chain.leaves)
        platform = Platform(holder(self.p256), holder(self.sm2))
        request = format_request(TimestampRequest(Imprint.of(body, SHA256)))
        answer = TimestampService(stamper(self.tsa)).answer(request, at_ms, 1)
        signed = platform.sign(body, NOW_S)
        first = self.deposited.leaf + 1
        paths = {}
        if first < length:
            paths[first] = consistency_path(first, length, self.chain.hashes(length))
        return Stamped(body, request, answer, signed.p7s, signed.sm2, paths)

    def certificates(self) -> Certificates:
        """What is enclosed: also copies of the roots, which must help nobody."""
        files = {
            "platform-p256": format_certificates(holder(self.p256).chain),
            "platform-sm2": format_certificates(holder(self.sm2).chain),
            "tsa-test": format_certificates(stamper(self.tsa).chain),
        }
        for name, issuer in (("tsa", self.tsa), ("p256", self.p256), ("sm2", self.sm2)):
            files[f"root-copy-{name}"] = format_certificates([issuer.certificate])
        return Certificates(files)

    def trust(self) -> Trust:
        """All of it, from outside."""
        roots = {"tsa": self.tsa, "platform-p256": self.p256, "platform-sm2": self.sm2}
        policy = self.chain.policies[-1].policy_text
        pems = [(f"{k}.pem", format_certificates([v.certificate])) for k, v in roots.items()]
        return trust_of(Anchor(policy_text=policy), pems)

    def deposit(self) -> Deposit:
        size = self.deposited.leaf + 1
        return Deposit(format_proof(self.chain.proof(self.deposited, 0, size=size)))

    def certificate(self, data: bytes) -> dict[str, bytes]:
        """The files of folder 00 that sign these data."""
        platform = holder(self.p256)
        signed = Platform(platform, holder(self.sm2)).sign(data, NOW_S)
        assert signed.p7s is not None
        assert signed.sm2 is not None
        return {
            layout.CERTIFICATE_PDF: signed_pages(data, platform, NOW_S),
            layout.CERTIFICATE_JSON: data,
            layout.CERTIFICATE_CMS: signed.p7s,
            layout.CERTIFICATE_SM2: signed.sm2,
        }


WHO = (("tsa", P256), ("platform", P256), ("platform sm2", SM2))


@pytest.fixture(scope="module")
def world() -> World:
    made = World.of()
    made.chain.deposit([b"later"])
    return made


def files_of(world: World, *stamped: Stamped) -> dict[str, bytes]:
    whole = bundle([world.deposit()], stamped=stamped, certificates=world.certificates())
    return flat(whole)


def check(tmp_path: Path, files: dict[str, bytes], trust: Trust) -> CheckedBundle:
    path = tmp_path / "EVB.zip"
    path.write_bytes(zipped(sealed_again(files)))
    return check_bundle(path, trust, verifiers=vouching(NOW_S))


def only(checked: CheckedBundle) -> CheckedDeposit:
    (deposit,) = checked.deposits
    assert checked.package_code is None
    return deposit


def told(deposit: CheckedDeposit, step: int) -> list[str]:
    return [each.outcome.en for each in deposit.verdict.findings if each.step == step]


PASSED, FAILED, UNCHECKED = "passed", "failed", "not checked"


@pytest.mark.parametrize("later", [False, True])
def test_a_token_over_this_or_a_later_tree_counts(
    world: World, later: bool, tmp_path: Path
) -> None:
    size = len(world.chain.leaves) if later else world.deposited.leaf + 1
    deposit = only(check(tmp_path, files_of(world, world.stamped(size)), world.trust()))
    assert told(deposit, 7) == [PASSED]
    assert told(deposit, 8) == [PASSED, PASSED]
    assert deposit.verdict.code is ResultCode.V001
    assert not {OpenPoint.O08, OpenPoint.O14, OpenPoint.O15} & set(deposit.verdict.open_points)
    # The authority of these tests is the platform's own.
    assert OpenPoint.O03 in deposit.verdict.open_points


def test_the_smallest_tree_that_reaches_the_deposit_is_taken(world: World, tmp_path: Path) -> None:
    size = world.deposited.leaf + 1
    stamps = [world.stamped(at_ms=STAMPED_MS + 60_000), world.stamped(size), world.stamped(4)]
    deposit = only(check(tmp_path, files_of(world, *stamps), world.trust()))
    (finding,) = [each for each in deposit.verdict.findings if each.step == 7]
    assert "00:01:00" in finding.zh


def test_a_token_over_a_smaller_tree_says_nothing(world: World, tmp_path: Path) -> None:
    deposit = only(check(tmp_path, files_of(world, world.stamped(4)), world.trust()))
    assert told(deposit, 7) == told(deposit, 8) == [UNCHECKED]
    assert OpenPoint.O08 in deposit.verdict.open_points


def test_nothing_counts_without_a_root_from_outside(world: World, tmp_path: Path) -> None:
    """Copies of the roots lie in the bundle."""
    trust = replace(world.trust(), tsa_roots=(), platform_roots=())
    deposit = only(check(tmp_path, files_of(world, world.stamped()), trust))
    assert told(deposit, 7) == [UNCHECKED]
    assert told(deposit, 8) == [UNCHECKED] * 2
    assert OpenPoint.O14 in deposit.verdict.open_points
    assert deposit.verdict.code is ResultCode.V001


def test_roots_vouch_for_what_their_names_say(world: World, tmp_path: Path) -> None:
    pem = format_certificates([world.tsa.certificate])
    for name, count in (("tsa.pem", (1, 0)), ("platform.pem", (0, 1)), ("ca.pem", (1, 1))):
        trust = trust_of(None, [(name, pem)])
        assert (len(trust.tsa_roots), len(trust.platform_roots)) == count


def test_t3_fails_at_5_7_and_8(world: World, tmp_path: Path) -> None:
    """Another chain, another authority, another platform, all of the same names."""
    forger = World.of("forger", forging.FORGED)
    files = files_of(forger, forger.stamped())
    files |= forger.certificate(b'{"contents":"-"}')
    checked = check(tmp_path, files, forger.trust())
    assert told(checked.deposits[0], 7) == [PASSED]
    assert told(checked.deposits[0], 8) == [PASSED] * 2
    assert checked.deposits[0].verdict.code is ResultCode.V001
    checked = check(tmp_path, files, world.trust())
    deposit = checked.deposits[0]
    assert FAILED in told(deposit, 5)
    assert told(deposit, 7) == [FAILED]
    assert told(deposit, 8) == [FAILED] * 2
    assert deposit.verdict.code is ResultCode.V206
    codes = [each.code for each in checked.findings if each.step == 8]
    assert codes == [ResultCode.V304] * 3


def test_a_proof_that_holds_does_not_carry_a_token_that_does_not(
    world: World, tmp_path: Path
) -> None:
    forger = World.of("forger")
    honest = world.stamped()
    forged = Stamped(honest.body, honest.request, forger.stamped().response, paths=honest.paths)
    deposit = only(check(tmp_path, files_of(world, forged), world.trust()))
    assert told(deposit, 7) == [FAILED]
    assert deposit.verdict.code is ResultCode.V401
    signed = replace(honest, sm2=forger.stamped().sm2, cms=honest.cms)
    deposit = only(check(tmp_path, files_of(world, signed), world.trust()))
    assert told(deposit, 8) == [PASSED, FAILED]
    assert deposit.verdict.code is ResultCode.V304


def test_a_body_that_does_not_contain_the_deposit_is_named(world: World, tmp_path: Path) -> None:
    """Of the same size another root; a way that does not lead to it; a body that is none."""
    size, later = world.deposited.leaf + 1, len(world.chain.leaves)
    good = files_of(world, world.stamped(size), world.stamped(later))
    other = World.of("forger").chain.body(size)
    path = layout.consistency(size, later)
    for change in (
        {layout.body(size): other},
        {layout.body(size): good[layout.body(later)]},
        {layout.body(size): b"no checkpoint"},
        {path: good[path].replace(b"R", b"L", 1)},
        {path: good[path][:-2] + b"0\n"},
        {path: b""},
    ):
        deposit = only(check(tmp_path, good | change, world.trust()))
        assert told(deposit, 7) == [FAILED], change
        assert deposit.verdict.code is ResultCode.V401
    # Without the way, a later body says nothing of this deposit.
    without = files_of(world, world.stamped(later))
    del without[path]
    deposit = only(check(tmp_path, without, world.trust()))
    assert told(deposit, 7) == [UNCHECKED]


def test_a_token_earlier_than_its_block_is_an_open_point(world: World, tmp_path: Path) -> None:
    early = world.stamped(at_ms=START_MS - 60_000)
    deposit = only(check(tmp_path, files_of(world, early), world.trust()))
    assert told(deposit, 7) == [PASSED]
    assert OpenPoint.O15 in deposit.verdict.open_points


def test_the_certificate_is_signed_by_the_platform(world: World, tmp_path: Path) -> None:
    files = files_of(world)
    data = certificate_data(sealed_again(files))
    files |= world.certificate(data)
    checked = check(tmp_path, files, world.trust())
    assert [each.outcome.en for each in checked.findings] == [PASSED] * 4
    assert checked.code is ResultCode.V001
    other = World.of("forger").certificate(data)
    files[layout.CERTIFICATE_CMS] = other[layout.CERTIFICATE_CMS]
    checked = check(tmp_path, files, world.trust())
    assert (checked.package_code, checked.code) == (ResultCode.V304, ResultCode.V304)
    del files[layout.CERTIFICATE_CMS]
    checked = check(tmp_path, files, world.trust())
    assert [each.outcome.en for each in checked.findings] == [PASSED, UNCHECKED, PASSED, PASSED]


def test_a_certificate_is_judged_at_the_time_it_was_used(world: World, tmp_path: Path) -> None:
    """Long expired by the day of the verification: it passes, and that is said."""
    path = write(tmp_path / "bag", files_of(world, world.stamped()))
    later = vouching(NOW_S + 5 * YEAR_S)
    (deposit,) = check_bundle(path, world.trust(), verifiers=later).deposits
    assert told(deposit, 7) == [PASSED]
    assert told(deposit, 8) == [PASSED] * 2
    notes = [each.en for each in deposit.verdict.findings if each.step == 8]
    assert all("has expired since" in note for note in notes)
