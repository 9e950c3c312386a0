"""Run a program that dies with us: `python leash.py PARENT-PID PROGRAM ARGUMENT...`.

The kernel is asked (PR_SET_PDEATHSIG, Linux) to kill this process when its parent ends, also when
the parent was killed and could tell nobody; the wish survives `exec`, so the program needs to know
nothing of it. Elsewhere than on Linux there is no leash: only an orderly end of the parent stops
its children.

A program of its own rather than a `preexec_fn`: that would run Python in a fork of a process whose
gRPC threads are gone. It imports little, so it costs some milliseconds.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
