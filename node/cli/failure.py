"""Why a command stopped: one sentence that says what to do, and the exit code.

The exit codes are those of the nine answers (`node.words.Answer`), so that a program learns the
same thing from every command; 2 says that the command was called wrongly and nothing was done.
"""

from __future__ import annotations

import errno

from node.cli.language import Text
from node.words import WRONG_USAGE_EXIT_CODE, Answer

_ZH_REASONS = {
    errno.ENOENT: "文件或目录不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EISDIR: "是目录，不是文件",
    errno.ENOTDIR: "路径中有一项不是目录",
    errno.EEXIST: "已存在",
    errno.ENOSPC: "磁盘空间不足",
    errno.EDQUOT: "超出磁盘配额",
    errno.EROFS: "文件系统只读",
    errno.ENAMETOOLONG: "名称过长",
    errno.EIO: "读写出错",
}


def reason(error: OSError) -> Text:
    """What the operating system says; in Chinese where we have words for it."""
    en = error.strerror or type(error).__name__
    return Text(_ZH_REASONS.get(error.errno or 0, en), en)


class Failure(Exception):
    """Ends the command: printed to stderr, never with a traceback.

    `code` is what a gateway called its problem, for programs. `nothing_taken` says that it refused
    the first request that could have changed anything.
    """

    def __init__(
        self, zh: str, en: str, answer: Answer | None = None, code: str | None = None
    ) -> None:
        super().__init__(en)
        self.text = Text(zh, en)
        self.answer = answer
        self.code = code
        self.nothing_taken = False

    @property
    def exit_code(self) -> int:
        """That of the answer; without one, wrong usage."""
        return WRONG_USAGE_EXIT_CODE if self.answer is None else self.answer.exit_code
