"""What a request about events of a deposit can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem
from node.words import ResultCode


class EventProblem(AnyProblem):
    """Problems with corrections, invalidations, custody, holds and the like."""

    DIGEST_IMMUTABLE = (
        422,
        "摘要不得更正",
        "digests cannot be corrected",
        "更正只涉及存证的说明，不涉及摘要、大小、盐值及编号（{field}）。数据不同即为另一存证，请重新存证。",
        "A correction is about what was said of a deposit, never about its digests, size, salt or "
        "number ({field}). Other data are another deposit: make a new one.",
    )
    ERASED_ALREADY = (
        409,
        "该存证的个人信息已依法删除",
        "it was erased before",
        "无需再次请求；删除证明见此前的答复（以同一 Idempotency-Key 重发可再次取得）。",
        "There is nothing left to erase. The certificate is in the answer of then: send the same "
        "request with the same Idempotency-Key to have it again.",
        ResultCode.V601,
    )
    ERASURE_COUNT = (
        422,
        "count 与该存证的项数不符",
        "`count` is not the deposit's",
        "同一存证单的所有项一并删除：请将 count 设为 {count} 以示知悉。",
        "All items of a deposit are erased together: say so with `count` {count}.",
    )
    ERASURE_HELD = (
        409,
        "保全中的存证不得删除",
        "a court holds the deposit",
        "在人民法院解除保全之前，仅予存储并采取必要的安全保护措施（限制处理）；解除后自动删除，无需再次请求。"
        "复核日期：{review}。",
        "Until the court releases it, it is stored and kept safe and nothing else is done with it; "
        "then it is erased, without being asked again. Examined again no later than {review}. Its "
        "events say which court's key holds it.",
        ResultCode.V602,
    )
    ERASURE_IN_CASE = (
        409,
        "该存证列于案件的证据目录",
        "the deposit is an exhibit of a case",
        "在人民法院将其撤出证据目录之前，仅予存储并采取必要的安全保护措施（限制处理）；"
        "撤出后自动删除，无需再次请求。复核日期：{review}。",
        "Until the court takes it out of its evidence list, it is stored and kept safe and nothing "
        "else is done with it; then it is erased, without being asked again. Examined again no "
        "later than {review}.",
        ResultCode.V602,
    )
    ERASURE_OTHER_GATEWAY = (
        409,
        "该存证由另一网关接收",
        "another gateway took the deposit in",
        "删除登记须由接收该存证的网关签名（验证数据 {key}）：请向该网关请求。",
        "An erasure is signed by the gateway that took the deposit in, with the key {key}: ask "
        "there.",
    )
    EVENT_BODY = (
        422,
        "事件内容与提交方式不符",
        "the event's body does not fit the way it is brought",
        "由网关代签的事件提交 reason、details；自行签名的事件提交 opening：{why}",
        "An event that the gateway attests has `reason` and `details`, one signed by your own key "
        "has its `opening`: {why}",
    )
    EVENT_NEEDS_COURT = (
        403,
        "保全及其解除须由人民法院签名",
        "only a court holds and releases",
        "请以登记为人民法院的密钥签署事件单，经请求头 Cunzheng-Statement 和 "
        "Cunzheng-Signature 提交。",
        "Sign the event statement with a key that is enrolled as a court's, and bring it in the "
        "headers Cunzheng-Statement and Cunzheng-Signature.",
        ResultCode.V501,
    )
    EVENT_NEEDS_INSTITUTION = (
        403,
        "公证机构登记和核验登记须由作出机构签名",
        "only who notarised or verified says so",
        "请以登记为公证机构、司法鉴定机构或人民法院的密钥签署事件单，经请求头 "
        "Cunzheng-Statement 和 Cunzheng-Signature 提交。",
        "Sign the event statement with a key that is enrolled as a notary's, a forensic "
        "institute's or a court's, and bring it in the headers Cunzheng-Statement and "
        "Cunzheng-Signature.",
        ResultCode.V501,
    )
    EVENT_NOT_YOURS = (
        403,
        "非本账户的存证",
        "the deposit is not this account's",
        "网关只为存证账户本身代签其存证的事件。",
        "The gateway attests events only for the account that deposited.",
        ResultCode.V501,
    )
    EVENT_OTHER_KEY = (
        403,
        "该密钥无权就此存证登记事件",
        "this key may not make the event",
        "事件须由该存证单的签名密钥、其更换后的密钥，或当时代签的网关签名：{key} 均不是。",
        "It is signed by the key that signed the deposit, the key that came in its place, or "
        "the gateway that attested it; {key} is none of these.",
        ResultCode.V501,
    )
    EVENT_OTHER_SUBJECT = (
        422,
        "事件单所指不是该存证",
        "the event statement is about something else",
        "事件单的类型、存证编号和存证单编号须与请求地址一致：{why}",
        "Type, evidence number and statement id must be those of the address: {why}",
    )
    EVENT_SEE_MISSING = (
        422,
        "缺少所指的存证编号",
        "the other evidence number is missing",
        "补充和转换件本身须先存证；请在 see 中填写其存证编号。",
        "What supplements or renders a deposit is deposited itself; give its number in `see`.",
    )
