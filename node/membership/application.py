"""What a replica signs that asks to take part, and with whose key. PURE.

Whoever asks proves to hold a certificate, to the member it asks; the leader has only that member's
word for it. So the request is signed by the member it names, with its log key. The message is
tagged JSON, computed from the request and never sent:

    cunzheng/join/v1 {"address":"court:7000","certificate":"<SHA-256 of the DER>","genesis":
    "<SHA-256 of the genesis file>","log_key":"ed25519:...","recalling":0,
    "replica":"court/00000000000000aa","witness_key":"ed25519:..."}  (one line; broken for reading)

Nothing else that a log key signs begins so: a checkpoint body begins with an origin, a change of
policy with `cunzheng/policy/v1`.

Such a request does not age: it is one that the member made for this chain, this replica and this
certificate, however often it is shown. What makes an old one worthless is that an id that was
removed never comes back (`consensus.membership`), and that whoever is let in must be reached at
this address by this certificate.
"""

from __future__ import annotations

from dataclasses import dataclass

from consensus.messages import Voter
from node.errors import Stranger
from node.evidence.digests import sha256
from node.evidence.keys import (
    ED25519,
    BadSignature,
    Signer,
    parse_public_key,
    verify_raw,
)
from node.evidence.malformed import Malformed
from node.evidence.policy import Policy
from node.evidence.spelling import format_tagged

TAG = "cunzheng/join/v1"


@dataclass(frozen=True, slots=True)
class Application:
    """One request: which replica, on which chain (`genesis` is the digest of its file), whether it
    still recalls, and the keys a policy would name its member with, as it spells them."""

    genesis: bytes
    replica: Voter
    recalling: bool
    log_key: str
    witness_key: str

    @property
    def member(self) -> str:
        """In whose name it is made."""
        return self.replica.id.partition("/")[0]

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        value = {
            "address": self.replica.address,
            "certificate": sha256(self.replica.certificate).hex(),
            "genesis": self.genesis.hex(),
            "log_key": self.log_key,
            "recalling": int(self.recalling),
            "replica": self.replica.id,
            "witness_key": self.witness_key,
        }
        return format_tagged(TAG, value)

    def sign(self, log: Signer) -> bytes:
        """The signature of its member."""
        return log.sign(self.message).raw

    def check(self, signature: bytes, policy: Policy) -> None:
        """Raise `Stranger` unless its member signed it: with the log key the policy names for it,
        or, as long as it names none, with the one the request shows. Then it shows only that both
        are of one hand: whose name that is, is said by whoever lists the newcomer, and it gets no
        further than to be sent the ledger."""
        named = {sealer.member: sealer.log for sealer in policy.sealers}
        whose = f"the log key that the policy in force names for {self.member}"
        if self.member not in named:
            whose = "the log key it shows"
        try:
            key = named.get(self.member) or parse_public_key(self.log_key)
            if key.algorithm != ED25519:
                raise Malformed("log key", f"not of {ED25519}")
            verify_raw(key, self.message, signature)
        except (BadSignature, Malformed) as error:
            raise Stranger(
                f"the request of {self.replica.id} is not signed with {whose}: {error}"
            ) from error
