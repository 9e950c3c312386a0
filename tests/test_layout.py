"""The shape of this repository: where imports come from, and how large things may grow."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import consensus
import devnet
import node
from devnet import control
from node.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent

# A function is read on one screen, a file in one sitting; a file of tests is a list to look into.
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 450
TEST_FILE_LINES_MAX = 600

LONGER_FILES = {
    "consensus/raft.py": "the whole machine: whoever reviews an election must see all of it",
    "tests/conformance/stranger.py": "a verifier in one file: it can import nothing of ours",
    "tests/conformance/stranger_maker.py": "the same, for a maker of proofs",
}

# What would bring a secret onto a screen or into a log if it stood in the call.
SECRETS = re.compile(r"seed|private|secret|api_?key$|password|opening|salt", re.IGNORECASE)
SPEAKING = {"print", "debug", "info", "warning", "error", "exception", "critical", "log"}


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository; without git (a source archive) those that lie in it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).exists()]
    found = (path for pattern in patterns for path in ROOT.rglob(pattern))
    return [path for path in found if not {".venv", ".devnet"} & set(path.parts)]


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if not path.name.endswith("_pb2.py")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for each in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its length without the docstring."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        length -= docstring.end_lineno - docstring.lineno + 1
    return length


# Imports


@pytest.mark.parametrize("package", [consensus, node, devnet], ids=lambda each: each.__name__)
def test_imports_come_from_this_repository(package: object) -> None:
    """Another distribution could bring a package of the same name; then nothing would be ours."""
    file = getattr(package, "__file__", None)
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_proto_is_no_package() -> None:
    """It would hide the `proto` of proto-plus from whoever runs in this folder."""
    assert {path.suffix for path in tracked("proto/*")} == {".proto"}


def test_packages_re_export_nothing() -> None:
    """`from consensus.raft import Raft` says where it lives, and drags in nothing else."""
    for path in tracked("*/__init__.py"):
        body = ast.parse(path.read_text("utf-8")).body
        assert [type(each) for each in body] == [ast.Expr], f"{name_of(path)}: a docstring only"


def test_packages_name_all_their_modules() -> None:
    """Whoever reads one docstring knows what is there, and where to begin."""
    for path in tracked("*/__init__.py"):
        doc, modules = path.read_text("utf-8"), path.parent.glob("*.py")
        names = {each.stem for each in modules if not each.stem.endswith("_pb2")}
        unnamed = {each for each in names if not re.search(rf"\b{each}\b", doc)}
        assert not unnamed - {"__init__", "__main__"}, name_of(path)


def test_tests_are_no_packages_and_have_names_of_their_own() -> None:
    tests = tracked("tests/*.py")
    assert not [path for path in tests if path.name == "__init__.py"]
    names = [path.name for path in tests if path.name.startswith("test_")]
    assert len(set(names)) == len(names)


def test_top_level_holds_what_the_readme_draws() -> None:
    allowed = {
        *("consensus", "node", "devnet", "proto", "scripts", "tests", "docs", ".ci"),
        *(".gitignore", "LICENSE", "README.md", "README.zh-CN.md", "SECURITY.md"),
        "pyproject.toml",
    }
    assert {name_of(path).partition("/")[0] for path in tracked()} <= allowed


# Tidiness


def test_files_are_short() -> None:
    long = {}
    for path in sources():
        name, count = name_of(path), path.read_text("utf-8").count("\n")
        limit = TEST_FILE_LINES_MAX if name.startswith("tests/") else FILE_LINES_MAX
        if count > limit and name not in LONGER_FILES:
            long[name] = count
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{function.lineno} {function.name}": lines_of(function)
        for path in sources()
        for function in functions(path)
        if lines_of(function) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_nothing_is_left_to_do() -> None:
    """What is missing is an issue; a note in the code would be found by nobody."""
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")  # In pieces, or this line would be found.
    mark = re.compile("|".join(marks))
    found = [
        f"{name_of(path)}:{number}"
        for path in (*sources(), *tracked("proto/*", "scripts/*", ".ci/*", "*.md"))
        if path.name != "requirements.txt"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if mark.search(line)
    ]
    assert found == []


def test_text_files_are_plain() -> None:
    """UTF-8, LF, no tabs in Python, ended by exactly one line feed."""
    wrong = []
    for path in (*sources(), *tracked("*.md", "*.toml", "proto/*", "scripts/*", ".ci/*")):
        data = path.read_bytes()
        data.decode("utf-8")
        if b"\r" in data or (data and (not data.endswith(b"\n") or data.endswith(b"\n\n"))):
            wrong.append(name_of(path))
        if path.suffix == ".py" and b"\t" in data:
            wrong.append(name_of(path))
    assert wrong == []


def test_no_secret_is_printed_or_logged() -> None:
    """No name that looks like a secret stands among the arguments of a print or a log call."""
    found = []
    for path in sources():
        if name_of(path).startswith("tests/"):
            continue
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            callee = call.func
            called = callee.id if isinstance(callee, ast.Name) else getattr(callee, "attr", "")
            if called not in SPEAKING:
                continue
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                names = {each.id for each in ast.walk(argument) if isinstance(each, ast.Name)}
                names |= {e.attr for e in ast.walk(argument) if isinstance(e, ast.Attribute)}
                if any(SECRETS.search(name) for name in names):
                    found.append(f"{name_of(path)}:{call.lineno}")
    assert found == []


def test_shell_scripts_are_strict_and_explained() -> None:
    """Each stops at its first error and says in its second line what it is for."""
    for path in tracked("scripts/*", ".ci/*"):
        if path.suffix in (".txt", ".md"):
            continue
        lines = path.read_text("utf-8").splitlines()
        assert lines[0] == "#!/bin/sh", name_of(path)
        assert lines[1].startswith("# "), name_of(path)
        assert "set -eu" in lines, name_of(path)
        subprocess.run(["sh", "-n", path], check=True)


# What the documents tell people to type


def commands(path: Path) -> Iterator[list[str]]:
    """The commands in the code blocks of a document, without comments and prompts."""
    for block in re.findall(
        r"^```(?:sh|console)?\n(.*?)^```", path.read_text("utf-8"), re.M | re.S
    ):
        for line in block.replace("\\\n", " ").splitlines():
            words = line.partition("#")[0].removeprefix("$ ").split()
            if words:
                yield words


def test_commands_in_documents_exist() -> None:
    """Scripts are there, `python -m` modules too, and `cunzheng` and `devnet` know the command."""
    for path in tracked("*.md"):
        for words in commands(path):
            if words[0] == "cunzheng":
                assert words[1] in COMMANDS, f"{name_of(path)}: {' '.join(words)}"
            if words[1:3] == ["-m", "devnet"]:
                assert words[3].partition("|")[0] in ("up", *control.COMMANDS), " ".join(words)
            if words[0] == "sh" and words[1].startswith("scripts/"):
                assert (ROOT / words[1]).is_file(), f"{name_of(path)}: {' '.join(words)}"
            if "-m" in words and words[0].endswith(("python", "python3")):
                module = words[words.index("-m") + 1].split(".")
                if module[0] in ("devnet", "node"):
                    there = ROOT.joinpath(*module)
                    exists = there.with_suffix(".py").is_file() or (there / "__main__.py").is_file()
                    assert exists, f"{name_of(path)}: {' '.join(words)}"


def test_every_script_has_its_line_in_the_menu() -> None:
    menu = (ROOT / "scripts" / "README.md").read_text("utf-8")
    for path in tracked("scripts/*"):
        if path.suffix != ".md":
            assert f"`{path.name}`" in menu or f"scripts/{path.name}" in menu, path.name
