"""[dns]: whom to ask."""

from mailclad.app.strict import Strict


class DnsConfig(Strict, frozen=True, kw_only=True):
    """``servers`` are IP addresses with or without a port (``127.0.0.1:5353``, ``[::1]:53``).

    Empty: those of /etc/resolv.conf.
    """

    servers: tuple[str, ...] = ()
