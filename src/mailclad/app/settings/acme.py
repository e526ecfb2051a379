"""[acme]: certificates from public authorities, ordered and renewed by the server itself."""

from collections.abc import Iterator
from pathlib import Path

from mailclad.app.settings.acme_dns import AcmeDnsConfig
from mailclad.app.settings.checks import is_address, is_domain
from mailclad.app.strict import Strict, Wrong
from mailclad.services.certificates.acme.authorities import KNOWN
from mailclad.services.certificates.acme.challenge import ChallengeKind


class EabConfig(Strict, frozen=True, kw_only=True):
    """An account that one has with the ``authority`` already: its key identifier, and a file with
    the key (base64url, and nothing else), both from the authority's pages.
    """

    authority: str
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
    eab: tuple[EabConfig, ...] = ()
    dns: AcmeDnsConfig = AcmeDnsConfig()

    def wrong(self) -> Iterator[Wrong]:
        for key in ("authorities", "challenges"):
            if not getattr(self, key):
                yield (key,), "needs one at least; leave the key out for the usual ones"
        yield from self._wrong_authorities()
        yield from self._wrong_names()

    def _wrong_authorities(self) -> Iterator[Wrong]:
        for number, name in enumerate(self.authorities):
            if name not in KNOWN and not name.startswith("https://"):
                text = f"“{name}” is neither a URL (https://…) nor one of: {', '.join(KNOWN)}"
                yield ("authorities", number), text
        for number, one in enumerate(self.eab):
            if one.authority not in self.authorities:
                text = f"“{one.authority}” is none of acme.authorities"
                yield ("eab", number, "authority"), text

    def _wrong_names(self) -> Iterator[Wrong]:
        for number, address in enumerate(self.contact):
            name, _, domain = address.rpartition("@")
            if not name or not is_domain(domain):
                yield ("contact", number), f"“{address}” is not a mail address"
        for number, name in enumerate(self.names):
            if not is_domain(name.removeprefix("*.")) and not is_address(name):
                yield ("names", number), f"“{name}” is not a host name or address"
