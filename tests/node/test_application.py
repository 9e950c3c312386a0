"""What who asks to take part signs, byte for byte, and by whose key it must be signed."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.messages import Voter
from node.errors import Stranger
from node.evidence.checkpoint import parse_foreign_checkpoint
from node.evidence.digests import sha256
from node.evidence.keys import P256, Signer
from node.evidence.malformed import Malformed
from node.evidence.policy_note import TAG as POLICY_NOTE_TAG
from node.evidence.spelling import check_origin
from node.membership.application import TAG, Application
from node.membership.asking import Applicant

NOTARY = Voter("notary/00000000000000aa", "notary:7000", b"notary's certificate")


def application(world: Any, **changes: Any) -> Application:
    log_key, witness_key = world.log("notary").public.text, world.witness("notary").public.text
    made = Application(sha256(b"genesis"), NOTARY, False, log_key, witness_key)
    return replace(made, **changes)


def test_the_message_is_these_bytes() -> None:
    """Another implementation must sign the same; a key that signs these signs nothing else so."""
    asking = Application(bytes(32), NOTARY, True, "ed25519:LOG", "ed25519:WITNESS")
    assert asking.message == (
        b'cunzheng/join/v1 {"address":"notary:7000","certificate":'
        b'"b0d0d52de35f0df4217d7d2cfacfd5d16e0cac0de68da2d4ec0cd77377001904","genesis":'
        b'"0000000000000000000000000000000000000000000000000000000000000000","log_key":'
        b'"ed25519:LOG","recalling":1,"replica":"notary/00000000000000aa",'
        b'"witness_key":"ed25519:WITNESS"}'
    )


def test_a_request_is_the_members_whose_log_key_the_policy_names(world: Any) -> None:
    policy, log = world.note().policy, world.log("notary")
    asking = application(world)
    asking.check(asking.sign(log), policy)
    by_name = "the log key that the policy in force names for notary: "
    for signer in (world.witness("notary"), world.log("court"), world.depositor):
        with pytest.raises(Stranger, match=f"{by_name}this key did not sign"):
            asking.check(asking.sign(signer), policy)
        # Nor by showing the key that did sign it.
        shown = application(world, log_key=signer.public.text)
        with pytest.raises(Stranger, match=by_name):
            shown.check(shown.sign(signer), policy)
    with pytest.raises(Stranger, match=f"{by_name}0 bytes instead of 64"):
        asking.check(b"", policy)


@pytest.mark.parametrize(
    "change",
    [
        {"genesis": sha256(b"another chain")},
        {"replica": replace(NOTARY, id="notary/00000000000000ab")},
        {"replica": replace(NOTARY, id="court/00000000000000aa")},
        {"replica": replace(NOTARY, address="notary:7001")},
        {"replica": replace(NOTARY, certificate=b"a liar's")},
        {"recalling": True},
        {"log_key": "ed25519:" + 43 * "A" + "="},
        {"witness_key": "ed25519:" + 43 * "A" + "="},
    ],
    ids=["chain", "replica", "member", "address", "certificate", "recalling", "log", "witness"],
)
def test_it_is_for_this_and_nothing_else(world: Any, change: Any) -> None:
    """Whoever passes it on can change nothing of it."""
    asking = application(world)
    with pytest.raises(Stranger):
        replace(asking, **change).check(asking.sign(world.log("notary")), world.note().policy)


def test_a_log_key_signs_nothing_else_of_this_form(world: Any) -> None:
    """Who got it to sign one could otherwise show it as the other."""
    message = application(world).message
    with pytest.raises(Malformed):
        parse_foreign_checkpoint(message)
    with pytest.raises(Malformed):
        check_origin(TAG, "origin")
    assert not message.startswith(POLICY_NOTE_TAG.encode())
    assert b"\n" not in message


def test_a_name_the_policy_does_not_know_is_signed_with_the_key_it_shows(world: Any) -> None:
    policy, log = world.note().policy, world.log("guild")
    guild = replace(NOTARY, id="guild/00000000000000aa")
    asking = application(world, replica=guild, log_key=log.public.text)
    asking.check(asking.sign(log), policy)
    with pytest.raises(Stranger, match="is not signed with the log key it shows: this key did not"):
        asking.check(asking.sign(world.log("court")), policy)
    other = Signer(bytes(31) + b"\1", P256)
    for shown, why in (("ed25519:", "32|bytes"), ("", "prefix"), (other.public.text, "ed25519")):
        unusual = replace(asking, log_key=shown)
        with pytest.raises(Stranger, match=why):
            unusual.check(unusual.sign(other), policy)


def test_who_asks_signs_what_it_asks(world: Any) -> None:
    asking = application(world)
    log, witness = world.log("notary"), world.witness("notary").public
    nobody: Any = None
    applicant = Applicant(
        "notary", NOTARY.address, NOTARY.certificate, nobody, asking.genesis, log, witness
    )
    request = applicant.request(NOTARY.id, recalling=True)
    told = (request.replica_id, request.address, request.log_key, request.witness_key)
    assert told == (NOTARY.id, NOTARY.address, asking.log_key, asking.witness_key)
    replace(asking, recalling=True).check(request.signature, world.note().policy)
