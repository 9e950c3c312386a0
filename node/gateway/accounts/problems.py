"""What a request can meet because of who sends it: no credential, not this scope, not yet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem
from node.words import ResultCode


class AccountProblem(AnyProblem):
    """Problems with credentials, scopes and accounts."""

    ACCOUNT_KEY_KNOWN = (
        409,
        "该验证数据已登记过",
        "this key was registered before",
        "一个密钥只登记一次，注销后也不再登记；请生成新的密钥。",
        "A key is registered once, and not again after it was withdrawn; make a new one.",
    )
    ACCOUNT_NOT_ACTIVE = (
        403,
        "账户已停用或销户",
        "the account is not active",
        "账户状态为 {status}。请联系网关运营方。",
        "The account is {status}. Ask the operator of this gateway.",
        ResultCode.V501,
    )
    API_KEY_MISSING = (
        401,
        "缺少 API 密钥或请求签名",
        "no API key and no request signature",
        "请在请求头中提供 Authorization: Bearer 加 API 密钥，或以登记的密钥签名请求。",
        "Send the header `Authorization: Bearer` with your API key, or sign the request with a key "
        "that is registered for your account.",
    )
    API_KEY_UNKNOWN = (
        401,
        "API 密钥无效",
        "API key not known",
        "请检查密钥是否完整；密钥可能已过期或被吊销。如需新的密钥，请向网关运营方申请。",
        "Check that the key is complete. It may have expired or been revoked; ask the operator of "
        "this gateway for a new one.",
    )
    CERTIFICATE_NOT_REGISTERED = (
        401,
        "客户端证书未登记",
        "the client certificate is not registered here",
        "请网关运营方将该证书登记到账户（cunzheng admin key certificate），或使用 API 密钥。",
        "Have the operator register the certificate for your account (cunzheng admin key "
        "certificate), or use an API key.",
    )
    CONSENT_OTHER_TEXT = (
        409,
        "所同意的不是现行文本",
        "this is not the consent text in force",
        "现行版本为 {version}；请从 /v1/consent 取得全文，同意时提交其版本和摘要。",
        "Version {version} is in force: read it at /v1/consent, and agree to its version and "
        "digest.",
    )
    CONSENT_REQUIRED = (
        403,
        "尚未同意现行的个人信息处理规则",
        "consent to the text in force is required",
        "存证和出证须先同意现行文本（GET /v1/consent，POST /v1/account/consents）。",
        "Before depositing and exporting, agree to the text in force: GET /v1/consent, then POST "
        "/v1/account/consents.",
        ResultCode.V501,
    )
    CREDENTIALS_MAX = (
        409,
        "有效密钥过多",
        "too many live keys",
        "一个账户最多同时有 {limit} 个有效密钥；请先吊销不再使用的密钥。",
        "An account has at most {limit} live keys at once; revoke those that are not used.",
    )
    CREDENTIAL_UNKNOWN = (
        404,
        "本账户没有该密钥",
        "the account has no such key",
        "请核对密钥编号；已过期或吊销的密钥不能更换。",
        "Check the key's id; a key that has expired or was revoked cannot be rotated.",
    )
    EXPIRY_BEYOND = (
        403,
        "密钥的有效期不能超过生成它的密钥",
        "no key can be given a longer life than its maker's",
        "当前密钥于 {ends} 失效；请缩短有效期，或不指定有效期，届时新密钥与当前密钥同时失效。",
        "The key that asks ends at {ends}. Ask for fewer days, or name none: then both end "
        "together.",
        ResultCode.V501,
    )
    KEY_NOT_REGISTERED = (
        401,
        "签名密钥未登记",
        "the signing key is not registered here",
        "签名请求所用的密钥须先登记到账户（POST /v1/account/keys）。",
        "A request is signed with a key that was registered for an account (POST "
        "/v1/account/keys).",
    )
    REAL_NAME_REQUIRED = (
        403,
        "账户尚未通过实名核验",
        "the account's identity has not been verified",
        "依照网络安全法第二十四条，存证和出证前须完成实名核验；请联系网关运营方。核验不需要实名。",
        "By law (网络安全法 Art. 24) an identity is verified before deposits and exports; ask the "
        "operator of this gateway. Verification needs no account.",
        ResultCode.V501,
    )
    SCOPE_MISSING = (
        403,
        "无权进行该操作",
        "this credential may not do this",
        "所需权限：{scope}。请使用具有该权限的密钥，或向网关运营方申请相应角色。",
        "The scope `{scope}` is needed. Use a key that has it, or ask the operator of this gateway "
        "for the role that allows it.",
        ResultCode.V501,
    )
    SCOPES_BEYOND = (
        403,
        "不能授予自身没有的权限",
        "no key can be given what its maker may not do",
        "新密钥的权限须包含于当前密钥的权限之内：{scopes}。",
        "A new key's scopes are among those of the key that asks for it: {scopes}.",
        ResultCode.V501,
    )
    SIGNED_BODY_DIFFERS = (
        401,
        "请求体与签名不符",
        "the body is not the one that was signed",
        "签名中的 body 须为所发送请求体的 SHA-256；请求体在途中可能被改动。",
        "`body` in the signature is the SHA-256 of the body as it is sent; it may have been "
        "changed on its way.",
    )
    SIGNED_REQUEST_INVALID = (
        401,
        "请求签名无效",
        "the request's signature is not valid",
        "请按接口文档所示的字节签名：{why}",
        "Sign exactly the bytes that the documentation shows: {why}",
    )
    SIGNED_REQUEST_REPEATED = (
        401,
        "该签名请求已使用过",
        "this signed request was used before",
        "每个签名只能使用一次；重试时请使用新的时间和随机数，其余不变。",
        "A signature works once. To try again, sign with a new time and nonce, all else the same.",
    )
    SIGNED_REQUEST_UNTIMELY = (
        401,
        "请求签名的时间与网关相差过大",
        "the request was signed too long ago, or in the future",
        "签名时间与网关时间相差须在 5 分钟以内；网关时间为 {now}。请校准时钟。",
        "The time in the signature is within 5 minutes of the gateway's, which is {now}. Set your "
        "clock.",
    )
    TOO_SOON_OR_LATE = (
        422,
        "登记单的时间与网关相差过大",
        "the registration was signed too long ago, or in the future",
        "登记单的时间与网关时间相差须在 5 分钟以内；网关时间为 {now}。请重新签名。",
        "The time in what was signed is within 5 minutes of the gateway's, which is {now}. Sign it "
        "again.",
    )
