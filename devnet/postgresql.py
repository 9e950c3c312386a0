"""A PostgreSQL of one's own: on a Unix socket in a directory made for it, gone afterwards.

It refuses to be root; whoever is root runs it as `nobody`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"


def find_binaries() -> Path | None:
    """Where PostgreSQL's own programs are; distributions keep all but `psql` out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: each.parts[4])
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """One PostgreSQL, trusting whoever reaches its socket."""

    def __init__(self, binaries: Path, directory: Path, *, syncs: bool) -> None:
        self._binaries = binaries
        self._directory = directory
        self._syncs = syncs
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._numbers = itertools.count()
        if self._user is not None:
            shutil.chown(directory, self._user)

    def start(self) -> None:
        data = self._directory / "data"
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data)
        syncs = "on" if self._syncs else "off"
        options = f"-c listen_addresses= -c fsync={syncs} -k {self._directory}"
        log = self._directory / "log"
        self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._directory / "data", "-m", "immediate", "-w", "stop")

    def create(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"test{next(self._numbers)}"
        self._ask("createdb", "-T", template, name)
        return name

    def drop(self, name: str) -> None:
        self._ask("dropdb", "--force", name)

    def rename(self, name: str, to: str) -> None:
        self._ask("psql", "-q", "-c", f"alter database {name} rename to {to}")

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self._directory}"

    def _run(self, program: str, *arguments: Any) -> None:
        """As the user that the server runs as."""
        subprocess.run(  # noqa: S603 (its own programs, arguments of ours)
            [self._binaries / program, *arguments],
            cwd=self._directory,
            user=self._user,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _ask(self, program: str, *arguments: str) -> None:
        """As ourselves: to become another user Python has to fork, and a fork of a process in which
        gRPC runs may crash in gRPC's hands before it is anything else."""
        server = ("-h", str(self._directory), "-U", "postgres")
        subprocess.run(  # noqa: S603 (as above)
            [self._binaries / program, *server, *arguments], check=True, stdout=subprocess.DEVNULL
        )


@contextmanager
def running(binaries: Path, *, syncs: bool = True) -> Iterator[Postgres]:
    """A PostgreSQL while the block runs."""
    directory = Path(tempfile.mkdtemp(prefix="cunzheng-postgres-"))
    server = Postgres(binaries, directory, syncs=syncs)
    try:
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)
