"""Where everything of a devnet lies.

    .devnet/
        devnet.json                what was made: members, gateways and their addresses
        policy.txt  members.txt  fingerprint.txt        what a court would publish
        genesis.txt  voters.txt    what every member was founded from
        control                    socket of the running `devnet up`
        gateways.db  vault-key     what gateways keep off the chain, and the key of it
        authority/key.pem          enrols keys
        depositor/                 key.pem  api-key  environment: for a shell to source
        observer/                  certificate.pem  tls.pem: what `devnet status` asks with
        court/ ...                 one folder a member: member.toml, certificate, keys, data/
        gateway-1/ ...             one folder a gateway: gateway.toml, certificate, key
        platform/                  keys and certificates it signs with for courts; six-items.txt;
                                   pdf-key.p12 and pdf-password: the same P-256 key for its PDFs
        tsa/                       timestamp.toml, key and certificate of its timestamp service
        anchors/                   roots and fingerprint, as a court would have them from elsewhere
        */pid  */log               while a process runs, and what all its runs have printed

`devnet.json` is one object: {"members": {NAME: ADDRESS}, "gateways": {NAME: ADDRESS},
"timestamps": ADDRESS, "database": URL}, addresses being `127.0.0.1:PORT`; all gateways share the
database, which is `gateways.db` unless it was made with another. Nothing in here outlives the
devnet's usefulness: no key is anybody's.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DESCRIPTION = "devnet.json"
TSA = "tsa"
OWN_FILE = "sqlite+aiosqlite:///../gateways.db"
"""The database of all gateways, as seen from the folder of one."""


class NotADevnet(Exception):
    """The directory is not one that the ceremony made."""


class InUse(Exception):
    """Another process runs this devnet."""


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one devnet, and who is in it."""

    directory: Path
    members: Mapping[str, str]
    gateways: Mapping[str, str]
    timestamps: str = ""
    """Address of its timestamp service; a devnet without gateways has none."""
    database: str = OWN_FILE

    @property
    def policy(self) -> Path:
        return self.directory / "policy.txt"

    @property
    def members_text(self) -> Path:
        return self.directory / "members.txt"

    @property
    def fingerprint(self) -> Path:
        return self.directory / "fingerprint.txt"

    @property
    def genesis(self) -> Path:
        return self.directory / "genesis.txt"

    @property
    def voters(self) -> Path:
        return self.directory / "voters.txt"

    @property
    def control(self) -> Path:
        return self.directory / "control"

    @property
    def authority_key(self) -> Path:
        return self.directory / "authority" / "key.pem"

    @property
    def depositor_key(self) -> Path:
        return self.directory / "depositor" / "key.pem"

    @property
    def api_key(self) -> Path:
        return self.directory / "depositor" / "api-key"

    @property
    def vault_key(self) -> Path:
        """All gateways' key of what is personal or secret in their databases."""
        return self.directory / "vault-key"

    @property
    def platform(self) -> Path:
        """What all gateways sign with for courts."""
        return self.directory / "platform"

    def platform_key(self, algorithm: str) -> Path:
        return self.platform / f"{algorithm}-key.pem"

    def platform_certificate(self, algorithm: str) -> Path:
        return self.platform / f"{algorithm}-certificate.pem"

    @property
    def pdf_key(self) -> Path:
        """What deposit certificates are signed with (PKCS#12)."""
        return self.platform / "pdf-key.p12"

    @property
    def pdf_password(self) -> Path:
        return self.platform / "pdf-password"

    @property
    def anchors(self) -> Path:
        """What a verifier trusts, as if it had come another way."""
        return self.directory / "anchors"

    @property
    def environment(self) -> Path:
        return self.directory / "depositor" / "environment"

    def certificate(self, name: str) -> Path:
        return self.directory / name / "certificate.pem"

    def tls_key(self, name: str) -> Path:
        return self.directory / name / "tls.pem"

    def settings(self, name: str) -> Path:
        """The TOML file of a member, a gateway or the timestamp service."""
        kind = "timestamp" if name == TSA else "member" if name in self.members else "gateway"
        return self.directory / name / f"{kind}.toml"

    def log_key(self, member: str) -> Path:
        """Publishes checkpoints and signs policy changes."""
        return self.directory / member / "log-key.pem"

    def witness_key(self, member: str) -> Path:
        """Seals."""
        return self.directory / member / "witness-key.pem"

    def data(self, member: str) -> Path:
        """Everything this member stores."""
        return self.directory / member / "data"

    def log(self, name: str) -> Path:
        return self.directory / name / "log"

    def pid(self, name: str) -> Path:
        return self.directory / name / "pid"


def write_description(places: Places) -> None:
    """Say what was made. Written last: without it the directory is no devnet yet."""
    value = {
        "members": dict(places.members),
        "gateways": dict(places.gateways),
        "timestamps": places.timestamps,
        "database": places.database,
    }
    (places.directory / DESCRIPTION).write_text(json.dumps(value, indent=2) + "\n")


def read_places(directory: Path) -> Places:
    """The places of the devnet in this directory; `NotADevnet` if there is none."""
    try:
        value = json.loads((directory / DESCRIPTION).read_text())
    except (OSError, ValueError) as error:
        raise NotADevnet(
            f"{directory} holds no devnet; name its directory with --dir, or begin with `up`"
        ) from error
    timestamps = value.get("timestamps", "")  # Older devnets have none.
    return Places(directory, value["members"], value["gateways"], timestamps, value["database"])


@contextmanager
def owned(places: Places) -> Iterator[None]:
    """While the block runs no other process may run or delete this devnet; `InUse` if one does.

    The lock is the kernel's and ends with this process, however that ends.
    """
    with (places.directory / DESCRIPTION).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(f"the devnet in {places.directory} is running already") from error
        yield
