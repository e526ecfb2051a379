"""Certificates by ACME for all names in use: ordered when they are due, staged, remembered.

RFC 8555, RFC 9773.  Comes in: the store, an issuer, the world (which names lead here, what TLSA
records are shown), the time.  Goes out: certificates STAGED in the store, and a hint to whoever
puts them to use.  Each place (a series of names and a kind of key) has its own history and its
own certificate; one that fails holds no other back, and a failing name no certificate.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog
from cryptography import x509

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.protocols.acme.request import certificate_id
from mailclad.services.certificates.acme.order import Issued, OrderFailed, RenewalWindow, Wanted
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.keys import TlsaSeen, make_key, may_change, noticed
from mailclad.services.certificates.names import NAMES_A_CERTIFICATE, Series, into_series
from mailclad.services.certificates.plan import Due, Kept, due, failed_lately, kept_of
from mailclad.store.certificates import CertificateState, KeptCertificate, KeptCertificates
from mailclad.store.duties import Duties
from mailclad.store.renewals import Attempt, KeptWindow, NextKey, Renewals

ORDER_SECONDS = 1800
"""The longest an order may take: name servers that learn of a record take minutes each."""

LEASE_SECONDS = ORDER_SECONDS + 300
"""What a crash in the middle of an order keeps others from the same one; questions about TLSA
records come before it, answers to challenges are taken away behind it."""

ASK_AGAIN_SECONDS = 6 * 3600
"""RFC 9773 §4.3.3: where the authority says nothing of renewal."""

LONGEST_ASK_SECONDS = 24 * 3600
"""What lies further ahead was noted by a clock that was ahead."""

RETIRED_SECONDS = 7 * 24 * 3600
"""What ended is kept so long: whoever looks for what happened finds it."""

_log = structlog.get_logger()


class Issuer(Protocol):
    """Authorities, in order of fallback."""

    async def obtain(self, wanted: Wanted) -> Issued:
        """Raises OrderFailed."""
        ...

    async def renewal_info(self, authority: str, leaf_pem: bytes) -> RenewalWindow | None:
        """What the authority says of its certificate; None where it says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """``names`` are to be certified, the server's own first; ``left_out`` says why not, by name.

    ``unsure`` could not be looked up: they stay where they are.  ``hindrance``: why no order can
    succeed now; "" for none.  ``most``: names that the authority takes in one certificate.
    """

    names: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)
    hindrance: str = ""
    most: int = NAMES_A_CERTIFICATE


class World(Protocol):
    async def survey(self) -> Survey: ...

    async def tlsa(self) -> TlsaSeen | None:
        """Of port 25 of the server's own name; None where nobody could be asked."""
        ...


class RenewalStore(KeptCertificates, Renewals, Duties, Protocol):
    """What renewal needs of the store."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one place is to have, and when it is due."""

    series: int
    kind: KeyKind
    names: tuple[str, ...]
    due: Due
    kept: Kept

    @property
    def lease(self) -> str:
        return f"certificate {self.series} {self.kind}"

    def has(self, attempt: Attempt) -> bool:
        """Whether it was of this place."""
        return (attempt.series, attempt.kind) == (self.series, self.kind)


@dataclass(frozen=True, slots=True)
class Plan:
    orders: tuple[Order, ...]
    survey: Survey


class Busy(Exception):
    """Another process orders this very certificate."""


class Renewal:
    """``staged`` is called when a certificate waits to be put to use."""

    def __init__(
        self,
        store: RenewalStore,
        issuer: Issuer,
        world: World,
        kinds: Sequence[KeyKind],
        clock: Clock,
        staged: Callable[[], None],
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._world = world
        self._kinds = tuple(kinds)
        self._clock = clock
        self._staged = staged
        self._told = ""

    async def run(self) -> None:
        """One look: what is due is ordered."""
        await self._store.forget_certificates(self._clock.now() - RETIRED_SECONDS)
        await self._remind()
        await self._ask_windows()
        plan = await self.plan()
        now = self._clock.now()
        ready = [order for order in plan.orders if order.due.at <= now]
        self._tell_hindrance(plan.survey.hindrance if ready else "")
        if plan.survey.hindrance:
            return
        await self._retire_unwanted(plan)
        for order in ready:
            await self._try(order)

    async def plan(self) -> Plan:
        """What every place has and needs; asks the DNS, no authority."""
        survey = await self._world.survey()
        certificates = await self._store.certificates()
        windows, attempts = await self._store.renewal_windows(), await self._store.attempts()
        present, now = _present(certificates), self._clock.now()
        kept_names = {name for names in present.values() for name in names}
        unsure = [name for name in survey.unsure if name in kept_names]
        orders = []
        wanted = into_series((*survey.names, *unsure), present, survey.most)
        for series, names in wanted.items():
            for kind in self._kinds:
                kept = kept_of(series, kind, certificates, windows, attempts)
                possible = _possible(names, kept, now, needed=survey.names[0])
                what = due(kept, possible, now)
                orders.append(Order(series, kind, possible, what, kept))
        return Plan(tuple(orders), survey)

    async def order(self, order: Order, *, new_key: bool = False) -> Attempt:
        """Now, due or not; what became of it is kept, whatever it was.

        ``new_key``: another key than now even where that breaks TLSA records.  Raises Busy,
        OrderFailed.
        """
        now = self._clock.now()
        if not await self._store.take_duty(order.lease, now, now + LEASE_SECONDS):
            raise Busy("another process is ordering this certificate: look again in some minutes")
        try:
            if await self._is_past(order):
                raise Busy("another process has ordered this certificate meanwhile: look again")
            # Before anything is asked: an order that crashes each time must not be made each time.
            begun = await self._store.note_attempt(_attempt(order, now))
            try:
                return await self._ordered(order, begun, new_key=new_key)
            except OrderFailed as failed:
                await self._store.note_attempt(_failure(order, failed, self._clock.now()), begun)
                raise
        finally:
            await self._store.release_duty(order.lease, self._clock.now())

    async def look_at_tlsa(self) -> TlsaSeen | None:
        """Note since when the records of next keys are shown everywhere."""
        seen = await self._world.tlsa()
        for kind in self._kinds:
            following = await self._next_key(kind)
            changed = noticed(following, seen, self._clock.now())
            if changed != following:
                await self._store.keep_next_key(changed)
        return seen

    async def may_change_key(self, kind: KeyKind) -> bool:
        """Whether a certificate with a new key breaks no TLSA record."""
        seen = await self.look_at_tlsa()
        return may_change(await self._next_key(kind), seen, self._clock.now())

    # --- ordering ---

    async def _try(self, order: Order) -> None:
        if not order.names:
            return
        try:
            await self.order(order)
        except Busy as busy:
            _log.info("certificate not ordered", reason=str(busy))
        except OrderFailed as failed:
            names = ", ".join(order.names)
            _log.error("no certificate", names=names, finding=failed.finding, reason=str(failed))

    async def _is_past(self, order: Order) -> bool:
        """Whether something was ordered there since it was planned."""
        here = [one for one in await self._store.attempts() if order.has(one)]
        return here != list(order.kept.attempts)

    async def _ordered(self, order: Order, begun: int, *, new_key: bool) -> Attempt:
        current = order.kept.current
        key = await self._key(order, new_key)
        replaces = certificate_id(_leaf(current.chain_pem)) if current else None
        wanted = Wanted(order.names, key, replaces, order.due.gains, needs_first=order.series == 0)
        try:
            async with asyncio.timeout(ORDER_SECONDS):
                issued = await self._issuer.obtain(wanted)
        except TimeoutError:
            raise OrderFailed(
                f"It was given up after {ORDER_SECONDS // 60} minutes: the authority did not come "
                "to an end. It is tried again."
            ) from None
        return await self._keep(order, begun, key, issued)

    async def _keep(self, order: Order, begun: int, key: Secret, issued: Issued) -> Attempt:
        leaf = _leaf(issued.chain_pem)
        now = self._clock.now()
        certificate = KeptCertificate(
            id=0,
            names=issued.names,
            chain_pem=issued.chain_pem,
            key_pem=key,
            kind=order.kind,
            authority=issued.authority,
            not_before=int(leaf.not_valid_before_utc.timestamp()),
            not_after=int(leaf.not_valid_after_utc.timestamp()),
            state=CertificateState.STAGED,
            made_at=now,
            series=order.series,
        )
        await self._store.stage_certificate(certificate)
        attempt = replace(
            _attempt(order, now),
            authority=issued.authority,
            names=issued.names,
            issued=True,
            told=f"issued until {leaf.not_valid_after_utc:%Y-%m-%d}",
            failed=issued.dropped,
        )
        await self._store.note_attempt(attempt, begun)
        self._staged()
        _log.info("certificate issued", names=", ".join(issued.names), by=issued.authority)
        for name, why in issued.dropped.items():
            _log.warning("name left out of the certificate", name=name, reason=why)
        return attempt

    # --- keys ---

    async def _key(self, order: Order, new_key: bool) -> Secret:
        """Only the certificate of the server's own name stands in TLSA records of port 25."""
        if order.series > 0:
            return await asyncio.to_thread(make_key, order.kind)
        current = order.kept.current
        if current is None or new_key or await self.may_change_key(order.kind):
            return (await self._next_key(order.kind)).pem
        return current.key_pem

    async def _next_key(self, kind: KeyKind) -> NextKey:
        """The one that no certificate in use has yet."""
        kept = {key.kind: key for key in await self._store.next_keys()}.get(kind)
        used = {
            one.key_pem.reveal()
            for one in await self._store.certificates()
            if one.state in (CertificateState.LIVE, CertificateState.RETIRED)
        }
        if kept is not None and kept.pem.reveal() not in used:
            return kept
        made = NextKey(kind, await asyncio.to_thread(make_key, kind), self._clock.now())
        await self._store.keep_next_key(made)
        return made

    # --- the rest ---

    async def _remind(self) -> None:
        """Of what is staged: whoever staged it may have died before it said so."""
        certificates = await self._store.certificates()
        if any(one.state is CertificateState.STAGED for one in certificates):
            self._staged()

    async def _ask_windows(self) -> None:
        """RFC 9773 §4.3: until the certificate has ended, or another took its place."""
        known = {one.certificate: one for one in await self._store.renewal_windows()}
        now = self._clock.now()
        for certificate in await self._store.certificates():
            if certificate.state is not CertificateState.LIVE or certificate.not_after <= now:
                continue
            window = known.get(certificate.id)
            if window is None or not now < window.ask_again <= now + LONGEST_ASK_SECONDS:
                said = await self._issuer.renewal_info(
                    certificate.authority, certificate.chain_pem
                )
                await self._store.keep_renewal_window(
                    _kept_window(certificate.id, said, window, now)
                )

    async def _retire_unwanted(self, plan: Plan) -> None:
        """Where all names of a place are gone, or its kind of key; then another has its names."""
        wanted = {(order.series, str(order.kind)) for order in plan.orders}
        live = [
            one for one in await self._store.certificates() if one.state is CertificateState.LIVE
        ]
        needed = {series for series, _ in wanted}
        served = {one.series for one in live if (one.series, one.kind) in wanted}
        for one in live:
            unwanted = (one.series, one.kind) not in wanted
            if unwanted and (one.series in served or one.series not in needed):
                note = "it is wanted no more"
                await self._store.settle_certificate(one.id, CertificateState.RETIRED, note)
                self._staged()

    def _tell_hindrance(self, text: str) -> None:
        if text and text != self._told:
            _log.warning("no certificate is ordered", reason=text)
        self._told = text


def _attempt(order: Order, now: int) -> Attempt:
    """One that is begun."""
    return Attempt(
        at=now,
        series=order.series,
        kind=order.kind,
        authority="",
        names=order.names,
        issued=False,
        told="",
    )


def _failure(order: Order, failed: OrderFailed, now: int) -> Attempt:
    return replace(
        _attempt(order, now),
        told=str(failed),
        failed=failed.names,
        finding=failed.finding,
        not_before=int(failed.not_before.timestamp()) if failed.not_before else 0,
    )


def _leaf(chain_pem: bytes) -> x509.Certificate:
    """The first of a chain."""
    return x509.load_pem_x509_certificate(chain_pem)


def _present(certificates: Sequence[KeptCertificate]) -> Series:
    """The names that each series has now."""
    used = (CertificateState.STAGED, CertificateState.LIVE)
    return {one.series: one.names for one in reversed(certificates) if one.state in used}


def _possible(names: tuple[str, ...], kept: Kept, now: int, *, needed: str) -> tuple[str, ...]:
    """Without names that failed lately; but what the present certificate has is tried again, so
    that an hour without port 80 does not cost it.
    """
    had = kept.current.names if kept.current is not None and kept.current.not_after > now else ()
    failed = failed_lately(kept.attempts, now) - {needed, *had}
    return tuple(name for name in names if name not in failed)


def _kept_window(
    certificate: int, said: RenewalWindow | None, before: KeptWindow | None, now: int
) -> KeptWindow:
    """What it said before stands while it cannot be asked."""
    if said is None:
        again = now + ASK_AGAIN_SECONDS
        unknown = KeptWindow(certificate, None, None, again)
        return replace(before, ask_again=again) if before is not None else unknown
    starts, ends, again = (int(one.timestamp()) for one in (said.start, said.end, said.ask_again))
    return KeptWindow(certificate, starts, ends, again, said.explanation)
