"""核验司法存证证据包，只用 Python 标准库。Verifies an evidence bundle with Python alone.

    python3 -I verify.py BUNDLE --anchors DIR [--file FILE | --file NO=FILE]... [--json]

BUNDLE: 证据包（目录或 ZIP），省略则为本文件所在的证据包。 Directory or ZIP; without it, the one
        that this file lies in.
DIR:    另行取得的信任锚，不得取自证据包：policy-fingerprint.txt（策略指纹）、*.pem（根证书）。
        What you had from elsewhere: policy-fingerprint.txt, and roots as *.pem.
FILE:   您手中的文件。 The file in your hands.

Python 3.9 或更高版本，无需联网，不写任何文件。 Python 3.9 or newer; no network, writes no file.

How this file is made. Below stand the sources of the program itself, byte for byte as they are in
its repository, each as one string under its path: compare them. Nothing of them is left out, and
nothing is said twice. Where they import a signature library, the modules under
`node/export/kit/standin/` are given to them instead: the same algorithms in plain integers. What
follows here is the loader, which makes modules of those strings.
"""

from __future__ import annotations
import __future__

import ast
import binascii
import datetime
import functools
import importlib.abc
import importlib.machinery
import itertools
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Sequence

OLDEST = (3, 9)
NEW_ENOUGH = (3, 11)
"""What the sources are written for; for what is older they are adapted when they are loaded."""

SOURCES: dict[str, str] = {}
"""By path."""

IN_PLACE_OF = {
    "nacl.exceptions": "node.export.kit.standin.nacl",
    "nacl.signing": "node.export.kit.standin.nacl",
    "cryptography.exceptions": "node.export.kit.standin.cryptography",
    "cryptography.hazmat.primitives": "node.export.kit.standin.cryptography",
    "cryptography.hazmat.primitives.asymmetric": "node.export.kit.standin.cryptography",
    "cryptography.hazmat.primitives.hashes": "node.export.kit.standin.cryptography",
    "cryptography.hazmat.primitives.serialization": "node.export.kit.standin.cryptography",
    "node.evidence.sm2": "node.export.kit.standin.sm2",
}
"""Libraries, and OpenSSL's SM2, by the stand-in that answers to their names."""
_PACKAGES = {"nacl", "cryptography", "cryptography.hazmat"}


