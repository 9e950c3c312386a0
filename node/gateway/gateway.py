"""One gateway process: what its routes work with, put together in one place."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import NoReturn

from fastapi import Request

from node.config import Officer, RateLimits
from node.evidence.keys import Signer
from node.evidence.policy_note import PolicyNote
from node.gateway.accounts.auth import Authenticator
from node.gateway.accounts.identities import Identities
from node.gateway.clock import Clock, system_clock
from node.gateway.deposits.finality import Finality
from node.gateway.deposits.statement import Preparer, Random
from node.gateway.deposits.submissions import Submissions
from node.gateway.events.attesting import Attester
from node.gateway.events.statement import EventPreparer
from node.gateway.http.limits import Limits
from node.gateway.http.room import BODIES_MAX, CHECKS_MAX, UPLOADS_MAX, Room
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.checking import ProofChecker
from node.gateway.members.client import CannotCheck, Members
from node.gateway.members.coalesce import Coalescer
from node.gateway.members.own_key import OwnKey
from node.gateway.members.register import KeyRegister
from node.gateway.operating.alarms import Alarms, Certificate
from node.gateway.operating.metrics import GatewayMetrics, Watched
from node.gateway.timestamps.reaching import Reaching
from node.gateway.timestamps.stamping import FOR_NO_COURT, ForCourts, Stamping
from node.gateway.webhooks.following import Follower
from node.gateway.webhooks.notifier import Notifier
from node.offchain.accesses import AccessStore
from node.offchain.accounts import AccountStore
from node.offchain.answers import AnswerStore
from node.offchain.bundles import BundleStore
from node.offchain.cases import CaseStore
from node.offchain.courses import CourseStore
from node.offchain.credentials import CredentialStore
from node.offchain.database import Database
from node.offchain.deposits import DepositStore
from node.offchain.engine import StoreFailed
from node.offchain.erasures import ErasureStore
from node.offchain.events import EventStore
from node.offchain.following import FollowingStore
from node.offchain.notifications import NotificationStore
from node.offchain.readers import ReaderStore
from node.offchain.registries import RegistryStore
from node.offchain.requests import RequestStore
from node.offchain.source_profiles import SourceProfileStore
from node.offchain.timestamps import TimestampStore
from node.vault.codes import CodeKeeper
from node.vault.finding import Finder
from node.vault.keys import Purpose, VaultKey
from node.vault.sealing import Vault

FORGET_EVERY_S = 3_600
"""What is kept for a day or for 400 need not go to the minute."""

Network = IPv4Network | IPv6Network

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything a request may need. `run` must be running while requests are served."""

    first_policy: PolicyNote
    signer: Signer
    accounts: AccountStore
    credentials: CredentialStore
    authenticator: Authenticator
    identities: Identities
    accesses: AccessStore
    members: Members
    database: Database
    store: RequestStore
    answers: AnswerStore
    deposits: DepositStore
    courses: CourseStore
    profiles: SourceProfileStore
    cases: CaseStore
    registries: RegistryStore
    readers: ReaderStore
    codes: CodeKeeper
    coalescer: Coalescer
    submissions: Submissions
    finality: Finality
    preparer: Preparer
    events: EventStore
    event_preparer: EventPreparer
    erasures: ErasureStore
    notifications: NotificationStore
    notifier: Notifier
    webhook_key: bytes
    public_only: bool
    register: KeyRegister
    own_key: OwnKey
    check_proof: ProofChecker
    log: PublishedLog
    clock: Clock
    data_protection_officer: Officer | None
    limits: Limits
    metrics: GatewayMetrics
    alarms: Alarms
    trusted_proxies: tuple[Network, ...]
    only_tls: bool
    reaching: Reaching
    stamping: Stamping
    bundles: BundleStore
    room: Room = field(default_factory=lambda: Room(BODIES_MAX))
    uploads: Room = field(default_factory=lambda: Room(UPLOADS_MAX))
    checks: Room = field(default_factory=lambda: Room(CHECKS_MAX))
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is told to stop: what is asked is still answered, and no more should be asked."""
    changing_policy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the request that puts a policy onto the chain."""

    @property
    def origin(self) -> str:
        """The chain's name, which no policy changes."""
        return self.first_policy.policy.origin

    @property
    def network(self) -> str:
        """`test` or `production`, which no policy changes either."""
        return self.first_policy.policy.network

    @property
    def for_courts(self) -> ForCourts:
        """The keys it signs with for courts, and who stamps."""
        return self.stamping.for_courts

    async def run(self) -> NoReturn:
        """The gateway's own tasks, until cancelled; all but the making of bundles, which works with
        the whole gateway, as routes do."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.coalescer.run())
            group.create_task(self.submissions.run())
            group.create_task(self.finality.run())
            group.create_task(self.alarms.run())
            group.create_task(self._attester().run())
            group.create_task(self.notifier.run())
            group.create_task(self.stamping.run())
            group.create_task(self.follower().run())
            group.create_task(self._tell_own_key())
            group.create_task(self._forget())
        raise AssertionError("they end only by cancellation")

    def follower(self) -> Follower:
        """Who reads the log for events; any number of them may."""
        following = FollowingStore(self.database, self.notifications)
        return Follower(following, self.log, self.members)

    def _attester(self) -> Attester:
        stores = self.store, self.deposits, self.events
        return Attester(self.event_preparer, self.members, *stores, self.submissions, self.clock)

    async def _forget(self) -> NoReturn:
        while True:
            try:
                await self.accesses.forget(self.clock())
                await self.answers.forget(self.clock())
                await self.bundles.forget(self.clock())
            except StoreFailed as error:
                _log.error("what has been kept long enough was not deleted, again later: %s", error)
            await asyncio.sleep(FORGET_EVERY_S)

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
    vault_key: VaultKey,
    members: Members,
    database: Database,
    clock: Clock = system_clock,
    random: Random = secrets.token_bytes,
    data_protection_officer: Officer | None = None,
    public_only: bool = True,
    limits: Limits | None = None,
    trusted_proxies: tuple[Network, ...] = (),
    only_tls: bool = False,
    for_courts: ForCourts = FOR_NO_COURT,
    certificates: Sequence[Certificate] = (),
) -> Gateway:
    """A gateway for the chain whose first policy this is; `public_only` is for webhooks."""
    policy, log, coalescer = note.policy, PublishedLog(members, note), Coalescer(members.propose)
    vault, finder, metrics = Vault(vault_key), Finder(vault_key), GatewayMetrics()
    store, credentials = RequestStore(database), CredentialStore(database, random)
    notifications = NotificationStore(database, vault, policy.origin, clock, random)
    deposits = DepositStore(database, vault, finder, random, [notifications.tell])
    submissions = Submissions(store, deposits, coalescer, members, clock, metrics.deposited)
    accounts = AccountStore(database, vault, finder, random)
    gateway = Gateway(
        first_policy=note,
        signer=signer,
        accounts=accounts,
        credentials=credentials,
        authenticator=Authenticator(vault_key, credentials, policy.origin, clock),
        identities=Identities(accounts, clock),
        accesses=AccessStore(database, vault, random),
        members=members,
        database=database,
        store=store,
        answers=AnswerStore(database, vault, random),
        deposits=deposits,
        courses=CourseStore(database),
        profiles=SourceProfileStore(database, vault, finder, random),
        cases=CaseStore(database, vault, random),
        registries=RegistryStore(database),
        readers=ReaderStore(database),
        codes=CodeKeeper(vault_key),
        coalescer=coalescer,
        submissions=submissions,
        finality=Finality(deposits, submissions, log, clock),
        preparer=Preparer(policy.origin, signer, clock, random),
        events=EventStore(database, vault, random),
        event_preparer=EventPreparer(policy.origin, signer, clock, random),
        erasures=ErasureStore(database),
        notifications=notifications,
        notifier=Notifier(notifications, clock, public_only=public_only),
        webhook_key=vault_key.derive(Purpose.WEBHOOK_SECRETS),
        public_only=public_only,
        register=KeyRegister(members, clock),
        own_key=OwnKey(members, signer.public, clock),
        check_proof=ProofChecker(note.policy_text),
        log=log,
        clock=clock,
        data_protection_officer=data_protection_officer,
        limits=limits or Limits(RateLimits()),
        metrics=metrics,
        alarms=Alarms(deposits, clock, certificates),
        trusted_proxies=trusted_proxies,
        only_tls=only_tls,
        reaching=Reaching(log, TimestampStore(database)),
        stamping=Stamping(log, TimestampStore(database), clock, random, for_courts),
        bundles=BundleStore(database, vault, random),
    )
    metrics.watch(lambda: _watched(gateway))
    return gateway


def _watched(gateway: Gateway) -> Watched:
    """What is looked up when Prometheus asks."""
    return {
        "cunzheng_coalescer_waiting_bytes": (
            "Records that wait to be proposed.",
            gateway.coalescer.waiting_size,
        ),
        "cunzheng_coalescer_in_flight": ("Proposals on their way.", gateway.coalescer.in_flight),
        "cunzheng_statements_on_way": (
            "Statements whose fate is not known yet.",
            len(gateway.submissions.on_way),
        ),
        "cunzheng_published_size": (
            "Leaves under the checkpoint that is shown; 0 before anybody asked.",
            gateway.log.shown_size,
        ),
        "cunzheng_leader_known": (
            "Whether proposals have a leader to go to.",
            gateway.members.leader is not None,
        ),
        "cunzheng_alarms": ("What an operator must look at.", len(gateway.alarms.now())),
        "cunzheng_deposits_overdue": (
            "Deposits that are not FINAL a day after they came in; 100: or more.",
            gateway.alarms.overdue,
        ),
        "cunzheng_certificate_end_timestamp_seconds": (
            "When the first certificate ends that it shows or knows a member by; 0: none known.",
            gateway.alarms.first_end_s(),
        ),
    }


def gateway_of(request: Request) -> Gateway:
    """The gateway a request came to."""
    gateway = request.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
