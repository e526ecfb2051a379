"""[acme]: certificates from public authorities, ordered and renewed by the server itself."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from mailclad.app.settings.acme_dns import AcmeDnsConfig
from mailclad.app.settings.checks import is_domain
from mailclad.app.strict import Strict, Wrong
from mailclad.services.certificates.acme.challenge import ChallengeKind


class EabConfig(Strict, frozen=True, kw_only=True):
    """An account that one has with the authority already: its key identifier, and a file with the
    key (base64url, and nothing else), both from the authority's pages.
    """

    key_id: str
    key_file: Path


class AcmeConfig(Strict, frozen=True, kw_only=True):
    """The table alone is enough: it means that the authority's terms are agreed to.

    ``authorities`` in order of fallback, by name or directory URL; ``trust`` certifies them, where
    they are private.  ``challenges`` in order of preference.  ``names`` beside those that follow
    from the domains.  ``rsa``: a second certificate for old programs.
    """

    authorities: tuple[str, ...] = ("letsencrypt",)
    contact: tuple[str, ...] = ()
    profile: str = ""
    challenges: tuple[ChallengeKind, ...] = tuple(ChallengeKind)
    names: tuple[str, ...] = ()
    rsa: bool = False
    trust: Path | None = None
    eab: EabConfig | None = None
    dns: AcmeDnsConfig = AcmeDnsConfig()

    def wrong(self) -> Iterator[Wrong]:
        if not self.authorities:
            yield ("authorities",), "needs one at least; without the key it is letsencrypt"
        if not self.challenges:
            yield ("challenges",), "needs one at least; without the key all are tried"
        for number, address in enumerate(self.contact):
            name, _, domain = address.rpartition("@")
            if not name or not is_domain(domain):
                yield ("contact", number), f"“{address}” is not a mail address"
        for number, name in enumerate(self.names):
            if not is_domain(name.removeprefix("*.")) and not _is_address(name):
                yield ("names", number), f"“{name}” is not a host name or address"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
