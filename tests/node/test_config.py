"""Settings: read strictly, resolved beside their file, and every one of them documented."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from node.config import (
    PRODUCTION_DRAIN_S,
    GatewayConfig,
    MemberAddress,
    MemberConfig,
    Officer,
    PlannedMember,
    PolicyPlan,
    TlsConfig,
    WitnessAddress,
    load_gateway,
    load_member,
)
from node.court_settings import PlatformConfig, TimestampAuthorityConfig
from node.errors import Misconfigured
from node.export.timestamps.settings import TimestampServiceConfig
from node.settings import read_certificate

MEMBER = """\
member = "court"
data = "data"
genesis = "../genesis.txt"
listen = "127.0.0.1:7101"
certificate = "certificate.pem"
private_key = "tls.pem"
log_key = "/etc/keys/log.pem"
witness_key = "witness.pem"
gateways = ["gateway-a.pem"]
"""

OTHER = """
[[members]]
name = "notary"
address = "notary.example:7101"
certificate = "notary.pem"
"""

GATEWAY = """\
listen = "[::1]:8001"
genesis = "genesis.txt"
key = "key.pem"
certificate = "certificate.pem"
private_key = "tls.pem"
database = "sqlite+aiosqlite:///gateway.db"
vault_key = "vault-key"

