"""A failed handshake as a value."""

import pytest

from mailclad.protocols.tls.client_hello import FirstBytes
from mailclad.servers.tls_failure import ALERTS, HandshakeFailed, received_alert
from tests.protocols.tls.hellos import real_hello


@pytest.mark.parametrize(
    ("reason", "alert"),
    [
        ("tlsv1 alert unknown ca", 48),
        ("tls alert bad certificate", 42),
        ("ssl/tls alert certificate unknown", 46),
        ("sslv3 alert certificate expired", 45),
        ("tlsv13 alert certificate required", 116),
        ("no shared cipher", None),
        ("alert of a kind unheard of", None),
        ("", None),
    ],
)
def test_alerts_are_read_out_of_openssls_words(reason: str, alert: int | None) -> None:
    assert received_alert(reason) == alert


def test_what_the_client_offered_can_be_looked_at_later() -> None:
    failure = HandshakeFailed("no", real_hello(), sent_alert=40)
    assert failure.first_bytes is FirstBytes.TLS
    assert failure.hello is not None
    assert failure.hello.server_name == b"mail.test"
    assert ALERTS[failure.sent_alert or 0] == "handshake failure"


def test_a_failure_without_octets_is_one_too() -> None:
    failure = HandshakeFailed("nothing came")
    assert failure.first_bytes is FirstBytes.NOTHING
    assert failure.hello is None
    assert str(failure) == "nothing came"
