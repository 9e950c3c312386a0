"""The errors of a node, sorted by whose move is next.

    NodeError
    ├── CallerFault        the same request will never succeed
    │   ├── BadRequest         it is not a request
    │   └── Stranger           this certificate may not ask this
    ├── TryAgain           nothing is wrong with the request
    │   ├── NotLeader          ask the leader
    │   ├── Absent             not published here, or not yet
    │   ├── Busy               ask later
    │   ├── DiskFull           ask later, and an operator must make room
    │   ├── Dropped            not done for certain, send the same bytes again
    │   ├── Unknown            done or not, send the same bytes again
    │   └── Unavailable        cannot be answered now
    └── Ours               an operator must look
        ├── Corrupt            stored data that does not check
        ├── DiskFailed         the disk refused
        ├── Misconfigured      settings, keys or directories that do not fit together
        └── NewerRules         this version does not know the rules in force

Each class has the `code` by which members tell it to gateways (proto/node/member.proto), the HTTP
status a gateway answers with, and what the reader should do, in Chinese and English.
"""

from __future__ import annotations

import errno
from typing import ClassVar

_ZH_REASONS = {
    errno.ENOENT: "文件或目录不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EISDIR: "是目录，不是文件",
    errno.ENOTDIR: "路径中有一项不是目录",
    errno.EEXIST: "已存在",
    errno.ENOSPC: "磁盘空间不足",
    errno.EDQUOT: "超出磁盘配额",
    errno.EROFS: "文件系统只读",
    errno.ENAMETOOLONG: "名称过长",
    errno.EIO: "读写出错",
    errno.EADDRINUSE: "该地址已被占用",
    errno.EADDRNOTAVAIL: "本机没有该地址",
}


def zh_reason(error: OSError) -> str:
    """What the operating system says, in Chinese where we have words for it."""
    en = error.strerror or type(error).__name__
    return _ZH_REASONS.get(error.errno or 0, en)


class NodeError(Exception):
    """Base of all; never raised itself. `told` says what went wrong, `told_zh` in Chinese where
    somebody wrote it."""

    code: ClassVar[str]
    status: ClassVar[int]
    zh: ClassVar[str]
    en: ClassVar[str]

    def __init__(self, told: str = "", zh: str = "") -> None:
        super().__init__(told)
        self.told_zh = zh or told


class CallerFault(NodeError):
    """Base of what the caller must change; never raised itself."""


class BadRequest(CallerFault):
    code, status = "malformed", 400
    zh = "请求格式不正确，原样重发不会成功；请按说明改正。"
    en = "The request is malformed and will never succeed as it is; correct what is named."


class Stranger(CallerFault):
    code, status = "stranger", 403
    zh = "此证书无权提出该请求；请核对成员配置中登记的证书。"
    en = "This certificate may not ask this; check the certificates in the member's configuration."


class TryAgain(NodeError):
    """Base of what passes by itself; never raised itself."""


class NotLeader(TryAgain):
    code, status = "not-leader", 503
    zh = "该成员不是主节点，未作任何处理；请向主节点重发。"
    en = "This member does not lead and did nothing; send the same request to the leader."

    def __init__(self, leader: str | None) -> None:
        super().__init__(f"the leader is {leader}" if leader else "there is no leader now")
        self.leader = leader


class Absent(TryAgain):
    code, status = "absent", 404
    zh = "该成员没有公布所求的内容，或尚未公布；请以更新的检查点为准，或询问其他成员。"
    en = "This member has not published it, or not yet; ask for what a newer checkpoint covers."


class Busy(TryAgain):
    code, status = "busy", 503
    zh = "待处理的请求过多，未作任何处理；请稍后重发。"
    en = "Too much is waiting and nothing was done; send the same request a little later."


class DiskFull(TryAgain):
    code, status = "disk-full", 507
    zh = "主节点磁盘剩余空间不足，未作任何处理；请联系该成员的运维人员清理或扩容，之后重发即可。"
    en = "The leader's disk has too little room and nothing was done; its operator must make room."


class Dropped(TryAgain):
    code, status = "dropped", 503
    zh = "确定未上链；请原样重发。"
    en = "It is not on the chain for certain; send the same bytes again."


class Unknown(TryAgain):
    code, status = "unknown", 503
    zh = "是否已上链暂不能确定；原样重发是安全的，不会重复存证。"
    en = "It may or may not be on the chain; sending the same bytes again cannot deposit twice."


class Unavailable(TryAgain):
    code, status = "unavailable", 503
    zh = "该成员暂时不能作答；请稍后重试或询问其他成员。"
    en = "This member cannot answer now; ask again later, or ask another member."


class Ours(NodeError):
    """Base of what an operator must look at; never raised itself."""


class Corrupt(Ours):
    code, status = "corrupt", 500
    zh = "该成员不能证明自己的数据完好，已停止提供；请询问其他成员，并由运维人员检查。"
    en = "This member cannot prove its own data and does not serve it; ask another member."


class DiskFailed(Ours):
    code, status = "disk-failed", 500
    zh = "磁盘读写失败，成员已停止；请检查磁盘空间与硬件后再启动。"
    en = "The disk refused and the member stopped; check its space and health, then start again."


class Misconfigured(Ours):
    code, status = "misconfigured", 500
    zh = "配置、密钥或数据目录不相符；请改正后再启动。"
    en = "Settings, keys or directories do not fit together; correct that, then start again."


class NewerRules(Ours):
    code, status = "newer-rules", 500
    zh = "链上规则的版本高于本软件所知；请升级后再启动。"
    en = "The chain follows rules newer than this version knows; upgrade, then start again."
