"""Every problem a request can meet: its HTTP status, what happened, what to do about it.

One table an area, in Chinese and English: what any request or a deposit can meet is `Problem` here,
other areas have modules of their own, and `documents` knows them all by their names. Raising
`ProblemError` anywhere below a route ends the request; `documents` writes what the client sees. A
problem never says that a file is wrong: what can be said about files are result codes, and where
one says the same it stands beside the problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from starlette.exceptions import HTTPException

from node.words import ResultCode


class AnyProblem(Enum):
    """A problem by its code: status, then titles and advice; `{}` are filled when raised. Last,
    where there is one, the result code that says the same."""

    def __init__(
        self,
        status: int,
        title_zh: str,
        title_en: str,
        advice_zh: str,
        advice_en: str,
        result: ResultCode | None = None,
    ) -> None:
        self.status = status
        self.title = {"zh": title_zh, "en": title_en}
        self.advice = {"zh": advice_zh, "en": advice_en}
        self.result = result


class Problem(AnyProblem):
    """What any request can meet, and what a deposit or a lookup can."""

    AUTHORITY_UNKNOWN = (
        403,
        "登记机构不在现行策略之内",
        "not an enrolling authority of the policy in force",
        "密钥登记须由现行策略所列的登记机构签名；见 /v1/policy。",
        "Key records are signed by an enrolling authority of the policy; see /v1/policy.",
    )
    BATCH_EMPTY = (
        422,
        "批次中没有数据项",
        "the batch is empty",
        "请至少提供一个数据项。",
        "Give at least one item.",
    )
    BATCH_MIXED = (
        422,
        "批次中各数据项的摘要算法不一致",
        "the items of the batch name different algorithms",
        "一个批次的所有数据项须使用相同的摘要算法；第 {index} 项不同。",
        "All items of one batch have digests of the same algorithms; item {index} differs.",
    )
    BATCH_TOO_LARGE = (
        413,
        "批次超过上限",
        "the batch is too large",
        "一次请求最多 {limit} 个数据项；请分成多次请求。",
        "One request takes at most {limit} items; send several requests.",
    )
    BATCH_UNEVEN = (
        422,
        "数据长度不是 32 字节的整数倍",
        "the packed items are not a multiple of 32 bytes",
        "每个数据项为 32 字节，首尾相接，不加分隔。",
        "An item is 32 bytes; items follow each other without separators.",
    )
    BODY_NOT_JSON = (
        400,
        "请求体不是 JSON",
        "the body is not JSON",
        "请以 UTF-8 编码发送一个 JSON 对象：{why}",
        "Send one JSON object in UTF-8: {why}",
    )
    BODY_TOO_LARGE = (
        413,
        "请求体超过上限",
        "the body is too large",
        "本接口的请求体最多 {limit} 字节。文件内容无须上传，只须提交摘要。",
        "The body here is at most {limit} bytes. Content is never uploaded, only digests are.",
    )
    BUSY = (
        503,
        "网关繁忙",
        "the gateway is busy",
        "请求未被接收，未产生任何记录；请稍后以相同的 Idempotency-Key 重试。",
        "Nothing was taken in. Try again shortly with the same Idempotency-Key.",
    )
    CANNOT_CHECK = (
        503,
        "暂无法核验",
        "could not check",
        "目前没有成员能够给出完整的答复；这不等于未检索到。请稍后重试。",
        "No member can give a complete answer now; this does not mean `not found`. Try again.",
        ResultCode.V502,
    )
    DATABASE_UNAVAILABLE = (
        503,
        "网关的数据库暂时不可用",
        "the gateway's database does not answer",
        "请求可能已被接收，也可能未被接收；以相同的 Idempotency-Key 重试是安全的，不会重复存证。",
        "The request may or may not have been taken in; trying again with the same Idempotency-Key "
        "is safe and cannot deposit twice.",
    )
    DECLARATION_MISSING = (
        422,
        "缺少公开摘要确认",
        "plain-digest declaration missing",
        "公开摘要可被任何持有文件者检索，也可能被猜出内容。确认内容不含个人信息且不可猜测后，"
        "请设置 plain_declaration 为 true；否则请使用 commitment 方式。",
        "Anyone who holds or guesses the content can find a plain digest. Set `plain_declaration` "
        "to true if the content is neither personal nor guessable, or use mode `commitment`.",
    )
    DETAILS_REFUSED = (
        422,
        "文件说明不符合要求",
        "the details cannot be accepted",
        "键为小写字母、数字和下划线，值为文本、整数或布尔值，文本不含控制符或隐藏字符，"
        "合计不超过 16384 字节：{why}",
        "Keys are a-z 0-9 _, values are text, integers or booleans without control or hiding "
        "characters, 16,384 bytes in all: {why}",
    )
    DIGEST_ALGORITHM = (
        422,
        "不支持的摘要算法",
        "digest algorithm not supported",
        "支持 sha256 和 sm3；收到的是 {alg}。",
        "Use sha256 or sm3; this was {alg}.",
    )
    DIGEST_MISSING = (
        422,
        "缺少摘要",
        "no digest given",
        "请提供 sha256、sm3 或两者。",
        "Give sha256, sm3 or both.",
    )
    DIGEST_OF_NOTHING = (
        422,
        "这是空内容的摘要",
        "this is the digest of the empty content",
        "空文件的摘要不能证明任何内容；请检查文件是否已完整读取。",
        "The digest of an empty file proves nothing; check that the file was read.",
    )
    DIGEST_SPELLING = (
        422,
        "摘要的写法有误",
        "the digest is misspelled",
        "{field} 须为 64 位小写十六进制数字。",
        "{field} must be 64 lower-case hex digits.",
    )
    FIELD_INVALID = (
        422,
        "字段的值不符合要求",
        "a field has a value that cannot be accepted",
        "字段 {field}：{why}",
        "Field {field}: {why}",
    )
    FIELD_MISSING = (
        422,
        "缺少字段",
        "a field is missing",
        "请提供字段 {field}。",
        "Give the field {field}.",
    )
    FIELD_UNKNOWN = (
        422,
        "未知字段",
        "unknown field",
        "字段 {field} 不在接口定义之内，未被忽略而是拒绝；请检查拼写。",
        "Field {field} is not part of this interface; it is refused, not ignored. Check it.",
    )
    FIELD_REPEATED = (
        422,
        "字段重复",
        "a field is given twice",
        "同一 JSON 对象中字段 {field} 出现不止一次，无从确定以哪一个为准；请只保留一个。",
        "Field {field} stands more than once in one JSON object; give the one that is meant.",
    )
    GATEWAY_NOT_ENROLLED = (
        503,
        "本网关的密钥未登记或已失效",
        "this gateway's key is not enrolled, or no longer",
        "未接收任何存证：以未登记的网关密钥签发的接收凭证无法核验其持有人。请网关运营方由登记机构将密钥"
        " {key} 以 gateway 角色登记（/v1/keys）；该密钥已撤销或更换的，须改用新的密钥。"
        "之后以相同的 Idempotency-Key 重试。",
        "Nothing was taken in: nobody could check whose receipt it has. The operator must have an "
        "enrolling authority enrol the key {key} with the role `gateway` (/v1/keys), or take a new "
        "key where that one was revoked or replaced; then try again with the same "
        "Idempotency-Key.",
    )
    IDEMPOTENCY_KEY_MISSING = (
        400,
        "缺少 Idempotency-Key",
        "Idempotency-Key missing",
        "每次写入须在请求头中提供 Idempotency-Key，重试时使用同一个值，以免重复存证。",
        "Every write needs the header `Idempotency-Key`; use the same value for retries, so that "
        "nothing is deposited twice.",
    )
    IDEMPOTENCY_KEY_SPELLING = (
        400,
        "Idempotency-Key 的写法有误",
        "the Idempotency-Key is misspelled",
        "须为 1 至 128 个可见 ASCII 字符，例如一个 UUID。",
        "It is 1 to 128 visible ASCII characters, for example a UUID.",
    )
    IDEMPOTENCY_MISMATCH = (
        409,
        "该 Idempotency-Key 已用于另一请求",
        "this Idempotency-Key belongs to another request",
        "重试须发送完全相同的请求；新的存证请使用新的 Idempotency-Key。",
        "A retry sends exactly the same request; a new deposit needs a new Idempotency-Key.",
    )
    INTERNAL = (
        500,
        "网关内部错误",
        "the gateway failed",
        "这是我方的错误，已记录。请稍后以相同的 Idempotency-Key 重试。",
        "This is our fault and was logged. Try again with the same Idempotency-Key.",
    )
    KEY_NOT_ENROLLED = (
        403,
        "签名密钥未登记",
        "the signing key is not enrolled",
        "该密钥未被登记为存证主体的密钥或已失效，请求未被接收。请先由登记机构登记（/v1/keys）。",
        "This key is not, or no longer, enrolled as a depositor's, so nothing was taken in. Have "
        "an enrolling authority enrol it first (/v1/keys).",
    )
    KEY_RECORD_INVALID = (
        422,
        "密钥登记单无效",
        "the key record is not valid",
        "请按所述之处改正后重新签名：{why}",
        "Correct what is named and have it signed again: {why}",
    )
    KEY_RECORD_SKIPPED = (
        409,
        "密钥登记单未被链接受",
        "the chain did not take the key record",
        "请检查序号和密钥的现状：{why}",
        "Check its serial and the standing of the key: {why}",
    )
    KEY_SPELLING = (
        422,
        "公钥写法有误",
        "not a public key",
        "请使用 cunzheng keygen 给出的那一行：{why}",
        "Use the line that cunzheng keygen printed: {why}",
    )
    MEDIA_TYPE = (
        415,
        "不支持的媒体类型",
        "media type not supported",
        "本接口接受：{accepted}。",
        "This interface takes: {accepted}.",
    )
    NOT_FOUND = (404, "没有该页面", "no such page", "接口见 /docs。", "See /docs.")
    METHOD = (405, "不支持该方法", "method not allowed", "接口见 /docs。", "See /docs.")
    NOT_PUBLISHED = (
        404,
        "尚未公布",
        "not published",
        "最新检查点（/checkpoint）尚未涵盖所求的内容；只提供已由足够成员联签的部分。",
        "The newest checkpoint (/checkpoint) does not cover it; only what a quorum of members has "
        "cosigned is served.",
    )
    NOT_SEALED = (
        409,
        "上链中",
        "not sealed by a quorum yet",
        "该存证已上链，尚待足够的成员联签；请稍后再取证明文件。",
        "The deposit is committed and waits for enough cosignatures; ask for the proof again.",
        ResultCode.V100,
    )
    NUMBER_SPELLING = (
        422,
        "编号的写法有误",
        "the number is misspelled",
        "请逐位核对：{why}",
        "Compare it digit by digit: {why}",
    )
    NUMBER_UNKNOWN = (
        404,
        "未检索到可供检索的存证",
        "no searchable deposit found",
        "截至高度 {height}，链上没有该编号。请核对编号及所属的链。",
        "Up to height {height} the chain has no such number. Check the number and the chain.",
        ResultCode.V101,
    )
    OTHER_CHAIN = (
        422,
        "该存证单属于另一条链",
        "the statement is for another chain",
        "本网关的链为 {origin}；请以该链名重新签署存证单。",
        "This gateway serves {origin}; sign a statement for that origin.",
        ResultCode.V104,
    )
    PLAIN_DIGEST_ONLY = (
        422,
        "公开摘要只能是一个摘要",
        "a plain deposit is one digest and nothing else",
        "digest 方式须恰好提供一种算法的摘要，不带 size 和 details：链上只记录该摘要。",
        "Mode `digest` takes exactly one digest, without size and details: nothing else is kept.",
    )
    POLICY_INVALID = (
        422,
        "不是有效的策略",
        "not a valid policy note",
        "请提交 cunzheng policy sign 写出的文件，逐字节不变：{why}",
        "Send the file that `cunzheng policy sign` wrote, byte for byte: {why}",
    )
    POLICY_NOT_NEXT = (
        409,
        "该策略不能接在现行策略之后",
        "this policy does not follow the one in force",
        "请确认序号、前一策略和签名家数；如已有别的策略生效，请重新起草：{why}",
        "Check its serial, what it follows and who has signed; if another policy has come into "
        "force meanwhile, begin from that one: {why}",
    )
    RECORD_SKIPPED = (
        422,
        "上链失败",
        "the chain did not take the statement",
        "所有成员一致跳过了该存证单：{why}",
        "All members skipped this statement alike: {why}",
    )
    RULES_NOT_KNOWN = (
        409,
        "尚有成员不认识新的规则号",
        "not all members know the new rules number",
        "请先升级下列成员的软件，规则 {rules} 生效后旧版成员即停止服务：{members}",
        "Upgrade these members first, because one that does not know rules {rules} stops: "
        "{members}",
    )
    SIGNATURE_WRONG = (
        422,
        "签名无效",
        "the signature is not valid",
        "签名须由所示密钥对完全相同的字节作出：{why}",
        "The signature must be by that key over exactly these bytes: {why}",
    )
    SIZE_MISSING = (
        422,
        "缺少文件大小",
        "the size is missing",
        "加盐摘要包含文件大小；请提供 size（字节数）。",
        "A salted digest covers the size of the file; give `size` in bytes.",
    )
    STATEMENT_HEADERS = (
        400,
        "存证单请求头有误",
        "the statement headers are not right",
        "自行签名的存证单以 application/octet-stream 提交到 /v1/anchors:batch，"
        "Cunzheng-Statement 为存证单字节的 base64，Cunzheng-Signature 为 ed25519: 加 base64，"
        "两者同时提供：{why}",
        "A statement of your own goes to /v1/anchors:batch with application/octet-stream, its "
        "bytes in base64 as Cunzheng-Statement and `ed25519:` with base64 as Cunzheng-Signature, "
        "both together: {why}",
    )
    STATEMENT_INVALID = (
        422,
        "存证单无效",
        "the statement is not valid",
        "请按所述之处改正后重新签名：{why}",
        "Correct what is named and sign it again: {why}",
    )
    STATEMENT_NEWER = (
        422,
        "存证单的格式版本较新",
        "the statement is of a newer format",
        "本网关只认识第 1 版格式：{why}",
        "This gateway knows version 1 of the formats: {why}",
    )


class ProblemError(HTTPException):
    """Ends the request with this problem; `values` fill the advice. `bad_items` are those of a
    batch: each with its index, and its own problem by name and values."""

    def __init__(
        self,
        problem: AnyProblem,
        bad_items: Sequence[tuple[int, str, Mapping[str, object]]] = (),
        /,
        **values: object,
    ) -> None:
        super().__init__(problem.status, problem.name)
        self.problem = problem
        self.bad_items = bad_items
        self.values = values
