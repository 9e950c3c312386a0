"""The command as such, and its small commands: help, languages, exit codes, keygen, policy."""

import os
import re
import signal
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from node import keyfile
from node.cli import files, main, verify
from node.cli.failure import Failure
from node.cli.language import choose
from node.cli.terminal import Terminal
from node.evidence.item import clean, printable
from node.evidence.keys import parse_public_key
from node.words import Answer

Folder, Run = Any, Any


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ([], {"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh"),
        ([], {"LANG": "", "LC_ALL": ""}, "en"),
        (["verify", "--lang", "zh"], {"LANG": "en_US"}, "zh"),
        (["--lang=en", "verify"], {"LANG": "zh_CN"}, "en"),
        (["verify", "--lang"], {}, "en"),
    ],
)
def test_the_language(argv: list[str], environ: dict[str, str], expected: str) -> None:
    assert choose(argv, environ) == expected


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("command", [[], *([name] for name in main.COMMANDS)])
def test_every_command_explains_itself(
    command: list[str], language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([*command, "--help", "--lang", language])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "--lang" in out
    assert bool(re.search("[一-鿿]", out)) == (language == "zh")


def test_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    out = capsys.readouterr().out
    for answer in Answer:
        assert f"{answer.exit_code:>3}  {answer.en}" in out


@pytest.mark.parametrize("command", [None, *main.COMMANDS])
def test_chinese_help_is_chinese(capsys: pytest.CaptureFixture[str], command: str | None) -> None:
    """Also what argparse brings itself."""
    with pytest.raises(SystemExit) as ended:
        main.main([*([command] if command else []), "--help", "--lang", "zh"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "显示本帮助并退出" in out
    assert not re.search("positional arguments|options:|show this", out)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{version('cunzheng')}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["--lang", "fr", "verify"], ["key"], ["policy"], ["keygen"]]
)
def test_wrong_usage_is_one_sentence(run: Run, arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert outcome.err.startswith("error: wrong usage: ")
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("command", "settings", "told"),
    [
        ("member", None, "settings.toml：文件或目录不存在"),
        ("member", "= 1", "不是 TOML 格式"),
        ("member", "colour = 1", "未知的设置 `colour`"),
        ("gateway", "", "设置 `listen` 缺失"),
        ("gateway", "listen = 1", "设置 `listen` 不是文本"),
        ("gateway", 'listen = "here"', "设置 `listen` 不是 HOST:PORT"),
    ],
)
def test_settings_that_do_not_fit_are_told_in_chinese_too(
    run: Run, tmp_path: Path, command: str, settings: str | None, told: str
) -> None:
    path = tmp_path / "settings.toml"
    if settings is not None:
        path.write_text(settings)
    outcome = run(command, path, "--lang", "zh")
    assert outcome.exit_code == 2
    assert told in outcome.err
    assert outcome.err.endswith("请改正后再启动。\n")
    assert told not in run(command, path).err


def test_keys_that_do_not_fit_are_told_in_chinese_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert "不存在" in run("keygen", path, "--show", "--lang", "zh").err
    run("keygen", path)
    path.chmod(0o644)
    assert "可被他人读取；请执行 chmod 600" in run("keygen", path, "--show", "--lang", "zh").err


def test_ctrl_c_has_its_own_exit_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "run", interrupted)
    outcome = run("verify", "x")
    assert outcome.exit_code == main.INTERRUPTED_EXIT_CODE == 130
    assert "half-written" in outcome.err


def test_a_fault_of_ours_is_no_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(verify, "run", faulty)
    monkeypatch.delenv("CUNZHENG_DEBUG", raising=False)
    outcome = run("verify", "x")
    assert outcome.exit_code == 1
    assert "says nothing about any file" in outcome.err
    assert "Traceback" not in outcome.err
    monkeypatch.setenv("CUNZHENG_DEBUG", "1")
    assert "Traceback" in run("verify", "x").err


