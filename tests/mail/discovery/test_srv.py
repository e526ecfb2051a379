from mailclad.base.resolver import Srv
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.srv import MAX_TARGETS, SERVICES, is_refused, read_srv
from mailclad.mail.endpoint import Endpoint, MailProtocol

IMAPS = SERVICES[0]


def test_the_preferred_comes_first() -> None:
    records = [
        Srv(10, 9, 993, "c.test"),
        Srv(0, 1, 993, "b.test"),
        Srv(0, 5, 1993, "A.test."),
    ]
    assert read_srv(IMAPS, records) == tuple(
        Endpoint(MailProtocol.IMAP, host, port, TlsMode.IMPLICIT)
        for host, port in [("a.test", 1993), ("b.test", 993), ("c.test", 993)]
    )


def test_not_offered() -> None:
    records = [Srv(0, 0, 0, "")]
    assert is_refused(records)
    assert not read_srv(IMAPS, records)
    assert not is_refused([])
    assert not is_refused([Srv(0, 0, 0, ""), Srv(0, 0, 993, "a.test")])


def test_targets_that_are_no_names_are_left_out() -> None:
    assert not read_srv(IMAPS, [Srv(0, 0, 993, "a b"), Srv(0, 0, 0, "a.test")])


def test_targets_are_limited() -> None:
    records = [Srv(0, 0, 993, f"h{n}.test") for n in range(MAX_TARGETS + 1)]
    assert len(read_srv(IMAPS, records)) == MAX_TARGETS


def test_names() -> None:
    assert [service.name("a.test") for service in SERVICES] == [
        "_imaps._tcp.a.test",
        "_imap._tcp.a.test",
        "_pop3s._tcp.a.test",
        "_pop3._tcp.a.test",
        "_submissions._tcp.a.test",
        "_submission._tcp.a.test",
        "_sieve._tcp.a.test",
    ]
