"""What is in the directory of an archive was put there by whoever made it."""

import os
from pathlib import Path

import pytest

from node.archive.files import Files


def test_only_files_are_read(tmp_path: Path) -> None:
    """A link would have us copy what only we can read, a pipe would keep us for ever."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"nobody else may read this")
    archive = tmp_path / "archive"
    (archive / "policies").mkdir(parents=True)
    (archive / "policies" / "1").symlink_to(outside)
    (archive / "policies" / "2").symlink_to("2")
    os.mkfifo(archive / "policies" / "3")
    (archive / "policies" / "4").symlink_to("/dev/zero")
    (archive / "policies" / "5").write_bytes(b"a policy")
    files = Files(archive)
    for name in "1234":
        with pytest.raises(OSError, match="Not a regular file"):
            files.read(f"policies/{name}")
    assert files.read("policies/5") == b"a policy"
    assert files.read("policies/6") is None
