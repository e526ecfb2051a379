"""How mail leaves: what empties the queue, its routes, and connections to other servers."""

import os
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address

from mailclad.app.config import Config, ConfigProblem
from mailclad.app.parts import Parts
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.base.secret import Secret
from mailclad.engines.dns.servers import parse_server
from mailclad.mail.address import normalise_domain
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.login import Login
from mailclad.servers.outbound import OutboundConnection, is_public
from mailclad.servers.outbound import Route as Address
from mailclad.servers.outbound import connect as open_connection
from mailclad.servers.tls import ClientTrust
from mailclad.services.deliver.connect import Target
from mailclad.services.deliver.courier import Means
from mailclad.services.deliver.departures import AHEAD, Departures, Terms
from mailclad.services.deliver.home import Home
from mailclad.services.deliver.lookup import Lookup
from mailclad.services.deliver.route import Relay, Route, Routes
from mailclad.services.deliver.telling import Telling
from mailclad.store.queue import Limits


def make_departures(parts: Parts) -> Departures | None:
    """What empties the queue, in each process; None where mail stays."""
    config = parts.shared.config
    if not config.deliver.enabled:
        return None
    name = config.server.hostname
    chance = random.SystemRandom().random
    outgoing = Outgoing(name, config.deliver, parts.shared.trust)
    ourselves = (name.lower(), *config.deliver.source)
    means = Means(
        connect=outgoing,
        lookup=Lookup(parts.resolver, parts.sts, ourselves, chance),
        routes=make_routes(config.deliver, config.server.worker_count()),
        notes=parts.notes,
        watch=parts.watch,
        clock=parts.clock,
        permits=outgoing.permits,
    )
    home = Home(parts.reception, parts.new_spool, parts.clock, name)
    find = partial(parts.reception.recipient, bounce=True)
    telling = Telling(name, find, parts.trace, parts.clock, partial(secrets.token_hex, 16))
    owner = f"{name} {os.getpid()} {secrets.token_hex(4)}"
    terms = make_terms(config.deliver, owner, config.server.worker_count())
    seconds = float(config.hooks.timeout_seconds)
    hooks = tuple(each.attempts(seconds) for each in parts.hooks)
    return Departures(parts.store, means, home, telling, parts.trace, terms, chance, hooks)


def make_routes(config: DeliverConfig, workers: int) -> Routes:
    """Connections are shared by the workers.  Reads the password files; raises OSError."""
    return Routes({normalise_domain(one.domain): _route(one, workers) for one in config.route})


def _route(config: RouteConfig, workers: int) -> Route:
    connections = _share(config.connections, workers) if config.connections is not None else None
    if not config.host:
        return Route(None, config.policy, connections)
    login = None
    if config.login and config.password_file is not None:
        password = config.password_file.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
        login = Login(config.login, Secret(password))
    relay = Relay(normalise_domain(config.host), config.port, config.tls, login)
    return Route(relay, config.policy or TlsLevel.VERIFY, connections)


def check_password_files(config: Config) -> None:
    """Before the server starts: raises ConfigProblem."""
    for route in config.deliver.route:
        if route.password_file is not None:
            try:
                route.password_file.read_bytes()
            except OSError as problem:
                text = f"the password for {route.host} cannot be read: {problem.strerror}"
                raise ConfigProblem(route.password_file, "", None, text) from None


def make_terms(config: DeliverConfig, owner: str, workers: int) -> Terms:
    leases = {
        normalise_domain(one.domain): one.connections * AHEAD
        for one in config.route
        if one.connections is not None
    }
    limits = Limits(config.connections * AHEAD, leases)
    return Terms(owner, _share(config.connections, workers), limits)


def _share(connections: int, workers: int) -> int:
    return max(connections // workers, 1)


@dataclass(slots=True)
class Outgoing:
    """Opens connections for couriers (implements ``services.deliver.connect.Connect``)."""

    hello_name: str
    config: DeliverConfig
    trust: ClientTrust
    permits: Callable[[str], bool] = field(init=False)

    def __post_init__(self) -> None:
        self.permits = _anywhere if self.config.allow_private else is_public

    async def __call__(self, target: Target, demand: TlsDemand) -> OutboundConnection:
        route = Address(
            target.address,
            target.port,
            self._source(target.address),
            target.tls,
            parse_server(self.config.socks) if self.config.socks else None,
        )
        permits = _anywhere if target.named else self.permits
        return await open_connection(
            route, self.hello_name, demand, self.trust, permits=permits, login=target.login
        )

    def _source(self, address: str) -> str | None:
        version = ip_address(address).version
        ours = (one for one in self.config.source if ip_address(one).version == version)
        return next(ours, None)


def _anywhere(_address: str) -> bool:
    return True
