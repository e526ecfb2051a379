"""Is this certificate that server's?  Names only, never trust (RFC 9525).

In come a certificate as DER, untrusted, and the names under which we look for the server; out
comes whether one of them stands in subjectAltName.  DNS-IDs and IP-IDs alone: the common name is
not looked at (§2, §7).  A wildcard is one whole left-most label above at least two others and
stands for one label (§6.3).  A certificate that cannot be read has no names.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from cryptography import x509

from mailclad.mail.address import AddressProblem, normalise_domain

UNREADABLE = (
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises on certificates that break the rules of their encoding."""


@dataclass(frozen=True, slots=True)
class Identities:
    """In lower case; ``dns`` with wildcards as they stand."""

    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((*self.dns, *self.addresses)) or "no name at all"


def read_identities(certificate: bytes) -> Identities:
    """What names the certificate has; none where it cannot be read."""
    try:
        extensions = read_extensions(certificate)
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (*UNREADABLE, x509.ExtensionNotFound):
        return Identities()
    return Identities(
        tuple(
            name.lower() for name in names.get_values_for_type(x509.DNSName) if name.isprintable()
        ),
        tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )


def read_extensions(certificate: bytes) -> x509.Extensions:
    """Raises one of ``UNREADABLE``.

    Without the library's warnings about odd certificates: strangers must not write our log.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(certificate).extensions


def matches(identities: Identities, names: Iterable[str]) -> bool:
    """Whether one of these host names or IP addresses is the certificate's."""
    return any(_matches(identities, name) for name in names)


def _matches(identities: Identities, name: str) -> bool:
    try:
        return str(ip_address(name)) in identities.addresses
    except ValueError:
        pass
    try:
        wanted = normalise_domain(name.removesuffix("."))
    except AddressProblem:
        return False
    _, _, parent = wanted.partition(".")
    wildcard = f"*.{parent}" if "." in parent else None
    return bool(wanted) and (wanted in identities.dns or wildcard in identities.dns)
