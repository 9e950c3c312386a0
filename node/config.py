"""Settings of a member, of a gateway and of a chain to be founded: one TOML file each."""

from __future__ import annotations

from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from node.court_settings import (
    NO_PLATFORM,
    TIMESTAMP_EVERY_S,
    PlatformConfig,
    TimestampAuthorityConfig,
    read_authorities,
    read_platform,
)
from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.evidence.note import TYPE_COSIGNATURE, Vkey, parse_vkey
from node.settings import Table

TEST, PRODUCTION = "test", "production"
PROFILES = (TEST, PRODUCTION)
PRODUCTION_DRAIN_S = 5
"""Whoever divides requests among gateways asks each whether it is ready every second or two."""
DRAIN_S_MAX = 300
"""Whoever stops a process kills it if it takes longer than it was given."""

_WILDCARDS = ("0.0.0.0", "[::]")  # noqa: S104  # Refused, not bound.


@dataclass(frozen=True, slots=True)
class MemberAddress:
    """One `[[members]]`.

    name         Name of the member, as its certificate says.
    address      Where it serves, HOST:PORT.
    certificate  Its TLS certificate (PEM); exactly this one is accepted. Wrong: it is not reached.
    """

    name: str
    address: str
    certificate: Path


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """One `[[witnesses]]`.

    url          Where it is asked, https:// or http://; what `/add-checkpoint` is added to.
    vkey         Its key, NAME+ID+KEY, as it publishes it. Wrong: its cosignatures do not count.
    """

    url: str
    vkey: Vkey


@dataclass(frozen=True, slots=True)
class MemberConfig:
    """`member.toml`: everything a member must be told.

    member       Name of this member, as the policy spells it. Wrong: the member does not start,
                 because its keys are not those of that member.
    data         Directory of everything it stores: `journal/`, `seals/`, `views/`, `health/`. One
                 process opens it at a time. `views/` can be deleted and is made again. All lost,
                 damaged or put back from a copy: the member rejoins by itself as a new replica, as
                 long as a majority of the others has its data; see `members`.
    genesis      The genesis file, the same bytes at every member. Wrong: another chain, and the
                 member does not start on data of this one. Not secret.
    listen       Address this member serves on, HOST:PORT.
    advertise    Optional. Address the others reach it under, HOST:PORT; what `listen` says unless
                 given, and needed where that is a wildcard. Wrong: nobody reaches it.
    certificate  Its TLS certificate (PEM), naming the member as DNS name. The others know exactly
                 these bytes: replaced without a change of configuration, they refuse it.
    private_key  The key of the certificate (PEM). Stolen: the thief can take part in agreeing on
                 order until the configuration is changed, but can seal nothing.
    log_key      Ed25519 key (`keyfile`) that publishes checkpoints, signs changes of policy, and
                 signs this member's requests to take part. Not the one the policy names: those are
                 refused. Stolen together with those of a quorum, it can change who the members are.
    witness_key  Ed25519 key (`keyfile`) that seals. Stolen: see `log_key`; a seal of it on anything
                 but the members' own tree is kept as a contradiction that names this member.
    gateways     Certificates (PEM) of the gateways and observers that may ask this member. A
                 gateway can propose and read everything; it cannot seal.
    members      Optional. The other members this one may meet, each a table `[[members]]`. It asks
                 these when its own data cannot tell who belongs to the group, and it admits a
                 newcomer that is among them. Missing: it cannot rejoin by itself. One too many:
                 whoever has that certificate can have the whole ledger sent to it (digests, no
                 content), but votes and seals only once the policy names it with its keys. If it
                 lies to the others, it can hold up the group like any member (SECURITY.md).
    witnesses    Optional. Witnesses outside the members (`cunzheng witness`, or any of C2SP) that
                 are asked to cosign what this member publishes, each a table `[[witnesses]]`. Not
                 there: proofs do not wait for them; it is told when one is silent for long.
    p256_key     Optional. P-256 key (`keyfile`) that signs beside every seal, once the members text
                 lists it (rules 2). Not there: the seals stand alone and count all the same.
                 Stolen: what it signs counts for nothing without a seal.
    sm2_key      Optional. The same with SM2, for commercial cryptography.
    metrics      Optional. Where Prometheus asks how it is doing, HOST:PORT, without TLS: a loopback
                 address, or one that only it reaches. Not there: nobody is told.
    """

    member: str
    data: Path
    genesis: Path
    listen: str
    advertise: str
    certificate: Path
    private_key: Path
    log_key: Path
    witness_key: Path
    gateways: tuple[Path, ...]
    members: tuple[MemberAddress, ...] = ()
    witnesses: tuple[WitnessAddress, ...] = ()
    p256_key: Path | None = None
    sm2_key: Path | None = None
    metrics: str = ""


