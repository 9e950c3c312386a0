"""The gateway's receipt on the depositor's disk, for as long as there is no proof yet.

Its lines are those of `node.client.checking`. A proof holds the receipt too, so the file is of no
more use once there is one.
"""

from __future__ import annotations

from node.cli.batch_files import Kept
from node.cli.files import BATCH_SUFFIX, RECEIPT_SUFFIX, write_whole
from node.cli.terminal import Terminal
from node.client.errors import Pending


def keep_receipt(pending: Pending, kept: Kept, terminal: Terminal) -> None:
    """Write the receipt beside its batch file; one that does not hold is said to, and not kept."""
    path = kept.path.with_name(kept.path.name.removesuffix(BATCH_SUFFIX) + RECEIPT_SUFFIX)
    if pending.receipt is None:
        terminal.note(
            f"警告：网关的接收凭证无效，未保存（{pending.fault}）。",
            f"warning: the gateway's receipt was not kept: {pending.fault}",
            "bold yellow",
        )
        return
    # The first one stays: of all gateways asked, that one took the statement in before the others.
    if not path.exists():
        write_whole(path, pending.receipt, replace=False)
    terminal.note(
        f"网关签名的接收凭证在 {path}；它不是证明，得到证明之前请保存。",
        f"The receipt signed by the gateway is in {path}; it is no proof, keep it until you have "
        "one.",
    )
