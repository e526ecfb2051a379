"""The filters of an SMTP listener that the configuration names, as guards."""

from collections.abc import Sequence

from mailclad.app.settings.filters import Door, FiltersConfig, MilterConfig
from mailclad.base.octets import NewSpool
from mailclad.servers.filter_socket import FilterSocket, parse_place
from mailclad.servers.http_post import parse_url
from mailclad.services.receive.guard import Guard
from mailclad.services.receive.milter import MilterGuard
from mailclad.services.receive.milter_talk import Terms
from mailclad.services.receive.rspamd import PATH, PORT, RspamdGuard


def filter_guards(filters: FiltersConfig, door: Door, new_spool: NewSpool) -> Sequence[Guard]:
    """Milters in their order, then rspamd."""
    guards: list[Guard] = [
        MilterGuard(_terms(milter), door, new_spool)
        for milter in filters.milter
        if door in milter.listeners
    ]
    rspamd = filters.rspamd
    if rspamd is not None:
        post = parse_url(rspamd.url, PORT, PATH)
        seconds = float(rspamd.timeout_seconds)
        guards.append(RspamdGuard(post, seconds, rspamd.on_failure, new_spool))
    return guards


def _terms(milter: MilterConfig) -> Terms:
    dial = FilterSocket(parse_place(milter.socket))
    return Terms(milter.socket, dial, float(milter.timeout_seconds), milter.on_failure)
