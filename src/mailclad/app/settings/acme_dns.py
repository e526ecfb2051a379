"""[acme.dns]: who writes the TXT records of dns-01."""

from collections.abc import Iterator
from pathlib import Path

from mailclad.app.settings.checks import is_server
from mailclad.app.strict import Positive, Strict, Wrong
from mailclad.services.certificates.acme.solvers.look_dns import WAIT_SECONDS


class AcmeDnsConfig(Strict, frozen=True, kw_only=True):
    """The zone's primary ``server`` with the TSIG ``key`` it takes updates with, or a ``command``
    that is run with ``present`` or ``withdraw``, the name and the value.

    ``wait_seconds``: how long all name servers of the zone have to come to know a record.
    """

    server: str = ""
    key: Path | None = None
    command: tuple[str, ...] = ()
    wait_seconds: Positive = WAIT_SECONDS

    @property
    def is_set(self) -> bool:
        """Whether anybody writes records."""
        return bool(self.server or self.command)

    def wrong(self) -> Iterator[Wrong]:
        if self.server and not is_server(self.server):
            text = f"“{self.server}” is not an IP address, with or without a port ([::1]:53)"
            yield ("server",), text
        if bool(self.server) != (self.key is not None):
            given, other = ("server", "key") if self.server else ("key", "server")
            yield (given,), f"needs acme.dns.{other} beside it"
        if self.command and self.server:
            yield ("command",), "remove it, or server and key: one of the two writes the records"
        if self.command and not self.command[0].startswith("/"):
            yield ("command", 0), "needs the whole path of the program, from / on"
