"""Stories of what can go wrong, in text files: what is done, a line, and all that comes of it.

Their form, and the table of which known bug is where, are in `scenarios/README.md`. After a change
that is meant to change transcripts, `CUNZHENG_REWRITE=1 pytest tests/consensus/test_scenarios.py`
writes them anew; the difference is then read like any other.
"""

import os
import re
from pathlib import Path

import pytest

from tests.consensus.scenario import Scenario

FOLDER = Path(__file__).parent / "scenarios"
FILES = sorted(FOLDER.glob("*.txt"))


def play(text: str) -> str:
    """The same scenario with the transcripts that come of it now."""
    scenario, blocks = Scenario(), []
    for block in text.removesuffix("\n").split("\n\n"):
        told, line, _ = block.partition("\n----")
        directives = [each for each in told.split("\n") if not each.startswith("#")]
        assert bool(line) == bool(directives), f"neither a comment nor a block: {block}"
        for directive in directives:
            scenario.run(directive)
        transcript = ["----", *(scenario.take_transcript() or ["(nothing)"])] if line else []
        blocks.append("\n".join([told, *transcript]))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(file: Path) -> None:
    expected = file.read_text("utf-8")
    played = play(expected)
    if os.environ.get("CUNZHENG_REWRITE") == "1":
        file.write_text(played, "utf-8")
    else:
        assert played == expected


def test_a_line_too_few_or_another_is_noticed() -> None:
    text = (FOLDER / "first_election.txt").read_text("utf-8")
    for wrong in (
        text.replace("a becomes leader in term 1\n", ""),
        text.replace("term 1 vote a\n", "term 1 vote b\n", 1),
    ):
        assert wrong != text
        assert play(wrong) == text


def test_a_promise_that_is_broken_is_no_transcript() -> None:
    """c's disk is put back, and nobody who knows of its vote is asked: it votes twice."""
    twice = """
group a b c
copy c
win a with c
cut a | b c
crash c
restore c
restart c
deliver all
win b with c
----
"""
    with pytest.raises(AssertionError, match="c voted twice in term 1"):
        play(twice.lstrip())


def test_the_tables_name_every_scenario_and_nothing_else() -> None:
    rows = re.findall(r"^\| .* \| (.*) \|$", (FOLDER / "README.md").read_text("utf-8"), re.M)
    named = {word for row in rows for word in re.findall(r"(?:^|, (?:and )?)(\w+_\w+)\b", row)}
    assert named == {file.stem for file in FILES}