@dataclass(frozen=True, slots=True)
class Officer:
    """`[security_officer]` or `[data_protection_officer]`.

    name         Who it is.
    contact      How they are reached, at any time where it is about security.
    """

    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """`[tls]` of a gateway.

    certificate  What it shows to clients (PEM), with the certificates above it, if any.
    private_key  Its key (PEM), without a password.
    client_authorities  Optional. Certificates (PEM) of who issues clients' certificates; a client
                 that shows one of theirs is known by it, if it is registered for an account.
    """

    certificate: Path
    private_key: Path
    client_authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """`[rate_limits]`; each may be left out.

    anonymous_per_minute  Requests without a credential that counts, from one address (IPv6: one
                          /64), on average.
    anonymous_burst       And at once, after a pause. Auditors read thousands of tiles in a row.
    account_per_minute    Requests of one account, whatever its keys.
    account_burst         And at once.
    """

    anonymous_per_minute: int = 6_000
    anonymous_burst: int = 5_000
    account_per_minute: int = 60_000
    account_burst: int = 10_000


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """`gateway.toml`: everything a gateway must be told.

    listen       Address it serves HTTP on, HOST:PORT.
    genesis      The genesis file; says which chain this is. Wrong: the members skip what it sends.
    key          Ed25519 key (`keyfile`) that signs receipts and attests deposits. Stolen: the thief
                 can attest deposits in this gateway's name until the key is revoked.
    certificate  Its TLS certificate (PEM); the members list exactly this one in `gateways`.
    private_key  The key of the certificate (PEM). Stolen: the thief can propose and read.
    members      The members, at least one. Fewer than all: the others are never asked.
    database     SQLAlchemy URL of the off-chain data; SQLite paths are relative to this file.
                 Lost: deposits stay provable from their proof files; requests on their way and the
                 openings kept for retries are gone.
    vault_key    File with the key of everything personal or secret in the database: 32 random bytes
                 as 64 hex digits, its owner's alone, the same for all gateways of one database.
                 `cunzheng admin vault make` draws it. Lost: none of that can be read again, no API
                 key works; keep a copy elsewhere. Stolen with the database: all of it can be read.
    tls          Optional, a table: how it ends TLS towards clients itself. Missing: a proxy before
                 it does, and nobody else reaches `listen`.
    profile      Optional, `test` unless given. `production` asks for the two officers; a gateway of
                 a production chain does not start in the profile `test`.
    security_officer  Who is responsible for network security (网络安全负责人, 网络安全法 Art. 23):
                 a table with `name` and `contact`. Must be named in production.
    data_protection_officer  Who is responsible for personal data (个人信息保护负责人), likewise.
    trusted_proxies  Optional. Addresses or networks (`10.0.0.0/8`) of proxies before this gateway,
                 whose X-Forwarded-For is believed. Too few: all clients are one address, and share
                 its rate. Too many: clients choose the address they are recorded with.
    rate_limits  Optional. A table: how often one address and one account may ask.
    metrics      Optional. Where Prometheus asks how it is doing, HOST:PORT, without TLS: a loopback
                 address, or one that only it reaches. Not there: nobody is told.
    platform     Optional, a table: keys and certificates it signs with for courts. Not there:
                 bundles have no signature of the platform.
    timestamp_authorities  Optional. Who stamps published checkpoints (RFC 3161), each a table
                 `[[timestamp_authorities]]`. Not there: no deposit has a trusted timestamp.
    timestamp_every_s  Optional. Seconds between two tokens of one authority, if the log grew
                 meanwhile; 60 unless given.
    drain_s      Optional. How many seconds it still serves once it is told to stop, while /readyz
                 answers 503: more than whoever asks there lets pass between two questions. 5 in
                 production, else 0. Too few: requests are sent to a gateway that is gone.
    """

    listen: str
    genesis: Path
    key: Path
    certificate: Path
    private_key: Path
    members: tuple[MemberAddress, ...]
    database: str
    vault_key: Path
    tls: TlsConfig | None = None
    profile: str = TEST
    security_officer: Officer | None = None
    data_protection_officer: Officer | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    rate_limits: RateLimits = RateLimits()
    metrics: str = ""
    platform: PlatformConfig = NO_PLATFORM
    timestamp_authorities: tuple[TimestampAuthorityConfig, ...] = ()
    timestamp_every_s: int = TIMESTAMP_EVERY_S
    drain_s: int = 0


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """One `[[members]]` of a plan.

    name         Name of the member: a-z, then a-z 0-9 -.
    kind         Of its organisation: court, notary, forensic, industry or other.
    organisation Its name, as it is printed for people.
    log_key      Public key (`ed25519:...`) that publishes checkpoints and signs changes of policy.
    witness_key  Public key that seals; another one.
    p256_key     Optional, from rules 2 on: a key (`p256:...`) that signs besides, for who needs it.
    sm2_key      The same (`sm2:...`), where commercial cryptography is required. Neither counts for
                 the quorum.
    """

    name: str
    kind: str
    organisation: str
    log_key: str
    witness_key: str
    p256_key: str = ""
    sm2_key: str = ""


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """`plan.toml`: what the first members of a chain agree on, once.

    origin       Name of the chain, like a host name with a path; no two chains have the same.
    network      `test`, which every result will say, or `production`.
    quorum       How many members must seal. A majority resists one crash; more resist liars.
    authorities  Public keys of those who enrol keys.
    members      Everybody who is to seal, also who comes in later.
    rules        Validity rules number to begin with: 1, or 2 for keys of P-256 and SM2 besides
                 Ed25519, which every member's OpenSSL must know.
    """

    origin: str
    network: str
    quorum: int
    authorities: tuple[str, ...]
    members: tuple[PlannedMember, ...]
    rules: int = 1


