"""Why a command stopped: one sentence that says what to do, and the exit code.

The exit codes are those of the nine answers (`node.words.Answer`), so that a program learns the
same thing from every command; 2 says that the command was called wrongly and nothing was done.
"""

from __future__ import annotations

from node.cli.language import Text
from node.errors import zh_reason
from node.words import WRONG_USAGE_EXIT_CODE, Answer


def reason(error: OSError) -> Text:
    """What the operating system says; in Chinese where we have words for it."""
    en = error.strerror or type(error).__name__
    return Text(zh_reason(error), en)


class Failure(Exception):
    """Ends the command: printed to stderr, never with a traceback.

    `code` is what a gateway called its problem, for programs.
    """

    def __init__(
        self, zh: str, en: str, answer: Answer | None = None, code: str | None = None
    ) -> None:
        super().__init__(en)
        self.text = Text(zh, en)
        self.answer = answer
        self.code = code

    @property
    def exit_code(self) -> int:
        """That of the answer; without one, wrong usage."""
        return WRONG_USAGE_EXIT_CODE if self.answer is None else self.answer.exit_code
