"""The server that people use in their own tests: every port, real TLS, no leftovers."""

import imaplib
import poplib
import smtplib
import ssl
import threading
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailclad.testing import MailServer

ADA = "ada@example.test"

READY_SECONDS = 2.0
"""Told to people is a tenth; a busy machine that runs all tests may take more."""


def message(subject: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = ADA, ADA, subject
    made.set_content("Grüße\n")
    return made


def test_a_message_goes_in_by_submission_and_is_seen(mail: MailServer) -> None:
    ada = mail.add_account(ADA, password="correct horse")
    with smtplib.SMTP_SSL(*mail.endpoint("submission"), context=mail.ssl_context) as smtp:
        smtp.login(ada.address, ada.password)
        smtp.send_message(message("hello"))
    (arrived,) = mail.messages(ADA)
    assert arrived["Subject"] == "hello"
    assert arrived.get_content().strip() == "Grüße"


def test_starttls_on_every_port_that_has_it(mail: MailServer) -> None:
    ada = mail.add_account(ADA)
    with smtplib.SMTP(*mail.endpoint("submission", "starttls")) as smtp:
        smtp.starttls(context=mail.ssl_context)
        smtp.login(ada.address, ada.password)
        smtp.send_message(message("by 587"))
    with smtplib.SMTP(*mail.endpoint("smtp", "starttls")) as smtp:
        smtp.starttls(context=mail.ssl_context)
        smtp.send_message(message("by 25"))
    with imaplib.IMAP4(*mail.endpoint("imap", "starttls")) as imap:
        imap.starttls(ssl_context=mail.ssl_context)
        imap.login(ada.address, ada.password)
        assert imap.select()[1] == [b"2"]
    pop = poplib.POP3(*mail.endpoint("pop3", "starttls"))
    pop.stls(context=mail.ssl_context)
    pop.user(ada.address)
    pop.pass_(ada.password)
    assert len(pop.list()[1]) == 2
    pop.quit()


def test_lmtp_takes_mail_for_the_people_here(mail: MailServer) -> None:
    mail.add_account(ADA)
    with smtplib.LMTP(*mail.endpoint("lmtp", "none")) as lmtp:
        lmtp.send_message(message("by LMTP"))
    assert [m["Subject"] for m in mail.messages(ADA)] == ["by LMTP"]


def test_what_is_delivered_is_read_byte_for_byte(mail: MailServer) -> None:
    mail.add_account(ADA)
    mail.add_account("grace@other.test")
    octets = b"Subject: raw\r\n\r\n\x00\xff"
    mail.deliver(octets, ADA, "grace@other.test")
    assert mail.octets(ADA) == [octets]
    assert mail.octets("grace@other.test") == [octets]


def test_aliases_and_catch_all(mail: MailServer) -> None:
    mail.add_account(ADA)
    mail.add_alias("*@example.test", ADA)
    with smtplib.LMTP(*mail.endpoint("lmtp", "none")) as lmtp:
        lmtp.sendmail("", ["anyone@example.test"], b"Subject: x\r\n\r\n")
    assert len(mail.messages(ADA)) == 1


def test_a_client_without_the_authority_refuses_the_server(mail: MailServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL(*mail.endpoint("imap"), ssl_context=ssl.create_default_context())


def test_a_port_that_is_not_there_is_named(mail: MailServer) -> None:
    with pytest.raises(LookupError, match=r"There is no imap with none\. There are: imap impl"):
        mail.port("imap", "none")


def test_it_is_ready_fast() -> None:
    started = time.perf_counter()
    with MailServer():
        assert time.perf_counter() - started < READY_SECONDS


def test_nothing_is_left_behind() -> None:
    threads = threading.active_count()
    with MailServer() as mail:
        folder = mail.ca.parent
        host, port = mail.endpoint("imap")
        assert folder.exists()
    assert not any(Path(folder).glob("*"))
    assert threading.active_count() == threads
    with pytest.raises(OSError):
        imaplib.IMAP4(host, port)
    with pytest.raises(RuntimeError, match="does not run"):
        mail.port("imap")


def test_two_servers_do_not_know_each_other() -> None:
    with MailServer() as one, MailServer() as other:
        one.add_account(ADA)
        other.add_account(ADA)
        one.deliver(b"Subject: one\r\n\r\n", ADA)
        assert len(one.messages(ADA)) == 1
        assert other.messages(ADA) == []
