"""Takes messages over connections that stay open between them, all to the same servers.

RFC 5321 §5, RFC 7672 §2.2, RFC 8461 §5, RFC 8689 §4.2, RFC 8460 §4.3.  Comes in: trips, one at
a time.  Goes out: the same trips, everybody's fate decided; what each try to come to TLS met
is noted for the reports.  Raises only what reading the message raises.
Limits: ``ADDRESSES_TRIED``, ``RECIPIENTS``, ``MESSAGES_A_CONNECTION``.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from mailclad.base.clock import Clock
from mailclad.mail.tls_rpt import Failure, PolicyType, ResultType
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.protocols.smtp.client.outcome import (
    Fate,
    MessageOutcome,
    Stage,
    Verdict,
    ours,
)
from mailclad.protocols.smtp.client.report import ConnectionReport
from mailclad.services.deliver.carried import envelope_of
from mailclad.services.deliver.connect import Body, Connect, Connection, Target
from mailclad.services.deliver.demand import NOTHING, Demand, Forbidden, Wish, demand_of
from mailclad.services.deliver.host import Host, refused
from mailclad.services.deliver.lookup import Lookup
from mailclad.services.deliver.route import Route, Routes
from mailclad.services.deliver.trip import Trip, answer_of
from mailclad.services.reports.notes import Notes
from mailclad.services.tls_watch.watch import TlsWatch
from mailclad.store.queue import Attempt
from mailclad.store.tls_use import DELIVERY

ADDRESSES_TRIED = 6
"""In one attempt, of all hosts together (Postfix: 5): the rest of the time is other messages'."""

RECIPIENTS = 100
"""In one transaction: what every server takes (RFC 5321 §4.5.3.1.8)."""

MESSAGES_A_CONNECTION = 100
"""Then it is closed: behind a name there may be many servers, and each should get its share."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all couriers share; ``permits`` says whether mail may go to an IP address."""

    connect: Connect
    lookup: Lookup
    routes: Routes
    notes: Notes
    watch: TlsWatch
    clock: Clock
    permits: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Way:
    """One address of a host, and the TLS to be had there."""

    target: Target
    demand: Demand


@dataclass(slots=True)
class _Held:
    """An open connection; ``sent`` counts its messages."""

    way: Way
    connection: Connection
    sent: int = 0

    @property
    def is_usable(self) -> bool:
        return self.connection.is_open and self.sent < MESSAGES_A_CONNECTION


