"""`cunzheng admin account|identity|role|consent|key|vault`: an operator lets people in and out."""

import asyncio
import hashlib
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from node import keyfile
from node.accounts.account import Credential
from node.accounts.action import Action
from node.accounts.api_key import digest_api_key
from node.accounts.scopes import Scope, allowed
from node.accounts.signed_request import account_key_message
from node.accounts.vocabulary import Role
from node.config import load_gateway
from node.evidence.keys import format_signature
from node.keyfile import load_vault_key
from node.offchain.accesses import Access, AccessStore
from node.offchain.credentials import CredentialStore
from node.offchain.database import Database
from node.vault.keys import Purpose
from node.vault.sealing import Vault

Run = Any

DOCUMENT = Path(__file__).parents[3] / "docs" / "accounts.md"
PERSON = {
    "name": "张三",
    "id_type": "ID_CARD",
    "id_no": "11010519491231002X",
    "method": "UNIFIED_AUTHENTICATION",
    "provider": "示例认证平台",
    "verified_at": "2026-11-22T08:00:00+08:00",
}


def block(language: str, beginning: str) -> str:
    """The document's block of this language that begins so."""
    text = DOCUMENT.read_text("utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (one,) = [each for each in found if each.startswith(beginning)]
    return str(one)


@pytest.fixture
def admin(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`cunzheng admin` in the folder of a gateway whose vault and database were made."""
    monkeypatch.chdir(config.parent)
    assert run("admin", "vault", "make").exit_code == 0
    assert run("admin", "database", "upgrade").exit_code == 0
    return lambda *arguments: run("admin", *arguments)


@pytest.fixture
def identified(tmp_path: Path) -> Path:
    """The document's identity in a file."""
    (tmp_path / "identity.json").write_text(block("json", "{"))
    return tmp_path / "identity.json"


def found_by(config: Path, key_file: Path) -> Credential | None:
    """What a gateway finds for the key in this file."""
    settings = load_gateway(config)
    subkey = load_vault_key(settings.vault_key).derive(Purpose.API_KEYS)

    digest = digest_api_key(subkey, key_file.read_text().strip())

    async def find() -> Credential | None:
        async with Database(settings.database) as database:
            return await CredentialStore(database).by_api_key(digest)

    return asyncio.run(find())


def recorded(config: Path) -> list[Access]:
    settings = load_gateway(config)

    async def read() -> list[Access]:
        async with Database(settings.database) as database:
            vault = Vault(load_vault_key(settings.vault_key))
            return await AccessStore(database, vault).between(0, 2**53)

    return asyncio.run(read())


def test_the_documents_commands_let_a_depositor_in(
    run: Run, config: Path, identified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    commands = [shlex.split(line) for line in block("sh", "cunzheng admin vault").splitlines()]
    assert len(commands) == 6
    for program, *arguments in commands:
        assert program == "cunzheng"
        done = run(*arguments)
        assert done.exit_code == 0, (arguments, done.err)
    assert run("admin", "consent", "record", "acme", "--version", "1").exit_code == 0
    key_file = config.parent / "acme.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    found = found_by(config, key_file)
    assert found is not None
    assert found.holder.missing is None
    assert found.account.scopes == allowed([Role.DEPOSITOR])
    assert found.expires_ms is not None
    actions = [each.action for each in recorded(config)]
    assert sorted(actions, key=list(Action).index) == [
        Action.ACCOUNT_OPENED,
        Action.IDENTITY_RECORDED,
        Action.ROLE_GRANTED,
        Action.CONSENT_GIVEN,
        Action.API_KEY_MADE,
    ]
    assert all((each.origin or "").startswith("local ") for each in recorded(config))


def test_the_documents_table_is_what_roles_allow() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    ours = {
        role.name: [s.text for s in Scope if s in allowed([role]) and s is not Scope.ACCOUNT]
        for role in Role
    }
    assert {role: re.findall(r"`([a-z]+)`", scopes) for role, scopes in rows} == ours


def test_the_key_itself_is_in_no_file_but_its_own(admin: Run, config: Path) -> None:
    admin("account", "open", "acme", "--type", "COURT")
    admin("role", "grant", "acme", "VERIFIER")
    assert admin("key", "make", "acme", "--out", "acme.key").exit_code == 0
    key = (config.parent / "acme.key").read_bytes().strip()
    others = [each for each in config.parent.iterdir() if each.name != "acme.key"]
    assert not any(key in each.read_bytes() for each in others if each.is_file())


def test_an_existing_key_file_is_left_alone(admin: Run, config: Path) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    (config.parent / "acme.key").write_text("another key\n")
    assert admin("key", "make", "acme", "--out", "acme.key").exit_code == 2
    assert (config.parent / "acme.key").read_text() == "another key\n"
    assert admin("key", "list", "acme", "--json").json["keys"] == []


def test_a_key_that_opens_nothing_is_not_left_behind(admin: Run, config: Path) -> None:
    missing = admin("key", "make", "nobody", "--out", "k")
    assert missing.exit_code == 40
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    for scopes in ("deposit", "everything", ""):
        assert admin("key", "make", "acme", "--out", "k", "--scopes", scopes).exit_code == 2
    assert admin("key", "make", "acme", "--out", "k", "--days", "0").exit_code == 2
    assert not (config.parent / "k").exists()


def test_keys_are_rotated_and_revoked(admin: Run, config: Path) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    admin("role", "grant", "acme", "DEPOSITOR")
    first = admin("key", "make", "acme", "--out", "1", "--scopes", "read deposit", "--json").json
    assert first["scopes"] == "deposit read"
    rotated = admin(
        "key", "rotate", "acme", first["id"], "--out", "2", "--overlap-days", "0", "--json"
    )
    assert rotated.json["scopes"] == "deposit read"
    listed = admin("key", "list", "acme", "--json").json["keys"]
    assert [each["id"] for each in listed] == [first["id"], rotated.json["id"]]
    assert listed[0]["expires_ms"] is not None
    assert admin("key", "rotate", "acme", first["id"], "--out", "3").exit_code == 40
    assert admin("key", "revoke", "acme", rotated.json["id"]).exit_code == 0
    assert admin("key", "revoke", "acme", "00" * 16).exit_code == 40
    assert "revoked" in admin("key", "list", "acme").out
    for name in ("1", "2"):
        found = found_by(config, config.parent / name)
        assert found is not None
        assert not found.is_live(2**53)


def test_a_client_certificate_is_known_by_its_digest(admin: Run, config: Path, fakes: Any) -> None:
    """The document's command, for a certificate like those of the tests' members."""
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    admin("role", "grant", "acme", "DEPOSITOR")
    certificate = fakes.make_tls("client").certificate
    (config.parent / "client.pem").write_bytes(certificate)
    program, group, *arguments = shlex.split(block("sh", "cunzheng admin key certificate"))
    assert (program, group) == ("cunzheng", "admin")
    made = admin(*arguments, "--json").json
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    assert made["value"] == hashlib.sha256(der).hexdigest()
    assert made["scopes"] == "deposit read"
    assert admin(*arguments).exit_code == 2
    assert "client certificate" in admin("key", "list", "acme").out
    assert admin("key", "revoke", "acme", made["id"]).exit_code == 0
    (own,) = admin("key", "list", "acme", "--json").json["own"]
    assert own["revoked_ms"] is not None
    assert admin("key", "certificate", "acme", "vault-key").exit_code == 2


def test_there_is_an_end_to_keys(admin: Run) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    for number in range(20):
        assert admin("key", "make", "acme", "--out", f"{number}").exit_code == 0
    full = admin("key", "make", "acme", "--out", "20")
    assert full.exit_code == 2
    assert "20 live keys" in full.err


def test_an_account_through_its_life(admin: Run, identified: Path) -> None:
    assert admin("account", "open", "acme", "--type", "LEGAL_PERSON").exit_code == 0
    again = admin("account", "open", "acme", "--type", "COURT")
    assert (again.exit_code, "already" in again.err) == (2, True)
    assert "identity not verified" in admin("account", "list").out
    admin("identity", "record", "acme", "--from", identified)
    assert "has not agreed" in admin("account", "list").out
    admin("consent", "record", "acme", "--version", "1")
    assert "may deposit" in admin("account", "list").out
    shown = admin("account", "show", "acme", "--json").json
    assert (shown["identity"]["name"], shown["proofs"][0]["reference"]) == (
        "示例有限公司",
        "20261122-7",
    )
    assert admin("consent", "withdraw", "acme", "--json").json["withdrawn"] == 1
    for act, status in (("suspend", "SUSPENDED"), ("resume", "ACTIVE"), ("close", "CLOSED")):
        assert admin("account", act, "acme", "--json").json["status"] == status
    assert admin("account", "resume", "acme").exit_code == 40
    assert admin("account", "list", "--json").json["accounts"][0]["status"] == "CLOSED"


@pytest.mark.parametrize("account", ["张三", "Acme", "a b", "x" * 65])
def test_account_ids_say_nothing_about_people(admin: Run, account: str) -> None:
    assert admin("account", "open", account, "--type", "NATURAL_PERSON").exit_code == 2
    assert admin("account", "list", "--json").json["accounts"] == []


def test_a_clerk_is_one_of_a_court(admin: Run) -> None:
    admin("account", "open", "clerk-7", "--type", "COURT")
    assert admin("role", "grant", "clerk-7", "CLERK").exit_code == 2
    assert admin("role", "grant", "clerk-7", "AUDITOR", "--court", "浙0192").exit_code == 2
    assert admin("role", "grant", "clerk-7", "CLERK", "--court", "浙0192").exit_code == 0
    assert admin("account", "show", "clerk-7", "--json").json["courts"] == ["浙0192"]
    assert admin("role", "revoke", "clerk-7", "CLERK").exit_code == 0
    assert admin("role", "revoke", "clerk-7", "CLERK").exit_code == 40


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id_no": "110105194912310021"}, "check character"),
        ({"id_type": "USCC", "id_no": "91350100M000100Y43"}, "not a document of a natural"),
        ({"id_type": "LIBRARY_CARD"}, "LIBRARY_CARD"),
        ({"method": "GUESS"}, "GUESS"),
        ({"verified_at": "2026-11-22T08:00:00"}, "offset"),
        ({"passed": "yes"}, "passed"),
        ({"provider": ""}, "provider"),
        ({"provider": None}, "provider"),
        ({"phone": "1"}, "unknown field: phone"),
        ({"name": "张\u202e三"}, "name"),
    ],
)
def test_identities_that_cannot_be_recorded(
    admin: Run, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    admin("account", "open", "zhang", "--type", "NATURAL_PERSON")
    (tmp_path / "wrong.json").write_text(json.dumps(PERSON | changes))
    refused = admin("identity", "record", "zhang", "--from", tmp_path / "wrong.json")
    assert refused.exit_code == 2
    assert why in refused.err
    assert PERSON["id_no"] not in refused.err
    assert admin("account", "show", "zhang", "--json").json["identity"] is None


def test_a_failed_proof_ends_what_an_earlier_one_allowed(admin: Run, tmp_path: Path) -> None:
    admin("account", "open", "zhang", "--type", "NATURAL_PERSON")
    admin("account", "open", "zhang-2", "--type", "NATURAL_PERSON")
    admin("consent", "record", "zhang", "--version", "1")
    (tmp_path / "good.json").write_text(json.dumps(PERSON))
    later = PERSON | {"passed": False, "verified_at": "2026-11-23T08:00:00+08:00"}
    (tmp_path / "failed.json").write_text(json.dumps(later))
    admin("identity", "record", "zhang", "--from", tmp_path / "good.json")
    assert admin("account", "show", "zhang", "--json").json["missing"] is None
    admin("identity", "record", "zhang", "--from", tmp_path / "failed.json")
    assert admin("account", "show", "zhang", "--json").json["missing"] == "IDENTITY"
    same = admin("identity", "record", "zhang-2", "--from", tmp_path / "good.json")
    assert "zhang" in same.err


def test_consent_is_to_what_is_shown(admin: Run) -> None:
    shown = admin("consent", "show", "--json").json
    assert shown["document"].startswith("cunzheng/consent/v1\nversion 1\n")
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    assert admin("consent", "record", "acme", "--version", "0").exit_code == 2
    admin("consent", "record", "acme", "--version", shown["version"])
    (given,) = admin("account", "show", "acme", "--json").json["consents"]
    assert given["digest"] == shown["digest"]


def test_what_was_done_is_listed_and_so_is_the_listing(admin: Run) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    admin("role", "grant", "acme", "SECURITY_OFFICER")
    listed = admin("access", "list", "--json").json["accesses"]
    assert {each["action"] for each in listed} == {"ACCOUNT_OPENED", "ROLE_GRANTED"}
    assert {each["object"] for each in listed} == {"acme"}
    assert "record of accesses read" in admin("access", "list").out
    assert admin("access", "list", "--of", "acme", "--json").json["accesses"] == []
    early = ("--from", "2026-01-01T00:00:00+08:00", "--to", "2026-01-02T00:00:00+08:00")
    assert admin("access", "list", *early, "--json").json["accesses"] == []
    assert admin("access", "list", "--from", "yesterday").exit_code == 2


def test_a_vault_key_is_never_made_over_another(admin: Run, config: Path) -> None:
    before = (config.parent / "vault-key").read_bytes()
    assert admin("vault", "make").exit_code == 2
    assert (config.parent / "vault-key").read_bytes() == before


def test_nothing_is_done_with_another_vault_key(admin: Run, config: Path, identified: Path) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    admin("identity", "record", "acme", "--from", identified)
    lines = len(recorded(config))
    (config.parent / "vault-key").rename(config.parent / "elsewhere")
    assert admin("vault", "make").exit_code == 0
    refused = admin("account", "open", "zeta", "--type", "LEGAL_PERSON")
    assert refused.exit_code == 2
    assert "not the key this database was written with" in refused.err
    (config.parent / "elsewhere").replace(config.parent / "vault-key")
    assert len(recorded(config)) == lines


def test_all_of_it_speaks_chinese(admin: Run, identified: Path) -> None:
    admin("account", "open", "acme", "--type", "LEGAL_PERSON")
    admin("identity", "record", "acme", "--from", identified)
    admin("role", "grant", "acme", "DATA_PROTECTION_OFFICER")
    shown = admin("account", "show", "acme", "--lang", "zh").out
    for text in ("法人", "正常", "个人信息保护负责人", "未同意现行文本", "对公打款", "通过"):
        assert text in shown


def test_a_request_signed_with_openssl_is_the_accounts(live: Any, tmp_path: Path) -> None:
    """The document's commands, in a shell, against a gateway that listens."""
    for tool in ("openssl", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")
    signer, now = keyfile.create(tmp_path / "key.pem"), live.cluster.clock.now
    message = account_key_message(live.cluster.world.origin, "acme", signer.public, now)
    signature = format_signature(signer.sign(message))
    asked = {"key": signer.public.text, "time": now, "signature": signature}
    headers = {"authorization": f"Bearer {live.api_key.read_text().strip()}"}
    headers["idempotency-key"] = "signing-key"
    with httpx.Client(base_url=live.url, headers=headers, trust_env=False) as http:
        response = http.post("/v1/account/keys", json=asked)
    assert response.status_code == 201, response.text
    # The gateway's clock stands still; so does the shell's.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "date").write_text(f"#!/bin/sh\necho {now // 1000}\n")
    (tmp_path / "bin" / "date").chmod(0o755)
    done = subprocess.run(
        ["sh", "-euc", block("sh", "body=")],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "ORIGIN": live.cluster.world.origin,
            "KEY": signer.public.text,
            "CUNZHENG_GATEWAY": live.url,
            "NO_PROXY": "*",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["account"] == "acme"
