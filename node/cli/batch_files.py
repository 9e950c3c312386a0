"""Batch files on disk: written before anything is sent, read to go on after a stop."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import BATCH_PREFIX, BATCH_SUFFIX, proof_path, read_limited, write_whole
from node.cli.language import Text
from node.cli.terminal import Terminal
from node.client.errors import Unusable
from node.client.hashing import HashedFile, hash_file, size_of
from node.evidence.batch import BATCH_SIZE_MAX, Batch, format_batch, parse_batch
from node.evidence.malformed import Malformed
from node.evidence.statement import receipt_number, statement_id
from node.evidence.steps import FileDigests

_CHANGED = Text("在计算摘要之后被改动", "was changed after it was hashed")


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch and the file it is kept in; `files` by their place in the batch."""

    batch: Batch
    path: Path
    files: dict[int, HashedFile]


def keep(batch: Batch, folder: Path, files: dict[int, HashedFile]) -> Kept:
    """Write a batch, durably and for its owner only: it opens every item."""
    number = receipt_number(statement_id(batch.statement_bytes))
    path = folder / f"{BATCH_PREFIX}{number}{BATCH_SUFFIX}"
    write_whole(path, format_batch(batch), replace=False, private=True)
    return Kept(batch, path, files)


def reopen(path: Path, terminal: Terminal, *, only_inside: bool = False) -> Kept:
    """A batch file, and those of its files that are still what was hashed.

    A batch file may come from others: `only_inside` refuses one whose paths lead out of its folder
    before anything there is read, let alone written.
    """
    try:
        batch = parse_batch(read_limited(path, BATCH_SIZE_MAX))
    except Malformed as error:
        raise Failure(
            f"{path} 不是批次文件或已损坏（{error}）；请使用存证时写入的原文件。",
            f"{path} is no batch file, or damaged ({error}); use the one the deposit wrote.",
        ) from error
    if only_inside:
        _check_inside(path.parent, batch)
    files = {}
    for index, each in enumerate(batch.items):
        file = None if each.path is None else _unchanged(path.parent / each.path, batch, index)
        if isinstance(file, HashedFile):
            files[index] = file
        elif file is not None:
            terminal.note(
                f"警告：{each.path} {file.zh}；其证明将以存证编号命名，写在批次文件旁。",
                f"warning: {each.path} {file.en}; its proof is written beside the batch file, "
                "under its number.",
                "yellow",
            )
    return Kept(batch, path, files)


def discard(kept: Iterable[Kept], terminal: Terminal) -> None:
    """Remove batch files just written, whose statements nobody has taken."""
    for each in kept:
        each.path.unlink(missing_ok=True)
        terminal.note(
            f"该批次未被接收，批次文件 {each.path} 已移除。",
            f"Nothing of it was taken; the batch file {each.path} is removed again.",
        )


def unfinished(folder: Path, proven: Iterable[Path]) -> list[Path]:
    """Batch files in a folder of which some file has a proof, one of `proven`, and another none."""
    have, found = {_absolute(path) for path in proven}, []
    for path in sorted(folder.glob(f"{BATCH_PREFIX}*{BATCH_SUFFIX}")):
        try:
            items = parse_batch(read_limited(path, BATCH_SIZE_MAX)).items
        except (Failure, Malformed, OSError):
            continue  # Only looked for to give advice.
        files = [_absolute(folder / each.path) for each in items if each.path is not None]
        if have.intersection(files) and not all(proof_path(file).exists() for file in files):
            found.append(path)
    return found


def is_of(found: FileDigests, batch: Batch, index: int) -> bool:
    """Whether these digests are of the file that item `index` was made from."""
    each = batch.items[index]
    if each.opening is None:
        return found.digests[batch.deposit.alg] == each.item
    same = all(found.digests[alg] == digest for alg, digest in each.opening.digests)
    return same and found.size == each.opening.size


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _check_inside(folder: Path, batch: Batch) -> None:
    for each in batch.items:
        if each.path is None:
            continue
        # Where its proof would go; a link to a directory may lead out of the folder as well.
        if (folder / each.path).parent.resolve().is_relative_to(folder.resolve()):
            continue
        raise Failure(
            f"批次文件所记路径 {each.path} 在其目录之外，未写入任何证明；请用 --out 给出"
            "写入的目录，或逐个给出文件。",
            f"the batch file's path {each.path} leads out of its folder, and no proof was written; "
            "give a directory for the proofs with --out, or name the files.",
        )


def _unchanged(path: Path, batch: Batch, index: int) -> HashedFile | Text:
    """The file if it still is what was hashed, since only then its proof belongs beside it."""
    opening = batch.items[index].opening
    if opening is not None and path.exists() and size_of(path) != opening.size:
        return _CHANGED  # Not read: the path stands in a file that others may have written.
    try:
        file = hash_file(path)
    except Unusable as error:
        return Text(error.zh, error.en)
    if is_of(file.digests, batch, index):
        return file
    return _CHANGED
