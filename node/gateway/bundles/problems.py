"""What a request about evidence bundles can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class BundleProblem(AnyProblem):
    """Problems with evidence bundles."""

    BUNDLE_NOT_READY = (
        409,
        "证据包尚未生成",
        "the bundle is not ready",
        "请查询其状态，待状态为 READY 后再下载。",
        "Ask how far it has come, and fetch it once its state is READY.",
    )
    BUNDLE_UNKNOWN = (
        404,
        "没有该证据包",
        "no such bundle",
        "请核对证据包编号；证据包保留 24 小时，过期请重新申请。",
        "Check its id. A bundle is kept for 24 hours; ask for another one after that.",
    )
