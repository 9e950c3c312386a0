"""The documents tell the truth: both read-mes alike, and what all of them name exists."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from fastapi.routing import APIRoute

from devnet import __main__ as devnet_main
from node import words
from node.cli import main as cli
from node.config import GatewayConfig, MemberAddress, MemberConfig
from node.evidence.item import ITEMS_MAX
from node.gateway.deposits import anchors
from node.gateway.http import schemas
from node.gateway.log import enrolments
from node.gateway.lookups import numbers as lookups
from node.gateway.lookups import searching
from node.gateway.operating import health
from node.witness.settings import WitnessConfig

ROOT = Path(__file__).parent.parent
README = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
INTEGRATING = ROOT / "docs" / "integrating.md"
FORMAT = ROOT / "docs" / "proof-format.md"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "scripts" / "README.md"]

ENVIRONMENT = os.environ | {"LC_ALL": "C.UTF-8"}

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"(?<!RFC \d{4} )\b[Ss]ections? (\d+(?:(?:, | and | to )\d+)*)(?!\d|\.\d)")

languages = pytest.mark.parametrize("language", README)


def read(language: str) -> str:
    return README[language].read_text("utf-8")


def prose(text: str) -> str:
    return FENCED.sub("", text)


def codes(text: str) -> list[str]:
    """What stands `like this` outside of blocks."""
    return re.findall(r"`([^`]+)`", prose(text))


def sections(text: str) -> list[str]:
    return re.split(r"^(?=#+ )", prose(text), flags=re.MULTILINE)[1:]


def tables(text: str) -> dict[str, list[list[str]]]:
    """All tables by the first cell of their heads, each a list of rows of cells."""
    found = {}
    for block in re.findall(r"(?:^\|.*\n)+", prose(text), re.MULTILINE):
        rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        found[rows[0][0]] = rows[2:]
    return found


def shell_blocks(text: str) -> list[str]:
    """Blocks of commands without their comments, each command in one line."""
    blocks = [body for info, body in FENCED.findall(text) if info == "sh"]
    bare = [re.sub(r"(?:^| +)# .*$", "", block, flags=re.MULTILINE) for block in blocks]
    return [re.sub(r"\n{2,}", "\n", block.replace("\\\n", "")).strip() for block in bare]


def commands(name: str, text: str) -> list[list[str]]:
    """The arguments of every command that begins so in a block."""
    lines = [line for block in shell_blocks(text) for line in block.splitlines()]
    return [shlex.split(line.split(name, 1)[1]) for line in lines if name in line]


def typed(name: str, text: str) -> list[list[str]]:
    """The arguments of every command that a block shows with the host it is typed on."""
    blocks = [body for info, body in FENCED.findall(text) if info == "console"]
    lines = [line.partition("$ ")[2] for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(name)]


# ---- Two languages, one read-me ---------------------------------------------------------------


def test_both_languages_have_the_same_sections() -> None:
    for en, zh in zip_longest(sections(read("en")), sections(read("zh"))):
        heading = en.splitlines()[0]
        assert en.split()[0] == zh.split()[0], heading
        assert len(re.findall("^- ", en, re.MULTILINE)) == len(re.findall("^- ", zh, re.MULTILINE))
        assert [len(t) for t in tables(en).values()] == [len(t) for t in tables(zh).values()]
        ours, theirs = ({*codes(text)} for text in (en, zh))
        assert ours == theirs, heading


def test_both_languages_have_the_same_commands() -> None:
    assert shell_blocks(read("en")) == shell_blocks(read("zh"))
    infos = [[info for info, _ in FENCED.findall(read(language))] for language in README]
    assert infos[0] == infos[1]


def test_chinese_uses_full_width_punctuation() -> None:
    text = re.sub(r"`[^`]+`|\]\([^)]+\)", "", prose(read("zh")))
    assert not re.findall(r"[一-鿿][,:;()?!]|[,:;()?!][一-鿿]", text)


def test_comments_are_in_the_language_of_the_read_me() -> None:
    blocks = [body for info, body in FENCED.findall(read("zh")) if info == "sh"]
    comments = re.findall(r"(?:^| +)# (.*)$", "\n".join(blocks), re.MULTILINE)
    assert comments
    assert not [each for each in comments if not re.search("[一-鿿]", each)]


# ---- What the read-mes say of settings, answers and folders -----------------------------------


@languages
@pytest.mark.parametrize(
    ("file", "config"),
    [
        ("member.toml", MemberConfig),
        ("gateway.toml", GatewayConfig),
        ("witness.toml", WitnessConfig),
    ],
)
def test_every_setting_is_named_and_no_other(language: str, file: str, config: type[Any]) -> None:
    named = [code for row in tables(read(language))[file] for code in codes(row[0])]
    assert sorted(named) == sorted(field.name for field in fields(config))


@languages
def test_the_settings_of_a_members_address_are_named(language: str) -> None:
    (row,) = [row for row in tables(read(language))["gateway.toml"] if row[0] == "`members`"]
    assert codes(row[1]) == [field.name for field in fields(MemberAddress)]


@languages
def test_the_exit_codes_are_those_of_the_answers(language: str) -> None:
    rows = tables(read(language))[{"en": "answer", "zh": "结果"}[language]]
    told = {name: int(code) for row in rows for name, code in (row[0:2], row[3:5])}
    ours = {getattr(answer, language): answer.exit_code for answer in words.Answer}
    wrong_usage = {"en": "(wrong usage of the command)", "zh": "（命令用法有误）"}[language]
    assert told == ours | {wrong_usage: words.WRONG_USAGE_EXIT_CODE}


@languages
def test_the_folders_exist(language: str) -> None:
    for row in tables(read(language))[{"en": "folder", "zh": "文件夹"}[language]]:
        (folder,), (first,) = codes(row[0]), codes(row[2])
        assert (ROOT / folder).is_dir(), folder
        assert first.endswith("--help") or (ROOT / first).is_file(), first


# ---- What the documents name exists -----------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", prose(document.read_text("utf-8")))
    local = [target for target in targets if not target.startswith("https://")]
    assert not [target for target in local if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    run = "\n".join([*codes(text), *shell_blocks(text)])
    assert {*re.findall(r"\bcunzheng ([a-z]+)", run)} <= cli.COMMANDS.keys()
    assert {*re.findall(r"python -m devnet ([a-z]+)", run)} <= devnet_main._HELP.keys()
    assert all((ROOT / script).is_file() for script in re.findall(r"\bsh (scripts/[\w-]+)", run))


def test_the_list_of_scripts_is_complete() -> None:
    text = (ROOT / "scripts" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `sh scripts/([\w-]+)", text, re.MULTILINE)
    assert {*listed} == {path.name for path in (ROOT / "scripts").iterdir() if not path.suffix}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_shown_can_be_parsed(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = document.read_text("utf-8")
    if document in README.values():
        monkeypatch.setenv("CUNZHENG_GATEWAY", "http://127.0.0.1:1")  # The environment file does.
    shown = commands("cunzheng ", text) + typed("cunzheng ", text)
    assert shown or document not in README.values()
    for arguments in shown:
        command = cli._load(arguments[0])
        cli._parser("en", arguments[0], command).parse_args(arguments)
    for arguments in commands("python -m devnet ", text):
        devnet_main._parser().parse_args(arguments)


# ---- The HTTP API -----------------------------------------------------------------------------


def test_the_calls_shown_exist() -> None:
    modules = (anchors, enrolments, lookups, health, searching)
    routes = [route for module in modules for route in module.router.routes]
    known = {route.path: route for route in routes if isinstance(route, APIRoute)}
    calls = re.findall(r'"\$api/((?:\$\([^)]*\)|[^"])+)"', "\n".join(shell_blocks(read("en"))))
    assert len(calls) == 6
    for call in calls:
        path, _, query = re.sub(r"\$(number|\([^)]*\))", "{number}", call).partition("?")
        (parameters,) = (
            parameter.field_info.annotation
            for parameter in known[f"/v1/{path}"].dependant.query_params
        )
        assert parameters is not None
        assert dict(parse_qsl(query)).keys() <= parameters.model_fields.keys(), call


@languages
def test_the_limits_told_are_the_limits(language: str) -> None:
    text = read(language)
    for number in (schemas.WAIT_MS_DEFAULT, schemas.WAIT_MS_MAX):
        assert re.search(rf"\b{number}\b", text), number
    for number in (ITEMS_MAX, schemas.JSON_ITEMS_MAX, schemas.PACKED_ITEMS_MAX):
        assert f"{number:,}" in text


# ---- The document of the formats --------------------------------------------------------------


def format_sections() -> dict[int, str]:
    found = re.findall(r"^## (\d+)\. (.+)$", FORMAT.read_text("utf-8"), re.MULTILINE)
    return {int(number): title for number, title in found}


def test_the_sections_of_the_formats_are_numbered_and_listed() -> None:
    known = format_sections()
    assert list(known) == list(range(1, len(known) + 1))
    contents = re.search(r"^Contents: (.+?)\n\n", FORMAT.read_text("utf-8"), re.DOTALL | re.M)
    assert contents is not None
    listed = " ".join(contents[1].split()).split(" · ")
    assert [int(each.split()[0]) for each in listed] == list(known)


def named_sections(text: str) -> Iterator[int]:
    for found in SECTION.findall(" ".join(text.split())):
        numbers = [int(number) for number in re.findall(r"\d+", found)]
        yield from numbers
        if " to " in found:
            assert all(low < high for low, high in pairwise(numbers)), found


@pytest.mark.parametrize("folder", ["docs", "node", "proto", "tests/conformance", "tests/node"])
def test_the_sections_named_exist(folder: str) -> None:
    """Docstrings and comments say where a format stands; `RFC 1234 section 5` is not meant."""
    known, seen = format_sections(), 0
    for suffix in ("md", "py", "proto"):
        for path in (ROOT / folder).rglob(f"*.{suffix}"):
            for number in named_sections(path.read_text("utf-8")):
                seen += 1
                assert number in known, f"{path}: section {number}"
    assert seen


def test_every_format_module_says_its_section() -> None:
    """Whoever changes bytes must be led to the document that freezes them."""
    formats = "item statement receipt enrolment record entry number policy policy_note members"
    for name in [*formats.split(), "proof_text", "batch", "verify"]:
        text = (ROOT / "node" / "evidence" / f"{name}.py").read_text("utf-8")
        assert [*named_sections(text.split('"""')[1])], name


