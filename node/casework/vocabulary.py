"""What can be said of a piece of evidence, in Chinese and English; a member's name is its code.

Statutes: 民事诉讼法 Art. 66 (2023), 民事证据规定 Art. 12-15, 23, 24 (2019), 电子签名法 Art. 3 and 6
(2019), 民法典 Art. 143 and 491, 人民法院在线诉讼规则 Art. 13 (2021).
"""

from __future__ import annotations

from node.words import Bilingual


class EvidenceType(Bilingual):
    """法定证据种类 (民事诉讼法 Art. 66): separate from the category of Art. 14 民事证据规定."""

    PARTY_STATEMENT = ("当事人的陈述", "statement of a party")
    DOCUMENTARY = ("书证", "documentary evidence")
    PHYSICAL = ("物证", "physical evidence")
    AUDIOVISUAL = ("视听资料", "audiovisual material")
    ELECTRONIC_DATA = ("电子数据", "electronic data")
    WITNESS = ("证人证言", "testimony")
    EXPERT_OPINION = ("鉴定意见", "expert opinion")
    INSPECTION_RECORD = ("勘验笔录", "record of inspection")


class DocumentNature(Bilingual):
    """文书性质 (电子签名法 Art. 3): for all but the first no effect of a signature is asserted."""

    ORDINARY = ("一般文书", "ordinary document")
    PERSONAL_STATUS = (
        "涉及婚姻、收养、继承等人身关系的文书",
        "document on marriage, adoption, succession or other personal relations",
    )
    UTILITY_CUTOFF = (
        "涉及停止供水、供热、供气等公用事业服务的文书",
        "document on ending water, heat, gas or another public service",
    )
    OTHER_EXCLUDED = (
        "法律、行政法规规定的不适用电子文书的其他文书",
        "another document that by law is not made electronically",
    )


class SignatureEffect(Bilingual):
    """What is asserted of an electronic signature on the document; nothing is the usual."""

    NOT_ASSERTED_ART3 = (
        "不主张电子签名效力（电子签名法第三条）",
        "no effect of an electronic signature is asserted (电子签名法 Art. 3)",
    )


class ActingCapacity(Bilingual):
    """行为身份 (民法典 Art. 143)."""

    SELF = ("本人", "oneself")
    LEGAL_REP = ("法定代表人", "legal representative of an organisation")
    AGENT = ("委托代理人", "agent by authorisation")
    STATUTORY_AGENT = ("法定代理人", "agent by law")


class CollectionMethod(Bilingual):
    """取证、收集方式."""

    SYSTEM_PUSH = ("业务系统自动推送", "pushed by the business system")
    SELF_CAPTURE = ("当事人自行取证", "captured by a party")
    PLATFORM_WEB_CAPTURE = ("网页取证", "web page captured on the platform")
    PLATFORM_SCREEN_RECORD = ("录屏取证", "screen recorded on the platform")
    MOBILE_PHOTO = ("拍照", "photograph by phone")
    MOBILE_VIDEO = ("录像", "video by phone")
    MOBILE_CALL = ("通话录音", "recorded call")
    MOBILE_SITE_AUDIO = ("现场录音", "sound recorded on the spot")
    PAPER_DIGITISATION = ("扫描、翻拍、转录", "scanned, photographed or transcribed")
    COURT_INVESTIGATION = ("法院调查收集", "investigation by a court")
    COURT_PRESERVATION = ("法院证据保全", "preservation by a court")
    NOTARY_PRESERVATION = ("公证保全", "preservation by a notary office")
    FORENSIC_EXTRACTION = ("鉴定检验提取", "forensic extraction")
    INSPECTION = ("勘验", "inspection")
    LAW_ENFORCEMENT = ("执法机关收集", "collected by law enforcement")
    THIRD_PARTY_PROVIDED = ("第三方平台提供", "provided by another platform")


