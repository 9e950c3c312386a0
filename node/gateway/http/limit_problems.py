"""What a request can meet because of how a gateway is operated, whatever it asks for."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class OperatingProblem(AnyProblem):
    """Limits of rate, and windows of health records."""

    RATE_LIMITED = (
        429,
        "请求过于频繁",
        "too many requests",
        "{limit}：平均每分钟 {per_minute} 次，可连续 {burst} 次。请在 {wait_s} 秒后重发。",
        "{limit}: {per_minute} a minute on average, {burst} at once. Send it again in {wait_s} s.",
    )
    WINDOW_INVALID = (
        422,
        "时间段无效",
        "not a span of time that can be shown",
        "from 不得晚于 to，且一次至多查询 {limit} 毫秒（一天）。",
        "`from` must not be after `to`, and one answer shows at most {limit} ms, which is a day.",
    )
