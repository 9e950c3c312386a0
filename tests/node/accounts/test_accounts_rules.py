"""Roles, scopes, consent texts and API keys: what is allowed, and what is kept."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest

from node.accounts.account import Credential, Holder, Missing, check_account_id
from node.accounts.api_key import PREFIX, digest_api_key, format_api_key
from node.accounts.consent import IN_FORCE, TEXTS, find_text
from node.accounts.scopes import Scope, allowed, format_scopes, parse_scopes
from node.accounts.vocabulary import AccountStatus, Role, SubmitterType
from node.evidence.malformed import Malformed

HOLDER = Holder(
    id="acme",
    submitter_type=SubmitterType.LEGAL_PERSON,
    status=AccountStatus.ACTIVE,
    roles=frozenset({Role.DEPOSITOR}),
    courts=frozenset(),
    identified=True,
    agreed=frozenset({IN_FORCE.digest}),
)


@pytest.mark.parametrize(
    ("role", "text"),
    [
        (Role.DEPOSITOR, "deposit read export verify account webhooks"),
        (Role.VERIFIER, "verify account"),
        (Role.CLERK, "export verify account cases"),
        (Role.JUDGE, "export verify account cases hold"),
        (Role.AUDITOR, "verify account audit"),
        (Role.OPERATOR, "account operate"),
        (Role.DATA_PROTECTION_OFFICER, "account privacy"),
        (Role.SECURITY_OFFICER, "account security"),
    ],
)
def test_what_each_role_may_do(role: Role, text: str) -> None:
    assert format_scopes(allowed([role])) == text


def test_every_role_and_every_scope_is_allowed_somewhere() -> None:
    assert allowed(Role) == frozenset(Scope)
    assert allowed([]) == {Scope.ACCOUNT}
    assert len(format_scopes(frozenset(Scope))) <= 128  # As wide as its column.


@pytest.mark.parametrize("text", ["", "deposit  read", "read deposit", "read read", "all", "READ"])
def test_scopes_have_one_spelling(text: str) -> None:
    with pytest.raises(Malformed, match="scopes"):
        parse_scopes(text)
    assert parse_scopes("deposit read") == {Scope.DEPOSIT, Scope.READ}


def test_what_an_account_must_bring() -> None:
    def missing(**changes: Any) -> Missing | None:
        return replace(HOLDER, **changes).missing

    assert missing() is None
    assert missing(agreed=frozenset({bytes(32)})) is Missing.CONSENT
    assert missing(agreed=frozenset(), identified=False) is Missing.IDENTITY


def test_a_credential_ends_with_its_expiry_or_its_revocation() -> None:
    credential = Credential("id", HOLDER, frozenset(Scope), expires_ms=10)
    assert [credential.is_live(now) for now in (9, 10)] == [True, False]
    assert not replace(credential, revoked_ms=5).is_live(5)
    assert replace(credential, expires_ms=None).is_live(2**53)
    assert credential.account.scopes == allowed([Role.DEPOSITOR])


@pytest.mark.parametrize("text", ["", "A", ".a", "a b", "张", "a" * 65, "a\n"])
def test_ids_of_accounts(text: str) -> None:
    with pytest.raises(Malformed, match="account"):
        check_account_id(text)
    assert check_account_id("acme.law-2_b") == "acme.law-2_b"


def test_a_key_is_known_by_a_keyed_digest_alone() -> None:
    key, subkey = format_api_key(b"\x5a" * 32), b"\x01" * 32
    assert key == PREFIX + "5a" * 32
    digest = digest_api_key(subkey, key)
    assert digest == hmac.new(subkey, key.encode(), hashlib.sha256).digest()
    assert digest != digest_api_key(b"\x02" * 32, key)


@pytest.mark.parametrize("text", ["", "czk_", PREFIX + "5A" * 32, PREFIX + "5a" * 33, "5a" * 32])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(Malformed, match="API key"):
        digest_api_key(bytes(32), text)


def test_published_consent_texts_never_change() -> None:
    """Who agreed to a version agreed to these bytes: a change is a new version at the end."""
    assert [(text.version, text.digest.hex()) for text in TEXTS] == [
        ("1", "310462ff7f2f7d9a987ce6abb5676deeb392879f0ac5304460f0547a41ca8a5c"),
    ]
    assert find_text(IN_FORCE.version) is IN_FORCE is TEXTS[-1]
    assert find_text("0") is None


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.version)
def test_a_consent_text_says_the_same_points_in_both_languages(text: object) -> None:
    zh, en = getattr(text, "zh"), getattr(text, "en")  # noqa: B009
    assert [line[0] for line in zh.splitlines() if line[1:2] == "、"] == list("一二三四五")
    assert [line[0] for line in en.splitlines() if line[1:2] == "."] == list("12345")