def test_a_terminal_without_chinese_stops_nothing(folder: Folder) -> None:
    """A whole process: Latin-1 output, the file name in Chinese."""
    done = subprocess.run(
        [sys.executable, "-m", "node.cli", "verify", folder.file, "--policy", folder.policy],
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 10
    assert done.stdout.startswith(b"Verification result  V001")
    assert b"????.pdf" in done.stdout


def test_a_reader_that_goes_away_is_no_error(folder: Folder) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "node.cli", "verify", folder.file, "--policy", folder.policy],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in errors
    assert b"Exception" not in errors


def test_verify_needs_neither_http_nor_grpc_nor_a_database(folder: Folder) -> None:
    """The offline verifier of a court starts without any of what serves."""
    program = (
        "import sys; from node.cli.main import main; "
        f"code = main(['verify', {str(folder.file)!r}, '--policy', {str(folder.policy)!r}]); "
        "loaded = {'httpx', 'grpc', 'fastapi', 'plyvel', 'sqlalchemy'} & set(sys.modules); "
        "assert not loaded, loaded; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 10, done.stderr


def test_grpc_is_quiet_unless_the_shell_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the variable when it is imported, which only some commands do, and later."""
    variable, quiet = main.QUIET_GRPC
    for told, expected in (("DEBUG", "DEBUG"), (None, quiet)):
        monkeypatch.setenv(variable, told or "")
        if told is None:
            monkeypatch.delenv(variable)
        assert main.main(["policy", "fingerprint", "/no/policy.txt"]) == 2
        assert os.environ[variable] == expected


def test_what_is_wrong_comes_before_what_to_do_about_such_things(tmp_path: Path, run: Run) -> None:
    (tmp_path / "member.toml").write_text("membr = 1\n")
    outcome = run("status", "--config", tmp_path / "member.toml")
    assert outcome.exit_code == 2
    assert outcome.err.startswith(f"error: {tmp_path}/member.toml: unknown setting `membr`. ")


def test_clean_leaves_no_way_to_the_terminal() -> None:
    for code in [*range(0x20), 0x7F, 0x9B, 0x200B, 0x202E, 0x2066, 0xFEFF, 0xD800, 0xDFFF, 0xE0001]:
        assert clean(f"a{chr(code)}b") == "a\ufffdb"
    assert clean("合同 ✓ é") == printable("合同 ✓ é") == "合同 ✓ é"


# keygen


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u2003", "\u3000", "\u2800"])
def test_no_padding_puts_a_forged_line_on_the_screen(
    capsys: pytest.CaptureFixture[str], blank: str
) -> None:
    terminal, padded = Terminal("en", for_programs=False), f"a{blank * 76}V000  consistent"
    terminal.line(f"  V102  {padded}")
    terminal.columns([("file", padded), ("size", f"{blank * 76}V000")])
    terminal.note(padded, padded)
    captured = capsys.readouterr()
    assert captured.out == (
        "  V102  a V000  consistent\n  file  a V000  consistent\n  size  V000\n"
    )
    assert captured.err == "a V000  consistent\n"


def test_keygen_makes_a_key_only_its_owner_can_read(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    outcome = run("keygen", path)
    assert outcome.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = parse_public_key(outcome.out.strip())
    assert keyfile.load_signer(path).public == key


def test_keygen_shows_the_public_key_of_a_file_once_more(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = run("keygen", path, "--algorithm", "sm2")
    before = path.read_bytes()
    assert run("keygen", path, "--show").out == made.out
    assert path.read_bytes() == before
    assert run("keygen", tmp_path / "nothing.pem", "--show").exit_code == 2
    assert not (tmp_path / "nothing.pem").exists()


def test_keygen_never_overwrites(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    run("keygen", path)
    before = path.read_bytes()
    outcome = run("keygen", path, "--json")
    assert outcome.exit_code == 2
    assert path.read_bytes() == before
    assert "loses it" in outcome.err


def test_keygen_with_a_password(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    monkeypatch.setenv(keyfile.PASSWORD_VARIABLE, "correct horse")
    outcome = run("keygen", path, "--json")
    assert b"ENCRYPTED" in path.read_bytes()
    assert keyfile.load_signer(path).public.text == outcome.json["public_key"]
    monkeypatch.delenv(keyfile.PASSWORD_VARIABLE)
    asked = run("keygen", tmp_path / "other.pem", "--password")
    assert asked.exit_code == 2
    assert keyfile.PASSWORD_VARIABLE in asked.err
    assert not (tmp_path / "other.pem").exists()


def test_openssl_reads_the_key(run: Run, tmp_path: Path) -> None:
    run("keygen", tmp_path / "key.pem")
    done = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "key.pem", "-noout", "-text"],
        capture_output=True,
        check=False,
    )
    assert b"ED25519 Private-Key" in done.stdout


# policy fingerprint


@pytest.mark.parametrize("name", ["policy.txt", "genesis.txt"])
def test_the_fingerprint_of_a_policy(folder: Folder, run: Run, name: str) -> None:
    outcome = run("policy", "fingerprint", folder.path / name)
    assert outcome.exit_code == 0
    assert f"\n    {folder.fingerprint}\n" in outcome.out
    assert "2 of 3" in outcome.out
    assert "at least 1 of the 3 members" in outcome.out
    value = run("policy", "fingerprint", folder.path / name, "--json").json
    assert value["fingerprint"] == folder.fingerprint
    assert value["members"] == ["court", "forensic", "notary"]


def test_no_fingerprint_of_something_else(folder: Folder, run: Run) -> None:
    for path in (folder.file, folder.proof):
        outcome = run("policy", "fingerprint", path)
        assert outcome.exit_code == 2
        assert "not a valid policy" in outcome.err


def test_a_policy_with_windows_line_ends_is_refused(folder: Folder, run: Run) -> None:
    folder.policy.write_bytes(folder.policy.read_bytes().replace(b"\n", b"\r\n"))
    outcome = run("policy", "fingerprint", folder.policy)
    assert outcome.exit_code == 2
    assert "byte for byte" in outcome.err


# member and gateway


@pytest.mark.parametrize("command", ["member", "gateway"])
def test_wrong_settings_are_named(run: Run, tmp_path: Path, command: str) -> None:
    path = tmp_path / "settings.toml"
    for text in ("not toml", 'unknown = "x"\n'):
        path.write_text(text)
        outcome = run(command, path)
        assert outcome.exit_code == 2
        assert str(path) in outcome.err
        assert "Traceback" not in outcome.err
    assert run(command, tmp_path / "absent.toml").exit_code == 2


# Files written


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.proof.txt"
    path.write_bytes(b"old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(path, b"new", replace=True)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.proof.txt"]


@pytest.mark.parametrize("linked", [True, False])
def test_what_came_into_being_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """Nor is what a symbolic link of that name leads to, or the link itself."""
    path, victim = tmp_path / "x.proof.txt", tmp_path / "victim"
    victim.write_bytes(b"victim")

    def meanwhile(_: int) -> None:
        if linked:
            path.symlink_to(victim)
        else:
            path.write_bytes(b"theirs")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(Failure, match="exists with other content"):
        files.write_whole(path, b"ours", replace=False)
    assert path.is_symlink() == linked
    assert path.read_bytes() == (b"victim" if linked else b"theirs")
    assert sorted(os.listdir(tmp_path)) == ["victim", "x.proof.txt"]


def test_a_link_that_leads_nowhere_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.proof.txt"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(Failure, match="exists"):
        files.write_whole(path, b"ours", replace=False)
    assert os.listdir(tmp_path) == ["x.proof.txt"]


def test_without_hard_links_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    files.write_whole(tmp_path / "x", b"ours", replace=False)
    assert (tmp_path / "x").read_bytes() == b"ours"
    assert os.listdir(tmp_path) == ["x"]


def test_a_name_as_long_as_a_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("名" * 81 + ".txt")
    files.write_whole(path, b"proof", replace=False)
    assert os.listdir(tmp_path) == [path.name]


def test_a_verification_killed_leaves_nothing(folder: Folder) -> None:
    """SIGINT into a whole process while it reads: exit code 130, no traceback."""
    pipe = folder.path / "slow.proof.txt"
    os.mkfifo(pipe)
    # Where these tests are a shell's background job they ignore Ctrl-C, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "node.cli", "verify", "--proof", pipe],
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with pipe.open("wb"):  # Returns when the command has opened its end, and so is inside.
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors
