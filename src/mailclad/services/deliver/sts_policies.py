"""Other domains' MTA-STS policies: found, kept, refreshed (implements ``StsSource``).

RFC 8461 §3.3, §5.1, §10.2; what goes wrong is told in the words of RFC 8460 §4.3.

Comes in: a domain that mail goes to; what its DNS and its policy host say, untrusted.  Goes out:
the policy in force.  A policy once seen holds until it expires, whatever the domain says or does
not say meanwhile; a new one is fetched when the record announces another id.
Limits: time and octets of a fetch, fetches at a time, one for each domain, a pause behind a failed
one; what is remembered in memory.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from mailclad.base.clock import Clock
from mailclad.base.https import Https, HttpsCertificateRefused, HttpsProblem, Request
from mailclad.base.resolver import AnewResolver, DnsProblem
from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.mta_sts import (
    MAX_POLICY_OCTETS,
    MEDIA_TYPE,
    StsMode,
    StsPolicy,
    StsProblem,
    parse_policy,
    parse_record,
    policy_url,
    record_name,
)
from mailclad.mail.tls_rpt import ResultType
from mailclad.services.deliver.sts import NO_POLICY, StsFound, StsSource
from mailclad.store.errors import StoreProblem
from mailclad.store.sts_policies import StsPolicies, StsState

FETCH_SECONDS = 50.0
"""From the first question to the DNS to the last octet; RFC 8461 §3.3 suggests a minute, of which
``ROOM_SECONDS`` may go by before."""

ROOM_SECONDS = 10.0
"""How long a fetch waits for others to end; it is then left, and no failure of the domain's."""

PAUSE_SECONDS = 300
"""RFC 8461 §3.3: behind a failed fetch the same id is not fetched again for so long."""

FETCHES = 16
"""At a time: slow hosts may hold a few and mail to others still goes."""

REFRESH_SECONDS = 24 * 3600
"""RFC 8461 §3.3: once a day, so that nobody gains by spoiling the last hour of a policy."""

IN_USE_SECONDS = 30 * 24 * 3600
"""Policies that no mail needed for so long are left to expire."""

REFRESHED_EACH_RUN = 500
"""Of the duty: more wait for the next one."""

RUN_SECONDS = 300.0
"""For a run; what was tried longest ago comes first next time."""

REFRESHES = FETCHES // 2
"""At a time: mail that goes out now does not wait for them."""

MEMORY_SECONDS = 300
"""Another process may have fetched since: what is known here is read anew after so long."""

MAX_REMEMBERED = 10_000
"""Domains: some 10 MB; what was known longest goes first."""

REMEMBERED_CHARACTERS = 4096
"""Of a policy: real ones have some 200; longer ones are read from the store each time."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Announced:
    """The record's id, None without a record; ``problem`` where the DNS did not say."""

    id: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Failure:
    problem: ResultType
    reason: str


