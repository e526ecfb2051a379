"""Evolution: one account as the three data sources of evolution-data-server, a key file each.

Where the mail is, who writes, and how it is sent.  The name of a file is the source's identifier:
made of the address, so that a second set-up replaces the first.
"""

from hashlib import sha256

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import key_file
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_FOLDER = ".config/evolution/sources"

_SOURCE = """\
[Data Source]
DisplayName={address}
Enabled=true
Parent={parent}
"""

_ACCOUNT = """
[Mail Account]
BackendName={backend}
IdentityUid={uid}-identity
"""

_IDENTITY = """
[Mail Identity]
Address={address}
Name={name}

[Mail Submission]
TransportUid={uid}-transport
"""

_TRANSPORT = """
[Mail Transport]
BackendName=smtp
"""

_SERVER = """
[Authentication]
Host={host}
Port={port}
User={address}
Method=PLAIN
RememberPassword=true

[Security]
Method={security}
"""

_BACKENDS = {MailProtocol.IMAP: "imapx", MailProtocol.POP3: "pop"}

_SECURITY = {
    TlsMode.IMPLICIT: "ssl-on-alternate-port",
    TlsMode.STARTTLS: "starttls-on-standard-port",
}

_TRUST = """\
# Evolution trusts only the authorities that the system knows.  Make this one known to it:
# {file}
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """Evolution asks for the password and keeps it in the keyring."""
    receives, sends = incoming(settings), outgoing(settings)
    address = address_of(settings)
    uid = f"mail-{sha256(address.encode()).hexdigest()[:16]}"
    values = {"uid": uid, "address": key_file(address), "name": key_file(settings.name)}
    trust = _TRUST.format(file=key_file(settings.trust_file)) if settings.trust_file else ""
    parts = {
        "account": _ACCOUNT.format(backend=_BACKENDS[receives.protocol], **values)
        + _server(receives, address),
        "identity": _IDENTITY.format(**values),
        "transport": _TRANSPORT + _server(sends, address),
    }
    return tuple(
        SetupFile(
            f"{_FOLDER}/{uid}-{part}.source",
            trust
            + _SOURCE.format(parent="" if part == "account" else f"{uid}-account", **values)
            + text,
        )
        for part, text in parts.items()
    )


def _server(endpoint: Endpoint, address: str) -> str:
    return _SERVER.format(
        host=endpoint.host,
        port=endpoint.port,
        address=key_file(address),
        security=_SECURITY[endpoint.tls],
    )
