"""Case numbers (案号) of the people's courts.

    （2026）浙0192民初1234号之一
    year · court code · kind of case · running number · 之 and a Chinese numeral

Elements and digits follow the Supreme People's Court's rules on case numbers of 2015, amended 2018:
a high court's code is its province's character, an intermediate court's has two digits more, a
basic court's four; 知 may stand between code and kind. Numbers from before 2016-01-01
（…字第…号） have no code from which their court could be read.

Brackets may be typed in either width; there is one spelling, with full-width brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CASE_NO_LENGTH_MAX = 40

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新兵军"
SUPREME = "最高法"

_BRACKETS = str.maketrans("()", "（）")
_YEAR = re.compile(r"（((?:19|20)[0-9]{2})）")
_COURT = re.compile(rf"{SUPREME}|[{PROVINCES}](?:[0-9]{{2}}(?:[0-9]{{2}})?)?(?![0-9])")
_KIND = re.compile(r"(?!字第)(知)?([\u4e00-\u9fa5]{1,3}?)(?=[0-9])")
_RUNNING = re.compile(r"([1-9][0-9]{0,7})号")
_PART = re.compile(r"之([一二三四五六七八九十]{1,3})")
_LEGACY = re.compile(
    r"（(?P<year>(?:19|20)[0-9]{2})）(?P<court>[\u4e00-\u9fa5]{1,6})字第(?P<running>[1-9][0-9]{0,5})号"
    r"(?:之[一二三四五六七八九十]{1,3})?"
)

ELEMENTS = ("年度", "法院代字", "类型代字", "编号")


class BadCaseNumber(ValueError):
    """Not a case number; `element` is the first element that is wrong (`ELEMENTS`)."""

    def __init__(self, element: str) -> None:
        assert element in ELEMENTS
        super().__init__(element)
        self.element = element


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case number in its one spelling, and its elements."""

    text: str
    year: int
    court_code: str | None
    """None in numbers from before 2016."""
    kind: str | None
    running: int


def parse_case_number(text: str) -> CaseNumber:
    """The case number somebody typed; raises `BadCaseNumber`."""
    text = text.strip().translate(_BRACKETS)
    if legacy := _LEGACY.fullmatch(text):
        return CaseNumber(text, int(legacy["year"]), None, None, int(legacy["running"]))
    year, at = _element(_YEAR, text, 0, "年度")
    court, at = _element(_COURT, text, at, "法院代字")
    kind, at = _element(_KIND, text, at, "类型代字")
    running, at = _element(_RUNNING, text, at, "编号")
    if at < len(text):
        _, at = _element(_PART, text, at, "编号")
    if at < len(text) or len(text) > CASE_NO_LENGTH_MAX:
        raise BadCaseNumber("编号")
    return CaseNumber(text, int(year[1]), court[0], kind[0], int(running[1]))


def _element(pattern: re.Pattern[str], text: str, at: int, name: str) -> tuple[re.Match[str], int]:
    match = pattern.match(text, at)
    if match is None:
        raise BadCaseNumber(name)
    return match, match.end()
