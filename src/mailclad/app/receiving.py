"""How mail from others is taken: the guards of each port, in order, and what grows old."""

from mailclad.app.duties import Duty
from mailclad.app.guards import filter_guards
from mailclad.app.parts import Parts
from mailclad.app.settings.filters import Door
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.mail.address import normalise_domain
from mailclad.protocols.smtp.conversation import Role
from mailclad.services.receive.dnsbl import DnsList
from mailclad.services.receive.greylist import Greylisting
from mailclad.services.receive.guard import Guard
from mailclad.services.receive.judge import Judge
from mailclad.services.receive.listed import BlockLists
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.policy import Action, Rules
from mailclad.services.receive.rates import RateLimits, Rates
from mailclad.services.receive.rejects import Rejects
from mailclad.services.receive.report_mail import ReportMail
from mailclad.services.receive.sender_domain import SenderDomain
from mailclad.services.receive.strangers import ForStrangers
from mailclad.services.receive.unjudged import Unjudged
from mailclad.sessions.smtp.session import Entrance

RARE_SECONDS = 3600
"""How often what has grown old is removed."""


def make_guards(role: Role, parts: Parts) -> tuple[Guard, ...]:
    """Who looks at the mail of a port, in order; our own people's is not judged."""
    if role is Role.SUBMISSION:
        return _chosen(parts, Door.SUBMISSION)
    reports = ReportMail(parts.report_addresses, parts.store, parts.intake)
    if role is Role.LMTP:
        return (reports,)
    return (*_for_strangers(parts), *_chosen(parts, Door.MX), reports)


def make_entrance(settings: ReceiveConfig) -> Entrance:
    return Entrance(_own_networks(settings), Networks(settings.xclient_from), settings.greet_delay)


def receiving_duties(parts: Parts) -> tuple[Duty, ...]:
    days = parts.shared.config.receive.rejects_days
    return (
        Duty("rejects", RARE_SECONDS, Rejects(parts.store, parts.clock, days).expire),
        Duty("greylist", RARE_SECONDS, Greylisting(parts.store, parts.clock).forget),
    )


def _for_strangers(parts: Parts) -> tuple[Guard, ...]:
    """First what costs least."""
    settings = parts.shared.config.receive
    resolver, clock = parts.resolver, parts.clock
    rates = settings.rates
    limits = RateLimits(rates.connections, rates.messages, rates.recipients, rates.unknown)
    guards: list[Guard] = [Rates(parts.shared.rates, clock, limits)]
    if settings.block_lists:
        lists = [DnsList(one.zone, one.weight) for one in settings.block_lists]
        guards.append(BlockLists(resolver, lists, settings.block_at))
    if settings.check_sender_domain:
        guards.append(SenderDomain(resolver))
    if settings.greylist:
        guards.append(Greylisting(parts.store, clock))
    if settings.judge:
        guards.append(
            Judge(
                resolver,
                clock,
                _rules(settings),
                notes=parts.notes,
                trace=parts.trace,
                reports=parts.report_addresses,
            )
        )
    else:
        guards.append(Unjudged())
    own = _own_networks(settings)
    return tuple([ForStrangers(guard, own) for guard in guards])


def _chosen(parts: Parts, door: Door) -> tuple[Guard, ...]:
    """The administrator's own: hooks, then filters."""
    config = parts.shared.config
    seconds = float(config.hooks.timeout_seconds)
    return (
        *(guard for hooks in parts.hooks for guard in hooks.guards(seconds)),
        *filter_guards(config.filters, door, parts.new_spool),
    )


def _own_networks(settings: ReceiveConfig) -> Networks:
    """A proxy that speaks for others is not judged itself."""
    return Networks((*settings.own_networks, *settings.xclient_from))


def _rules(settings: ReceiveConfig) -> Rules:
    domains = {normalise_domain(domain): Action(word) for domain, word in settings.domains.items()}
    sealers = frozenset(map(normalise_domain, settings.trusted_sealers))
    return Rules(Action(settings.dmarc), domains, sealers)
