"""[deliver]: how mail leaves for other domains."""

from collections.abc import Iterator
from pathlib import Path

from mailclad.app.settings.checks import is_address, is_domain, is_server
from mailclad.app.strict import Port, Positive, Strict, Wrong
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsLevel

CONNECTIONS = 20
"""To one destination at once, as Postfix: does not hurt a small server, fills a large one."""


class RouteConfig(Strict, frozen=True, kw_only=True):
    """``[[deliver.route]]``: what is different for a domain, ``*.domain``, or ``*``, all.

    ``host`` is a server to hand everything to (a smart host); without one the domain's MX
    records say where.  ``policy`` is how much TLS is demanded: for a ``host`` ``verify`` unless
    it is given, for others what the domain publishes.
    """

    domain: str
    host: str = ""
    port: Port = 25
    tls: TlsMode = TlsMode.STARTTLS
    policy: TlsLevel | None = None
    login: str = ""
    password_file: Path | None = None
    connections: Positive | None = None

    def wrong(self) -> Iterator[Wrong]:
        bare = self.domain.removeprefix("*.")
        if self.domain != "*" and not is_domain(bare):
            yield ("domain",), f"“{self.domain}” is not a domain, nor *.domain, nor * for all"
        if self.connections is not None and self.domain.startswith("*") and not self.host:
            text = "is for one domain; for all of them: connections below [deliver]"
            yield ("connections",), text
        yield from self._wrong_with_host() if self.host else self._wrong_without_host()

    def _wrong_without_host(self) -> Iterator[Wrong]:
        for key, value in (("login", self.login), ("password_file", self.password_file)):
            if value:
                yield (key,), "needs a host beside it, to log in at"

    def _wrong_with_host(self) -> Iterator[Wrong]:
        if not is_domain(self.host) and not is_address(self.host):
            yield ("host",), f"“{self.host}” is not a host name or an IP address"
        if self.tls is TlsMode.NONE:
            text = 'use "starttls" or "implicit"; without any TLS: policy = "none"'
            yield ("tls",), text
        if bool(self.login) != (self.password_file is not None):
            given = "login" if self.login else "password_file"
            other = "password_file" if self.login else "login"
            yield (given,), f"needs {other} beside it"
        if self.login and self.policy not in (None, TlsLevel.VERIFY):
            text = "a password is only given to a server that was verified: remove this"
            yield ("policy",), text


class DeliverConfig(Strict, frozen=True, kw_only=True):
    """``source``: our addresses that connections begin at, at most one of each family.

    ``socks``: a proxy that makes the connections, ``127.0.0.1:9050``.  ``allow_private``: servers
    found in DNS may have private addresses (intranets, tests).
    """

    enabled: bool = True
    source: tuple[str, ...] = ()
    socks: str = ""
    allow_private: bool = False
    connections: Positive = CONNECTIONS
    route: tuple[RouteConfig, ...] = ()

    def wrong(self) -> Iterator[Wrong]:
        for number, address in enumerate(self.source):
            if not is_address(address):
                yield ("source", number), f"“{address}” is not an IP address of this machine"
        if self.socks and not is_server(self.socks):
            text = f"“{self.socks}” is not an IP address and a port (127.0.0.1:9050)"
            yield ("socks",), text
