"""What ``mailclad check`` is asked about: an address, a domain, or one server.

Comes in: a person's text.  Goes out: a ``Target``; names in A-labels.  Which of a domain and a
host a bare name is, only the DNS can say.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from mailclad.mail.address import AddressProblem, parse_address
from mailclad.mail.discovery.settings import SettingsProblem, read_host, read_port
from mailclad.mail.endpoint import SCHEMES, STANDARD, Endpoint

MAX_TARGET_CHARACTERS = 320
"""RFC 5321 §4.5.3.1: 64 of a local part, @, and 255 of a domain."""


class TargetProblem(ValueError):
    """The text is no target; says what would be one."""


@dataclass(frozen=True, slots=True)
class Target:
    """A ``domain`` gets mail, at a ``host`` is a server; a bare name may be either, and is both.

    ``text`` is as it was typed.  Of an address only the domain is looked at: nobody is told the
    rest.  ``expected``: a URL says what has to be spoken at the port.
    """

    text: str
    domain: str = ""
    host: str = ""
    port: int | None = None
    expected: Endpoint | None = None


def parse_target(text: str) -> Target:
    """Raises TargetProblem."""
    wanted = text.strip()
    try:
        if len(wanted) > MAX_TARGET_CHARACTERS:
            raise TargetProblem("That is too long for an address or the name of a server.")
        if "://" in wanted:
            return _parse_url(wanted)
        return _parse_address(wanted) if "@" in wanted else _parse_host(wanted)
    except (AddressProblem, SettingsProblem):
        raise TargetProblem(
            f"“{wanted}” is neither an address, a domain nor a server. "
            "Try: ada@example.net, example.net, or mail.example.net:993"
        ) from None


def _parse_address(text: str) -> Target:
    domain = parse_address(text.removesuffix(".")).domain
    if domain.startswith("["):
        return Target(text, host=read_host(domain[1:-1].removeprefix("IPv6:")))
    return Target(text, domain=read_host(domain))


def _parse_host(text: str) -> Target:
    if is_address(text.strip("[]")):
        return Target(text, host=read_host(text.strip("[]")))
    name, colon, port = text.rpartition(":")
    if not colon:
        host = read_host(text)
        return Target(text, domain="" if is_localhost(host) else host, host=host)
    return Target(text, host=read_host(name.strip("[]")), port=read_port(port))


def _parse_url(text: str) -> Target:
    """As mail programs and curl know them: imaps://mail.example.net."""
    scheme, _, place = text.lower().partition("://")
    service = SCHEMES.get(scheme)
    if service is None:
        known = ", ".join(f"{one}://" for one in SCHEMES)
        raise TargetProblem(f"“{scheme}://” is nothing of mail. There are: {known}")
    protocol, tls = service
    typed = _parse_host(place.removesuffix("/"))
    port = typed.port or next(usual for one, usual, how in STANDARD if (one, how) == service)
    expected = Endpoint(protocol, typed.host, port, tls)
    return Target(text, host=typed.host, port=port, expected=expected)


def is_localhost(host: str) -> bool:
    """RFC 6761 §6.3: this computer, whoever is asked; the DNS has nothing to say of it."""
    return host == "localhost" or host.endswith(".localhost")


def is_address(text: str) -> bool:
    """Whether it is an IP address, and no name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