def load_member(path: Path) -> MemberConfig:
    """The settings of a member; `Misconfigured` names what is wrong."""
    table = Table(path, MemberConfig)
    config = MemberConfig(
        member=table.member("member"),
        data=table.path("data").resolve(),  # A link stays one when what it names is set aside.
        genesis=table.path("genesis"),
        listen=table.address("listen"),
        advertise=table.address("advertise" if table.has("advertise") else "listen"),
        certificate=table.path("certificate"),
        private_key=table.path("private_key"),
        log_key=table.path("log_key"),
        witness_key=table.path("witness_key"),
        gateways=tuple(table.paths("gateways")),
        members=_member_addresses(table) if table.has("members") else (),
        witnesses=_witnesses(path, table) if table.has("witnesses") else (),
        p256_key=table.path("p256_key") if table.has("p256_key") else None,
        sm2_key=table.path("sm2_key") if table.has("sm2_key") else None,
        metrics=table.address("metrics") if table.has("metrics") else "",
    )
    if config.advertise.rpartition(":")[0] in _WILDCARDS:
        raise Misconfigured(
            f"{path}: nobody can be told to reach {config.advertise}; set `advertise`",
            f"{path}：{config.advertise} 不是他人可以访问的地址；请设置 `advertise`",
        )
    if config.member in (each.name for each in config.members):
        raise Misconfigured(
            f"{path}: `members` are the others, without {config.member}",
            f"{path}：`members` 只列其他成员，不含 {config.member}",
        )
    return config


def load_gateway(path: Path) -> GatewayConfig:
    """The settings of a gateway; `Misconfigured` names what is wrong."""
    table = Table(path, GatewayConfig)
    profile = table.choice("profile", PROFILES) if table.has("profile") else TEST
    config = GatewayConfig(
        listen=table.address("listen"),
        genesis=table.path("genesis"),
        key=table.path("key"),
        certificate=table.path("certificate"),
        private_key=table.path("private_key"),
        members=_member_addresses(table),
        database=table.database("database"),
        vault_key=table.path("vault_key"),
        tls=_tls(table.table("tls", TlsConfig)) if table.has("tls") else None,
        profile=profile,
        security_officer=_officer(table, "security_officer"),
        data_protection_officer=_officer(table, "data_protection_officer"),
        trusted_proxies=table.networks("trusted_proxies") if table.has("trusted_proxies") else (),
        rate_limits=_rate_limits(path, table),
        metrics=table.address("metrics") if table.has("metrics") else "",
        **_for_courts(path, table),
        drain_s=_drain_s(path, table, profile),
    )
    if config.profile == PRODUCTION:
        for name in ("security_officer", "data_protection_officer"):
            if getattr(config, name) is None:
                raise Misconfigured(
                    f"{path}: `{name}` must be named in production",
                    f"{path}：生产环境必须设置 `{name}`",
                )
    if not config.members:
        raise Misconfigured(
            f"{path}: `members` names nobody to ask", f"{path}：`members` 未列出可询问的成员"
        )
    return config


