"""A devnet's material: what the ceremony writes is what members and verifiers can read."""

import asyncio
import os
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from consensus.messages import Configuration
from devnet.attesting import OWN
from devnet.ceremony import OBSERVER, destroy, free_ports, hold_ceremony
from devnet.places import TSA, InUse, NotADevnet, Places, owned, read_places
from node import keyfile
from node.accounts.account import Credential
from node.accounts.api_key import digest_api_key
from node.accounts.scopes import Scope
from node.config import load_gateway, load_member
from node.errors import Misconfigured
from node.evidence.members import parse_members
from node.evidence.policy import fingerprint, parse_policy
from node.evidence.record import parse_genesis
from node.export.signing.chain import read_anchors
from node.export.signing.dual import check_p256, check_sm2
from node.export.signing.six_items import CertificateItem, CertificateUse
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.export.timestamps.settings import load_credential, load_timestamp_service
from node.export.timestamps.verifying import verify_response
from node.gateway.timestamps.loading import load_for_courts
from node.keyfile import load_vault_key
from node.membership.founding import found
from node.offchain.credentials import CredentialStore
from node.offchain.database import Database
from node.vault.keys import Purpose

NOW_S = int(time.time())


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return hold_ceremony(tmp_path_factory.mktemp("ceremony") / "devnet", members=4, gateways=2)


