"""The first step of a deposit: hash every file, and name whatever cannot be deposited.

Nothing is written or sent before every file is through, so a refusal changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from node.cli.batch_files import unfinished
from node.cli.failure import Failure
from node.cli.files import evidence_files, proof_path
from node.cli.language import Text
from node.cli.terminal import Terminal
from node.client.errors import Unusable
from node.client.hashing import HashedFile, hash_file, size_of

NAMED_MAX = 10
"""Refused files that are named one by one; of more, the number is said."""


def take_in(
    arguments: Sequence[Path], folder: Path, terminal: Terminal, *, skip: bool, force: bool
) -> list[HashedFile]:
    """The files to deposit, hashed. `skip` leaves out those refused; `force` allows old proofs.

    Of a deposit that was interrupted some files have proofs: then its batch file, which is in
    `folder`, is what to go on with.
    """
    paths = list(evidence_files(list(arguments)))
    hashed, refused = [], []
    with terminal.progress(of_bytes=True) as progress:
        progress.start(terminal.pick("计算摘要", "hashing"), sum(map(size_of, paths)))
        for path in paths:
            if not force and proof_path(path).exists():
                refused.append((path, _HAS_PROOF))
                continue
            try:
                file = hash_file(path, progress.advance)
            except Unusable as error:
                refused.append((path, Text(error.zh, error.en)))
                continue
            if file.digests.size:
                hashed.append(file)
            else:
                refused.append((path, _EMPTY))
    if refused and not skip:
        proven = [path for path, why in refused if why is _HAS_PROOF]
        raise _refusal(refused, stop=True, resume=unfinished(folder, proven) if proven else ())
    if refused:
        text = _refusal(refused, stop=False).text
        terminal.note(text.zh, text.en, "yellow")
    if not hashed:
        raise Failure("没有可存证的文件。", "there is no file to deposit.")
    return hashed


_EMPTY = Text(
    "是空文件（0 字节），空内容的摘要不能证明任何内容",
    "is empty (0 bytes), and the digest of nothing proves nothing",
)
_HAS_PROOF = Text(
    "已有证明文件，再次存证将得到另一编号（如确需，请加 --force）",
    "has a proof already; a new deposit gets another number (--force if you want that)",
)


def _refusal(
    refused: list[tuple[Path, Text]], *, stop: bool, resume: Sequence[Path] = ()
) -> Failure:
    named, more = refused[:NAMED_MAX], len(refused) - NAMED_MAX
    zh = "；".join(f"{path} {why.zh}" for path, why in named)
    en = "; ".join(f"{path} {why.en}" for path, why in named)
    if more > 0:
        zh, en = f"{zh}；以及另外 {more} 个文件", f"{en}; and {more} more files"
    if not stop:
        return Failure(f"已略过：{zh}。", f"Left out: {en}.")
    if resume:
        command = f"cunzheng anchor --resume {' '.join(map(str, resume))}"
        return Failure(
            f"未存证任何文件：{zh}。上次存证未全部完成；请运行 {command} 继续。",
            f"nothing was deposited: {en}. The last deposit did not get to its end; go on with it: "
            f"{command}",
        )
    return Failure(
        f"未存证任何文件：{zh}。请改正，或加 --skip 略过这些文件。",
        f"nothing was deposited: {en}. Correct that, or leave them out with --skip.",
    )
