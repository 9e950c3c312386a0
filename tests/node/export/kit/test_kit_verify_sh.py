"""verify.sh: every step, the attacks at theirs, hostile packages, and nothing but stock tools."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from devnet.certificates import make_revocations
from node.evidence.policy import fingerprint
from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.bundle.core import Deposit
from node.export.bundle.trust import Trust
from node.export.kit.files import kit
from node.export.signing.certificate import format_pem
from tests.node.export.bundle import forging
from tests.node.export.bundle.bundles import bundle, deposit_of, flat, sealed_again, write
from tests.node.export.bundle.test_bundle_outside import NOW_S, World
from tests.node.export.kit.flips import accepted, honest_accepted
from tests.node.export.kit.handed_over import Said, anchors, run, verify_sh, whole_world
from tests.node.export.kit.test_kit_verify_py import forged
from tests.node.export.paper import YEAR_S
from tests.vectors.example_chain import Chain

TOOLS = (
    *("sh", "grep", "sed", "openssl", "xxd"),
    *("base32", "base64", "cat", "cmp", "cp", "cut", "head", "mkdir", "mktemp", "mv", "printf"),
    *("rm", "sha256sum", "sort", "split", "tail", "tr", "uniq", "wc"),
)
"""coreutils, grep, sed, openssl, xxd, and a shell."""
ATTACKS = {
    "T0": (0, []),
    "T1": (20, [1]),
    "T1b": (30, [0, 1]),
    "T2": (30, [2]),
    "T2b": (30, [3, 4]),
    "T3": (30, [5, 7, 8, 8]),
}


def shells() -> list[tuple[str, ...]]:
    """The POSIX shells of this machine."""
    found = [("dash",), ("busybox", "sh"), ("bash", "--posix"), ("ksh",), ("mksh",)]
    return [each for each in found if shutil.which(each[0])]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_fails_at_its_step(
    attack: str, world: World, trusted: Path, tmp_path: Path
) -> None:
    said = verify_sh(write(tmp_path / "bag", forged(world, attack)), trusted)
    code, steps = ATTACKS[attack]
    assert said.err == ""
    assert (said.code, sorted(said.steps("FAIL"))) == (code, steps)
    if attack == "T0":
        assert sorted(said.steps("PASS")) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
        assert said.steps("NOT CHECKED") == []


def test_what_was_forged_anew_passes_with_its_own_anchors(world: World, tmp_path: Path) -> None:
    """So T3 above is found by the anchors, not by a blunder of the forger."""
    theirs = anchors(tmp_path / "theirs", whole_world("forger", forging.FORGED))
    assert verify_sh(write(tmp_path / "bag", forged(world, "T3")), theirs).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("shell", shells(), ids=" ".join)
def test_every_shell_says_the_same(shell: tuple[str, ...], bag: Path, trusted: Path) -> None:
    said = verify_sh(bag, trusted, shell=shell)
    assert (said.code, said.err) == (0, "")
    assert said.out == verify_sh(bag, trusted).out


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with nothing else."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def cut_off() -> list[str]:
    """What begins a command in a network namespace of its own, in which there is nothing."""
    begin = [shutil.which("unshare") or "unshare", "--map-root-user", "--net"]
    try:
        done = subprocess.run([*begin, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here: no network namespace can be made")
    if done.returncode:
        pytest.skip(f"no network namespace can be made here: {done.stderr.strip()}")
    return begin


def test_it_needs_stock_tools_alone(bag: Path, trusted: Path, tools: Path) -> None:
    """From inside the bundle, as its reader calls it."""
    said = run_in(bag / layout.VERIFY, [tools / "sh", "verify.sh"], tools, ROOTS=str(trusted))
    assert (said.code, said.err) == (0, "")


def test_without_a_network_every_step_passes(
    bag: Path, trusted: Path, tools: Path, cut_off: list[str]
) -> None:
    """The kit as it lies in the bundle: verify.sh with stock tools, verify.py with Python alone."""
    place = bag / layout.VERIFY
    (trusted_here := bag.parent / "trusted").symlink_to(trusted)
    devices = run_in(place, [*cut_off, tools / "cat", "/proc/net/dev"], tools).out
    assert [line.partition(":")[0].strip() for line in devices.splitlines()[2:]] in ([], ["lo"])
    said = run_in(place, [*cut_off, tools / "sh", "verify.sh"], tools, ROOTS=str(trusted_here))
    assert (said.code, said.err) == (0, "")
    assert sorted(said.steps("PASS")) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert said.steps("FAIL") == said.steps("NOT CHECKED") == []
    command = [sys.executable, "-I", "verify.py", "--anchors", trusted_here]
    said = run_in(place, [*cut_off, *command], tools)
    assert (said.code, said.err) == (10, "")
    assert set(said.steps("PASS")) == set(range(9))
    assert said.steps("FAIL") == said.steps("NOT CHECKED") == []


def run_in(place: Path, command: Sequence[str | Path], tools: Path, **environment: str) -> Said:
    """A program there, with nothing else to call."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=place,
        env={"PATH": str(tools), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


# Proofs of every kind, beside the program's own verdict


def agree(files: Mapping[str, bytes], policy: bytes, tmp_path: Path) -> Said:
    """What verify.sh says; every deposit fails exactly where the program says it does."""
    bag = write(tmp_path / "bag", files)
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "policy-fingerprint.txt").write_text(fingerprint(policy))
    said = verify_sh(bag, roots)
    checked = check_bundle(bag, Trust(Anchor(policy_text=policy)))
    ours = {
        each.step
        for deposit in checked.deposits
        for each in deposit.verdict.findings
        if each.code is not None
    }
    assert said.err == ""
    assert set(said.steps("FAIL")) == ours
    assert (said.code in (0, 10)) is (checked.code.answer.exit_code in (0, 10))
    return said


