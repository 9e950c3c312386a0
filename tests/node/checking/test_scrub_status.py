"""What `cunzheng status` says of the scrub."""

import pytest

from node import member_pb2 as pb
from node.cli import status
from node.cli.terminal import Terminal


@pytest.mark.parametrize(
    ("passed_s", "said"), [(0, "no whole pass yet"), (1, "the last whole pass ended ")]
)
def test_how_far_it_has_come(passed_s: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = status.told_by(
        pb.StatusResponse(
            member="court", role="leader", applied=9, scrubbed=7, scrub_passed_s=passed_s
        )
    )
    status._print(told, Terminal("en", for_programs=False))
    shown = capsys.readouterr().out
    assert f"court: what it keeps is compared up to height 7 of 9; {said}" in shown


def test_a_member_that_has_not_begun_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told = status.told_by(pb.StatusResponse(member="court", role="leader", applied=9))
    status._print(told, Terminal("en", for_programs=False))
    assert "compared" not in capsys.readouterr().out
