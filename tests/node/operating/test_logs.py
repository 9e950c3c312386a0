"""Log lines: one JSON object each, with the request they belong to, and nothing that was sent."""

import io
import json
import logging
import re
import subprocess
import sys
from typing import Any

import pytest

from node.operating.logs import formatter, set_up
from node.operating.request_id import current, request_id, working_on


@pytest.fixture
def lines() -> Any:
    """A logger whose lines are read, and the lines."""
    stream, log = io.StringIO(), logging.Logger("node.example")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(is_text=False))
    log.addHandler(handler)
    return log, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_that_says_what_for(lines: Any) -> None:
    log, read = lines
    log.warning("%s waits", "法院")
    with working_on("abcd-1234"):
        log.info("request", extra={"status": 200, "route": "/v1/evidence/{number}"})
    first, second = read()
    assert list(first) == ["time", "level", "logger", "event"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", first["time"])
    assert (first["level"], first["logger"], first["event"]) == (
        "warning",
        "node.example",
        "法院 waits",
    )
    assert second["request_id"] == "abcd-1234"
    assert (second["status"], second["route"]) == (200, "/v1/evidence/{number}")
    assert current() is None


def test_an_exception_is_told_without_its_message(lines: Any) -> None:
    """It may quote what a client sent."""
    log, read = lines
    try:
        raise ValueError("13800000000")
    except ValueError:
        log.exception("it failed")
    (line,) = read()
    assert (line["event"], line["error"], line["level"]) == ("it failed", "ValueError", "error")
    assert line["at"][-1].endswith("test_an_exception_is_told_without_its_message")
    assert "13800000000" not in json.dumps(line)


def test_text_for_a_terminal(capsys: Any) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    before, level = logging.root.handlers[:], logging.root.level
    try:
        for stream, is_text in ((Terminal(), True), (io.StringIO(), False)):
            set_up("info", "auto", stream)
            logging.getLogger("node.example").info("hello", extra={"height": 7})
            line = stream.getvalue()
            assert line.startswith("{") != is_text
            assert "hello" in line
            assert ("height=7" in line) == is_text
    finally:
        logging.root.handlers[:] = before
        logging.root.setLevel(level)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("offered", ["abcd-1234", "A.b_c-4567", "x" * 64])
def test_a_well_formed_id_is_kept(offered: str) -> None:
    assert request_id(offered) == offered


@pytest.mark.parametrize(
    "offered", [None, "", "short", "x" * 65, "with space", "a\nb-------", "编号编号编号编号"]
)
def test_any_other_is_replaced(offered: str | None) -> None:
    found = request_id(offered)
    assert re.fullmatch(r"[0-9a-f]{32}", found)
    assert found != request_id(offered)


def test_libraries_do_not_introduce_themselves() -> None:
    """What a process imports once its log is set up says nothing by itself."""
    program = "from node.operating import logs; logs.set_up('info'); import node.offchain.revisions"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
