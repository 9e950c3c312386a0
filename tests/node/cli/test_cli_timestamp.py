"""`cunzheng timestamp`: verified offline; and served and requested as real processes would."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.ceremony import free_ports
from devnet.certificates import Names, Validity, make_root
from node import keyfile
from node.cli.main import main
from node.evidence.keys import P256, Signer
from node.export.signing.algorithms import SHA256
from node.export.signing.certificate import format_certificates
from node.export.signing.credential import Credential
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.words import OpenPoint
from tests.node.export.paper import openssl

NOW_S = int(time.time())
AROUND = Validity(NOW_S - 86_400, NOW_S + 86_400)
BODY = b"cunzheng.test/devnet\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file and its timestamp, a root from elsewhere, and settings of the service."""
    top = make_root(Signer(bytes(range(32)), P256), Names("Test Root", "测试机构"), AROUND, 1)
    key = keyfile.create(tmp_path / "key.pem", "", P256)
    leaf = top.issue_timestamping(key.public, Names("Test TSA", "测试平台"), AROUND, 2)
    (tmp_path / "certificate.pem").write_bytes(format_certificates([leaf]))
    (tmp_path / "root.pem").write_bytes(format_certificates([top.certificate]))
    (tmp_path / "body").write_bytes(BODY)
    service = TimestampService(Credential(key, (leaf,)))
    asked = format_request(TimestampRequest(Imprint.of(BODY, SHA256)))
    (tmp_path / "body.tsr").write_bytes(service.answer(asked, NOW_S * 1000, 7))
    return tmp_path


def verify(folder: Path, *more: str) -> int:
    return main(["timestamp", "verify", str(folder / "body"), *more])


def test_a_timestamp_is_told_with_what_it_leaves_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is our own service's: that is said, whatever else holds."""
    assert verify(folder, "--roots", str(folder / "root.pem"), "--lang", "zh") == 10
    out = capsys.readouterr().out
    assert OpenPoint.O03.zh in out
    assert "C=CN, O=测试平台, CN=Test TSA" in out
    assert verify(folder, "--roots", str(folder / "root.pem"), "--json") == 10
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["time_ms"], told["independent"]) == (NOW_S * 1000, False)


def test_another_file_or_another_root_has_no_timestamp(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = make_root(Signer(bytes(32 * [7]), P256), Names("Test Root", "测试机构"), AROUND, 1)
    (folder / "forged.pem").write_bytes(format_certificates([forged.certificate]))
    assert verify(folder, "--roots", str(folder / "forged.pem")) == 30
    assert "was not issued by the" in capsys.readouterr().err
    (folder / "body").write_bytes(BODY + b"\n")
    assert verify(folder, "--roots", str(folder / "root.pem")) == 30
    assert "imprint is of other bytes" in capsys.readouterr().err


def test_roots_that_are_none_are_a_wrong_call(folder: Path) -> None:
    assert verify(folder, "--roots", str(folder / "body")) == 2
    assert verify(folder, "--roots", str(folder / "nothing.pem")) == 2


@pytest.mark.slow
def test_a_service_is_started_asked_and_stopped(folder: Path) -> None:
    """As an operator would: `serve`, `request` with SM3, `openssl ts -verify`, SIGTERM."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    settings = f'listen = "{address}"\nkey = "key.pem"\ncertificate = "certificate.pem"\n'
    (folder / "timestamp.toml").write_text(settings)
    command = [sys.executable, "-m", "node.cli", "timestamp", "serve", "timestamp.toml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait(process, f"http://{address}/healthz")
            (folder / "body.tsr").unlink()
            arguments = ["timestamp", "request", str(folder / "body"), "--imprint", "sm3"]
            arguments += ["--url", f"http://{address}/", "--roots", str(folder / "root.pem")]
            assert main(arguments) == 10
        finally:
            process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert OpenPoint.O03.en in log
    said = openssl(folder, "ts -verify -data body -in body.tsr -CAfile root.pem")
    assert said.ok, said.text
    assert verify(folder, "--roots", str(folder / "root.pem")) == 10


def _wait(process: subprocess.Popen[str], url: str) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    pytest.fail(f"it ended with {process.returncode}")


def test_nobody_to_ask_is_could_not_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/"
    arguments = ["timestamp", "request", str(folder / "body"), "--url", url]
    assert main([*arguments, "--roots", str(folder / "root.pem")]) == 80
    assert "no timestamp: ConnectError" in capsys.readouterr().err
