"""`python -m node.export.kit DIR`: the kit into a folder, to be read, compared, published."""

from __future__ import annotations

import sys
from pathlib import Path

from node.export.kit.files import kit


def main(target: Path) -> None:
    """Write every file; what is there is replaced."""
    target.mkdir(parents=True, exist_ok=True)
    for name, data in kit().items():
        (target / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
