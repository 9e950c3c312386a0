"""What can go wrong between a client and its gateways, sorted by whose move is next.

    ClientError
    ├── CallerFault        the same call will never succeed
    │   ├── Refused            the gateway says why: a problem of status 4xx
    │   │   └── NoPermission       the account may not, or is not known (401, 403)
    │   ├── BadAddress         not the address of a gateway
    │   ├── OtherChain         the gateways serve another chain than that of the policy
    │   └── Unusable           a file that cannot be hashed
    ├── TryAgain           the same call may succeed later; nothing is lost by it
    │   ├── Unreachable        no gateway answers
    │   ├── Busy               none could take it in or find out now: status 429, 502 to 504
    │   └── Pending            taken in, and not cosigned by enough members yet
    └── TheirFault         somebody else must look
        ├── Broken             the gateway failed: any other status 5xx
        ├── NotUnderstood      its answer is none
        ├── NotMade            a bundle that it took on could not be made
        ├── NotVerified        what it gave as a proof or a receipt is none
        └── NotTaken           the members skipped the statement

Each says it in Chinese and English, and which of the nine answers it is (`node.words.Answer`; none
if the call was wrong). `problem` is the gateway's own account where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.errors import zh_reason
from node.words import Answer, ResultCode


def os_reason(error: OSError) -> tuple[str, str]:
    """What the operating system says, in Chinese where we have words for it, and in English."""
    en = error.strerror or type(error).__name__
    return zh_reason(error), en


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457), its texts in the language that was asked for."""

    status: int
    code: str
    title: str
    detail: str
    result: ResultCode | None = None


class ClientError(Exception):
    """Base of all; never raised itself.

    `nothing_taken` says that the first request of the call that could have changed anything was
    refused, so that there is nothing to come back for.
    """

    def __init__(
        self, zh: str, en: str, answer: Answer | None = None, problem: Problem | None = None
    ) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.answer = answer
        self.problem = problem
        self.nothing_taken = False


class CallerFault(ClientError):
    """Base of what the caller must change; never raised itself."""


class Refused(CallerFault):
    """The gateway refused the request, and would again."""


class NoPermission(Refused):
    """The gateway does not know who asks, or does not let them."""


class BadAddress(CallerFault):
    """Not the address of a gateway."""


class OtherChain(CallerFault):
    """The gateway serves another chain than that of the policy; nothing was signed or sent."""


class Unusable(CallerFault):
    """This file cannot be hashed. What is said goes after its name."""


class TryAgain(ClientError):
    """Base of what passes by itself; never raised itself."""


class Unreachable(TryAgain):
    """No gateway answered."""


class Busy(TryAgain):
    """A gateway answered that it cannot now."""


class Pending(TryAgain):
    """Taken in; call again with the same batch and Idempotency-Key for the proof.

    `receipt` are the lines of the gateway's receipt (`checking`), which verified; None if the
    gateway gave none that holds, for the reason `fault`.
    """

    def __init__(self, zh: str, en: str, receipt: bytes | None, fault: str) -> None:
        super().__init__(zh, en, Answer.PENDING)
        self.receipt = receipt
        self.fault = fault


class TheirFault(ClientError):
    """Base of what somebody else must look at; never raised itself."""


class Broken(TheirFault):
    """The gateway failed."""


class NotUnderstood(TheirFault):
    """The answer is none of a gateway of this version."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"网关的应答无法理解（{why}）；请检查地址是否为接入网关，或使用新版程序。",
            f"the gateway's answer cannot be understood ({why}); check that the address is a "
            "gateway's, or use a newer program.",
            Answer.COULD_NOT_CHECK,
        )


class NotMade(TheirFault):
    """The gateway took a bundle on and could not make it; `why` is the name of a problem."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"网关未能生成证据包（{why}）；请稍后重试，或与网关运营方联系。",
            f"the gateway could not make the bundle ({why}); try again later, or ask its operator.",
            Answer.COULD_NOT_CHECK,
        )


class NotVerified(TheirFault):
    """What was given as a proof or a receipt is none, or of something else."""


class NotTaken(TheirFault):
    """All members skipped the statement alike; it will never be on the chain."""
