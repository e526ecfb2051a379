"""A real mail server inside a Python process or a test: SMTP, IMAP, POP3, each with TLS.

    from mailclad.testing import MailServer

    with MailServer() as mail:
        ada = mail.add_account("ada@example.test", password="correct horse")
        smtplib.SMTP_SSL(*mail.endpoint("submission"), context=mail.ssl_context) …

With pytest, the fixture ``mail`` is such a server.  Nothing is imported before it is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailclad.testing.server import Account, MailServer

__all__ = ["Account", "MailServer"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from mailclad.testing import server  # noqa: PLC0415 - keeps the pytest plugin light

        return getattr(server, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
