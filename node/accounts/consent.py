"""What users agree to before anything of theirs is kept, by version and digest.

A text is one document in both languages. Whoever agrees names its version and the SHA-256 of its
bytes, which only who has fetched it knows; both are kept. A published text is never changed: a new
version is added at the end of `TEXTS`, and from then on it is the one in force, which must be
agreed to anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from node.words import Bilingual


class ConsentScope(Bilingual):
    """同意范围: what is agreed to."""

    DEPOSITING = (
        "为存证和出证处理个人信息",
        "personal data for deposits and bundles",
    )


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One version of what is agreed to."""

    version: str
    scope: ConsentScope
    zh: str
    en: str

    @property
    def document(self) -> bytes:
        """The bytes that are shown and agreed to, UTF-8."""
        head = f"cunzheng/consent/v1\nversion {self.version}\nscope {self.scope.name}\n"
        return f"{head}\n{self.zh}\n{self.en}".encode()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the document."""
        return hashlib.sha256(self.document).digest()


TEXTS = (
    ConsentText(
        "1",
        ConsentScope.DEPOSITING,
        """\
一、处理什么：账户的名称或姓名、证件类型和号码、联系方式、实名核验的方式、时间和流水号；存证时提交的
摘要、文件说明、来源材料，以及访问记录（时间、操作、对象、互联网地址与源端口）。不收取文件内容。
二、为何处理：依法核验存证主体的真实身份，接收存证，向本人、经关联案件的法院和持提取码的人提供证明，
保障网络安全。各字段的用途和保存期限公布于 /v1/privacy/fields。
三、如何保存：个人信息加密保存于链外，可以删除。链上只有摘要和加盐摘要，上链后不能修改或删除；删除链外
的盐和个人信息后，加盐摘要不能再对应到任何人。
四、向谁提供：不公开。仅向本人、依法有权的机关和本人授权的人提供。
五、您的权利：可以查阅、复制、更正、删除，可以随时撤回同意。撤回后不再接收新的存证和出证请求，撤回前的
处理仍然有效；依法应当保存的部分在期限届满后删除。请通过账户接口或个人信息保护负责人提出。
""",
        """\
1. What is processed: the account's name, the kind and number of its identity document, its contact,
how, when and under which reference its identity was verified; the digests, descriptions and origins
that deposits give; and the record of accesses (time, action, object, internet address and port).
The content of files is never taken.
2. What for: to verify who deposits, as the law asks; to take deposits in; to give proofs to you, to
a court that has linked them to a case, and to who holds an extraction code; and for security. The
purpose and retention of every field are published at /v1/privacy/fields.
3. How it is kept: personal data encrypted, off the chain, where it can be erased. The chain has
digests and salted digests alone, which can be neither changed nor erased there; once salts and
personal data are erased, a salted digest can no longer be connected with anybody.
4. Who gets it: it is not published. You, authorities entitled by law, and whom you authorise.
5. Your rights: to see, copy, correct and erase, and to withdraw this consent at any time. From then
on no new deposit and no bundle is taken on; what was done before stays valid, and what the law
requires to be kept is erased when its time is over. Use the account's interface, or write to the
data protection officer.
""",
    ),
)

IN_FORCE = TEXTS[-1]


def find_text(version: str) -> ConsentText | None:
    """The text of this version."""
    return next((text for text in TEXTS if text.version == version), None)
