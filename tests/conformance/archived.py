"""A log that grew between two runs of its archive, as the product's own code writes it."""

from dataclasses import dataclass
from pathlib import Path

from node.archive.encryption import make_identity
from node.archive.files import Files
from node.archive.mirror import Copies, Mirror
from node.cli.main import main
from node.evidence.steps import Anchor
from node.published.layout import CHECKPOINT
from tests.node.archive.published import Log
from tests.node.conftest import World

RECORDS = 20
"""In each block."""
BLOCKS_BEFORE, BLOCKS_AFTER = 14, 16
OLD_SIZE, SIZE = 296, 632
"""Two leaves of the first block, then 21 of each: one full tile before, two after."""


@dataclass(frozen=True, slots=True)
class Archived:
    """The archive as an auditor has it, entries in the clear; the checkpoint it had before the log
    grew; all leaves; the policy and its log keys, first that of the member who publishes."""

    directory: Path
    old_checkpoint: Path
    leaves: tuple[bytes, ...]
    policy: bytes
    vkeys: tuple[str, ...]


def archive(directory: Path) -> Archived:
    """Grow a log, archive it, grow it, archive it again, decrypt the archive."""
    world = World()
    log, files, policy = Log(world), Files(directory / "encrypted"), world.note().policy_text
    identity, old, readable = (directory / name for name in ("auditor.pem", "old", "readable"))
    copies = Copies((make_identity(identity),), bodies=True)
    for first, count in ((0, BLOCKS_BEFORE), (BLOCKS_BEFORE, BLOCKS_AFTER)):
        old.write_bytes(files.read(CHECKPOINT) or b"")
        numbers = range(first * RECORDS, (first + count) * RECORDS, RECORDS)
        log.grow(*(tuple(map(world.deposited, range(n, n + RECORDS))) for n in numbers))
        anchor = Anchor(policy_text=policy)
        Mirror(log.fetch, files, anchor, lambda _: None).run(copies, lambda _: None)
    arguments = ("archive", files.directory, "--decrypt", readable, "--identity", identity)
    assert main(list(map(str, arguments))) == 0
    lines = policy.decode().splitlines()
    vkeys = tuple(line.removeprefix("log ") for line in lines if line.startswith("log "))
    return Archived(readable, old, tuple(log.memory.leaves), policy, vkeys)
