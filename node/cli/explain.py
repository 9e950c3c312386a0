"""`verify --explain DIR`: each step's input bytes as files, with the commands that repeat it."""

from __future__ import annotations

from pathlib import Path

from node.cli.failure import Failure
from node.cli.files import write_whole
from node.cli.terminal import Terminal
from node.evidence.explain import explain
from node.evidence.malformed import Malformed
from node.evidence.proof_text import parse_proof


def check_directory(directory: Path) -> None:
    """Files of two proofs in one folder would explain neither."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Failure(
            f"{directory} 已存在且不是空目录；请为 --explain 指定新目录。",
            f"{directory} exists and is not an empty directory; name a new one for --explain.",
        )


def write_exhibits(data: bytes, directory: Path, terminal: Terminal) -> list[str]:
    """Write the exhibits of a proof, whatever its verdict; none if it cannot be read."""
    try:
        exhibits = explain(parse_proof(data))
    except Malformed:
        terminal.note(
            "证明文件无法读取，没有可供重做的步骤。",
            "The proof cannot be read, so there is no step to repeat.",
            "yellow",
        )
        return []
    directory.mkdir(parents=True, exist_ok=True)
    for each in exhibits:
        write_whole(directory / each.name, each.data, replace=False)
    terminal.note(
        f"已将各步骤所用的字节写入 {directory}（{len(exhibits)} 个文件）；请从 README.txt 开始。",
        f"Wrote each step's input bytes to {directory} ({len(exhibits)} files); begin with its "
        "README.txt.",
    )
    return [each.name for each in exhibits]