def of_chain(made: Chain, *proofs: object) -> dict[str, bytes]:
    return flat(bundle([Deposit(format_proof(each)) for each in proofs]))  # type: ignore[arg-type]


def chain(**given: object) -> Chain:
    made = Chain(**given)  # type: ignore[arg-type]
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    return made


def test_a_changed_policy_and_further_signatures(tmp_path: Path) -> None:
    """The stored example of rules 2: P-256 and SM2, two policies; its fingerprint is the first."""
    policy = (Path(__file__).parents[3] / "vectors/example-2/policy.txt").read_bytes()
    said = agree(flat(bundle([deposit_of("example-2/sample")])), policy, tmp_path)
    assert said.code == 10


def test_digests_pages_attested_and_public_forms(tmp_path: Path) -> None:
    made = chain()
    plain = made.proof(made.deposit([b"x"], mode="digest"))
    paged = made.proof(made.deposit([b"%d" % n for n in range(40)], page=16), 35)
    attested = made.proof(made.deposit([b"y"], key="gateway"))
    public = public_form(made.proof(made.deposit([b"z"])))
    said = agree(
        of_chain(made, plain, paged, attested, public), made.policies[0].policy_text, tmp_path
    )
    assert said.code == 10
    assert "O01" in said.out


def test_a_later_checkpoint(tmp_path: Path) -> None:
    made = chain()
    deposited = made.deposit([b"x"])
    size = len(made.leaves)
    made.deposit([b"y"])
    proof = made.proof(deposited, 0, size=size, later=True)
    assert proof.later is not None
    assert agree(of_chain(made, proof), made.policies[0].policy_text, tmp_path).code == 10


def test_too_few_seals_a_revoked_key_and_an_unknown_one(tmp_path: Path) -> None:
    made = chain()
    deposited = made.deposit([b"x"])
    few = made.proof(deposited, 0, note=made.seal(sealers=("court",)))
    assert agree(of_chain(made, few), made.policies[0].policy_text, tmp_path / "few").code == 30
    made = chain()
    made.enrol("depositor", "depositor", "revoke")
    ended = made.proof(made.deposit([b"x"]))
    assert agree(of_chain(made, ended), made.policies[0].policy_text, tmp_path / "old").code == 30
    made = Chain()
    made.enrol("gateway", "gateway")
    unknown = made.proof(made.deposit([b"x"]))
    said = agree(of_chain(made, unknown), made.policies[0].policy_text, tmp_path / "who")
    assert (said.code, 3 in said.steps("NOT CHECKED")) == (10, True)


# Packages from a hostile hand


@pytest.mark.parametrize(
    "name",
    [
        "data/06-certificates/a\nb.pem",
        "data/06-certificates/\u202ex.pem",
        "data/06-certificates/$(touch owned).pem",
        "data/06-certificates/-rf",
        "data/06-certificates/a b.pem",
        "data/13-more/x",
        "data/03-proof/more.txt",
        "data/06-certificates/TSA-test.pem",
    ],
)
def test_a_hostile_name_is_named_and_not_used(
    name: str, files: dict[str, bytes], trusted: Path, tmp_path: Path
) -> None:
    bag = write(tmp_path / "bag", {**files, name: b"x"})
    said = verify_sh(bag, trusted)
    assert (said.code, said.err) == (30, "")
    assert said.steps("FAIL") == [0]
    assert "\u202e" not in said.out
    assert not list(tmp_path.rglob("owned"))


