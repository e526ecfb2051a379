"""A listener's site from the parts of a server; one for each of MX, submission and LMTP."""

from collections.abc import Sequence

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from mailclad.services.auth.authenticator import Authenticator
from mailclad.services.receive.guard import Guard
from mailclad.services.receive.identity import identities
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.submission import Submission
from mailclad.sessions.smtp.session import Entrance, Site, SubmissionDoor
from mailclad.store.interface import Store
from mailclad.store.trace import NoTrace, Trace

_LMTP_ERRORS = 100_000
"""LMTP comes from a mail server of our own, which sends on what strangers got wrong."""


def make_site(
    role: Role,
    *,
    host_name: str,
    starttls: bool,
    store: Store,
    authenticator: Authenticator,
    new_spool: NewSpool,
    clock: Clock,
    message_octets: int = Limits().message,
    guards: Sequence[Guard] = (),
    entrance: Entrance = Entrance(),
    rejects_days: int = 0,
    trace: Trace = NoTrace(),
) -> Site:
    """``starttls``: whether it can be offered, that is, whether a certificate is ready.

    LMTP never offers it: it runs on loopback or a Unix socket.
    """
    reception = Reception(store, clock, rejects_days, trace)
    door = None
    if role is Role.SUBMISSION:
        submission = Submission(store, reception, new_spool, clock, host_name)
        door = SubmissionDoor(authenticator, submission)
    limits = Limits(message=message_octets)
    if role is Role.LMTP:
        limits = Limits(message=message_octets, errors=_LMTP_ERRORS, unknown=_LMTP_ERRORS)
    starttls = starttls and role is not Role.LMTP
    return Site(
        role,
        host_name,
        starttls,
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
