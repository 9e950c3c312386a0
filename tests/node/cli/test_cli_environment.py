"""What a shell says once: gateway, API key and signing key from the environment; trust never."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from node.cli import anchor, prove, status, verify
from node.cli.main import main


def _parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    anchor.configure(parser, "en")
    return parser.parse_args(arguments)


def test_variables_stand_for_flags_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUNZHENG_GATEWAY", "http://127.0.0.1:1")
    monkeypatch.setenv("CUNZHENG_API_KEY_FILE", "/keys/api")
    monkeypatch.setenv("CUNZHENG_KEY", "/keys/key.pem")
    parsed = _parsed("a.pdf")
    assert parsed.gateway == ["http://127.0.0.1:1"]
    assert (parsed.api_key_file, parsed.key) == (Path("/keys/api"), Path("/keys/key.pem"))
    given = ("--gateway", "http://127.0.0.1:2", "--gateway", "http://127.0.0.1:3")
    for count in (1, 2):
        assert _parsed("a.pdf", *given[: 2 * count]).gateway == [given[1], given[3]][:count]
    assert _parsed("a.pdf", *given).gateway == [given[1], given[3]], "twice the same"


def test_the_shell_may_name_several_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUNZHENG_GATEWAY", "http://127.0.0.1:1 http://127.0.0.1:2")
    assert _parsed("a.pdf").gateway == ["http://127.0.0.1:1", "http://127.0.0.1:2"]


@pytest.mark.parametrize("command", [prove, status])
def test_whoever_asks_a_gateway_takes_the_one_of_the_shell(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUNZHENG_GATEWAY", "http://127.0.0.1:1")
    parser = argparse.ArgumentParser()
    command.configure(parser, "en")
    assert parser.parse_args([]).gateway == ["http://127.0.0.1:1"]


def test_a_member_is_asked_itself_whatever_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUNZHENG_GATEWAY", "http://127.0.0.1:1")
    assert main(["status", "--config", "/no/member.toml"]) == 2


def test_without_them_the_gateway_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUNZHENG_GATEWAY", raising=False)
    assert main(["anchor", "a.pdf"]) == 2
    monkeypatch.setenv("CUNZHENG_GATEWAY", " ")
    assert main(["anchor", "a.pdf"]) == main(["status"]) == 2


def test_trust_is_never_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUNZHENG_POLICY", "/somewhere/policy.txt")
    parser = argparse.ArgumentParser()
    verify.configure(parser, "en")
    assert parser.parse_args(["a.pdf"]).policy is None
