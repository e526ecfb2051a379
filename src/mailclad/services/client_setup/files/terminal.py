"""What the files of several terminal programs share."""

from urllib.parse import quote

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible

INTO_MAILDIR = (
    "umask 077; cd && mkdir -p Maildir/cur Maildir/new Maildir/tmp && "
    "f=$(mktemp Maildir/tmp/XXXXXXXXXXXX) && cat > $f && mv $f Maildir/new/"
)
"""Puts a message into ~/Maildir, which need not be there; for a shell, without any quotes.

A message is complete or it is not there, and what fails is fetched again.
"""

_SCHEMES = {MailProtocol.IMAP: "imap", MailProtocol.SUBMISSION: "smtp"}


def url(endpoint: Endpoint, user: str = "") -> str:
    """As mutt, aerc, Himalaya and curl read it: TLS from the first byte has an s in the scheme."""
    scheme = _SCHEMES[endpoint.protocol] + "s" * (endpoint.tls is TlsMode.IMPLICIT)
    login = f"{quote(user, safe='')}@" if user else ""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{scheme}://{login}{host}:{endpoint.port}"


def trusted(settings: ClientSettings, expanded: str = "") -> str:
    """The trust file, "" for the system's; ``expanded``: what the program would replace."""
    path = plain(settings.trust_file)
    if path and not path.startswith("/"):
        raise NotPossible(f"The file of the authority must be named from the root: {path}")
    if expanded and expanded in path:
        raise NotPossible(f"This program cannot read a file with {expanded} in its path")
    return path


def bare(text: str) -> str:
    """A value of an INI file of Python, which drops white space at the ends."""
    if text != text.strip():
        raise NotPossible("This program cannot hold spaces at the ends of an address or a path")
    return plain(text)
