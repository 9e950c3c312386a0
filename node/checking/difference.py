"""What was found: one thing that is not as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Part(Enum):
    """Of a data directory, and what makes it good, in Chinese and English."""

    JOURNAL = (
        "journal",
        "启动 cunzheng member：向其他成员取回所缺区块并逐一核对；不能证明完整时以新副本重新加入。",
        "Start `cunzheng member`: it fetches the blocks that are missing from the other members and"
        " checks each; where that cannot prove it whole, it rejoins by itself as a new replica.",
    )
    VIEWS = (
        "views",
        "启动 cunzheng member 前删除 views/：它将由日志重新计算。",
        "Delete `views/`, then start `cunzheng member`: it computes it again from the journal.",
    )
    SEALS = (
        "seals",
        "启动 cunzheng member 前将 seals/ 移开：它会向其他成员询问自己曾签署的内容。",
        "Move `seals/` away before you start `cunzheng member`: it asks the others what it sealed.",
    )

    def __init__(self, directory: str, zh: str, en: str) -> None:
        self.directory = directory
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Difference:
    """One record of one part; `height` is None where it belongs to no block. `row` is what ought to
    be there, where it is a row of the views that never changes; writing it again is enough unless
    the place cannot be read."""

    part: Part
    height: int | None
    what: str
    row: tuple[bytes, bytes] | None = None
    is_readable: bool = True

    def __str__(self) -> str:
        where = "" if self.height is None else f", height {self.height}"
        return f"{self.part.directory}{where}: {self.what}"
