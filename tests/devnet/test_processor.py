"""What a process has spent is what it says of itself."""

import os
import sys
import time

import pytest

from devnet.processor import spent_s


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_what_this_process_has_spent() -> None:
    before, end_s = spent_s(os.getpid()), time.process_time() + 0.2
    while time.process_time() < end_s:
        pass
    after = spent_s(os.getpid())
    assert before is not None
    assert after is not None
    assert 0.15 < after - before < 0.5


def test_of_a_process_that_is_not_there_nothing_is_told() -> None:
    assert spent_s(2**30) is None