def certificate(places: Places, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(places.certificate(name).read_bytes())


def test_policy_names_the_members_by_the_keys_in_their_folders(places: Places) -> None:
    policy = parse_policy(places.policy.read_bytes())
    assert policy.network == "test"
    assert (policy.quorum, len(policy.sealers)) == (3, 4)
    for sealer in policy.sealers:
        folder = places.directory / sealer.member
        assert keyfile.load_signer(folder / "log-key.pem").public == sealer.log
        assert keyfile.load_signer(folder / "witness-key.pem").public == sealer.witness
    assert policy.authorities == (keyfile.load_signer(places.authority_key).public,)
    assert places.fingerprint.read_text() == fingerprint(places.policy.read_bytes()) + "\n"


def test_members_are_of_every_kind_that_has_a_name(places: Places) -> None:
    members = parse_members(places.members_text.read_bytes())
    assert [each.kind for each in members] == ["court", "notary", "forensic", "industry"]
    assert members[0].organisation == "示例互联网法院"
    assert all("示例" in each.organisation for each in members)


def test_genesis_carries_the_policy(places: Places) -> None:
    note = parse_genesis(places.genesis.read_bytes()).note
    assert note.policy_text == places.policy.read_bytes()
    assert note.members_text == places.members_text.read_bytes()


def test_voters_are_the_members_with_their_certificates(places: Places) -> None:
    configuration = Configuration.parse(places.voters.read_bytes().removesuffix(b"\n"))
    assert configuration.learners == ()
    assert {v.id.partition("/")[0] for v in configuration.voters} == set(places.members)
    for voter in configuration.voters:
        name = voter.id.partition("/")[0]
        pem = places.certificate(name).read_text()
        assert voter.certificate == ssl.PEM_cert_to_DER_cert(pem)
        assert voter.address == places.members[name]


def test_certificates_name_their_holder_and_are_from_one_authority(places: Places) -> None:
    names = (*places.members, *places.gateways, OBSERVER)
    certificates = [certificate(places, name) for name in names]
    assert len({each.issuer.rfc4514_string() for each in certificates}) == 1
    for name, each in zip(names, certificates, strict=True):
        san = each.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.get_values_for_type(x509.DNSName) == [name]
        public = each.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert public.curve.name == "secp256r1"
        assert each.subject != each.issuer


def test_private_keys_are_their_owners_alone(places: Places) -> None:
    """Whatever is a key can be read by nobody else, nor the folder they are in."""
    keys = [
        path
        for path in places.directory.rglob("*.pem")
        if not path.name.endswith("certificate.pem") and path.parent != places.anchors
    ]
    assert len(keys) == 4 * 3 + 2 * 2 + 1 + 2 + 3
    keys += [places.pdf_key, places.pdf_password]
    for path in (*keys, places.api_key, places.vault_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(places.directory.stat().st_mode) == 0o700


async def _credential(url: str, digest: bytes) -> Credential | None:
    async with Database(url) as database:
        return await CredentialStore(database).by_api_key(digest)


def test_gateways_know_the_depositors_key_only_by_its_digest(places: Places) -> None:
    api_key = places.api_key.read_text().strip()
    for name in places.gateways:
        config = load_gateway(places.settings(name))
        digest = digest_api_key(load_vault_key(config.vault_key).derive(Purpose.API_KEYS), api_key)
        for file in (places.directory / name).iterdir():
            assert api_key.encode() not in file.read_bytes()
        found = asyncio.run(_credential(config.database, digest))
        assert found is not None
        assert found.holder.missing is None
        assert Scope.DEPOSIT in found.account.scopes


def test_settings_are_what_members_and_gateways_read(places: Places) -> None:
    """And the files they name are there."""
    for name in places.members:
        member = load_member(places.settings(name))
        assert (member.member, member.listen) == (name, places.members[name])
        assert len(member.gateways) == 3
        for path in (member.genesis, member.certificate, member.private_key, *member.gateways):
            assert path.is_file(), path
    for name in places.gateways:
        gateway = load_gateway(places.settings(name))
        assert {each.name: each.address for each in gateway.members} == places.members
        for path in (gateway.key, gateway.vault_key, *(m.certificate for m in gateway.members)):
            assert path.is_file(), path


def test_gateways_sign_and_have_stamped_for_courts(places: Places) -> None:
    """What they sign leads to the roots beside the fingerprint, and so does what is stamped."""
    for name in places.gateways:
        for_courts = load_for_courts(load_gateway(places.settings(name)))
        made = for_courts.platform.sign(b"body", NOW_S)
        roots = [path.read_bytes() for path in places.anchors.glob("platform-*.pem")]
        anchors, platform = read_anchors(roots), for_courts.platform
        assert made.p7s is not None
        check_p256(b"body", made.p7s, anchors, NOW_S, NOW_S)
        assert made.sm2 is not None
        assert platform.sm2 is not None
        check_sm2(b"body", made.sm2, platform.sm2.chain, anchors, NOW_S, NOW_S)
        assert for_courts.pdf_key is not None
        (authority,) = for_courts.authorities
        config = load_timestamp_service(places.settings(TSA))
        assert authority.url == f"http://{config.listen}/"
        service = TimestampService(load_credential(config.key, config.certificate))
        asked = format_request(TimestampRequest(Imprint.of(b"body", authority.algorithm)))
        response = service.answer(asked, NOW_S * 1000, 1)
        stamped = verify_response(response, b"body", authority.anchors, NOW_S)
        assert OWN in stamped.authority.subject_text
    assert (places.anchors / "policy-fingerprint.txt").read_bytes().strip()


def test_the_six_items_of_every_certificate_are_written(places: Places) -> None:
    text = (places.platform / "six-items.txt").read_text()
    for item in CertificateItem:
        assert text.count(f"{item.zh} / {item.en}") == 3
    for use in CertificateUse:
        assert f"{use.zh} / {use.en}" in text


def test_members_are_founded_as_the_voters_they_are(places: Places) -> None:
    """So `cunzheng member` starts them, and would never make a voter of an empty directory."""
    configuration = Configuration.parse(places.voters.read_bytes().removesuffix(b"\n"))
    for voter in configuration.voters:
        config = load_member(places.settings(voter.id.partition("/")[0]))
        assert (config.data / "incarnation").read_text() == f"{voter.id}\n"
        assert {each.name for each in config.members} == set(places.members) - {config.member}
        with pytest.raises(Misconfigured, match="not empty"):
            found(config, parse_genesis(places.genesis.read_bytes()), places.voters)


def test_a_shell_finds_everything_in_the_environment_file(places: Places) -> None:
    """Also `cunzheng` itself; and the paths are those after everything was moved into place."""
    script = f'. "{places.environment}"; env; command -v cunzheng'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    values = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert Path(values["CUNZHENG_POLICY"]) == places.policy
    assert Path(values["CUNZHENG_KEY"]) == places.depositor_key
    assert Path(values["CUNZHENG_API_KEY_FILE"]) == places.api_key
    assert values["CUNZHENG_GATEWAY"] == f"http://{places.gateways['gateway-1']}"
    assert done.stdout.splitlines()[-1].startswith(str(Path(sys.executable).parent))


def test_addresses_differ_and_are_remembered(places: Places) -> None:
    addresses = [*places.members.values(), *places.gateways.values()]
    assert len(set(addresses)) == 6
    assert read_places(places.directory) == places


def test_ports_that_are_in_use_are_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two ports one is taken: the other is found, and two are not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (free,) = free_ports(1)
        monkeypatch.setattr("devnet.ceremony._PORTS", [taken.getsockname()[1], free])
        assert free_ports(1) == [free]
        with pytest.raises(OSError, match="no 2 free ports"):
            free_ports(2)


@pytest.mark.parametrize(("members", "gateways"), [(0, 1), (8, 1), (3, -1), (3, 10)])
def test_numbers_out_of_range_are_refused(tmp_path: Path, members: int, gateways: int) -> None:
    with pytest.raises(ValueError, match=r"\d to \d"):
        hold_ceremony(tmp_path / "devnet", members, gateways)
    assert not (tmp_path / "devnet").exists()


def test_half_a_ceremony_leaves_no_devnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it stops anywhere before its end, the next one begins anew."""
    real = os.replace
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        hold_ceremony(tmp_path / "devnet")
    with pytest.raises(NotADevnet):
        read_places(tmp_path / "devnet")
    monkeypatch.setattr("os.replace", real)
    hold_ceremony(tmp_path / "devnet")
    assert [path.name for path in tmp_path.iterdir()] == ["devnet"]


def test_a_directory_of_something_else_is_neither_filled_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    for act in (hold_ceremony, destroy):
        with pytest.raises(NotADevnet):
            act(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "three years"


def test_a_devnet_can_be_deleted_unless_it_runs(tmp_path: Path) -> None:
    places = hold_ceremony(tmp_path / "devnet")
    with owned(places), pytest.raises(InUse):
        destroy(tmp_path / "devnet")
    assert read_places(tmp_path / "devnet") == places
    destroy(tmp_path / "devnet")
    assert list(tmp_path.iterdir()) == []
    destroy(tmp_path / "devnet")
