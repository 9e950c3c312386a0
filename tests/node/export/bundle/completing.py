"""Originals put into a bundle that was made without them, as `cunzheng export --with` does."""

from collections.abc import Mapping
from pathlib import Path

from node.export.bundle.assembling import Original, completed
from node.export.bundle.package import open_bag, read_package
from node.export.bundle.writing import hash_all, write_directory


def complete(bundle: Path, originals: Mapping[str, Path], target: Path) -> Path:
    """The bundle with these files, by number, as a directory in `target`."""
    read = hash_all({str(path): path for path in originals.values()})
    given = {number: Original(path, read[str(path)]) for number, path in originals.items()}
    target.mkdir(exist_ok=True)
    with open_bag(bundle) as bag:
        return write_directory(target, completed(read_package(bag), given))
