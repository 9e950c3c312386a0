"""`cunzheng admin registry load|list`: whole files or nothing, and a line in the record."""

import json
from pathlib import Path
from typing import Any

import pytest

Run = Any

COURTS = """court_code,name,level,parent_code,valid_from,valid_to,source
京0491,北京某法院,BASIC,京04,,,公报
浙01,杭州某法院,INTERMEDIATE,浙,2016-01-01,,公报
"""
AUTHORITIES = f"""root_digest,name,kind,licence_no,cipher_licence_no,valid_from,valid_to,source
{"ab" * 32},某认证公司,PUBLIC,ECP1,,2020-01-01,2030-01-01,公告
"""

INTERESTS = """uscc,member,name,relation,source
91350100M000100Y43,court,示例集团,{},公示系统
"""


@pytest.fixture
def admin(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`cunzheng admin` in the folder of a gateway whose vault and database were made."""
    monkeypatch.chdir(config.parent)
    assert run("admin", "vault", "make").exit_code == 0
    assert run("admin", "database", "upgrade").exit_code == 0
    return lambda *arguments: run("admin", *arguments)


def listed(admin: Run) -> Any:
    return json.loads(admin("registry", "list", "--json").out)


def test_what_ships_is_listed(admin: Run) -> None:
    assert [each["court_code"] for each in listed(admin)["courts"]] == ["浙0192"]
    assert listed(admin)["authorities"] == []


def test_files_of_both_kinds_are_loaded(admin: Run, tmp_path: Path) -> None:
    for name, text, count in (("courts.csv", COURTS, 2), ("cas.csv", AUTHORITIES, 1)):
        (tmp_path / name).write_text(text, "utf-8")
        done = admin("registry", "load", tmp_path / name, "--json")
        assert done.exit_code == 0, done.err
        assert json.loads(done.out)["loaded"] == count
    found = listed(admin)
    assert [each["court_code"] for each in found["courts"]] == ["京0491", "浙01", "浙0192"]
    assert [each["licence_no"] for each in found["authorities"]] == ["ECP1"]
    record = json.loads(admin("access", "list", "--json").out)["accesses"]
    assert [each["action"] for each in record].count("REGISTRY_LOADED") == 2


def test_interests_are_loaded_and_replaced(admin: Run, tmp_path: Path) -> None:
    for relation in ("OWNER", "GROUP"):
        (tmp_path / "interests.csv").write_text(INTERESTS.format(relation), "utf-8")
        assert admin("registry", "load", tmp_path / "interests.csv").exit_code == 0
    (found,) = listed(admin)["interests"]
    assert (found["member"], found["relation"]) == ("court", "GROUP")
    assert found["uscc"] in admin("registry", "list").out


def test_a_file_with_a_wrong_line_is_not_loaded_at_all(admin: Run, tmp_path: Path) -> None:
    (tmp_path / "courts.csv").write_text(COURTS + "京99999,x,,,,,y\n", "utf-8")
    done = admin("registry", "load", tmp_path / "courts.csv")
    assert done.exit_code != 0
    assert "line 4" in done.err
    assert len(listed(admin)["courts"]) == 1
    assert admin("registry", "load", tmp_path / "none.csv").exit_code != 0