def load_plan(path: Path) -> PolicyPlan:
    """The plan of a policy; `Misconfigured` names what is wrong with its form."""
    table = Table(path, PolicyPlan)
    return PolicyPlan(
        origin=table.text("origin"),
        network=table.text("network"),
        quorum=table.integer("quorum"),
        authorities=tuple(table.texts("authorities")),
        members=tuple(
            PlannedMember(
                each.member("name"),
                each.text("kind"),
                each.text("organisation"),
                each.text("log_key"),
                each.text("witness_key"),
                each.text("p256_key") if each.has("p256_key") else "",
                each.text("sm2_key") if each.has("sm2_key") else "",
            )
            for each in table.tables("members", PlannedMember)
        ),
        rules=table.integer("rules") if table.has("rules") else 1,
    )


def _tls(table: Table) -> TlsConfig:
    return TlsConfig(
        table.path("certificate"),
        table.path("private_key"),
        table.path("client_authorities") if table.has("client_authorities") else None,
    )


def _for_courts(path: Path, table: Table) -> dict[str, Any]:
    """What it signs and has stamped."""
    found: dict[str, Any] = {}
    if table.has("platform"):
        found["platform"] = read_platform(path, table.table("platform", PlatformConfig))
    if table.has("timestamp_authorities"):
        found["timestamp_authorities"] = read_authorities(path, table)
    if table.has("timestamp_every_s"):
        found["timestamp_every_s"] = every_s = table.integer("timestamp_every_s")
        if every_s < 1:
            raise Misconfigured(
                f"{path}: setting `timestamp_every_s` is not 1 or more",
                f"{path}：设置 `timestamp_every_s` 须不小于 1",
            )
    return found


def _drain_s(path: Path, table: Table, profile: str) -> int:
    if not table.has("drain_s"):
        return PRODUCTION_DRAIN_S if profile == PRODUCTION else 0
    drain_s = table.integer("drain_s")
    if not 0 <= drain_s <= DRAIN_S_MAX:
        raise Misconfigured(
            f"{path}: `drain_s` is not 0 to {DRAIN_S_MAX}",
            f"{path}：`drain_s` 须为 0 至 {DRAIN_S_MAX}",
        )
    return drain_s


def _rate_limits(path: Path, table: Table) -> RateLimits:
    if not table.has("rate_limits"):
        return RateLimits()
    given = table.table("rate_limits", RateLimits)
    names = [each.name for each in fields(RateLimits) if given.has(each.name)]
    values = {name: given.integer(name) for name in names}
    for name, value in values.items():
        if value < 1:
            raise Misconfigured(
                f"{path}: setting `{name}` allows nothing", f"{path}：设置 `{name}` 不允许任何请求"
            )
    return RateLimits(**values)


def _officer(table: Table, name: str) -> Officer | None:
    if not table.has(name):
        return None
    officer = table.table(name, Officer)
    return Officer(officer.text("name"), officer.text("contact"))


def _member_addresses(table: Table) -> tuple[MemberAddress, ...]:
    return tuple(
        MemberAddress(each.member("name"), each.address("address"), each.path("certificate"))
        for each in table.tables("members", MemberAddress)
    )


def _witnesses(path: Path, table: Table) -> tuple[WitnessAddress, ...]:
    found: list[WitnessAddress] = []
    for each in table.tables("witnesses", WitnessAddress):
        url, text = each.text("url"), each.text("vkey")
        try:
            vkey = parse_vkey(text)
        except Malformed as error:
            raise Misconfigured(f"{path}: setting `vkey`: {error}") from error
        if vkey.type != TYPE_COSIGNATURE:
            raise Misconfigured(f"{path}: setting `vkey`: not a key of type 04, which cosigns")
        if not url.startswith(("https://", "http://")):
            raise Misconfigured(f"{path}: setting `url` is not https:// or http://")
        if vkey.name in (other.vkey.name for other in found):
            raise Misconfigured(f"{path}: `witnesses` names {vkey.name} twice")
        found.append(WitnessAddress(url, vkey))
    return tuple(found)
