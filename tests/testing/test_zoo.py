"""The zoo, met by programs that are not ours."""

import re
import smtplib
import socket
import ssl

import pytest

from mailclad.testing.zoo import Zoo
from mailclad.testing.zoo.faults import FAULTS, HEALTHY


def context(zoo: Zoo) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(zoo.ca))


def connect(zoo: Zoo, name: str) -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", zoo[name].port), timeout=5)
    return context(zoo).wrap_socket(sock, server_hostname=zoo[name].host)


@pytest.mark.slow
def test_every_exhibit_has_a_port_and_says_what_it_is() -> None:
    with Zoo() as zoo:
        assert len(zoo) == len(FAULTS) + len(zoo.certificates.certificates) > 120
        assert len({one.port for one in zoo.values()}) == len(zoo)
        for one in zoo.values():
            assert one.about
            assert all(re.fullmatch(r"[A-Z]+-\d{3}", entry) for entry in one.finds)
        assert len(zoo.healthy) == len(HEALTHY) == 9
        assert not any(one.finds for one in zoo.healthy)
        assert sum(1 for one in zoo.values() if one.finds) >= 50


def test_some_of_it_can_be_had_alone_and_met_by_other_programs() -> None:
    names = ("ok", "expired", "hostname-mismatch", "web-instead", "healthy-submission-starttls")
    with Zoo(*names) as zoo:
        assert set(zoo) == set(names)
        with connect(zoo, "ok") as tls:
            assert tls.recv(64).startswith(b"* OK")
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            connect(zoo, "expired")
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            connect(zoo, "hostname-mismatch")
        with pytest.raises(ssl.SSLError):
            connect(zoo, "web-instead")
        submission = zoo["healthy-submission-starttls"]
        with smtplib.SMTP("127.0.0.1", submission.port, timeout=5) as client:
            client._host = submission.host  # type: ignore[attr-defined]
            client.starttls(context=context(zoo))
            assert client.ehlo()[0] == 250
            assert client.has_extn("auth")
    assert not zoo.ca.exists()


def test_there_is_no_exhibit_of_another_name() -> None:
    with pytest.raises(KeyError, match="no exhibit"):
        Zoo("unknown")
