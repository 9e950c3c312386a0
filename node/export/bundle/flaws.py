"""What can be wrong with a package, each with a name, in Chinese and English (step 0).

Whoever hands a bundle over may be hostile. Whatever they do to it is one of these: a verifier names
it, and never falls over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from node.words import Bilingual

SHOWN_MAX = 5
"""Names told of one flaw; the rest are counted."""
NAME_SHOWN_MAX = 120


class Flaw(Bilingual):
    """One kind of flaw; its name is its key for programs, and is kept for ever."""

    # What it is
    UNREADABLE = ("文件或目录无法读取", "cannot be read")
    NOT_A_ZIP = ("不是完整的 ZIP 文件", "not a whole ZIP archive")
    NOT_A_BUNDLE = ("其中没有 bagit.txt，不是证据包", "has no bagit.txt: not an evidence bundle")
    NEWER = (
        "证据包的格式比本核验程序更新，请使用新版核验程序",
        "a newer format than this verifier knows; use a newer one",
    )
    # The archive
    PREPENDED = ("首个条目之前有多余字节", "bytes before the first entry")
    APPENDED = ("压缩包末尾之后有多余字节或注释", "bytes or a comment after the end of the archive")
    BETWEEN = (
        "条目之间有多余字节，或条目相互重叠",
        "bytes between entries, or entries that overlap",
    )
    HEADERS = (
        "条目的本地文件头与中央目录不一致",
        "an entry's local header differs from the directory of the archive",
    )
    ENCRYPTED = ("条目已加密", "an encrypted entry")
    METHOD = (
        "条目使用了不支持的压缩方式或 ZIP 特性",
        "a method of compression or a feature of ZIP that bundles do not use",
    )
    CORRUPT = ("条目的数据损坏", "the data of an entry are corrupt")
    EXPANDS = (
        "压缩比超过上限；请以自备工具解压后核验目录",
        "expands beyond the limit; unpack it with a tool of your own and verify the directory",
    )
    ROOTS = (
        "条目不在证据包的目录中（如系打包工具所加，请删除后重新核验）",
        "an entry outside of the bundle's folder; if a tool added it, remove it and verify again",
    )
    # Names
    DUPLICATE = ("两个条目同名", "two entries of one name")
    COLLIDING = (
        "名称仅大小写或字符形式不同",
        "names that differ in case or in the form of their characters only",
    )
    BOTH = ("同一名称既是文件又是目录", "a name that is a file here and a folder there")
    OUTSIDE = (
        "路径越出证据包（绝对路径、盘符或 ..）",
        "a path out of the bundle: absolute, with a drive letter, or with ..",
    )
    BACKSLASH = ("名称含反斜杠", "a backslash in a name")
    CONTROL = ("名称含换行等控制字符", "a line feed or another control character in a name")
    DIRECTION = (
        "名称含改变文字方向或不可见的字符",
        "a character in a name that turns text around or cannot be seen",
    )
    NOT_ASCII = ("名称含 ASCII 以外的字符", "a name with characters that are not ASCII")
    CHARACTERS = ("名称含证据包不用的字符", "a name with characters that bundles do not use")
    LINK = ("符号链接", "a symbolic link")
    SPECIAL = ("既不是普通文件也不是目录", "neither a file nor a folder")
    # Limits
    TOO_MANY = ("条目过多", "too many entries")
    TOO_LARGE = ("文件过大", "a file larger than its kind may be")
    TOTAL = ("除原件外的文件合计过大", "all files but the originals are too large together")
    TOO_DEEP = ("路径过长或目录过深", "a path too long or too deep")
    # The bag
    NO_PLACE = (
        "证据包中没有此文件的位置（如系操作系统所加，请删除后重新核验）",
        "a file for which a bundle has no place; if your system added it, remove it and verify "
        "again",
    )
    MISSING = ("缺少文件", "a file is missing")
    UNLISTED = ("清单未列出的文件", "a file that no manifest lists")
    DIGEST = ("文件摘要与清单不一致", "a file's digest is not that of the manifest")
    TAG = ("BagIt 文件的内容不符合格式", "a text of BagIt is not as the format has it")
    COUNT = (
        "文件数或总字节数与 bag-info.txt 不一致",
        "number or total size of files is not that in bag-info.txt",
    )
    PROFILE = ("原件与证据包的类型不符", "the originals do not fit the profile of the bundle")
    JSON = (
        "JSON 不是规范形式（含重复键、多余空白等）",
        "JSON not in its canonical form: a key that stands twice, white space, and the like",
    )
    LIST = (
        "证据目录与存证编号不一致",
        "evidence list, bag-info.txt and folders do not name the same deposits",
    )
    CERTIFICATE = (
        "存证证书所载的清单摘要、存证编号或数据摘要与本证据包不一致",
        "a certificate is of another list of contents, evidence number or digest than this bundle",
    )
    PDF = (
        "certificate.pdf 内未原样附有本证据包的 certificate.json",
        "certificate.pdf does not hold this bundle's certificate.json as it is",
    )
    # A deposit
    NUMBER = (
        "证明文件的存证编号与目录名不一致",
        "the proof is of another evidence number than its folder",
    )
    DERIVED = (
        "供通用工具使用的文件与证明文件不一致",
        "a file for stock tools is not what the proof gives",
    )


@dataclass
class Flaws:
    """The flaws found so far: of each kind the first few places, and how many there are."""

    places: dict[Flaw, list[str]] = field(default_factory=dict)
    counts: dict[Flaw, int] = field(default_factory=dict)

    def add(self, flaw: Flaw, place: str = "") -> None:
        """One more."""
        self.counts[flaw] = self.counts.get(flaw, 0) + 1
        places = self.places.setdefault(flaw, [])
        if place and len(places) < SHOWN_MAX:
            places.append(shown(place))

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __contains__(self, flaw: Flaw) -> bool:
        return flaw in self.counts

    def told(self) -> Iterator[tuple[Flaw, str, str]]:
        """(flaw, zh, en) in the order of `Flaw`, with places and what is not told of them."""
        for flaw in Flaw:
            if flaw not in self.counts:
                continue
            places = ", ".join(self.places[flaw])
            more = self.counts[flaw] - len(self.places[flaw])
            zh = f"{flaw.zh}：{places}" if places else flaw.zh
            en = f"{flaw.en}: {places}" if places else flaw.en
            if places and more:
                zh, en = f"{zh}，另有 {more} 处", f"{en}, and {more} more"
            yield flaw, zh, en


class Broken(Exception):
    """A flaw after which there is nothing to read on: of the whole package, or of one file."""

    def __init__(self, flaw: Flaw, place: str = "") -> None:
        super().__init__(flaw, place)
        self.flaw = flaw
        self.place = place


def shown(name: str) -> str:
    """A hostile name on one line, in letters that cannot do anything."""
    text = ascii(name)[1:-1]
    return text if len(text) <= NAME_SHOWN_MAX else f"{text[:NAME_SHOWN_MAX]}..."
