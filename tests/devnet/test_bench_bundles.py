"""The bench of bundles makes a case whose bundles verify, and says what each part took."""

import json

import pytest

from devnet.bench_bundles import GROWTH_MAX_MB, LIMIT_S, Figure, main


def test_every_part_has_its_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--exhibits", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exhibits"] == 3
    parts = [each["part"] for each in told["figures"]]
    assert parts == ["made", "verified", "case made", "case verified", "case certified"]
    assert all(each["is_within"] and each["seconds"] > 0 for each in told["figures"])
    assert main(["--exhibits", "1"]) == 0
    assert "case certified" in capsys.readouterr().out


def test_limits_are_limits() -> None:
    good = Figure("made", 100, 1.0, LIMIT_S, GROWTH_MAX_MB, 1.0)
    assert good.is_within
    assert not Figure("made", 100, 1.0, LIMIT_S + 1, 0.0, 1.0).is_within
    assert not Figure("made", 1000, 1.0, 1.0, GROWTH_MAX_MB + 1, 1.0).is_within
    assert Figure("case made", 200, 1.0, 1.0, 2 * GROWTH_MAX_MB, 1.0).is_within


def test_more_than_a_bundle_holds_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--exhibits", "1000"])
    assert "1 to 999" in capsys.readouterr().err
