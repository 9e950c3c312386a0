"""What a deposit can meet because of what is declared of it, or is not."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class DeclaredProblem(AnyProblem):
    """Problems with declared fields, source profiles, series."""

    COPY_DIFFERS = (
        422,
        "副本与原件的摘要不同",
        "the copy's digest is not the original's",
        "MAKER_COPY 指与原件一致的副本：copy.source_digest 须为该项的摘要之一；否则请申报为"
        " REPRODUCTION 并说明来源和制作经过。{items}",
        "A MAKER_COPY is identical with the original: `copy.source_digest` is one of the item's "
        "digests. If it differs, it is a REPRODUCTION, whose origin and making are "
        "described.{items}",
    )
    DETAIL_TAKEN = (
        422,
        "说明与申报字段重名",
        "a detail has the name of a declared field",
        "details 中的 {field} 与申报字段或网关标记重名；请改用 declared 或换一个名称。{items}",
        "`{field}` in `details` is the name of a declared field or of the gateway's own; declare "
        "it, or call it something else.{items}",
    )
    NOT_DECLARED = (
        422,
        "缺少应申报的字段",
        "a field that must be declared is missing",
        "依照{law_zh}，须提供 {field}；来源或收发情况确实不明的，A14_1、A14_2 可改为提供"
        " declared.unknown_reason。{items}",
        "{law_en} asks for {field}. Where it is not known, A14_1 and A14_2 take "
        "`declared.unknown_reason` instead.{items}",
    )
    PLAIN_REFUSED = (
        422,
        "该类别不接受公开摘要",
        "no plain digests in this category",
        "{category} 涉及个人信息且易被猜测，只接受加盐摘要（mode=commitment）。",
        "{category} is about people and can be guessed: only salted digests are taken (mode "
        "`commitment`).",
    )
    PROFILE_MISSING = (
        422,
        "缺少来源档案",
        "a source profile is needed",
        "{category} 的记录，以及不能逐项申报来源的批次，须以 profile 指明已登记的来源档案"
        "（POST /v1/source-profiles）；类别未申报（A14_0）的除外。",
        "Records of {category} name the source profile they come under in `profile`, and so do "
        "items of any declared category that cannot be described one by one; register it first: "
        "POST /v1/source-profiles.",
    )
    PROFILE_UNKNOWN = (
        422,
        "来源档案未登记或已注销",
        "no such source profile is registered",
        "profile 须为本账户已登记且未注销的来源档案的摘要（GET /v1/source-profiles）。",
        "`profile` is the digest of a profile this account has registered and not withdrawn: GET "
        "/v1/source-profiles.",
    )
    PROFILES_MAX = (
        409,
        "来源档案过多",
        "too many source profiles",
        "一个账户最多登记 {limit} 份来源档案。",
        "An account registers at most {limit} source profiles.",
    )
    PROFILE_NOT_FOUND = (
        404,
        "没有该来源档案",
        "no such source profile",
        "请核对摘要（GET /v1/source-profiles）；已注销的不再注销。",
        "Check the digest (GET /v1/source-profiles); what was withdrawn is not withdrawn again.",
    )
    SERIES_PREV_MISSING = (
        422,
        "业务流的前一存证单不明",
        "the statement before this one in the series is not known",
        "序号大于 0 时须有前一存证单：本账户在该业务流中没有更小的序号，请以 series.prev 提供"
        "其编号。",
        "A number above 0 follows a statement: none of a lower number is known here for this "
        "account and series. Give its id in `series.prev`.",
    )
    SERIES_ONE_STATEMENT = (
        422,
        "业务流中的一个序号对应一张存证单",
        "one number of a series is one statement",
        "该批次须分成多张存证单；请每次最多提交 {limit} 项，各有其序号。",
        "This batch makes several statements; send at most {limit} items at once, each batch "
        "under its own number.",
    )
    STATE_SECRET = (
        422,
        "不接收国家秘密",
        "state secrets are not taken",
        "本服务只使用商用密码，依法不得处理国家秘密（密码法第八条）。未保存任何内容或摘要。",
        "This service uses commercial cryptography, which by law (密码法 Art. 8) never protects "
        "state secrets. Neither content nor digest was kept.",
    )
