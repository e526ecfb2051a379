"""A running server that asks filters, and mail sent to it by the standard library."""

import smtplib
from email.message import EmailMessage

import msgspec

from mailclad.app.config import Config
from mailclad.app.settings.filters import FiltersConfig, MilterConfig, RspamdConfig
from mailclad.hooks import Hooks
from mailclad.services.receive.filter_failure import OnFailure
from mailclad.testing import MailServer

ADA, GRACE = "ada@example.test", "grace@example.test"
BOB = "bob@elsewhere.example"
SECONDS = 20


class FilteredServer(MailServer):
    """Ada and Grace have accounts."""

    def __init__(
        self, filters: FiltersConfig = FiltersConfig(), *, hooks: Hooks | None = None
    ) -> None:
        super().__init__(hooks=hooks)
        self._filters = filters

    def _config(self) -> Config:
        return msgspec.structs.replace(super()._config(), filters=self._filters)

    def start(self) -> "FilteredServer":
        super().start()
        for address in (ADA, GRACE):
            self.add_account(address)
        return self

    def take(self, octets: bytes, recipients: tuple[str, ...] = (ADA,)) -> tuple[int, bytes]:
        """Bob sends it to the MX; the last reply."""
        with smtplib.SMTP(*self.endpoint("smtp", "starttls"), timeout=SECONDS) as client:
            client.ehlo("client.example")
            return give(client, BOB, recipients, octets)

    def submit(self, octets: bytes, recipients: tuple[str, ...] = (GRACE,)) -> tuple[int, bytes]:
        """Ada sends it, logged in; the last reply."""
        where = self.endpoint("submission")
        with smtplib.SMTP_SSL(*where, timeout=SECONDS, context=self.ssl_context) as client:
            client.login(ADA, "correct horse")
            return give(client, ADA, recipients, octets)


def give(
    client: smtplib.SMTP, sender: str, recipients: tuple[str, ...], octets: bytes
) -> tuple[int, bytes]:
    """A transaction, as far as it goes."""
    client.ehlo_or_helo_if_needed()
    said = client.mail(sender)
    for recipient in recipients:
        if said[0] >= 400:
            return said
        said = client.rcpt(recipient)
    return said if said[0] >= 400 else client.data(octets)


def milter(
    socket: str, on_failure: OnFailure = OnFailure.DEFER, seconds: int = 10
) -> FiltersConfig:
    one = MilterConfig(socket=socket, on_failure=on_failure, timeout_seconds=seconds)
    return FiltersConfig(milter=(one,))


def rspamd(url: str, on_failure: OnFailure = OnFailure.DEFER, seconds: int = 10) -> FiltersConfig:
    return FiltersConfig(
        rspamd=RspamdConfig(url=url, on_failure=on_failure, timeout_seconds=seconds)
    )


def message(subject: str = "hello", body: str = "Hello.\n") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = BOB, ADA, subject
    made["Date"] = "Thu, 01 Jan 2026 00:00:00 +0000"
    made["Message-ID"] = "<1@elsewhere.example>"
    made.set_content(body)
    return made.as_bytes().replace(b"\n", b"\r\n")
