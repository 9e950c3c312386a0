"""What a request about evidence bundles can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class BundleProblem(AnyProblem):
    """Problems with evidence bundles."""

    BUNDLE_NOT_READY = (
        409,
        "证据包尚未生成",
        "the bundle is not ready",
        "请查询其状态，待状态为 READY 后再下载。",
        "Ask how far it has come, and fetch it once its state is READY.",
    )
    BUNDLE_TOO_LARGE = (
        409,
        "证据过多，无法导出为一个证据包",
        "too many exhibits for one bundle",
        "一个证据包最多含 {limit} 份存证；请用 POST /v1/bundles 按编号分几次申请。",
        "A bundle has at most {limit} deposits; ask for several with POST /v1/bundles, by number.",
    )
    BUNDLE_NUMBERS_REPEATED = (
        422,
        "同一存证编号重复",
        "an evidence number stands twice",
        "请求中的存证编号不得重复。",
        "No evidence number may stand in a request twice.",
    )
    BUNDLE_OPENING_OTHER = (
        422,
        "摘要开启数据与存证不符",
        "an opening that opens something else",
        "编号 {number} 的摘要开启数据有误或不属于该存证；"
        "应为其证明文件中的 opening 一节，逐字节照录。",
        "The opening sent for {number} is misspelled or of another deposit. It is the section "
        "`opening` of its proof file, byte for byte.",
    )
    BUNDLE_UNKNOWN = (
        404,
        "没有该证据包",
        "no such bundle",
        "请核对证据包编号；证据包保留 24 小时，过期请重新申请。",
        "Check its id. A bundle is kept for 24 hours; ask for another one after that.",
    )
    BUNDLES_WAITING = (
        429,
        "等待生成的证据包过多",
        "too many bundles wait to be made",
        "同一账户（或同一编号的提取码）至多有 {limit} 个证据包等待生成；请在 {wait_s} 秒后再申请。",
        "An account, or the extraction codes of a number, may have {limit} bundles waiting. Ask "
        "again in {wait_s} s.",
    )
