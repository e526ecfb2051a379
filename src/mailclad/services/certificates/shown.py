"""A certificate of ours in a few words, as it was shown to somebody."""

from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

NAMES_SHOWN = 2


@lru_cache(64)
def words_of(certificate: x509.Certificate) -> str:
    """For whom, from whom, until when: "mail.example.org, from R10, until 2026-03-31"."""
    issuer = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    by = f", from {issuer[0].value!s}" if issuer else ""
    return f"{_names(certificate)}{by}, until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "no name"
    dns = [*names.get_values_for_type(x509.DNSName)]
    dns += map(str, names.get_values_for_type(x509.IPAddress))
    more = f" and {len(dns) - NAMES_SHOWN} more" if len(dns) > NAMES_SHOWN else ""
    return ", ".join(dns[:NAMES_SHOWN]) + more
