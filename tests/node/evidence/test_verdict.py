"""Verdicts: what people and programs are told."""

import json
from typing import Any

import pytest

from node.evidence.proof_text import format_proof
from node.evidence.steps import Anchor
from node.evidence.verdict import Finding, Outcome
from node.evidence.verify import verify
from node.words import Answer, ResultCode


def test_a_failure_has_a_code_and_nothing_else_has() -> None:
    with pytest.raises(AssertionError):
        Finding(1, Outcome.PASSED, "", "", ResultCode.V200)
    with pytest.raises(AssertionError):
        Finding(1, Outcome.FAILED, "", "")


def test_facts_are_printed_with_the_time_that_counts_first(chain: Any) -> None:
    anchor = Anchor(policy_text=chain.policies[0].policy_text)
    deposited = chain.deposit()
    facts = verify(format_proof(chain.proof(deposited)), anchor).facts
    assert facts is not None
    lines = facts.lines()
    assert [zh for zh, _, _ in lines][:3] == [
        "存证编号",
        "不晚于（联签时间）",
        "区块时间（出块成员时钟）",
    ]
    shown = {en: value for _, en, value in lines}
    forensic = "示例司法鉴定所 Example Forensics (forensic)"
    assert shown["cosigned by"] == f"示例互联网法院 (court), 示例公证处 (notary), {forensic}"
    assert shown["not cosigned by"] == "-"
    assert shown["tree size"] == str(len(chain.leaves))
    assert shown["no later than (seal time)"].startswith("2026-11-21 00:00:06 北京时间")
    few = chain.proof(deposited, note=chain.seal(sealers=("court",)))
    facts = verify(format_proof(few), anchor).facts
    assert facts is not None
    shown = {en: value for _, en, value in facts.lines()}
    assert shown["no later than (seal time)"] == "-"
    assert shown["not cosigned by"] == f"示例公证处 (notary), {forensic}"


def test_json_for_programs(chain: Any) -> None:
    anchor = Anchor(policy_text=chain.policies[0].policy_text)
    data = format_proof(chain.proof(chain.deposit()))
    verdict = verify(data, anchor)
    assert verdict.answer is Answer.CONSISTENT_OPEN_POINTS
    assert verdict.consistent
    value = json.loads(json.dumps(verdict.to_json()))
    assert value["code"] == "V001"
    assert value["facts"]["evidence_no"] == "EV20261121000000000000-76"
    assert {each["step"] for each in value["findings"]} == set(range(7))
    assert [each["key"] for each in value["open_points"]] == ["O05", "O09", "O02"]
    assert not verify(b"\xef\xbb\xbf" + data, anchor).consistent
    damaged = verify(b"\xef\xbb\xbf" + data, anchor).to_json()
    assert damaged["code"] == "V200"
    assert "facts" not in damaged
    assert damaged["repaired"] == verdict.to_json()
