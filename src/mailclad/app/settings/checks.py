"""Checks that several tables of the configuration file share."""

import ipaddress
from collections.abc import Iterable, Iterator

from mailclad.app.strict import Wrong
from mailclad.app.toml_lines import KeyPath
from mailclad.engines.dns.servers import parse_server
from mailclad.mail.address import AddressProblem, check_domain
from mailclad.services.receive.networks import Networks


def wrong_networks(key: str, texts: tuple[str, ...]) -> Iterator[Wrong]:
    """Those that are neither addresses nor networks."""
    for number, text in enumerate(texts):
        try:
            Networks([text])
        except ValueError:
            yield (key, number), f"“{text}” is not an IP address or network like 192.0.2.0/24"


def wrong_domains(named: Iterable[tuple[KeyPath, str]]) -> Iterator[Wrong]:
    """Those that are not domain names."""
    for key, text in named:
        if not is_domain(text):
            yield key, f"“{text}” is not a domain name"


def is_domain(text: str) -> bool:
    """Whether it is a domain name; an IP address in brackets is none."""
    try:
        check_domain(text)
    except AddressProblem:
        return False
    return not text.startswith("[")


def is_server(text: str) -> bool:
    """Whether it is an IP address, with or without a port."""
    try:
        parse_server(text)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
