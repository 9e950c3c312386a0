"""One gateway process: what its routes work with, put together in one place."""

from __future__ import annotations

import asyncio
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
from node.gateway.members import Members
from node.gateway.register import KeyRegister
from node.gateway.requests import RequestStore
from node.gateway.submissions import Submissions


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything a request may need. `run` must be running while requests are served."""

    origin: str
    network: str
    signer: Signer
    api_keys: ApiKeys
    members: Members
    store: RequestStore
    coalescer: Coalescer
    submissions: Submissions
    preparer: Preparer
    register: KeyRegister
    check_proof: ProofChecker
    clock: Clock

    async def run(self) -> NoReturn:
        """The gateway's own tasks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.store.run())
            group.create_task(self.coalescer.run())
            group.create_task(self.submissions.run())
        raise AssertionError("they end only by cancellation")


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
        signer=signer,
        api_keys=api_keys,
        members=members,
        store=store,
        coalescer=coalescer,
        submissions=Submissions(store, coalescer, clock),
        preparer=Preparer(policy.origin, signer, clock, random),
        register=KeyRegister(members, clock),
        check_proof=ProofChecker(note.policy_text),
        clock=clock,
    )


def gateway_of(request: Request) -> Gateway:
    """The gateway a request came to."""
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
