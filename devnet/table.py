"""The live table of `devnet up`: one line a member, one a gateway."""

from collections.abc import Mapping
from typing import Literal

from rich.table import Table
from rich.text import Text

from devnet.cluster import Cluster
from node.cli.language import Language
from node.evidence.item import clean
from node.member_pb2 import StatusResponse

_HEADINGS = (
    ("member", "成员"),
    ("role", "角色"),
    ("term", "任期"),
    ("height", "高度"),
    ("sealed height", "已联签高度"),
    ("lag", "落后"),
    ("items", "数据项"),
    ("alarms, address", "告警、地址"),
)
_ROLES = {
    "leader": ("leader", "主节点"),
    "follower": ("follower", "从节点"),
    "candidate": ("candidate", "候选"),
    "learner": ("learner", "学习者"),
    "recalling": ("recalling", "启动核对"),
    "removed": ("removed", "已移出"),
}
_STATES = {
    "paused": ("paused", "已暂停"),
    "stopped": ("stopped", "已停止"),
    "silent": ("no answer", "无应答"),
    "running": ("running", "运行中"),
}
_STYLES = {
    "leader": "bold green",
    "candidate": "yellow",
    "recalling": "yellow",
    "removed": "red",
    "paused": "yellow",
    "stopped": "red",
}


def table(
    cluster: Cluster, statuses: Mapping[str, StatusResponse | None], language: Language
) -> Table:
    """What everyone says about itself now.

    *Lag* is how many blocks a member has yet to apply of what any member knows to be committed.
    """
    at = 1 if language == "zh" else 0
    drawn = Table(title=str(cluster.places.directory), title_justify="left")
    for number, heading in enumerate(_HEADINGS):
        justify: Literal["right", "left"] = "right" if 2 <= number <= 6 else "left"
        drawn.add_column(heading[at], justify=justify, overflow="fold")
    newest = max((each.commit for each in statuses.values() if each is not None), default=0)
    for name, status in statuses.items():
        if status is None:
            state = _state(cluster, name)
            style = _STYLES.get(state, "yellow")
            drawn.add_row(name, Text(_STATES[state][at], style), *[""] * 6)
            continue
        role = _ROLES.get(status.role, (status.role,) * 2)[at]
        numbers = (
            status.term,
            status.applied,
            status.sealed_height,
            newest - status.applied,
            status.items,
        )
        alarms = Text(clean(" · ".join(status.alarms)), "bold red")
        drawn.add_row(
            name, Text(role, _STYLES.get(status.role, "")), *(f"{n:,}" for n in numbers), alarms
        )
    drawn.add_section()
    for number, name in enumerate(cluster.gateways):
        state = "running" if cluster.is_running(name) else "stopped"
        if cluster.is_paused(name):
            state = "paused"
        drawn.add_row(
            name,
            Text(_STATES[state][at], _STYLES.get(state, "")),
            *[""] * 5,
            cluster.gateway_url(number),
        )
    return drawn


def _state(cluster: Cluster, name: str) -> str:
    if not cluster.is_running(name):
        return "stopped"
    return "paused" if cluster.is_paused(name) else "silent"
