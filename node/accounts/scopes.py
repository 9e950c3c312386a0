"""What may be done: scopes, which roles allow them, and what a credential may be given.

A credential (an API key, a registered key) has scopes of its own. What counts is what both it and
the account's roles allow at the time of the request: a role taken away takes its scopes from every
key at once, and nobody can make a key that may do more than the one it was asked for with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from node.accounts.vocabulary import Role
from node.evidence.malformed import Malformed
from node.words import Bilingual


class Scope(Bilingual):
    """权限: one thing that may be done. In keys and requests its name stands in lower case."""

    DEPOSIT = ("存证及其后续事件", "deposits, and events of them")
    READ = ("读取本账户的存证", "the account's own deposits")
    EXPORT = ("导出证明、摘要开启数据和证据包", "proofs, openings, and bundles for courts")
    VERIFY = (
        "批量核验、核验证据包、登记核验结果",
        "verification in batches and of bundles, and telling what one found",
    )
    ACCOUNT = ("管理本账户的同意、密钥和验证数据", "the account's own consents and keys")
    WEBHOOKS = ("管理本账户的通知", "the account's own webhooks")
    CASES = ("关联案件、出具证据目录和收据", "cases: links, evidence lists, receipts")
    HOLD = ("保全与解除", "holds of a court, and their release")
    AUDIT = ("读取日志的记录与区块数据", "entries and bodies of the published log")
    OPERATE = ("运营网关", "running the gateway")
    PRIVACY = ("办理个人信息请求", "requests of those whom personal data is about")
    SECURITY = ("查阅访问记录", "the record of accesses")

    @property
    def text(self) -> str:
        """The scope as it is spelled in requests and stored."""
        return self.name.lower()


_DEPOSITOR = (Scope.DEPOSIT, Scope.READ, Scope.EXPORT, Scope.VERIFY, Scope.WEBHOOKS)

_ALLOWED: Mapping[Role, frozenset[Scope]] = {
    Role.DEPOSITOR: frozenset(_DEPOSITOR),
    Role.VERIFIER: frozenset({Scope.VERIFY}),
    Role.CLERK: frozenset({Scope.CASES, Scope.VERIFY, Scope.EXPORT}),
    Role.JUDGE: frozenset({Scope.CASES, Scope.HOLD, Scope.VERIFY, Scope.EXPORT}),
    Role.AUDITOR: frozenset({Scope.AUDIT, Scope.VERIFY}),
    Role.OPERATOR: frozenset({Scope.OPERATE}),
    Role.DATA_PROTECTION_OFFICER: frozenset({Scope.PRIVACY}),
    Role.SECURITY_OFFICER: frozenset({Scope.SECURITY}),
}
_EVERYBODY = frozenset({Scope.ACCOUNT})


def allowed(roles: Iterable[Role]) -> frozenset[Scope]:
    """Everything an account with these roles may do."""
    return _EVERYBODY.union(*(_ALLOWED[role] for role in roles))


def format_scopes(scopes: Collection[Scope]) -> str:
    """As they are stored: in the order of `Scope`, separated by single spaces."""
    return " ".join(scope.text for scope in Scope if scope in scopes)


def parse_scopes(text: str) -> frozenset[Scope]:
    """What `format_scopes` wrote; none at all is refused, such a key would open nothing."""
    known = {scope.text: scope for scope in Scope}
    try:
        scopes = frozenset(known[each] for each in text.split(" "))
    except KeyError as error:
        raise Malformed("scopes", f"no scope is called {error.args[0][:40]!r}") from error
    if format_scopes(scopes) != text:
        raise Malformed("scopes", f"not in their order: {format_scopes(scopes)}")
    return scopes
