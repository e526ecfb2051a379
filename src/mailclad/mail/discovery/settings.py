"""What all published settings have in common: host names, and why they could not be read."""

from ipaddress import ip_address

from mailclad.mail.address import AddressProblem, check_domain, normalise_domain

MAX_SETTINGS_OCTETS = 64 * 1024
"""Of one document; the longest of big providers have six."""

MAX_ENDPOINTS = 16
"""Of one source: three protocols in two ways, and as many spares; each costs connections."""


class SettingsProblem(ValueError):
    """Why there are no settings to be had from it, in plain words."""


def read_host(text: str) -> str:
    """A name in A-labels, or an IP address; raises SettingsProblem."""
    host = text.strip().removesuffix(".")
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        name = normalise_domain(host)
        check_domain(name)
    except AddressProblem:
        raise SettingsProblem(f"“{text[:100]}” is not the name of a server") from None
    if name.startswith("["):
        raise SettingsProblem(f"“{text[:100]}” is not the name of a server")
    return name


def read_port(text: str) -> int:
    """Raises SettingsProblem."""
    digits = text.strip()
    if not (
        digits.isascii() and digits.isdecimal() and len(digits) <= 5 and 0 < int(digits) < 65536
    ):
        raise SettingsProblem(f"“{text[:100]}” is not a port")
    return int(digits)
