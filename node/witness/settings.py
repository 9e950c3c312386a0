"""Settings of a witness: one TOML file, read once at start, like those of a member."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.evidence.note import parse_vkey
from node.evidence.tlog_policy import parse_policy
from node.settings import Table, read_file
from node.witness.watching import Followed, Watched, watched_by_policy


@dataclass(frozen=True, slots=True)
class LogConfig:
    """One `[[logs]]`: either `policy`, perhaps with `url`, or `origin` and `vkeys`.

    policy       File with a policy: of a chain of ours as its members publish it, or of any C2SP
                 log. Its quorum must have cosigned what this witness is to cosign. While a chain
                 changes its policy and has no `url`, list both files; afterwards only the new one.
    url          Optional, with the policy of a chain of ours: the address of its published log, at
                 a gateway or in an archive, https:// or http://. Later policies are read there,
                 and taken if each is signed by a quorum of the one before. Not reached: it refuses
                 what is sealed by a policy it does not know yet. Wrong or lying: the same.
    origin       Name of another log, as the first line of its checkpoints says.
    vkeys        Keys of that log (NAME+ID+KEY); one of them must have signed. Wrong: its
                 checkpoints are refused.
    """

    policy: Path | None
    url: str
    origin: str
    vkeys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """`witness.toml`: everything a witness must be told.

    name         Its name, as its cosignature lines carry it: a host name with a path, without `+`.
                 One name has one key, for ever.
    key          Ed25519 key (`keyfile`) that cosigns; used for nothing else. Stolen: the thief can
                 cosign anything in its name; tell everybody who trusts it, and take another name.
    listen       Address it serves HTTP on, HOST:PORT. TLS towards the public ends before it.
    state        Directory of what it cosigned last. One process opens it at a time. Lost, or put
                 back from a copy: it could cosign a second history; take another name and key.
    logs         The logs it watches, each a table `[[logs]]`; of others it cosigns nothing.
    """

    name: str
    key: Path
    listen: str
    state: Path
    logs: tuple[LogConfig, ...]


def load_witness(path: Path) -> WitnessConfig:
    """The settings of a witness; `Misconfigured` names what is wrong."""
    table = Table(path, WitnessConfig)
    config = WitnessConfig(
        name=table.text("name"),
        key=table.path("key"),
        listen=table.address("listen"),
        state=table.path("state"),
        logs=tuple(_log(path, each) for each in table.tables("logs", LogConfig)),
    )
    if not config.logs:
        raise Misconfigured(f"{path}: `logs` names no log to watch")
    return config


def watched_logs(config: WitnessConfig) -> list[Watched]:
    """The logs of the settings that are not followed, their policies read; `Misconfigured` names
    the one that is wrong."""
    found: list[Watched] = []
    for log in config.logs:
        where = log.policy or log.origin
        try:
            if log.url:
                continue
            if log.policy is not None:
                ways = watched_by_policy(parse_policy(read_file(log.policy)))
                if not ways:
                    raise Malformed("policy", "no log line")
                found += ways
            else:
                found.append(Watched(log.origin, tuple(map(parse_vkey, log.vkeys))))
        except Malformed as error:
            raise Misconfigured(f"{where}: {error}") from error
    return found


def followed_logs(config: WitnessConfig) -> list[Followed]:
    """The chains of the settings whose policies are followed."""
    found: dict[str, Followed] = {}
    for log in config.logs:
        if log.policy is not None and log.url:
            try:
                chain = Followed(read_file(log.policy), log.url)
                if chain.origin in found:
                    raise Malformed("policy", f"{chain.origin} is followed already")
            except Malformed as error:
                raise Misconfigured(f"{log.policy}: {error}") from error
            found[chain.origin] = chain
    return list(found.values())


def _log(path: Path, table: Table) -> LogConfig:
    if not table.has("policy"):
        if table.has("url"):
            raise Misconfigured(f"{path}: `url` goes with the `policy` of a log")
        return LogConfig(None, "", table.text("origin"), tuple(table.texts("vkeys")))
    if table.has("origin") or table.has("vkeys"):
        raise Misconfigured(f"{path}: a log has `policy`, or `origin` and `vkeys`, not both")
    url = table.text("url") if table.has("url") else ""
    if url and not url.startswith(("https://", "http://")):
        raise Misconfigured(f"{path}: setting `url` is not https:// or http://")
    return LogConfig(table.path("policy"), url, "", ())
