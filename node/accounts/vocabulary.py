"""The words of accounts, in Chinese and English; a member's name is its code (docs/glossary.md)."""

from __future__ import annotations

from node.words import Bilingual


class SubmitterType(Bilingual):
    """提交人类型: what kind of person or organisation an account is."""

    NATURAL_PERSON = ("自然人", "natural person")
    LEGAL_PERSON = ("法人", "legal person")
    OTHER_ORG = ("非法人组织", "organisation that is no legal person")
    COURT = ("人民法院", "people's court")
    PROCURATORATE = ("人民检察院", "people's procuratorate")
    ADMIN_AGENCY = ("行政机关", "administrative agency")
    NOTARY_OFFICE = ("公证机构", "notary office")
    FORENSIC_INSTITUTE = ("司法鉴定机构", "forensic institute")
    ARBITRATION = ("仲裁机构", "arbitration institution")


class IdType(Bilingual):
    """证件类型: by which document an identity is known."""

    ID_CARD = ("居民身份证", "resident identity card")
    PASSPORT = ("护照", "passport")
    HK_MACAO_PERMIT = ("港澳居民来往内地通行证", "mainland travel permit, Hong Kong and Macao")
    TW_PERMIT = ("台湾居民来往大陆通行证", "mainland travel permit, Taiwan")
    FOREIGN_PR = ("外国人永久居留身份证", "foreign permanent resident identity card")
    USCC = ("统一社会信用代码", "unified social credit code")
    REG_NO = ("工商注册号", "business registration number (before 2015)")
    ORG_CODE = ("组织机构代码", "organisation code (before 2015)")


class AccountStatus(Bilingual):
    """账户状态."""

    ACTIVE = ("正常", "active")
    SUSPENDED = ("停用", "suspended")
    CLOSED = ("销户", "closed")


class ProofMethod(Bilingual):
    """实名核验方式: how an identity was verified."""

    DOCUMENT_COMPARISON = ("证件证照比对", "documents compared")
    UNIFIED_AUTHENTICATION = ("统一身份认证", "public unified identity authentication")
    BANK_TRANSFER = ("对公打款", "transfer to the organisation's bank account")
    CA_IN_PERSON = ("电子认证服务机构面审", "in person, by a certification authority")


class Role(Bilingual):
    """角色: what an account is to this gateway. Named officers are two roles, never one."""

    DEPOSITOR = ("存证主体", "depositor")
    VERIFIER = ("核验方", "verifier")
    CLERK = ("书记员", "court clerk")
    JUDGE = ("法官", "judge")
    AUDITOR = ("审计方", "auditor")
    OPERATOR = ("运营人员", "operator")
    DATA_PROTECTION_OFFICER = ("个人信息保护负责人", "data protection officer")
    SECURITY_OFFICER = ("网络安全负责人", "security officer")


class KeyKind(Bilingual):
    """What an account's own key is."""

    SIGNATURE = ("签名验证数据", "public key")
    CERTIFICATE = ("客户端证书摘要", "client certificate, by its SHA-256")


COURT_ROLES = frozenset({Role.CLERK, Role.JUDGE})
"""Roles held at one court, which is named with them."""
