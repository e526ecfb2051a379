"""poplib over 995 and 110, smtplib over 465, 587 and 25."""

import poplib
import smtplib
import ssl

import pytest

from tests.interop.demo import Demo, message

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def _poplib(demo: Demo, tls: str, context: ssl.SSLContext) -> poplib.POP3:
    port = demo.ports["pop3", tls]
    if tls == "implicit":
        return poplib.POP3_SSL("localhost", port, context=context)
    client = poplib.POP3("localhost", port)
    client.stls(context)
    return client


def _smtplib(demo: Demo, service: str, tls: str, context: ssl.SSLContext) -> smtplib.SMTP:
    port = demo.ports[service, tls]
    if tls == "implicit":
        return smtplib.SMTP_SSL("localhost", port, context=context)
    client = smtplib.SMTP("localhost", port)
    client.starttls(context=context)
    return client


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_poplib_lists_reads_and_deletes(demo: Demo, token: str, tls: str) -> None:
    demo.send(token, body=f".leading dot\n{token}\n")
    client = _poplib(demo, tls, demo.context())
    client.user(demo.grace)
    client.pass_(demo.passwords[demo.grace])
    count, _ = client.stat()
    assert len(client.uidl()[1]) == count
    assert "TOP" in client.capa()

    lines = client.retr(count)[1]
    assert b".leading dot" in lines
    assert token.encode() in lines
    client.dele(count)
    client.quit()

    assert demo.received(token) == []


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_smtplib_submits(demo: Demo, token: str, tls: str) -> None:
    with _smtplib(demo, "submission", tls, demo.context()) as client:
        client.login(demo.ada, demo.passwords[demo.ada])
        assert client.send_message(message(demo.ada, demo.grace, token, "Hello.\n")) == {}

    (stored,) = demo.received(token)
    assert b"with ESMTPSA" in stored
    assert b"tls TLS_" in stored


def test_smtplib_delivers_to_port_25_with_and_without_tls(demo: Demo, token: str) -> None:
    sent = message("someone@elsewhere.example", demo.grace, token, "Hello.\n")
    with _smtplib(demo, "smtp", "starttls", demo.context()) as client:
        client.send_message(sent)
    with smtplib.SMTP("localhost", demo.ports["smtp", "starttls"]) as client:
        client.send_message(sent)

    assert len(demo.received(token)) == 2


def test_smtplib_is_told_that_relaying_is_refused(demo: Demo, token: str) -> None:
    sent = message("someone@elsewhere.example", "other@elsewhere.example", token, "Hello.\n")
    with (
        _smtplib(demo, "smtp", "starttls", demo.context()) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        client.send_message(sent)

    assert refused.value.recipients["other@elsewhere.example"][0] == 550


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_clients_without_the_ca_refuse(demo: Demo, tls: str) -> None:
    stranger = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        _poplib(demo, tls, stranger)
    with pytest.raises(ssl.SSLCertVerificationError):
        _smtplib(demo, "submission", tls, stranger)
