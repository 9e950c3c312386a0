"""Settings of a member and of a gateway: one TOML file each, read once at start.

Paths are relative to the file they stand in. A setting that is unknown, missing or of the wrong
kind is refused with its name, because a misspelled setting that is ignored is worse than none.
Secrets stand in files of their own, never here.
"""

from __future__ import annotations

import re
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from node.errors import Misconfigured, zh_reason
from node.evidence.malformed import Malformed
from node.evidence.note import TYPE_COSIGNATURE, Vkey, parse_vkey
from node.evidence.spelling import check_member

_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_WILDCARDS = ("0.0.0.0", "[::]")  # noqa: S104  # Refused, not bound.
_SQLITE = re.compile(r"(sqlite\+aiosqlite:///)(?!/)(.+)")


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
    data         Directory of everything it stores: `journal/`, `seals/`, `views/`. One process
                 opens it at a time. `views/` can be deleted and is made again. Lost with all else,
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


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """`gateway.toml`: everything a gateway must be told.

    listen       Address it serves HTTP on, HOST:PORT. TLS towards the public ends before it.
    genesis      The genesis file; says which chain this is. Wrong: the members skip what it sends.
    key          Ed25519 key (`keyfile`) that signs receipts and attests deposits. Stolen: the thief
                 can attest deposits in this gateway's name until the key is revoked.
    certificate  Its TLS certificate (PEM); the members list exactly this one in `gateways`.
    private_key  The key of the certificate (PEM). Stolen: the thief can propose and read.
    members      The members, at least one. Fewer than all: the others are never asked.
    database     SQLAlchemy URL of the off-chain data; SQLite paths are relative to this file.
                 Lost: deposits stay provable from their proof files; requests on their way and the
                 openings kept for retries are gone.
    api_keys     File with the digests of the depositors' API keys. Lost: nobody can deposit until
                 new ones are given out. Read by others: nothing, digests open no door.
    """

    listen: str
    genesis: Path
    key: Path
    certificate: Path
    private_key: Path
    members: tuple[MemberAddress, ...]
    database: str
    api_keys: Path


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
    config = GatewayConfig(
        listen=table.address("listen"),
        genesis=table.path("genesis"),
        key=table.path("key"),
        certificate=table.path("certificate"),
        private_key=table.path("private_key"),
        members=_member_addresses(table),
        database=table.database("database"),
        api_keys=table.path("api_keys"),
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


def read_file(path: Path) -> bytes:
    """A file that a setting names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}", f"{path}：{zh_reason(error)}") from error


def read_certificate(path: Path) -> bytes:
    """The DER of a certificate file, which holds exactly one."""
    text = read_file(path).decode(errors="replace").strip()
    try:
        if text.count("-----BEGIN") != 1:
            raise ValueError("not exactly one certificate in PEM")
        return ssl.PEM_cert_to_DER_cert(text)
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


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


class Table:
    """A TOML table with settings of the names that the fields of `known` have, and no others."""

    def __init__(self, path: Path, known: type, values: Mapping[str, object] | None = None) -> None:
        self._path = path
        if values is None:
            try:
                values = tomllib.loads(read_file(path).decode())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise Misconfigured(
                    f"{path}: not TOML: {error}", f"{path} 不是 TOML 格式：{error}"
                ) from error
        # A misspelled setting is missing too: better named as it was written.
        if unknown := values.keys() - {field.name for field in fields(known)}:
            unknown_one = min(unknown)
            raise Misconfigured(
                f"{path}: unknown setting `{unknown_one}`", f"{path}：未知的设置 `{unknown_one}`"
            )
        self._values = dict(values)

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "is not a text", "不是文本")
        return value

    def member(self, name: str) -> str:
        try:
            return check_member(self.text(name), name)
        except Malformed as error:
            raise self._wrong(name, error.why, error.why) from error

    def address(self, name: str) -> str:
        text = self.text(name)
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match["port"]) < 65_536:
            raise self._wrong(name, "is not HOST:PORT", "不是 HOST:PORT")
        return text

    def path(self, name: str) -> Path:
        return self._resolve(self.text(name))

    def paths(self, name: str) -> list[Path]:
        return [self._resolve(each) for each in self.texts(name, "paths")]

    def texts(self, name: str, what: str = "texts") -> list[str]:
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(name, f"is not a list of {what}", "不是文本的列表")
        return value

    def integer(self, name: str) -> int:
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "is not a number", "不是数字")
        return value

    def tables(self, name: str, known: type) -> list[Table]:
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            en, zh = f"is not a list of tables `[[{name}]]`", f"不是 `[[{name}]]` 表的列表"
            raise self._wrong(name, en, zh)
        return [Table(self._path, known, each) for each in value]

    def database(self, name: str) -> str:
        """A URL; a relative SQLite path in it is resolved like every other path."""
        text = self.text(name)
        match = _SQLITE.fullmatch(text)
        return f"{match[1]}{self._resolve(match[2])}" if match else text

    def _resolve(self, text: str) -> Path:
        return self._path.absolute().parent / text

    def _take(self, name: str) -> object:
        try:
            return self._values[name]
        except KeyError:
            raise self._wrong(name, "is missing", "缺失") from None

    def _wrong(self, name: str, en: str, zh: str) -> Misconfigured:
        return Misconfigured(
            f"{self._path}: setting `{name}` {en}", f"{self._path}：设置 `{name}` {zh}"
        )
