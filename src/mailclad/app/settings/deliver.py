"""[deliver]: how mail leaves for other domains."""

from pathlib import Path

import msgspec

from mailclad.app.strict import Port, Positive, Strict
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.address import AddressProblem, check_domain
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
    route: tuple[RouteConfig, ...] = msgspec.field(default=())


def wrong_in_route(route: RouteConfig) -> tuple[str, str]:
    """A key and what is wrong with it; both empty where all is well."""
    if not _is_domain(route.domain.removeprefix("*.") if route.domain != "*" else "all"):
        return "domain", f"“{route.domain}” is not a domain, nor *.domain, nor * for all"
    if route.connections is not None and route.domain.startswith("*") and not route.host:
        return "connections", "is for one domain; for all of them: connections below [deliver]"
    if not route.host:
        needless = [key for key in ("login", "password_file") if getattr(route, key)]
        return (needless[0], "needs a host beside it, to log in at") if needless else ("", "")
    if not _is_domain(route.host) and ":" not in route.host:
        return "host", f"“{route.host}” is not a host name or an IP address"
    if route.tls is TlsMode.NONE:
        return "tls", 'use "starttls" or "implicit"; without any TLS: policy = "none"'
    if bool(route.login) != (route.password_file is not None):
        given, other = ("login", "password_file") if route.login else ("password_file", "login")
        return given, f"needs {other} beside it"
    if route.login and route.policy not in (None, TlsLevel.VERIFY):
        return "policy", "a password is only given to a server that was verified: remove this"
    return "", ""


def _is_domain(text: str) -> bool:
    try:
        check_domain(text)
    except AddressProblem:
        return False
    return not text.startswith("[")