def test_the_codes_of_the_formats_are_those_a_verification_gives() -> None:
    text = FORMAT.read_text("utf-8")
    told = [cell for row in tables(text)["code"] for cell in row[0::2] if cell]
    sources = (path.read_text("utf-8") for path in (ROOT / "node" / "evidence").glob("*.py"))
    given = {code for source in sources for code in re.findall(r"ResultCode\.(V\d+)", source)}
    assert sorted(told) == sorted(given)
    assert {*re.findall(r"\bV\d{3}\b", text)} <= words.ResultCode.__members__.keys()


# ---- And they run -----------------------------------------------------------------------------


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Path]:
    """A folder as a newcomer's after `python -m devnet up`."""
    (tmp_path / "devnet").mkdir()
    (tmp_path / "devnet" / "samples").symlink_to(ROOT / "devnet" / "samples")
    line = [sys.executable, "-m", "devnet", "up"]
    with subprocess.Popen(
        line, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            # Its table is printed once all are ready.
            assert any(row.startswith("│ gateway-1") for row in process.stdout)
            yield tmp_path
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.slow
def test_the_commands_of_the_second_terminal_run(devnet: Path) -> None:
    """All but killing a member, which the demo does; a consistent result here ends with 10."""
    if missing := [tool for tool in ("curl", "jq", "xxd", "sha256sum") if not shutil.which(tool)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    script = "\n".join(shell_blocks(read("en"))[2:])
    script = re.sub(
        r"^((?:cunzheng verify|python3 -I) .*)$", r"\1 || test $? -eq 10", script, flags=re.M
    )
    script = re.sub(r"^python -m devnet kill .*$", "", script, flags=re.M)
    script = script.replace("curl -sS", "curl --fail-with-body -sS")
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=devnet,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("V001") == 7  # Three proofs; of the bundle itself and in it, twice.
    assert (devnet / "court" / "record.pdf").is_file()
    assert (devnet / "steps" / "README.txt").is_file()
    assert json.loads((devnet / "mail.json").read_text())["state"] == words.State.FINAL.name
    assert "opening" not in (devnet / "mail.public.proof.txt").read_text().splitlines()


def run_in(devnet: Path, command: list[str], **environment: str) -> str:
    """The output of a program that a document shows, with its environment file sourced."""
    script = f". .devnet/depositor/environment; exec {shlex.join(command)}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=devnet,
        env=ENVIRONMENT | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python_blocks(path: Path) -> list[str]:
    return [body for info, body in FENCED.findall(path.read_text("utf-8")) if info == "python"]


@pytest.mark.slow
def test_the_programs_of_an_integrator_run(devnet: Path) -> None:
    """The read-me's and those of docs/integrating.md, verbatim, one after the other."""
    if missing := [tool for tool in ("curl", "jq", "xxd", "openssl") if not shutil.which(tool)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    (devnet / "contract.pdf").write_bytes(b"%PDF-1.7 a contract")
    (short,), (long,) = python_blocks(README["en"]), python_blocks(INTEGRATING)
    for program in (short, long):
        assert "V001" in run_in(devnet, [sys.executable, "-c", program], PYTHONPATH=str(ROOT))
    (script,) = shell_blocks(INTEGRATING.read_text("utf-8"))
    script = re.sub(r"^(cunzheng verify .*)$", r"\1 || test $? -eq 10", script, flags=re.M)
    script = script.replace("curl -sS", "curl --fail-with-body -sS")
    output = run_in(devnet, ["sh", "-eu", "-c", script])
    assert "FINAL" in output
    assert "Signature Verified Successfully" in output
    assert "V001" in output
    names = ("order-7.json", "order-8.json", "contract.pdf.2")
    assert all((devnet / f"{name}.proof.txt").is_file() for name in names)
