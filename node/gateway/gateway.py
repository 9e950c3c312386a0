"""One gateway process: what its routes work with, put together in one place."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import NoReturn

from fastapi import Request

from node.evidence.keys import Signer
from node.evidence.policy_note import PolicyNote
from node.gateway.auth import ApiKeys
from node.gateway.checking import ProofChecker
from node.gateway.clock import Clock, system_clock
from node.gateway.coalesce import Coalescer
from node.gateway.deposit import Preparer, Random
from node.gateway.members import CannotCheck, Members
from node.gateway.own_key import OwnKey
from node.gateway.publishing import PublishedLog
from node.gateway.register import KeyRegister
from node.gateway.requests import RequestStore
from node.gateway.room import BODIES_MAX, Room
from node.gateway.submissions import Submissions

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything a request may need. `run` must be running while requests are served."""

    origin: str
    network: str
    first_policy: PolicyNote
    signer: Signer
    api_keys: ApiKeys
    members: Members
    store: RequestStore
    coalescer: Coalescer
    submissions: Submissions
    preparer: Preparer
    register: KeyRegister
    own_key: OwnKey
    check_proof: ProofChecker
    log: PublishedLog
    room: Room
    clock: Clock
    changing_policy: asyncio.Lock
    """Held by the request that puts a policy onto the chain."""

    async def run(self) -> NoReturn:
        """The gateway's own tasks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.store.run())
            group.create_task(self.coalescer.run())
            group.create_task(self.submissions.run())
            group.create_task(self._tell_own_key())
        raise AssertionError("they end only by cancellation")

    async def _tell_own_key(self) -> None:
        """Into the log, once: an operator who forgot the enrolment looks there."""
        key = self.own_key.public.text
        try:
            enrolled = await self.own_key.check()
        except CannotCheck as error:
            _log.warning("whether key %s is enrolled is not known yet: %s", key, error)
            return
        if enrolled:
            _log.info("key %s is enrolled as a gateway's: deposits are taken", key)
        else:
            _log.warning("key %s is not enrolled as a gateway's: no deposits until it is", key)


def assemble(
    note: PolicyNote,
    signer: Signer,
    api_keys: ApiKeys,
    members: Members,
    store: RequestStore,
    clock: Clock = system_clock,
    random: Random = secrets.token_bytes,
) -> Gateway:
    """A gateway for the chain whose first policy this is."""
    coalescer = Coalescer(members.propose)
    policy = note.policy
    return Gateway(
        origin=policy.origin,
        network=policy.network,
        first_policy=note,
        signer=signer,
        api_keys=api_keys,
        members=members,
        store=store,
        coalescer=coalescer,
        submissions=Submissions(store, coalescer, members, clock),
        preparer=Preparer(policy.origin, signer, clock, random),
        register=KeyRegister(members, clock),
        own_key=OwnKey(members, signer.public, clock),
        check_proof=ProofChecker(note.policy_text),
        log=PublishedLog(members, note),
        room=Room(BODIES_MAX),
        clock=clock,
        changing_policy=asyncio.Lock(),
    )


def gateway_of(request: Request) -> Gateway:
    """The gateway a request came to."""
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
