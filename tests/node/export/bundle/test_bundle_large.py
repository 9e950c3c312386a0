"""Large originals: the fields of 64 bits in an archive, and memory that does not grow with them."""

import io
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from node.client.hashing import hash_file
from node.evidence.item import Opening
from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor, FileDigests
from node.export.bundle import layout
from node.export.bundle.archive import Archive
from node.export.bundle.checking import check_bundle
from node.export.bundle.core import Deposit
from node.export.bundle.flaws import Broken
from node.export.bundle.manifest import CHUNK_SIZE
from node.export.bundle.trust import Trust
from node.export.bundle.writing import write_zip
from node.export.bundle.zip_format import (
    END,
    END_64,
    FULL_16,
    FULL_32,
    LOCATOR_64,
    Entry,
    central_header,
    end_of_directory,
    local_header,
)
from node.words import ResultCode
from tests.node.export.bundle.bundles import anchor, bundle, example_bundle, flat, zipped
from tests.vectors.example_chain import Chain

GIB = 1 << 30
NOTHING = FileDigests(
    4 * GIB + 1,
    {
        "sha256": bytes.fromhex("fbb82f7b353676bb562eb82157fcf0ea42c36492ca13ee56dbf82c08b6802c5c"),
        "sm3": bytes.fromhex("c94e95aa9dfce3d88c6db96f4c459289a4c1840280eaa8cc3293cef9d3575dc2"),
    },
)
"""So many zeros, as `openssl dgst` gives them."""


def sparse(path: Path, sizes: list[int]) -> Path:
    """An archive of files full of nothing, which takes no room on the disk."""
    lines = []
    with path.open("wb") as out:
        for place, size in enumerate([0, *sizes]):
            inside = f"{layout.EVIDENCE}{place:03d}.bin" if place else layout.BAGIT
            offset, name = out.tell(), f"EVB/{inside}"
            entry = Entry(size, 0, offset)
            out.write(local_header(name, entry))
            out.seek(size, 1)
            lines.append(central_header(name, entry))
        offset = out.tell()
        length = sum(out.write(each) for each in lines)
        out.write(end_of_directory(len(lines), offset, length))
    return path


@pytest.mark.parametrize(
    "sizes",
    [
        [FULL_32 - 1, 7],
        [FULL_32, 7],
        [5 * GIB, 7],
        [7, 3 * GIB, 3 * GIB, 7],
        [6 * GIB, 6 * GIB],
    ],
)
def test_sizes_and_offsets_beyond_four_gib(sizes: list[int], tmp_path: Path) -> None:
    """As we read them, and as the standard library does."""
    path = sparse(tmp_path / "large.zip", sizes)
    with path.open("rb") as file:
        archive = Archive(file)
        assert list(archive.sizes.values()) == [0, *sizes]
        assert not archive.flaws
    with zipfile.ZipFile(path) as theirs:
        infos = theirs.infolist()
    assert [each.file_size for each in infos] == [0, *sizes]
    assert [each.header_offset for each in infos] == sorted(each.header_offset for each in infos)


@pytest.mark.slow
def test_more_entries_than_sixteen_bits_count() -> None:
    names = [f"EVB/data/07-environment/{place}" for place in range(FULL_16 + 5)]
    names[0] = f"EVB/{layout.BAGIT}"
    parts, lines, offset = [], [], 0
    for name in names:
        parts.append(local_header(name, Entry(0, 0)))
        lines.append(central_header(name, Entry(0, 0, offset)))
        offset += len(parts[-1])
    directory = b"".join(lines)
    end = end_of_directory(len(names), offset, len(directory))
    assert len(end) == END_64.size + LOCATOR_64.size + END.size
    data = b"".join(parts) + directory + end
    assert len(Archive(io.BytesIO(data)).sizes) == len(names)
    with zipfile.ZipFile(io.BytesIO(data)) as theirs:
        assert len(theirs.infolist()) == len(names)
    for place, size in ((4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)):
        at = len(data) - len(end) + place
        forged = data[:at] + struct.pack("<Q", 3)[:size] + data[at + size :]
        with pytest.raises(Broken):
            Archive(io.BytesIO(forged))


def one_large(read: FileDigests) -> tuple[Deposit, Trust]:
    """A deposit of such a file."""
    chain = Chain(seed="large")
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    opening = Opening(chain.salt(), tuple(read.digests.items()), read.size, None)
    deposited = chain.deposit([b""], openings=[opening])
    policy = chain.policies[-1].policy_text
    return Deposit(format_proof(chain.proof(deposited))), Trust(Anchor(policy_text=policy))


def zeros(tmp_path: Path, size: int) -> Path:
    path = tmp_path / "original.bin"
    with path.open("wb") as out:
        out.truncate(size)
    return path


def made_and_checked(original: Path, read: FileDigests) -> int:
    """A bundle with this one original, made and checked; the most memory it took."""
    deposit, trust = one_large(read)
    tracemalloc.start()
    try:
        path = write_zip(original.parent, bundle([deposit], {deposit.number: original}))
        checked = check_bundle(path, trust)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert checked.code is ResultCode.V001
    assert checked.deposits[0].digests == read
    assert path.stat().st_size > read.size
    return peak


def test_memory_does_not_grow_with_an_original(tmp_path: Path) -> None:
    peaks = []
    for size in (CHUNK_SIZE, 40 * CHUNK_SIZE):
        (tmp_path / str(size)).mkdir()
        original = zeros(tmp_path / str(size), size)
        peaks.append(made_and_checked(original, hash_file(original).digests))
    assert peaks[1] < peaks[0] + 2 * CHUNK_SIZE


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_original_of_more_than_four_gib(tmp_path: Path) -> None:
    assert made_and_checked(zeros(tmp_path, NOTHING.size), NOTHING) < 32 * CHUNK_SIZE


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_no_damage_to_an_archive_raises_or_is_taken_for_good(method: int, tmp_path: Path) -> None:
    """Flips, cuts and insertions anywhere, no list made right: only what no reader looks at (times,
    owners) may change without being named."""
    good = zipped(flat(example_bundle()), method=method)
    dice, path = random.Random(7), tmp_path / "bundle.zip"
    unseen = 0
    for _ in range(150):
        at = dice.randrange(len(good))
        data = dice.choice(
            [
                good[:at] + bytes([good[at] ^ 1 << dice.randrange(8)]) + good[at + 1 :],
                good[:at],
                good[:at] + dice.randbytes(3) + good[at:],
                good[:at] + good[at + 1 :],
            ]
        )
        path.write_bytes(data)
        checked = check_bundle(path, Trust(anchor()))
        if checked.code is ResultCode.V001:
            assert len(data) == len(good)
            unseen += 1
    assert unseen < 15