[[members]]
name = "court"
address = "court.example:7101"
certificate = "court.pem"
"""


def test_keys_of_other_suites(tmp_path: Path) -> None:
    path = tmp_path / "member.toml"
    path.write_text(MEMBER)
    assert (load_member(path).p256_key, load_member(path).sm2_key) == (None, None)
    path.write_text(f'p256_key = "p256.pem"\nsm2_key = "/etc/keys/sm2.pem"\n{MEMBER}')
    config = load_member(path)
    assert (config.p256_key, config.sm2_key) == (tmp_path / "p256.pem", Path("/etc/keys/sm2.pem"))


def test_a_members_settings(tmp_path: Path) -> None:
    path = tmp_path / "member.toml"
    path.write_text(MEMBER)
    config = load_member(path)
    assert (config.member, config.listen) == ("court", "127.0.0.1:7101")
    assert config.data == tmp_path / "data"
    assert config.log_key == Path("/etc/keys/log.pem")
    assert config.gateways == (tmp_path / "gateway-a.pem",)
    assert config.advertise == config.listen
    assert config.members == ()
    path.write_text(MEMBER + 'advertise = "court.example:7101"\n' + OTHER)
    config = load_member(path)
    assert config.advertise == "court.example:7101"
    notary = MemberAddress("notary", "notary.example:7101", tmp_path / "notary.pem")
    assert config.members == (notary,)


def test_data_may_be_a_link(tmp_path: Path) -> None:
    """What it names is renamed when it is set aside, and what is new is made beside that."""
    (tmp_path / "disk" / "ledger").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "ledger")
    path = tmp_path / "member.toml"
    path.write_text(MEMBER)
    assert load_member(path).data == tmp_path / "disk" / "ledger"


def test_a_gateways_settings(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY)
    config = load_gateway(path)
    court = MemberAddress("court", "court.example:7101", tmp_path / "court.pem")
    assert config.members == (court,)
    assert config.database == f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    assert config.tls is None
    path.write_text(f'{GATEWAY}\n[tls]\ncertificate = "c.pem"\nprivate_key = "/k.pem"\n')
    assert load_gateway(path).tls == TlsConfig(tmp_path / "c.pem", Path("/k.pem"))
    with path.open("a") as file:
        file.write('client_authorities = "a.pem"\n')
    tls = TlsConfig(tmp_path / "c.pem", Path("/k.pem"), tmp_path / "a.pem")
    assert load_gateway(path).tls == tls
    for url in ("sqlite+aiosqlite:////var/gateway.db", "postgresql+asyncpg://db/gateway"):
        path.write_text(GATEWAY.replace("sqlite+aiosqlite:///gateway.db", url))
        assert load_gateway(path).database == url


def test_production_asks_for_its_officers_by_name(tmp_path: Path) -> None:
    """网络安全法 Art. 23(一): who is responsible is determined before anything runs."""
    officers = {
        "security_officer": '[security_officer]\nname = "李四"\ncontact = "soc@example.test"\n',
        "data_protection_officer": '[data_protection_officer]\nname = "王五"\ncontact = "dpo"\n',
    }
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY)
    assert (load_gateway(path).profile, load_gateway(path).security_officer) == ("test", None)
    production = f'profile = "production"\n{GATEWAY}'
    path.write_text(production + "".join(officers.values()))
    config = load_gateway(path)
    assert config.profile == "production"
    assert config.security_officer == Officer("李四", "soc@example.test")
    assert config.data_protection_officer == Officer("王五", "dpo")
    assert config.drain_s == PRODUCTION_DRAIN_S
    for missing, given in zip(officers, reversed(officers.values()), strict=True):
        _refused(tmp_path, load_gateway, production + given, f"`{missing}` must be named")


def test_how_long_a_gateway_drains(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY)
    assert load_gateway(path).drain_s == 0
    path.write_text(f"drain_s = 7\n{GATEWAY}")
    assert load_gateway(path).drain_s == 7


def test_the_documents_settings_for_production_are_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    section = text[text.index("## A gateway in production") :]
    path = tmp_path / "gateway.toml"
    path.write_text(section.split("```toml\n")[1].split("```")[0])
    config = load_gateway(path)
    assert config.profile == "production"
    assert config.tls is not None
    assert config.data_protection_officer == Officer("王五", "privacy@example.test")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"court"', '"Court"', "`member` not a member name"),
        ('"court"', '"all"', "`member` `all` means something else"),
        ("member = ", "membre = ", "unknown setting `membre`"),
        ('member = "court"', "", "`member` is missing"),
        ('"data"', "1", "`data` is not a text"),
        ('"data"', '""', "`data` is not a text"),
        ("7101", "70000", "`listen` is not HOST:PORT"),
        ("127.0.0.1:7101", "7101", "`listen` is not HOST:PORT"),
        ('["gateway-a.pem"]', '"gateway-a.pem"', "`gateways` is not a list of paths"),
        ("127.0.0.1:7101", "0.0.0.0:7101", "set `advertise`"),
        ('"gateway-a.pem"]\n', '"gateway-a.pem"]\n' + OTHER.replace("notary", "court"), "others"),
        ("member =", "member", "not TOML"),
    ],
)
def test_wrong_member_settings_are_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    _refused(tmp_path, load_member, MEMBER.replace(old, new, 1), reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GATEWAY.split("[[")[0] + "members = []\n", "names nobody"),
        (GATEWAY.split("[[")[0] + "members = 3\n", r"list of tables `\[\[members\]\]`"),
        (GATEWAY + 'port = "1"\n', "unknown setting `port`"),
        (GATEWAY.replace("court.example:7101", "court"), "`address` is not HOST:PORT"),
        (f'profile = "live"\n{GATEWAY}', "`profile` is none of test, production"),
        (f"drain_s = 301\n{GATEWAY}", "`drain_s` is not 0 to 300"),
        (f"drain_s = -1\n{GATEWAY}", "`drain_s` is not 0 to 300"),
        (f'security_officer = "somebody"\n{GATEWAY}', r"not a table `\[security_officer\]`"),
        (f'{GATEWAY}\n[security_officer]\nname = "李四"\n', "`contact` is missing"),
        (f'{GATEWAY}\n[security_officer]\nphone = "1"\n', "unknown setting `phone`"),
    ],
)
def test_wrong_gateway_settings_are_named(tmp_path: Path, text: str, reason: str) -> None:
    _refused(tmp_path, load_gateway, text, reason)


@pytest.mark.parametrize(
    ("text", "told_zh"),
    [
        (f'profile = "live"\n{GATEWAY}', "设置 `profile` 须为 test、production 之一"),
        (f'profile = "production"\n{GATEWAY}', "生产环境必须设置 `security_officer`"),
        (f'security_officer = "somebody"\n{GATEWAY}', "设置 `security_officer` 不是"),
        (f'trusted_proxies = ["proxy"]\n{GATEWAY}', "设置 `trusted_proxies` 不是网络地址"),
        (f"{GATEWAY}\n[rate_limits]\naccount_burst = 0\n", "设置 `account_burst` 不允许任何请求"),
    ],
)
def test_wrong_gateway_settings_are_named_in_chinese(
    tmp_path: Path, text: str, told_zh: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        load_gateway(path)
    assert told_zh in refused.value.told_zh


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        load_member(tmp_path / "none.toml")
    with pytest.raises(Misconfigured, match="No such file"):
        read_certificate(tmp_path / "none.pem")


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nx", "x" * 100])
def test_a_certificate_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.pem").write_text(text)
    with pytest.raises(Misconfigured, match=r"c\.pem"):
        read_certificate(tmp_path / "c.pem")


@pytest.mark.parametrize(
    "kind",
    [
        MemberConfig,
        GatewayConfig,
        TlsConfig,
        Officer,
        MemberAddress,
        WitnessAddress,
        PolicyPlan,
        PlannedMember,
        PlatformConfig,
        TimestampAuthorityConfig,
        TimestampServiceConfig,
    ],
)
def test_every_setting_is_documented(kind: type) -> None:
    """In its own words, at the start of a line of the docstring, and nothing else is."""
    lines = (kind.__doc__ or "").split("\n")
    documented = [
        line[4:].split(" ")[0] for line in lines if line[4:5].strip() and line[:4] == "    "
    ]
    assert documented == [field.name for field in fields(kind)]


def _refused(tmp_path: Path, load: Callable[[Path], object], text: str, reason: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured, match=reason):
        load(path)