class Shelf(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules among `SOURCES`, before anything that is installed."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        known = fullname in IN_PLACE_OF or fullname in _PACKAGES or _path(fullname) is not None
        if not known:
            return None
        source = _path(fullname)
        is_package = fullname in _PACKAGES or str(source).endswith("/__init__.py")
        is_package = is_package or fullname == "cryptography.hazmat.primitives"
        return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return importlib.import_module(IN_PLACE_OF[spec.name]) if spec.name in IN_PLACE_OF else None

    def exec_module(self, module: types.ModuleType) -> None:
        name = "" if module.__spec__ is None else module.__spec__.name
        path = _path(name)
        if name in IN_PLACE_OF or path is None or getattr(module, "__loaded__", False):
            return
        vars(module)["__loaded__"] = True
        exec(_code(SOURCES[path], path, vars(module)), vars(module))  # noqa: S102


def _path(name: str) -> str | None:
    """Where the source of a module stands."""
    stem = name.replace(".", "/")
    found = (path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in SOURCES)
    return next(found, None)


def _code(source: str, path: str, names: dict[str, typing.Any]) -> types.CodeType:
    """A source, compiled for this Python."""
    if sys.version_info >= NEW_ENOUGH:
        return compile(source, f"verify.py/{path}", "exec", dont_inherit=True)
    names["zip"] = _zip
    tree = ast.fix_missing_locations(_Adapted().visit(ast.parse(without_match(source))))
    flags = __future__.annotations.compiler_flag
    code: types.CodeType = compile(tree, f"verify.py/{path}", "exec", flags, dont_inherit=True)
    return code


# For Python 3.9 and 3.10


def without_match(source: str) -> str:
    """`match` over classes as a chain of `if`, line by line, for Pythons that have none."""
    lines, first = [], True
    for line in source.split("\n"):
        if opened := re.fullmatch(r"( *)match ([\w.]+):", line):
            first, line = True, f"{opened[1]}for _matched in ({opened[2]},):"
        elif case := re.fullmatch(r"( *)case ([\w.]+)\(\):", line):
            word, first = ("if" if first else "elif"), False
            line = f"{case[1]}{word} isinstance(_matched, {case[2]}):"
        elif rest := re.fullmatch(r"( *)case _:", line):
            line = f"{rest[1]}else:"
        lines.append(line)
    return "\n".join(lines)


class _Adapted(ast.NodeTransformer):
    """Defaults and spellings that came with 3.10 and 3.11, spelled out."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        named = {each.arg for each in node.keywords}
        if name in ("to_bytes", "from_bytes") and len(node.args) == 1 and "byteorder" not in named:
            node.args.append(ast.Constant("big"))
        if name == "dataclass" and sys.version_info < (3, 10):
            node.keywords = [each for each in node.keywords if each.arg != "slots"]
        if name == "isinstance":
            node.args[1] = self._alternatives(node.args[1])
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """`Entry = A | B`: the name of a choice of classes."""
        self.generic_visit(node)
        names = [getattr(each, "id", "") for each in ast.walk(node.value) if _is_name(each)]
        classes = bool(names) and all(each[:1].isalpha() and not each.isupper() for each in names)
        if isinstance(node.value, ast.BinOp) and classes:
            node.value = self._alternatives(node.value)
        return node

    def _alternatives(self, node: ast.expr) -> ast.expr:
        """`A | B` as a tuple, which older Pythons take for the same."""
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.BitOr):
            return node
        left, right = self._alternatives(node.left), node.right
        return ast.Tuple([*getattr(left, "elts", [left]), right], ast.Load())


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _zip(*things: Iterable[typing.Any], strict: bool = False) -> Iterator[tuple[typing.Any, ...]]:
    """With `strict`, none may be longer than another."""
    missing = object()
    pairs = itertools.zip_longest(*things, fillvalue=missing) if strict else zip(*things)  # noqa: B905
    for pair in pairs:
        if strict and any(each is missing for each in pair):
            raise ValueError("zip: one argument is longer than another")
        yield pair


def _pairwise(things: Iterable[typing.Any]) -> Iterator[tuple[typing.Any, typing.Any]]:
    one, two = itertools.tee(things)
    next(two, None)
    return zip(one, two)  # noqa: B905


def _fill_in() -> None:
    """Names of the standard library that came later."""
    if sys.version_info < NEW_ENOUGH:
        vars(datetime).setdefault("UTC", datetime.timezone.utc)  # noqa: UP017
        vars(itertools).setdefault("pairwise", _pairwise)
        vars(typing).setdefault("assert_never", functools.partial(_never))
        vars(binascii)["a2b_base64"] = functools.partial(_a2b_base64, binascii.a2b_base64)


def _a2b_base64(
    read: typing.Callable[[typing.Any], bytes], data: typing.Any, *, strict_mode: bool = False
) -> bytes:
    """With `strict_mode`, nothing but base64; its one spelling is for the caller to check."""
    text = data if isinstance(data, str) else bytes(data).decode("latin-1")
    if strict_mode and not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text):
        raise binascii.Error("not base64")
    return read(data)


def _never(value: object) -> typing.NoReturn:
    raise AssertionError(value)


def run() -> int:
    """The command, out of the shelf."""
    if sys.version_info < OLDEST:
        sys.stderr.write("需要 Python 3.9 或更高版本。 Python 3.9 or newer is needed.\n")
        return 2
    install()
    command = importlib.import_module("node.export.kit.standin.command")
    code: int = command.main(sys.argv[1:], __file__)
    return code


def install() -> None:
    """From here on modules come from the shelf."""
    _fill_in()
    sys.meta_path.insert(0, Shelf())
