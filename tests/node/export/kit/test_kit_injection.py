"""Whatever stands in a bundle is data to verify.sh: nothing of it is run, in no shell.

A shell that is bash runs commands which stand in an array's subscript when it computes, and GNU sed
those of its `e`: so text from a bundle must not reach either before it is known for a number or a
name. Each payload here would make a file called `owned`.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.evidence.proof_text import format_proof, parse_proof
from node.export.bundle import layout
from node.export.bundle.core import Deposit
from tests.node.export.bundle.bundles import bundle, deposit_of, flat, sealed_again, write
from tests.node.export.bundle.test_bundle_outside import World
from tests.node.export.kit.handed_over import verify_sh

COMPUTED = b"a[$(>owned)]"
"""Where a number is meant."""
EDITED = b"x//;s/.*/>owned/e;#"
"""Where a name is meant, which sed is given in a pattern."""
PRINTED = b"\x1b]0;owned\x07"
"""Where something is told: an escape sequence, which would rename the reader's window."""
SHELLS = [each for each in (("dash",), ("bash", "--posix"), ("bash",)) if shutil.which(each[0])]


def proofs() -> dict[str, bytes]:
    """One with every kind of section, and one of a changed policy with further signatures."""
    second = deposit_of("example-2/sample").proof_bytes
    return {"rules 2": second, "rules 1": deposit_of("example/log").proof_bytes}


def poisoned(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every kind of number and name in the proof's sections replaced, one at a time."""
    body = data.index(b"\n\n") + 2
    seen = set()
    for found in re.finditer(rb"(?<=[ :+\n])([0-9]+|court|notary|cunzheng\.test/[a-z]+)", data):
        line = data[: found.start()].rpartition(b"\n")[2]
        kind = re.sub(rb"[0-9a-f]{8,}|[0-9]+", b"#", line)[:40]
        if found.start() < body or kind in seen:
            continue
        seen.add(kind)
        meant = COMPUTED if found[0].isdigit() else EDITED
        payload = PRINTED if len(seen) % 4 == 0 else meant
        new = data[: found.start()] + payload + data[found.end() :]
        yield f"{line.decode()[:40]} {payload!r}", new


def with_proof(files: dict[str, bytes], number: str, data: bytes) -> dict[str, bytes]:
    return sealed_again({**files, layout.record(number, layout.PROOF): data})


def check(bag: Path, trusted: Path, shell: tuple[str, ...], what: str) -> None:
    said = verify_sh(bag, trusted, shell=shell)
    assert (said.code, said.err) == (30, ""), (what, said)
    assert not [*bag.rglob("owned"), *bag.parent.glob("owned")], what
    assert "\x1b" not in said.out, what


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "shell"), list(zip(proofs(), SHELLS, strict=False)))
def test_nothing_in_a_proof_is_run(
    kind: str, shell: tuple[str, ...], trusted: Path, tmp_path: Path
) -> None:
    data = proofs()[kind]
    number, forgeries = parse_proof(data).number, list(poisoned(data))
    assert len(forgeries) > 20
    files = flat(bundle([Deposit(data)]))
    for what, forged in forgeries:
        bag = write(tmp_path / "bag", with_proof(files, number, forged))
        check(bag, trusted, shell, what)
        shutil.rmtree(bag)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("members", b"member court ", b"member " + EDITED + b" "),
        ("policy", b"group members 2 ", b"group members " + COMPUTED + b" "),
        ("entry", b"time ", b"time " + COMPUTED),
        ("entry", b'"page":', b'"page":' + COMPUTED),
        ("policy note", b"\npolicy ", b"\npolicy " + COMPUTED),
    ],
)
def test_a_payload_in_a_proof_is_data(
    section: str, old: bytes, new: bytes, shell: tuple[str, ...], trusted: Path, tmp_path: Path
) -> None:
    """Each of these once was run by one shell or another."""
    data = proofs()["rules 2"]
    assert old in data, section
    files = flat(bundle([Deposit(data)]))
    forged = with_proof(files, parse_proof(data).number, data.replace(old, new))
    check(write(tmp_path / "bag", forged), trusted, shell, section)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_name_of_a_bundle_is_data(
    shell: tuple[str, ...], files: dict[str, bytes], trusted: Path, tmp_path: Path
) -> None:
    """It says when the certificate was signed, which is computed with."""
    info = re.sub(rb"(?<=Identifier: ).*", b"EVB_x_" + COMPUTED, files[layout.BAG_INFO])
    forged = write(tmp_path / "bag", {**files, layout.BAG_INFO: info})
    check(forged, trusted, shell, "bag-info.txt")


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_what_a_token_says_is_data(
    shell: tuple[str, ...], world: World, files: dict[str, bytes], trusted: Path, tmp_path: Path
) -> None:
    """A refusal in the place of a token; OpenSSL prints its free text as it is."""
    text = b"\nTime stamp: Jan 1 00:00:" + COMPUTED + b" 2026 GMT\n"
    status = b"\x0c" + bytes([len(text)]) + text
    status = b"\x02\x01\x02\x30" + bytes([len(status)]) + status
    response = b"\x30" + bytes([len(status) + 2]) + b"\x30" + bytes([len(status)]) + status
    path = layout.token(world.deposited.leaf + 1)
    assert path in files
    forged = write(tmp_path / "bag", sealed_again({**files, path: response}))
    check(forged, trusted, shell, path)


def test_the_examples_are_taken_as_they_are() -> None:
    """So the tests above change something that was good."""
    for data in proofs().values():
        assert format_proof(parse_proof(data)) == data
