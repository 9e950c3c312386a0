"""The words this product uses towards people, in Chinese and English, as data.

This is the program's copy of `docs/glossary.md`, table by table; a test fails when the two differ
by one character, and another searches every page, message and document for words that must never
appear. Whoever needs a word for a screen, a document or a message takes it from here, and whoever
needs a new one adds it to both places. Only data belongs here: no formatting, no choice of
language, no judgement.

The nine answers are never merged. Only `Answer.NOT_DEPOSITED_BYTES` says anything against the
file, and it is always printed together with `Notice.RESAVING`.

>>> ResultCode.V102.answer.exit_code
20
>>> OpenPoint.O05.zh
'测试链，不得作为证据'
"""

from dataclasses import dataclass
from enum import Enum

WRONG_USAGE_EXIT_CODE = 2
"""The command was called wrongly and nothing was looked at. It is the shell's own convention, and
it is no answer: the answers are multiples of ten so that neither this nor a crash (1) looks like
one."""


class Answer(Enum):
    """What can be said about a file, a digest or a number: exactly one of these nine."""

    CONSISTENT = (0, "核验一致", "consistent")
    CONSISTENT_OPEN_POINTS = (10, "一致，有待审查事项", "consistent with open points")
    NOT_DEPOSITED_BYTES = (20, "与所存证的数据不一致", "not the deposited bytes")
    PROOF_NOT_VALID = (30, "证明无效或已损坏", "proof not valid or damaged")
    NOT_FOUND = (40, "未检索到", "not found")
    PENDING = (50, "上链中", "pending")
    ERASED = (60, "个人信息已依法删除（证明仍有效）", "personal data erased (proof still valid)")
    NO_PERMISSION = (70, "无权限", "no permission")
    COULD_NOT_CHECK = (80, "暂无法核验", "could not check")

    def __init__(self, exit_code: int, zh: str, en: str) -> None:
        self.exit_code = exit_code
        self.zh = zh
        self.en = en


