"""A listener's site from the parts of a server; one for each of MX, submission and LMTP."""

from collections.abc import Sequence

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from mailclad.services.receive.guard import Guard
from mailclad.services.receive.identity import identities
from mailclad.services.receive.reception import Reception
from mailclad.sessions.smtp.session import Entrance, Site, SubmissionDoor
from mailclad.store.trace import NoTrace, Trace

_LMTP_ERRORS = 100_000
"""LMTP comes from a mail server of our own, which sends on what strangers got wrong."""


def make_site(
    role: Role,
    *,
    host_name: str,
    starttls: bool,
    reception: Reception,
    new_spool: NewSpool,
    clock: Clock,
    message_octets: int = Limits().message,
    guards: Sequence[Guard] = (),
    entrance: Entrance = Entrance(),
    door: SubmissionDoor | None = None,
    trace: Trace = NoTrace(),
) -> Site:
    """``starttls``: whether it can be offered, that is, whether a certificate is ready.

    LMTP never offers it: it runs on loopback or a Unix socket.  ``door`` is for SUBMISSION.
    """
    limits = Limits(message=message_octets)
    if role is Role.LMTP:
        limits = Limits(message=message_octets, errors=_LMTP_ERRORS, unknown=_LMTP_ERRORS)
    return Site(
        role,
        host_name,
        starttls and role is not Role.LMTP,
        reception,
        door,
        new_spool,
        clock,
        identities(),
        limits,
        guards,
        entrance,
        trace,
    )
