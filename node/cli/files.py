"""Files as the commands touch them: read within limits, written whole or not at all.

A new file is written beside its place under another name, synced, and renamed. Whatever interrupts
that (Ctrl-C, a full disk, the power) leaves the old state and at most a file `.NAME.<random>.part`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from node.cli.failure import Failure, reason
from node.words import Answer

PROOF_SUFFIX = ".proof.txt"
BATCH_PREFIX = "cunzheng-"
BATCH_SUFFIX = ".batch.txt"
RECEIPT_SUFFIX = ".receipt.txt"
PART_SUFFIX = ".part"
# What this program wrote itself is no evidence to deposit.
OWN_SUFFIXES = (PROOF_SUFFIX, BATCH_SUFFIX, PART_SUFFIX)


def proof_path(file: Path, *, public: bool = False) -> Path:
    """Where the proof of a file is kept: beside it."""
    return file.with_name(file.name + (".public" if public else "") + PROOF_SUFFIX)


def read_limited(path: Path, size_max: int) -> bytes:
    """The bytes of a file that has no reason to be longer than `size_max`."""
    with path.open("rb") as file:
        data = file.read(size_max + 1)
    if len(data) > size_max:
        raise Failure(
            f"{path} 超过 {size_max} 字节，不是所需的文件；请检查路径。",
            f"{path} is longer than {size_max} bytes and cannot be what was asked for; "
            "check the path.",
        )
    return data


def write_whole(path: Path, data: bytes, *, replace: bool, private: bool = False) -> None:
    """Write a file durably, in one step for every onlooker.

    Bytes that are there already are left alone; other bytes are replaced only if the caller says
    so. `private` files can be read by their owner only.
    """
    if not replace and os.path.lexists(path):
        return _check_same(path, data)
    # The name of the target may fill the limit of the file system: only its start is used.
    part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}{PART_SUFFIX}")
    mode = stat.S_IRUSR | stat.S_IWUSR if private else 0o666
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace or not _link(part, path):
            os.replace(part, path)
    except FileExistsError:  # It has come into being meanwhile.
        part.unlink()
        return _check_same(path, data)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_directory(path.parent)


def _link(part: Path, path: Path) -> bool:
    """Give the file its name only if nobody has it; False where there are no hard links."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    part.unlink()
    return True


def _check_same(path: Path, data: bytes) -> None:
    """What is there already is an ordinary file with these bytes."""
    regular = stat.S_ISREG(path.lstat().st_mode)
    if regular and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    raise Failure(
        f"{path} 已存在且内容不同；请移走该文件，或加 --force 覆盖。",
        f"{path} exists with other content; move it away, or overwrite it with --force.",
    )


def sync_directory(path: Path) -> None:
    """Make a rename durable; where directories cannot be synced, the rename is as good as it is."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def evidence_files(arguments: list[Path]) -> Iterator[Path]:
    """The files meant: those named, and those inside the directories named, in a fixed order.

    A symbolic link counts if it is named itself: inside a directory it may lead anywhere, and
    what is behind it would be deposited twice.
    """
    seen: set[Path] = set()
    for argument in arguments:
        found = _inside(argument) if argument.is_dir() else iter([argument])
        for path in found:
            key = Path(os.path.abspath(path))
            if key not in seen:
                seen.add(key)
                yield path


def _inside(directory: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(directory, onerror=_unreadable):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if not _is_own(name) and stat.S_ISREG(path.lstat().st_mode):
                yield path


def _is_own(name: str) -> bool:
    # Evidence may well be called shop.receipt.txt: those of ours begin as their batch files do.
    receipt = name.startswith(BATCH_PREFIX) and name.endswith(RECEIPT_SUFFIX)
    return receipt or name.endswith(OWN_SUFFIXES)


def _unreadable(error: OSError) -> None:
    raise Failure(
        f"无法读取目录 {error.filename}：{reason(error).zh}。",
        f"the directory {error.filename} cannot be read: {reason(error).en}.",
        Answer.COULD_NOT_CHECK,
    )
