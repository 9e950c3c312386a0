"""The one exception any parser of this package raises on bytes it does not accept.

A verifier is fed by whoever holds a file, so every byte it reads may be hostile. Whatever is wrong
with it, the answer is `Malformed`: anything else that escapes a parser is a bug of ours.
"""


class Malformed(Exception):
    """These bytes are not what they claim to be: `where` it was seen and `why` it was refused.

    `newer` says that they claim a format, rules number or algorithm that this version does not
    know: then the answer is not "damaged" but "could not check".
    """

    def __init__(self, where: str, why: str, *, newer: bool = False) -> None:
        super().__init__(where, why)
        self.where = where
        self.why = why
        self.newer = newer

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"
