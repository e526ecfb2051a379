"""[dns]: whom to ask, and whether to believe it."""

from mailclad.app.strict import Strict
from mailclad.engines.dns.servers import Validation


class DnsConfig(Strict, frozen=True, kw_only=True):
    """``servers`` are IP addresses with or without a port (``127.0.0.1:5353``, ``[::1]:53``).

    Empty: those of /etc/resolv.conf.  ``validate``: whether Mailclad checks DNSSEC signatures
    itself: ``auto``, unless it asks a server on this machine, which does that; ``always``, and no
    answers from servers that leave the signatures out; ``never``.
    """

    servers: tuple[str, ...] = ()
    validate: Validation = "auto"