class ResultCode(Enum):
    """Why an answer was given. A result has one code; its name is the code that is printed."""

    V000 = ("核验一致", "consistent", Answer.CONSISTENT)
    V001 = ("一致，有待审查事项", "consistent, with open points", Answer.CONSISTENT_OPEN_POINTS)
    V100 = ("上链中", "being committed", Answer.PENDING)
    V101 = ("未检索到可供检索的存证", "no searchable deposit found", Answer.NOT_FOUND)
    V102 = (
        "所提交文件与存证编号下的记录不一致",
        "the file differs from the record under this evidence number",
        Answer.NOT_DEPOSITED_BYTES,
    )
    V103 = (
        "存证编号与摘要不对应",
        "evidence number and digest do not belong together",
        Answer.NOT_DEPOSITED_BYTES,
    )
    V104 = ("非本链证明", "proof of another chain", Answer.PROOF_NOT_VALID)
    V105 = (
        "摘要存在，但算法标注不同",
        "digest found under another algorithm label",
        Answer.NOT_FOUND,
    )
    V106 = ("双摘要不一致", "the two digests disagree", Answer.NOT_DEPOSITED_BYTES)
    V200 = (
        "证明文件损坏或无法识别（不等于数据不一致）",
        "proof file damaged or not recognised (not the same as different data)",
        Answer.PROOF_NOT_VALID,
    )
    V201 = ("包含路径无效", "inclusion path not valid", Answer.PROOF_NOT_VALID)
    V202 = ("联签不足或无效", "cosignatures too few or not valid", Answer.PROOF_NOT_VALID)
    V203 = ("链不连续", "chain not continuous", Answer.PROOF_NOT_VALID)
    V204 = ("未提供外部信任锚", "no trust anchor from outside given", Answer.COULD_NOT_CHECK)
    V205 = (
        "存证单、接收凭证或密钥登记的签名无效",
        "signature of deposit statement, receipt or key enrolment not valid",
        Answer.PROOF_NOT_VALID,
    )
    V206 = (
        "策略无效或与外部信任锚不符",
        "policy not valid, or not the one the outside trust anchor names",
        Answer.PROOF_NOT_VALID,
    )
    V207 = (
        "证据包不完整或被改动（不等于数据不一致）",
        "evidence bundle incomplete or altered (not the same as different data)",
        Answer.PROOF_NOT_VALID,
    )
    V301 = ("签署时证书无效", "signing certificate not valid at signing", Answer.PROOF_NOT_VALID)
    V302 = (
        "签署前证书已吊销或密钥已撤销、更换",
        "signing certificate or key revoked or replaced before signing",
        Answer.PROOF_NOT_VALID,
    )
    V303 = (
        "签名证书的颁发机构未获许可",
        "issuer of the signing certificate not licensed",
        Answer.CONSISTENT_OPEN_POINTS,
    )
    V304 = (
        "平台对检查点或存证证书的签名无效",
        "the platform's signature of checkpoint or certificate not valid",
        Answer.PROOF_NOT_VALID,
    )
    V401 = ("时间戳无效", "timestamp not valid", Answer.PROOF_NOT_VALID)
    V402 = ("时间异常", "times do not agree", Answer.CONSISTENT_OPEN_POINTS)
    V501 = ("无权限", "no permission", Answer.NO_PERMISSION)
    V502 = ("暂无法核验", "could not check", Answer.COULD_NOT_CHECK)
    V601 = (
        "加盐摘要不可打开（个人信息已依法删除，证明仍有效）",
        "salted digest cannot be opened (personal data erased, proof still valid)",
        Answer.ERASED,
    )
    V602 = ("限制处理", "processing restricted", Answer.NO_PERMISSION)
    V701 = ("算法已不推荐", "algorithm no longer recommended", Answer.CONSISTENT_OPEN_POINTS)

    def __init__(self, zh: str, en: str, answer: Answer) -> None:
        self.zh = zh
        self.en = en
        self.answer = answer


