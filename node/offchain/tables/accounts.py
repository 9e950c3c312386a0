"""Who may do what: accounts, their identity, roles, consents and keys."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    ForeignKey,
    LargeBinary,
    String,
    Table,
)

from node.offchain.columns import (
    CODE_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DataClass,
    Retention,
    account,
    blind,
    code,
    data_key,
    identifier,
    kept,
    metadata,
    personal,
    time,
)

L2, L4 = DataClass.L2, DataClass.L4
SHORT, ACCOUNT = Retention.SHORT, Retention.ACCOUNT

accounts = Table(
    "accounts",
    metadata,
    account(ACCOUNT, primary_key=True),
    code(
        "submitter_type",
        ACCOUNT,
        "主体类型",
        "NATURAL_PERSON, LEGAL_PERSON, COURT, ...",
        nullable=False,
    ),
    code("status", ACCOUNT, "账户状态", "ACTIVE, SUSPENDED or CLOSED", nullable=False),
    code("id_type", ACCOUNT, "证件类型", "ID_CARD, USCC, ...", nullable=True),
    data_key(ACCOUNT),
    personal(
        "name_sealed", ACCOUNT, "名称或姓名,用于证书与法院核对", "Name, for certificates and courts"
    ),
    personal("id_no_sealed", ACCOUNT, "证件号码,用于身份核验", "Number of the identity document"),
    personal(
        "contact_sealed",
        ACCOUNT,
        "联系方式,用于安全与个人信息通知",
        "Contact for security and privacy notices",
    ),
    blind(
        "id_no_blind",
        ACCOUNT,
        "证件号码的带密钥摘要,用于查重与利害关系核对",
        "Keyed digest of the number, for conflict checks",
        nullable=True,
        index=True,
    ),
    time("created_ms", ACCOUNT, "开户时间", "When it was opened", nullable=False),
    time("closed_ms", ACCOUNT, "销户时间", "When it was closed", nullable=True),
)

identity_proofs = Table(
    "identity_proofs",
    metadata,
    identifier(ACCOUNT),
    account(ACCOUNT, ForeignKey("accounts.account"), nullable=False, index=True),
    code("method", ACCOUNT, "实名核验方式", "How the identity was verified", nullable=False),
    kept(
        L2,
        ACCOUNT,
        "核验提供方",
        "Who verified it",
        "provider",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    kept(L2, ACCOUNT, "核验是否通过", "Whether it was verified", "passed", Boolean, nullable=False),
    time("verified_ms", ACCOUNT, "核验时间", "When", nullable=False),
    personal("reference_sealed", ACCOUNT, "核验流水号", "The provider's reference"),
)

roles = Table(
    "roles",
    metadata,
    account(ACCOUNT, ForeignKey("accounts.account"), primary_key=True),
    code("role", ACCOUNT, "角色", "The role", primary_key=True),
    kept(
        L2,
        ACCOUNT,
        "所属法院代字",
        "Of a clerk or judge: the court's code",
        "court_code",
        String(CODE_LENGTH_MAX),
        nullable=True,
    ),
    time("granted_ms", ACCOUNT, "授予时间", "When it was granted", nullable=False),
)

consents = Table(
    "consents",
    metadata,
    identifier(ACCOUNT),
    account(ACCOUNT, ForeignKey("accounts.account"), nullable=False, index=True),
    kept(
        L2,
        ACCOUNT,
        "同意文本版本",
        "Version of the text agreed to",
        "text_version",
        String(CODE_LENGTH_MAX),
        nullable=False,
    ),
    kept(
        L2,
        ACCOUNT,
        "同意文本摘要",
        "SHA-256 of the text agreed to",
        "text_digest",
        LargeBinary(32),
        nullable=False,
    ),
    code("scope", ACCOUNT, "同意范围", "What was agreed to", nullable=False),
    time("given_ms", ACCOUNT, "同意时间", "When", nullable=False),
    time("withdrawn_ms", ACCOUNT, "撤回时间", "When it was withdrawn", nullable=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    identifier(ACCOUNT),
    account(ACCOUNT, ForeignKey("accounts.account"), nullable=False, index=True),
    kept(
        L4,
        ACCOUNT,
        "密钥的带密钥摘要",
        "Keyed digest of the API key",
        "key_digest",
        LargeBinary(32),
        nullable=False,
        unique=True,
    ),
    kept(
        L2,
        ACCOUNT,
        "权限范围",
        "Scopes, space separated",
        "scopes",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    time("created_ms", ACCOUNT, "生成时间", "When it was made", nullable=False),
    time("expires_ms", ACCOUNT, "失效时间", "When it stops working", nullable=True),
    time("revoked_ms", ACCOUNT, "吊销时间", "When it was revoked", nullable=True),
)

account_keys = Table(
    "account_keys",
    metadata,
    identifier(ACCOUNT),
    account(ACCOUNT, ForeignKey("accounts.account"), nullable=False, index=True),
    code(
        "kind",
        ACCOUNT,
        "SIGNATURE 签名验证数据或 CERTIFICATE 客户端证书摘要",
        "SIGNATURE (a public key) or CERTIFICATE (SHA-256 of a client certificate)",
        nullable=False,
    ),
    kept(
        L2,
        ACCOUNT,
        "验证数据",
        "The public key, or the certificate's digest",
        "value",
        String(256),
        nullable=False,
        unique=True,
    ),
    kept(
        L2,
        ACCOUNT,
        "权限范围",
        "Scopes, space separated",
        "scopes",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    time("created_ms", ACCOUNT, "登记时间", "When it was registered", nullable=False),
    time("expires_ms", ACCOUNT, "失效时间", "When it stops working", nullable=True),
    time("revoked_ms", ACCOUNT, "注销时间", "When it was withdrawn", nullable=True),
)

request_nonces = Table(
    "request_nonces",
    metadata,
    kept(
        L2,
        SHORT,
        "签名请求的一次性随机数",
        "Nonce of a signed request, so that it works once",
        "nonce",
        LargeBinary(32),
        primary_key=True,
    ),
    time("expires_ms", SHORT, "可删除时间", "When it may be deleted", nullable=False, index=True),
)
