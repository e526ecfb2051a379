"""A message and its envelope, between the session that took it and the service that keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.base.octets import Octets
from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.store.model import AccountId


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox that mail goes into."""

    account: AccountId
    mailbox: str = "INBOX"


@dataclass(frozen=True, slots=True)
class Leads:
    """Where an address leads: mailboxes here, addresses elsewhere.

    Both are empty only where a guard takes the mail (``Visit.takes``).
    """

    boxes: tuple[Box, ...] = ()
    elsewhere: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """One recipient as the client named it, and where that leads."""

    rcpt: Rcpt
    leads: Leads

    @property
    def address(self) -> Address:
        return self.rcpt.forward_path


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that has come whole; the sender's own header begins at ``start``."""

    identity: str
    octets: Octets
    start: int
    mail: Mail
    recipients: Sequence[Given]

    def recipients_lead(self) -> list[Leads]:
        return [one.leads for one in self.recipients]
