"""Key records: whose keys may do what, from when to when (docs/proof-format.md, section 5).

    >>> from node.evidence.keys import Signer
    >>> old, new = (Signer(bytes([n]) * 32).public for n in (1, 2))
    >>> enrol = KeyRecord("cunzheng.test/devnet", "enrol", 1790000000000, old, "depositor", 1)
    >>> print(format_key_record(enrol).decode().replace(",", ",\\n"))
    cunzheng/key/v1 {"action":"enrol",
    "effective":1790000000000,
    "key":"ed25519:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=",
    "origin":"cunzheng.test/devnet",
    "role":"depositor",
    "serial":1}
    >>> parse_key_record(format_key_record(enrol)) == enrol
    True

(one line, shown here with a break after every field).

An enrolling authority of the policy signs them; they are entries of the log like everything else,
so a proof can carry them. `Standing` is what a key's records so far amount to:

    >>> rotate = KeyRecord(enrol.origin, "rotate", 1795000000000, old, "depositor", 2, new)
    >>> standing(old, [enrol, rotate], 1795000000000).ended_by
    'rotate'
    >>> standing(new, [enrol, rotate], 1795000000000).roles
    frozenset({'depositor'})
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.spelling import (
    check_choice,
    check_integer,
    check_origin,
    check_text,
    check_time,
    fields,
    format_tagged,
    parse_tagged,
)

TAG = "cunzheng/key/v1"
KEY_RECORD_SIZE_MAX = 1_024
"""Two public keys in their longest form and an origin."""

ACTIONS = ("enrol", "rotate", "revoke")
ROLES = ("depositor", "gateway", "court", "notary", "forensic", "member")
ZH_ROLES = dict(
    zip(ROLES, ("存证主体", "接入网关", "法院", "公证处", "鉴定机构", "成员"), strict=True)
)

_FIELDS = frozenset(["action", "effective", "key", "origin", "role", "serial"])


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One act of an enrolling authority on one key."""

    origin: str
    action: str
    effective: int
    key: PublicKey
    role: str
    serial: int
    successor: PublicKey | None = None

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """The key it is about and, if there is one, its successor."""
        return (self.key,) if self.successor is None else (self.key, self.successor)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the records about one key say at one time: enrolled in a role, or ended, or unknown.

    A sound chain gives a key one role; a reader takes every role that the records hold.
    """

    roles: frozenset[str] = frozenset()
    ended_by: str | None = None


def format_key_record(record: KeyRecord) -> bytes:
    """The bytes an enrolling authority signs."""
    value: dict[str, object] = {
        "action": record.action,
        "effective": record.effective,
        "key": record.key.text,
        "origin": record.origin,
        "role": record.role,
        "serial": record.serial,
    }
    if record.successor is not None:
        value["successor"] = record.successor.text
    data = format_tagged(TAG, value)
    parse_key_record(data)
    return data


def parse_key_record(data: bytes) -> KeyRecord:
    """The key record these bytes are, or `Malformed`."""
    raw = parse_tagged(TAG, data, KEY_RECORD_SIZE_MAX)
    value = fields(raw, TAG, _FIELDS, frozenset({"successor"}))
    if ("successor" in value) != (value["action"] == "rotate"):
        raise Malformed("successor", "is there exactly if the action is rotate")
    return KeyRecord(  # In the order of the bytes: what is wrong first decides.
        action=check_choice(value["action"], ACTIONS, "action"),
        effective=check_time(value["effective"], "effective"),
        key=parse_public_key(check_text(value["key"], "key")),
        origin=check_origin(value["origin"], "origin"),
        role=check_choice(value["role"], ROLES, "role"),
        serial=check_integer(value["serial"], "serial", low=1),
        successor=parse_public_key(check_text(value["successor"], "successor"))
        if "successor" in value
        else None,
    )


def standing(key: PublicKey, records: Iterable[KeyRecord], time_ms: int) -> Standing:
    """What `key` was at `time_ms`, from records in log order; later ones do not count."""
    roles, ended_by = set(), None
    for record in records:
        if record.effective > time_ms:
            continue
        if record.key == key and record.action != "enrol":
            ended_by = record.action
        if key == (record.key if record.action == "enrol" else record.successor):
            roles.add(record.role)
    return Standing(frozenset(roles), ended_by)
