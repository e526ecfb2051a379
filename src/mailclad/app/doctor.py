"""``mailclad doctor``: one's own server, from inside and from outside, by the rules of check.

Comes in: configuration, what was seen on the machine while this process was root.  Goes out: a
``Report``.  Looks only: what can be mended is :mod:`doctor_fix`'s.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.certificate_list import Inventory, take_inventory
from mailclad.app.certificate_state import read_state
from mailclad.app.check import Asking, world
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config, ConfigProblem
from mailclad.app.doctor_machine import with_store
from mailclad.app.doctor_names import missing_names
from mailclad.app.doctor_outside import (
    DOMAIN_SECONDS,
    MOST_DOMAINS,
    Domains,
    late,
    look_from_outside,
    way_out,
    why_not,
)
from mailclad.app.doctor_relay import has_relay_for_all, try_relays
from mailclad.app.doctor_store import INDEX, StoreShut, opened_store, recent_failures
from mailclad.app.doctor_wire import authorities, endpoints, local_ports, look_at_wire
from mailclad.app.domain_facts import domain_facts, kept_chains, public_addresses
from mailclad.app.set_aside import read_set_aside
from mailclad.engines.dns.servers import parse_server
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.keys import public_key_der
from mailclad.services.diagnose.answering import ask_and_judge
from mailclad.services.diagnose.catalogue import tell
from mailclad.services.diagnose.doctor_facts import Machine, Wire
from mailclad.services.diagnose.doctor_report import Looked, doctor_report
from mailclad.services.diagnose.doctor_rules import (
    Sorted,
    judge_machine,
    sort_ports,
    without_doubles,
    without_explained,
)
from mailclad.services.diagnose.evidence import Answers, Evidence, FileSeen
from mailclad.services.diagnose.facts import HostSeen
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.judge import judge
from mailclad.services.diagnose.report import Report
from mailclad.services.diagnose.world import Progress
from mailclad.store.interface import Store

WHOLE_SECONDS = 28.0
"""For all; what is not known by then is told as that."""

LEAST_SECONDS = 5.0
"""For the DNS, even where the ports took most of the time: its questions wait 4 at most."""

FRESH_SECONDS = 30
"""A certificate that lies ready for less is perhaps just being taken up."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """``port``: only this one, from inside.  ``inside``: ask nobody but this machine.
    ``outside``: see also whether large providers can be reached on port 25."""

    port: int | None = None
    inside: bool = False
    outside: bool = False
    trust: Path | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """``chains`` are of certificates in files, read while this process was root."""

    config: Config
    machine: Machine
    chains: tuple[CertificateChain, ...]


def unreadable(problem: ConfigProblem, now: datetime) -> Report:
    """Without settings nothing else can be looked at."""
    found = Found("HOST-811", "doctor", values={"what": str(problem).rstrip(".")})
    looked = Looked(runs=False, store=False, outside=False, why_not_outside="settings come first")
    return doctor_report(str(problem.file), tell([found], now), (), looked, now)


async def examine(patient: Patient, wishes: Wishes, progress: Progress) -> Report:
    """The ports first: a server that hangs may hold the store's lock, and is not waited for."""
    config, machine = patient.config, patient.machine
    trust, began = wishes.trust or authorities(config), asyncio.get_running_loop().time()
    ports = Sorted(Wire(HostSeen(config.server.hostname, ())), ())
    if not machine.stopped:
        ports = sort_ports(await look_at_wire(config, ProbeTrust(trust), progress, wishes.port))
    directory, shut = config.server.data, ""
    if (directory / INDEX).exists() and not _hangs(ports):
        try:
            async with opened_store(directory) as store:
                return await _Examination(patient, wishes, store, progress, began).report(ports)
        except StoreShut as problem:
            shut = str(problem)
    return await _Examination(patient, wishes, None, progress, began, shut).report(ports)


