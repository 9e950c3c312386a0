"""The committed protobuf code is what scripts/proto writes today."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    subprocess.run(["sh", ROOT / "scripts" / "proto", tmp_path], check=True)
    generated = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*_pb2.*")}
    committed = {
        path.relative_to(ROOT): path.read_text()
        for package in ("consensus", "node")
        for path in (ROOT / package).rglob("*_pb2.*")
        if "__pycache__" not in path.parts
    }
    assert generated.keys() == committed.keys()
    for path in generated:
        assert generated[path] == committed[path], f"{path} is out of date: run sh scripts/proto"
