"""What a request about a case can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem
from node.words import ResultCode


class CaseProblem(AnyProblem):
    """Problems with case numbers, courts, exhibits and court receipts."""

    CASE_NO_COURT_UNKNOWN = (
        422,
        "该案号不含法院代字",
        "this case number names no court code",
        "2016 年以前的案号不含法院代字，无从确定受理法院；请使用现行案号。",
        "Numbers from before 2016 have no code that names their court; use the present number.",
    )
    CASE_NO_SPELLING = (
        422,
        "案号有误",
        "the case number is misspelled",
        "案号的“{element}”有误。应如：（2026）浙0192民初1234号，半角括号亦可。",
        "The element {element} ({english}) is wrong. A case number looks like "
        "（2026）浙0192民初1234号, with brackets of either width.",
    )
    COURT_OTHER = (
        403,
        "该案件属于其他法院",
        "the case is at another court",
        "该案由法院代字为 {court} 的法院受理，仅该院人员可以办理。本次请求已记录。",
        "The case is at the court with the code {court}; only that court's people may work on it. "
        "This request was recorded.",
        ResultCode.V501,
    )
    EVIDENCE_UNKNOWN = (
        422,
        "存证编号不存在",
        "no deposit has this evidence number",
        "截至高度 {height}，下列各项（自 0 起）的存证编号未检索到：{items}。未关联任何一项。",
        "Up to height {height} the chain has no deposit of the evidence numbers of items {items} "
        "(counted from 0). Nothing was linked.",
        ResultCode.V101,
    )
    EVIDENCE_SPELLING = (
        422,
        "存证编号的写法有误",
        "an evidence number is misspelled",
        "下列各项（自 0 起）的存证编号有误：{items}。请逐位核对；未关联任何一项。",
        "The evidence numbers of items {items} (counted from 0) are misspelled; compare them digit "
        "by digit. Nothing was linked.",
    )
    EXHIBITS_MAX = (
        409,
        "该案证据过多",
        "the case has too many exhibits",
        "一案最多关联 {limit} 项证据。",
        "A case has at most {limit} exhibits.",
    )
    EXHIBITS_NONE = (
        409,
        "证据目录为空",
        "the evidence list is empty",
        "请先关联证据（POST /v1/cases/{{case_no}}/links），再出具收据。",
        "Link exhibits first: POST /v1/cases/{{case_no}}/links.",
    )
    EXHIBIT_LINKED = (
        409,
        "该存证已关联本案",
        "the deposit is linked to this case already",
        "下列各项（自 0 起）已在证据目录中，且所填内容不同：{items}。请先撤出再重新关联。",
        "Items {items} (counted from 0) stand on the evidence list already, with other words. Take "
        "them out first.",
    )
    EXHIBIT_REPEATED = (
        422,
        "同一存证编号重复",
        "an evidence number stands twice",
        "请求中的存证编号重复：{items}（自 0 起）。",
        "Items {items} (counted from 0) repeat an evidence number of this request.",
    )
    EXHIBIT_UNKNOWN = (
        404,
        "证据目录中没有该序号",
        "no such exhibit",
        "证据目录中没有序号 {number}；见 /v1/cases/{{case_no}}/evidence-list。",
        "The evidence list has no number {number}; see /v1/cases/{{case_no}}/evidence-list.",
    )
    PARTY_REPEATED = (
        422,
        "同一当事人重复",
        "a party stands twice",
        "请求中第 {item} 项（自 0 起）的统一社会信用代码重复；未登记任何一项。",
        "Item {item} (counted from 0) repeats a code of this request. Nobody was named.",
    )
    PARTY_SPELLING = (
        422,
        "统一社会信用代码有误",
        "a unified social credit code is misspelled",
        "第 {item} 项（自 0 起）的统一社会信用代码有误（GB 32100）；未登记任何一项。",
        "The unified social credit code of item {item} (counted from 0) is misspelled (GB 32100). "
        "Nobody was named.",
    )
    COURT_RECEIPT_UNKNOWN = (
        404,
        "没有该收据",
        "no such court receipt",
        "请核对案号和收据编号。",
        "Check the case number and the receipt's id.",
    )