class Bilingual(Enum):
    """One thing to say, in Chinese and English; its name is its code."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en


class OpenPoint(Bilingual):
    """What a consistent result leaves for the court to examine. Keys are kept for ever."""

    O01 = (
        "存证主体未自行签名，由网关依据账户认证代为提交",
        "the depositor did not sign; the gateway submitted on the strength of a log-in",
    )
    O02 = (
        "离线核验未检查此后的更正、失效、撤销",
        "offline: later corrections, invalidations and revocations were not checked",
    )
    O03 = (
        "平台自建时间戳，非独立第三方",
        "the timestamp is the platform's own, not an independent third party's",
    )
    O04 = (
        "取证环境清洁性检查：未提供",
        "check that the collecting environment was clean: not provided",
    )
    O05 = ("测试链，不得作为证据", "test network, not to be used as evidence")
    O06 = (
        "签名密钥未登记，未核验其持有人",
        "the signing key is not enrolled; its owner was not checked",
    )
    O07 = (
        "区块时间与联签时间或接收时间之差超过允许误差",
        "block time differs from seal or receipt time by more than the allowed skew",
    )
    O08 = ("未附可信时间戳", "no trusted timestamp is attached")
    O09 = ("未提供文件，仅核验了证明本身", "no file was given; only the proof itself was checked")
    O10 = ("此后已有更正", "a later correction exists")
    O11 = ("此后已作失效登记", "a later invalidation exists")
    O12 = ("签名密钥此后已撤销", "the signing key was revoked later")
    O13 = (
        "有成员对相互矛盾的检查点均作出联签",
        "a member cosigned checkpoints that contradict each other",
    )
    O14 = (
        "附有可信时间戳，但未提供外部根证书，未予核验，不计入结论",
        "a timestamp is attached, but no root from outside was given; it was not checked and does "
        "not count",
    )
    O15 = (
        "时间戳所示时间早于区块时间，且超过允许误差",
        "the timestamp is earlier than the block time by more than the allowed skew",
    )
    O16 = (
        "存证证书的签名未核验，以证明为准，勿以证书页面为准",
        "the certificate's signature was not checked: believe the proof, not the certificate's "
        "pages",
    )


class State(Bilingual):
    """How far a deposit has come. `FINAL` does not wait for a timestamp: that is its own fact."""

    RECEIVED = ("已接收", "received")
    PENDING = ("上链中", "pending")
    COMMITTED = ("已上链", "committed")
    FINAL = ("已确认", "final")
    FAILED = ("上链失败", "failed")


class Flag(Bilingual):
    """What a deposit is marked with because of later events; it changes no answer about a file."""

    SUPERSEDED = ("已更正", "corrected later")
    INVALIDATED = ("已作失效登记", "invalidated later")
    HELD = ("保全中", "held by a court")
    ERASED = ("个人信息已依法删除", "personal data erased")


class EventType(Bilingual):
    """Kinds of event statements. In statements and addresses the names are in lower case."""

    CORRECTION = ("更正", "correction")
    SUPPLEMENT = ("补充", "supplement")
    RENDITION = ("转换件", "rendition")
    INVALIDATION = ("失效登记", "invalidation")
    CUSTODY = ("保管移转", "custody")
    HOLD = ("保全", "hold")
    RELEASE = ("解除保全", "release")
    NOTARISATION = ("公证机构登记", "notarisation")
    VERIFICATION = ("核验登记", "verification")
    ERASED = ("个人信息删除", "erased")
    HEALTH = ("运行记录", "health")


class ErasureGround(Bilingual):
    """Why personal data is erased: 个人信息保护法 Art. 47 (1) to (5)."""

    PURPOSE_ENDED = (
        "处理目的已实现、无法实现或者不再必要",
        "the purpose is achieved, cannot be, or no longer needs it",
    )
    PERIOD_ENDED = (
        "停止提供服务或者保存期限已届满",
        "the service or the time of storage has ended",
    )
    CONSENT_WITHDRAWN = ("个人撤回同意", "consent was withdrawn")
    UNLAWFUL_PROCESSING = (
        "违反法律、行政法规或者约定处理",
        "it was processed against the law or an agreement",
    )
    OTHER_LAW = ("法律、行政法规规定的其他情形", "another case that the law provides")


class Category(Bilingual):
    """Kind of evidence as the depositor declares it: 民事证据规定 Art. 14 (1) to (5), or none.

    The names are the values that stand in a statement.
    """

    A14_0 = ("未申报", "not declared")
    A14_1_WEB_PUBLICATION = (
        "网页、博客、微博客等网络平台发布的信息",
        "information published on web pages, blogs, microblogs and other network platforms",
    )
    A14_2_NETWORK_COMMUNICATION = (
        "手机短信、电子邮件、即时通信、通讯群组等网络应用服务的通信信息",
        "communications by text message, e-mail, instant messaging, group chat and the like",
    )
    A14_3_ACCOUNT_TRANSACTION_LOG = (
        "用户注册信息、身份认证信息、电子交易记录、通信记录、登录日志等信息",
        "records of registration, authentication, electronic trade, communication and log-in",
    )
    A14_4_ELECTRONIC_FILE = (
        "文档、图片、音频、视频、数字证书、计算机程序等电子文件",
        "electronic files: documents, pictures, audio, video, digital certificates, programs",
    )
    A14_5_OTHER_DIGITAL = (
        "其他以数字化形式存储、处理、传输的能够证明案件事实的信息",
        "other information stored, processed or sent digitally that can prove facts of a case",
    )


class Notice(Bilingual):
    """Sentences that are printed in full wherever the table in the glossary says so."""

    SCOPE = (
        "上述摘要所对应的电子数据不晚于所示时间即已存在，且自上链之时起其摘要记录未被更改。"
        "本结果不证明该数据上链之前的真实性，不证明其内容真实、合法或与案件相关，"
        "亦不证明存证主体所称形成时间属实。"
        "对上链前真实性的审查适用《人民法院在线诉讼规则》第十八条。",
        "Data with the digest above existed no later than the time shown, and the recorded digest "
        "has not been altered since it was committed. This does not show that the data were "
        "authentic before that moment, nor that their content is true, lawful or relevant, nor "
        "that the creation time the depositor claims is correct. What came before the chain is "
        "examined under Art. 18 of the Online Litigation Rules of the People's Courts.",
    )
    CERTIFICATE_SCOPE = (
        "本证书证明：上述摘要所对应的电子数据在所示可信时间之前已存在，"
        "且自上链之时起其摘要记录未被更改。"
        "本证书不证明该数据上链之前的真实性，不证明其内容真实、合法或与案件相关，"
        "亦不证明形成时间（当事人陈述）属实。"
        "对上链前真实性的审查适用《人民法院在线诉讼规则》第十八条。",
        "This certificate shows that data with the digest above existed no later than the trusted "
        "time shown and that the recorded digest has not been altered since it was committed. It "
        "does not show that the data were authentic before that moment, nor that their content is "
        "true, lawful or relevant, nor that the claimed creation time is correct.",
    )
    RESAVING = (
        "不一致不等于被篡改：另存、转码、压缩亦会改变字节。",
        "Different does not mean tampered with: saving again, converting or compressing a file "
        "changes its bytes too.",
    )
    SEARCHED = (
        "加盐存证无法凭摘要检索，须提供存证编号、提取码或证明文件。",
        "Salted deposits cannot be found by digest; they need the evidence number, the extraction "
        "code or the proof file.",
    )
    NO_LATER_THAN = (
        "所示时间为数据存在的最晚时间，并非其形成时间。",
        "The time shown is the latest by which the data existed; it is not when they were made.",
    )
    CRASH_FAULTS = (
        "成员以 Raft 协议确定顺序，该协议容忍故障，不容忍恶意；"
        "防伪造依靠各成员独立重算并联签，核验须有足够的联签。",
        "The members agree on an order by Raft, which tolerates crashes, not malice; protection "
        "against forgery comes from each member recomputing and cosigning by itself, and a proof "
        "needs enough of these cosignatures.",
    )
    FORK = (
        "要使两份相互矛盾的记录都通过核验，{members} 家成员中至少须有 {liars} 家对两者都作出联签，"
        "其联签即指明其身份。",
        "For two contradicting records both to verify, at least {liars} of the {members} members "
        "must have cosigned both, and those cosignatures name them.",
    )


@dataclass(frozen=True, slots=True)
class Word:
    """One thing and what it is called; `never` are the words that would mean something else."""

    thing: str
    en: str
    zh: str
    never: tuple[str, ...] = ()


WORDS = (
    Word("seal", "cosignature", "联签", ("印章", "盖章", "电子签章")),
    Word(
        "a member's signature beside its seal, with P-256 or SM2", "further signature", "附加签名"
    ),
    Word("item, salted", "salted digest", "加盐摘要", ("承诺",)),
    Word("item, plain", "plain digest", "公开摘要", ("明文摘要",)),
    Word("declaration before a plain digest", "plain-digest declaration", "公开摘要确认"),
    Word("opening", "opening", "摘要开启数据"),
    Word("verdict", "verification result", "核验结果", ("裁决", "判决")),
    Word(
        "verification record",
        "technical verification record",
        "技术核验记录（可附卷）",
        ("核验笔录",),
    ),
    Word("member", "member", "成员"),
    Word("witness outside the consensus", "external cosigner", "外部联签方", ("证人", "见证人")),
    Word("signing certificate", "signing certificate", "签名证书"),
    Word("deposit certificate", "deposit certificate", "存证证书（非公证书）", ("区块链证书",)),
    Word("evidence number", "evidence number", "存证编号", ("证据编号",)),
    Word("exhibit number", "exhibit number", "证据目录序号"),
    Word("receipt", "receipt", "接收凭证"),
    Word("receipt number", "receipt number", "接收编号"),
    Word("matter id", "matter id", "事务编号", ("transaction id",)),
    Word("entry leaf hash", "entry hash", "交易哈希", ("transaction hash",)),
    Word("statement", "deposit statement", "存证单", ("声明", "陈述")),
    Word("event statement", "event statement", "事件单"),
    Word("depositor", "depositor", "存证主体"),
    Word("gateway", "gateway", "接入网关"),
    Word("policy", "policy", "策略"),
    Word("policy fingerprint", "policy fingerprint", "策略指纹"),
    Word("quorum", "quorum", "最低联签数", ("法定联签数",)),
    Word("checkpoint", "checkpoint", "检查点"),
    Word("contradiction file", "contradiction file", "矛盾文件"),
    Word("published log", "published log", "公布的日志"),
    Word("hash tile", "hash tile", "哈希片"),
    Word("entry bundle of the published log", "bundle of entries", "记录包"),
    Word("body", "block body", "区块数据"),
    Word("archive", "archive", "归档"),
    Word("auditor", "auditor", "审计方"),
    Word("block", "block", "区块"),
    Word("proof", "proof file", "证明文件"),
    Word("bundle", "evidence bundle", "证据包"),
    Word(
        "erased",
        "personal data erased (proof still valid)",
        "个人信息已依法删除（证明仍有效）",
        ("已删除",),
    ),
    Word(
        "SM2/SM3/SM4",
        "commercial cryptography (SM2/SM3/SM4)",
        "商用密码",
        ("national cryptography",),
    ),
    Word("node for depositing evidence", "evidence-deposit node", "存证节点", ("公证",)),
    Word("extraction code", "extraction code", "提取码"),
    Word("source profile", "source profile", "来源档案"),
    Word("data protection officer", "data protection officer", "个人信息保护负责人"),
    Word("security officer", "security officer", "网络安全负责人"),
    Word("category", "evidence category (as declared by the depositor)", "证据类别（存证人申报）"),
    Word("test network", "test network", "测试链"),
    Word("signer under 电子签名法 Art. 34", "signer", "电子签名人"),
    Word("relying party under 电子签名法 Art. 34", "relying party", "依赖方"),
    Word("certificate under 电子签名法 Art. 34", "certificate", "电子签名认证证书"),
    Word("private key under 电子签名法 Art. 34", "private key", "电子签名制作数据"),
    Word("public key under 电子签名法 Art. 34", "public key", "电子签名验证数据"),
)


@dataclass(frozen=True, slots=True)
class Banned:
    """A phrase that no text of the product may contain, and why."""

    text: str
    why: str


BANNED = (
    Banned("100%采信", "only a court decides what it relies on"),
    Banned("法院必须", "no product tells a court what it must do"),
    Banned("核验真实", "真实 is not a result: bytes are compared, not truth"),
    Banned("真实有效", "真实 is not a result: bytes are compared, not truth"),
    Banned("结果：真实", "真实 is not a result: bytes are compared, not truth"),
    Banned("结果为真实", "真实 is not a result: bytes are compared, not truth"),
    Banned("不可篡改", "a change is found, not prevented"),
    Banned("tamper-proof", "a change is found, not prevented"),
)

ALLOWED_INSIDE = (
    "非公证书",
    "公证处",
    "公证机构",
    "不是公证",
    "而非公证",
    "never 公证",
    "判决书",
    "证人证言",
    "当事人的陈述",
    "公证保全",
    "已公证",
    "作出承诺",
    "存证人",
    "证明范围声明",
    "中立性声明",
    "当事人陈述",
)
"""Longer phrases in which a word that is otherwise never used stands rightly: the name of a kind
of organisation or document, or the sentence that says what this product is not."""
