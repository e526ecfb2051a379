"""[dns]: whom to ask, and whether to believe it."""

from collections.abc import Iterator

from mailclad.app.settings.checks import is_server
from mailclad.app.strict import Strict, Wrong
from mailclad.engines.dns.servers import Validation


class DnsConfig(Strict, frozen=True, kw_only=True):
    """``servers`` are IP addresses with or without a port (``127.0.0.1:5353``, ``[::1]:53``).

    Empty: those of /etc/resolv.conf.  ``validate``: whether Mailclad checks DNSSEC signatures
    itself: ``auto``, unless it asks a server on this machine, which does that; ``always``, and no
    answers from servers that leave the signatures out; ``never``.
    """

    servers: tuple[str, ...] = ()
    validate: Validation = "auto"

    def wrong(self) -> Iterator[Wrong]:
        for number, server in enumerate(self.servers):
            if not is_server(server):
                text = f"“{server}” is not an IP address, with or without a port (127.0.0.1:5353)"
                yield ("servers", number), text
