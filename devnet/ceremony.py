"""The key ceremony of a devnet: everything its processes need before the first of them starts.

On a real chain each organisation makes its own keys and only public halves meet; here one program
plays all parts, once, and the network is called `test` so that every proof says so. In order:

 1. each member draws an incarnation, a log key and a witness key; the authority, the gateways and
    the depositor one key each;
 2. a certificate authority of this devnet alone gives everyone a TLS certificate under its name
    (P-256). Its own key is not kept: nothing more will be issued here;
 3. members text, policy and genesis file are written from the public keys, the voters from the
    certificates;
 4. the platform's keys for courts and the timestamp service get certificates (`attesting`);
 5. each process gets its folder and its settings, each member as `cunzheng init --voters` makes it.

All of it is made beside the directory and moved into place whole. If we stop before the move there
is no devnet, and the next ceremony sweeps away what was half made.

Later on, an organisation that comes in brings keys and a certificate of its own making, and one
that leaves is dropped from everybody's settings (`add_member`, `drop_member`); what the group makes
of that is agreed on in the chain.
"""

import asyncio
import dataclasses
import os
import secrets
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from consensus.messages import Configuration, Voter
from devnet.accounts import admit_at, new_api_key
from devnet.attesting import hold_signing_ceremony
from devnet.places import OWN_FILE, NotADevnet, Places, owned, read_places, write_description
from devnet.tls import Authority, der_of
from node import keyfile
from node.accounts.vocabulary import Role
from node.config import RateLimits, load_member
from node.evidence.digests import sha256
from node.evidence.keys import P256, SM2
from node.evidence.members import KINDS, Member, format_members
from node.evidence.policy import Policy, Sealer, fingerprint, format_policy
from node.evidence.policy_note import first_note
from node.evidence.record import Genesis, format_genesis
from node.member.process import read_genesis
from node.membership.founding import found

ORGANISATIONS = (
    Member("court", "court", "示例互联网法院"),
    Member("notary", "notary", "示例公证处"),
    Member("forensic", "forensic", "示例司法鉴定所"),
    Member("industry", "industry", "示例行业协会"),
    Member("arbitration", "other", "示例仲裁委员会"),
    Member("university", "other", "示例大学"),
    Member("archive", "other", "示例档案馆"),
)
"""Who takes part, in this order; a devnet of one machine does not grow beyond them."""
assert {each.kind for each in ORGANISATIONS} == set(KINDS)

GATEWAYS_MAX = 9
SKEW_MS = 2_000
"""One machine has one clock; this is what a real policy would say."""

NO_PASSWORD = ""
"""Whatever the environment says: these processes start with nobody there to type one."""

OBSERVER = "observer"
ACCOUNT = "depositor"
RATE_MAX = 1_000_000
TIMESTAMP_EVERY_S = 5
"""Nobody wants to watch a demo for a minute."""
TIMESTAMPS = "devnet-tsa"

# Below the ports the kernel gives to outgoing connections: a member that comes back must not find
# its port in use by one of its own peers, nor ever connect to itself.
_PORTS = range(20_000, 30_000)


