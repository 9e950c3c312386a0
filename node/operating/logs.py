"""Log lines of a process that serves: JSON for machines, text for who watches a terminal.

One line is one JSON object: `time` (UTC), `level`, `logger`, `event`, the `request_id` it belongs
to, and what else was said by name. An exception is told by its type and the places it went through,
never by its message or a dump: a message may quote what a client or a database sent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog

Format = Literal["auto", "json", "text"]
FORMATS: tuple[Format, ...] = ("auto", "json", "text")
PLACES_MAX = 20
"""Of an exception, the innermost: with them its bug is found."""
_CHATTY = ("alembic",)
"""Libraries that say at every start which parts they consist of."""
_HOUSES = ("consensus", "devnet", "node")

_Event = MutableMapping[str, Any]


def set_up(level: str, how: Format = "auto", stream: TextIO | None = None) -> None:
    """Let all loggers of this process write to this stream, stderr unless told otherwise. `auto` is
    text on a terminal and JSON elsewhere."""
    stream = stream or sys.stderr
    is_text = how == "text" or (how == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(is_text))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def formatter(is_text: bool) -> logging.Formatter:
    """How a record becomes a line."""
    render: Any
    if is_text:
        render = structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    else:
        render = structlog.processors.JSONRenderer(serializer=_json)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            _tell_exception,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_time if is_text else _in_order,
            render,
        ],
    )


def _tell_exception(_: Any, __: str, event: _Event) -> _Event:
    """`error` is its type, `at` where it came from, the innermost place last."""
    exc_info = event.pop("exc_info", None)
    if isinstance(exc_info, tuple) and exc_info[1] is not None:
        event.update(told(exc_info[1]))
    return event


def told(error: BaseException) -> dict[str, Any]:
    """What is said of an exception."""
    return {"error": type(error).__name__, "at": places(error.__traceback__)}


def places(trace: TracebackType | None) -> list[str]:
    """FILE:LINE FUNCTION of what an exception went through; of files only what is ours in them."""
    frames = traceback.extract_tb(trace)[-PLACES_MAX:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(path: str) -> str:
    parts = PurePath(path).parts
    start = next((at for at, part in enumerate(parts) if part in _HOUSES), len(parts) - 1)
    return "/".join(parts[start:]) if "site-packages" not in parts else parts[-1]


def _in_order(_: Any, __: str, event: _Event) -> _Event:
    first = ("time", "level", "logger", "event", "request_id")
    known = {name: event[name] for name in first if name in event}
    return known | {name: value for name, value in event.items() if name not in known}


def _name_time(_: Any, __: str, event: _Event) -> _Event:
    """As the renderer for terminals expects it."""
    event["timestamp"] = event.pop("time", "")
    return event


def _json(value: Any, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