class KeptStsPolicies(StsSource):
    """For one event loop."""

    def __init__(
        self, resolver: AnewResolver, https: Https, store: StsPolicies, clock: Clock
    ) -> None:
        self._resolver = resolver
        self._https = https
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[int, StsState | None]] = {}
        self._fetches: dict[str, asyncio.Task[StsState | None]] = {}
        self._room = asyncio.Semaphore(FETCHES)

    async def find(self, domain: str, *, last: bool = False) -> StsFound:
        try:
            name = normalise_domain(domain.removesuffix("."))
        except AddressProblem:
            return NO_POLICY
        if name.startswith("["):  # RFC 8461 §3.4: address literals have none
            return NO_POLICY
        announced = await self._announced(name, anew=last)
        now = self._clock.now()
        state = await self._state(name, now)
        if announced.id is not None and wants_fetch(state, announced.id, now):
            state = await self._join(name, announced.id)
        elif state is not None:
            await self._use(state, now)
        return _found(state, announced, self._clock.now())

    async def refresh(self) -> None:
        """Fetch policies in use again before they expire; a duty."""
        now = self._clock.now()
        day_ago = now - REFRESH_SECONDS
        await self._store.forget_sts_states(day_ago)
        due = await self._store.due_sts_states(day_ago, now - IN_USE_SECONDS, REFRESHED_EACH_RUN)
        room = asyncio.Semaphore(REFRESHES)
        with suppress(TimeoutError):
            async with asyncio.timeout(RUN_SECONDS):
                await asyncio.gather(*(self._refresh(state, room) for state in due))

    async def close(self) -> None:
        """End all fetches; whoever waits for one is cancelled."""
        tasks = list(self._fetches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _announced(self, domain: str, *, anew: bool = False) -> _Announced:
        ask = self._resolver.txt_anew if anew else self._resolver.txt
        try:
            answer = await ask(record_name(domain))
            return _Announced(parse_record(answer.records))
        except StsProblem:
            return _Announced(None)
        except DnsProblem as problem:
            return _Announced(None, str(problem))

    async def _refresh(self, state: StsState, room: asyncio.Semaphore) -> None:
        assert state.policy is not None, "only policies are refreshed"
        async with room:
            announced = await self._announced(state.domain)
            new = await self._join(state.domain, announced.id or state.policy.id)
        if new is not None and new.problem is not None and state.policy.mode is not StsMode.NONE:
            expires_at = state.fetched_at + state.policy.max_age
            _log.warning(
                "MTA-STS policy not refreshed, the old one stays",
                domain=state.domain,
                problem=str(new.problem),
                reason=new.reason,
                holds_for_seconds=max(0, expires_at - self._clock.now()),
            )

    # What is known

    async def _state(self, domain: str, now: int) -> StsState | None:
        until, state = self._known.get(domain, (0, None))
        if now < until:
            return state
        try:
            state = await self._store.sts_state(domain)
        except StoreProblem as problem:
            _log.warning("MTA-STS policy not read", domain=domain, reason=str(problem))
            return state
        self._remember(domain, state, now)
        return state

    def _remember(self, domain: str, state: StsState | None, now: int) -> None:
        self._known.pop(domain, None)
        policy = state.policy if state is not None else None
        if policy is not None and sum(map(len, policy.lines)) > REMEMBERED_CHARACTERS:
            return
        self._known[domain] = (now + MEMORY_SECONDS, state)
        if len(self._known) > MAX_REMEMBERED:
            del self._known[next(iter(self._known))]

    async def _use(self, state: StsState, now: int) -> None:
        """Noted once a day: it is only to know which are in use."""
        if now - state.used_at < REFRESH_SECONDS:
            return
        self._remember(state.domain, replace(state, used_at=now), now)
        try:
            await self._store.use_sts_policy(state.domain, now)
        except StoreProblem as problem:
            _log.warning("use of an MTA-STS policy not noted", reason=str(problem))

    # Fetching

    async def _join(self, domain: str, announced: str) -> StsState | None:
        """Fetch, or wait with those who came before; who stops waiting stops only himself."""
        task = self._fetches.get(domain)
        if task is None:
            task = asyncio.create_task(self._fetch(domain, announced))
            self._fetches[domain] = task
            task.add_done_callback(lambda _: self._fetches.pop(domain, None))
        return await asyncio.shield(task)

    async def _fetch(self, domain: str, announced: str) -> StsState | None:
        """What is known then; the same as before where there was no room for a fetch."""
        old = await self._state(domain, self._clock.now())
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                await self._room.acquire()
        except TimeoutError:
            return old
        try:
            got = await self._get(domain, announced)
        finally:
            self._room.release()
        now = self._clock.now()
        if isinstance(got, _Failure):  # another process may have had more luck meanwhile
            self._known.pop(domain, None)
            old = await self._state(domain, now) or old
        state = _after(old, domain, announced, got, now)
        self._remember(domain, state, now)
        try:
            await self._store.keep_sts_state(state)
        except StoreProblem as problem:
            _log.warning("MTA-STS policy not kept", domain=domain, reason=str(problem))
        return state

    async def _get(self, domain: str, announced: str) -> StsPolicy | _Failure:
        request = Request(policy_url(domain), octets=MAX_POLICY_OCTETS, seconds=FETCH_SECONDS)
        try:
            response = await self._https.fetch(request)
            if response.status != 200:
                text = f"the policy host answered with status {response.status}"
                return _Failure(ResultType.STS_POLICY_FETCH_ERROR, text)
            media_type = response.headers.get("content-type", "").partition(";")[0]
            if media_type.strip().lower() != MEDIA_TYPE:
                return _Failure(ResultType.STS_POLICY_INVALID, f"it is not {MEDIA_TYPE}")
            return parse_policy(response.body, domain, announced)
        except HttpsCertificateRefused as problem:
            return _Failure(ResultType.STS_WEBPKI_INVALID, str(problem))
        except HttpsProblem as problem:
            return _Failure(ResultType.STS_POLICY_FETCH_ERROR, str(problem))
        except StsProblem as problem:
            return _Failure(ResultType.STS_POLICY_INVALID, str(problem))


def wants_fetch(state: StsState | None, announced: str, now: int) -> bool:
    """Whether what is known does not do, and the last attempt is not too fresh."""
    if state is None:
        return True
    if state.problem is not None and state.tried_id == announced:
        return not state.tried_at <= now < state.tried_at + PAUSE_SECONDS
    policy = state.in_force(now)
    return policy is None or policy.id != announced


def _after(
    old: StsState | None,
    domain: str,
    announced: str,
    got: StsPolicy | _Failure,
    now: int,
) -> StsState:
    """A failure leaves what was known before."""
    used_at = old.used_at if old is not None else now
    if isinstance(got, StsPolicy):
        return StsState(domain, got, now, announced, now, None, "", used_at)
    policy, fetched_at = (old.policy, old.fetched_at) if old is not None else (None, 0)
    return StsState(domain, policy, fetched_at, announced, now, got.problem, got.reason, used_at)


def _found(state: StsState | None, announced: _Announced, now: int) -> StsFound:
    policy = state.in_force(now) if state is not None else None
    if policy is not None and policy.mode is StsMode.NONE:  # RFC 8461 §6: nothing to report
        return StsFound(policy)
    if announced.problem and policy is not None:
        return StsFound(policy, ResultType.STS_POLICY_FETCH_ERROR, announced.problem)
    if state is None or state.tried_id != announced.id:
        return StsFound(policy)
    return StsFound(policy, state.problem, state.reason)
