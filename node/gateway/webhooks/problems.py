"""What a request about webhooks can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class WebhookProblem(AnyProblem):
    """Problems with webhooks and deliveries."""

    DELIVERY_UNKNOWN = (
        404,
        "本账户没有该通知",
        "the account has no such delivery",
        "请核对通知编号；通知保留 400 天，删除通知登记时一并删除。",
        "Check the id. Deliveries are kept for 400 days, and go when their webhook is deleted.",
    )
    WEBHOOKS_MAX = (
        409,
        "通知登记过多",
        "too many webhooks",
        "一个账户最多登记 {limit} 个通知地址；请先删除不再使用的。",
        "An account has at most {limit} webhooks; delete those that are not used.",
    )
    WEBHOOK_UNKNOWN = (
        404,
        "本账户没有该通知登记",
        "the account has no such webhook",
        "请核对登记编号（GET /v1/webhooks）。",
        "Check the id (GET /v1/webhooks).",
    )
    WEBHOOK_URL = (
        422,
        "不能向该地址发送通知",
        "nothing can be sent to this address",
        "须为可由公网访问的 https 地址，不含用户名、密码和片段：{why}",
        "Give an https address that is public, without user, password and fragment: {why}",
    )