def hold_ceremony(
    directory: Path, members: int = 3, gateways: int = 1, database: str = OWN_FILE
) -> Places:
    """Make a devnet in `directory`, which must not exist yet or be empty; `database` is the URL of
    an empty one."""
    if not 0 < members <= len(ORGANISATIONS):
        raise ValueError(f"1 to {len(ORGANISATIONS)} members, not {members}")
    if not 0 <= gateways <= GATEWAYS_MAX:
        raise ValueError(f"0 to {GATEWAYS_MAX} gateways, not {gateways}")
    directory = directory.absolute()
    if directory.exists() and any(directory.iterdir()):
        raise NotADevnet(f"{directory} is not empty, and was not made by `devnet up`")
    making = directory.with_name(f"{directory.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(members + gateways + 1)]
    names = [each.name for each in ORGANISATIONS[:members]]
    places = Places(
        making,
        dict(zip(names, addresses, strict=False)),
        {f"gateway-{n}": addresses[members + n - 1] for n in range(1, gateways + 1)},
        addresses[-1] if gateways else "",
        database,
    )
    _make(places)
    _write_environment(places, dataclasses.replace(places, directory=directory))
    write_description(places)
    os.replace(making, directory)
    return read_places(directory)


def add_member(places: Places, name: str) -> Places:
    """The devnet with one more folder: the keys and settings of a newcomer, listed by all others.
    They read their settings when they start."""
    if name in places.members or name not in [each.name for each in ORGANISATIONS]:
        raise ValueError(f"{name} is a member already, or no organisation")
    (port,) = free_ports(1)
    members = {**places.members, name: f"127.0.0.1:{port}"}
    there = dataclasses.replace(places, members=members)
    (there.directory / name).mkdir(mode=0o700)
    _write_identity(there, Authority(), name)
    _make_sealer(there, name)
    return _rewrite(there)


def drop_member(places: Places, name: str) -> Places:
    """The devnet without this member in anybody's settings; its folder stays."""
    members = {each: at for each, at in places.members.items() if each != name}
    return _rewrite(dataclasses.replace(places, members=members))


def _rewrite(places: Places) -> Places:
    for name in places.members:
        _write_member(places, name)
    for name in places.gateways:
        _write_gateway_settings(places, name)
    write_description(places)
    return places


def destroy(directory: Path) -> None:
    """Delete a devnet that does not run, and nothing that is not one."""
    if directory.exists() and any(directory.iterdir()):
        with owned(read_places(directory)):
            shutil.rmtree(directory)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface on which nobody listens now."""
    found: list[int] = []
    for _ in range(100 * count):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports from {_PORTS[0]} to {_PORTS[-1]}")


def _make(places: Places) -> None:
    for name in (*places.members, *places.gateways, OBSERVER, "authority", "depositor"):
        (places.directory / name).mkdir(mode=0o700)
    authority = Authority()
    for name in (*places.members, *places.gateways, OBSERVER):
        _write_identity(places, authority, name)
    for key_file in (places.authority_key, places.depositor_key):
        keyfile.create(key_file, NO_PASSWORD)
    _write_rules(places)
    hold_signing_ceremony(places)
    _write_voters(places)
    for name in places.members:
        _write_member(places, name)
        config = load_member(places.settings(name))
        found(config, read_genesis(config), places.voters)
    api_key = new_api_key()
    _write_secret(places.api_key, f"{api_key}\n".encode())
    keyfile.create_vault_key(places.vault_key)
    for name in places.gateways:
        _write_gateway(places, name)
    _let_in(places, api_key)


def _write_identity(places: Places, authority: Authority, name: str) -> None:
    certificate, key = authority.issue(name)
    places.certificate(name).write_bytes(certificate)
    _write_secret(places.tls_key(name), key)


def _make_sealer(places: Places, name: str) -> Sealer:
    log, witness = (
        keyfile.create(path, NO_PASSWORD).public
        for path in (places.log_key(name), places.witness_key(name))
    )
    return Sealer(name, log, witness)


def _write_rules(places: Places) -> None:
    """Members text, policy with its fingerprint, genesis."""
    sealers = [_make_sealer(places, name) for name in places.members]
    members_text = format_members(ORGANISATIONS[: len(sealers)])
    policy = Policy(
        origin=f"cunzheng.test/devnet-{secrets.token_hex(4)}",
        network="test",
        rules=1,
        serial=1,
        skew_ms=SKEW_MS,
        members_hash=sha256(members_text),
        authorities=(keyfile.load_signer(places.authority_key).public,),
        sealers=tuple(sealers),
        quorum=len(sealers) // 2 + 1,
    )
    policy_text = format_policy(policy)
    now_ms = time.time_ns() // 1_000_000
    genesis = Genesis(now_ms, version("cunzheng"), first_note(policy_text, members_text))
    places.members_text.write_bytes(members_text)
    places.policy.write_bytes(policy_text)
    places.fingerprint.write_text(f"{fingerprint(policy_text)}\n")
    places.genesis.write_bytes(format_genesis(genesis))


def _write_voters(places: Places) -> None:
    """The first configuration, with the incarnation every member begins as."""
    voters = sorted(
        Voter(
            f"{name}/{secrets.token_hex(8)}",
            address,
            der_of(places.certificate(name).read_bytes()),
        )
        for name, address in places.members.items()
    )
    places.voters.write_bytes(Configuration(tuple(voters)).format() + b"\n")


def _write_member(places: Places, name: str) -> None:
    trusted = [f"../{each}/certificate.pem" for each in (*places.gateways, OBSERVER)]
    _write_settings(
        places.settings(name),
        f'member = "{name}"',
        'data = "data"',
        'genesis = "../genesis.txt"',
        f'listen = "{places.members[name]}"',
        'certificate = "certificate.pem"',
        'private_key = "tls.pem"',
        'log_key = "log-key.pem"',
        'witness_key = "witness-key.pem"',
        "gateways = [" + ", ".join(f'"{path}"' for path in trusted) + "]",
        *_member_tables({each: at for each, at in places.members.items() if each != name}),
    )


def _write_gateway(places: Places, name: str) -> None:
    keyfile.create(places.directory / name / "key.pem", NO_PASSWORD)
    _write_gateway_settings(places, name)


def _let_in(places: Places, api_key: str) -> None:
    """The depositor's account, at all gateways: they share a database."""
    now_ms = time.time_ns() // 1_000_000
    for name in list(places.gateways)[:1]:
        admitting = admit_at(places.settings(name), ACCOUNT, api_key, [Role.DEPOSITOR], now_ms)
        # A ceremony may be asked for from inside an event loop; a thread has none.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, admitting).result()


def _write_gateway_settings(places: Places, name: str) -> None:
    _write_settings(
        places.settings(name),
        f'listen = "{places.gateways[name]}"',
        'genesis = "../genesis.txt"',
        'key = "key.pem"',
        'certificate = "certificate.pem"',
        'private_key = "tls.pem"',
        f'database = "{places.database}"',
        'vault_key = "../vault-key"',
        f"timestamp_every_s = {TIMESTAMP_EVERY_S}",
        *_for_courts(places),
        "[rate_limits]",  # One machine is all clients, and some of them only measure.
        *(f"{each.name} = {RATE_MAX}" for each in dataclasses.fields(RateLimits)),
        *_member_tables(places.members),
    )


def _for_courts(places: Places) -> Iterator[str]:
    """What a gateway signs with, and who stamps."""
    yield "[platform]"
    for algorithm in (P256, SM2):
        if places.platform_key(algorithm).exists():
            yield f'{algorithm}_key = "../platform/{algorithm}-key.pem"'
            yield f'{algorithm}_certificate = "../platform/{algorithm}-certificate.pem"'
    yield 'pdf_key = "../platform/pdf-key.p12"'
    yield 'pdf_password = "../platform/pdf-password"'
    if places.timestamps:
        yield "[[timestamp_authorities]]"
        yield f'name = "{TIMESTAMPS}"'
        yield f'url = "http://{places.timestamps}/"'
        yield 'roots = "../anchors/tsa-root.pem"'


def _member_tables(members: Mapping[str, str]) -> Iterator[str]:
    """The `[[members]]` of somebody's settings."""
    for name, address in members.items():
        yield ""
        yield "[[members]]"
        yield f'name = "{name}"'
        yield f'address = "{address}"'
        yield f'certificate = "../{name}/certificate.pem"'


def _write_environment(places: Places, there: Places) -> None:
    """What a shell sources to deposit here; `there` are the paths after the move."""
    values = {
        "CUNZHENG_KEY": str(there.depositor_key),
        "CUNZHENG_API_KEY_FILE": str(there.api_key),
        "CUNZHENG_POLICY": str(there.policy),
    }
    for address in list(places.gateways.values())[:1]:
        values["CUNZHENG_GATEWAY"] = f"http://{address}"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    path = shlex.quote(str(Path(sys.executable).parent))
    places.environment.write_text("".join(lines) + f'export PATH={path}:"$PATH"\n')


def _write_settings(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _write_secret(path: Path, data: bytes) -> None:
    """A file that is its owner's from its first moment on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
