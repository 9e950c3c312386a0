"""Processes on a leash die with their parent, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devnet import leash

DEADLINE_S = 20
LEASH = (sys.executable, "-I", "-S", leash.__file__)

PARENT = """
import os, subprocess, sys
sleeper = "print(1, flush=True); import time; time.sleep(600)"
child = subprocess.Popen([sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()),
                          sys.executable, "-c", sleeper], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def is_gone(pid: int) -> bool:
    """Ended, whether or not anybody has asked for its exit code yet."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return True
    return fields[0] == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux only")
def test_child_ends_when_its_parent_is_killed() -> None:
    """A parent that gets SIGKILL can tell nobody; the kernel ends its child."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, leash.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert not is_gone(child)
            parent.send_signal(signal.SIGKILL)
            deadline = time.monotonic() + DEADLINE_S
            while not is_gone(child):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            if not is_gone(child):
                os.kill(child, signal.SIGKILL)


def test_child_of_a_parent_that_is_gone_does_not_start() -> None:
    """Between fork and leash the parent may end; then its number is no longer our parent's."""
    done = subprocess.run(
        [*LEASH, "0", "/bin/echo", "started"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""


def test_the_program_takes_the_place_of_the_leash() -> None:
    """Same process, so signals reach the program itself; and its exit code is its own."""
    program = "import os, sys; print(os.getpid()); sys.exit(7)"
    started = subprocess.Popen(
        [*LEASH, str(os.getpid()), sys.executable, "-c", program],
        stdout=subprocess.PIPE,
    )
    with started:
        assert started.stdout is not None
        assert int(started.stdout.read()) == started.pid
    assert started.returncode == 7
