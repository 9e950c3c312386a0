"""What is asked of a gateway, and its answers read strictly: what has another shape is no answer.

Their fields are the gateway's word. What is signed or sealed in them `checking` verifies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from node.client.errors import NotUnderstood
from node.words import State


@dataclass(frozen=True, slots=True)
class Part:
    """One statement as the gateway answered about it: how far it is, and its first proof.

    `receipt` is as it came: nothing in it has been checked.
    """

    state: State
    proof: bytes | None
    reason: str
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """One statement that the gateway signed itself, and what opens its items, as it came."""

    part: Part
    statement: bytes
    signature: str
    openings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a gateway tells of one deposit. `entry_hash` is its 交易哈希."""

    number: str
    state: State
    height: int
    entry_hash: str
    accepted_at_ms: int
    block_time_ms: int | None
    sealed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Searched:
    """Up to this height all was looked at; `complete` is False if there were more than it lists."""

    height: int
    complete: bool


@dataclass(frozen=True, slots=True)
class WantedBundle:
    """Of what a bundle is asked for: of deposits by number, or else of all exhibits of a case.

    `openings` are sections of proof files, of deposits that the gateway cannot open itself.
    """

    numbers: tuple[str, ...] = ()
    case_no: str | None = None
    openings: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert bool(self.numbers) is not bool(self.case_no)

    @property
    def path(self) -> str:
        """Where it is asked for."""
        if self.case_no is not None:
            return f"/v1/cases/{quote(self.case_no, safe='')}/bundles"
        single = len(self.numbers) == 1
        return f"/v1/evidence/{self.numbers[0]}/bundles" if single else "/v1/bundles"

    @property
    def body(self) -> bytes:
        """With what; a retry has the same bytes."""
        value: dict[str, object] = {}
        if self.openings:
            value["openings"] = {number: text.decode() for number, text in self.openings.items()}
        if len(self.numbers) > 1:
            value["evidence_nos"] = list(self.numbers)
        return json.dumps(value, sort_keys=True).encode()


def read_parts(value: Mapping[str, Any]) -> list[Part]:
    """The answer about a batch: how far each of its statements is."""
    return [_part(each) for each in _statements(value)]


def read_attested(value: Mapping[str, Any]) -> list[Attested]:
    """The answer about a batch that the gateway made the statements of."""
    return [
        Attested(
            _part(each),
            encoded(text_of(each, "statement")),
            text_of(each, "signature"),
            tuple(_objects(each.get("openings") or [])),
        )
        for each in _statements(value)
    ]


def read_found(value: Mapping[str, Any], name: str) -> tuple[list[Found], Searched]:
    """The answer to a look-up, whose deposits stand in this field."""
    there = value.get(name)
    listed = there if isinstance(there, list) else [] if there is None else [there]
    try:
        searched = Searched(_count(value["searched"]["height"]), bool(value.get("complete", True)))
        return [_found(each) for each in listed], searched
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood("not a look-up") from error


def text_of(value: Mapping[str, Any], name: str) -> str:
    """A field that is text."""
    found = value.get(name)
    if not isinstance(found, str):
        raise NotUnderstood(f"no `{name}`")
    return found


def count_of(value: Mapping[str, Any], name: str) -> int:
    """A field that is a number."""
    return _count(value.get(name))


def encoded(text: str) -> bytes:
    """The bytes of a text; JSON can spell half a character."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotUnderstood("not UTF-8") from error


def _statements(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _objects(value.get("statements"))
    if not found:
        raise NotUnderstood("not one statement")
    return found


def _part(part: Mapping[str, Any]) -> Part:
    state = _state(part.get("state"))
    proof, receipt = part.get("proof"), part.get("receipt")
    if state is State.FINAL and not isinstance(proof, str):
        raise NotUnderstood("final without a proof")
    return Part(
        state=state,
        proof=encoded(proof) if isinstance(proof, str) else None,
        reason=str(part.get("reason") or ""),
        receipt=receipt if isinstance(receipt, dict) else None,
    )


def _found(value: Mapping[str, Any]) -> Found:
    times = value["times"]
    return Found(
        number=text_of(value, "evidence_no"),
        state=_state(value.get("state")),
        height=_count(value["height"]),
        entry_hash=text_of(value, "entry_hash"),
        accepted_at_ms=_count(times["accepted_at"]["ms"]),
        block_time_ms=_moment(times.get("block_time")),
        sealed_at_ms=_moment(times.get("sealed_at")),
    )


def _moment(value: Any) -> int | None:
    return None if value is None else _count(value["ms"])


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NotUnderstood("not a number")
    return value


def _state(value: Any) -> State:
    if not isinstance(value, str) or value not in State.__members__:
        raise NotUnderstood("no state")
    return State[value]


def _objects(values: Any) -> list[Mapping[str, Any]]:
    if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
        raise NotUnderstood("not a list of objects")
    return values