CAPTURES = frozenset(
    {
        CollectionMethod.SELF_CAPTURE,
        CollectionMethod.PLATFORM_WEB_CAPTURE,
        CollectionMethod.PLATFORM_SCREEN_RECORD,
    }
)
"""Made with a computer whose own state matters: whether it was clean has to be shown."""


class OriginalStatus(Bilingual):
    """原件属性 (民事证据规定 Art. 12, 13, 15)."""

    ORIGINAL = ("原件", "original")
    MAKER_COPY = (
        "制作者制作的与原件一致的副本",
        "copy made by the maker and identical with the original",
    )
    DIRECT_OUTPUT = (
        "直接来源于电子数据的打印件或可显示、识别的输出介质",
        "printout or other readable output made directly from the data",
    )
    REPRODUCTION = ("复制件", "reproduction, not deemed an original")
    IMAGE_OF_PHYSICAL = ("物证影像资料", "image of a physical object")


class OriginalityBasis(Bilingual):
    """视为原件的依据 (人民法院在线诉讼规则 Art. 13)."""

    NO_OBJECTION = ("对方无异议", "the other side does not object")
    NOTARISED = ("已公证", "notarised")
    PRIOR_CASE_CONFIRMED = ("先前诉讼确认", "confirmed in an earlier case")
    COMPARED = ("比对一致", "compared with the original")
    OTHER_EVIDENCE = ("其他证据", "other evidence")


class CarrierType(Bilingual):
    """载体."""

    PHONE = ("手机", "phone")
    COMPUTER = ("计算机", "computer")
    SERVER = ("服务器", "server")
    CLOUD = ("云存储", "cloud storage")
    USB = ("移动存储介质", "removable storage")
    OPTICAL = ("光盘", "optical disc")
    IOT = ("物联网设备", "device of the internet of things")
    PAPER = ("纸质", "paper")


class CorroborationType(Bilingual):
    """印证材料."""

    NOTARY = ("公证机构出具的文书", "document of a notary office")
    WITNESS = ("第三方见证", "attended by a third party")
    RELATED_DATA = ("关联数据印证", "related data")


class LitigationRole(Bilingual):
    """诉讼地位."""

    PLAINTIFF = ("原告", "plaintiff")
    DEFENDANT = ("被告", "defendant")
    THIRD_PARTY = ("第三人", "third party")
    APPELLANT = ("上诉人", "appellant")
    APPELLEE = ("被上诉人", "appellee")
    APPLICANT = ("申请人", "applicant")
    RESPONDENT = ("被申请人", "respondent")
    AGENT = ("诉讼代理人", "agent in the proceedings")
    NONE = ("未涉诉", "not a party")


class Phase(Bilingual):
    """事务阶段, in their order: how a contract comes about and is carried out."""

    OFFER = ("要约", "offer")
    ACCEPTANCE = ("作出承诺", "acceptance")
    CONFIRMATION = ("签订确认书", "letter of confirmation")
    PERFORMANCE = ("履行", "performance")


class DeclaredPoint(Bilingual):
    """What the depositor's own declarations leave to be examined; printed with the deposit."""

    COMMUNICATION_UNKNOWN = (
        "发件人、收件人或收发时间未完整申报，存证人已说明理由",
        "sender, recipient or times are not all declared; the depositor states a reason",
    )
    PROVENANCE_UNKNOWN = (
        "来源未完整申报，存证人已说明理由",
        "the origin is not fully declared; the depositor states a reason",
    )
    NOT_DEEMED_ORIGINAL = (
        "复制件，不视为原件（民事证据规定第十五条）",
        "a reproduction, not deemed an original (民事证据规定 Art. 15)",
    )
    COPY_DIFFERS = (
        "复制件与原始载体的摘要不同，存证人已作说明",
        "the copy's digest differs from the source's; the depositor explains it",
    )
    ITEMS_NOT_DECLARED = (
        "未逐项申报来源，以来源档案代之",
        "no origin is declared item by item; a source profile stands instead",
    )