class _Examination:
    def __init__(
        self,
        patient: Patient,
        wishes: Wishes,
        store: Store | None,
        progress: Progress,
        began: float,
        shut: str = "",
    ) -> None:
        """``shut``: why there is a store and it could not be opened."""
        self._config, self._machine = patient.config, patient.machine
        self._chains = patient.chains
        self._wishes, self._store, self._progress = wishes, store, progress
        self._began, self._shut = began, shut
        self._now = datetime.fromtimestamp(SystemClock().now(), UTC)
        servers = tuple(map(parse_server, self._config.dns.servers))
        self._asking = Asking(servers, wishes.trust)

    async def report(self, ports: Sorted) -> Report:
        now, config = self._now, self._config
        inventory = Inventory((), {}, ())
        machine = self._machine
        if self._store is not None:
            inventory = await take_inventory(
                config, self._store, self._chains, int(now.timestamp())
            )
            machine = await with_store(machine, config, self._store, inventory, now)
        inside = list(judge_machine(machine, now))
        if self._store is not None:
            inside += await recent_failures(self._store, int(now.timestamp()))
        if self._shut:
            inside.append(Found("HOST-815", "doctor", values={"what": self._shut}))
        if not machine.stopped:
            inside += await self._wire(ports, inventory)
        reason = self._why_not_outside()
        names, relays, outside = await asyncio.gather(
            self._names(inventory),
            self._relays(),
            _nothing() if reason else self._outside(inventory),
        )
        found = without_explained(without_doubles([*inside, *names, *relays], outside))
        looked = Looked(
            runs=not machine.stopped and not _hangs(ports),
            store=self._store is not None,
            outside=not reason,
            why_not_outside=reason,
        )
        aside = read_set_aside(config.server.data)
        return doctor_report(config.server.hostname, tell(found, now), aside, looked, now)

    async def _wire(self, ports: Sorted, inventory: Inventory) -> Sequence[Found]:
        config, port = self._config, self._wishes.port
        asking = replace(self._asking, authorities=self._asking.authorities or authorities(config))
        evidence = Evidence(
            hosts=(ports.wire.host,) if ports.wire.host.ports else (),
            now=self._now,
            promised=endpoints(config, port),
            files=self._lying_ready(inventory),
            own=True,
        )
        async with world(asking) as asked:
            if self._wishes.inside:
                judged: Sequence[Found] = judge(evidence, Answers(), asked.verifiers)
            else:
                judged = await ask_and_judge(evidence, asked, "")
        local = local_ports(config)
        return [
            *_temporary(config),
            # Of settings that were not read yet no port is expected.
            *(one for one in ports.found if one.id != "HOST-806" or not self._machine.older),
            *(one for one in judged if one.id != "MODE-206" or not _is_at(one, local)),
        ]

    def _lying_ready(self, inventory: Inventory) -> tuple[FileSeen, ...]:
        """Certificates that should be served by now."""
        before = self._now.timestamp() - FRESH_SECONDS
        return tuple(
            FileSeen(one.source, _der(one.chain_pem))
            for one in inventory.certificates
            if one.chain_pem
            and one.state is None
            and one.source not in inventory.refused
            and _changed(one.source) < before
        )

    async def _names(self, inventory: Inventory) -> Sequence[Found]:
        if self._store is None or self._machine.stopped or self._wishes.port is not None:
            return ()
        served = [one for one in inventory.certificates if one.served is not None]
        ask = not self._wishes.inside
        seconds = self._seconds_left()
        try:
            async with asyncio.timeout(seconds):
                return await missing_names(self._config, self._store, served, ask_dns=ask)
        except TimeoutError:
            return [late("the names of certificates", seconds)]

    def _seconds_left(self) -> float:
        """For each further look; they are beside each other."""
        gone = asyncio.get_running_loop().time() - self._began
        return min(DOMAIN_SECONDS, max(LEAST_SECONDS, WHOLE_SECONDS - gone))

    def _why_not_outside(self) -> str:
        if self._wishes.inside:
            return "only this machine was asked"
        if self._wishes.port is not None:
            return "only one port was looked at"
        if self._store is None and not self._shut:
            return "the server does not answer, or has not run yet"
        return why_not(self._config)

    async def _outside(self, inventory: Inventory) -> Sequence[Found]:
        domains = (
            Domains(seconds=self._seconds_left())
            if self._store is None
            else await self._domains(self._store, inventory)
        )
        found = list(await look_from_outside(self._config, domains, self._asking, self._progress))
        if self._wishes.outside and not has_relay_for_all(self._config.deliver):
            async with world(self._asking) as asked:
                found += await way_out(asked.resolver)
        return found

    async def _relays(self) -> Sequence[Found]:
        if self._wishes.inside or self._wishes.port is not None:
            return ()
        async with world(self._asking) as asked:
            return await try_relays(self._config, asked.resolver, self._asking.authorities)

    async def _domains(self, store: Store, inventory: Inventory) -> Domains:
        config = self._config
        names = sorted(await store.domains())
        keys, next_keys = await store.signing_keys(), await store.next_keys()
        kept = () if config.tls.rival_of_acme else await store.certificates()
        facts = [
            await domain_facts(
                config,
                store,
                name,
                addresses=public_addresses(),
                chains=self._chains + kept_chains(kept),
                keys=keys,
                next_keys=tuple(public_key_der(one.pem) for one in next_keys),
            )
            for name in names[:MOST_DOMAINS]
        ]
        renewed = [one for one in inventory.certificates if one.next_order is not None]
        certified = tuple(name for one in renewed for name in one.names)
        return Domains(
            tuple(facts),
            max(0, len(names) - MOST_DOMAINS),
            certified,
            self._seconds_left(),
            store,
        )


def _hangs(ports: Sorted) -> bool:
    return any(one.id == "HOST-808" for one in ports.found)


async def _nothing() -> Sequence[Found]:
    return ()


def _temporary(config: Config) -> Sequence[Found]:
    state = read_state(config.server.data)
    standing = [one for one in state.served if one.temporary] if state is not None else []
    names = ", ".join(dict.fromkeys(name for one in standing for name in one.names))
    return [Found("HOST-817", "doctor", values={"names": names})] if names else []


def _is_at(found: Found, ports: frozenset[int]) -> bool:
    return found.endpoint is not None and found.endpoint.port in ports


def _changed(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return float("inf")


def _der(chain_pem: bytes) -> tuple[bytes, ...]:
    certificates = x509.load_pem_x509_certificates(chain_pem)
    return tuple(one.public_bytes(Encoding.DER) for one in certificates)
