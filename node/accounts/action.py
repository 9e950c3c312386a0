"""What the record of accesses says was done: administration, and access to what is not public."""

from __future__ import annotations

from node.words import Bilingual


class Action(Bilingual):
    """操作: a member's name is its code; add one for each thing that is worth a line."""

    ACCOUNT_OPENED = ("开立账户", "account opened")
    ACCOUNT_STATUS_CHANGED = ("变更账户状态", "account suspended, resumed or closed")
    ACCOUNT_READ = ("查阅账户资料", "account read")
    IDENTITY_RECORDED = ("登记实名核验", "identity recorded")
    ROLE_GRANTED = ("授予角色", "role granted")
    ROLE_REVOKED = ("收回角色", "role revoked")
    CONSENT_GIVEN = ("同意", "consent given")
    CONSENT_WITHDRAWN = ("撤回同意", "consent withdrawn")
    API_KEY_MADE = ("生成 API 密钥", "API key made")
    API_KEY_ROTATED = ("更换 API 密钥", "API key rotated")
    API_KEY_REVOKED = ("吊销 API 密钥", "API key revoked")
    ACCOUNT_KEY_REGISTERED = ("登记验证数据", "account key registered")
    ACCOUNT_KEY_WITHDRAWN = ("注销验证数据", "account key withdrawn")
    NOT_YET_REFUSED = (
        "未实名核验或未同意的请求",
        "request of an account not verified, or without consent",
    )
    SCOPE_REFUSED = ("越权请求", "request beyond its scopes")
    REQUEST_REFUSED = ("其他被拒绝的请求", "request refused for another reason")
    ACCESSES_READ = ("查阅访问记录", "record of accesses read")
    INSPECTION_OPENED = ("开始检查", "inspection by an authority began")
    INSPECTION_CLOSED = ("结束检查", "inspection by an authority ended")
    INSPECTION_READ = ("查阅检查记录", "inspections read")
    CASE_PARTIES_NAMED = ("登记案件当事人", "parties of a case named")
    CASE_LINKED = ("关联案件", "exhibits linked to a case")
    CASE_READ = ("查阅证据目录", "evidence list read")
    CASE_REFUSED = ("请求办理其他法院的案件", "case of another court refused")
    CASE_EXHIBIT_REMOVED = ("撤出证据", "exhibit taken out of a case")
    COURT_RECEIPT_ISSUED = ("出具证据收据", "court receipt given")
    COURT_RECEIPT_READ = ("查阅证据收据", "court receipt read")
    REGISTRY_LOADED = ("载入名录", "registry loaded")
    REGISTRY_READ = ("查阅名录", "registry read")
    STATE_SECRET_REFUSED = ("拒收申报为国家秘密的内容", "content declared a state secret refused")
    SOURCE_PROFILE_REGISTERED = ("登记来源档案", "source profile registered")
    SOURCE_PROFILE_WITHDRAWN = ("注销来源档案", "source profile withdrawn")
    PROOF_READ = ("取得证明文件", "proof file fetched")
    BUNDLE_ASKED = ("申请导出证据包", "evidence bundle asked for")
    BUNDLE_READ = ("取得证据包", "evidence bundle, or how far it has come, fetched")
    DEPOSIT_READ = ("查阅存证材料", "what opens a deposit, and what was declared, read")
    DEPOSIT_ERASED = ("删除存证的摘要开启数据", "what opens a deposit erased")
    DEPOSITS_VERIFIED = ("批量核验", "deposits verified in a batch")
    DIGEST_SEARCHED = ("凭摘要检索全部加盐存证", "all salted deposits searched for a digest")
    EXTRACTION_CODE_MADE = ("生成提取码", "extraction code made")
    EXTRACTION_CODE_REVOKED = ("撤销提取码", "extraction code revoked")
    LOG_READ = ("读取日志的记录或区块数据", "entries or bodies of the log read")