def test_links_and_paths_out_of_the_bundle(
    files: dict[str, bytes], trusted: Path, tmp_path: Path
) -> None:
    bag = write(tmp_path / "bag", files)
    (bag / layout.CERTIFICATES / "tsa-test.pem").unlink()
    (bag / layout.CERTIFICATES / "tsa-test.pem").symlink_to(trusted / "tsa.pem")
    assert verify_sh(bag, trusted).steps("FAIL") == [0]
    manifest = files[layout.MANIFEST_SHA256]
    line = manifest.splitlines(keepends=True)[-1].split(b"  ")[0] + b"  data/../../secret\n"
    bag = write(tmp_path / "other", {**files, layout.MANIFEST_SHA256: manifest + line})
    said = verify_sh(bag, trusted)
    assert (said.code, said.steps("FAIL")[0]) == (30, 0)


def test_a_package_that_is_not_the_one_listed(
    files: dict[str, bytes], trusted: Path, tmp_path: Path
) -> None:
    """Altered without making the manifests right again; and with, but not what signs them."""
    path = layout.SIX_ITEMS
    altered = {**files, path: b"x"}
    for at, each in enumerate((altered, sealed_again(altered))):
        said = verify_sh(write(tmp_path / f"bag-{at}", each), trusted)
        assert (said.code, said.steps("FAIL")) == (30, [0])


def test_trust_comes_from_outside_or_not_at_all(bag: Path, trusted: Path, tmp_path: Path) -> None:
    assert verify_sh(bag, None).code == 80
    assert verify_sh(bag, bag / "data").code == 2
    assert verify_sh(bag, tmp_path / "none").code == 2
    bare = tmp_path / "fingerprint"
    bare.mkdir()
    shutil.copy(trusted / "policy-fingerprint.txt", bare)
    said = verify_sh(bag, bare)
    assert (said.code, said.steps("NOT CHECKED")) == (10, [8, 7, 8])
    (bare / "policy-fingerprint.txt").write_text("AAAA-AAAA\n")
    assert verify_sh(bag, bare).code == 2


def test_what_was_revoked_before_counts_for_nothing(
    bag: Path, world: World, tmp_path: Path
) -> None:
    """By lists from outside, which name others too; what was revoked after its use still counts."""
    serials = {"platform": 77, "tsa": 78}
    issuers = {"platform": world.p256, "tsa": world.tsa}
    for who, at_s, steps in (
        ("platform", NOW_S - YEAR_S // 2, [8, 8]),
        ("tsa", NOW_S - YEAR_S // 2, [7]),
        ("platform", NOW_S + YEAR_S // 2, []),
    ):
        roots = anchors(tmp_path / f"{who}-{at_s}", world)
        revoked = [(5, NOW_S - YEAR_S), (serials[who], at_s), (6, NOW_S - YEAR_S)]
        made = make_revocations(issuers[who], NOW_S + YEAR_S, revoked)
        (roots / f"{who}-crl.pem").write_bytes(format_pem("X509 CRL", made))
        said = verify_sh(bag, roots)
        assert (said.err, said.steps("FAIL")) == ("", steps)


def test_a_file_in_hand_is_compared(bag: Path, trusted: Path, world: World) -> None:
    number = world.deposit().number
    own = bag / layout.original(1, number)
    assert verify_sh(bag, trusted, f"{number}={own}").code == 0
    assert verify_sh(bag, trusted, f"{number}={bag / layout.BAGIT}").code == 20
    assert verify_sh(bag, trusted, f"{number}={bag / 'none'}").code == 2
    assert verify_sh(bag.parent, trusted).code == 2


@pytest.mark.slow
def test_no_single_bit_is_free(world: World, tmp_path: Path) -> None:
    """A sample of what `python -m tests.node.export.kit.flips 1000` does."""
    for name in ("honest", "flipped"):
        (tmp_path / name).mkdir()
    assert honest_accepted(world, tmp_path / "honest", None)
    assert accepted(world, tmp_path / "flipped", 24, shell_every=6) == []


def test_it_says_so_where_openssl_is_too_old(bag: Path, trusted: Path, tmp_path: Path) -> None:
    fake = tmp_path / "openssl"
    fake.write_text("#!/bin/sh\necho LibreSSL 3.3.6\n")
    fake.chmod(0o755)
    script = tmp_path / "verify.sh"
    script.write_bytes(kit()["verify.sh"])
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ROOTS": str(trusted)}
    assert run(["sh", script, bag], **environment).code == 80
