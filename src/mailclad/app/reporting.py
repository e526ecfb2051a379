"""Daily reports: who counts, who sends, and what is forgotten in time."""

from functools import partial

from mailclad.app.config import Config
from mailclad.app.duties import Duty
from mailclad.app.parts import Parts
from mailclad.services.reports.counting import Counting
from mailclad.services.reports.expiry import forget_old_reports
from mailclad.services.reports.here import LocalPost
from mailclad.services.reports.posting import HttpsPoster
from mailclad.services.reports.sender import Senders, SenderWishes
from mailclad.services.reports.sending import Post, Sending
from mailclad.store.interface import Store
from mailclad.store.reports import DAY_SECONDS

SENDING_SECONDS = 300
"""How often a worker looks for reports that are due."""


def make_counting(config: Config, store: Store) -> Counting | None:
    """None where no reports are sent."""
    if not config.reports.send:
        return None
    return Counting(store, config.server.hostname)


def reporting_duties(parts: Parts) -> tuple[Duty, ...]:
    forget = partial(forget_old_reports, parts.store, parts.clock)
    duties = [Duty("forget reports", DAY_SECONDS, forget)]
    if parts.shared.config.reports.send:
        duties.append(Duty("send reports", SENDING_SECONDS, make_sending(parts).send_due))
    return tuple(duties)


def make_sending(parts: Parts) -> Sending:
    server, reports = parts.shared.config.server, parts.shared.config.reports
    addresses = parts.report_addresses
    wishes = SenderWishes(reports.organization, reports.contact, reports.from_address)
    author = reports.addresses[0].partition("@")[0]
    here = LocalPost(parts.store, addresses, parts.intake, parts.clock, server.hostname)
    senders = Senders(parts.store, server.hostname, author, wishes)
    post = Post(parts.signing, here, HttpsPoster(parts.https))
    return Sending(parts.store, parts.resolver, parts.clock, post, senders.find)