class Courier:
    """See the module; for one task.  At most one open connection for each wish."""

    __slots__ = ("_held", "_means")

    def __init__(self, means: Means) -> None:
        self._means = means
        self._held: dict[Wish, _Held] = {}

    async def carry(self, trip: Trip, body: Body) -> None:
        """Try one host after the other until everybody's fate is known."""
        held = self._held.pop(trip.wish, None)
        if held is not None:
            await self._send(held, trip, body)
        if trip.pending:
            await self._try_hosts(trip, body)
        trip.end()

    async def close(self) -> None:
        """All of them, also when it is cancelled at one."""
        if self._held:
            _, held = self._held.popitem()
            try:
                await held.connection.close()
            finally:
                await self.close()

    async def _try_hosts(self, trip: Trip, body: Body) -> None:
        async for way in self._ways(trip):
            held = await self._open(way, trip)
            if held is not None:
                await self._send(held, trip, body)
            if not trip.pending:
                return

    # --- finding ---

    async def _ways(self, trip: Trip) -> AsyncIterator[Way]:
        """The addresses to try, in order; hosts that cannot be used leave their reason."""
        lookup = self._means.lookup
        destination = trip.work.destination
        route = self._means.routes.find(destination)
        hosts = await lookup.hosts(destination, route)
        if isinstance(hosts, Verdict):
            trip.failed(hosts)
            return
        left = ADDRESSES_TRIED
        for host in hosts:
            for way in (await self._ways_to(host, route, trip))[:left]:
                left -= 1
                yield way
            if not left:
                return

    async def _ways_to(self, host: Host, route: Route, trip: Trip) -> Sequence[Way]:
        lookup, permits = self._means.lookup, self._means.permits
        addresses = await lookup.addresses(host)
        if isinstance(addresses, Verdict):
            trip.failed(addresses)
            return ()
        allowed = [one for one in addresses.addresses if host.named or permits(one)]
        if not allowed:
            trip.failed(refused("5.4.4", f"{host.name} has no address on the public Internet"))
            return ()
        published = NOTHING
        if route.level is None or trip.wish is Wish.REQUIRED:
            last = trip.wish is Wish.REQUIRED or self._means.clock.now() >= trip.message.expires
            published = await lookup.published(host, addresses, last=last)
        demand = demand_of(trip.wish, route.level, host, published)
        if isinstance(demand, Forbidden):
            failure = _failure(demand.result, host.name, demand.verdict.text)
            self._means.notes.tls_session(self._means.clock.now(), demand.summary, failure)
            self._log(trip, host.name, "", None, "", demand.verdict)
            trip.failed(demand.verdict)
            return ()
        if demand.summary.policy_type is PolicyType.NO_POLICY_FOUND:
            demand = replace(demand, result=published.sts.problem)
        return [
            Way(Target(host.name, one, host.port, host.tls, host.login, host.named), demand)
            for one in allowed
        ]

    # --- connecting ---

    async def _open(self, way: Way, trip: Trip) -> _Held | None:
        connection = await self._connect(way, trip)
        if connection.report.may_go_clear:
            clear = replace(way.demand, tls=replace(way.demand.tls, level=TlsLevel.NONE))
            way = replace(way, demand=clear)
            connection = await self._connect(way, trip)
        if connection.report.problem is not None:
            return None
        return _Held(way, connection)

    async def _connect(self, way: Way, trip: Trip) -> Connection:
        connection = await self._means.connect(way.target, way.demand.tls)
        report = connection.report
        if trip.wish is not Wish.REPORT:
            self._note(way, report)
        if report.tls is not None:
            self._means.watch.session(DELIVERY, report.tls, "", trip.work.destination)
        if report.problem is not None:
            await connection.close()
            verdict = report.problem
            if trip.wish is Wish.REQUIRED and verdict.stage is Stage.STARTTLS:
                verdict = ours(Fate.REFUSED, "5.7.10", verdict.text, Stage.STARTTLS)
            self._log(trip, way.target.host, way.target.address, report, "", verdict)
            trip.failed(verdict)
        return connection

    def _note(self, way: Way, report: ConnectionReport) -> None:
        """RFC 8460 §4.3: a try to come to TLS, unless there was no server to try it with.

        The administrator's own servers are nobody else's to hear of.  Sessions for reports do not
        count (§3).
        """
        if report.verdict is None or way.target.named:
            return
        result, text = way.demand.result, ""
        failure = report.verdict.failure
        if failure is not None and (way.demand.judged or report.tls is None):
            result, text = ResultType(failure.value), report.verdict.reason
        told = None
        if result is not None:
            hello = report.capabilities.name if report.capabilities is not None else ""
            public = bool(report.local) and self._means.permits(report.local)
            told = replace(
                _failure(result, way.target.host, text),
                sending_mta_ip=report.local if public else "",  # behind NAT it says nothing
                receiving_mx_helo=hello,
                receiving_ip=way.target.address,
            )
        self._means.notes.tls_session(self._means.clock.now(), way.demand.summary, told)

    # --- sending ---

    async def _send(self, held: _Held, trip: Trip, body: Body) -> None:
        """Everybody who waits, in as many transactions as the server needs."""
        more = True
        try:
            while more and trip.pending and held.is_usable:
                more = await self._transact(held, trip, body)
        except BaseException:  # the body could not be read, or we are cancelled
            await held.connection.close()
            raise
        if held.is_usable:
            await self._keep(held, trip.wish)
        else:
            await held.connection.close()

    async def _transact(self, held: _Held, trip: Trip, body: Body) -> bool:
        can = held.connection.report.capabilities
        most = min(RECIPIENTS, (can.recipients if can is not None else 0) or RECIPIENTS)
        batch = trip.pending[:most]
        demanded = trip.message.requiretls and (
            trip.wish is Wish.REQUIRED or _promises(held.connection.report)
        )
        now = self._means.clock.now()
        envelope = envelope_of(trip.message, batch, now, require_tls=demanded)
        outcome = await held.connection.send(envelope, body)
        fresh = held.sent == 0
        held.sent += 1
        if not fresh and not held.connection.is_open and _is_untouched(outcome):
            return False  # it was closed meanwhile: another one is as good as the first try
        target, report = held.way.target, held.connection.report
        more = trip.take(batch, outcome, target.host)
        words = held.way.demand.words
        self._log(trip, target.host, target.address, report, words, _gravest(outcome))
        return more

    async def _keep(self, held: _Held, wish: Wish) -> None:
        former = self._held.pop(wish, None)
        self._held[wish] = held
        if former is not None:
            await former.connection.close()

    def _log(
        self,
        trip: Trip,
        host: str,
        address: str,
        report: ConnectionReport | None,
        words: str,
        verdict: Verdict,
    ) -> None:
        tls = report.tls if report is not None else None
        judged = report.verdict if report is not None else None
        verified = ""
        if tls is not None and judged is not None:
            proven = "" if judged.failure is None else "not verified: "
            verified = f"{proven}{judged.reason}" + (f" ({words})" if words else "")
        trip.attempts.append(
            Attempt(
                at=self._means.clock.now(),
                destination=trip.work.destination,
                host=host,
                address=address,
                tls_version=tls.version if tls is not None else "",
                tls_suite=tls.suite if tls is not None else "",
                tls_group=(tls.group or "") if tls is not None else "",
                verified=verified,
                answer=answer_of(verdict),
            )
        )


def _promises(report: ConnectionReport) -> bool:
    """Whether a notice may be sent with REQUIRETLS, which it is not held back for."""
    proven = report.verdict is not None and report.verdict.failure is None
    return proven and report.capabilities is not None and "REQUIRETLS" in report.capabilities


def _is_untouched(outcome: MessageOutcome) -> bool:
    """Whether the connection ended before the server was given the message."""
    return all(
        one.fate is Fate.DEFERRED and one.verdict.stage not in (Stage.RCPT, Stage.MESSAGE)
        for one in outcome.recipients
    )


def _gravest(outcome: MessageOutcome) -> Verdict:
    """What the log shows: the first that was not taken, if any."""
    verdicts = [one.verdict for one in outcome.recipients]
    return next((one for one in verdicts if one.fate is not Fate.DELIVERED), verdicts[0])


def _failure(result: ResultType, host: str, text: str) -> Failure:
    return Failure(result, 1, receiving_mx_hostname=host, failure_reason_code=text)
