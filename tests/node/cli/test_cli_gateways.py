"""Several `--gateway`: where one does not answer, the same request goes to the next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.cli.connecting import connect
from node.cli.terminal import Terminal

Live = Any
Run = Any
NOBODY = "http://127.0.0.1:1"


class Relay(ThreadingHTTPServer):
    """A gateway's front: passes requests on, and may die before it passes the answer back."""

    def __init__(self, url: str, *, answers: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Relaying)
        self.behind, self.answers = url, answers
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Relaying(BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        self._relay()

    def do_POST(self) -> None:
        self.server.keys.append(self.headers["idempotency-key"])
        self._relay()

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = httpx.request(
            self.command,
            self.server.behind + self.path,
            content=body,
            headers=dict(self.headers.items()),
            timeout=60,
        )
        if self.command == "POST" and not self.server.answers:
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def relaying(url: str, *, answers: bool = True) -> Iterator[Relay]:
    with Relay(url, answers=answers) as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()


def test_a_gateway_that_is_away_is_passed_over(live: Live, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "contract.pdf"
    file.write_bytes(b"%PDF-1.7")
    done = run("anchor", file, "--gateway", NOBODY, *live.access)
    assert done.exit_code == 0, done.err
    assert "Trying again" in done.err
    assert run("verify", file, "--policy", live.policy).exit_code == 10


def test_one_that_dies_over_a_deposit_has_taken_it_once_for_all(
    live: Live, run: Run, tmp_path: Path
) -> None:
    """The next one is sent the same request under the same key, and answers as it would have."""
    file = tmp_path / "contract.pdf"
    file.write_bytes(b"%PDF-1.7")
    with relaying(live.url, answers=False) as dying, relaying(live.url) as living:
        fronts = ("--gateway", dying.url, "--gateway", living.url)
        done = run("anchor", file, *fronts, *live.access[2:])
    assert done.exit_code == 0, done.err
    (key,) = dying.keys
    assert living.keys[0] == key
    assert len(live.cluster.statements) == 1


def test_every_address_is_judged_before_anything_is_sent(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status", "--gateway", NOBODY, "--gateway", "ftp://x").exit_code == 2
    terminal = Terminal("en", for_programs=False)
    with connect(["https://a.example", "http://b.example"], terminal, "czk_"):
        assert "can be read on the way" in capsys.readouterr().err
    with connect(["https://a.example", NOBODY], terminal, "czk_"):
        assert capsys.readouterr().err == ""
